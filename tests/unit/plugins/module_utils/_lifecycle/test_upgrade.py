# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths and order of a rolling upgrade."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.quorum.redis.plugins.filter.upgrade import FilterModule
from ansible_collections.quorum.redis.plugins.module_utils._lifecycle.upgrade import refuse_versions
from ansible_collections.quorum.redis.plugins.module_utils._model.versions import (
    data_format,
    fits_version,
    upstream_version,
)

OLD, NEW = "7.0.15", "8.0.2"
plan = FilterModule().filters()["upgrade"]


@pytest.mark.parametrize(
    ("engine", "version", "expected"),
    [
        ("redis", "5.0.14", 9),
        ("redis", "6.0.16", 9),
        ("redis", "6.2.14", 9),
        ("redis", "7.0.15", 10),
        ("redis", "7.2.6", 11),
        ("redis", "7.4.1", 12),
        ("redis", "8.0.2", 12),
        ("redis", "8.2.3", 12),
        ("redis", "10.0.0", 12),
        ("valkey", "7.2.5", 11),
        ("valkey", "8.0.1", 11),
        ("valkey", "8.1.1", 11),
        ("valkey", "9.1.2", 80),
    ],
)
def test_data_formats(engine: str, version: str, expected: int) -> None:
    assert data_format(engine, version) == expected


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("redis 6.0.16", "redis 7.0.15", ""),
        ("redis 6.0.16", "redis 8.0.2", ""),
        ("redis 7.0.15", "redis 8.0.2", ""),
        ("redis 7.0.15", "redis 7.0.15", ""),
        ("redis 7.0.15", "redis 7.0.11", ""),
        ("redis 7.2.6", "redis 7.4.1", ""),
        ("redis 8.0.2", "redis 8.2.3", ""),
        ("redis 6.0.16", "valkey 8.0.1", ""),
        ("redis 7.0.15", "valkey 8.0.1", ""),
        ("redis 7.2.6", "valkey 8.1.1", ""),
        ("redis 7.2.6", "valkey 9.1.2", ""),
        ("valkey 8.0.1", "valkey 8.1.1", ""),
        ("valkey 8.1.1", "valkey 9.1.2", ""),
        ("redis 7.4.1", "valkey 8.1.1", "RDB version 12 since 7.4, which no Valkey reads"),
        ("redis 8.0.2", "valkey 8.1.1", "which no Valkey reads"),
        ("redis 8.0.2", "valkey 9.1.2", "which no Valkey reads"),
        ("valkey 8.0.1", "redis 8.0.2", "the way back from Valkey is to restore"),
        ("valkey 9.1.2", "redis 7.0.15", "the way back from Valkey is to restore"),
        ("redis 7.0.15", "redis 6.2.14", "reads RDB version 9 at most, and the data is in version 10"),
        ("redis 8.0.2", "redis 7.0.15", "reads RDB version 10 at most, and the data is in version 12"),
        ("valkey 9.1.2", "valkey 8.1.1", "reads RDB version 11 at most, and the data is in version 80"),
        ("redis 6.2.14", "redis 6.0.16", "replication from the newer to the older"),
        ("redis 8.2.3", "redis 8.0.2", "replication from the newer to the older"),
        ("valkey 8.1.1", "valkey 8.0.1", "replication from the newer to the older"),
    ],
)
def test_paths(old: str, new: str, reason: str) -> None:
    found = refuse_versions(*old.split(), *new.split())
    assert reason in found
    assert bool(found) is bool(reason)
    assert not found or found.startswith(f"{old} to {new}: ")


@pytest.mark.parametrize(
    ("package", "expected"),
    [("5:7.0.15-1~deb12u5", "7.0.15"), ("8.0.1+dfsg1-1~bpo12+1", "8.0.1"), ("7.0", "7.0"), ("8", "8"), ("", "")],
)
def test_the_version_in_that_of_a_package(package: str, expected: str) -> None:
    assert upstream_version(package) == expected


@pytest.mark.parametrize(
    ("engine", "version", "target", "expected"),
    [
        ("redis", "7.0.15", "7.0", True),
        ("redis", "7.0.15", "5:7.0.15-1~deb12u5", True),
        ("redis", "7.0.1", "7.0.15", False),
        ("redis", "7.0.15", "7.0.1", False),
        ("valkey", "7.0.15", "7.0", False),
    ],
)
def test_a_version_fits(engine: str, version: str, target: str, expected: bool) -> None:
    assert fits_version(engine, version, "redis", target) is expected


# --- deployments ---


