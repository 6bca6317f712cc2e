# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A client of a cluster that writes without a pause, and the account of what was acknowledged to it."""

from __future__ import annotations

import itertools
import random
import threading
import time
from typing import Any

import redis
from redis.cluster import key_slot

Place = tuple[str, int]


def tags_of(name: str, slots: range, count: int) -> list[str]:
    """Return hash tags whose keys are in these slots."""
    tags = (f"{{{name}{number}}}" for number in itertools.count())
    return list(itertools.islice((tag for tag in tags if key_slot(tag[1:-1].encode()) in slots), count))


PAUSE = 0.002  # between two writes: the servers are what is tested, not how fast this is


class Gone(Exception):
    """Nobody has answered for this write yet."""


class ClusterWriter(threading.Thread):
    """Fresh keys, overwrites that only rise, sets that only grow, and two keys of one hash tag in one command.

    A write is repeated until it is acknowledged, wherever MOVED and ASK send it, as clients of a cluster do.
    """

    def __init__(self, places: list[Place], password: str, tags: list[str]) -> None:
        """Begin at one of these places, and write to keys with these hash tags."""
        super().__init__(daemon=True)
        self.places, self.password, self.ended = places, password, threading.Event()
        self.tags = tags
        self.random = random.Random(tags[0])
        self.clients: dict[Place, redis.Redis] = {}
        self.owner: dict[int, Place] = {}
        self.values: dict[str, str] = {}
        self.members: dict[str, set[str]] = {}
        self.acknowledged, self.gap, self.gap_of_pairs = 0, 0.0, 0.0
        self.refusals: dict[str, int] = {}

    def client(self, place: Place) -> redis.Redis:
        """Return the connection to a place."""
        if place not in self.clients:
            self.clients[place] = redis.Redis(
                host=place[0], port=place[1], password=self.password, decode_responses=True, socket_timeout=30
            )
        return self.clients[place]

    def send(self, *command: Any) -> Any:
        """Send one command about one slot, until it is acknowledged."""
        slot = key_slot(command[1].encode())
        asked: Place | None = None
        while True:
            place = asked or self.owner.get(slot) or self.random.choice(self.places)
            try:
                line = self.client(place).pipeline(transaction=False)
                if asked:
                    line.execute_command("ASKING")
                line.execute_command(*command)
                answer = line.execute(raise_on_error=False)[-1]
                if isinstance(answer, Exception):
                    raise answer
            except redis.exceptions.AskError as problem:
                asked = (problem.host, problem.port)
            except redis.exceptions.MovedError as problem:
                self.owner[slot], asked = (problem.host, problem.port), None
            except (redis.exceptions.RedisError, OSError) as problem:
                asked = None
                if not isinstance(problem, redis.exceptions.TryAgainError):
                    self.owner.pop(slot, None)
                name = type(problem).__name__
                self.refusals[name] = self.refusals.get(name, 0) + 1
                if self.ended.is_set():
                    raise Gone from None
                time.sleep(0.002)
            else:
                self.owner.setdefault(slot, place)
                return answer

    def run(self) -> None:
        """Write until told to end."""
        for number in itertools.count(1):
            if self.ended.is_set():
                break
            tag, start = self.random.choice(self.tags), time.monotonic()
            try:
                self.write(number, tag)
            except Gone:
                break
            self.acknowledged += 1
            took = time.monotonic() - start
            time.sleep(PAUSE)
            if number % 4 == 3:
                self.gap_of_pairs = max(self.gap_of_pairs, took)
            else:
                self.gap = max(self.gap, took)
        for client in self.clients.values():
            client.close()

    def write(self, number: int, tag: str) -> None:
        """Do one write, and keep account of it."""
        kind = number % 4
        if kind == 0:
            self.send("SET", f"{tag}fresh{number}", number)
            self.values[f"{tag}fresh{number}"] = str(number)
        elif kind == 1:
            self.send("SET", f"{tag}over", number)
            self.values[f"{tag}over"] = str(number)
        elif kind == 2:
            self.send("SADD", f"{tag}set", number)
            self.members.setdefault(f"{tag}set", set()).add(str(number))
        else:
            self.send("MSET", f"{tag}one", number, f"{tag}two", number)
            self.values.update({f"{tag}one": str(number), f"{tag}two": str(number)})

    def more(self, writes: int = 200, seconds: float = 60) -> None:
        """Wait until it has written on."""
        wanted, over = self.acknowledged + writes, time.monotonic() + seconds
        while self.acknowledged < wanted:
            assert self.is_alive() and time.monotonic() < over, f"no write is acknowledged: {self.refusals}"
            time.sleep(0.01)

    def lost(self) -> list[str]:
        """End, and return what was acknowledged and is not there, or is older; a write that hung may be there too."""
        self.ended.set()
        self.join()
        self.ended.clear()
        missing = []
        for key, value in self.values.items():
            found = self.send("GET", key)
            if found is None or int(found) < int(value):
                missing.append(f"{key}={value}: {found}")
        for key, members in self.members.items():
            missing += [f"{key} lacks {one}" for one in sorted(members - set(self.send("SMEMBERS", key)))]
        for client in self.clients.values():
            client.close()
        self.ended.set()
        return missing
