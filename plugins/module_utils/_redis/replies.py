# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replies of INFO and SENTINEL as dataclasses, the same shape for every engine and version; pure."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, Sequence, Tuple

from .._model.observed import Downstream, Observed, Upstream, WatchedMaster

_PERSISTENCE = (
    "loading",
    "aof_enabled",
    "aof_rewrite_in_progress",
    "aof_rewrite_scheduled",
    "aof_last_bgrewrite_status",
    "aof_last_write_status",
    "rdb_bgsave_in_progress",
    "rdb_last_bgsave_status",
    "rdb_last_save_time",
    "rdb_changes_since_last_save",
)
_MEMORY = (
    "used_memory",
    "used_memory_rss",
    "used_memory_peak",
    "maxmemory",
    "maxmemory_policy",
    "total_system_memory",
    "mem_fragmentation_ratio",
)

_STAMP = re.compile(r"\d+:\w [^*#]*([*#]) ")


def parse_info(text: str) -> Dict[str, str]:
    """Return the names and values of INFO; section titles are left out."""
    pairs = (line.partition(":") for line in text.splitlines() if line and not line.startswith("#"))
    return {name: value for name, colon, value in pairs if colon}


def parse_number(text: Any, default: int = 0) -> int:
    """Return a number of a reply, or the default where it is missing or no number."""
    try:
        return int(text)
    except (TypeError, ValueError):
        return default


def count_calls(info: Dict[str, str], command: str) -> int:
    """Return how often a command was called, from INFO commandstats."""
    row = info.get(f"cmdstat_{command}", "")
    return parse_number(dict(part.split("=", 1) for part in row.split(",") if "=" in part).get("calls"))


def _commas(text: str) -> Dict[str, str]:
    return {key: value for key, _equals, value in (part.partition("=") for part in text.split(","))}


def _typed(info: Dict[str, str], names: Sequence[str]) -> Dict[str, Any]:
    """Return the named values; whole numbers as numbers."""
    return {name: int(info[name]) if info[name].lstrip("-").isdigit() else info[name] for name in names if name in info}


def engine_of(info: Dict[str, str]) -> Tuple[str, str]:
    """Return engine and version; Valkey says redis_version:7.2.4 for the sake of old clients."""
    if "valkey_version" in info or info.get("server_name") == "valkey":
        return "valkey", info.get("valkey_version", "")
    return "redis", info.get("redis_version", "")


def apply_info(seen: Observed, text: str) -> Observed:
    """Fill in what INFO says."""
    info = parse_info(text)
    seen.reachable = True
    seen.engine, seen.version = engine_of(info)
    seen.run_id = info.get("run_id", "")
    seen.mode = info.get("server_mode", info.get("redis_mode", ""))
    seen.role = {"master": "primary", "slave": "replica"}.get(info.get("role", ""), "")
    seen.replication_id = info.get("master_replid", "")
    seen.replication_id2 = info.get("master_replid2", "").strip("0")
    seen.offset = parse_number(info.get("slave_repl_offset", info.get("master_repl_offset")))
    seen.second_offset = parse_number(info.get("second_repl_offset"), -1)
    seen.priority = parse_number(info.get("slave_priority"), 100)
    seen.failover_state = info.get("master_failover_state", "")
    if seen.role == "replica":
        seen.primary = Upstream(
            info.get("master_host", ""),
            parse_number(info.get("master_port")),
            info.get("master_link_status", "down"),
            info.get("master_sync_in_progress") == "1",
            parse_number(info.get("master_last_io_seconds_ago"), -1),
        )
    for count in range(parse_number(info.get("connected_slaves"))):
        fields = _commas(info.get(f"slave{count}", ""))
        if fields.get("ip"):
            seen.replicas.append(
                Downstream(
                    fields["ip"],
                    parse_number(fields.get("port")),
                    fields.get("state", ""),
                    parse_number(fields.get("offset")),
                    parse_number(fields.get("lag"), -1),
                )
            )
    seen.databases = {
        name[2:]: parse_number(_commas(value).get("keys"))
        for name, value in info.items()
        if name[:2] == "db" and name[2:].isdigit()
    }
    seen.key_count = sum(seen.databases.values())
    seen.persistence, seen.memory = _typed(info, _PERSISTENCE), _typed(info, _MEMORY)
    seen.uptime = parse_number(info.get("uptime_in_seconds"))
    if seen.loading:
        seen.error, seen.error_kind = "is still loading its data set", "loading"
    return seen