class Deployment:
    """Data sets by name with their members and, first of all, their primary; all in the old version."""

    def __init__(self, sentinels: str = "", **sets: str) -> None:
        """Build the answers of all hosts."""
        self.topology: dict[str, Any] = {"sentinel": {"members": [{"host": one} for one in sentinels.split()]}}
        self.sets: dict[str, Any] = {}
        self.seen: dict[str, Any] = {}
        instances = []
        for name, text in sets.items():
            head, *members = text.split()
            instances.append({"name": name, "members": [self.member(one, 6379) for one in members]})
            self.sets[name] = {"primary": {"host": head}, "steps": [], "waiting": []}
            for one in members:
                self.host(one)["servers"][name] = self.process(OLD) | {"memory": {"used_memory": 100 << 20}}
        for one in sentinels.split():
            self.host(one)["sentinel"] = self.process(OLD)
        self.topology["instances"] = instances

    @staticmethod
    def member(host: str, port: int) -> dict[str, Any]:
        return {"host": host, "address": f"ip-{host}", "port": port}

    def cluster(self, *shards: str) -> Deployment:
        """Add a cluster of such shards, each a primary and its replicas as host:port."""
        placed = [[self.member(one[:-5], int(one[-4:])) for one in text.split()] for text in shards]
        members = [one for shard in placed for one in shard]
        ports = sorted({one["port"] for one in members})
        servers = [{"name": f"cart-{port}", "port": port} for port in ports]
        self.topology["clusters"] = [{"name": "cart", "members": members, "servers": servers}]
        self.sets["cart"] = {"steps": [], "shards": [{"primary": one[0], "replicas": one[1:]} for one in placed]}
        for one in members:
            memory = {"memory": {"used_memory": 100 << 20}}
            self.host(one["host"])["servers"][f"cart-{one['port']}"] = self.process(OLD) | memory
        return self

    @staticmethod
    def process(version: str) -> dict[str, Any]:
        return {"reachable": True, "error": "", "engine": "redis", "version": version}

    def host(self, name: str) -> dict[str, Any]:
        fresh: dict[str, Any] = {"target": NEW, "installed": False, "servers": {}, "sentinel": {}}
        found: dict[str, Any] = self.seen.setdefault(name, fresh | {"disk_free": 1 << 40, "memory_free": 1 << 40})
        return found

    def upgraded(self, *hosts: str) -> Deployment:
        for one in hosts:
            self.seen[one]["installed"] = True
            for process in [*self.seen[one]["servers"].values(), self.seen[one]["sentinel"]]:
                if process:
                    process["version"] = NEW
        return self

    def plan(self, engine: str = "redis", without_backup: bool = True) -> dict[str, Any]:
        found: dict[str, Any] = plan(self.topology, self.seen, self.sets, engine, without_backup)
        return found

    def way(self) -> tuple[str, dict[str, str]]:
        found = self.plan()
        assert found["problems"] == []
        return " ".join(found["order"]), {move["set"]["name"]: move["to"] for move in found["moves"]}


@pytest.mark.parametrize(
    ("deployment", "order", "moves"),
    [
        (Deployment("a b c", main="a a b c"), "b c a", {}),
        (Deployment("a b c", main="c a b c"), "a b c", {}),
        (Deployment("s a", main="b a b"), "a s b", {}),
        (Deployment(one="a a b c", two="b a b c"), "c a b", {"one": "b"}),
        (Deployment(one="a a b", two="c c d"), "b d a c", {}),
        (Deployment(one="a a b c", two="a b a", three="c c b"), "b c a", {}),
        (Deployment(main="a a"), "a", {}),
        (Deployment("a b c", main="a a b c").upgraded("b"), "c a", {}),
        (Deployment("a b c", main="b a b c").upgraded("a"), "c b", {}),
        (Deployment("a b c", main="b a b c").upgraded("b", "c"), "a", {}),
        (Deployment(one="a a b c", two="b a b c").upgraded("c"), "a b", {"one": "b"}),
    ],
)
def test_primaries_come_last(deployment: Deployment, order: str, moves: dict[str, str]) -> None:
    assert deployment.way() == (order, moves)


def test_nothing_to_do_needs_no_decision() -> None:
    deployment = Deployment("a b", main="a a b").upgraded("a", "b")
    assert deployment.plan(without_backup=False) == {
        "order": [],
        "moves": [],
        "problems": [],
        "behind": [],
        "backups": [],
        "lines": ["Everything runs it already."],
    }


