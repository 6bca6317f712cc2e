# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter instances: what the module instance_info is told of the servers and the Sentinel of a host."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping

from ..module_utils._model.processes import local_instances

DOCUMENTATION = r"""
name: instances
short_description: Return what the module instance_info is told of the servers and the Sentinel of a host
version_added: 0.1.0
author: quorum.redis contributors (@quorum)
description:
  - Puts together, for each server of a host and for its Sentinel, an entry for the option C(instances) of
    M(quorum.redis.instance_info) from what M(quorum.redis.topology) and P(quorum.redis.access#filter) return.
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
  sentinel_connection:
    description: The option C(connection) of the modules for the Sentinel.
    type: dict
  journals:
    description: Whether what their units said of moves is looked for too.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Query the servers and the Sentinel of this host
  quorum.redis.instance_info:
    instances: "{{ redis_topology | quorum.redis.instances(access, {'password': redis_sentinel_password}) }}"
"""

RETURN = r"""
_value:
  description: Entries for the option C(instances) of M(quorum.redis.instance_info), the Sentinel last.
  type: list
  elements: dict
"""


def instances(
    topology: Mapping[str, Any], access: Mapping[str, Any], sentinel_connection: Any = None, journals: bool = False
) -> List[Dict[str, Any]]:
    """Return the options of each."""
    return local_instances(topology, access, sentinel_connection, journals)


class FilterModule:
    """The filters of this file."""

    def filters(self) -> Dict[str, Callable[..., Any]]:
        """Return them by name."""
        return {"instances": instances}
