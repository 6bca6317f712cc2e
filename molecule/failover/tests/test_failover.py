# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controllers and candidates die, hosts lag and Sentinels are silent: no acknowledged write is lost, ever."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from deployment import DataSet, given, until
from lab import KILL_MODULES, Lab, Run
from ledger import Ledger
from measured import note
from patience import LONG, allowed
from trials import trials

HOSTS = ["f1", "f2", "f3"]
PASSWORD, SENTINEL_PASSWORD = "moving \"'\\ #$x é Pw4sX8", "moving-Gk2vB5 '\"\\ ü"
ROUNDS = {"main": trials(2), "plain": trials(4)}
RESUME = 5.0  # seconds: the longest pause, and a client that looks for the primary


@pytest.fixture(scope="module")
def sets(lab: Lab) -> dict[str, DataSet]:
    """Return both data sets."""
    main = DataSet(lab, HOSTS, PASSWORD, HOSTS, SENTINEL_PASSWORD)
    return {"main": main, "plain": DataSet(lab, HOSTS, PASSWORD, name="plain", port=6380)}


def move(lab: Lab, name: str, **more: object) -> Run:
    """Run failover.yml for one set."""
    return lab.run_playbook("failover", *given(redis_failover_instance=name, **more))


def begin(lab: Lab, name: str, **more: object) -> subprocess.Popen[str]:
    """Start failover.yml for one set."""
    return lab.begin_playbook("failover", *given(redis_failover_instance=name, **more))


def at_work(process: subprocess.Popen[str]) -> None:
    """Wait until a run of failover.yml begins the move."""
    assert process.stdout
    for line in process.stdout:
        if line.startswith("TASK [quorum.redis.redis_failover : Move the primary]"):
            return
    raise AssertionError("failover.yml ended before the move")


def text(run: Run) -> str:
    """Return the output of a run without its line breaks."""
    return " ".join(run.stdout.split())


def resumed(ledger: Ledger) -> float:
    """Wait until writes are acknowledged; return the seconds."""
    since = ledger.now
    while ledger.acknowledged_since(since) < 4:
        assert ledger.now - since < allowed(RESUME), f"no write is acknowledged for {RESUME:g} s"
        time.sleep(0.02)
    return ledger.now - since


@contextmanager
def unmoved(data_set: DataSet) -> Iterator[None]:
    """Stop the test when another member is primary afterwards, or a write is lost."""
    primary = data_set.settled()
    with data_set.written():
        yield
        assert data_set.primaries() == [primary]


def temporary(data_set: DataSet) -> list[str]:
    """Return the settings of a move that are still there."""
    found = []
    for host in HOSTS:
        for key in ("replica-priority", "min-replicas-to-write", "min-replicas-max-lag"):
            if int(data_set.setting(host, key)) >= 1000000:
                found.append(f"{host} {key}")
    return found


@pytest.fixture(scope="module")
def killed(lab: Lab, sets: dict[str, DataSet]) -> dict[str, list[str]]:
    """Kill the controller, every other time the module on its host too, at any moment of the move."""

    def rounds(data_set: DataSet) -> list[str]:
        waits, ends, count = [], [], ROUNDS[data_set.name]
        with data_set.written(what=f"{count} killed runs of failover.yml, {data_set.name}") as ledger:
            for number in range(count):
                process = begin(lab, data_set.name)
                at_work(process)
                time.sleep(random.uniform(0, 12.0 if data_set.sentinels else 1.2))
                os.killpg(process.pid, signal.SIGKILL)
                if number % 2:
                    lab.run(HOSTS[0], KILL_MODULES)  # the first member that answers moves the primary
                process.communicate()
                waits.append(resumed(ledger))
                ends.append("module too" if number % 2 else "controller")
                # A run that follows at once may find the other one's module at work, and says so.
                until(lab, "the next run succeeds", lambda: move(lab, data_set.name).ok)
                data_set.settled()
                assert temporary(data_set) == []
        note(f"writes again after the kill, {data_set.name}", f"at most {max(waits):.1f} s")
        return ends

    with ThreadPoolExecutor() as pool:
        return dict(zip(sets, pool.map(rounds, sets.values()), strict=True))


def test_killed_controller_loses_nothing(lab: Lab, killed: dict[str, list[str]]) -> None:
    assert {name: len(ends) for name, ends in killed.items()} == ROUNDS
    lab.run_playbook("site").expect(changed=0)