def test_a_host_whose_sentinel_is_behind_is_not_done() -> None:
    deployment = Deployment("a b", main="a a b").upgraded("a", "b")
    deployment.seen["b"]["sentinel"]["version"] = OLD
    assert deployment.way() == ("b", {})
    assert deployment.plan()["behind"] == ["b: its Sentinel runs redis 7.0.15, wanted is redis 8.0.2."]


def test_a_host_that_only_lacks_the_package_is_not_done() -> None:
    deployment = Deployment(main="a a b").upgraded("a", "b")
    deployment.seen["a"]["installed"] = False
    assert deployment.way() == ("a", {})


def test_the_set_that_is_moving_may_be_out_of_sync() -> None:
    """An interrupted upgrade: the primary runs the new version, and the old member may not be able to follow it."""
    deployment = Deployment(main="b a b").upgraded("b")
    deployment.sets["main"]["waiting"] = ["a has no link to b"]
    assert deployment.way() == ("a", {})
    deployment = Deployment(main="b a b")
    deployment.sets["main"]["waiting"] = ["a has no link to b"]
    assert deployment.plan()["problems"] == ["The data set main is not in sync: a has no link to b."]


def test_what_speaks_against_it() -> None:
    deployment = Deployment("a b", main="a a b c")
    del deployment.seen["c"]
    deployment.seen["b"]["servers"]["main"] |= {"reachable": False, "error": "refused."}
    deployment.seen["a"] |= {"disk_free": 150 << 20, "memory_free": 20 << 20}
    deployment.seen["a"]["sentinel"] = {"reachable": False, "error": "timeout.", "engine": "", "version": ""}
    deployment.sets["main"]["steps"] = ["b: follow a"]
    found = deployment.plan(without_backup=False)
    assert found["order"] == []
    assert "\n".join(found["problems"]).splitlines() == [
        "c takes no part in this run, but belongs to the deployment; run without --limit.",
        "main on b does not answer: refused.",
        "The data set main is not as declared, run site.yml first: b: follow a.",
        "a has 150 MiB of disk free and needs 200: one more snapshot of all its data, and as much again to be safe.",
        "a has 20 MiB of memory free and needs 25: the copies that a fork causes.",
        "The Sentinel of a does not answer: timeout.",
    ]


def test_what_still_has_a_way_back_is_backed_up_first() -> None:
    deployment = Deployment(one="a a b", two="b a b")
    found = deployment.plan(without_backup=False)
    assert found["backups"] == ["one", "two"]
    assert found["lines"][0] == "a backup of one, two: later it is the only way back"
    assert deployment.plan()["backups"] == []
    assert deployment.upgraded("b").plan(without_backup=False)["backups"] == ["one"]


def test_a_path_that_does_not_exist_is_named_for_each_member() -> None:
    deployment = Deployment(main="a a b")
    for host in deployment.seen.values():
        host["target"] = "6.2.14"
    problems = deployment.plan()["problems"]
    assert [text.partition(" cannot go from ")[0] for text in problems] == ["main on a", "main on b"]
    assert problems[0].endswith(
        "redis 7.0.15 to redis 6.2.14: it reads RDB version 9 at most, and the data is in version 10."
    )


SHARDS = ("a:7000 b:7001", "b:7000 c:7001", "a:7001 c:7000")


def test_a_cluster_goes_with_its_hosts_those_with_most_primaries_last() -> None:
    deployment = Deployment("a b", main="b a b").cluster(*SHARDS)
    assert deployment.way() == ("c a b", {})
    assert "cart: the primaries of each host give their shards away" in deployment.plan()["lines"]
    deployment.upgraded("c")
    assert deployment.way() == ("a b", {})
    assert deployment.upgraded("a", "b").plan()["lines"] == ["Everything runs it already."]


def test_what_speaks_against_the_upgrade_of_a_cluster() -> None:
    deployment = Deployment().cluster(*SHARDS)
    deployment.seen["b"]["servers"]["cart-7001"] |= {"reachable": False, "error": "refused."}
    deployment.sets["cart"]["shards"][1]["replicas"] = []
    deployment.sets["cart"]["steps"] = ["c: follow b"]
    assert deployment.plan(without_backup=False)["problems"] == [
        "cart-7001 on b does not answer: refused.",
        "The data set cart is not as declared, run site.yml first: c: follow b.",
        "The shard of b in cart has no replica to take it over.",
        "cart is a cluster, of which upgrade makes no backup by itself. Run quorum.redis.backup, then say "
        "redis_upgrade_without_backup=true.",
    ]
    deployment = Deployment().cluster(*SHARDS)
    assert deployment.plan("valkey")["problems"] == []
