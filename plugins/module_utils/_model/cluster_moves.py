# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which slots have to move until each primary has its share, and no slot more; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, Mapping, Optional, Sequence

from .cluster_slots import SLOTS, Range, count_slots

TOLERANCE = 0.02


@dataclass(frozen=True)
class Move:
    """Slots that go from one primary to another."""

    source: str
    target: str
    ranges: Sequence[Range]


def count_shares(owned: Mapping[str, int], weights: Mapping[str, float]) -> Dict[str, int]:
    """Return how many slots each primary is to have; what rounding leaves goes to those that have the most."""
    total = sum(weights[name] for name in owned)
    exact = {name: SLOTS * weights[name] / total for name in owned}
    shares = {name: int(exact[name]) for name in owned}
    richest = sorted((name for name in owned if weights[name]), key=lambda name: shares[name] - owned[name])
    for name in richest[: SLOTS - sum(shares.values())]:
        shares[name] += 1
    return shares


def _take(ranges: List[Range], wanted: int) -> List[Range]:
    """Take so many slots out of ranges: whole ones first, the longest first, so that few are cut."""
    taken: List[Range] = []
    for largest in sorted(ranges, key=lambda item: (item[0] - item[1], item[0])):
        if count_slots([largest]) <= wanted:
            ranges.remove(largest)
            taken.append(largest)
            wanted -= count_slots([largest])
    if wanted:
        first, last = min(ranges, key=lambda item: (item[1] - item[0], item[0]))
        ranges[ranges.index((first, last))] = (first, last - wanted)
        taken.append((last - wanted + 1, last))
    return sorted(taken)


def plan_moves(
    owned: Mapping[str, Sequence[Range]], weights: Optional[Mapping[str, float]] = None, tolerance: float = TOLERANCE
) -> List[Move]:
    """Return the moves that bring each primary to its share; none when all are nearly there.

    A weight of 0 takes all slots from a primary.
    """
    has = {name: count_slots(ranges) for name, ranges in owned.items()}
    if not has:
        return []
    goal = count_shares(has, weights or dict.fromkeys(owned, 1))
    if all(abs(has[name] - goal[name]) <= tolerance * goal[name] for name in has):
        return []
    left = {name: sorted(ranges) for name, ranges in owned.items()}
    moves: List[Move] = []
    while True:
        over = {name: has[name] - goal[name] for name in has}
        source, target = max(over, key=lambda name: over[name]), min(over, key=lambda name: over[name])
        wanted = min(over[source], -over[target])
        if wanted <= 0:
            return moves
        moves.append(Move(source, target, _take(left[source], wanted)))
        has[source] -= wanted
        has[target] += wanted
