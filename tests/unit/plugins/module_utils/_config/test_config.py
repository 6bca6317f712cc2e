# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Desired against running settings: what differs, and where each difference goes."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._config.diff import (
    Change,
    Live,
    canonical_name,
    clients_warning,
    list_changes,
    plan_changes,
    show_values,
)
from ansible_collections.quorum.redis.plugins.module_utils._model.conf_syntax import parse_state_file
from ansible_collections.quorum.redis.plugins.module_utils._model.versions import running_version

DEFAULTS = {
    "maxmemory": "0",
    "hz": "10",
    "replica-priority": "100",
    "slave-priority": "100",
    "maxclients": "10000",
    "port": "0",
    "dir": "/scratch",
    "unixsocket": "/scratch/s",
    "supervised": "no",
    "requirepass": "",
    "maxmemory-policy": "noeviction",
    "databases": "16",
    "appendonly": "no",
}


def found(
    parameters: dict[str, Any], desired: dict[str, str], live: dict[str, str], same_version: bool = True
) -> list[str]:
    changes = list_changes(parameters, {**DEFAULTS, **desired}, {**DEFAULTS, **live}, same_version, {"hidden"})
    return [str(change) for change in changes]


@pytest.mark.parametrize(
    ("parameters", "desired", "live", "expected"),
    [
        ({}, {}, {}, []),
        ({"maxmemory": "1gb"}, {"maxmemory": "1073741824"}, {}, ["maxmemory 0 -> 1073741824"]),
        ({}, {}, {"maxmemory": "5"}, ["maxmemory 5 -> 0"]),
        ({}, {}, {"port": "6379", "dir": "/data", "supervised": "systemd", "unixsocket": ""}, []),
        ({"port": 7000}, {}, {"port": "6379"}, ["port 6379 -> 7000"]),
        ({"dir": "/data/"}, {}, {"dir": "/data"}, []),
        ({"supervised": "SYSTEMD"}, {}, {"supervised": "systemd"}, []),
        ({"replicaof": "h 1"}, {}, {"replicaof": ""}, []),
        ({"replica-priority": 5}, {"replica-priority": "5", "slave-priority": "5"}, {}, ["replica-priority 100 -> 5"]),
        ({"slave-priority": 5}, {"replica-priority": "5", "slave-priority": "5"}, {}, ["slave-priority 100 -> 5"]),
        ({}, {}, {"replica-priority": "5", "slave-priority": "5"}, ["replica-priority 5 -> 100"]),
        (
            {"requirepass": "a"},
            {"requirepass": "a"},
            {"requirepass": "b"},
            ["requirepass ******** -> ******** (changed)"],
        ),
        ({"hidden": "a"}, {"hidden": "a"}, {"hidden": "b"}, ["hidden ******** -> ******** (changed)"]),
        ({"maxclients": 20000}, {"maxclients": "4064"}, {"maxclients": "20000"}, []),
        ({"maxclients": 20000}, {"maxclients": "4064"}, {"maxclients": "4064"}, []),
        ({}, {"maxclients": "4064"}, {}, []),
        ({"maxclients": 20000}, {"maxclients": "20000"}, {}, ["maxclients 10000 -> 20000"]),
        ({"maxclients": 500}, {"maxclients": "500"}, {}, ["maxclients 10000 -> 500"]),
        ({"brand-new": 1}, {"brand-new": "1"}, {}, ["brand-new '' -> 1"]),
        ({}, {"brand-new": "1"}, {}, []),
    ],
)
def test_differences(
    parameters: dict[str, Any], desired: dict[str, str], live: dict[str, str], expected: list[str]
) -> None:
    assert found(parameters, desired, live) == expected


def test_another_version_is_compared_in_declared_keys_only() -> None:
    assert found({"maxmemory": 5}, {"maxmemory": "5", "hz": "20"}, {}, same_version=False) == ["maxmemory 0 -> 5"]


def test_another_engine_knows_a_setting_by_another_name() -> None:
    """Valkey tells primaryauth and masterauth, Redis, which still runs, masterauth only."""
    both = {"masterauth": "a", "primaryauth": "a"}
    assert found({"masterauth": "a"}, both, {"masterauth": "a"}, same_version=False) == []
    expected = ["masterauth ******** -> ******** (changed)"]
    assert found({"masterauth": "a"}, both, {"masterauth": "b"}, same_version=False) == expected


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("slave-read-only", "replica-read-only"),
        ("hash-max-ziplist-entries", "hash-max-listpack-entries"),
        ("primaryauth", "masterauth"),
        ("lua-time-limit", "busy-reply-threshold"),
        ("min-slaves-max-lag", "min-replicas-max-lag"),
    ],
)
def test_names_of_one_setting(key: str, name: str) -> None:
    assert canonical_name(key) == canonical_name(name)


def sorted_out(change: Change, desired: dict[str, str] | None = None, **live: Any) -> tuple[str, str]:
    facts = {"version": "7.0.15", "config": dict(DEFAULTS, bind="", **{"tls-port": "0", "dbfilename": "x"}), **live}
    result = plan_changes([change], {**DEFAULTS, **(desired or {})}, Live(**facts), {}, "7.0.15", "sha")
    where = "live" if result.live else result.restart[0]["why"] if result.restart else result.warnings[0]
    return where, result.dangerous[0]["why"] if result.dangerous else ""


