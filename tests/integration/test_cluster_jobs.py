# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Slots that the engine moves by itself, between real servers while a ledger of acknowledged writes is kept."""

from __future__ import annotations

import json
import os
import signal
import threading
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._model.acl_presets import job_rules
from ansible_collections.quorum.redis.plugins.module_utils._model.cluster_slots import slots_of
from ansible_collections.quorum.redis.plugins.module_utils._model.slot_jobs import ASKED, SlotJob, begin_job, parse_jobs
from ansible_collections.quorum.redis.plugins.module_utils._model.versions import parse_version, running_version
from connection import fold_connection
from ledger.cluster_writer import ClusterWriter, tags_of
from measured import note
from trials import trials

from .conftest import PASSWORD, Engine, Lab, Server, wait_until
from .test_cluster import options, start
from .test_cluster_moves import (
    LIBRARY,
    OPERATOR,
    balance,
    begin_uneven,
    begin_writing,
    held_back,
    lost,
    open_marks,
    start_again,
)

PROGRAMS = Path(__file__).resolve().parents[2] / ".cache" / "engines"
MOVED = range(5462, 7462)  # what the first primary has too much: two jobs
FILLED = 1000  # keys in these slots
SLOW = 4000  # microseconds for each key of a snapshot: a job takes two seconds then
UNITS = "ansible_collections.quorum.redis.plugins.module_utils._cluster"
# Does something once a job of the run has begun.
BEGUN = f"""
import os, signal
from {UNITS} import job_mover, transfer
from ansible_collections.quorum.redis.plugins.modules.cluster import main

real, seen = job_mover.JobMover._check_time, []
def check_time(self, job, over):
    if not seen:
        seen.append(job)
        then()
    return real(self, job, over)
job_mover.JobMover._check_time = check_time
job_mover.POLL, job_mover.PAUSE = 0.002, 0.02
"""
# Cuts the connections of a job once they are there.
CUT = """import redis
    source, rows = redis.Redis({login}), []
    while not rows:
        rows = [row for row in source.client_list() if "syncslots" in row["cmd"]]
    for row in rows:
        source.client_kill_filter(_id=row["id"])
    source.config_set("rdb-key-save-delay", 0)
"""


class Counter(ClusterWriter):
    """A client that also counts with HyperLogLogs: PFCOUNT is a read that a server sends on as a write."""

    def write(self, number: int, tag: str) -> None:
        """Do one write more, and count."""
        super().write(number, tag)
        self.send("PFADD", f"{tag}count", number)
        self.send("PFCOUNT", f"{tag}count")


@pytest.fixture(params=["valkey-9", "redis-8.4"])
def engine(request: pytest.FixtureRequest) -> Engine:
    """Return an engine that moves slots by itself."""
    program = PROGRAMS / request.param
    if not program.exists():
        pytest.fail(f"there is no {request.param} in .cache/engines: run tools/engines")
    return Engine(request.param, str(program))


@pytest.fixture
def six(lab: Lab) -> list[Server]:
    """Return a cluster with slots to move."""
    return begin_uneven(lab, MOVED)


def write_to(servers: list[Server], writers: list[ClusterWriter]) -> None:
    """Let clients write to slots that move, one of them to others too."""
    places = [(one.address, one.port) for one in servers]
    writers.append(ClusterWriter(places, PASSWORD, [*tags_of("b", MOVED, 60), *tags_of("c", range(16384), 60)]))
    writers.append(Counter(places, PASSWORD, tags_of("d", MOVED, 20)))
    begin_writing(writers)


def fill(server: Server) -> None:
    """Give the slots that move some data."""
    server.calls(*(("SET", tag, "x" * 4000) for tag in tags_of("f", MOVED, FILLED)))


def kind(server: Server) -> str:
    """Return the name of its engine."""
    return "valkey" if "valkey" in server.engine.name else "redis"


def jobs(server: Server) -> list[SlotJob]:
    """Return the jobs that a server tells of."""
    return parse_jobs(server.call(*ASKED[kind(server)]))


