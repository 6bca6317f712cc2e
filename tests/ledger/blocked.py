# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients that wait: for something that never comes, where an answer is wrong, or for what others publish."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import redis

from .ledger import PROBLEMS, Place, connect


class Blocked(threading.Thread):
    """One such client, which looks for the primary again when it is cut off."""

    def __init__(
        self, places: Callable[[], list[Place]], password: str, command: tuple[str, ...], reads: bool = False
    ) -> None:
        """Say where to try, and what it waits for; who reads may wait at a replica."""
        super().__init__(daemon=True)
        self.places, self.password, self.command, self.reads = places, password, command, reads
        self.over = threading.Event()
        self.answers: list[str] = []
        self.closed = 0

    def run(self) -> None:
        """Wait, and count how the waiting ended."""
        while not self.over.is_set():
            for place in self.places():
                self.wait_at(place)
            self.over.wait(0.02)

    def wrong(self) -> list[str]:
        """Return the answers; that a replica takes no writes is none."""
        return [answer for answer in self.answers if "READONLY" not in answer and "read only" not in answer]

    def wait_at(self, place: Place) -> None:
        """Wait at one member until the connection or the test ends."""
        client = connect(place, self.password)
        try:
            if not self.reads and client.execute_command("ROLE")[0] != "master":
                return
            line = client.connection_pool.get_connection()
            line.send_command(*self.command)
            while not self.over.is_set():
                if line.can_read(timeout=0.1):
                    self.answers.append(str(line.read_response()))
                    return
        except redis.exceptions.MovedError:
            pass  # every client of a cluster goes on to who has the slot
        except redis.exceptions.ResponseError as problem:
            self.answers.append(str(problem))
        except PROBLEMS:
            self.closed += 1
        finally:
            client.close()


class Subscriber(threading.Thread):
    """A client that hears what is published, and subscribes again when it is cut off."""

    def __init__(self, places: Callable[[], list[Place]], password: str) -> None:
        """Say where it subscribes."""
        super().__init__(daemon=True)
        self.places, self.password = places, password
        self.over = threading.Event()
        self.heard: set[str] = set()
        self.closed = 0

    def run(self) -> None:
        """Subscribe until the end."""
        while not self.over.is_set():
            self.listen_at(self.places()[0])
            self.over.wait(0.02)

    def listen_at(self, place: Place) -> None:
        """Hear what is published at one member until the connection or the test ends."""
        with connect(place, self.password) as client, client.pubsub() as line:
            try:
                line.subscribe("news")
                while not self.over.is_set():
                    told = line.get_message(timeout=0.1)
                    if told and told["type"] == "message":
                        self.heard.add(told["data"])
            except PROBLEMS:
                self.closed += 1


@contextmanager
def all_wait(clients: Sequence[Blocked], ready: Callable[[], object]) -> Iterator[None]:
    """Let clients wait meanwhile; `ready` returns when the servers count as many. None may have been answered."""
    for one in clients:
        one.start()
    try:
        ready()
        yield
        ready()
    finally:
        for one in clients:
            one.over.set()
        for one in clients:
            one.join(5)
    wrong = [(one.command, answer) for one in clients for answer in one.wrong()]
    assert not wrong, wrong
