# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Layouts that survive, places, and slots that move: tables and many random layouts."""

from __future__ import annotations

import random
import time
from collections import Counter
from itertools import pairwise

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._model.cluster_layout import (
    Placement,
    layout_problems,
    layouts_that_fit,
    list_crowded,
    list_violations,
    place_members,
)
from ansible_collections.quorum.redis.plugins.module_utils._model.cluster_moves import Move, plan_moves
from ansible_collections.quorum.redis.plugins.module_utils._model.cluster_slots import (
    SLOTS,
    Range,
    count_slots,
    ranges_of,
    share_of,
    slots_of,
)
from ansible_collections.quorum.redis.plugins.module_utils._model.cluster_spread import spread_primaries


def names(zones: list[str]) -> dict[int, str]:
    return {number: f"m{number}" for number in range(len(zones))}


@pytest.mark.parametrize(
    ("zones", "replicas", "says"),
    [
        ("abcdef", 1, ""),
        ("aabbcc", 1, ""),
        ("abc", 0, ""),
        ("abcabcabc", 2, ""),
        ("aaabbbcccddd", 2, ""),
        ("abcdefg", 1, "7 members make no whole shards of a primary and 1 replica"),
        ("abcd", 1, "4 members make 2 primaries, and a majority that outlives one of them needs 3"),
        ("ab", 1, "2 members make 1 primary, and a majority"),
        ("aaabbb", 1, "the members are in 2 zones (a, b)"),
        ("aaaaaa", 1, "the members are in 1 zone (a)"),
        ("aaabbbcccabc", 3, "a primary and 3 replicas need 4 zones, there are 3"),
        ("aaaabc", 1, "zone a holds 4 members and there are 3 shards"),
        ("aaaabbbbcccc", 2, "of 4 primaries one zone would hold 2, and its loss leaves no majority"),
    ],
)
def test_layouts_that_cannot_survive_are_refused(zones: str, replicas: int, says: str) -> None:
    found = "; ".join(layout_problems(list(zones), replicas))
    assert says in found and bool(found) == bool(says)


def test_what_fits_is_told() -> None:
    assert layouts_that_fit(12, 3, 2) == (
        "What fits 3 zones with 2 replicas each: 3 primaries (9 members), 5 primaries (15 members), "
        "6 primaries (18 members), spread evenly"
    )
    assert layouts_that_fit(6, 2, 1).startswith("What fits 3 zones with 1 replica each: 3 primaries (6 members)")
    assert layouts_that_fit(8, 2, 3).startswith("What fits 4 zones with 3 replicas each: 3 primaries (12 members)")


def test_six_hosts_and_three_hosts_with_two_servers() -> None:
    assert place_members(list("abcdef"), 1) == Placement([0, 1, 2], {3: 0, 4: 1, 5: 2})
    found = place_members(list("aabbcc"), 1)
    assert found.primaries == [0, 2, 4] and not list_violations(found, list("aabbcc"), 1, names(list("aabbcc")))


def whole(found: Placement, zones: list[str], replicas: int) -> bool:
    """Return whether each shard has all copies in different zones."""
    shards = [[primary, *found.replicas_of(primary)] for primary in found.primaries]
    return all(len(shard) == 1 + replicas == len({zones[seat] for seat in shard}) for shard in shards)


def test_what_is_not_refused_can_be_placed() -> None:
    """Of random layouts, uneven ones too, each is refused, or its copies are in different zones and it survives."""
    draw, placed = random.Random(7), 0
    for _ in range(400):
        replicas, count, primaries = draw.choice([0, 1, 1, 2, 3]), draw.randint(3, 9), draw.randint(3, 15)
        zones = [draw.choice("abcdefghi"[:count]) for _ in range(primaries * (1 + replicas))]
        if layout_problems(zones, replicas):
            continue
        placed += 1
        found = place_members(zones, replicas)
        assert whole(found, zones, replicas) and not list_violations(found, zones, replicas, names(zones)), Counter(
            zones
        )
    assert placed > 200


@pytest.mark.parametrize(("hosts", "replicas"), [(100, 1), (50, 1), (20, 3), (34, 1)])
def test_a_hundred_servers_are_placed_at_once(hosts: int, replicas: int) -> None:
    zones = [f"h{number % hosts}" for number in range(100)]
    start = time.process_time()
    found = place_members(zones, replicas)
    assert not layout_problems(zones, replicas) and whole(found, zones, replicas)
    assert len(found.primaries) == 100 // (1 + replicas)
    assert time.process_time() - start < 5, "placing a hundred servers takes too long"


def test_what_is_fixed_stays_and_the_rest_is_placed_around_it() -> None:
    zones = list("abcdef")
    fixed = Placement([1], {0: 1})
    found = place_members(zones, 1, fixed)
    assert 1 in found.primaries and found.follows[0] == 1 and whole(found, zones, 1)
    assert place_members(zones, 1, found) == found


def test_only_named_members_get_a_place() -> None:
    zones = list("abcdefgh")
    found = place_members(zones, 1, Placement([0, 1, 2], {3: 0, 4: 1}), members=[6, 7])
    assert 5 not in found.primaries and 5 not in found.follows
    assert found.primaries == [0, 1, 2, 6] and found.follows == {3: 0, 4: 1, 7: 2}


def test_a_member_without_a_free_zone_still_gets_a_place_and_it_is_named() -> None:
    zones = list("aaab")
    found = place_members(zones, 0, Placement([0], {3: 0}), members=[])
    assert list_violations(Placement([0], {1: 0}), zones, 2, names(zones)) == [
        "m1 follows m0, and both are in zone a",
        "m0 has 1 replica, 2 are declared",
        "zone a holds 1 of 1 primaries; its loss leaves no majority",
    ]
    assert found == Placement([0], {3: 0})


