# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients that block while members change roles: their connection is closed, never answered with an error.

Who subscribes, the Sentinels and our own modules are there again at once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._redis.client import Steady, connect
from ansible_collections.quorum.redis.plugins.module_utils._redis.client_list import parse_client_list, sentinel_of
from ansible_collections.quorum.redis.plugins.module_utils._redis.endpoint import Endpoint
from ledger.blocked import Blocked, Subscriber, all_wait
from ledger.ledger import PROBLEMS, Place
from ledger.scene import Scene, kill
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


def named(scene: Scene) -> list[Place]:
    """Return whom the Sentinels name, or without them all members."""
    for one in scene.sentinels:
        try:
            address, port = one.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "main")
        except PROBLEMS:
            continue
        return [(address, int(port))]
    return [(one.address, one.port) for one in scene.members]


def reader_of(member: Any) -> Blocked:
    """Return a client that stays with its member."""
    return Blocked(lambda: [(member.address, member.port)], member.password, READER, reads=True)


@contextmanager
def blocked(
    scene: Scene, readers: bool = False, commands: Sequence[tuple[str, ...]] = COMMANDS
) -> Iterator[list[Blocked]]:
    """Let clients wait meanwhile; afterwards none may have been answered, but for writes that a replica refuses."""
    head = scene.members[int(scene.primary()[1]) - 1]
    head.call("XGROUP", "CREATE", "stream", "group", "$", "MKSTREAM")
    known = [one for one in commands if head.call("COMMAND", "INFO", one[0])[0]]
    movers = [Blocked(lambda: named(scene), head.password, command) for command in known for _twice in range(2)]
    waiting = movers + ([reader_of(member) for member in scene.members] if readers else [])

    def counted() -> bool:
        return sum(int(member.info()["blocked_clients"]) for member in scene.members) >= len(waiting)

    with all_wait(waiting, lambda: scene.wait("all clients wait", counted)):
        yield waiting
    for one in movers:
        assert one.closed > 0, one.command


def watchers_of(member: Any) -> set[str]:
    """Return the names of the connections of Sentinels at a member: each has two."""
    return {row["name"] for row in parse_client_list(member.call("CLIENT", "LIST")) if sentinel_of(row)}


@contextmanager
def accompanied(scene: Scene) -> Iterator[list[Subscriber]]:
    """Let others be connected meanwhile: one subscriber to each member, one who asks Sentinels, and our modules.

    Afterwards all hear what is published, no Sentinel took anybody for dead, and all are connected again.
    """
    places: list[Callable[[], list[Place]]] = [partial(list, [(one.address, one.port)]) for one in scene.members]
    places.append(partial(named, scene))
    there = [Subscriber(place, scene.members[0].password) for place in places]

    def all_hear(word: str) -> bool:
        scene.members[int(scene.primary()[1]) - 1].call("PUBLISH", "news", word)
        return all(word in one.heard for one in there)

    own = [connect(Endpoint(one.address, one.port, password=one.password or None), Steady) for one in scene.members]
    for one in there:
        one.start()
    try:
        scene.wait("all subscribers hear", lambda: all_hear("first"))
        yield there
        scene.wait("all subscribers hear again", lambda: all_hear("last"))
        assert [one.call("PING") for one in own] == ["PONG"] * len(own)
    finally:
        for one in there:
            one.over.set()
        for client in own:
            client.close()
    lines = 2 * len(scene.sentinels)
    scene.wait("the Sentinels are connected", lambda: {len(watchers_of(one)) for one in scene.members} == {lines})
    assert [one.log for one in scene.sentinels if "+sdown" in one.log] == []


def move_under(scene: Scene, method: str, moves: int = MOVES, readers: bool = True) -> None:
    """Move the primary again and again while clients wait and others write."""
    gaps, told = [], []
    with scene.ledger(100) as book, accompanied(scene) as others, blocked(scene, readers) as waiting:
        for _count in range(moves):
            answer = scene.move(method=method)
            assert not answer.failed, answer.text
            gaps.append(answer["gap_ms"])
            told.append(answer.data.get("named_ms"))
            scene.wait("the set is whole", scene.whole)
    report = book.report()
    assert report.lost == 0, str(report)
    if not scene.sentinels:
        # Only who hears the old primary is cut off, once; a Sentinel cuts off those of all whom it gives another one.
        assert sum(one.closed for one in others[:-1]) == moves
    what = f"{moves} moves, {method}, {len(scene.sentinels)} Sentinels, {len(waiting)} clients that wait"
    note(what, f"gap {gaps} ms, named after {told} ms, writers at most {report.gap_ms:.0f} ms")


@pytest.mark.parametrize("method", ["pause", "fence"])
@pytest.mark.parametrize("sentinels", [3, 0])
def test_blocked_clients_are_cut_off_by_a_move(lab: Any, sentinels: int, method: str) -> None:
    move_under(Scene.build(lab, sentinels=sentinels), method)


def moved(scene: Scene) -> bool:
    """Move the primary; say whether it was, or was refused while another move is at work."""
    answer = scene.move()
    assert not answer.failed or "is at work" in answer.text, answer.text
    return not answer.failed


@pytest.mark.parametrize("step", ["StopWrites", "Park", "Promote"])
def test_blocked_clients_are_cut_off_by_a_rollback(lab: Any, step: str) -> None:
    scene = Scene.build(lab, sentinels=0)
    with scene.ledger(100) as book, blocked(scene, readers=True):
        process = scene.begin(kill(step, "after"), to="m2")
        process.communicate(timeout=LONG)
        scene.wait("the set is whole", scene.whole)
        if step == "StopWrites":
            # The killed module's watchdog holds the lock until it has rolled back.
            scene.wait("a move after the rollback", lambda: moved(scene))
    assert book.report().lost == 0


@pytest.mark.parametrize("sentinels", [3, 0])
def test_blocked_clients_are_cut_off_by_two_moves_at_once(lab: Any, sentinels: int) -> None:
    scene = Scene.build(lab, sentinels=sentinels)
    with scene.ledger(100) as book, blocked(scene, readers=True):
        both = [scene.begin(to=host) for host in ("m2", "m3")]
        said = [json.loads(one.communicate(timeout=LONG)[0]) for one in both]
        scene.wait("the set is whole", scene.whole)
    refused = [one["msg"] for one in said if one.get("failed")]
    assert len(refused) < 2 and all("is at work" in text for text in refused), refused
    assert book.report().lost == 0


def test_readers_of_a_replica_are_cut_off_when_it_follows_another(lab: Any) -> None:
    scene = Scene.build(lab, sentinels=0)
    m1, m2, m3 = scene.members
    m3.call("REPLICAOF", m2.address, m2.port)
    scene.wait("m3 follows m2", lambda: m3.info()["master_link_status"] == "up")
    reader = reader_of(m3)
    with all_wait([reader], lambda: scene.wait("the reader waits", lambda: m3.info()["blocked_clients"] == "1")):
        answer = lab.run("replication", **scene.options())
        assert not answer.failed, answer.text
        assert m3.follows()[1].endswith(str(m1.port))
        scene.wait("the reader was cut off", lambda: reader.closed)
