# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of a cluster's backup that hosts have made by their timers, and whether they are a whole one; pure."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Sequence, Tuple

from .backup_manifest import FORMAT, is_good, iso_time
from .cluster_slots import SLOTS

Part = Mapping[str, Any]
FIELDS = (
    *("engine", "version", "rdb_version", "role", "replication_id", "replication_offset", "began", "rdb"),
    *("rdb_size", "rdb_sha256", "compression", "verified"),
)


def describe_part(manifest: Part) -> Dict[str, Any]:
    """Return what the manifest of a whole backup says of a part beside where it belongs."""
    keys = sum(database["key_count"] for database in manifest["databases"].values())
    return {**{key: manifest[key] for key in FIELDS}, "key_count": keys}


def judge_parts(parts: Sequence[Part]) -> List[str]:
    """Return why parts with one time are no whole backup: they must have seen one map, and have all slots of it."""
    problems = []
    first = parts[0]
    for manifest in parts:
        own = manifest["part"]
        if not is_good(manifest):
            problems.append(f"a proof or the last drill of {manifest['name']} has failed")
        if own["map"] != own["after"]:
            problems.append(f"slots or primaries moved while {manifest['name']} was saved")
        if own["map"] != first["part"]["map"]:
            problems.append(f"{manifest['name']} and {first['name']} saw different owners of slots, or epochs")
    if problems:
        return problems
    saved = {(part["part"]["primary"]["id"], part["part"]["slots"]) for part in parts}
    for id_, owner in first["part"]["map"].items():
        if (id_, owner["slots"]) not in saved:
            problems.append(f"there is no part with the slots {owner['slots']}, of {owner['member']} then")
    covered = sum(count_shown(slots) for _id, slots in saved)
    if not problems and covered != SLOTS:
        problems.append(f"the parts have {covered} slots instead of {SLOTS}")
    return problems


def count_shown(text: str) -> int:
    """Return how many slots are in ranges as they are shown, such as `0-5460, 5470`."""
    ranges = [entry.strip().partition("-") for entry in text.split(",")]
    return sum(int(last or first) - int(first) + 1 for first, _dash, last in ranges)


def join_parts(parts: Sequence[Tuple[str, Part]]) -> Dict[str, Any]:
    """Return the manifest of the whole backup from the parts, each with the host that has it."""
    by_slots: Dict[str, Dict[str, Any]] = {}
    for host, manifest in parts:
        own = manifest["part"]
        kept = {key: own[key] for key in ("slots", "slot_count", "primary", "source", "label")}
        by_slots.setdefault(own["slots"], {**kept, "host": host, "backup": manifest["name"], **describe_part(manifest)})
    shards = sorted(by_slots.values(), key=lambda shard: int(str(shard["slots"]).replace(",", "-").split("-", 1)[0]))
    first = parts[0][1]
    late = [manifest["part"]["late_ms"] for _host, manifest in parts]
    skew = max(manifest["part"].get("skew_ms", 0) for _host, manifest in parts)  # moments are of the hosts' own clocks
    return {
        "format": FORMAT,
        "cluster": first["data_set"],
        "name": first["part"]["id"],
        "began": iso_time(first["part"]["moment"]),
        "ended": max(manifest["ended"] for _host, manifest in parts),
        "spread_ms": max(late) - min(late) + skew,
        "key_count": sum(shard["key_count"] for shard in shards),
        "shards": shards,
        "nodes": first["part"]["nodes"],
    }


def choose_whole(seen: Sequence[Mapping[str, Any]], wanted: str) -> Dict[str, Any]:
    """Return the manifest of the wanted backup, or of the newest whole one, from what each host has.

    `problems` says why there is none, `notes` which newer ones are no whole backup.
    """
    wholes = {whole["name"]: whole for host in seen for whole in host["wholes"]}
    parts: Dict[str, List[Tuple[str, Part]]] = {}
    for host in seen:
        for manifest in host["parts"]:
            parts.setdefault(manifest["part"]["id"], []).append((host["host"], manifest))
    notes: List[str] = []
    for id_ in sorted({*wholes, *parts}, reverse=True):
        if wanted not in ("latest", id_):
            continue
        if id_ in wholes:
            return {"manifest": wholes[id_], "problems": [], "notes": notes}
        wrong = judge_parts([manifest for _host, manifest in parts[id_]])
        if not wrong:
            return {"manifest": join_parts(parts[id_]), "problems": [], "notes": notes}
        notes.append(f"{id_} is no whole backup: {'; '.join(wrong)}")
    return {"manifest": {}, "problems": notes or [f"there is no backup {wanted}"], "notes": []}
