# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which copy of each shard is its primary, so that no zone holds too many, with as few moves as can be; pure."""

from __future__ import annotations

from collections import Counter
from typing import Dict, List, Mapping, Sequence, Set, Tuple

from .cluster_layout import most_in_one_zone

Chain = List[Tuple[int, int]]  # a shard, by its primary now, and who takes over


def spread_primaries(zones: Sequence[str], seats: Mapping[int, Sequence[int]]) -> Dict[int, int]:
    """Return who is primary of each shard: the first of those who may be, but for what relieves a crowded zone."""
    chosen = {shard: may[0] for shard, may in seats.items()}
    limit = most_in_one_zone(len(seats))
    while True:
        held = Counter(zones[seat] for seat in chosen.values())
        chains = (_chain(zones, seats, chosen, zone) for zone in sorted(held) if held[zone] > limit)
        shorter = next((chain for chain in chains if chain), [])
        if not shorter:
            return chosen
        chosen.update(shorter)


def _chain(zones: Sequence[str], seats: Mapping[int, Sequence[int]], chosen: Mapping[int, int], crowd: str) -> Chain:
    """Return the fewest moves that take one primary out of a zone; each zone on the way hands one on."""
    held = Counter(zones[seat] for seat in chosen.values())
    limit = most_in_one_zone(len(seats))
    ways: List[Tuple[str, Chain]] = [(crowd, [])]
    seen: Set[str] = {crowd}
    while ways:
        zone, moves = ways.pop(0)
        for shard in sorted(chosen):
            if zones[chosen[shard]] != zone:
                continue
            for other in seats[shard]:
                if zones[other] in seen:
                    continue
                seen.add(zones[other])
                if held[zones[other]] < limit:
                    return [*moves, (shard, other)]
                ways.append((zones[other], [*moves, (shard, other)]))
    return []
