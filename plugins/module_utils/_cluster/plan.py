# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be done until the members are one cluster: decided from what all of them say; pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, List, Optional, Sequence

from .._core.errors import Refused
from .._core.reconcile import Step
from .._model.cluster_layout import (
    Placement,
    layout_problems,
    level_replicas,
    list_crowded,
    list_violations,
    place_members,
)
from .._model.cluster_moves import plan_moves
from .._model.cluster_open import SlotMove, list_open
from .._model.cluster_slots import Range, ranges_of, share_of, show_slots, slots_of
from .._model.cluster_view import (
    ClusterMember,
    list_groups,
    list_strangers,
    list_unclaimed,
    list_unread,
    observed_placement,
    open_slots,
)
from .._model.tables import show_place as named
from .forget import Leaving, drop_nodes, forget_steps, refuse_forget, to_move_first
from .preflight import await_quiet, list_silent, refuse_steps, refuse_strange
from .promotion import Moves, asked_moves, handover_moves, promotion_steps, repair_moves
from .rebalance import CutShort, after_moving, join_jobs, left_open, move_steps
from .shrink import Shrink, plan_shrink
from .steps import TellMember, add_slots, follow_steps


@dataclass
class Shard:
    """A primary with its slots, and who follows it."""

    primary: int
    slots: List[Range]
    replicas: List[int]


@dataclass
class ClusterPlan:
    """What will be done, and how the shards are afterwards."""

    steps: List[Step] = field(default_factory=list)
    shards: List[Shard] = field(default_factory=list)
    placement: Placement = field(default_factory=Placement)
    warnings: List[str] = field(default_factory=list)
    moves: List[str] = field(default_factory=list)


def shards_of(members: Sequence[ClusterMember], placement: Placement) -> List[Shard]:
    """Return the shards of a placement with the slots that they have."""
    return [Shard(primary, members[primary].slots, placement.replicas_of(primary)) for primary in placement.primaries]


def ip_of(member: ClusterMember) -> str:
    """Return the address to meet a member at; the engines take no names."""
    server = member.server
    return server.address if server.address in server.aliases or not server.aliases else server.aliases[0]


