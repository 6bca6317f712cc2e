# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which slots move, why they are not moved now, and what is left of a move that was cut short; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Collection, Dict, List, Sequence, Tuple

from .._core.errors import Refused, Unsettled
from .._core.reconcile import Step
from .._model.cluster_moves import plan_moves
from .._model.cluster_open import Finisher, SlotMove, list_open
from .._model.cluster_slots import Range, count_slots, ranges_of, show_slots, slots_of
from .._model.cluster_view import ClusterMember, list_running, open_slots, show_evidence
from .._model.tables import count_of, show_place
from .preflight import list_silent, refuse_open
from .steps import FinishMove, MoveSlots

STRANGE = (
    "No run with rebalance leaves this. Let whoever moves slots end that, or close these with quorum.redis.repair, "
    "then run again"
)


def left_open(members: Sequence[ClusterMember], where: str) -> List[SlotMove]:
    """Return what a move that was cut short has left to do; refuse what others have begun."""
    slots = sorted(list_open(members))
    if not slots:
        return []
    quiet = list_silent(members)
    # On Valkey a target that comes back after its successor has closed the slot would take it, and wipe the successor.
    if quiet and any(member.server.engine == "valkey" for member in members):
        shown = "; ".join(
            [*open_slots(members)[:4], *(f"{show_place(member.server)} does not answer" for member in quiet)]
        )
        raise Unsettled(shown, where, "Start it, and run again: the move is finished then", show_evidence(members))
    move = Finisher(members, slots[0]).finish_move() if len(slots) == 1 else None
    if move is None and quiet:
        shown = ", ".join(show_place(member.server) for member in quiet)
        raise Unsettled(
            "; ".join(open_slots(members)[:4]), where, f"Start {shown}, and run again", show_evidence(members)
        )
    if move is None:
        refuse_open(members, where, STRANGE)
        return []
    return [move]


def join_jobs(members: Sequence[ClusterMember], where: str) -> List[MoveSlots]:
    """Return how jobs end that the engine does still: each is waited for; refuse those of nodes that are no members."""
    places = {member.id: position for position, member in enumerate(members) if member.id}
    jobs = list_running(members)
    theirs = [job for job in jobs if {job.source, job.target} - set(places)]
    if theirs and list_silent(members):
        return []  # it may be theirs, and nothing is moved before they answer
    if theirs or (jobs and list_open(members)):
        refuse_open(members, where, STRANGE)
    steps = []
    for job in jobs:
        source, target = places[job.source], places[job.target]
        way = f"from {members[source].name} to {members[target].name} already: {show_slots(job.ranges, 8)}"
        text = f"wait for {count_of(count_slots(job.ranges), 'slot')} that go {way}"
        steps.append(MoveSlots(text, source, target, job.ranges))
    return steps


@dataclass
class CutShort:
    """What a move that was cut short has left to do: an open slot, or jobs that the engine goes on with."""

    moves: Sequence[SlotMove] = ()
    jobs: Sequence[MoveSlots] = ()

    def __bool__(self) -> bool:
        """Return whether there is anything."""
        return bool(self.moves or self.jobs)

    def list_steps(self) -> List[Step]:
        """Return the steps that end it."""
        return [*finishing_steps(self.moves), *self.jobs]

    def count_in(self, owned: Dict[int, List[Range]]) -> Dict[int, List[Range]]:
        """Return who has which slots then: a slot is with whoever has got its keys."""
        owners = {position: slots_of(ranges) for position, ranges in owned.items()}
        for move in self.moves:
            if move.target in owners:
                for slots in owners.values():
                    slots.discard(move.slot)
                owners[move.target].add(move.slot)
        return after_moving({position: ranges_of(slots) for position, slots in owners.items()}, self.jobs)


def finishing_steps(moves: Sequence[SlotMove]) -> List[Step]:
    """Return the steps that end what was cut short."""
    return [FinishMove(move.text, move) for move in moves]


def move_steps(
    members: Sequence[ClusterMember],
    owned: Dict[int, List[Range]],
    faults: Sequence[str],
    where: str,
    emptied: Collection[int] = (),
) -> List[MoveSlots]:
    """Return the steps until every primary has its share, and these have nothing; refuse where slots must not move."""
    names = {position: members[position].name for position in owned}
    places = {name: position for position, name in names.items()}
    weights = {name: 0.0 if position in emptied else 1.0 for position, name in names.items()}
    planned = plan_moves(_named(owned, names), weights)
    moves = [(places[each.source], places[each.target], each.ranges) for each in planned]
    if not moves:
        return []
    if faults:
        todo = "Mend that first: start what is missing, or move a primary with promote"
        raise Refused(f"Slots are moved only between whole shards: {'; '.join(faults)}", where, todo)
    sides = {node for job in list_running(members) for node in (job.source, job.target)}  # a job takes a snapshot too
    saving = [
        show_place(members[each].server)
        for each in owned
        if members[each].server.persistence.get("rdb_bgsave_in_progress") and members[each].id not in sides
    ]
    if saving:
        raise Unsettled(f"A snapshot is being taken: {', '.join(saving)}", where, "Wait for its end, then run again")
    _refuse_full(members, owned, moves, where)
    return [
        MoveSlots(
            f"move {count_of(count_slots(ranges), 'slot')} from {names[source]} to {names[target]}: "
            f"{show_slots(ranges, 8)}",
            source,
            target,
            ranges,
        )
        for source, target, ranges in moves
    ]


def _named(owned: Dict[int, List[Range]], names: Dict[int, str]) -> Dict[str, List[Range]]:
    return {names[position]: ranges for position, ranges in owned.items()}


def _refuse_full(
    members: Sequence[ClusterMember],
    owned: Dict[int, List[Range]],
    moves: Sequence[Tuple[int, int, Sequence[Range]]],
    where: str,
) -> None:
    """Refuse what a target has no memory for: a slot of a source takes its part of what that source has."""
    coming: Dict[int, float] = {}
    for source, target, ranges in moves:
        used = members[source].server.memory.get("used_memory", 0)
        part = count_slots(ranges) / max(1, count_slots(owned[source])) * used
        coming[target] = coming.get(target, 0) + part
    for target, size in coming.items():
        server = members[target].server
        limits = [server.memory.get(name, 0) for name in ("maxmemory", "total_system_memory")]
        limit = min((number for number in limits if number), default=0)
        need = server.memory.get("used_memory", 0) + size
        if limit and need > limit:
            raise Refused(
                f"{show_place(server)} would hold about {need / 1e6:.0f} MB, and may hold {limit / 1e6:.0f} MB",
                where,
                "Raise its maxmemory, or add shards",
            )


def after_moving(owned: Dict[int, List[Range]], steps: Sequence[MoveSlots]) -> Dict[int, List[Range]]:
    """Return who has which slots when these steps are done."""
    owners = {position: slots_of(ranges) for position, ranges in owned.items()}
    for step in steps:
        if step.source in owners and step.target in owners:
            slots = slots_of(step.ranges) & owners[step.source]
            owners[step.source] -= slots
            owners[step.target] |= slots
    return {position: ranges_of(slots) for position, slots in owners.items()}
