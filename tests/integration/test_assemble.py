# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program before each start, with real servers and Sentinels around it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._config.diff import digest_of_file
from patience import LONG
from start_guard import PROGRAM

from integration.conftest import PASSWORD, Engine, Server, free_port, wait_until

HEADER = "# quorum.redis: assembled from sha256:"
FOOTER = "# quorum.redis: end of assembled part"
MAIN = "main"
DOWN_AFTER = 3000
PATIENT = 60000  # where nothing dies: a busy machine takes its time for a restart, and a busy server for an answer


def pairs(reply: Any) -> dict[str, Any]:
    """Return names and values, whichever protocol the client spoke."""
    return reply if isinstance(reply, dict) else dict(zip(reply[::2], reply[1::2], strict=True))


@dataclass
class Member:
    """A host of the data set: Ansible's files, the directory of the engine, and the process."""

    root: Path
    engine: Engine
    port: int
    sentinel: bool = False
    server: Server | None = None
    policy: str = "wait"
    wait: int = 60

    @property
    def name(self) -> str:
        """Return the name of its unit."""
        return "sentinel" if self.sentinel else MAIN

    @property
    def said(self) -> str:
        """Return what the program has said in its last run, or said by now."""
        return (self.root / f"{self.name}.said").read_text()

    @property
    def data(self) -> Path:
        """Return the directory of the engine."""
        return self.root / "lib" / self.name

    @property
    def state(self) -> Path:
        """Return the file that the process starts with."""
        return self.data / "redis.conf"

    def declare(self, *lines: str) -> None:
        """Write what Ansible owns."""
        (self.root / "etc").mkdir(exist_ok=True)
        self.data.mkdir(parents=True, exist_ok=True)
        common = [f"port {self.port}", "bind 127.0.0.1", f"dir {self.data}", "daemonize no"]
        common += [f"requirepass {PASSWORD}"]
        if not self.sentinel:
            common += [
                f"masterauth {PASSWORD}",
                "repl-diskless-sync-delay 0",
                "repl-timeout 10",
                "repl-ping-replica-period 3",
                "appendonly yes",
            ]
        (self.root / "etc" / f"{self.name}.conf").write_text("\n".join([*common, *lines]) + "\n")

    def facts(self, everybody: list[Member]) -> None:
        """Write what the guard must know."""

        def endpoints(sentinel: bool) -> list[dict[str, Any]]:
            found = [m for m in everybody if m.sentinel is sentinel and m is not self]
            return [{"host": str(m.port), "address": "127.0.0.1", "port": m.port} for m in found]

        facts = {"name": MAIN, "address": "127.0.0.1", "port": self.port, "policy": self.policy, "wait": self.wait}
        facts |= {"members": endpoints(False), "sentinels": endpoints(True)}
        facts |= {"password": PASSWORD, "sentinel_password": PASSWORD}
        (self.root / "etc" / f"{self.name}.json").write_text(json.dumps(facts))

    def assemble(self, verb: str = "") -> int:
        """Run the program as systemd does."""
        env = {"QUORUM_REDIS_ETC": str(self.root / "etc"), "QUORUM_REDIS_LIB": str(self.root / "lib")}
        env |= {"SERVICE_RESULT": os.environ.get("SERVICE_RESULT", "success")}
        words = [verb or ("sentinel" if self.sentinel else "server"), self.name]
        command = [sys.executable, str(PROGRAM), *words]
        with (self.root / f"{self.name}.said").open("w") as said:
            done = subprocess.run(command, env=env, stdout=subprocess.DEVNULL, stderr=said, timeout=LONG)
        return done.returncode

    def start(self) -> Server:
        """Assemble and start; the program must agree."""
        assert self.assemble() == 0, self.said
        self.server = Server(self.engine, self.data, self.port, sentinel=self.sentinel, password=PASSWORD)
        return self.server.start()

    def crash(self) -> None:
        """Kill it, when the file has what it acknowledged: on a busy disk that is up to two seconds later."""
        assert self.server is not None
        if not self.sentinel:
            wait_until("all is written", lambda: self.live().info().get("aof_buffer_length", "0") == "0")
        self.server.stop(kill=True)

    def stop(self) -> None:
        """Stop it in an orderly way, as systemd does."""
        assert self.server is not None
        self.server.stop()
        assert self.assemble("stopped") == 0

    def live(self) -> Server:
        """Return the process."""
        assert self.server is not None
        return self.server

    def setting(self, name: str) -> str:
        """Return a setting as it is at run time."""
        return str(pairs(self.live().call("CONFIG", "GET", name))[name])

    def keys(self) -> int:
        """Count the keys."""
        return int(self.live().call("DBSIZE"))


