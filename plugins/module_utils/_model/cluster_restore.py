# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which primary of a cluster gets which part of a backup, and what stands in the way; pure."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Sequence

from .backup_manifest import FORMAT, PASSED, rename_counts
from .tables import count_of

PROOFS = ("file_check", "load")


def assign_parts(
    manifest: Mapping[str, Any],
    shards: Sequence[Mapping[str, Any]],
    cluster: Mapping[str, Any],
    holder: str,
    expires: Mapping[str, int],
) -> Dict[str, Any]:
    """Return for each shard who gets which backup from where, who is started later, the problems, and what is wrong.

    `shards` are those of the cluster as it is; `holder` is where the backup is, empty: with each host that has made a
    part of it; `expires` are the keys of each part that may have gone meanwhile.
    """
    if manifest.get("format", 1) > FORMAT:
        newer = [f"its manifest has format {manifest['format']}, known is {FORMAT}: use a newer quorum.redis"]
        return {"parts": [], "others": [], "problems": newer, "wrong": newer, "lines": []}
    manifest = rename_counts(manifest)
    name, places = str(cluster["name"]), cluster["places"]
    present = {str(shard["slots"]): shard for shard in shards}
    saved = {str(part["slots"]): part for part in manifest["shards"]}
    parts: List[Dict[str, Any]] = []
    problems, wrong = [], []
    for slots, part in saved.items():
        if slots not in present:
            problems.append(f"no primary has the slots {slots} of {part['backup']}")
            continue
        bad = [f"{proof} {part['verified'][proof]}" for proof in PROOFS if not _fine(part["verified"][proof])]
        problems += [f"{part['backup']} is not good: {', '.join(bad)}"] if bad else []
        primary = present[slots]["primary"]
        parts.append(
            {
                "backup": part["backup"],
                "slots": slots,
                "key_count": part["key_count"],
                "from": holder or part["host"],
                "here": (holder or part["host"]) == _bare(primary["host"]),
                "host": _bare(primary["host"]),
                "port": primary["port"],
                "server": f"{name}-{primary['port']}",
                "present": present[slots]["key_count"],
            }
        )
    problems += [
        f"{shard['primary']['host']} has the slots {slots}, which no part of the backup has"
        for slots, shard in present.items()
        if slots not in saved
    ]
    heads = {(part["host"], part["port"]) for part in parts}
    others = [
        {"host": place["host"], "port": place["port"], "server": f"{name}-{place['port']}"}
        for place in places
        if (place["host"], place["port"]) not in heads
    ]
    for part in parts:
        if not part["key_count"] - expires.get(part["backup"], 0) <= part["present"] <= part["key_count"]:
            wrong.append(f"{part['host']}:{part['port']} has {part['present']} keys instead of {part['key_count']}")
    lines = _lines(manifest, parts, name)
    return {"parts": parts, "others": others, "problems": problems, "wrong": problems + wrong, "lines": lines}


def _bare(host: str) -> str:
    """Return the host of a member, which is named with its port where a host has several."""
    return host.rsplit(":", 1)[0]


def _fine(text: str) -> bool:
    return text == PASSED or text.startswith("not done")


def _lines(manifest: Mapping[str, Any], parts: Sequence[Mapping[str, Any]], name: str) -> List[str]:
    """Return the plan for people."""
    lines = [
        f"{name}: {manifest['name']} of {manifest['cluster']}, begun {manifest['began']}, "
        f"{manifest['key_count']} keys in {count_of(len(manifest['shards']), 'shard')}"
    ]
    lines += [
        f"{part['host']}:{part['port']} (slots {part['slots']}): {part['present']} keys now, "
        f"{part['key_count']} of {part['backup']} then"
        for part in parts
    ]
    return [
        *lines,
        "keep what is there now as a backup",
        "stop all servers of the cluster, put the files in place, start the primaries, then the replicas",
    ]