def run_code(lab: Lab, servers: list[Server], then: str) -> tuple[int, dict[str, Any]]:
    """Run a rebalance in which this is done once a job has begun; return how it ended and what it said."""
    given = {**options(servers, rebalance=True), "timeout": 10}
    code = f"{BEGUN}\ndef then():\n    {then}\nmain()\n"
    ended = lab.fork(code, fold_connection(given), how="-c")
    return ended.returncode, json.loads(ended.stdout) if ended.stdout else {}


def slow_down(servers: list[Server], delay: int = SLOW) -> None:
    """Let snapshots take their time, or not any more."""
    for one in servers:
        one.call("CONFIG", "SET", "rdb-key-save-delay", delay)


def fast(server: Server) -> str:
    """Return code after which the next job takes no time any more."""
    login = f"port={server.port}, password={PASSWORD!r}"
    return f"import redis; redis.Redis({login}).config_set('rdb-key-save-delay', 0)"


def hold_snapshot(server: Server) -> int:
    """Stop the process that writes the snapshot of a job, and return which one it is."""
    assert server.process
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
    child = int(wait_until("a child", lambda: children.read_text().split())[0])
    os.kill(child, signal.SIGSTOP)
    return child


def test_the_engine_moves_slots(lab: Lab, six: list[Server], writers: list[ClusterWriter]) -> None:
    """With the least rights nothing is lost, functions are there; a second run changes nothing."""
    six[0].call("FUNCTION", "LOAD", LIBRARY)
    for one in six:
        version = parse_version(running_version(one.info()))
        for job in ("operator", "replication", "backup"):
            rules = job_rules(job, version, cluster=True)
            one.call("ACL", "SETUSER", f"our-{job}", "on", f">{OPERATOR}", "resetchannels", *rules)
        one.calls(("CONFIG", "SET", "masteruser", "our-replication"), ("CONFIG", "SET", "masterauth", OPERATOR))
    if kind(six[0]) == "valkey":
        assert six[0].call("ACL", "DRYRUN", "our-backup", *ASKED["valkey"]) == "OK"
    fill(six[0])
    write_to(six, writers)
    least = {"username": "our-operator", "password": OPERATOR}
    predicted = lab.run("cluster", check=True, **options(six, rebalance=True, **least))
    assert predicted.changed and predicted["moved"]["jobs"] == 0 and jobs(six[0]) == [], predicted.text
    for writer in writers:
        writer.gap = writer.gap_of_pairs = 0
    began = sum(writer.acknowledged for writer in writers)
    done = balance(lab, six, **least)
    written = sum(writer.acknowledged for writer in writers) - began
    gaps = [max(one.gap for one in writers), max(one.gap_of_pairs for one in writers)]
    moved = done["moved"]
    assert done["steps"] == predicted["steps"] and done["diff"] == predicted["diff"], done.text
    assert (moved["slots"], moved["jobs"]) == (len(MOVED), 2) and moved["key_count"] > FILLED, done.text
    assert "key by key" not in done.text and "lib" in str(six[1].call("FUNCTION", "LIST"))
    again = balance(lab, six, **least)
    assert not again.changed and OPERATOR not in done.text + again.text
    assert [one.call("ACL", "LOG") for one in six] == [[]] * 6
    missing = lost(writers)
    note(
        f"slots moved by {lab.engine.name} itself",
        f"{moved['slots']} slots, {moved['key_count']} keys in {moved['seconds']:.1f} s; {written} writes meanwhile, "
        f"{len(missing)} lost, longest gap {gaps[0] * 1000:.0f} ms, of two keys at once {gaps[1] * 1000:.0f} ms",
    )
    assert not missing and open_marks(six) == []


