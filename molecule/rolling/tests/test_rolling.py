# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings, restarts, moves and an upgrade go through two data sets; the tests build on each other, in this order.

All the time threads write to both sets, some as clients of the Sentinels or the members and some through the endpoints,
and another one looks 20 times a second whether a set has two primaries.
"""

from __future__ import annotations

import copy
import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import yaml
from lab import ROOT, Lab, Run
from ledger.ledger import PROBLEMS, Ledger, Place, connect
from measured import note
from patience import allowed

INVENTORY = yaml.safe_load((ROOT / "molecule/rolling/inventory.yml").read_text(encoding="utf-8"))["all"]["vars"]
PASSWORD, SENTINEL_PASSWORD = INVENTORY["redis_password"], INVENTORY["redis_sentinel_password"]
VALKEY = {"redis_engine": "valkey", "redis_version": "8.0"}
WITH_SENTINEL = {"main": True, "my-cache": False}
THREADS = 3


class Watch(threading.Thread):
    """Looks at the roles of a data set, and notes when two members are primary at the same time."""

    def __init__(self, members: list[Place]) -> None:
        """Do not start yet."""
        super().__init__(daemon=True)
        self.members, self.over = members, threading.Event()
        self.clients: dict[Place, Any] = {}
        self.rounds, self.twice = 0, list[list[Place]]()

    def run(self) -> None:
        """Look every 50 ms; two at once count when both still say so when asked again."""
        while not self.over.wait(0.05):
            found = [place for place in self.members if self.is_primary(place)]
            self.rounds += 1
            if len(found) > 1 and all(self.is_primary(place) for place in found):
                self.twice.append(found)

    def is_primary(self, place: Place) -> bool:
        """Ask one member for its role."""
        client = self.clients.pop(place, None) or connect(place, PASSWORD)
        try:
            said = client.execute_command("ROLE")[0]
        except PROBLEMS:
            client.close()
            return False
        self.clients[place] = client
        return bool(said == "master")


class Deployment:
    """The two data sets on the hosts of the lab, and what the inventory says about them by now."""

    def __init__(self, lab: Lab) -> None:
        """Begin with what the inventory says."""
        self.lab = lab
        self.variables: dict[str, Any] = {"redis_instances": copy.deepcopy(INVENTORY["redis_instances"])}
        self.sets = {
            one["name"]: {host: (lab.host_ip(host), one.get("port", 6379)) for host in one.get("hosts", lab.hosts)}
            for one in INVENTORY["redis_instances"]
        }

    def play(self, name: str, **variables: Any) -> Run:
        """Run a playbook with the variables of now."""
        return self.lab.run_playbook(name, "-e", json.dumps(self.variables | variables))

    def ask(self, name: str, host: str, *command: str) -> Any:
        """Ask one member."""
        client = connect(self.sets[name][host], PASSWORD)
        try:
            return client.execute_command(*command)
        finally:
            client.close()

    def info(self, name: str, key: str) -> dict[str, str]:
        """Return one value of INFO of every member, by host; empty for one that does not answer."""
        found = {}
        for host in self.sets[name]:
            try:
                rows = self.ask(name, host, "INFO").splitlines()
            except PROBLEMS:
                rows = []
            found[host] = dict(row.partition(":")[::2] for row in rows).get(key, "")
        return found

    def runs(self) -> dict[str, str]:
        """Return the identity of each process by set and host."""
        return {f"{name} {host}": run for name in self.sets for host, run in self.info(name, "run_id").items()}

    def primary(self, name: str) -> str:
        """Return the host of the one primary."""
        found = [host for host, role in self.info(name, "role").items() if role == "master"]
        assert len(found) == 1, found
        return found[0]

    def in_sync(self) -> bool:
        """Tell whether each set has one primary and linked replicas."""
        for name in self.sets:
            links = list(self.info(name, "master_link_status").values())
            roles = list(self.info(name, "role").values())
            if roles.count("master") != 1 or links.count("up") != len(links) - 1:
                return False
        return True

    @contextmanager
    def load(self, what: str, moves: int = 1) -> Iterator[None]:
        """Write to all sets meanwhile; afterwards nothing is lost, and no set ever had two primaries.

        Through the endpoints each move of a primary fails one operation of a session, and nothing else fails any.
        """
        watches = [Watch(list(members.values())) for members in self.sets.values()]
        ledgers = {name: self.ledger(name) for name in self.sets}
        fronts = {f"{name} through its endpoint": self.ledger(name, endpoint=True) for name in self.sets}
        ledgers.update(fronts)
        for watch in watches:
            watch.start()
        for ledger in ledgers.values():
            ledger.start(30)
        try:
            yield
        finally:
            for ledger in ledgers.values():
                ledger.stop()
            for watch in watches:
                watch.over.set()
                watch.join()
        assert [watch.twice for watch in watches] == [[], []]
        assert all(watch.rounds > 20 for watch in watches)
        for name, ledger in ledgers.items():
            report = ledger.report()
            failed = f", {report.errors} operations failed" if name in fronts else ""
            note(f"{what}, {name}", report.in_a_line() + failed)
            assert report.lost == 0, report
            assert name not in fronts or report.errors <= allowed(THREADS * moves), report

    def ledger(self, name: str, endpoint: bool = False) -> Ledger:
        """Return the threads that write to one set, who know the endpoint alone or the members and Sentinels."""
        if endpoint:
            port = next(one["endpoint"]["port"] for one in INVENTORY["redis_instances"] if one["name"] == name)
            return Ledger(name, [], [(self.lab.host_ip("n1"), port)], PASSWORD, threads=THREADS, rate=50)
        sentinels = [(self.lab.host_ip(host), 26379) for host in self.lab.hosts] if WITH_SENTINEL[name] else []
        members = list(self.sets[name].values())
        return Ledger(name, sentinels, members, PASSWORD, SENTINEL_PASSWORD, threads=THREADS, rate=50)


@pytest.fixture(scope="module")
def deployment(lab: Lab) -> Deployment:
    """Return the deployment; its variables change from test to test."""
    return Deployment(lab)


def test_an_immutable_setting_is_rolled_out_by_the_ordinary_command(deployment: Deployment) -> None:
    """Primaries too: they are moved. One member after the other, and nothing the second time."""
    before = deployment.runs()
    for one in deployment.variables["redis_instances"]:
        one["config"]["tcp-backlog"] = 400
    with deployment.load("site.yml with another tcp-backlog"):
        deployment.play("site").expect()
    for name, members in deployment.sets.items():
        assert [deployment.ask(name, host, "CONFIG", "GET", "tcp-backlog")[1] for host in members] == ["400"] * len(
            members
        )
    assert not set(before.values()) & set(deployment.runs().values())
    deployment.play("site").expect(changed=0)


def test_an_interrupted_restart_goes_on_where_it_stood(deployment: Deployment) -> None:
    """Every process is a new one in the end, and the one that was done before the interruption no third one."""
    before = deployment.runs()

    def renewed() -> list[str]:
        return [which for which, run in deployment.runs().items() if run not in (before[which], "")]

    with deployment.load("restart.yml, interrupted and run again", moves=2):
        process = deployment.lab.begin_playbook("restart", "-e", json.dumps(deployment.variables))
        try:
            first = deployment.lab.wait_until("the first member is restarted", renewed)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
        deployment.lab.wait_until("all are in sync", deployment.in_sync)
        time.sleep(1)
        middle = deployment.runs()
        assert len(renewed()) < len(before)
        deployment.play("restart").expect()
    after = deployment.runs()
    assert not set(before.values()) & set(after.values())
    assert [after[which] for which in first] == [middle[which] for which in first]


def test_a_primary_moves_to_the_member_that_is_named(deployment: Deployment) -> None:
    """With Sentinels and without; what site.yml finds then is right, and a name that is none is refused."""
    for name, members in deployment.sets.items():
        before = deployment.primary(name)
        other = [host for host in members if host != before][-1]
        with deployment.load(f"failover.yml of {name} to {other}"):
            deployment.play("failover", redis_failover_instance=name, redis_failover_to=other).expect()
        assert deployment.primary(name) == other
    deployment.play("site").expect(changed=0)
    run = deployment.play("failover", redis_failover_instance="my-cache", redis_failover_to="n1")
    assert not run.ok
    assert "n1 is no member of this data set" in " ".join(run.stdout.split())
    assert run.changed == 0
    assert deployment.primary("my-cache") == other


def test_another_engine_is_left_to_upgrade(deployment: Deployment) -> None:
    """site.yml does not upgrade."""
    before = deployment.runs()
    deployment.variables |= VALKEY
    run = deployment.play("site")
    assert not run.ok
    assert "Run quorum.redis.upgrade" in " ".join(run.stdout.split())
    assert run.changed == 0
    assert deployment.runs() == before


def test_redis_becomes_valkey_in_place(deployment: Deployment) -> None:
    """All versions are the new one, no write is lost, and neither a second run nor site.yml changes anything."""
    deployment.variables |= VALKEY
    assert {*deployment.info("main", "redis_version").values()} == {"7.0.15"}
    with deployment.load("upgrade.yml from Redis 7.0 to Valkey 8.0", moves=2):
        run = deployment.play("upgrade").expect()
    assert "my-cache: the endpoint on n1 leads writes to n" in " ".join(run.stdout.split())
    assert "a backup of main, my-cache: later it is the only way back" in " ".join(run.stdout.split())
    for name, members in deployment.sets.items():
        told = [
            json.loads(text)
            for host in members
            for text in deployment.lab.sh(host, f"cat /var/backups/redis/{name}/*/manifest.json || true").split("\n\n")
            if text
        ]
        assert [(one["engine"], one["version"], one["verified"]["load"]) for one in told] == [
            ("redis", "7.0.15", "passed")
        ]
        assert all(version.startswith("8.0.") for version in deployment.info(name, "valkey_version").values())
    for host in deployment.lab.hosts:
        client = connect((deployment.lab.host_ip(host), 26379), SENTINEL_PASSWORD)
        assert "valkey_version:8.0." in client.execute_command("INFO", "server")
        client.close()
    deployment.play("upgrade").expect(changed=0)
    deployment.play("site").expect(changed=0)
