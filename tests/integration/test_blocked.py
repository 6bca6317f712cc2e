# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients that block while members change roles: their connection is closed, never answered with an error."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import redis
from ledger.ledger import connect
from ledger.scene import PROBLEMS, Scene, kill
from measured import note
from patience import LONG

MOVES = 4
COMMANDS = (
    ("BLPOP", "none", "0"),
    ("BRPOPLPUSH", "none", "other", "0"),
    ("BLMOVE", "none", "other", "LEFT", "RIGHT", "0"),
    ("XREADGROUP", "GROUP", "group", "me", "BLOCK", "0", "STREAMS", "stream", ">"),
)
READER = ("XREAD", "BLOCK", "0", "STREAMS", "never", "$")


class Blocked(threading.Thread):
    """A client that waits for something that never comes, and when it is cut off looks for the primary again."""

    def __init__(self, scene: Scene, command: tuple[str, ...], member: int | None = None) -> None:
        """Say what it waits for; a reader stays with its member."""
        super().__init__(daemon=True)
        self.scene, self.command, self.member = scene, command, member
        self.over = threading.Event()
        self.answers: list[str] = []
        self.closed = 0

    def places(self) -> list[tuple[str, int]]:
        """Return where to try."""
        members = [(one.address, one.port) for one in self.scene.members]
        if self.member is not None:
            return [members[self.member]]
        for one in self.scene.sentinels:
            try:
                named = one.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "main")
            except PROBLEMS:
                continue
            return [(named[0], int(named[1]))]
        return members

    def run(self) -> None:
        """Wait, and count how the waiting ended."""
        while not self.over.is_set():
            for place in self.places():
                self.wait_at(place)
            self.over.wait(0.02)

    def wrong(self) -> list[str]:
        """Return the answers; that a replica takes no writes is none."""
        return [answer for answer in self.answers if "READONLY" not in answer and "read only" not in answer]

    def wait_at(self, place: tuple[str, int]) -> None:
        """Wait at one member until the connection or the test ends."""
        client = connect(place, self.scene.members[0].password)
        try:
            if self.member is None and client.execute_command("ROLE")[0] != "master":
                return
            line = client.connection_pool.get_connection()
            line.send_command(*self.command)
            while not self.over.is_set():
                if line.can_read(timeout=0.1):
                    self.answers.append(str(line.read_response()))
                    return
        except redis.exceptions.ResponseError as problem:
            self.answers.append(str(problem))
        except PROBLEMS:
            self.closed += 1
        finally:
            client.close()


@contextmanager
def blocked(scene: Scene, readers: bool = False) -> Iterator[list[Blocked]]:
    """Let clients wait meanwhile; afterwards none may have been answered, but for writes that a replica refuses."""
    head = scene.members[int(scene.primary()[1]) - 1]
    head.call("XGROUP", "CREATE", "stream", "group", "$", "MKSTREAM")
    known = [one for one in COMMANDS if head.call("COMMAND", "INFO", one[0])[0]]
    waiting = [Blocked(scene, command) for command in known for _twice in range(2)]
    waiting += [Blocked(scene, READER, number) for number in range(len(scene.members))] if readers else []
    for one in waiting:
        one.start()

    def all_wait(count: int) -> bool:
        return sum(int(member.info()["blocked_clients"]) for member in scene.members) >= count

    try:
        scene.wait("all clients wait", lambda: all_wait(len(waiting)))
        yield waiting
        scene.wait("all clients wait again", lambda: all_wait(len(waiting)))
    finally:
        for one in waiting:
            one.over.set()
        for one in waiting:
            one.join(5)
    assert [answer for one in waiting for answer in one.wrong()] == []
    for one in waiting[: len(known) * 2]:
        assert one.closed > 0, one.command


def move_under(scene: Scene, method: str) -> None:
    """Move the primary again and again while clients wait and others write."""
    gaps, named = [], []
    with scene.ledger(300) as book, blocked(scene, readers=True) as waiting:
        for _count in range(MOVES):
            answer = scene.move(method=method)
            assert not answer.failed, answer.text
            gaps.append(answer["gap_ms"])
            named.append(answer.data.get("named_ms"))
            scene.wait("the set is whole", scene.whole)
    report = book.report()
    assert report.lost == 0, str(report)
    what = f"{MOVES} moves, {method}, {len(scene.sentinels)} Sentinels, {len(waiting)} clients that wait"
    note(what, f"gap {gaps} ms, named after {named} ms, writers at most {report.gap_ms:.0f} ms")


@pytest.mark.parametrize("method", ["pause", "fence"])
@pytest.mark.parametrize("sentinels", [3, 0])
def test_blocked_clients_are_cut_off_by_a_move(lab: Any, sentinels: int, method: str) -> None:
    move_under(Scene.build(lab, sentinels=sentinels), method)


def moved(scene: Scene) -> bool:
    """Move the primary; say whether it was, or was refused while another move is at work."""
    answer = scene.move()
    assert not answer.failed or "is at work" in answer.text, answer.text
    return not answer.failed


@pytest.mark.parametrize("step", ["fence", "park", "promote"])
def test_blocked_clients_are_cut_off_by_a_rollback(lab: Any, step: str) -> None:
    scene = Scene.build(lab, sentinels=0)
    with scene.ledger(300) as book, blocked(scene, readers=True):
        process = scene.begin(kill("Base", step, "after"), to="m2")
        process.communicate(timeout=LONG)
        scene.wait("the set is whole", scene.whole)
        if step == "fence":
            # The killed module's watchdog holds the lock until it has rolled back.
            scene.wait("a move after the rollback", lambda: moved(scene))
    assert book.report().lost == 0


def test_readers_of_a_replica_are_cut_off_when_it_follows_another(lab: Any) -> None:
    scene = Scene.build(lab, sentinels=0)
    m1, m2, m3 = scene.members
    m3.call("REPLICAOF", m2.address, m2.port)
    scene.wait("m3 follows m2", lambda: m3.info()["master_link_status"] == "up")
    reader = Blocked(scene, READER, 2)
    reader.start()
    scene.wait("the reader waits", lambda: m3.info()["blocked_clients"] == "1")
    answer = lab.run("replication", **scene.options())
    assert not answer.failed, answer.text
    assert m3.follows()[1].endswith(str(m1.port))
    scene.wait("the reader was cut off", lambda: reader.closed)
    reader.over.set()
    reader.join(5)
    assert reader.answers == []
