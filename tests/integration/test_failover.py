# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The primary moves while a ledger of acknowledged writes is kept: real servers, real Sentinels, killed processes."""

from __future__ import annotations

import json
import random
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._redis.endpoint import Endpoint
from ansible_collections.quorum.redis.plugins.module_utils._redis.observe import observe_server
from ledger import Ledger
from ledger.scene import ALONE, DOWN_AFTER, NAME, Scene, kill
from measured import note
from patience import LONG, allowed
from trials import trials

LIMIT = 3.0


@pytest.fixture
def watched(lab: Any) -> Scene:
    """Return three servers with three Sentinels."""
    return Scene.build(lab)


@pytest.fixture
def unwatched(lab: Any) -> Scene:
    """Return three servers without Sentinels."""
    return Scene.build(lab, sentinels=0)


@pytest.fixture
def ledger(request: pytest.FixtureRequest) -> Iterator[Any]:
    """Return a function that starts a ledger; it is stopped at the end whatever happens."""
    started: list[Ledger] = []

    def start(scene: Scene, rate: float = 100) -> Ledger:
        started.append(scene.ledger(rate).start())
        return started[-1]

    yield start
    for one in started:
        one.stop()


def check(scene: Scene, book: Ledger) -> None:
    """Fail when a write is lost or something temporary is left."""
    scene.wait("the set is whole", scene.whole)
    assert scene.temporary() == []
    resumed(book, LONG)
    scene.wait("much is written", lambda: book.acknowledged_since(0) > 100)
    report = book.report()
    assert report.lost == 0, str(report)


def resumed(book: Ledger, seconds: float) -> float:
    """Wait until writes are acknowledged again; return how long that took."""
    since = book.now
    while book.acknowledged_since(since) < 4:
        assert book.now - since < seconds, f"no write is acknowledged for {seconds:g} s"
        time.sleep(0.01)
    return book.now - since


def test_the_ledger_sees_the_losses_of_a_plain_sentinel_failover(watched: Scene, ledger: Any) -> None:
    book = ledger(watched)
    watched.wait("much is written", lambda: book.acknowledged_since(0) > 100)
    watched.wait("Sentinel agrees", lambda: watched.sentinels[0].call("SENTINEL", "FAILOVER", NAME))
    watched.wait("the old primary is converted", lambda: watched.whole() and watched.primary() != "m1")
    report = book.report()
    assert report.lost > 100
    assert report.lossy_window_ms > 5000
    assert report.lost_on == {f"127.0.0.1:{watched.members[0].port}": report.lost}
    assert json.loads(json.dumps(report.to_dict()))["lost"] == report.lost
    assert "of them lost" in str(report)


def test_moves_with_sentinels_lose_nothing(watched: Scene, ledger: Any) -> None:
    book = ledger(watched)
    named, gaps = [], []
    for _count in range(trials(3)):
        before = watched.primary()
        answer = watched.move()
        assert not answer.failed, answer.text
        assert answer["old_primary"]["host"] == before
        assert answer["primary"]["host"] == watched.primary() != before
        assert answer["offsets"]["target"] >= answer["offsets"]["fence"]
        told = {"moved": True, "from": before, "to": watched.primary(), "gap_ms": answer["gap_ms"]}
        assert answer["ansible_stats"]["data"] == {"redis_moved": {NAME: told}}
        gaps.append(answer["gap_ms"])
        named.append(answer["named_ms"])
    check(watched, book)
    note(f"{len(gaps)} moves with Sentinels", f"gap {gaps} ms, named after {named} ms")
    assert statistics.median(named) < allowed(1000)


def test_moves_without_sentinels_lose_nothing(unwatched: Scene, ledger: Any) -> None:
    book = ledger(unwatched)
    gaps = []
    for _count in range(trials(5)):
        answer = unwatched.move()
        assert not answer.failed, answer.text
        gaps.append(answer["gap_ms"])
    check(unwatched, book)
    syncs = [int(one.info()["sync_full"]) for one in unwatched.members]
    assert sum(syncs) == 2, "only the very first syncs were full ones"
    note(f"{len(gaps)} moves without Sentinels", f"gap {gaps} ms")
    assert statistics.median(gaps) < allowed(150)