class ClusterPlanner:
    """The members as they were observed, and what to do with them."""

    def __init__(
        self,
        members: Sequence[ClusterMember],
        name: str,
        replicas: int,
        promote: Sequence[str] = (),
        rebalance: bool = False,
        avoid: Sequence[str] = (),
        repair: bool = False,
        leaving: Optional[Leaving] = None,
        shrink: Optional[Shrink] = None,
    ) -> None:
        """Keep what was observed and declared."""
        self.leaving, self.seen = leaving or Leaving(), members
        members = drop_nodes(members, self.leaving)
        self.members, self.replicas, self.promote, self.rebalance = members, replicas, promote, rebalance
        self.avoid, self.repair, self.shrink = avoid, repair, shrink or Shrink()
        self.where, self.moving = f"cluster {name}", bool(rebalance or self.shrink.leave)
        self.zones = [member.zone for member in members]
        self.names = {position: member.name for position, member in enumerate(members)}

    def plan(self) -> ClusterPlan:
        """Return what is to be done, or refuse."""
        if to_move_first(self.seen, self.leaving):
            fixed = observed_placement(self.seen)
            return ClusterPlan(forget_steps(self.seen, self.leaving), shards_of(self.seen, fixed), fixed)
        refuse_forget(self.seen, self.leaving, self.where)
        refuse_strange(self.members, self.where)
        cut_short = CutShort(self.left_open(), join_jobs(self.members, self.where) if self.moving else [])
        fixed = observed_placement(self.members)
        if self.shrink.leave:
            return self._shrink(fixed, cut_short)
        plan = ClusterPlan(placement=self._place(fixed) if self._divides() else fixed)
        new = self._new_slots(plan.placement)
        plan.steps = self._steps(plan.placement, fixed, new)
        changes = plan.steps or not fixed.primaries or any(member.is_blank for member in self.members)
        if cut_short:
            plan.steps = cut_short.list_steps()
        elif changes:
            refuse_steps(self.members, self.replicas, self.where)
        plan.shards = shards_of(self.members, fixed if cut_short else plan.placement)
        self._promote(plan)
        for shard in plan.shards:
            shard.slots = ranges_of(slots_of(shard.slots) | slots_of(new.get(shard.primary, [])))
        plan.steps = [*forget_steps(self.seen, self.leaving), *plan.steps]
        plan.warnings = self._warnings(plan.placement, bool(cut_short))
        plan.moves = moves_of(plan.shards, self.names)
        if cut_short and (changes or list_silent(self.members)):
            plan.warnings.append("Only the move that was cut short is finished; run again for the rest")
        elif self.rebalance:
            self._balance(plan, cut_short)
        return plan

    def _place(self, fixed: Placement) -> Placement:
        """Return who is to be primary and whom the others follow, replicas too that are where they do not help."""
        spare = [position for position, member in enumerate(self.members) if member.is_spare]
        if list_silent(self.members):
            return place_members(self.zones, self.replicas, fixed, spare)
        placed = place_members(self.zones, self.replicas, fixed, spare, fixed.follows)
        placed = level_replicas(placed, self.zones, self.replicas) if spare else placed
        return self._spread(placed) if self.repair else placed

    def _spread(self, placed: Placement) -> Placement:
        """Let replicas in the zone of their primary, and those of others, change places, where that helps."""
        near = [seat for seat, primary in placed.follows.items() if self.zones[seat] == self.zones[primary]]
        lacking = self.find_drift(placed)
        if not lacking or len(placed.primaries) != len(self.members) // (1 + self.replicas):
            return placed
        try:
            refuse_steps(self.members, self.replicas, self.where)
        except Refused:
            return placed  # it is named, as what else is left alone
        kept = Placement(placed.primaries, {seat: up for seat, up in placed.follows.items() if seat not in near})
        spread = place_members(self.zones, self.replicas, kept, near, kept.follows) if near else placed
        spread = level_replicas(spread, self.zones, self.replicas)
        return spread if len(self.find_drift(spread)) < len(lacking) else placed

    def _shrink(self, fixed: Placement, cut_short: CutShort) -> ClusterPlan:
        """Return what is to be done before members leave."""
        done = plan_shrink(self.members, fixed, self.replicas, self.shrink, cut_short, self.where)
        shards = [Shard(seat, done.owned[seat], done.placement.replicas_of(seat)) for seat in done.placement.primaries]
        return ClusterPlan(done.steps, shards, done.placement, self._warnings(done.placement, bool(cut_short)))

    def left_open(self) -> List[SlotMove]:
        """Return what a rebalance that was cut short has left to do, once everything else is quiet."""
        apart = frozenset(list_open(self.members)) if self.moving else frozenset()
        await_quiet(self.members, self.where, apart)
        return left_open(self.members, self.where) if apart else []

    def _balance(self, plan: ClusterPlan, cut_short: CutShort) -> None:
        """Add the moves of slots until every primary has its share."""
        owned = cut_short.count_in({shard.primary: shard.slots for shard in plan.shards})
        moves = move_steps(self.members, owned, self.find_drift(plan.placement), self.where)
        if moves and not cut_short:
            refuse_steps(self.members, self.replicas, self.where)
        plan.steps = [*plan.steps, *moves]
        owned = after_moving(owned, moves)
        for shard in plan.shards:
            shard.slots = owned[shard.primary]

    def _promote(self, plan: ClusterPlan) -> None:
        """Add the moves of primaries, to a cluster that lacks nothing else."""
        why, moves = "", self._moves(plan)
        if self.repair and moves:
            why = f", because {', '.join(list_crowded(plan.placement, self.zones))}"
        steps, placement = promotion_steps(self.members, plan.placement, moves, self.where, why)
        slots = {shard.primary: shard.slots for shard in plan.shards}
        for target, primary in moves.items():
            slots[target] = slots.pop(primary)
        plan.steps, plan.placement = [*plan.steps, *steps], placement
        plan.shards = [Shard(seat, slots[seat], placement.replicas_of(seat)) for seat in placement.primaries]

    def _moves(self, plan: ClusterPlan) -> Moves:
        """Return who takes over from whom: as it is asked for, or as the zones need it."""
        if (self.promote or self.avoid) and plan.steps:
            todo = "Run once without moving a primary"
            raise Refused(f"The cluster is not whole yet; {plan.steps[0].text} comes first", self.where, todo)
        if self.promote:
            return asked_moves(self.members, plan.placement, self.promote, self.where)
        if self.avoid:
            return handover_moves(self.members, plan.placement, self.avoid, self.where)
        return repair_moves(self.members, plan.placement) if self.repair and not plan.steps else {}

    def _divides(self) -> bool:
        return len(self.members) % (1 + self.replicas) == 0

    def _new_slots(self, placement: Placement) -> Dict[int, List[Range]]:
        """Return the slots without an owner that each primary gets: those of its share."""
        left = list_unclaimed(self.members)
        total = len(placement.primaries)
        shares = {primary: share_of(count, total) for count, primary in enumerate(placement.primaries)}
        new = {primary: ranges_of(left & slots_of([share])) for primary, share in shares.items()}
        return {primary: ranges for primary, ranges in new.items() if ranges}

    def _hub(self, placement: Placement) -> int:
        """Return the member that meets the others: a primary of the cluster that is there, or the first one to be."""
        groups = list_groups(self.members)
        names = {member.name for member in groups[0]} if groups else set()
        there = [position for position, name in self.names.items() if name in names]
        return next((position for position in there if self.members[position].slots), (there or placement.primaries)[0])

    def _steps(self, placement: Placement, fixed: Placement, new: Dict[int, List[Range]]) -> List[Step]:
        """Return what is missing: epochs and slots first, then the members meet, then replicas follow."""
        if not placement.primaries:
            return []
        steps: List[Step] = []
        for count, primary in enumerate(placement.primaries, 1):
            member = self.members[primary]
            if primary in new and not member.peers and not member.own.epoch:
                steps.append(self._step(primary, f"set config epoch {count}", "SET-CONFIG-EPOCH", count))
        for primary, ranges in new.items():
            steps.append(add_slots(self.members, primary, ranges))
        hub = self._hub(placement)
        for position in range(len(self.members)):
            center, other = self.members[hub], self.members[position]
            if position != hub and other.id and not (other.id in center.met and center.id in other.met):
                where = [ip_of(other), other.server.port, *([other.own.bus_port] if other.own.bus_port else [])]
                steps.append(self._step(hub, f"meet {named(other.server)}", "MEET", *where))
        for replica, primary in sorted(placement.follows.items()):
            if replica not in fixed.follows:
                target = self.members[primary]
                step = self._step(replica, f"follow {named(target.server)}", "REPLICATE", target.id)
                step.met = True
                steps.append(step)
        moved = {
            replica: primary
            for replica, primary in placement.follows.items()
            if fixed.follows.get(replica, primary) != primary
        }
        can_spare = {up for seat, up in placement.follows.items() if seat not in fixed.follows}
        can_spare |= {up for up in fixed.primaries if len(fixed.replicas_of(up)) > self.replicas}
        # A replica beside its primary goes first: what it leaves is hardly worse than what was.
        can_spare |= {fixed.follows[seat] for seat in moved if self.zones[seat] == self.zones[fixed.follows[seat]]}
        return [*steps, *follow_steps(self.members, fixed, moved, can_spare)]

    def _step(self, position: int, text: str, *command: object) -> TellMember:
        member = self.members[position]
        return TellMember(f"{named(member.server)}: {text}", position, ["CLUSTER", *command])

    def _warnings(self, placement: Placement, finishing: bool) -> List[str]:
        """Return what is allowed, or left alone, and unwise."""
        warnings = [
            f"{named(member.server)} does not answer and was left alone: {member.server.error}"
            for member in list_silent(self.members)
        ]
        warnings += [
            f"{node.address}:{node.port} ({node.id[:8]}) is a node of the {self.where} and no member by the inventory; "
            "it was left alone. Declare it, or forget it"
            for node in list_strangers(self.members)
        ]
        warnings += [] if finishing else [f"{text}; it was left alone" for text in open_slots(self.members)]
        warnings += list_unread(self.members)
        problems = layout_problems(self.zones, self.replicas)
        warnings += [f"This layout does not survive the loss of a zone: {text}" for text in problems]
        warnings += self.find_drift(placement)
        if not self.replicas:
            warnings.append("Without replicas the loss of one primary stops its slots, and with them the cluster")
        return warnings

    def find_drift(self, placement: Placement) -> List[str]:
        """Return where the places of primaries and replicas are not those that survive."""
        return list_violations(placement, self.zones, self.replicas, self.names)


def moves_of(shards: Sequence[Shard], names: Dict[int, str]) -> List[str]:
    """Return which slots would have to move until every primary has its share, a sentence each."""
    moves = plan_moves({names[shard.primary]: shard.slots for shard in shards})
    return [f"slots {show_slots(move.ranges, 8)} from {move.source} to {move.target}" for move in moves]


def show_shards(shards: Sequence[Shard], names: Dict[int, str]) -> str:
    """Return the shards as text for a diff; nothing in it changes by itself."""
    lines = [
        f"{names[shard.primary]}: slots {show_slots(shard.slots, 8)}, "
        f"replicas {', '.join(names[replica] for replica in shard.replicas) or 'none'}\n"
        for shard in shards
    ]
    return "".join(lines)
