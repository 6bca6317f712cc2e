#!/usr/bin/python
# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make servers one Redis or Valkey Cluster."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster
short_description: Make servers one Redis or Valkey Cluster
version_added: 0.1.0
description:
  - These members are one cluster. Who is primary and who has which slots is observed, never declared; the number of
    primaries follows from the number of O(members) and O(replicas).
  - Members that know nobody and hold nothing become a cluster, each primary and its replicas in different zones. A
    creation that was cut short is finished. New empty members are joined. A healthy cluster is left alone, whoever is
    primary.
  - It fails and changes nothing for a layout that does not survive the loss of a zone, a member that holds keys of its
    own or belongs to another cluster, two clusters, a copied identity, a slot with two owners or with none in a cluster
    with data, and for changes while a member is silent or a slot is on its way.
  - It never resets or flushes a node, forgets only those at O(forget), and moves slots only with O(rebalance) and
    O(leave); RV(moves) says what the first would move, RV(violations) where primaries and replicas are not where they
    should be.
  - It speaks to all members from one place, so one execution for each cluster is enough (C(run_once)). The servers must
    run with C(cluster-enabled yes) already.
author:
  - quorum.redis contributors (@quorum)
extends_documentation_fragment:
  - quorum.redis.attributes
  - quorum.redis.connection.cluster
  - quorum.redis.connection
options:
  promote:
    description:
      - Members that shall be the primaries of their shards, by host, or C(host:port) where a host has several. Each
        takes over gracefully (C(CLUSTER FAILOVER)), one after the other, without the loss of a write; one that is
        primary is left alone.
      - It is refused while a member is silent, a slot is on its way, or the member is not in sync.
      - Do not move a shard of Redis to the same member again within four times C(cluster-node-timeout).
    type: list
    elements: str
    default: []
  avoid:
    description:
      - Members that shall not be primaries, named as in O(promote). Each of their shards is handed over, as O(promote)
        does it, to a replica that is in sync and in another zone where there is one.
      - It is refused where nobody could take over. Members that no other one knows yet are left out.
    type: list
    elements: str
    default: []
  repair:
    description:
      - Move primaries back, as O(promote) does it, with as few moves as can be, where one zone holds so many of them
        that its loss would leave no majority. A failover leaves that behind.
      - Let a replica that is in the zone of its primary change places with that of another shard. Each takes a full
        synchronisation, one after the other.
      - Only in a cluster that is whole, with all members there and of one version and no slot on its way; else
        RV(violations) names it and nothing is moved.
    type: bool
    default: false
  rebalance:
    description:
      - Move slots with their keys while clients write, until every primary has its share; nothing below a difference of
        2 %. New members that were joined get theirs.
      - Where all primaries are Valkey 9.0 or Redis 8.4, or later, the engine moves the slots by itself, at most 1000 in
        one job, and one job after the other; no slot is open then. What it fails to move five times goes key by key,
        with a warning. Elsewhere the module moves all keys, one slot after the other.
      - A move that was cut short, because the module, the source or the target was killed, is finished by the next run
        with V(true); a job that the engine goes on with is waited for. Slots that somebody else has opened are refused.
      - It is refused while a member is silent, a shard lacks a replica or has it in its own zone, one zone holds too
        many primaries, a snapshot is being taken, somebody else moves slots, or the target has too little memory.
      - Where the module moves keys of Redis, the replicas of both sides are held back meanwhile
        (C(cluster-replica-no-failover)); a process beside the module undoes that when the module is killed.
      - Of O(promote), O(avoid), O(repair), O(rebalance) and O(leave) only one at once.
    type: bool
    default: false
  leave:
    description:
      - Members that are to leave, named as in O(promote). Afterwards they have no slots and nobody who stays follows
        them, so that they can be stopped and forgotten.
      - Where those that stay make fewer shards, the slots of so many shards go to the others, as O(rebalance) moves
        them; who stays of such a shard follows another primary then. It is chosen so that the fewest places are wrong
        afterwards and the least is moved. It is refused for the reasons that O(rebalance) is refused for.
      - Where the number of shards stays, replicas take over from the primaries that leave, as with O(avoid).
      - What was cut short is finished by the next run with the same members.
    type: list
    elements: str
    default: []
  forget:
    description:
      - Addresses of hosts that leave. The nodes there that are no members, or members that do not answer, are forgotten
        by all others, before new members are joined in their place.
      - It is refused while such a node has slots, is followed by a member or may still run, and while a member is
        silent.
    type: list
    elements: str
    default: []
  whole:
    description:
      - Fail when a member does not answer or a slot is on its way, which is a warning otherwise. For what comes next
        and would disturb that.
    type: bool
    default: false
  wait:
    description:
      - Seconds to wait for data to be loaded, for members to meet, and for the replicas to be in sync.
    type: int
    default: 300
