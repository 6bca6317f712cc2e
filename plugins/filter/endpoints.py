# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter endpoints: what the module endpoint is told of the data sets."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping

from ..module_utils._model.endpoint import endpoint_sets

DOCUMENTATION = r"""
name: endpoints
short_description: Return what the module endpoint is told of the data sets
version_added: 0.1.0
author: quorum.redis contributors (@quorum)
description:
  - Puts together, for each data set that declares an endpoint, the options of M(quorum.redis.endpoint) from what
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
  sentinel_login:
    description: C(username) and C(password) with which the Sentinels are asked.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Configure the endpoints of this host
  quorum.redis.endpoint:
    sets: "{{ redis_topology | quorum.redis.endpoints(access, {'username': 'client', 'password': secret}) }}"
"""

RETURN = r"""
_value:
  description: Entries for the option C(sets) of M(quorum.redis.endpoint).
  type: list
  elements: dict
"""


def endpoints(
    topology: Mapping[str, Any], access: Mapping[str, Any], sentinel_login: Mapping[str, str]
) -> List[Dict[str, Any]]:
    """Return the options of each set."""
    return endpoint_sets(topology, access, sentinel_login)


class FilterModule:
    """The filters of this file."""

    def filters(self) -> Dict[str, Callable[..., Any]]:
        """Return them by name."""
        return {"endpoints": endpoints}
