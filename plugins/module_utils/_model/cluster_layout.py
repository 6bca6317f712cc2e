# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which members of a cluster are primaries and whom the others follow, so that the loss of a zone is survived; pure.

A member is its position in the list of members; a zone is what fails at once, by default one host.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Dict, Iterable, List, Mapping, Optional, Sequence, Set, Tuple

from .tables import count_of


@dataclass
class Placement:
    """Who is primary, and whom each of the others follows."""

    primaries: List[int] = field(default_factory=list)
    follows: Dict[int, int] = field(default_factory=dict)

    def replicas_of(self, primary: int) -> List[int]:
        """Return who follows a primary."""
        return sorted(replica for replica, followed in self.follows.items() if followed == primary)


def most_in_one_zone(primaries: int) -> int:
    """Return how many primaries one zone may hold, so that the others are a majority without it."""
    return (primaries - 1) // 2


def _fits(primaries: int, zones: int, replicas: int) -> bool:
    """Return whether so many primaries, spread evenly, survive the loss of each zone."""
    return primaries >= 3 and zones > max(2, replicas) and -(-primaries // zones) <= most_in_one_zone(primaries)


def layouts_that_fit(members: int, zones: int, replicas: int) -> str:
    """Return the layouts nearest to this one that survive, as a sentence."""
    zones = max(3, zones, replicas + 1)
    now = members / (1 + replicas)
    fitting = [count for count in range(3, int(now) + zones + 7) if _fits(count, zones, replicas)]
    near = sorted(sorted(fitting, key=lambda count: abs(count - now))[:3])
    shown = [f"{count} primaries ({count * (1 + replicas)} members)" for count in near]
    return f"What fits {zones} zones with {count_of(replicas, 'replica')} each: {', '.join(shown)}, spread evenly"


def layout_problems(zones: Sequence[str], replicas: int) -> List[str]:
    """Return why members in these zones cannot survive the loss of one zone; nothing when they can."""
    members, sizes = len(zones), Counter(zones)
    if members % (1 + replicas):
        return [f"{members} members make no whole shards of a primary and {count_of(replicas, 'replica')}"]
    primaries = members // (1 + replicas)
    problems = []
    if primaries < 3:
        made = f"{count_of(members, 'member')} make {count_of(primaries, 'primary')}"
        problems.append(f"{made}, and a majority that outlives one of them needs 3")
    if len(sizes) < 3:
        problems.append(
            f"the members are in {count_of(len(sizes), 'zone')} ({', '.join(sorted(sizes))}), and a majority "
            "that outlives one of them needs 3"
        )
    if problems:
        return problems
    if replicas >= len(sizes):
        return [f"a primary and {count_of(replicas, 'replica')} need {replicas + 1} zones, there are {len(sizes)}"]
    problems += [
        f"zone {zone} holds {size} members and there are {primaries} shards, so two copies of one would be in it"
        for zone, size in sorted(sizes.items())
        if size > primaries
    ]
    limit = most_in_one_zone(primaries)
    if sum(min(size, limit) for size in sizes.values()) < primaries:
        problems.append(f"of {primaries} primaries one zone would hold {limit + 1}, and its loss leaves no majority")
    return problems


class _Placer:
    """Gives places one after the other; what is fixed stays."""

    def __init__(self, zones: Sequence[str], fixed: Placement, extra: Iterable[int], movable: Iterable[int]) -> None:
        self.zones = zones
        self.placement = Placement(list(fixed.primaries), dict(fixed.follows))
        self.movable: Set[int] = set(movable)
        self.free = sorted(set(extra) - set(fixed.primaries) - set(fixed.follows))

    def find_room(self, zone: str) -> int:
        return sum(self.zones[member] == zone for member in self.free)

    def add_primary(self) -> None:
        """Make one more primary, where the fewest are, then where the most room is."""
        used = Counter(self.zones[primary] for primary in self.placement.primaries)
        best = min(self.free, key=lambda seat: (used[self.zones[seat]], -self.find_room(self.zones[seat]), seat))
        self.free.remove(best)
        self.placement.primaries.append(best)

    def list_taken(self, primary: int) -> Set[str]:
        """Return the zones that hold a copy of a shard."""
        return {self.zones[seat] for seat in [primary, *self.placement.replicas_of(primary)]}

    def add_replica(self, primary: int) -> None:
        """Give a primary one more replica, in a zone without a copy; others make room where that is needed."""
        pairs = Counter((self.zones[up], self.zones[down]) for down, up in self.placement.follows.items())
        own, taken = self.zones[primary], self.list_taken(primary)

        def cost(seat: int) -> Tuple[int, int, int]:
            return pairs[own, self.zones[seat]], -self.find_room(self.zones[seat]), seat

        fitting = [seat for seat in self.free if self.zones[seat] not in taken]
        if fitting:
            self._follow(min(fitting, key=cost), primary)
        elif not self._swap(primary):
            self._follow(min(self.free, key=cost), primary)

    def _follow(self, seat: int, primary: int) -> None:
        self.free.remove(seat)
        self.movable.add(seat)
        self.placement.follows[seat] = primary

    def _swap(self, primary: int) -> bool:
        """Find a chain in which each replica goes to the shard before it and the last shard takes a free place."""
        chains: List[List[Tuple[int, int]]] = [[(primary, -1)]]
        seen = {primary}
        while chains:
            chain = chains.pop(0)
            needy = chain[-1][0]
            # The one that the chain takes away leaves its zone to the shard.
            taken = self.list_taken(needy)
            if chain[-1][1] >= 0:
                taken.discard(self.zones[chain[-1][1]])
            fitting = [seat for seat in self.free if self.zones[seat] not in taken]
            if fitting:
                for (shard, _own), (_next, seat) in zip(chain, chain[1:]):
                    self.placement.follows[seat] = shard
                self._follow(fitting[0], needy)
                return True
            for seat in sorted(self.movable):
                other = self.placement.follows[seat]
                if other not in seen and self.zones[seat] not in taken:
                    seen.add(other)
                    chains.append([*chain, (other, seat)])
        return False


def place_members(
    zones: Sequence[str],
    replicas: int,
    fixed: Optional[Placement] = None,
    members: Optional[Iterable[int]] = None,
    movable: Iterable[int] = (),
) -> Placement:
    """Return who is primary and who follows whom; what is fixed stays, only these members get a place.

    Replicas that are movable follow another primary where no other place is left for one of these members.
    """
    total = len(zones) // (1 + replicas)
    placer = _Placer(zones, fixed or Placement(), range(len(zones)) if members is None else members, movable)
    layout = placer.placement
    while placer.free and len(layout.primaries) < total:
        placer.add_primary()
    layout.primaries.sort()
    while placer.free and layout.primaries:
        placer.add_replica(min(layout.primaries, key=lambda primary: (len(layout.replicas_of(primary)), primary)))
    return layout


def level_replicas(placement: Placement, zones: Sequence[str], replicas: int) -> Placement:
    """Return who follows whom when primaries with a replica too many give one to those that lack one.

    What a scale-out leaves that was cut short; those that share the zone of their primary go first.
    """
    layout = Placement(list(placement.primaries), dict(placement.follows))
    for needy in layout.primaries:
        taken = {zones[needy], *(zones[replica] for replica in layout.replicas_of(needy))}
        while len(layout.replicas_of(needy)) < replicas:
            surplus = [
                seat
                for primary in layout.primaries
                if len(layout.replicas_of(primary)) > replicas
                for seat in layout.replicas_of(primary)
                if zones[seat] not in taken
            ]
            if not surplus:
                break
            seat = min(surplus, key=lambda each: (zones[each] != zones[layout.follows[each]], each))
            layout.follows[seat] = needy
            taken.add(zones[seat])
    return layout


def list_crowded(placement: Placement, zones: Sequence[str]) -> List[str]:
    """Return the zones that hold so many primaries that their loss leaves no majority, a sentence each."""
    total = len(placement.primaries)
    held = Counter(zones[primary] for primary in placement.primaries)
    return [
        f"zone {zone} holds {count} of {total} primaries"
        for zone, count in sorted(held.items())
        if count > most_in_one_zone(total)
    ]


def list_violations(placement: Placement, zones: Sequence[str], replicas: int, names: Mapping[int, str]) -> List[str]:
    """Return what is wrong with a placement, a sentence each."""
    violations = []
    for replica, primary in sorted(placement.follows.items()):
        if zones[replica] == zones[primary]:
            violations.append(f"{names[replica]} follows {names[primary]}, and both are in zone {zones[primary]}")
    for primary in placement.primaries:
        has = len(placement.replicas_of(primary))
        if has < replicas:
            violations.append(f"{names[primary]} has {count_of(has, 'replica')}, {replicas} are declared")
    return [*violations, *(f"{text}; its loss leaves no majority" for text in list_crowded(placement, zones))]