seealso:
  - module: quorum.redis.replication
"""

EXAMPLES = r"""
- name: Make six servers one cluster of three shards
  quorum.redis.cluster:
    name: cart
    members:
      - {host: c1, address: 192.0.2.1, port: 7000}
      - {host: c2, address: 192.0.2.2, port: 7000}
      - {host: c3, address: 192.0.2.3, port: 7000}
      - {host: c4, address: 192.0.2.4, port: 7000}
      - {host: c5, address: 192.0.2.5, port: 7000}
      - {host: c6, address: 192.0.2.6, port: 7000}
    connection: {password: "{{ redis_password }}"}
  run_once: true

- name: Make c4 the primary of its shard before c1 goes down for maintenance
  quorum.redis.cluster:
    name: cart
    members: "{{ members_of_cart }}"
    connection: {password: "{{ redis_password }}"}
    promote: [c4]
  run_once: true

- name: Join c7 and c8, and move slots to c7 while clients write
  quorum.redis.cluster:
    name: cart
    members: "{{ members_of_cart + [{'host': 'c7', 'address': '192.0.2.7', 'port': 7000},
      {'host': 'c8', 'address': '192.0.2.8', 'port': 7000}] }}"
    connection: {password: "{{ redis_password }}"}
    rebalance: true
  run_once: true
"""

RETURN = r"""
steps:
  description: What was done, or would be done in check mode; a sentence each.
  returned: always
  type: list
  elements: str
  sample: ["c1 (192.0.2.1:7000): meet c2 (192.0.2.2:7000)"]
shards:
  description: Every primary with its slots and replicas, as they are now.
  returned: success
  type: list
  elements: dict
  contains:
    primary: {description: "The primary, as host, address, port, identity and zone.", type: dict, returned: always}
    slots: {description: Its slots as ranges., type: str, returned: always, sample: "0-5460"}
    slot_count: {description: How many they are., type: int, returned: always}
    key_count: {description: How many keys it holds., type: int, returned: always}
    replicas: {description: "Who follows it, in the shape of RV(shards[].primary).", type: list, elements: dict,
      returned: always}
silent_members:
  description: The members that do not answer and were left alone.
  returned: success
  type: list
  elements: str
violations:
  description: Where primaries and replicas are not where the loss of a zone is survived, a sentence each.
  returned: success
  type: list
  elements: str
  sample: ["c4 has 0 replicas, 1 are declared"]
moves:
  description: The slots that a rebalance would move, or would still move after this one, a sentence each.
  returned: success
  type: list
  elements: str
  sample: ["slots 0-1364 from c1 to c7"]
moved:
  description: What O(rebalance) or O(leave) has moved; all V(0) in check mode.
  returned: success
  type: dict
  contains:
    slots: {description: How many slots have gone over., type: int, returned: always}
    key_count: {description: How many keys were in them., type: int, returned: always}
    bytes: {description: "How much memory these had, about; of those that the engine moved it is not known.", type: int,
      returned: always}
    jobs: {description: "How many jobs the engine did, where it moves slots by itself.", type: int, returned: always}
    seconds: {description: How long that took., type: float, returned: always}
"""

from typing import Any, Dict

from ..module_utils._cluster.reconciler import Cluster
from ..module_utils._module.options import CLUSTER_OPTIONS
from ..module_utils._module.runner import MaskedModule, run


def main() -> None:
    """Run the module."""
    spec: Dict[str, Any] = {
        **CLUSTER_OPTIONS,
        "promote": {"type": "list", "elements": "str", "default": []},
        "avoid": {"type": "list", "elements": "str", "default": []},
        "repair": {"type": "bool", "default": False},
        "forget": {"type": "list", "elements": "str", "default": []},
        "rebalance": {"type": "bool", "default": False},
        "leave": {"type": "list", "elements": "str", "default": []},
        "whole": {"type": "bool", "default": False},
        "wait": {"type": "int", "default": 300},
    }
    run(MaskedModule(argument_spec=spec, supports_check_mode=True), Cluster)


if __name__ == "__main__":
    main()