def test_a_job_outlives_its_run_and_is_cancelled(lab: Lab, six: list[Server], writers: list[ClusterWriter]) -> None:
    """Nothing else moves meanwhile, the next run waits for it; one that somebody cancels leaves the slots."""
    fill(six[0])
    slow_down(six)
    write_to(six, writers)
    side = six[0] if kind(six[0]) == "valkey" else six[1]
    word = ["CANCELSLOTMIGRATIONS"] if kind(six[0]) == "valkey" else ["MIGRATION", "CANCEL", "ALL"]
    server = f"redis.Redis(port={side.port}, password={PASSWORD!r})"
    status, said = run_code(lab, six, f"import redis; {server}.execute_command('CLUSTER', *{word})")
    assert status == 1 and "Somebody has cancelled the move of 1000 slots" in said["msg"], said
    assert len([job for job in jobs(side) if job.is_cancelled]) == 1 and open_marks(six) == []

    status, said = run_code(lab, six, "os.kill(os.getpid(), signal.SIGKILL)")
    assert status == -signal.SIGKILL, said
    child = hold_snapshot(six[0])
    on_way = "slots 5462-6461 of c1 are on their way to c2"
    plain = lab.run("cluster", **options(six))
    assert not plain.failed and not plain.changed and f"{on_way}; it was left alone" in plain.text, plain.text
    refused = lab.run("cluster", **options(six, promote=["c4"]))
    assert refused.failed and on_way in refused.msg and "running with rebalance" in refused.msg, refused.text
    predicted = lab.run("cluster", check=True, **options(six, rebalance=True))
    assert predicted["steps"] == [
        "wait for 1000 slots that go from c1 to c2 already: 5462-6461",
        "move 1000 slots from c1 to c2: 6462-7461",
    ], predicted.text
    shown = lab.run("instance_info", **six[0].endpoint())
    assert [job["slots"] for job in shown["cluster"]["jobs"]] == ["5462-6461"], shown.text

    def let_go() -> None:
        wait_until("the next run is there", lambda: "name=quorum-rebalance" in six[0].call("CLIENT", "LIST"))
        os.kill(child, signal.SIGCONT)

    waiting = threading.Thread(target=let_go)
    waiting.start()
    done = balance(lab, six)
    waiting.join()
    assert done["steps"] == predicted["steps"] and done["moved"]["jobs"] == 1, done.text
    assert not balance(lab, six).changed and open_marks(six) == [] and lost(writers) == []


def test_the_target_is_killed(lab: Lab, six: list[Server], writers: list[ClusterWriter]) -> None:
    """One that its host starts again gets its slots in the same run."""
    fill(six[0])
    slow_down(six)
    write_to(six, writers)
    assert six[1].process
    host = threading.Thread(target=start_again, args=[six[1]])
    host.start()
    status, said = run_code(lab, six, f"{fast(six[0])}; os.kill({six[1].process.pid}, signal.SIGKILL)")
    host.join()
    assert status == 0 and said["moves"] == [] and said["moved"]["slots"] == len(MOVED), said
    assert held_back(six) == [] and open_marks(six) == []
    assert not balance(lab, six).changed and lost(writers) == []


@pytest.mark.parametrize("engine", ["redis-8.4"], indirect=True)
def test_a_lost_channel(lab: Lab, six: list[Server], writers: list[ClusterWriter]) -> None:
    """Redis itself would try that job again and again: it is cancelled before a smaller one begins."""
    fill(six[0])
    slow_down(six)
    write_to(six, writers)
    status, said = run_code(lab, six, CUT.format(login=f"port={six[0].port}, password={PASSWORD!r}"))
    assert status == 0 and said["moved"]["slots"] == len(MOVED) and "key by key" not in str(said), said
    ended = [(job.state, len(slots_of(job.ranges))) for job in jobs(six[1])]
    assert sorted(ended) == [("canceled", 1000), *[("completed", size) for size in (500, 500, 1000)]], ended
    assert said["moved"]["jobs"] == 3 and open_marks(six) == []
    assert not balance(lab, six).changed and lost(writers) == []


# The others take as long: in `make soak`.
KILLED = [("valkey-9", "source"), ("redis-8.4", "source"), ("valkey-9", "target"), ("redis-8.4", "target")]


@pytest.mark.parametrize(("engine", "side"), KILLED[: 1 if trials(1) == 1 else None], indirect=["engine"])
def test_a_replica_takes_over(lab: Lab, six: list[Server], writers: list[ClusterWriter], side: str) -> None:
    """Killed for good in the middle of a job, its replica has all that was acknowledged; then the next run goes on."""
    fill(six[0])
    slow_down(six)
    write_to(six, writers)
    victim, successor = (six[0], six[3]) if side == "source" else (six[1], six[4])
    assert victim.process
    then = f"{fast(six[0])}; os.kill({victim.process.pid}, signal.SIGKILL); transfer.RETURN = 1"
    status, said = run_code(lab, six, then)
    assert status == 1 and "The move of slots was cut short" in said["msg"] and "No slot is open" in said["msg"], said
    wait_until("its replica takes over", lambda: successor.info()["role"] == "master")
    slow_down([one for one in six if one is not victim], 0)
    victim.stop()
    victim.start()
    balance(lab, six)
    assert not balance(lab, six).changed and open_marks(six) == [] and lost(writers) == []