def test_a_member_is_named_preferred_or_avoided(unwatched: Scene) -> None:
    plan = unwatched.move(check=True, to="m3")
    assert plan.changed, plan.text
    assert "ansible_stats" not in plan.data
    assert unwatched.primary() == "m1"
    done = unwatched.move(to="m3")
    assert done["steps"] == plan["steps"]
    assert "m3: primary" in done["diff"][0]["after"]
    again = unwatched.move(to="m3")
    assert not again.changed
    assert again["primary"]["host"] == "m3"
    assert not unwatched.move(avoid=["m1"]).changed
    assert unwatched.move(avoid=["m3"], zones={"m1": "a", "m2": "b", "m3": "a"})["primary"]["host"] == "m2"
    unwatched.members[2].call("CONFIG", "SET", "replica-priority", 10)
    assert unwatched.move()["primary"]["host"] == "m3"


def refused(scene: Scene, words: str, **options: Any) -> None:
    """Expect a refusal with these words, and nothing changed."""
    alive = [one for one in scene.members if one.process]
    before = scene.roles(), [one.call("CONFIG", "GET", "*priority") for one in alive]
    for mode in (True, False):
        answer = scene.move(check=mode, **options)
        assert answer.failed, answer.text
        assert not answer.changed
        assert words in answer.msg
        assert "nothing was changed" in answer.msg.lower()
    assert (scene.roles(), [one.call("CONFIG", "GET", "*priority") for one in alive]) == before


def test_a_move_that_cannot_succeed_is_refused(unwatched: Scene) -> None:
    m1, m2, m3 = unwatched.members
    refused(unwatched, "m9 is no member", to="m9")
    m2.call("CONFIG", "SET", "replica-priority", 0)
    refused(unwatched, "m2 cannot take over: it has replica-priority 0", to="m2")
    refused(unwatched, "Nobody can take over", avoid=["m1", "m3"])
    m2.call("CONFIG", "SET", "replica-priority", 100)
    m2.call("CONFIG", "SET", "min-replicas-to-write", 3)
    refused(unwatched, "wants 3 replicas to accept writes, but would have 2", to="m2")
    m2.call("CONFIG", "SET", "min-replicas-to-write", 0)
    m3.stop(kill=True)
    refused(unwatched, "m3 cannot take over: it cannot be observed", to="m3")
    m1.call("CONFIG", "SET", "requirepass", "x")
    m1.password = "x"
    refused(unwatched, "refuses the password")


@pytest.mark.parametrize("sentinels", [0, 3])
def test_a_living_replica_that_is_not_declared_stops_a_move(lab: Any, sentinels: int) -> None:
    """As in a part of the inventory: Sentinels may prefer it, and without them it would follow a former primary."""
    scene = Scene.build(lab, sentinels=sentinels)
    part, third = scene.options()["members"][:2], scene.members[2]
    third.call("CONFIG", "SET", "replica-announce-ip", "127.0.0.3")
    third.call("CLIENT", "KILL", "TYPE", "master")
    scene.wait("the primary knows it so", lambda: "ip=127.0.0.3" in str(scene.members[0].call("INFO", "replication")))
    scene.wait("it is in sync", lambda: third.info()["master_link_status"] == "up")
    refused(scene, f"there live the member 127.0.0.3:{third.port} (known to m1", members=part, wait=10)
    refused(scene, "quorum.redis.retire", members=part, to="m2", wait=10)


def test_a_member_without_link_is_refused(unwatched: Scene) -> None:
    m2 = unwatched.members[1]
    m2.call("REPLICAOF", "127.0.0.1", unwatched.members[2].port)
    refused(unwatched, "The set is not as it should be", to="m2")


