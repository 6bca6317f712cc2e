# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Slots move between real servers while a ledger of acknowledged writes is kept; whoever takes part is killed."""

from __future__ import annotations

import json
import signal
import threading
from typing import Any

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._model.acl_presets import job_rules
from ansible_collections.quorum.redis.plugins.module_utils._model.versions import parse_version, running_version
from connection import fold_connection
from ledger.cluster_writer import ClusterWriter, tags_of
from measured import note

from .conftest import PASSWORD, Answer, Lab, Server, engines, wait_until
from .test_cluster import options, start

LIBRARY = "#!lua name=lib\nredis.register_function('double', function(keys) return 2 * redis.call('GET', keys[1]) end)"
OPERATOR = "own-of-operator"
MOVED = range(5462, 5591)  # what the first primary has too much
UNITS = "ansible_collections.quorum.redis.plugins.module_utils._cluster"
# Does something when a part of a move has been done so many times; what finishes an earlier move does not count.
WHEN = f"""
import os, signal
from {UNITS} import mover, transfer
from ansible_collections.quorum.redis.plugins.modules.cluster import main

def when(part, count, then):
    real, begin = getattr(mover.Mover, part), mover.Mover._move_slot
    seen = []

    def counted(self, *args):
        answer = real(self, *args)
        if seen:
            seen.append(part)
        if len(seen) == 1 + count:
            then()
        return answer

    def beginning(self, *args):
        seen[:] = seen or ["begun"]
        if part == "_say":
            seen[1:] = []
        return begin(self, *args)

    setattr(mover.Mover, part, counted)
    mover.Mover._move_slot = beginning

"""
KILLED = "os.kill(os.getpid(), signal.SIGKILL)"


def begin_uneven(lab: Lab, slots: range) -> list[Server]:
    """Return a cluster in which the first primary has more slots than its share, and the second one fewer."""
    servers = [start(lab, f"c{number}", "appendonly yes") for number in range(1, 7)]
    servers[0].call("CLUSTER", "ADDSLOTS", *range(slots.stop))
    done = lab.run("cluster", **options(servers))
    assert not done.failed and len(done["moves"]) == 1, done.text
    return servers


@pytest.fixture
def six(lab: Lab) -> list[Server]:
    """Return a cluster with slots to move."""
    return begin_uneven(lab, MOVED)


def write_to(servers: list[Server], writers: list[ClusterWriter]) -> None:
    """Let clients write to slots that move, one of them to all of these and to others too."""
    places = [(one.address, one.port) for one in servers]
    first = tags_of("a", range(MOVED.start, MOVED.start + 1), 1)
    writers.append(ClusterWriter(places, PASSWORD, [*first, *tags_of("b", MOVED, 60), *tags_of("c", range(16384), 60)]))
    writers.append(ClusterWriter(places, PASSWORD, tags_of("d", MOVED, 20)))
    begin_writing(writers)


def begin_writing(writers: list[ClusterWriter]) -> None:
    """Start the writers, and wait until each has written."""
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.more()


def lost(writers: list[ClusterWriter]) -> list[str]:
    """End the writers, and return what they miss."""
    for writer in writers:
        writer.more()
    return [text for writer in writers for text in writer.lost()]


def balance(lab: Lab, servers: list[Server], **more: Any) -> Answer:
    """Rebalance, and expect that it went well."""
    done = lab.run("cluster", **options(servers, rebalance=True, **more))
    assert not done.failed and done["moves"] == [], done.text
    assert PASSWORD not in done.text
    return done


def run_code(lab: Lab, servers: list[Server], code: str, **more: Any) -> tuple[int, dict[str, Any]]:
    """Run a rebalance, or what else moves slots, with this code in it; return how it ended and what it said."""
    given = {**options(servers, **(more or {"rebalance": True})), "timeout": 10}
    ended = lab.fork(WHEN + code + "\nmain()\n", fold_connection(given), how="-c")
    return ended.returncode, json.loads(ended.stdout) if ended.stdout else {}


def open_marks(servers: list[Server]) -> list[str]:
    """Return what the servers say about open slots."""
    return [word for one in servers for word in one.call("CLUSTER", "NODES").split() if word.startswith("[")]


def held_back(servers: list[Server]) -> list[str]:
    """Return who may not take over."""
    return [one.directory.name for one in servers if "yes" in one.call("CONFIG", "GET", "cluster-replica-no-failover")]


