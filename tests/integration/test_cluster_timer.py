# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the timers of a cluster's hosts do with real servers: two hosts, one of which saves two shards."""

from __future__ import annotations

import getpass
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._backup.manifest import list_backups, read_manifest
from ansible_collections.quorum.redis.plugins.module_utils._backup.schedule import DAY
from ansible_collections.quorum.redis.plugins.module_utils._cluster_backup.round import ClusterRound

from .conftest import PASSWORD, Lab, Server
from .test_cluster_backup import fill
from .test_cluster_backup import six as six

STOP = "stop-writes-on-bgsave-error"
HOSTS = ("k1", "k2", "k1", "k1", "k1", "k2")  # of the servers; the last three are the replicas


class Timers:
    """The two hosts, each with a directory and a memory of its own."""

    def __init__(self, lab: Lab, servers: list[Server], root: Path) -> None:
        """Remember what is declared."""
        self.members = [
            {"host": host, "address": one.address, "port": one.port, "zone": host}
            for host, one in zip(HOSTS, servers, strict=True)
        ]
        self.root, self.states = root, {"k1": {}, "k2": {}}  # type: ignore[var-annotated]
        self.common: dict[str, Any] = {"passwords": {"cart": PASSWORD}, "binary": lab.engine.binary, "wait": 60}
        self.common |= {"user": getpass.getuser(), "compression": "none", "load": True, "aof": False, "primary": False}
        self.common |= {"drill": False, "period": DAY, "offset": 0, "keep": 2, "keep_days": 0, "rsync": ""}
        self.common |= {"command": []}
        self.settings = {"name": "cart", "members": self.members, "replicas": 1, "carriers": ["k1", "k2"]}
        self.now = time.time()

    def look(self, *hosts: str) -> dict[str, ClusterRound]:
        """Let hosts look at the same time, up to the files that they have open."""
        rounds = {
            host: ClusterRound(
                self.settings,
                {**self.common, "me": host, "directory": str(self.root / host)},
                self.states[host],
                self.now,
                lambda _text: None,
            )
            for host in hosts
        }
        for each in rounds.values():
            each.prepare_saves()
        moment = time.time() + 1
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda each: each.begin_saves(moment), [each for each in rounds.values() if each.sources]))
        return rounds

    def finish(self, rounds: dict[str, ClusterRound]) -> dict[str, list[str]]:
        """Let them store what they have; return what is wrong on each."""
        for each in rounds.values():
            each.run_due_work()
        return {host: each.problems for host, each in rounds.items()}

    def parts(self, host: str) -> list[Any]:
        """Return the manifests of a host."""
        place = self.root / host / "cart"
        return [read_manifest(str(place / name)) for name in list_backups(str(place))]


@pytest.fixture
def timers(lab: Lab, six: list[Server], tmp_path: Path) -> Timers:
    return Timers(lab, six, tmp_path)


def test_a_save_in_between_costs_no_part(timers: Timers, six: list[Server]) -> None:
    """The second server of a host saves again while the part of the first one is still copied."""
    rounds = timers.look("k1", "k2")
    for server in six[3:]:
        assert server.call("CONFIG", "GET", STOP)[1] == "yes"
    fill(six[:3], 3000, 30)
    six[4].call("SAVE")
    assert timers.finish(rounds) == {"k1": [], "k2": []}
    (made,) = {each.memory.id for each in rounds.values()}
    assert sum(part.key_count for host in ("k1", "k2") for part in timers.parts(host)) == 3000
    assert (len(timers.parts("k1")), len(timers.parts("k2"))) == (2, 1)
    again = timers.look("k1", "k2")
    assert timers.finish(again) == {"k1": [], "k2": []}
    assert {(each.memory.id, *each.memory.wholes, each.state["why"]) for each in again.values()} == {
        (made, made, f"{made} is whole")
    }
    assert all(part.part["whole"] for host in ("k1", "k2") for part in timers.parts(host))


def test_a_part_whose_drill_fails_is_not_acknowledged(timers: Timers, six: list[Server]) -> None:
    rounds = timers.look("k1", "k2")
    assert timers.finish({"k1": rounds["k1"]}) == {"k1": []}
    part = timers.parts("k1")[0]
    place = timers.root / "k1" / "cart" / part.name
    part.drills.append({"result": "failed: 1 key less"})
    (place / "manifest.json").write_text(part.to_json(), encoding="utf-8")
    six[3].call("CONFIG", "RESETSTAT")
    six[4].call("CONFIG", "RESETSTAT")
    timers.finish({"k2": rounds["k2"]})
    again = timers.look("k1", "k2")
    assert timers.finish(again) == {"k1": [], "k2": []}
    assert all(not each.memory.wholes and "waits for the part of" in each.state["why"] for each in again.values())


def test_who_is_alone_leaves_nothing_behind_and_is_heeded(timers: Timers, six: list[Server]) -> None:
    timers.finish(timers.look("k1", "k2"))
    timers.finish(timers.look("k1", "k2"))
    del timers.states["k1"]["cluster"]  # its state file is lost
    (problem,) = timers.finish(timers.look("k1"))["k1"]
    assert "was not saved at the same moment" in problem and len(timers.parts("k1")) == 2
    place = timers.root / "k1" / "cart"
    assert not list(place.glob(".owed*")) and six[3].call("CONFIG", "GET", STOP)[1] == "yes"
    (place / f".owed-k1-{six[3].port}").touch()  # one that was killed, while the server was set
    six[3].call("CONFIG", "SET", STOP, "no")
    rounds = timers.look("k1", "k2")
    assert timers.finish(rounds) == {"k1": [], "k2": []}
    assert not list(place.glob(".owed*")) and six[3].call("CONFIG", "GET", STOP)[1] == "yes"
    again = timers.look("k1", "k2")
    assert timers.finish(again) == {"k1": [], "k2": []}
    assert {each.memory.wholes[-1] for each in again.values()} == {rounds["k1"].id}
