# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster of the lab as its clients see it: filled, written to and asked over the network."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import redis
from lab import Lab
from measured import note

from . import connect, until

SLOTS = 16384
TAGS = ("{a}", "{b}", "{c}", "{d}", "{e}", "{f}")  # whose slots lie in all three thirds of them
Place = tuple[str, int]


class ShardedSet:
    """The servers of one cluster, each on a host and a port."""

    def __init__(self, lab: Lab, hosts: Sequence[str], ports: Sequence[int], password: str) -> None:
        """Remember who belongs to it."""
        self.lab, self.password = lab, password
        self.places: list[Place] = [(host, port) for port in ports for host in hosts]

    def client(self, place: Place, timeout: float = 5.0) -> redis.Redis[str]:
        """Return a connection to one server."""
        return connect(self.lab.host_ip(place[0]), place[1], self.password, timeout)

    def ask(self, place: Place, *command: str) -> Any:
        """Send one command to one server and return the reply as the protocol has it."""
        with self.client(place) as client:
            client.response_callbacks.clear()
            return client.execute_command(*command)

    def primaries(self) -> dict[str, list[str]]:
        """Return each primary with its replicas, as host:port, once all servers are of one mind; else nothing."""
        views = {self._view(place) for place in self.places}
        if len(views) != 1:
            return {}
        rows = [row.split() for row in views.pop()]
        names = {row[0]: row[1] for row in rows}
        found: dict[str, list[str]] = {row[1]: [] for row in rows if row[2] == "master"}
        for row in rows:
            if row[2] == "slave":
                found.setdefault(names.get(row[3], row[3]), []).append(row[1])
        return {primary: sorted(replicas) for primary, replicas in found.items()}

    def _view(self, place: Place) -> tuple[str, ...]:
        """Return what one server says of all, without what changes by itself: identity, name, role, whom it follows."""
        hosts = {self.lab.host_ip(host): host for host, _port in self.places}
        found = []
        for row in (line.split() for line in self.ask(place, "CLUSTER", "NODES").splitlines()):
            address, _, port = row[1].partition("@")[0].rpartition(":")
            flags = ",".join(flag for flag in row[2].split(",") if flag != "myself")
            found.append(" ".join([row[0], f"{hosts.get(address, address)}:{port}", flags, row[3], *row[8:]]))
        return tuple(sorted(found))

    def settled(self) -> dict[str, list[str]]:
        """Wait until every server sees the same whole cluster, all links up, and return it."""

        def whole() -> dict[str, list[str]]:
            found = self.primaries()
            infos = [self.ask(place, "INFO", "replication") for place in self.places]
            states = [self.ask(place, "CLUSTER", "INFO") for place in self.places]
            linked = sum("master_link_status:up" in info for info in infos)
            fine = all("cluster_state:ok" in state for state in states)
            return found if fine and found and linked == len(self.places) - len(found) else {}

        seen: dict[str, list[str]] = until(self.lab, "the cluster is whole", whole)
        return seen

    def run_ids(self) -> list[str]:
        """Return what tells one process from the next on each place."""
        rows = [self.ask(place, "INFO", "server") for place in self.places]
        return [line for text in rows for line in text.splitlines() if line.startswith("run_id:")]

    def owner(self, primary: str) -> Place:
        """Return host and port of a name."""
        host, _, port = primary.rpartition(":")
        return host, int(port)

    def count(self) -> int:
        """Return how many keys the primaries hold."""
        return sum(int(self.ask(self.owner(primary), "DBSIZE")) for primary in self.settled())

    def content(self) -> dict[str, str | None]:
        """Return all keys that the primaries hold, with their values: texts."""
        content: dict[str, str | None] = {}
        for primary in self.settled():
            with self.client(self.owner(primary)) as client, client.pipeline(transaction=False) as line:
                names = client.keys("*")
                for name in names:
                    line.get(name)
                content.update(zip(names, line.execute(), strict=True))
        return content

    @contextmanager
    def written(self, what: str, replicated: bool = False) -> Iterator[list[Writer]]:
        """Write to all shards meanwhile; afterwards no acknowledged write may be missing.

        `replicated`: a write counts once a replica has it, as replication alone promises nothing when a primary dies.
        """
        writers = [Writer(self, tag, replicated) for tag in TAGS]
        for writer in writers:
            writer.start()
        try:
            for writer in writers:
                writer.more()
            yield writers
            for writer in writers:
                writer.more()
        finally:
            for writer in writers:
                writer.ended.set()
            for writer in writers:
                writer.join()
        self.settled()
        lost = [f"{writer.tag}{number}" for writer in writers for number in writer.missing()]
        acknowledged = sum(len(writer.acknowledged) for writer in writers)
        gap = max(writer.gap for writer in writers)
        note(what, f"{acknowledged} writes acknowledged, {len(lost)} lost, longest gap {gap * 1000:.0f} ms")
        assert not lost, f"{len(lost)} of {acknowledged} acknowledged writes are lost, for example {lost[:3]}"


class Writer(threading.Thread):
    """Writes key after key of one slot to whoever owns it, and keeps account of what was acknowledged."""

    def __init__(self, sharded: ShardedSet, tag: str, replicated: bool) -> None:
        """Begin anywhere."""
        super().__init__(daemon=True)
        self.sharded, self.tag, self.replicated = sharded, tag, replicated
        self.acknowledged: list[int] = []
        self.gap, self.ended = 0.0, threading.Event()
        self.prefix = f"{tag}{time.monotonic_ns()}:"
        self._at, self._tries = sharded.places[0], 0

    def run(self) -> None:
        """Write until told to end; a write without an answer is not counted."""
        number, last = 0, time.monotonic()
        client = self.sharded.client(self._at, timeout=2.0)
        while not self.ended.wait(0.005):
            number += 1
            try:
                client.set(f"{self.prefix}{number}", number)
                self.gap, last = max(self.gap, time.monotonic() - last), time.monotonic()
                if self.replicated and not client.wait(1, 1000):
                    continue
            except redis.exceptions.MovedError as problem:
                client.close()
                client = connect(problem.host, problem.port, self.sharded.password, 2.0)
            except redis.RedisError:
                client.close()
                self._tries += 1
                self._at = self.sharded.places[self._tries % len(self.sharded.places)]
                client = self.sharded.client(self._at, timeout=2.0)
            else:
                self.acknowledged.append(number)
        client.close()

    def more(self) -> None:
        """Wait until some more writes are acknowledged."""
        wanted = len(self.acknowledged) + 20
        self.sharded.lab.wait_until(f"{self.tag} is written", lambda: len(self.acknowledged) >= wanted)

    def missing(self) -> list[int]:
        """Return the acknowledged writes that nobody has any more."""
        slot = int(self.sharded.ask(self.sharded.places[0], "CLUSTER", "KEYSLOT", self.tag))
        for place in map(self.sharded.owner, self.sharded.settled()):
            own = next(row for row in self.sharded.ask(place, "CLUSTER", "NODES").splitlines() if "myself" in row)
            ranges = [word.split("-") for word in own.split()[8:]]
            if any(int(found[0]) <= slot <= int(found[-1]) for found in ranges):
                with self.sharded.client(place) as client:
                    values = client.mget([f"{self.prefix}{number}" for number in self.acknowledged])
                pairs = zip(self.acknowledged, values, strict=True)
                return [number for number, value in pairs if value != str(number)]
        raise AssertionError(f"nobody owns slot {slot}")