def test_sentinels_without_a_majority_or_of_two_minds_are_refused(watched: Scene, ledger: Any) -> None:
    s1, s2, s3 = watched.sentinels
    s3.call("SENTINEL", "SET", NAME, "quorum", 5)
    refused(watched, "The Sentinel of s3 has no quorum")
    s3.call("SENTINEL", "SET", NAME, "quorum", 2)
    book = ledger(watched)
    s3.stop(kill=True)
    answer = watched.move(to="m2")
    assert not answer.failed, answer.text
    assert "The Sentinel of s3 was left out" in answer.text
    s2.stop(kill=True)
    refused(watched, "Only 1 of 3 Sentinels answer")
    s1.stop(kill=True)
    refused(watched, "Only 0 of 3 Sentinels answer")
    book.stop()
    assert sum(len(writer.times) for writer in book.writers) > 100


def test_of_two_at_once_one_is_refused(unwatched: Scene, ledger: Any) -> None:
    book = ledger(unwatched)
    for _count in range(trials(3)):
        both = [unwatched.begin(to=host) for host in ("m2", "m3")]
        said = [json.loads(one.communicate(timeout=LONG)[0]) for one in both]
        for answer in said:
            assert not (answer.get("failed") and answer["changed"]), answer["msg"]
        assert any(not answer.get("failed") for answer in said), said
        unwatched.wait("the set is whole", unwatched.whole)
        unwatched.move(to="m1")
    check(unwatched, book)


LATE = """
import pathlib, time
mine, other = pathlib.Path({mine!r}), pathlib.Path({other!r})
real = base.take_lock
def take_lock(*args):
    if {first}:
        mine.touch()
        while not other.exists():
            time.sleep(0.001)
        real(*args)
    else:
        real(*args)
        mine.touch()
        time.sleep(0.3)
base.take_lock = take_lock
"""


def test_the_older_connection_does_not_take_the_lock_from_who_has_it(unwatched: Scene, ledger: Any) -> None:
    """The first one's connection is there before the other one looks, the first one's look comes after it."""
    book = ledger(unwatched)
    opened, taken = (str(unwatched.lab.root / name) for name in ("opened", "taken"))
    first = unwatched.begin(LATE.format(mine=opened, other=taken, first=True), to="m2")
    unwatched.wait("the first one is there", lambda: Path(opened).exists())
    second = unwatched.begin(LATE.format(mine=taken, other=opened, first=False), to="m3")
    refused, moved = (json.loads(one.communicate(timeout=LONG)[0]) for one in (first, second))
    assert not moved.get("failed"), moved["msg"]
    assert "Another failover or restore of main is at work" in refused["msg"]
    assert not refused["changed"]
    assert unwatched.primary() == "m3"
    check(unwatched, book)


def test_a_connection_that_is_cut_is_no_dead_member(unwatched: Scene) -> None:
    """A move ends by dropping all clients of the old primary. Who looks at it just then must not leave it out."""
    server, over, looks = unwatched.members[0], threading.Event(), list[Any]()

    def cut() -> None:
        """Once for each look at most, as a move does; on a busy machine a look takes longer than the pause."""
        before = -1
        while not over.wait(0.1):
            if len(looks) > before:
                server.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
                before = len(looks)

    cutter = threading.Thread(target=cut)
    cutter.start()
    try:
        end = time.monotonic() + 4
        while time.monotonic() < end or len(looks) <= 100:
            looks.append(observe_server(Endpoint(server.address, server.port), config=True))
    finally:
        over.set()
        cutter.join()
    assert [one.error for one in looks if one.error or not one.config] == []


def killed(scene: Scene, book: Ledger, code: str, **options: Any) -> None:
    """Let the module die, expect writes to go on by themselves, and the next run to leave the set whole."""
    limit = allowed(LIMIT)
    process = scene.begin(code, limit=round(limit * 1000), **options)
    process.communicate(timeout=LONG)
    # SIGALRM: the timer of kill() met a process that was done and had given up its handlers.
    assert process.returncode in (0, -signal.SIGKILL, -signal.SIGALRM)
    resumed(book, limit + allowed(2))
    scene.wait("the next run succeeds", lambda: not scene.move(avoid=["m0"]).failed)
    scene.wait("the set is whole", scene.whole)
    assert scene.temporary() == []


