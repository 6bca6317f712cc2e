# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a verb does not do for clusters yet, said before anything is changed; pure."""

from __future__ import annotations

from typing import Any, List, Mapping, Sequence, Tuple

NOTHING = "Nothing was changed."


def judge_verb(verb: str, options: Mapping[str, Any], model: Mapping[str, Any]) -> Tuple[List[str], List[str]]:
    """Return why this verb cannot be done, and what it leaves alone, a sentence each."""
    clusters = [str(declared["name"]) for declared in model["clusters"]]
    others = [str(declared["name"]) for declared in model["instances"]]
    if not clusters:
        return [], []
    if verb == "failover":
        return _failover(options, clusters, others)
    if verb == "backup":
        return _backup(options, clusters, others)
    return [], _timed(options, model) if not verb else []


def _timed(options: Mapping[str, Any], model: Mapping[str, Any]) -> List[str]:
    """Return a warning for each cluster of which the timer runs on some hosts only: a host reads its own servers."""
    carriers, wished = options.get("redis_backup_timed") or [], options.get("redis_backup_sets")
    warnings = []
    for cluster in model["clusters"]:
        hosts = sorted({str(member["host"]) for member in cluster["members"]})
        lacking = [host for host in hosts if host not in carriers]
        if len(lacking) < len(hosts) and lacking and (not wished or cluster["name"] in wished):
            warnings.append(
                f"{cluster['name']}: the timer of the backups runs on some of its hosts, not on {', '.join(lacking)}. "
                "A shard of which no replica is on a host with the timer is not saved, and then none is: put all hosts "
                "into the group."
            )
    return warnings


def _failover(
    options: Mapping[str, Any], clusters: Sequence[str], others: Sequence[str]
) -> Tuple[List[str], List[str]]:
    chosen = options.get("redis_failover_instance")
    if chosen is None and others:
        named = f"name one with redis_failover_instance={clusters[0]}"
        return [], [f"{', '.join(clusters)} was left alone; to move a primary of a cluster, {named}."]
    names = [chosen] if chosen is not None else clusters
    if not set(names) & set(clusters):
        return [], []
    if len(names) > 1:
        return [f"Several clusters are declared: name one with redis_failover_instance. {NOTHING}"], []
    problems = []
    if not options.get("redis_failover_to"):
        problems.append(
            f"{names[0]} is a cluster of several primaries: say with redis_failover_to=HOST, or HOST:PORT where a "
            f"host has several of its servers, who shall be the primary of its shard. {NOTHING}"
        )
    for option in ("redis_failover_avoid", "redis_failover_dead_primary"):
        if options.get(option):
            problems.append(f"{option} has no meaning for {names[0]}, a cluster, which replaces who died. {NOTHING}")
    return problems, []


def _backup(options: Mapping[str, Any], clusters: Sequence[str], others: Sequence[str]) -> Tuple[List[str], List[str]]:
    chosen = ", ".join(name for name in options.get("redis_backup_sets") or clusters if name in clusters)
    if not chosen:
        return [], []
    rest = f" Back up the others by themselves, with redis_backup_sets={','.join(others)}." if others else ""
    cannot = {
        "redis_backup_member": "has no meaning for {}, a cluster: a server of each of its shards is backed up.",
        "redis_backup_trial_host": "cannot be used for {}, a cluster, yet: its members prove what they have saved.",
    }
    unlike = {
        "redis_backup_fresh": "{}, a cluster, is backed up anew, whatever redis_backup_fresh says.",
        "redis_backup_aof": "The AOF of {}, a cluster, is not copied.",
    }
    refused = [f"{key} {text.format(chosen)} {NOTHING}{rest}" for key, text in cannot.items() if options.get(key)]
    return refused, [text.format(chosen) for key, text in unlike.items() if options.get(key)]
