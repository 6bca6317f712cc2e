# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a move of the primary or a restore that was cut short has left behind, and the steps that undo a move.

A temporary value is the old one plus MARK: it says by itself what it was, so that whoever finds it can undo it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Optional, Sequence

from .._core.errors import Refused
from .._core.reconcile import Step
from .._model.observed import Observed, SentinelView
from .._model.tables import show_place
from .._redis.replies import parse_number

MARK = 1000000
PRIORITY, FENCE, FENCE_LAG = "replica-priority", "min-replicas-to-write", "min-replicas-max-lag"
SETTINGS = (PRIORITY, FENCE, FENCE_LAG)

# What Sentinels wait longer meanwhile, in milliseconds: the value itself says what it was before.
RESTORE_MARK = 1000000000


@dataclass
class Repair(Step):
    """Undo on one member what a move that was cut short has left behind."""

    member: str


@dataclass
class ResetSetting(Repair):
    """Give a setting its own value again."""

    key: str
    value: int


@dataclass
class AbortFailover(Repair):
    """End a failover that hangs."""


@dataclass
class PromoteAgain(Repair):
    """Make the former primary the primary again."""


def read_setting(member: Observed, key: str) -> int:
    """Return a setting of a member as a number."""
    return parse_number(member.config.get(key), 0)


def find_leftovers(members: Sequence[Observed], views: Sequence[SentinelView], name: str) -> List[Repair]:
    """Return what undoes the temporary changes that a move which was cut short has left behind."""
    seen = [member for member in members if member.reachable]
    steps: List[Repair] = []
    for member in seen:
        for key in SETTINGS:
            if read_setting(member, key) >= MARK:
                was = read_setting(member, key) - MARK
                text = f"{show_place(member)}: set {key} back to {was}, a move was cut short"
                steps.append(ResetSetting(text, member.name, key, was))
    if any(view.masters[name].in_failover for view in views if view.reachable and name in view.masters):
        return steps
    stuck = [member for member in seen if member.failover_state not in ("", "no-failover")]
    steps += [
        AbortFailover(
            f"{show_place(member)}: end the failover that it has been in since a move was cut short", member.name
        )
        for member in stuck
    ]
    head = find_headless(members)
    if head is not None and not stuck:
        text = f"{show_place(head)}: become the primary again, a move was cut short"
        steps.append(PromoteAgain(text, head.name))
    return steps


def find_headless(members: Sequence[Observed]) -> Optional[Observed]:
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


def restore_sign(members: Sequence[Observed], views: Sequence[SentinelView], name: str) -> str:
    """Return how a restore shows that is at work or was cut short, empty when nothing speaks for one; pure."""
    seen = [member for member in members if member.reachable]
    if any(view.masters[name].down_after >= RESTORE_MARK for view in views if view.reachable and name in view.masters):
        return "the Sentinels have been told to wait for it"
    for member in seen:
        up = member.primary
        if up and up.address == "127.0.0.1" and up.port and not any(it.is_at(up.address, up.port) for it in members):
            return f"{member.name} follows a server on its own host"
    return ""


def explain_restore(problem: Refused, members: Sequence[Observed], views: Sequence[SentinelView], name: str) -> Refused:
    """Return a refusal that names the restore behind it, and what ends it; the same one where there is none; pure."""
    given = f"-e redis_restore_instance={name} -e redis_restore_end=true -e redis_restore_confirm={name}"
    how = f"ansible-playbook quorum.redis.restore {given}, with the inventory and the secrets of this run"
    sign = restore_sign(members, views, name)
    if sign:
        what = f"A restore of {name} was cut short or is at work: {sign}. {problem.what}"
        todo = f"Nothing was changed. End it, forward where all of the backup has arrived, else back: {how}"
        return Refused(what, problem.where, todo, problem.table)
    seen = [member for member in members if member.reachable]
    if len(seen) > 1 and all(member.parked for member in seen) and any(member.key_count for member in seen):
        todo = f"{problem.todo}. If a restore was cut short before, end that first: {how}"
        return Refused(problem.what, problem.where, todo, problem.table)
    return problem
