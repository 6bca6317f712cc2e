# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps that make members one cluster, move its primaries and move its slots."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Collection, Iterable, List, Mapping, Sequence

from .._core.reconcile import Step
from .._model.cluster_layout import Placement
from .._model.cluster_open import SlotMove
from .._model.cluster_slots import Range, show_slots, slots_of
from .._model.cluster_view import ClusterMember
from .._model.tables import show_place


@dataclass
class TellMember(Step):
    """Send one member a command; `met`: only when all have met; `linked`: and nothing else is pending."""

    member: int
    command: List[Any]
    met: bool = False
    linked: bool = False


@dataclass
class TakeOver(Step):
    """Let a replica take over from its primary."""

    member: int
    primary: int


@dataclass
class FinishMove(Step):
    """End the move of a slot that was cut short."""

    move: SlotMove


@dataclass
class MoveSlots(Step):
    """Move slots from one primary to another."""

    source: int
    target: int
    ranges: Sequence[Range]


@dataclass
class ForceTakeOver(Step):
    """Let a replica take over without a vote, in the place of a primary that is gone."""

    member: int
    primary_id: str


@dataclass
class JoinAgain(Step):
    """Let a member that is new to the others follow a primary."""

    member: int
    primary_id: str


def bump_epoch(members: Sequence[ClusterMember], position: int) -> TellMember:
    """Return the step that gives a primary the latest epoch: what it has counts for all, one who comes back too."""
    text = f"{show_place(members[position].server)}: take the latest epoch"
    return TellMember(text, position, ["CLUSTER", "BUMPEPOCH"])


def add_slots(members: Sequence[ClusterMember], position: int, ranges: Sequence[Range]) -> TellMember:
    """Return the step that gives slots without an owner to a primary; Redis 6 takes them one by one."""
    server = members[position].server
    words: List[int] = [border for each in ranges for border in each]
    command = "ADDSLOTSRANGE"
    if server.version.startswith("6."):
        command, words = "ADDSLOTS", sorted(slots_of(ranges))
    return TellMember(
        f"{show_place(server)}: take slots {show_slots(ranges, 8)}", position, ["CLUSTER", command, *words]
    )


def follow_steps(
    members: Sequence[ClusterMember],
    now: Placement,
    follow: Mapping[int, int],
    manned: Iterable[int] = (),
    last: Collection[int] = (),
) -> List[Step]:
    """Return the steps with which members get another primary, each in sync before the next one goes.

    Nobody leaves a primary before another one is in its place; those that are `manned` can do without.
    """
    left, can_spare = dict(follow), set(manned)
    steps: List[Step] = []
    while left:
        ready = [seat for seat in left if now.follows.get(seat, seat) in can_spare] or list(left)
        seat = min(ready, key=lambda position: (position in last, position))
        primary = left.pop(seat)
        can_spare.add(primary)
        text = f"{show_place(members[seat].server)}: follow {show_place(members[primary].server)}"
        step = TellMember(text, seat, ["CLUSTER", "REPLICATE", members[primary].id])
        step.met = step.linked = True
        steps.append(step)
    return steps