def test_of_two_at_once_nothing_is_lost(lab: Lab, sets: dict[str, DataSet]) -> None:
    for data_set in sets.values():
        old = data_set.settled()
        others = [host for host in HOSTS if host != old]
        with data_set.written(what=f"two moves at once, {data_set.name}"):
            both = [begin(lab, data_set.name, redis_failover_to=host) for host in others]
            said = [process.communicate(timeout=LONG)[0] for process in both]
            codes = [process.returncode for process in both]
            assert 0 in codes, said
            new = data_set.settled()
        assert new in others
        for code, output in zip(codes, said, strict=True):
            assert code == 0 or "Another failover" in " ".join(output.split()), output
    lab.run_playbook("site").expect(changed=0)


@pytest.mark.parametrize("name", ["main", "plain"])
def test_candidate_that_dies_in_the_middle(lab: Lab, sets: dict[str, DataSet], name: str) -> None:
    """It is given up, or the move was done before; either way the set is whole and every write is there."""
    data_set = sets[name]
    target = next(host for host in HOSTS if host != data_set.settled())
    with data_set.written(what=f"the candidate is killed, {name}"):
        process = begin(lab, name, redis_failover_to=target)
        at_work(process)
        time.sleep(random.uniform(0.1, 1.0))
        lab.sh(target, f"systemctl kill --signal=KILL redis-server@{name}")
        output = process.communicate(timeout=LONG)[0]
        data_set.settled()
    if process.returncode:
        assert target in output, output
    assert temporary(data_set) == []
    lab.run_playbook("site").expect(changed=0)


def test_replica_that_is_too_far_behind_is_refused(lab: Lab, sets: dict[str, DataSet]) -> None:
    data_set = sets["plain"]
    primary = data_set.settled()
    # Not the first host: the module runs there and needs its own connection to the primary.
    target = next(host for host in reversed(HOSTS) if host != primary)
    with unmoved(data_set):
        lab.slow(target, primary, data_set.port)
        with data_set.client(primary, timeout=30) as client:
            for number in range(60):
                client.set(f"large:{number}", "x" * 2**20)
            run = move(lab, "plain", redis_failover_to=target)
            client.delete(*[f"large:{number}" for number in range(60)])
        lab.heal()
        assert not run.ok and run.changed == 0
        assert "behind" in text(run), run.stdout
    data_set.settled()
    lab.run_playbook("site").expect(changed=0)


def test_one_silent_sentinel_is_a_warning(lab: Lab, sets: dict[str, DataSet]) -> None:
    data_set = sets["main"]
    old = data_set.settled()
    silent = next(host for host in HOSTS if host != old)
    with data_set.written(what="a move with one silent Sentinel"):
        lab.sh(silent, "systemctl stop redis-sentinel@sentinel")
        run = move(lab, "main")
        lab.sh(silent, "systemctl start redis-sentinel@sentinel")
    assert run.ok and silent in text(run), run.stdout
    assert data_set.settled() != old
    lab.run_playbook("site").expect(changed=0)


def test_silent_sentinels_are_refused(lab: Lab, sets: dict[str, DataSet]) -> None:
    data_set = sets["main"]
    primary = data_set.settled()
    plain = DataSet(lab, HOSTS, data_set.password)
    with plain.written():
        for host in HOSTS:
            lab.sh(host, "systemctl stop redis-sentinel@sentinel")
        run = move(lab, "main")
        for host in HOSTS:
            lab.sh(host, "systemctl start redis-sentinel@sentinel")
    assert not run.ok and run.changed == 0
    assert "Sentinel" in text(run)
    assert data_set.settled() == primary
    lab.run_playbook("site").expect(changed=0)


def test_dead_primary_is_replaced_when_told_so_and_comes_back_as_a_replica(lab: Lab, sets: dict[str, DataSet]) -> None:
    """Its host has lost power. No Sentinel watches this set, so nobody else would replace it."""
    data_set = sets["plain"]
    old = data_set.settled()
    data_set.fill(500)
    lab.kill(old)
    run = move(lab, "plain")
    assert not run.ok and run.changed == 0
    run = move(lab, "plain", redis_failover_dead_primary=True)
    assert f"{old} must not serve clients any more" in text(run), run.stdout
    left = DataSet(lab, [host for host in HOSTS if host != old], data_set.password, name="plain", port=data_set.port)
    new = left.settled()
    with data_set.watched() as roles:
        lab.start(old)
        assert data_set.settled() == new
    roles.expect_one_primary()
    data_set.holds(500)
    sets["main"].settled()
    lab.run_playbook("site").expect(changed=0)