def test_killed_at_any_step_without_sentinels(unwatched: Scene, ledger: Any) -> None:
    book = ledger(unwatched)
    for step in ("StopWrites", "Park", "Promote", "Follow", "Finish"):
        for when in ("before", "after"):
            killed(unwatched, book, kill(step, when))
    for _count in range(trials(2)):
        delay = random.uniform(0.0001, 0.03)
        killed(unwatched, book, kill("StopWrites", "during", delay))
    check(unwatched, book)


def test_killed_at_any_step_with_sentinels(watched: Scene, ledger: Any) -> None:
    book = ledger(watched)
    for step in ("RaisePriority", "AwaitChoice", "StopWrites", "Park", "Elect", "Finish"):
        killed(watched, book, kill(step, "after"))
    for _count in range(trials(1)):
        delay = random.uniform(0.001, 0.3)
        killed(watched, book, kill("StopWrites", "during", delay))
    check(watched, book)


def test_the_next_run_repairs_what_a_dead_host_has_left(unwatched: Scene, ledger: Any) -> None:
    book = ledger(unwatched)
    process = unwatched.begin(ALONE + kill("Park", "after"), to="m2")
    process.communicate(timeout=LONG)
    unwatched.members[2].call("CONFIG", "SET", "replica-priority", 1000070)
    assert unwatched.primary() == ""
    plan = unwatched.move(check=True, to="m1")
    assert [step.split(":")[0].split(" ")[0] for step in plan["steps"]] == ["m3", "m1", "data"]
    answer = unwatched.move(to="m2")
    assert not answer.failed, answer.text
    assert answer["primary"]["host"] == "m2" == unwatched.primary()
    assert unwatched.members[2].call("CONFIG", "GET", "replica-priority")[1] == "70"
    check(unwatched, book)


def test_a_signal_rolls_the_move_back(unwatched: Scene, ledger: Any) -> None:
    book = ledger(unwatched)
    code = kill("Park", "before").replace("SIGKILL", "SIGTERM")
    process = unwatched.begin(code, to="m2")
    out = process.communicate(timeout=LONG)[0]
    answer = json.loads(out)
    assert "Interrupted by signal 15" in answer["msg"]
    resumed(book, allowed(2))
    assert unwatched.primary() == "m1"
    check(unwatched, book)


def patience(scene: Scene) -> set[str]:
    """Return what the Sentinels have as down-after-milliseconds."""
    replies = [one.call("SENTINEL", "MASTER", NAME) for one in scene.sentinels]
    return {dict(zip(reply[::2], reply[1::2], strict=True))["down-after-milliseconds"] for reply in replies}


def test_a_target_that_dies_in_the_middle_is_given_up(watched: Scene, ledger: Any) -> None:
    """Meanwhile the old primary says for so long that it is a replica that it would be dead to the Sentinels.

    It takes longer too than the dead man's switch lets a module hang.
    """
    book = ledger(watched)
    target = watched.members[1]
    stop = f"""
import os, signal
base.Deadman.__init__.__defaults__ = (8.0, *base.Deadman.__init__.__defaults__[1:])
real = base.Operation.do_step
def do_step(self, step, last):
    if type(step).__name__ == "Elect":
        for _host, client in self.sentinels:
            client.call("SENTINEL", "SET", {NAME!r}, "down-after-milliseconds", {DOWN_AFTER})
        os.kill({target.process.pid}, signal.SIGSTOP)
    real(self, step, last)
base.Operation.do_step = do_step
"""
    process = watched.begin(stop, to="m2", timeout=3)
    try:
        answer = json.loads(process.communicate(timeout=LONG)[0])
        assert patience(watched) == {str(DOWN_AFTER)}
        for one in watched.sentinels:
            one.call("SENTINEL", "SET", NAME, "down-after-milliseconds", 60000)
    finally:
        target.process.send_signal(signal.SIGCONT)
    assert answer["failed"]
    assert "SENTINEL FAILOVER" in answer["msg"]
    assert "m1 goes on as the primary" in answer["msg"]
    resumed(book, allowed(5))
    check(watched, book)
    assert sum(one.log.count("+try-failover") for one in watched.sentinels) == 1, "one was ordered"


