# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a move of the primary that was cut short has left behind, and the steps that undo it; pure but for repair.

A temporary value is the old one plus MARK: it says by itself what it was, so that whoever finds it can undo it.
"""

from __future__ import annotations

from typing import List, Optional, Sequence

from .._model.tables import place
from .._module.runner import Step
from .._redis.client import Client
from .._redis.replies import Observed, SentinelView, number

MARK = 1000000
PRIORITY, FENCE, FENCE_LAG = "replica-priority", "min-replicas-to-write", "min-replicas-max-lag"
SETTINGS = (PRIORITY, FENCE, FENCE_LAG)


def setting(member: Observed, key: str) -> int:
    """Return a setting of a member as a number."""
    return number(member.config.get(key), 0)


def leftovers(members: Sequence[Observed], views: Sequence[SentinelView], name: str) -> List[Step]:
    """Return what undoes the temporary changes that a move which was cut short has left behind."""
    seen = [member for member in members if member.reachable]
    steps = []
    for member in seen:
        for key in SETTINGS:
            if setting(member, key) >= MARK:
                was = setting(member, key) - MARK
                steps.append(
                    Step(
                        f"{place(member)}: set {key} back to {was}, a move was cut short",
                        {"repair": "set", "member": member.name, "key": key, "value": was},
                    )
                )
    if any(view.masters[name].in_failover for view in views if view.reachable and name in view.masters):
        return steps
    stuck = [member for member in seen if member.failover_state not in ("", "no-failover")]
    steps += [
        Step(
            f"{place(member)}: end the failover that it has been in since a move was cut short",
            {"repair": "abort", "member": member.name},
        )
        for member in stuck
    ]
    head = headless(members)
    if head is not None and not stuck:
        text = f"{place(head)}: become the primary again, a move was cut short"
        steps.append(Step(text, {"repair": "promote", "member": head.name}))
    return steps


def headless(members: Sequence[Observed]) -> Optional[Observed]:
    """Return the former primary when a move stopped between two primaries: parked with all the data of the others."""
    if any(not member.reachable or member.role != "replica" or member.loading for member in members):
        return None
    ends = [member for member in members if member.parked and member.offset]
    if len(ends) != 1:
        return None
    head = ends[0]
    for other in members:
        if other is not head:
            upstream = other.primary
            known = {head.replication_id, head.replication_id2} - {""}
            if upstream is None or not head.is_at(upstream.address, upstream.port):
                return None
            if other.offset > head.offset or other.replication_id not in known:
                return None
    return head


def repair(client: Client, step: Step) -> None:
    """Carry out one of these steps on its member."""
    kind = step.data["repair"]
    if kind == "set":
        client.call("CONFIG", "SET", step.data["key"], step.data["value"])
    elif kind == "abort":
        client.call("FAILOVER", "ABORT")
    else:
        client.call("REPLICAOF", "NO", "ONE")
    client.call("CONFIG", "REWRITE")