@pytest.fixture
def members(tmp_path: Path, engine: Engine) -> Iterator[list[Member]]:
    """Return three declared members that never ran, ended after the test."""
    made = [Member(tmp_path / f"h{number}", engine, free_port()) for number in range(3)]
    yield from _managed(made)


@pytest.fixture
def watchers(tmp_path: Path, engine: Engine) -> Iterator[list[Member]]:
    """Return three declared Sentinels that never ran, ended after the test."""
    made = [Member(tmp_path / f"s{number}", engine, free_port(), sentinel=True) for number in range(3)]
    yield from _managed(made)


def _managed(made: list[Member]) -> Iterator[list[Member]]:
    for member in made:
        member.root.mkdir()
        member.declare()
        member.facts(made)
    try:
        yield made
    finally:
        for member in made:
            if member.server is not None:
                member.server.stop(kill=True)


def deploy(members: list[Member], keys: int = 100) -> None:
    """Start all, make the first one primary, attach the others and store some keys; roles are written down."""
    for member in members:
        member.start()
        assert "new member: parked" in member.said
        assert member.live().follows() == ("slave", "127.0.0.1:0")
    first, *rest = (member.live() for member in members)
    first.call("REPLICAOF", "NO", "ONE")
    first.call("CONFIG", "REWRITE")
    for server in rest:
        server.call("REPLICAOF", "127.0.0.1", first.port)
        server.call("CONFIG", "REWRITE")
    for number in range(keys):
        first.call("SET", f"key:{number}", number)
    wait_until("the replicas hold the keys", lambda: all(member.keys() == keys for member in members))


def watch(members: list[Member], watchers: list[Member], down_after: int = PATIENT) -> None:
    """Let three Sentinels watch the set, and tell the guards about them; down_after in milliseconds."""
    for member in members:
        member.facts([*members, *watchers])
    for watcher in watchers:
        server = watcher.start()
        for words in (
            ("MONITOR", MAIN, "127.0.0.1", members[0].port, 2),
            ("SET", MAIN, "auth-pass", PASSWORD),
            ("SET", MAIN, "down-after-milliseconds", down_after),
            ("SET", MAIN, "failover-timeout", max(4000, down_after)),
        ):
            server.call("SENTINEL", *words)
        _let_sentinels_talk(server)
    wait_until("the Sentinels know each other", lambda: all(_known(watcher) == (2, 2) for watcher in watchers))


def _let_sentinels_talk(server: Server) -> None:
    """Give a Sentinel of 6.2 and later the password of the others; 6.0 uses its own."""
    if not server.info()["redis_version"].startswith("6.0"):
        server.call("SENTINEL", "CONFIG", "SET", "sentinel-pass", PASSWORD)


def _known(watcher: Member) -> tuple[int, int]:
    facts = pairs(watcher.live().call("SENTINEL", "MASTER", MAIN))
    return int(facts["num-slaves"]), int(facts["num-other-sentinels"])


def linked(member: Member) -> bool:
    return member.live().info().get("master_link_status") == "up"


