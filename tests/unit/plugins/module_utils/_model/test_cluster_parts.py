# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which parts of timers are one whole backup, and what is missing where they are not."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._model.cluster_parts import (
    choose_whole,
    count_shown,
    join_parts,
    judge_parts,
)
from ansible_collections.quorum.redis.plugins.module_utils._model.cluster_restore import assign_parts

SLOTS = ("0-5460", "5461-10922", "10923-16383")
MAP = {f"id{one}": {"member": f"k{one}:7000", "slots": slots, "epoch": one} for one, slots in enumerate(SLOTS, 1)}
FIRST, SECOND = "20261129T010030Z", "20261130T010030Z"


def part(number: int, id_: str = FIRST) -> dict[str, Any]:
    """Return the manifest of the part of a shard, which host k(number + 1) has saved."""
    own = {
        "id": id_,
        "moment": 1795914030.0,
        "late_ms": number * 4,
        "label": f"k{number % 3 + 1}-7001",
        "slots": SLOTS[number - 1],
        "slot_count": 5461,
        "primary": {"member": f"k{number}:7000", "id": f"id{number}", "epoch": number},
        "source": {"member": f"k{number % 3 + 1}:7001"},
        "map": copy.deepcopy(MAP),
        "after": copy.deepcopy(MAP),
        "nodes": [],
        "whole": False,
    }
    told: dict[str, Any] = dict.fromkeys(
        ("engine", "version", "role", "replication_id", "rdb", "rdb_sha256", "compression", "began"), ""
    )
    told |= {"verified": {"file_check": "passed", "load": "passed"}, "databases": {"0": {"key_count": 10 * number}}}
    told |= {"name": f"{id_}-{own['label']}", "data_set": "cart", "ended": "x", "rdb_version": 10}
    return {**told, "replication_offset": 1, "rdb_size": 1, "part": own}


def seen(*parts: dict[str, Any], wholes: Any = ()) -> list[dict[str, Any]]:
    """Return what each host has: its own parts."""
    rows: dict[str, dict[str, Any]] = {host: {"host": host, "wholes": [], "parts": []} for host in ("k1", "k2", "k3")}
    for each in parts:
        rows[each["part"]["label"][:2]]["parts"].append(each)
    rows["k1"]["wholes"] += wholes
    return list(rows.values())


def test_parts_of_one_moment_are_a_manifest_like_that_of_the_playbook() -> None:
    found = choose_whole(seen(part(1), part(2), part(3)), "latest")
    whole = found["manifest"]
    assert (found["problems"], found["notes"], whole["name"], whole["key_count"]) == ([], [], FIRST, 60)
    assert [(shard["slots"], shard["host"], shard["backup"]) for shard in whole["shards"]] == [
        ("0-5460", "k2", f"{FIRST}-k2-7001"),
        ("5461-10922", "k3", f"{FIRST}-k3-7001"),
        ("10923-16383", "k1", f"{FIRST}-k1-7001"),
    ]
    assert whole["spread_ms"] == 8
    present = [
        {"primary": {"host": f"k{one}:7000", "port": 7000}, "slots": slots, "key_count": 0}
        for one, slots in enumerate(SLOTS, 1)
    ]
    places = [{"host": f"k{one}", "port": port} for one in (1, 2, 3) for port in (7000, 7001)]
    plan = assign_parts(whole, present, {"name": "cart", "places": places}, "", {})
    assert plan["problems"] == [] and [each["from"] for each in plan["parts"]] == ["k2", "k3", "k1"]


def test_what_is_missing_is_named() -> None:
    found = choose_whole(seen(part(1), part(3)), FIRST)
    assert found["manifest"] == {}
    assert found["problems"] == [
        f"{FIRST} is no whole backup: there is no part with the slots 5461-10922, of k2:7000 then"
    ]
    assert choose_whole(seen(part(1)), SECOND)["problems"] == [f"there is no backup {SECOND}"]
    assert choose_whole(seen(), "latest")["problems"] == ["there is no backup latest"]


def test_the_newest_that_is_whole_is_taken_and_newer_ones_are_named() -> None:
    whole = {"name": FIRST, "cluster": "cart", "shards": []}
    found = choose_whole(seen(part(1, SECOND), part(2, SECOND), wholes=[whole]), "latest")
    assert found["manifest"] is whole
    assert found["notes"] == [
        f"{SECOND} is no whole backup: there is no part with the slots 10923-16383, of k3:7000 then"
    ]
    both = seen(*(part(one, id_) for one in (1, 2, 3) for id_ in (FIRST, SECOND)))
    assert choose_whole(both, "latest")["manifest"]["name"] == SECOND
    assert choose_whole(both, FIRST)["manifest"]["name"] == FIRST


@pytest.mark.parametrize(
    ("where", "key", "value", "says"),
    [
        ("after", "epoch", 9, "slots or primaries moved while"),
        ("after", "slots", "0-100", "slots or primaries moved while"),
        ("both", "epoch", 9, "saw different owners of slots, or epochs"),
        ("both", "slots", "0-100", "saw different owners of slots, or epochs"),
    ],
)
def test_parts_that_saw_another_map_are_no_whole(where: str, key: str, value: Any, says: str) -> None:
    parts = [part(1), part(2), part(3)]
    for name in ("map", "after") if where == "both" else ("after",):
        parts[1]["part"][name]["id1"][key] = value
    (problem,) = judge_parts(parts)
    assert says in problem


@pytest.mark.parametrize(
    ("drills", "load", "wrong"),
    [
        (["failed: 1 key less"], "passed", True),
        (["failed: 1 key less", "passed"], "passed", False),
        (["not done: no room"], "passed", False),
        ([], "failed: 1 key less", True),
    ],
)
def test_a_part_whose_last_drill_failed_makes_no_whole(drills: list[str], load: str, wrong: bool) -> None:
    parts = [part(1), part(2), part(3)]
    parts[2]["drills"], parts[2]["verified"]["load"] = [{"result": result} for result in drills], load
    problems = [f"a proof or the last drill of {parts[2]['name']} has failed"] if wrong else []
    assert judge_parts(parts) == problems


def test_clocks_that_differ_widen_the_moment() -> None:
    parts = [part(1), part(2), part(3)]
    parts[0]["part"]["skew_ms"] = 700
    assert join_parts([("k1", each) for each in parts])["spread_ms"] == 708


def test_parts_must_have_all_slots() -> None:
    parts = [part(1), part(2)]
    for each in parts:
        for name in ("map", "after"):
            del each["part"][name]["id3"]
    assert judge_parts(parts) == ["the parts have 10923 slots instead of 16384"]
    assert count_shown("0-5460, 5470, 6000-6001") == 5464


def test_two_who_saved_one_shard_are_one_part() -> None:
    twice = part(2)
    twice["name"], twice["part"]["label"] = f"{FIRST}-k1-7001", "k1-7001"
    parts = [part(1), part(2), twice, part(3)]
    assert judge_parts(parts) == []
    whole = join_parts([(each["part"]["label"][:2], each) for each in parts])
    assert len(whole["shards"]) == 3 and whole["key_count"] == 60