def test_a_target_that_the_sentinels_have_made_the_primary_is_not_given_up(lab: Any, ledger: Any) -> None:
    """It falls silent before the module has seen it as the primary: two would accept writes.

    The Sentinels wait for it: one that is replaced meanwhile and comes back would lose what it accepts then.
    """
    watched = Scene.build(lab, down_after=60000)
    book = ledger(watched)
    target = watched.members[1]
    code = f"""
import os, signal
from ansible_collections.quorum.redis.plugins.module_utils._failover.execute import Mover
def elect_target(self):
    self.sentinels[0][1].call("SENTINEL", "FAILOVER", self.name)
    self.wait_until("the Sentinels", lambda: self._all(self._names), 120)
    os.kill({target.process.pid}, signal.SIGSTOP)
    self._promoted()
Mover.elect_target = elect_target
"""
    process = watched.begin(code, to="m2", timeout=3)
    try:
        answer = json.loads(process.communicate(timeout=LONG)[0])
        assert "m2 is the primary" in answer["msg"]
        assert watched.members[0].follows() == ("slave", f"127.0.0.1:{target.port}")
    finally:
        target.process.send_signal(signal.SIGCONT)
    resumed(book, allowed(5))
    assert watched.primary() == "m2"
    check(watched, book)


FREEZE = """
import os, signal, subprocess
from ansible_collections.quorum.redis.plugins.module_utils._redis.client import Client
def freeze():
    os.kill({pid}, signal.SIGSTOP)
    if {seconds}:
        subprocess.Popen(["sh", "-c", "sleep {seconds}; kill -CONT {pid}"], stdout=-3, stderr=-3)
"""
AT_ELECT = """
from ansible_collections.quorum.redis.plugins.module_utils._failover.execute import Mover
real = Mover.elect_target
def elect_target(self):
    freeze()
    real(self)
Mover.elect_target = elect_target
"""
BEFORE = """
real = base.Operation.do_step
def do_step(self, step, last):
    if type(step).__name__ == {step!r}:
        freeze()
    real(self, step, last)
base.Operation.do_step = do_step
"""
AT_THE_ORDER = """
real = Client.call_or_revoke
def call_or_revoke(self, *args):
    call = self.call
    self.call = lambda *words: (call(*words), freeze())
    return real(self, *args)
Client.call_or_revoke = call_or_revoke
"""


REVOKED = """
import socket, time
from ansible_collections.quorum.redis.plugins.module_utils._core.errors import Unreachable
from ansible_collections.quorum.redis.plugins.module_utils._failover import rollback
from ansible_collections.quorum.redis.plugins.module_utils._redis.client import Client
late = []
def arrive():
    raw, order = late.pop()
    try:
        raw.sendall(order)
    except OSError:
        pass
    time.sleep(0.3)
def call_or_revoke(self, command, revoke, seconds):
    self.call("PING")
    line = self._redis.connection
    line.send_command(*command)
    time.sleep(0.3)
    # It is on its way: that the line is closed does not hold it up.
    late.append((line._sock, b"".join(line.pack_command(*revoke))))
    line._sock = socket.socketpair()[0]
    raise Unreachable("No answer", str(self.endpoint), kind="timeout")
Client.call_or_revoke = call_or_revoke
"""
ARRIVES_FIRST = """
look = rollback.observe_server
def observe_server(place, host):
    seen = look(place, host)
    if late and seen.role == "primary" and host == "m2":
        arrive()
    return seen
rollback.observe_server = observe_server
"""
ARRIVES_LAST = """
undo = rollback.Rescue.undo_move
def undo_move(self):
    outcome = undo(self)
    arrive()
    return outcome
rollback.Rescue.undo_move = undo_move
"""


