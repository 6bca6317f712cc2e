# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Three hosts with a set, as the status sees them: models, servers and Sentinels for tests of its pages."""

from __future__ import annotations

from typing import Any

from ansible_collections.quorum.redis.plugins.module_utils._model.observed import (
    Downstream,
    Observed,
    SentinelView,
    Upstream,
    WatchedMaster,
)

HOSTS = ("r1", "r2", "r3")
ADDRESS = {host: f"10.0.0.{number}" for number, host in enumerate(HOSTS, 1)}


def endpoints(port: int) -> list[dict[str, Any]]:
    return [{"host": host, "address": ADDRESS[host], "port": port} for host in HOSTS]


def model(sentinel: bool = True, names: tuple[str, ...] = ("main",)) -> dict[str, Any]:
    sets = [
        {"name": name, "members": endpoints(6379 + n), "sentinel": sentinel, "port": 6379 + n}
        for n, name in enumerate(names)
    ]
    return {"instances": sets, "sentinel": {"members": endpoints(26379)}}


def primary(offset: int = 100, port: int = 6379, keys: int = 7) -> dict[str, Any]:
    replicas = [Downstream(ADDRESS[host], port, "online", offset, 0) for host in HOSTS[1:]]
    seen = Observed(reachable=True, engine="redis", version="7.0.15", role="primary", offset=offset, key_count=keys)
    seen.replicas = replicas
    return seen.to_dict()


def replica(
    offset: int = 100, of: str = "10.0.0.1", port: int = 6379, link: str = "up", syncing: bool = False
) -> dict[str, Any]:
    seen = Observed(reachable=True, engine="redis", version="7.0.15", role="replica", offset=offset, key_count=7)
    seen.primary = Upstream(of, port, link, syncing, 0)
    return seen.to_dict()


def parked() -> dict[str, Any]:
    return replica(0, "127.0.0.1", 0, "down")


def unwritten(key: str) -> dict[str, Any]:
    return {**replica(), "persistence": {"aof_last_write_status": "ok", key: "err"}}


def gone(error: str = "10.0.0.3:6379 refuses connections") -> dict[str, Any]:
    return Observed(error=error, error_kind="refused").to_dict()


def sentinel(
    of: str = "10.0.0.1",
    flags: tuple[str, ...] = ("master",),
    watching: str = "main",
    replicas: dict[int, str] | None = None,
    others: dict[int, str] | None = None,
) -> dict[str, Any]:
    master = WatchedMaster(of, 6379, flags=list(flags), quorum=2)
    for found, port, entries in (
        (master.replicas, 6379, {2: "slave", 3: "slave", **(replicas or {})}),
        (master.sentinels, 26379, {2: "sentinel", 3: "sentinel", **(others or {})}),
    ):
        found += [
            {"address": f"10.0.0.{number}", "port": port, "myid": f"id{number}", "flags": state.split(",")}
            for number, state in entries.items()
        ]
    return SentinelView(reachable=True, masters={watching: master}).to_dict()


def servers(*seen: dict[str, Any] | None) -> dict[str, dict[str, Any]]:
    return {host: {"main": one} for host, one in zip(HOSTS, seen, strict=True) if one is not None}


def sentinels(*seen: dict[str, Any] | None) -> dict[str, Any]:
    return {host: one for host, one in zip(HOSTS, seen, strict=True) if one is not None}
