# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Slots of a cluster as ranges, and each primary's share of them; pure."""

from __future__ import annotations

from typing import Iterable, List, Sequence, Set, Tuple

SLOTS = 16384
Range = Tuple[int, int]


def ranges_of(slots: Iterable[int]) -> List[Range]:
    """Return slots as ranges, the lowest first."""
    ranges: List[Range] = []
    for slot in sorted(set(slots)):
        if ranges and slot == ranges[-1][1] + 1:
            ranges[-1] = (ranges[-1][0], slot)
        else:
            ranges.append((slot, slot))
    return ranges


def slots_of(ranges: Iterable[Range]) -> Set[int]:
    """Return the slots in ranges."""
    return {slot for first, last in ranges for slot in range(first, last + 1)}


def count_slots(ranges: Iterable[Range]) -> int:
    """Return how many slots are in ranges."""
    return sum(last - first + 1 for first, last in ranges)


def show_slots(ranges: Sequence[Range], most: int = 0) -> str:
    """Return ranges for a sentence, no more than so many where that is given."""
    shown = [str(first) if first == last else f"{first}-{last}" for first, last in ranges]
    if most and len(shown) > most:
        shown = [*shown[:most], f"and {len(shown) - most} ranges more"]
    return ", ".join(shown) or "none"


def share_of(position: int, primaries: int) -> Range:
    """Return the slots of one primary of a new cluster, the first one at position 0."""
    return round(position * SLOTS / primaries), round((position + 1) * SLOTS / primaries) - 1