@pytest.mark.parametrize(("when", "new"), [(ARRIVES_FIRST, "m1"), (ARRIVES_LAST, "m2")])
def test_the_order_to_follow_that_is_held_up_leaves_one_primary(unwatched: Scene, when: str, new: str) -> None:
    """The target has obeyed, its answer is lost, and what is sent behind it comes after others have looked."""
    process = unwatched.begin(REVOKED + when, to="m2", timeout=2)
    answer = json.loads(process.communicate(timeout=LONG)[0])
    assert bool(answer.get("failed")) == (new == "m1"), answer
    if new == "m1":
        assert "m1 goes on as the primary" in answer["msg"]
    else:
        assert "m2 was promoted later" in str(answer["warnings"])
    unwatched.wait("the set is whole", unwatched.whole)
    assert unwatched.primary() == new
    assert [each.follows()[0] == "slave" and is_replica_by_file(each) for each in unwatched.members] == [
        host != new for host in ("m1", "m2", "m3")
    ]


@pytest.mark.parametrize(("sentinels", "when", "seconds"), [(3, AT_ELECT, 7), (0, AT_THE_ORDER, 3)])
def test_a_target_that_hangs_for_a_while_makes_no_failed_move(
    lab: Any, ledger: Any, sentinels: int, when: str, seconds: int
) -> None:
    """With Sentinels it hangs for longer than the module waits for a promotion that nobody is at."""
    scene = Scene.build(lab, sentinels=sentinels)
    book = ledger(scene)
    code = FREEZE.format(pid=scene.members[1].process.pid, seconds=seconds) + when
    answer = json.loads(scene.begin(code, to="m2", timeout=2).communicate(timeout=LONG)[0])
    assert not answer.get("failed"), answer["msg"]
    assert answer["primary"]["host"] == "m2" == scene.primary()
    assert answer["gap_ms"] >= seconds * 1000
    late = [warning for warning in answer.get("warnings", []) if "m2 was promoted later" in str(warning)]
    assert len(late) == (1 if sentinels else 0)
    check(scene, book)


def test_a_target_that_hangs_for_long_does_not_become_a_second_primary(unwatched: Scene, ledger: Any) -> None:
    """It has been told to be the primary, and obeys when it goes on: long after the old one was taken back."""
    book = ledger(unwatched)
    target = unwatched.members[1]
    code = FREEZE.format(pid=target.process.pid, seconds=0) + AT_THE_ORDER
    process = unwatched.begin(code, to="m2", timeout=2)
    try:
        answer = json.loads(process.communicate(timeout=LONG)[0])
        assert "m1 goes on as the primary" in answer["msg"]
        resumed(book, allowed(5))
    finally:
        target.process.send_signal(signal.SIGCONT)
    unwatched.wait("it has obeyed", lambda: "MODE enabled (user request" in target.log)
    unwatched.wait("the set is whole", unwatched.whole)
    assert unwatched.primary() == "m1"
    check(unwatched, book)


def test_sentinels_that_stood_still_in_the_middle_are_waited_for(watched: Scene, ledger: Any) -> None:
    """They act on nothing for 30 s after it, and then move the primary: to another one where the target is silent."""
    book = ledger(watched)
    m1, target, m3 = watched.members
    pids = [one.process.pid for one in watched.sentinels]
    code = f"""
import os, signal, time
from ansible_collections.quorum.redis.plugins.module_utils._core.errors import QuorumError
from ansible_collections.quorum.redis.plugins.module_utils._failover import rollback
from ansible_collections.quorum.redis.plugins.module_utils._failover.execute import Mover
rollback.LIMIT = 8.0
def elect_target(self):
    os.kill({target.process.pid}, signal.SIGSTOP)
    self.sentinels[0][1].call("SENTINEL", "FAILOVER", self.name)
    for number in (signal.SIGSTOP, signal.SIGCONT):
        for pid in {pids}:
            os.kill(pid, number)
        time.sleep(3 if number == signal.SIGSTOP else 1)
    raise QuorumError("All stood still")
Mover.elect_target = elect_target
"""
    process = watched.begin(code, to="m2", timeout=3)
    try:
        answer = json.loads(process.communicate(timeout=LONG)[0])
        assert any("+tilt" in one.log for one in watched.sentinels), answer["msg"]
        assert "m3 is the primary" in answer["msg"], answer["msg"]
        assert m1.follows() == ("slave", f"127.0.0.1:{m3.port}")
    finally:
        target.process.send_signal(signal.SIGCONT)
    resumed(book, allowed(5))
    check(watched, book)


