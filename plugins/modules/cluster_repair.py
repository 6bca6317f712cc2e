#!/usr/bin/python
# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Repair a Redis or Valkey Cluster whose damage takes a decision."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_repair
short_description: Repair a Redis or Valkey Cluster whose damage takes a decision
version_added: 0.1.0
description:
  - Says which of four kinds of damage a cluster has, what mends it, and what that gives up. With O(confirm) it does it,
    one kind in a run; without, nothing is changed.
  - C(majority), half of the primaries or more are lost, so that nobody can be elected. Of the replicas that
    answer the one that has received most of each of these shards takes over without a vote
    (C(CLUSTER FAILOVER TAKEOVER)), one after the other. It is refused while any member that is missing may live, and
    while a replica of these shards is silent that is not O(gone).
  - C(slots), slots without an owner. When all copies of a shard are O(gone), their nodes are forgotten and the slots
    given to the other primaries, under a later epoch than those had; the keys in them are lost. Slots whose keys
    somebody holds go to that one.
  - C(open), slots that somebody has opened to move them, and not closed. What was begun is ended, or the owner gets the
    keys back that others hold. Only the copy of an owner that is moving a key replaces another one. What had gone to a
    member that is O(gone) is lost, and counted.
  - C(identity), a member that has lost its C(nodes.conf) and that the others know as somebody else, or one without
    slots that is O(gone). The others forget that node, and the member joins as a replica.
  - What needs no decision it leaves to the cluster, which elects replicas of single primaries, and to
    M(quorum.redis.cluster). What it cannot mend it refuses and says what to do.
  - It speaks to all members from one place, so one execution for each cluster is enough (C(run_once)).
author:
  - quorum.redis contributors (@quorum)
extends_documentation_fragment:
  - quorum.redis.attributes
  - quorum.redis.connection.cluster
  - quorum.redis.connection
options:
  gone:
    description:
      - Members that are gone for good, as C(host:port), or C(host) where a host has one. Their data will not come back,
        and they must not be started with it. One that is forgotten and started empty joins as a replica, in this run
        where it is there within a minute.
      - One that answers is refused, but in a repeated run that finds nothing to do.
    type: list
    elements: str
    default: []
  confirm:
    description:
      - RV(confirmation) of a run without it. Another text is refused as long as there is something to repair.
      - With that of another kind of damage than C(identity) nobody is forgotten only because of O(gone), so that a run
        can be repeated as it was.
    type: str
    default: ""
  wait:
    description: Seconds to wait for data to be loaded, and for the cluster to be whole again.
    type: int
    default: 300
seealso:
  - module: quorum.redis.cluster
"""

EXAMPLES = r"""
- name: See what is damaged
  quorum.redis.cluster_repair:
    name: cart
    members: "{{ members_of_cart }}"
    connection: {password: "{{ redis_password }}"}
  run_once: true

- name: Replace two of three primaries without a vote
  quorum.redis.cluster_repair:
    name: cart
    members: "{{ members_of_cart }}"
    connection: {password: "{{ redis_password }}"}
    confirm: cart:2-primaries
  run_once: true
"""

RETURN = r"""
steps:
  description: What was done, or would be done in check mode; a sentence each. Nothing without O(confirm).
  returned: always
  type: list
  elements: str
damage:
  description: What is damaged. One run mends the first kind.
  returned: success
  type: list
  elements: dict
  contains:
    kind: {description: "C(majority), C(slots), C(open) or C(identity).", type: str, returned: always}
    what: {description: What is seen., type: str, returned: always}
    gives_up: {description: What mending it gives up., type: str, returned: always}
    steps: {description: "What mends it, a sentence each.", type: list, elements: str, returned: always}
confirmation:
  description: What O(confirm) has to be; empty when nothing is to be repaired.
  returned: success
  type: str
  sample: cart:2-primaries
moved_keys:
  description: How many keys were moved to close slots.
  returned: success
  type: int
"""

from typing import Any, Dict

from ..module_utils._cluster.repairer import Repairer
from ..module_utils._module.options import CLUSTER_OPTIONS
from ..module_utils._module.runner import MaskedModule, run


def main() -> None:
    """Run the module."""
    spec: Dict[str, Any] = {
        **CLUSTER_OPTIONS,
        "gone": {"type": "list", "elements": "str", "default": []},
        "confirm": {"type": "str", "default": ""},
        "wait": {"type": "int", "default": 300},
    }
    run(MaskedModule(argument_spec=spec, supports_check_mode=True), Repairer)


if __name__ == "__main__":
    main()