def test_slots_move_while_clients_write(lab: Lab, six: list[Server], writers: list[ClusterWriter]) -> None:
    """With the rights of an operator nothing is lost, functions come along; what others have opened is refused."""
    six[0].call("FUNCTION", "LOAD", LIBRARY)
    for one in six:
        rules = job_rules("operator", parse_version(running_version(one.info())), cluster=True)
        one.call("ACL", "SETUSER", "our-operator", "on", f">{OPERATOR}", "resetchannels", *rules)
    write_to(six, writers)
    least = {"username": "our-operator", "password": OPERATOR}
    predicted = lab.run("cluster", check=True, **options(six, rebalance=True, **least))
    assert predicted.changed and len(predicted["steps"]) == len(predicted["moves"]) == 1, predicted.text
    assert predicted["moved"]["slots"] == 0 and open_marks(six) == []
    for writer in writers:
        writer.gap = writer.gap_of_pairs = 0
    began = sum(writer.acknowledged for writer in writers)
    done = balance(lab, six, **least)
    written = sum(writer.acknowledged for writer in writers) - began
    gaps = [max(one.gap for one in writers), max(one.gap_of_pairs for one in writers)]
    assert done["steps"] == predicted["steps"] and done["diff"] == predicted["diff"], done.text
    moved = done["moved"]
    assert moved["slots"] == len(MOVED) and moved["key_count"] > 100 and moved["bytes"] > 50 * moved["key_count"], moved
    assert max(one["slot_count"] for one in done["shards"]) - min(one["slot_count"] for one in done["shards"]) < 120
    assert "lib" in str(six[1].call("FUNCTION", "LIST"))
    again = balance(lab, six, **least)
    assert OPERATOR not in done.text + again.text
    assert not again.changed and again["steps"] == [] and held_back(six) == [], again.text
    missing = lost(writers)
    note(
        f"slots moved between primaries of a cluster, {lab.engine.name}",
        f"{moved['slots']} slots, {moved['key_count']} keys in {moved['seconds']:.1f} s; {written} writes meanwhile, "
        f"{len(missing)} lost, longest gap {gaps[0] * 1000:.0f} ms, of two keys at once {gaps[1] * 1000:.0f} ms",
    )
    assert not missing
    assert all(PASSWORD not in one.log for one in six)

    ids = [one.call("CLUSTER", "MYID") for one in six]
    for slot in (16000, 16001):
        six[0].call("CLUSTER", "SETSLOT", slot, "IMPORTING", ids[2])
    wait_until("replicas that are told know it too", lambda: len(open_marks(six)) in (2, 4))
    before = open_marks(six)
    refused = lab.run("cluster", **options(six, rebalance=True))
    assert refused.failed and "slot 16000 of c1 is importing from c3" in refused.msg, refused.text
    refused = lab.run("cluster", **options(six, promote=["c4"]))
    assert refused.failed and "running with rebalance" in refused.msg and open_marks(six) == before, refused.text


def test_a_killed_run_is_finished_by_the_next(lab: Lab, six: list[Server], writers: list[ClusterWriter]) -> None:
    """Killed in each state of a slot, it goes on; what it held back is let go."""
    write_to(six, writers)
    states = [("_say", 1), ("_say", 2), ("_migrate", 1), ("_drain", 1), ("_say", 3), ("_say", 4)]
    for part, count in states:
        code = f"mover.BATCH = 1\nwhen({part!r}, {count}, lambda: {KILLED})"
        status, said = run_code(lab, six, code)
        assert status == -signal.SIGKILL, (part, count, status, said)
        wait_until("replicas may take over again", lambda: held_back(six) == [])
        if (part, count) == ("_migrate", 1):
            assert open_marks(six)
            plain = lab.run("cluster", **options(six))
            assert not plain.failed and not plain.changed and "was left alone" in plain.text, plain.text
            predicted = lab.run("cluster", check=True, **options(six, rebalance=True))
            assert predicted["steps"][0].startswith("finish the move of slot "), predicted.text
    done = balance(lab, six)
    assert open_marks(six) == [] and done["moved"]["slots"] > 20, done.text
    assert not balance(lab, six).changed
    assert lost(writers) == []


@pytest.mark.parametrize("side", ["source", "target"])
def test_a_server_is_killed(lab: Lab, six: list[Server], writers: list[ClusterWriter], side: str) -> None:
    """A server that its host starts again goes on where it was; one whose replica took over is followed up."""
    write_to(six, writers)
    victim, successor = (six[0], six[3]) if side == "source" else (six[1], six[4])
    assert victim.process is not None
    code = f"mover.BATCH = 1\nwhen('_migrate', 2, lambda: os.kill({victim.process.pid}, signal.SIGKILL))\n"
    if lab.engine.name.startswith("redis"):
        host = threading.Thread(target=start_again, args=[victim])
        host.start()
        status, said = run_code(lab, six, code)
        host.join()
        assert status == 0 and said["changed"] and said["moves"] == [], said
    else:
        status, said = run_code(lab, six, code + "transfer.RETURN = 1")
        assert status == 1 and "The move of slots was cut short" in said["msg"] and "Run again" in said["msg"], said
        wait_until("its replica takes over", lambda: successor.info()["role"] == "master")
        victim.stop()
        victim.start()
        balance(lab, six)
    assert open_marks(six) == [] and held_back(six) == []
    assert not balance(lab, six).changed
    assert lost(writers) == []