def test_a_dead_primary_is_replaced_when_told_so(unwatched: Scene) -> None:
    m1, m2, m3 = unwatched.members
    m1.call("SET", "key", "value")
    unwatched.wait("all have it", lambda: m2.call("GET", "key") == m3.call("GET", "key") == "value")
    m1.stop(kill=True)
    unwatched.wait("the links are down", lambda: m2.info()["master_link_status"] == "down")
    assert unwatched.move().failed
    plan = unwatched.move(check=True, dead_primary=True)
    assert "in place of m1" in plan["steps"][0]
    answer = unwatched.move(dead_primary=True)
    assert not answer.failed, answer.text
    assert "m1 must not serve clients any more" in answer.text
    new = unwatched.members[int(answer["primary"]["host"][1]) - 1]
    assert new.call("GET", "key") == "value"
    third = m3 if new is m2 else m2
    assert third.info()["master_link_status"] == "up"  # when the module returns
    assert new.call("SET", "key", "new") == "OK"
    assert not unwatched.move(dead_primary=True).changed


def is_replica_by_file(server: Any) -> bool:
    """Return whether a server will be a replica when it is started again."""
    lines = server.config.read_text().splitlines()
    return any(line.startswith(("replicaof ", "slaveof ")) for line in lines)


def replace_dead(scene: Scene, code: str) -> dict[str, Any]:
    """Let m2 replace m1, which was killed, with this code in the module; return the answer, if there is one."""
    m1, m2, m3 = scene.members
    for each in (m2, m3):
        each.call("CONFIG", "REWRITE")
    m1.stop(kill=True)
    scene.wait("the links are down", lambda: m2.info()["master_link_status"] == "down")
    process = scene.begin(code, to="m2", dead_primary=True, wait=3, timeout=2)
    out, problems = process.communicate(timeout=LONG)
    assert "Traceback" not in out + problems, out + problems
    return json.loads(out or "{}")


@pytest.mark.parametrize("step", ["Follow", "Finish"])
def test_a_member_that_falls_silent_does_not_undo_the_replacement_of_a_dead_primary(
    unwatched: Scene, step: str
) -> None:
    _m1, m2, m3 = unwatched.members
    code = FREEZE.format(pid=m3.process.pid, seconds=0) + BEFORE.format(step=step)
    try:
        answer = replace_dead(unwatched, code)
        assert answer["failed"]
        assert "m2 is the primary" in answer["msg"]
        assert m2.follows()[0] == "master"
        assert not is_replica_by_file(m2)
    finally:
        m3.process.send_signal(signal.SIGCONT)


def test_who_replaces_a_dead_primary_is_one_by_its_file_at_once(unwatched: Scene) -> None:
    """It would follow the one it replaced, when both are started again."""
    assert replace_dead(unwatched, ALONE + kill("Follow", "before")) == {}
    assert not is_replica_by_file(unwatched.members[1])


def test_killed_while_a_dead_primary_is_replaced(unwatched: Scene) -> None:
    _m1, m2, m3 = unwatched.members
    assert replace_dead(unwatched, kill("Follow", "before")) == {}
    unwatched.wait("the others are led to it", lambda: m3.follows() == ("slave", f"127.0.0.1:{m2.port}"))
    unwatched.wait("it is written down", lambda: str(m2.port) in m3.config.read_text())


def test_the_command_line_of_the_ledger(unwatched: Scene) -> None:
    root = Path(__file__).resolve().parents[2]
    places = [part for one in unwatched.members for part in ("--member", f"127.0.0.1:{one.port}")]
    command = [sys.executable, "-m", "tests.ledger", *places, "--seconds", "1", "--json"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=LONG, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["acknowledged"] > 0
