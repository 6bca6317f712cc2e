# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which primary gets which part of a backup of a cluster."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.quorum.redis.plugins.module_utils._model.cluster_restore import assign_parts

SLOTS = ("0-5460", "5461-10922", "10923-16383")
CLUSTER = {
    "name": "cart",
    "places": [{"host": f"k{number}", "port": port} for number in (1, 2, 3) for port in (7000, 7001)],
}


def manifest(**more: Any) -> dict[str, Any]:
    proofs = {"file_check": "passed", "load": "not done: told so"}
    parts = [
        {"slots": slots, "backup": f"T-k{one}-7001", "host": f"k{one}", "key_count": 10 * one, "verified": proofs}
        for one, slots in enumerate(SLOTS, 1)
    ]
    return {"cluster": "cart", "name": "T", "began": "then", "key_count": 60, "shards": parts, **more}


def shards(*keys: int) -> list[dict[str, Any]]:
    hosts = ("k2:7001", "k1:7000", "k3:7000")
    return [
        {"primary": {"host": host, "port": int(host[-4:])}, "slots": slots, "key_count": count}
        for host, slots, count in zip(hosts, SLOTS, keys or (5, 5, 5), strict=True)
    ]


def test_the_slots_decide_who_gets_what() -> None:
    plan = assign_parts(manifest(), shards(), CLUSTER, "", {})
    assert plan["problems"] == []
    told = [(part["backup"], part["from"], part["host"], part["server"], part["here"]) for part in plan["parts"]]
    assert told == [
        ("T-k1-7001", "k1", "k2", "cart-7001", False),
        ("T-k2-7001", "k2", "k1", "cart-7000", False),
        ("T-k3-7001", "k3", "k3", "cart-7000", True),
    ]
    assert [(one["host"], one["server"]) for one in plan["others"]] == [
        ("k1", "cart-7001"),
        ("k2", "cart-7000"),
        ("k3", "cart-7001"),
    ]
    assert plan["lines"][1] == "k2:7001 (slots 0-5460): 5 keys now, 10 of T-k1-7001 then"
    everywhere = assign_parts(manifest(), shards(), CLUSTER, "localhost", {})
    assert {(part["from"], part["here"]) for part in everywhere["parts"]} == {("localhost", False)}


def test_a_manifest_of_the_first_format_gives_the_same_plan() -> None:
    old = json.loads(json.dumps(manifest()).replace("key_count", "keys"))
    assert assign_parts(old, shards(), CLUSTER, "", {}) == assign_parts(manifest(), shards(), CLUSTER, "", {})


def test_a_format_of_a_later_version_is_refused() -> None:
    plan = assign_parts({"format": 3, "cluster": "cart"}, shards(), CLUSTER, "", {})
    assert plan["problems"] == ["its manifest has format 3, known is 2: use a newer quorum.redis"]


def test_other_slots_and_what_did_not_pass_are_refused() -> None:
    odd = shards()
    odd[0]["slots"] = "0-5000"
    assert assign_parts(manifest(), odd, CLUSTER, "", {})["problems"] == [
        "no primary has the slots 0-5460 of T-k1-7001",
        "k2:7001 has the slots 0-5000, which no part of the backup has",
    ]
    bad = manifest()
    bad["shards"][2] = {**bad["shards"][2], "verified": {"file_check": "passed", "load": "failed"}}
    assert assign_parts(bad, shards(), CLUSTER, "", {})["problems"] == ["T-k3-7001 is not good: load failed"]


def test_what_was_loaded_is_compared_but_for_keys_that_expire() -> None:
    assert assign_parts(manifest(), shards(10, 20, 30), CLUSTER, "", {})["wrong"] == []
    assert assign_parts(manifest(), shards(10, 20, 28), CLUSTER, "", {"T-k3-7001": 2})["wrong"] == []
    wrong = assign_parts(manifest(), shards(10, 21, 28), CLUSTER, "", {"T-k3-7001": 1})["wrong"]
    assert wrong == ["k1:7000 has 21 keys instead of 20", "k3:7000 has 28 keys instead of 30"]
