# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter to_restart: which members of a data set wait for a restart."""

from __future__ import annotations

from typing import Any, Callable, Dict

from ..module_utils._lifecycle.waiting import members_to_restart

DOCUMENTATION = r"""
name: to_restart
short_description: Return which members of a data set wait for a restart
version_added: 0.1.0
author: quorum.redis contributors (@quorum)
description:
  - Finds the members of a replicated set or of a cluster whose servers are named for their hosts.
  - For the roles of this collection.
positional: _input
options:
  _input:
    description: One of C(instances) or C(clusters) of what M(quorum.redis.topology) returns.
    type: dict
    required: true
  wanted:
    description: By host the names of the servers that wait for a restart.
    type: dict
    required: true
  everybody:
    description: Whether all members are meant where nobody waits.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Show who of each cluster waits for a restart
  ansible.builtin.debug:
    msg: "{{ item | quorum.redis.to_restart({'k1': ['cart-7000']}) }}"
  loop: "{{ redis_topology.clusters }}"
"""

RETURN = r"""
_value:
  description: These members, each with the name of its C(server), its C(place) as C(address:port), and how it is
    C(called), C(host:port).
  type: list
  elements: dict
"""


class FilterModule:
    """The filters of this file."""

    def filters(self) -> Dict[str, Callable[..., Any]]:
        """Return them by name."""
        return {"to_restart": members_to_restart}