def as_dict(reply: Sequence[Any]) -> Dict[str, str]:
    """Return a flat list of names and values as a dict."""
    return dict(zip(reply[::2], reply[1::2]))


def _flags(text: str) -> List[str]:
    return sorted(flag for flag in text.split(",") if flag)


def parse_master(reply: Sequence[Any]) -> Tuple[str, WatchedMaster]:
    """Return name and view of one entry of SENTINEL MASTERS."""
    data = as_dict(reply)
    return data.get("name", ""), WatchedMaster(
        address=data.get("ip", ""),
        port=parse_number(data.get("port")),
        run_id=data.get("runid", ""),
        flags=_flags(data.get("flags", "")),
        quorum=parse_number(data.get("quorum")),
        down_after=parse_number(data.get("down-after-milliseconds")),
        failover_timeout=parse_number(data.get("failover-timeout")),
        parallel_syncs=parse_number(data.get("parallel-syncs")),
        config_epoch=parse_number(data.get("config-epoch")),
    )


def parse_replicas(reply: Sequence[Sequence[Any]]) -> List[Dict[str, Any]]:
    """Return what SENTINEL REPLICAS says, without what changes at every look."""
    return sorted(
        (
            {
                "address": data.get("ip", ""),
                "port": parse_number(data.get("port")),
                "run_id": data.get("runid", ""),
                "flags": _flags(data.get("flags", "")),
                "link": data.get("master-link-status", ""),
                "priority": parse_number(data.get("slave-priority"), 100),
                "offset": parse_number(data.get("slave-repl-offset")),
            }
            for data in map(as_dict, reply)
        ),
        key=lambda item: (item["address"], item["port"]),
    )


def parse_sentinels(reply: Sequence[Sequence[Any]]) -> List[Dict[str, Any]]:
    """Return what SENTINEL SENTINELS says about the other Sentinels; their runid is their myid."""
    return sorted(
        (
            {
                "address": data.get("ip", ""),
                "port": parse_number(data.get("port")),
                "myid": data.get("runid", ""),
                "flags": _flags(data.get("flags", "")),
            }
            for data in map(as_dict, reply)
        ),
        key=lambda item: (item["address"], item["port"]),
    )


def keys_by_database(info: Mapping[str, str]) -> Dict[str, Dict[str, int]]:
    """Return keys and expiring keys of each database that INFO names; pure."""
    databases = {}
    for name, value in info.items():
        if re.fullmatch(r"db\d+", name):
            numbers = dict(part.split("=", 1) for part in value.split(",") if "=" in part)
            counts = (parse_number(numbers.get(key)) for key in ("keys", "expires"))
            databases[name[2:]] = dict(zip(("key_count", "expires"), counts))
    return databases


def reason_in_log(text: str) -> str:
    """Return the engine's own reason from its log; pure."""
    loud = [_STAMP.sub("", row).strip() for row in text.splitlines() if "#" in _STAMP.findall(row)]
    loud = [row for row in loud if not row.startswith("WARNING")]
    reasons = [row for row in loud if row not in ("Background saving error", "Background AOF rewrite error")] or loud
    return "; ".join(dict.fromkeys(reasons[-2:]))


def parse_acl_log(rows: Sequence[Sequence[Any]], seconds: float) -> List[Dict[str, Any]]:
    """Return what users were refused of late: commands, keys and channels, not logins."""
    refusals = []
    for row in rows:
        fields = dict(zip(row[::2], row[1::2]))
        age = float(fields["age-seconds"])
        if fields["reason"] != "auth" and age <= seconds:
            what = {"user": fields["username"], "kind": fields["reason"], "object": fields["object"]}
            refusals.append({**what, "times": int(fields["count"]), "age": int(age)})
    return refusals