def named(watcher: Member) -> int:
    return int(watcher.live().call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", MAIN)[1])


def test_new_members_are_parked_and_refuse_writes(members: list[Member]) -> None:
    for _ in range(2):
        for member in members:
            server = member.start()
            assert server.follows() == ("slave", "127.0.0.1:0")
            with pytest.raises(Exception, match="read only replica"):
                server.call("SET", "a", "b")
        for member in members:
            member.stop()


def test_roles_data_and_assembled_lines_survive_a_stop_of_all(members: list[Member]) -> None:
    deploy(members)
    managed = (members[0].root / "etc" / "main.conf").read_text()
    for member in members:
        member.live().call("CONFIG", "SET", "maxmemory", "100mb")
        member.live().call("CONFIG", "REWRITE")
        lines = member.state.read_text().splitlines()
        assert len([line for line in lines if line.startswith(HEADER)]) == 1
        assert lines.count(FOOTER) == 1
        assert "maxmemory 100mb" in member.state.read_text()
    assert members[0].state.read_text().splitlines()[0] == HEADER + digest_of_file(managed)
    for member in members:
        member.stop()
    for member in members:
        member.start()
    assert members[0].live().follows()[0] == "master"
    wait_until("the links are up", lambda: all(linked(member) for member in members[1:]))
    for member in members:
        assert member.keys() == 100
        assert member.setting("maxmemory") == "0"


def test_a_removed_and_a_changed_setting_hold_after_a_restart(members: list[Member]) -> None:
    member = members[0]
    member.declare("maxmemory 50mb", "save 900 1", "save 300 10")
    member.start()
    assert member.setting("maxmemory") == str(50 * 2**20)
    member.live().call("CONFIG", "REWRITE")
    member.stop()
    member.declare("save 60 5")
    member.start()
    assert member.setting("maxmemory") == "0"
    assert member.setting("save") == "60 5"


def test_without_sentinel_a_crashed_primary_comes_back_as_recorded(members: list[Member]) -> None:
    deploy(members)
    members[0].crash()
    members[0].start()
    assert members[0].live().follows()[0] == "master"
    assert "no other primary answers" in members[0].said
    assert members[0].keys() == 100


def test_an_emptied_primary_does_not_start_over_replicas_that_hold_data(members: list[Member]) -> None:
    deploy(members)
    members[0].crash()
    state = members[0].state.read_text()
    subprocess.run(["rm", "-rf", str(members[0].data)], check=True)
    members[0].data.mkdir()
    members[0].state.write_text(state)
    members[0].wait = 1
    members[0].facts(members)
    assert members[0].assemble() == 1
    assert "this member has no data, but" in members[0].said
    assert "(100 keys)" in members[0].said
    assert [member.keys() for member in members[1:]] == [100, 100]
    # A person promotes one; now there is somebody to follow.
    members[1].live().call("REPLICAOF", "NO", "ONE")
    members[0].wait = 60
    members[0].facts(members)
    members[0].start()
    assert members[0].live().follows() == ("slave", f"127.0.0.1:{members[1].port}")
    wait_until("the emptied one has the data again", lambda: members[0].keys() == 100)


def test_an_emptied_directory_starts_parked(members: list[Member]) -> None:
    deploy(members)
    members[0].crash()
    subprocess.run(["rm", "-rf", str(members[0].data)], check=True)
    members[0].data.mkdir()
    members[0].start()
    assert members[0].live().follows() == ("slave", "127.0.0.1:0")
    assert [member.keys() for member in members[1:]] == [100, 100]


def test_a_recorded_primary_follows_the_one_that_serves(members: list[Member]) -> None:
    deploy(members)
    members[0].crash()
    members[1].live().call("REPLICAOF", "NO", "ONE")
    members[2].live().call("REPLICAOF", "127.0.0.1", members[1].port)
    port = members[1].port
    wait_until("the new primary has its replica", lambda: members[1].live().info()["connected_slaves"] == "1")
    members[0].start()
    assert members[0].live().follows() == ("slave", f"127.0.0.1:{port}")
    assert "serves as the primary" in members[0].said


def test_a_second_primary_with_data_stops_the_start(members: list[Member]) -> None:
    deploy(members)
    members[0].crash()
    members[1].live().call("REPLICAOF", "NO", "ONE")
    members[0].wait = 1
    members[0].facts(members)
    assert members[0].assemble() == 1
    assert f"another primary with data answers: 127.0.0.1:{members[1].port}; redis_trust decides" in members[0].said


@pytest.mark.parametrize("damage", ["truncated", "emptied"])
def test_a_damaged_state_file_stops_the_start(members: list[Member], damage: str) -> None:
    deploy(members)
    members[1].stop()
    text = members[1].state.read_text()
    members[1].state.write_text("" if damage == "emptied" else text[: len(text) // 2])
    assert members[1].assemble() == 1
    assert "is damaged, so the role it records is unknown" in members[1].said


def test_a_full_disk_keeps_the_file_and_names_the_reason(members: list[Member], tmp_path: Path) -> None:
    member = members[0]
    member.start()
    member.stop()
    before = member.state.read_text()
    member.state.with_suffix(".new").symlink_to("/dev/full")
    assert member.assemble() == 1
    assert "No space left on device" in member.said
    assert member.state.read_text() == before


def test_the_sentinels_name_another_so_the_old_primary_comes_back_as_a_replica(
    members: list[Member], watchers: list[Member]
) -> None:
    deploy(members)
    watch(members, watchers, DOWN_AFTER)
    old = members[0]
    old.crash()
    old.start()  # at once: the guard waits until the Sentinels have promoted another
    assert "waiting: this primary crashed; its replicas live" in old.said
    assert "the Sentinels name" in old.said
    role, follows = old.live().follows()
    assert role == "slave"
    assert follows in {f"127.0.0.1:{member.port}" for member in members[1:]}
    assert len({named(watcher) for watcher in watchers}) == 1
    wait_until("the data is there", lambda: old.keys() == 100)


def test_an_orderly_restart_within_the_time_limit_keeps_the_primary(
    members: list[Member], watchers: list[Member]
) -> None:
    deploy(members)
    watch(members, watchers)
    members[0].stop()
    members[0].start()
    assert "the Sentinels name this member as the primary" in members[0].said
    assert members[0].live().follows()[0] == "master"


def test_no_majority_keeps_a_recorded_primary_down_or_lets_it_up_as_the_policy_says(
    members: list[Member], watchers: list[Member]
) -> None:
    deploy(members)
    watch(members, watchers)
    members[0].stop()
    for watcher in watchers[:2]:
        watcher.crash()
    members[0].wait = 1
    members[0].facts([*members, *watchers])
    assert members[0].assemble() == 1
    assert "not started: no majority of the Sentinels answers" in members[0].said
    members[0].policy = "recorded"
    members[0].facts([*members, *watchers])
    members[0].start()
    assert members[0].live().follows()[0] == "master"
    assert "start as primary after 1 s, as recorded" in members[0].said


def test_a_sentinel_keeps_its_id_epochs_and_peers_through_a_restart(
    members: list[Member], watchers: list[Member]
) -> None:
    deploy(members)
    watch(members, watchers)
    wait_until("a failover is accepted", lambda: watchers[0].live().call("SENTINEL", "FAILOVER", MAIN))
    ports = {member.port for member in members[1:]}
    wait_until("all name the new primary", lambda: all(named(watcher) in ports for watcher in watchers))
    wait_until("all peers are known", lambda: all(_known(watcher) == (2, 2) for watcher in watchers))

    def memory(watcher: Member) -> tuple[str, str, int, tuple[int, int]]:
        epoch = str(pairs(watcher.live().call("SENTINEL", "MASTER", MAIN))["config-epoch"])
        return _myid(watcher), epoch, named(watcher), _known(watcher)

    before = [memory(watcher) for watcher in watchers]
    assert all(int(epoch) > 0 for _, epoch, _, _ in before)
    for watcher in watchers:
        watcher.crash()
        watcher.start()
    for watcher in watchers:
        lines = watcher.state.read_text().splitlines()
        assert lines[0].startswith(HEADER)
        assert lines.count(FOOTER) == 1
    wait_until("everything is remembered", lambda: [memory(watcher) for watcher in watchers] == before)


def _myid(watcher: Member) -> str:
    """Return the id from the file: 6.0 has no SENTINEL MYID."""
    lines = watcher.state.read_text().splitlines()
    return next(line.split()[2] for line in lines if line.startswith("sentinel myid"))


def test_a_crashed_primary_does_not_overwrite_replicas_that_are_silent_for_a_while(
    members: list[Member], watchers: list[Member]
) -> None:
    for member in members:
        member.wait = 120  # a failover that finds no replica is tried again after twice its time limit
    deploy(members)
    watch(members, watchers, DOWN_AFTER)
    old, *others = members
    for member in others:
        member.live().signal(signal.SIGSTOP)
    old.crash()

    def awake() -> None:
        wait_until("the guard has given up waiting for one answer", lambda: "may live" in old.said)
        for member in others:
            member.live().signal(signal.SIGCONT)

    threading.Thread(target=awake, daemon=True).start()
    old.start()
    assert "waiting: this primary crashed; its replicas may live" in old.said
    assert old.live().follows()[0] == "slave"
    wait_until("the data is there", lambda: old.keys() == 100)
