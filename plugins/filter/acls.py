# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter acls: what the module acl is told of the servers of a host."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping

from ..module_utils._model.processes import server_acls

DOCUMENTATION = r"""
name: acls
short_description: Return what the module acl is told of the servers of a host
version_added: 0.1.0
author: quorum.redis contributors (@quorum)
description:
  - Puts together, for each server of a host whose ACL users are declared, the options of M(quorum.redis.acl) that
    differ between servers, from what M(quorum.redis.topology) and P(quorum.redis.access#filter) return.
  - For the roles of this collection.
positional: _input
options:
  _input:
    description: What M(quorum.redis.topology) returns.
    type: dict
    required: true
  access:
    description: What P(quorum.redis.access#filter) returns.
    type: dict
    required: true
  host:
    description: Name of this host in the inventory.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: List the servers of this host whose users are declared
  ansible.builtin.debug:
    msg: "{{ redis_topology | quorum.redis.acls(access, inventory_hostname) | map(attribute='name') }}"
"""

RETURN = r"""
_value:
  description: Options of M(quorum.redis.acl), one entry for each server.
  type: list
  elements: dict
"""


def acls(topology: Mapping[str, Any], access: Mapping[str, Any], host: str) -> List[Dict[str, Any]]:
    """Return the options for each server."""
    return server_acls(topology, access, host)


class FilterModule:
    """The filters of this file."""

    def filters(self) -> Dict[str, Callable[..., Any]]:
        """Return them by name."""
        return {"acls": acls}
