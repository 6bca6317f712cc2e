# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter processes: what the module config is told of the servers of a host."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping

from ..module_utils._model.processes import server_processes

DOCUMENTATION = r"""
name: processes
short_description: Return what the module config is told of the servers of a host
version_added: 0.1.0
author: quorum.redis contributors (@quorum)
description:
  - Puts together, for each server of a host, the options of M(quorum.redis.config) from what
    M(quorum.redis.topology) and P(quorum.redis.access#filter) return.
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
  guard:
    description: C(host) and C(address) of this host, and C(policy) and C(wait) of its start guards.
    type: dict
    required: true
  sentinel_password:
    description: Password of the Sentinels.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Configure the servers of this host
  quorum.redis.config:
    processes: "{{ redis_topology | quorum.redis.processes(access, guard) }}"
"""

RETURN = r"""
_value:
  description: Entries for the option C(processes) of M(quorum.redis.config).
  type: list
  elements: dict
"""


def processes(
    topology: Mapping[str, Any], access: Mapping[str, Any], guard: Mapping[str, Any], sentinel_password: str = ""
) -> List[Dict[str, Any]]:
    """Return the options of each server."""
    return server_processes(topology, access, guard, sentinel_password)


class FilterModule:
    """The filters of this file."""

    def filters(self) -> Dict[str, Callable[..., Any]]:
        """Return them by name."""
        return {"processes": processes}