# --- slots ---


def after(owned: dict[str, list[Range]], moves: list[Move]) -> dict[str, set[int]]:
    """Return who has which slots after the moves; each must take what its source has."""
    has = {name: slots_of(ranges) for name, ranges in owned.items()}
    for move in moves:
        moved = slots_of(move.ranges)
        assert moved <= has[move.source] and len(moved) == count_slots(move.ranges)
        has[move.source] -= moved
        has[move.target] |= moved
    return has


def even(count: int) -> dict[str, list[Range]]:
    return {f"m{position}": [share_of(position, count)] for position in range(count)}


@pytest.mark.parametrize("count", [3, 5, 7, 100])
def test_what_is_even_stays(count: int) -> None:
    assert plan_moves(even(count)) == []


def test_a_little_uneven_is_even_enough() -> None:
    assert plan_moves({"a": [(0, 5500)], "b": [(5501, 10922)], "c": [(10923, 16383)]}) == []


def test_a_new_primary_gets_its_share_from_all_in_whole_pieces() -> None:
    owned = {**even(3), "new": []}
    moves = plan_moves(owned)
    assert sum(count_slots(move.ranges) for move in moves) == SLOTS // 4
    assert {move.target for move in moves} == {"new"} and len(moves) == 3
    assert all(len(move.ranges) == 1 for move in moves)
    assert {len(slots) for slots in after(owned, moves).values()} == {SLOTS // 4}


def test_a_primary_of_weight_nothing_is_drained_to_all() -> None:
    owned = even(4)
    moves = plan_moves(owned, {"m0": 0, "m1": 1, "m2": 1, "m3": 1})
    has = after(owned, moves)
    assert not has["m0"] and max(map(len, has.values())) - min(len(has[name]) for name in ("m1", "m2", "m3")) <= 1
    assert {move.source for move in moves} == {"m0"} and len(moves) == 3


def test_weights_count() -> None:
    owned = even(3)
    has = after(owned, plan_moves(owned, {"m0": 2, "m1": 1, "m2": 1}))
    assert [len(has[name]) for name in ("m0", "m1", "m2")] == [SLOTS // 2, SLOTS // 4, SLOTS // 4]


def test_a_hundred_primaries_become_even_with_as_few_slots_as_can_be() -> None:
    draw = random.Random(3)
    slots = list(range(SLOTS))
    cuts = sorted(draw.sample(slots[1:], 159))
    owned: dict[str, list[Range]] = {f"m{number}": [] for number in range(100)}
    for first, last in pairwise([0, *cuts, SLOTS]):
        owned[f"m{draw.randrange(80)}"].append((first, last - 1))
    start = time.process_time()
    moves = plan_moves(owned)
    assert time.process_time() - start < 5, "planning a hundred primaries takes too long"
    has = after(owned, moves)
    assert {len(found) for found in has.values()} <= {163, 164} and set().union(*has.values()) == set(slots)
    over = sum(max(0, count_slots(owned[name]) - len(has[name])) for name in owned)
    assert sum(count_slots(move.ranges) for move in moves) == over
    fragments = sum(len(ranges_of(found)) for found in has.values())
    assert fragments <= sum(len(ranges) for ranges in owned.values()) + 100


def test_nobody_has_nothing_to_move() -> None:
    assert plan_moves({}) == []


def seats(placed: Placement) -> dict[int, list[int]]:
    return {primary: [primary, *placed.replicas_of(primary)] for primary in placed.primaries}


def test_a_zone_gives_back_what_a_failover_gave_it() -> None:
    zones = list("abcabc")
    placed = Placement([1, 2, 4], {0: 4, 5: 1, 3: 2})  # the primary of zone a has died, and its replica is in zone b
    assert list_crowded(placed, zones) == ["zone b holds 2 of 3 primaries"]
    chosen = spread_primaries(zones, seats(placed))
    assert chosen == {1: 1, 2: 2, 4: 0}
    assert spread_primaries(zones, {0: [0], 1: [1], 2: [2]}) == {0: 0, 1: 1, 2: 2}


def test_a_full_zone_on_the_way_hands_one_on() -> None:
    # Both shards of a crowded zone a have their replicas in zone b, which is full, and whose shard has one in zone c.
    zones = list("aabbbc")
    placed = Placement([0, 1, 2], {3: 0, 4: 1, 5: 2})
    assert spread_primaries(zones, seats(placed)) == {0: 3, 1: 1, 2: 5}
    # Where only another zone would be crowded, as many as can be are moved, and no more.
    zones = list("aaabbb")
    assert spread_primaries(zones, seats(placed)) == {0: 3, 1: 1, 2: 2}


@pytest.mark.parametrize(("hosts", "replicas"), [(50, 1), (34, 2), (3, 1), (5, 1)])
def test_after_any_failovers_every_zone_that_can_be_relieved_is(hosts: int, replicas: int) -> None:
    rng, count = random.Random(hosts), (hosts * 2) // (1 + replicas) * (1 + replicas)
    zones = [f"h{number % hosts}" for number in range(count)]
    first = place_members(zones, replicas)
    assert not list_crowded(first, zones)
    for _ in range(30):
        now = {primary: rng.choice(may) for primary, may in seats(first).items()}
        placed = Placement(sorted(now.values()), {})
        begin = time.process_time()
        may = {seat: [seat, *(set(seats(first)[primary]) - {seat})] for primary, seat in now.items()}
        chosen = spread_primaries(zones, may)
        assert time.process_time() - begin < 0.5
        assert not list_crowded(Placement(sorted(chosen.values()), {}), zones), placed
        if not list_crowded(placed, zones):
            assert all(seat == shard for shard, seat in chosen.items())
