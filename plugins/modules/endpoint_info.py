#!/usr/bin/python
# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: endpoint_info
version_added: 0.1.0
short_description: Wait until the endpoints of this host lead writes to the primaries
author: quorum.redis contributors (@quorum)
description:
  - Asks HAProxy of M(quorum.redis.endpoint) on this host where it leads writes, and fails when that is not the primary
    within O(wait). Nothing is changed.
options:
  name:
    description: Name of this host, for messages.
    type: str
    required: true
  sets:
    description: The data sets with C(name) and C(members), as in C(redis_topology.sets).
    type: list
    elements: dict
    required: true
  primaries:
    description: By name of the data set, the host of its primary. Empty where any one server will do.
    type: dict
    required: true
  wait:
    description: Seconds in which they must lead there.
    type: int
    default: 10
extends_documentation_fragment:
  - quorum.redis.attributes.info
"""

EXAMPLES = r"""
- name: Check that the endpoint has followed
  quorum.redis.endpoint_info:
    name: app1
    sets: "{{ redis_topology.sets }}"
    primaries: {main: db2}
"""

RETURN = r"""
lines:
  description: Where each endpoint leads, a sentence each.
  returned: success
  type: list
  elements: str
  sample: ["main: the endpoint on app1 leads writes to db2"]
steps:
  description: Nothing is done, so there is none.
  returned: always
  type: list
  elements: str
"""

from typing import Any

from ..module_utils._endpoint.following import FollowingEndpoints
from ..module_utils._module.runner import MaskedModule, run

OPTIONS: dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "sets": {"type": "list", "elements": "dict", "required": True},
    "primaries": {"type": "dict", "required": True},
    "wait": {"type": "int", "default": 10},
}


def main() -> None:
    """Run the module."""
    run(MaskedModule(OPTIONS, supports_check_mode=True), FollowingEndpoints, needs_library=False)


if __name__ == "__main__":
    main()
