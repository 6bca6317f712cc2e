# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Members that leave: which shards end when fewer members stay, who gets their slots, who follows whom then; pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import combinations, islice
from typing import Dict, List, Optional, Sequence, Tuple

from .._core.errors import Refused
from .._core.reconcile import Step
from .._model.cluster_layout import Placement, list_violations, place_members
from .._model.cluster_slots import Range
from .._model.cluster_spread import spread_primaries
from .._model.cluster_view import ClusterMember
from .._model.tables import count_of
from .preflight import refuse_silent, refuse_steps
from .promotion import Moves, promotion_steps, seats_of
from .rebalance import CutShort, after_moving, move_steps
from .steps import follow_steps

TRIED = 200  # choices of the shards that end; with the first of them the least is moved


@dataclass
class Shrink:
    """Who leaves, by name, and the zones of all declared members that stay, whether they have joined or not."""

    leave: Sequence[str] = ()
    zones: Sequence[str] = ()


@dataclass
class Outcome:
    """What comes of one choice of the shards that end."""

    ended: Tuple[int, ...]
    moves: Moves
    follow: Dict[int, int]  # who gets another primary, and which one
    placement: Placement
    cost: Tuple[int, int, int]


@dataclass
class Shrunk:
    """What is to be done before the members leave, and how the cluster is then."""

    steps: List[Step] = field(default_factory=list)
    placement: Placement = field(default_factory=Placement)
    owned: Dict[int, List[Range]] = field(default_factory=dict)


class Shrinker:
    """The members of a cluster, of which some are to leave."""

    def __init__(self, members: Sequence[ClusterMember], now: Placement, replicas: int, shrink: Shrink) -> None:
        """Keep what was observed and declared."""
        self.members, self.now, self.replicas, self.shrink = members, now, replicas, shrink
        self.zones = [member.zone for member in members]
        self.leaving = {
            position
            for position, member in enumerate(members)
            if {member.name, f"{member.name}:{member.server.port}"} & set(shrink.leave)
        }
        self.most = len(shrink.zones) // (1 + replicas)

    def choose_ending(self) -> Optional[Outcome]:
        """Return the choice after which the fewest places are wrong, and for which the least is moved."""
        count = max(0, len(self.now.primaries) - self.most)
        ordered = sorted(self.now.primaries, key=lambda each: (bool(self._staying(each)), self._slots_of(each), each))
        tried = (self._outcome(ended) for ended in islice(combinations(ordered, count), TRIED))
        return min((each for each in tried if each), key=lambda each: each.cost, default=None)

    def _slots_of(self, primary: int) -> int:
        return self.members[primary].own.slot_count

    def _staying(self, primary: int) -> List[int]:
        """Return who of a shard stays."""
        return [position for position in [*self.now.replicas_of(primary), primary] if position not in self.leaving]

    def _outcome(self, ended: Tuple[int, ...]) -> Optional[Outcome]:
        """Return what comes of it when these shards end; None where another one would have nobody left."""
        seats = {}
        for primary, replicas in seats_of(self.members, self.now).items():
            left = [position for position in [primary, *replicas] if position not in self.leaving]
            if primary not in ended and not left:
                return None
            if primary not in ended:  # a crowded zone is relieved where shards end; else the next run of site does that
                seats[primary] = left if ended or primary in self.leaving else [primary]
        chosen = spread_primaries(self.zones, seats)
        placement = self._place(ended, chosen)
        moves = {seat: primary for primary, seat in chosen.items() if seat != primary}
        wrong = list_violations(placement, self.zones, self.replicas, dict(enumerate(self.zones)))
        follow = {
            position: up
            for position, up in placement.follows.items()
            if (
                position in ended
                or self.now.follows.get(position) in ended
                or chosen.get(self.now.follows.get(position, position)) != up
            )
        }
        cost = (len(wrong), len(moves) + len(follow), sum(map(self._slots_of, ended)))
        return Outcome(ended, moves, follow, placement, cost)

    def _place(self, ended: Sequence[int], chosen: Dict[int, int]) -> Placement:
        """Return who follows whom when those who leave are gone; who stays of a shard that ends follows another."""
        stay = [position for position in range(len(self.members)) if position not in self.leaving]
        new = {position: count for count, position in enumerate(stay)}
        kept = {
            seat: [position for position in self._staying(primary) if position != seat]
            for primary, seat in chosen.items()
        }
        spare = [position for primary in ended for position in self._staying(primary)]
        if any(len(followers) < self.replicas for followers in kept.values()):
            spare += [position for followers in kept.values() for position in followers[self.replicas :]]
        fixed = Placement(
            sorted(map(new.__getitem__, kept)),
            {
                new[position]: new[seat]
                for seat, followers in kept.items()
                for position in followers
                if position not in spare
            },
        )
        # So many as are there already: no further one is made of those that are free.
        zones = [self.zones[position] for position in stay]
        placement = (
            place_members(zones, self.replicas, fixed, map(new.__getitem__, spare), fixed.follows) if chosen else fixed
        )
        return Placement(
            [stay[position] for position in placement.primaries],
            {stay[position]: stay[up] for position, up in placement.follows.items()},
        )


def plan_shrink(
    members: Sequence[ClusterMember],
    now: Placement,
    replicas: int,
    shrink: Shrink,
    cut_short: CutShort,
    where: str,
) -> Shrunk:
    """Return the steps after which those who leave have no slots and are followed by nobody who stays."""
    shrinker = Shrinker(members, now, replicas, shrink)
    names = {position: member.name for position, member in enumerate(members)}
    owned = {primary: members[primary].slots for primary in now.primaries}
    if not shrinker.leaving:
        return Shrunk([], now, owned)
    outcome = shrinker.choose_ending()
    if outcome is None:
        left = [names[primary] for primary in now.primaries if not shrinker._staying(primary)]
        shown = f"{', '.join(left)} {'has' if len(left) == 1 else 'have'} no replica that stays"
        kept = f"{count_of(shrinker.most, 'shard')} would be left of {len(now.primaries)}"
        raise Refused(f"{shown}, and {kept}", where, "Let fewer leave at once, or put others in their place")
    closed = [_closed(member) for member in members]
    if outcome.ended or cut_short:
        shown = ", ".join(names[primary] for primary in outcome.ended)
        todo = f"The shards of {shown} are to end, and slots are moved only when every member is there" if shown else ""
        refuse_silent(closed, where, f"{todo or 'A move was cut short'}. Start them, or put others in their place")
        refuse_steps(closed, replicas, where, shrink.zones)
    owned = cut_short.count_in(owned)
    faults = list_violations(now, shrinker.zones, replicas, names)
    moves = move_steps(members, owned, faults, where, outcome.ended) if outcome.ended else []
    handed, _placement = promotion_steps(closed, now, outcome.moves, where)
    owned = after_moving(owned, moves)
    taken = {primary: seat for seat, primary in outcome.moves.items()}
    owned = {taken.get(primary, primary): ranges for primary, ranges in owned.items() if primary not in outcome.ended}
    followed = follow_steps(members, now, outcome.follow, outcome.ended, outcome.ended)
    steps = [*cut_short.list_steps(), *moves, *handed, *followed]
    return Shrunk(steps, outcome.placement, owned)


def _closed(member: ClusterMember) -> ClusterMember:
    """Return a member as it will be when the slot that is open has been closed."""
    return replace(member, nodes=[replace(node, migrating={}, importing={}) for node in member.nodes], jobs=[])
