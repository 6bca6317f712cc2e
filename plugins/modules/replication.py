#!/usr/bin/python
# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make servers one primary plus replicas."""

from __future__ import annotations

DOCUMENTATION = r"""
module: replication
short_description: Make servers one primary plus replicas
version_added: 0.1.0
description:
  - These members are one primary and its replicas. Who is primary is observed, never declared.
  - The primary is the member that the majority of the Sentinels names, confirmed by its own role; without Sentinels the
    single member with that role; and only for a set without any data O(seed).
  - Empty members are attached to the primary, and so are replicas of this data set that follow another address.
    A set that is right is left alone, whoever is primary.
  - Two primaries with data, data without a primary, a member with data of its own, Sentinels that disagree with each
    other or with the servers; in all these cases the module fails, changes nothing, and shows who says what.
    O(trust) is the way on.
  - It speaks to all members from one place, so one execution for each data set is enough (C(run_once)).
author:
  - quorum.redis contributors (@quorum)
extends_documentation_fragment:
  - quorum.redis.attributes
  - quorum.redis.connection.members
  - quorum.redis.connection
options:
  seed:
    description:
      - Host of the member that an empty set begins with. The default is the first of O(members).
    type: str
  trust:
    description:
      - Host of the member to make the primary when the module would refuse to decide. What the others hold beside
        the data of this one is overwritten. Without a conflict it has no effect.
    type: str
  mixed:
    description:
      - Leave members alone whose engine is too old to load the data of the primary, instead of refusing them. For check
        mode before an upgrade, which brings them another engine; RV(waiting) names them.
    type: bool
    default: false
  auth_user:
    description:
      - ACL user with which the Sentinels log in to the members, as in O(quorum.redis.sentinel#module:users).
      - Used where the Sentinels are told that the members speak to each other by another port, so that each one sees
        the primary there as soon as it can speak to that port. Without O(auth_pass) it does not before
        M(quorum.redis.sentinel) has told it.
    type: str
  auth_pass:
    description:
      - The password for that.
    type: str
  wait:
    description:
      - Seconds to wait for a failover to end, for a data set to be loaded, and for the replicas to be in sync.
    type: int
    default: 300
seealso:
  - module: quorum.redis.sentinel
  - module: quorum.redis.instance_info
"""

EXAMPLES = r"""
- name: Make three servers one replicated set
  quorum.redis.replication:
    name: main
    members:
      - {host: r1, address: 192.0.2.1, port: 6379}
      - {host: r2, address: 192.0.2.2, port: 6379}
      - {host: r3, address: 192.0.2.3, port: 6379}
    sentinels:
      - {host: r1, address: 192.0.2.1, port: 26379}
      - {host: r2, address: 192.0.2.2, port: 26379}
      - {host: r3, address: 192.0.2.3, port: 26379}
    connection: {password: "{{ redis_password }}"}
    sentinel_password: "{{ redis_sentinel_password }}"
  run_once: true
"""

RETURN = r"""
steps:
  description: What was done, or would be done in check mode; a sentence each.
  returned: always
  type: list
  elements: str
  sample: ["r2 (192.0.2.2:6379): follow r1 (192.0.2.1:6379), now following nobody (waits)"]
primary:
  description: The primary, as host, address and port.
  returned: success
  type: dict
  sample: {host: r1, address: 192.0.2.1, port: 6379}
members:
  description: Every member as it is now, in the shape of RV(quorum.redis.instance_info#module:instance).
  returned: success
  type: list
  elements: dict
silent_members:
  description: Hosts of the members that could not be observed and were left out.
  returned: success
  type: list
  elements: str
waiting:
  description:
    - Who is not in sync yet, a sentence each. Empty outside check mode, where the module waits for that or fails.
  returned: success
  type: list
  elements: str
  sample: ["r3 has no link to r1"]
silent_sentinels:
  description: Hosts of the Sentinels that could not be asked.
  returned: success
  type: list
  elements: str
blind_sentinels:
  description:
    - Hosts of the Sentinels that do not see this data set, and could not fail it over. They do not watch it yet, or
      were told where the primary speaks TLS, or no longer does, and cannot speak to it before they are restarted.
  returned: with O(sentinels)
  type: list
  elements: str
"""

from typing import Any, Dict

from ..module_utils._module.options import SET_OPTIONS
from ..module_utils._module.runner import MaskedModule, run
from ..module_utils._replication.reconciler import Replication


def main() -> None:
    """Run the module."""
    spec: Dict[str, Any] = {
        **SET_OPTIONS,
        "seed": {"type": "str"},
        "trust": {"type": "str"},
        "mixed": {"type": "bool", "default": False},
        "auth_user": {"type": "str"},
        "auth_pass": {"type": "str", "no_log": True},
        "wait": {"type": "int", "default": 300},
    }
    run(MaskedModule(argument_spec=spec, supports_check_mode=True), Replication)


if __name__ == "__main__":
    main()