@pytest.mark.parametrize("engine", ["valkey-9", "redis-8.4"][: 1 if trials(1) == 1 else None], indirect=True)
def test_a_shard_ends(lab: Lab, writers: list[ClusterWriter]) -> None:
    """Its slots go to the others by jobs, a job for each of them, while clients write."""
    eight = [start(lab, f"c{number}") for number in range(1, 9)]
    created = lab.run("cluster", **options(eight))
    assert not created.failed and [one["slot_count"] for one in created["shards"]] == [4096] * 4, created.text
    gone = ["c4", created["shards"][0]["replicas"][0]["host"]]
    places = [(one.address, one.port) for one in eight]
    writers.append(ClusterWriter(places, PASSWORD, tags_of("e", range(12288, 16384), 40)))
    writers[0].start()
    writers[0].more()
    done = lab.run("cluster", **options(eight, leave=gone))
    assert not done.failed and [one["slot_count"] for one in done["shards"]] == [5462, 5461, 5461], done.text
    assert (done["moved"]["slots"], done["moved"]["jobs"]) == (4096, 6), done.text
    assert not lab.run("cluster", **options(eight, leave=gone)).changed
    assert open_marks(eight) == [] and lost(writers) == []


@pytest.mark.parametrize("engine", ["valkey-9"], indirect=True)
def test_what_the_engine_cannot_move_goes_key_by_key(lab: Lab, six: list[Server]) -> None:
    """A job that fails again and again is told of with the engine's own words."""
    few = range(MOVED.start, MOVED.start + 400)
    six[0].call(*begin_job("valkey", [(few.stop, MOVED.stop - 1)], six[1].call("CLUSTER", "MYID")))
    wait_until("the others have moved", lambda: all(not job.is_running for one in six[:2] for job in jobs(one)))
    for one in six:
        one.call("ACL", "SETUSER", "our-replication", "on", f">{OPERATOR}", "+psync", "+replconf", "+ping")
        one.calls(("CONFIG", "SET", "masteruser", "our-replication"), ("CONFIG", "SET", "masterauth", OPERATOR))
    status, said = run_code(lab, six, "pass")
    failed = [job for job in jobs(six[0]) if job.state == "failed"]
    assert sorted(len(slots_of(job.ranges)) for job in failed) == [25, 50, 100, 200, 400], failed
    assert status == 0 and (said["moved"]["slots"], said["moved"]["jobs"]) == (len(few), 0), said
    assert "no permissions to run the 'cluster|syncslots' command" in str(said["warnings"]), said
    assert "5 times, and 400 slots went key by key" in str(said["warnings"]) and open_marks(six) == [], said

    for one in six:
        one.calls(("CONFIG", "SET", "masteruser", ""), ("CONFIG", "SET", "masterauth", PASSWORD))
        one.call("ACL", "SETUSER", "own", "on", f">{OPERATOR}", "~*", "&*", "+@all", "-cluster|getslotmigrations")
    six[1].call(*begin_job("valkey", [(few.start, few.stop - 1)], six[0].call("CLUSTER", "MYID")))
    wait_until("they are back", lambda: not any(job.is_running for one in six[:2] for job in jobs(one)))
    done = balance(lab, six, username="own", password=OPERATOR)
    assert (done["moved"]["slots"], done["moved"]["jobs"]) == (len(few), 0), done.text
    why = "no permissions to run the 'cluster|getslotmigrations' command"
    assert f"{why}, and 400 slots went key by key" in done.text, done.text
    assert "Slots that the engine of c1, c2, c3, c4, c5, c6 moves are not seen" in done.text, done.text
    shown = lab.run("instance_info", **{**six[0].endpoint(), "username": "own", "password": OPERATOR})
    assert not shown.failed and "moves are not seen" in shown.text and why in shown.text, shown.text