def start_again(server: Server) -> None:
    """Start a server when it has ended, as its host does."""
    wait_until("it has been killed", lambda: server.process is None or server.process.poll() is not None)
    server.stop()
    server.start()


@pytest.mark.parametrize("engine", [one for one in engines() if "redis" in one.name], indirect=True)
def test_source_and_run_are_killed(lab: Lab, six: list[Server]) -> None:
    """A replica takes over that does not know of the move: no key goes, two histories of one wait for a decision."""
    tag = tags_of("a", range(MOVED.start, MOVED.start + 1), 1)[0]
    keys = [f"{tag}{number}" for number in range(10)]
    six[0].calls(*(("SADD", key, "before") for key in keys))
    assert six[0].process is not None
    code = f"os.kill({six[0].process.pid}, signal.SIGKILL) or {KILLED}"
    status, said = run_code(lab, six, f"mover.BATCH = 1\nwhen('_migrate', 4, lambda: {code})")
    assert status == -signal.SIGKILL, said
    wait_until("the replica takes over", lambda: six[3].info()["role"] == "master")
    gone = [key for key in keys if not six[3].call("EXISTS", key)]
    assert len(gone) == 4
    six[3].call("SADD", gone[0], "after")
    refused = lab.run("cluster", **options(six, rebalance=True))
    assert refused.failed and f"Copies of 1 key of slot {MOVED.start} differ" in refused.msg, refused.text
    assert repr(gone[0]) in refused.msg
    six[3].call("DEL", gone[0])
    finished = lab.run("cluster", **options(six, rebalance=True))
    assert not finished.failed and len(finished["steps"]) == 1, finished.text
    assert six[3].calls(*(("SCARD", key) for key in keys)) == [1] * len(keys)
    six[0].stop()
    six[0].start()
    balance(lab, six)
    assert six[1].calls(*(("SMEMBERS", key) for key in keys)) == [["before"]] * len(keys)


def test_members_leave_and_one_shard_less_is_left(lab: Lab, writers: list[ClusterWriter]) -> None:
    """Its slots go to the others while clients write, its replica follows another primary; a killed run goes on."""
    eight = [start(lab, f"c{number}", "appendonly yes") for number in range(1, 9)]
    borders = [0, 5442, 10883, 16324, 16384]
    for one, first, end in zip(eight, borders, borders[1:], strict=False):
        one.call("CLUSTER", "ADDSLOTS", *range(first, end))
    created = lab.run("cluster", **options(eight))
    replicas = [one["replicas"][0]["host"] for one in created["shards"]]
    assert not created.failed and [one["slot_count"] for one in created["shards"]] == [5442, 5441, 5441, 60]
    gone = ["c4", replicas[0]]  # a primary, and the replica of another shard
    stay = [one for one in eight if one.directory.name not in gone]
    places = [(one.address, one.port) for one in stay]
    writers.append(ClusterWriter(places, PASSWORD, tags_of("e", range(16324, 16384), 40)))
    writers[0].start()
    writers[0].more()

    predicted = lab.run("cluster", check=True, **options(eight, leave=gone))
    assert predicted["moved"]["slots"] == 0 and f"follow c1 ({eight[0].address}" in predicted["steps"][-1], (
        predicted.text
    )
    status, said = run_code(lab, eight, f"mover.BATCH = 1\nwhen('_migrate', 2, lambda: {KILLED})", leave=gone)
    assert status == -signal.SIGKILL and open_marks(eight), said
    done = lab.run("cluster", **options(eight, leave=gone))
    assert not done.failed and done["steps"][0].startswith("finish the move of slot "), done.text
    assert [one["slot_count"] for one in done["shards"]] == [5462, 5461, 5461], done.text
    assert replicas[3] in [one["host"] for one in done["shards"][0]["replicas"]], done.text
    assert not lab.run("cluster", **options(eight, leave=gone)).changed

    writers[0].owner.clear()  # clients look again where the slots are
    for one in eight:
        if one not in stay:
            one.stop()
    # All servers have one address here, so these are forgotten by hand.
    ids = [line.split()[0] for line in stay[0].call("CLUSTER", "NODES").splitlines()]
    here = [one.call("CLUSTER", "MYID") for one in stay]
    for one in stay:
        one.calls(*(("CLUSTER", "FORGET", node) for node in ids if node not in here))
    after = lab.run("cluster", **options(stay))
    assert not after.failed and not after.changed and after["violations"] == after["moves"] == [], after.text
    assert open_marks(stay) == [] and held_back(stay) == [] and lost(writers) == []