@pytest.mark.parametrize(
    ("change", "desired", "live", "where", "danger"),
    [
        (Change("hz", "10", "20"), {}, {}, "live", ""),
        (Change("databases", "16", "8"), {}, {"fixed": {"databases": "immutable"}}, "immutable", ""),
        (Change("databases", "16", "8"), {}, {"info": {"db8": "keys=1"}}, "live", "database 8 holds data"),
        (Change("databases", "16", "8"), {}, {"info": {"db7": "keys=1"}}, "live", ""),
        (Change("bind", "a", "b"), {}, {}, "never changed under a running process", ""),
        (Change("unheard-of", "", "1"), {}, {}, "unknown to the running version 7.0.15", ""),
        (Change("requirepass", "a", "b", True), {}, {}, "live", "rotate"),
        (Change("dbfilename", "a", "b"), {}, {"fixed": {"dbfilename": "protected"}}, "protected", "come up empty"),
        (Change("dbfilename", "a", "b"), {}, {}, "live", ""),
        (
            Change("maxmemory", "0", "5"),
            {"maxmemory": "5"},
            {"info": {"used_memory": "9"}},
            "live",
            "refuse all writes",
        ),
        (
            Change("maxmemory", "0", "5"),
            {"maxmemory": "5", "maxmemory-policy": "allkeys-lru"},
            {"info": {"used_memory": "9"}},
            "live",
            "evict data (allkeys-lru)",
        ),
        (Change("maxmemory", "5", "0"), {"maxmemory": "0"}, {"info": {"used_memory": "9"}}, "live", ""),
        (Change("maxclients", "10", "5000"), {}, {"open_files": 1024}, "only 1024 files", ""),
        (
            Change("maxclients", "10", "5000"),
            {},
            {"open_files": 1024, "started_sha": "sha"},
            "as at the last start",
            "",
        ),
        (Change("maxclients", "10", "5000"), {}, {"open_files": 9999}, "live", ""),
    ],
)
def test_where_a_difference_goes(
    change: Change, desired: dict[str, str], live: dict[str, Any], where: str, danger: str
) -> None:
    seen = sorted_out(change, desired, **live)
    assert where in seen[0]
    assert danger in seen[1] if danger else not seen[1]


@pytest.mark.parametrize(
    ("live", "keys"),
    [
        (Live("7.0.15"), []),
        (Live("6.0.16"), ["version"]),
        (Live("7.0.15", replaced=True), ["version"]),
        (Live("7.0.15", config_refused="no CONFIG", started_sha="other"), ["*"]),
        (Live("7.0.15", config_refused="no CONFIG", started_sha="sha"), []),
        (Live("7.0.15", started_with={"loadmodule": ["/m.so"]}), ["loadmodule"]),
        (Live("7.0.15", started_with={"rename-command": ["A b"]}), ["rename-command"]),
        (Live("7.0.15", started_with={"port": ["1"]}), []),
    ],
)
def test_other_reasons_to_restart(live: Live, keys: list[str]) -> None:
    assert [item["key"] for item in plan_changes([], {}, live, {}, "7.0.15", "sha").restart] == keys


def test_small_readers() -> None:
    head = "# quorum.redis: assembled from sha256:" + "a" * 64 + "\n"
    assert parse_state_file(head + "port 1\n") == {"started_sha": "a" * 64, "started_with": {"port": ["1"]}}
    assert parse_state_file("port 1\n")["started_sha"] == ""
    assert parse_state_file(None)["started_with"] == {}
    assert running_version({"redis_version": "7.2.4", "valkey_version": "8.1.1"}) == "8.1.1"
    assert show_values([Change("a", "", "2"), Change("b", "x", "y", True)], True) == "a 2\nb ******** (new value)\n"
    assert "4064 are in force" in clients_warning({"maxclients": 9999}, {"maxclients": "4064"})
    assert not clients_warning({}, {"maxclients": "4064"})


def test_what_belongs_to_the_port_for_tls_waits_for_the_restart_with_it() -> None:
    live = Live(version="7.0.15", config={"tls-port": "0", "tls-cert-file": "", "hz": "10"})
    changes = [Change("hz", "10", "20"), Change("tls-cert-file", "", "/c"), Change("tls-port", "0", "16379")]
    found = plan_changes(changes, {}, live, {}, "7.0.15", "sha")
    assert [change.key for change in found.live] == ["hz"]
    assert [item["key"] for item in found.restart] == ["tls-cert-file", "tls-port"]
    live.config["tls-port"] = "16379"
    assert [change.key for change in plan_changes(changes[:2], {}, live, {}, "7.0.15", "sha").live] == [
        "hz",
        "tls-cert-file",
    ]


def test_the_one_database_of_a_cluster_is_no_difference() -> None:
    """Redis says so from 8.0 on, and the scratch process, which is no member of a cluster, names its default."""
    desired, live = {"databases": "16"}, {"databases": "1", "cluster-enabled": "yes"}
    assert list_changes({"cluster-enabled": True}, desired, live, True, set()) == []
    assert [change.key for change in list_changes({}, desired, {"databases": "1"}, True, set())] == ["databases"]
