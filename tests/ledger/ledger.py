# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Threads that write increasing numbers to whoever is primary, and the account of what was acknowledged."""

from __future__ import annotations

import itertools
import threading
import time
import uuid
from array import array
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Collection

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

Place = tuple[str, int]
PROBLEMS = (redis.exceptions.RedisError, OSError)


def parse_place(text: str) -> Place:
    """Return HOST:PORT as a pair."""
    host, _colon, port = text.rpartition(":")
    return host.strip("[]"), int(port)


def several(given: str | Sequence[str]) -> list[str]:
    """Return one password, or several, as a list."""
    return [given] if isinstance(given, str) else list(given)


def connect(place: Place, password: str, username: str = "", ca: str = "", timeout: float = 5) -> redis.Redis:
    """Return one connection that never tries anything twice."""
    client = redis.Redis(
        host=place[0],
        port=place[1],
        username=username or None,
        password=password or None,
        socket_timeout=timeout,
        socket_connect_timeout=min(timeout, 1),
        decode_responses=True,
        protocol=2,
        driver_info=None,  # or it would read which version it is, anew for each client
        retry=Retry(NoBackoff(), 0),
        ssl=bool(ca),
        ssl_ca_certs=ca or None,
    )
    client.response_callbacks.clear()
    return client


@dataclass
class Gap:
    """A time in which one thread got no acknowledgement: seconds since the start, and how long in milliseconds."""

    after: float
    ms: float
    thread: int


@dataclass
class Report:
    """What became of the acknowledged writes."""

    acknowledged: int
    lost: int
    errors: int
    seconds: float
    gap_ms: float
    lossy_window_ms: float
    primary: str
    servers: dict[str, int] = field(default_factory=dict)
    lost_on: dict[str, int] = field(default_factory=dict)
    gaps: list[Gap] = field(default_factory=list)
    lost_at: list[float] = field(default_factory=list)  # when each was acknowledged, in seconds since the start

    def to_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return asdict(self)

    def gap_between(self, begin: float, end: float) -> float:
        """Return the longest gap in milliseconds that began between two moments of the ledger's clock."""
        return max((gap.ms for gap in self.gaps if begin <= gap.after < end), default=0.0)

    def lost_before(self, outage: float, instant: float) -> int:
        """Return how many lost writes were acknowledged in the last `instant` seconds before a gap of `outage` ms.

        A server that dies may have answered writes of its last round that it had not sent to its replicas yet.
        """
        ends = [gap.after for gap in self.gaps if gap.ms >= outage]
        return sum(any(end - instant <= at <= end for end in ends) for at in self.lost_at)

    def in_a_line(self) -> str:
        """Return what was lost and the gaps above 100 ms, the longest first."""
        gaps = " ".join(f"{ms:.0f}" for ms in sorted((gap.ms for gap in self.gaps if gap.ms > 100), reverse=True)[:8])
        lost = f"{self.lost:,} of {self.acknowledged:,} writes lost in {self.seconds:.0f} s"
        return f"{lost}, gaps in ms: {gaps or 'none above 100'}"

    def __str__(self) -> str:
        """Return the account for people."""
        rows = [
            f"acknowledged      {self.acknowledged:>12,}  in {self.seconds:.1f} s",
            f"lost              {self.lost:>12,}  of what was acknowledged is not on {self.primary}",
            f"longest write gap {self.gap_ms:>12,.0f}  ms",
        ]
        if self.lost:
            rows.append(f"lossy window      {self.lossy_window_ms:>12,.0f}  ms from the first to the last lost write")
            rows.append(f"  acknowledged at {' '.join(f'{at:.3f}' for at in self.lost_at[:10])} s")
        for server, count in sorted(self.servers.items()):
            gone = self.lost_on.get(server, 0)
            rows.append(f"  by {server:<22} {count:>12,}" + (f"  ({gone:,} of them lost)" if gone else ""))
        return "\n".join(rows)


class Writer(threading.Thread):
    """One client: keeps its connection open while it works, and looks for the primary when it does not."""

    def __init__(self, ledger: Ledger, number: int) -> None:
        """Prepare an empty account."""
        super().__init__(name=f"ledger-{number}", daemon=True)
        self.ledger, self.number = ledger, number
        self.numbers, self.times, self.places = array("Q"), array("d"), array("B")
        self.errors = 0

    def run(self) -> None:
        """Write until the ledger is stopped; a write without an answer counts as not acknowledged."""
        ledger, key, counter = self.ledger, f"{self.ledger.prefix}:{self.number}", 0
        client: redis.Redis | None = None
        index = 0
        while not ledger.over.is_set():
            if client is None:
                found = ledger.primary()
                if found is None:
                    ledger.over.wait(0.01)
                    continue
                client, index = found
            counter += 1
            try:
                client.execute_command("SADD", key, counter)
            except PROBLEMS:
                self.errors += 1
                client.close()
                client = None
                continue
            self.numbers.append(counter)
            self.times.append(time.monotonic())
            self.places.append(index)
            if ledger.anew and counter % ledger.anew == 0:
                client.close()
                client = None
            if ledger.pause:
                time.sleep(ledger.pause)
        if client is not None:
            client.close()


class Ledger:
    """Start it before what is to be tested, stop it after, then read the report.

    The primary is found as client libraries do: ask a Sentinel, connect to what it names, go on when ROLE there
    says master. Without Sentinels it is the member whose ROLE is master.
    """

    def __init__(
        self,
        name: str = "main",
        sentinels: list[Place] | None = None,
        members: list[Place] | None = None,
        password: str | Sequence[str] = "",
        sentinel_password: str | Sequence[str] = "",
        threads: int = 4,
        rate: float = 0,
        username: str = "",
        user_password: str | Sequence[str] = "",
        anew: int = 0,
        ca: str = "",
        plain_ports: Collection[int] = (),
        timeout: float = 5,
    ) -> None:
        """Say where to look for the primary. Without `username`, and where it is not known, the default user writes.

        With `ca` it speaks TLS to every port but the `plain_ports`.
        Of several passwords each is tried. With `anew` a writer logs in anew after so many writes. A command has
        `timeout` seconds.
        """
        self.name, self.sentinels, self.members = name, sentinels or [], members or []
        self.sentinel_passwords, self.anew = several(sentinel_password), anew
        own = [(username, word) for word in several(user_password)] if username else []
        self.logins = own + [("", word) for word in several(password)]
        self.ca, self.plain_ports, self.timeout = ca, plain_ports, timeout
        self.pause = 1 / rate if rate else 0.0
        self.prefix = f"ledger:{uuid.uuid4().hex[:12]}"
        self.over = threading.Event()
        self.known: list[str] = []
        self.lock = threading.Lock()
        self.writers = [Writer(self, number) for number in range(threads)]
        self.started = self.stopped = 0.0
        self.told: Report | None = None

    def __enter__(self) -> Ledger:
        """Start writing."""
        return self.start()

    def __exit__(self, *_unused: object) -> None:
        """Stop writing."""
        self.stop()

    def start(self, seconds: float = 300) -> Ledger:
        """Start the threads, and wait until each has its first acknowledgement."""
        self.started = time.monotonic()
        for writer in self.writers:
            writer.start()
        while not all(len(writer.times) for writer in self.writers):
            if time.monotonic() - self.started > seconds:
                self.stop()
                raise TimeoutError(f"no write was acknowledged within {seconds:g} s")
            time.sleep(0.01)
        return self

    def stop(self) -> None:
        """Stop the threads."""
        self.over.set()
        for writer in self.writers:
            if writer.is_alive():
                writer.join(15)
        self.stopped = self.stopped or time.monotonic()

    @property
    def now(self) -> float:
        """Return the seconds since the start, the clock of the gaps in the report."""
        return time.monotonic() - self.started

    def acknowledged_since(self, moment: float) -> int:
        """Return how many writes were acknowledged after a moment of this clock."""
        since = self.started + moment
        return sum(sum(1 for at in reversed(writer.times[-2000:]) if at > since) for writer in self.writers)

    def _ca_for(self, place: Place) -> str:
        return "" if place[1] in self.plain_ports else self.ca

    def _open(self, place: Place) -> redis.Redis | None:
        """Return a connection to that server when it says that it is the primary."""
        for username, password in self.logins:
            client = connect(place, password, username, self._ca_for(place), self.timeout)
            try:
                if client.execute_command("ROLE")[0] == "master":
                    return client
            except PROBLEMS:
                pass
            client.close()
        return None

    def _named(self) -> list[Place]:
        """Return who may be the primary, one after the other."""
        if not self.sentinels:
            return self.members
        for place, word in itertools.product(self.sentinels, self.sentinel_passwords):
            client = connect(place, word, ca=self._ca_for(place), timeout=self.timeout)
            try:
                answer = client.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self.name)
            except PROBLEMS:
                continue
            finally:
                client.close()
            if answer:
                return [(answer[0], int(answer[1]))]
        return []

    def primary(self) -> tuple[redis.Redis, int] | None:
        """Return a connection to the primary and its number in the list of known servers."""
        for place in self._named():
            client = self._open(place)
            if client is not None:
                text = f"{place[0]}:{place[1]}"
                with self.lock:
                    if text not in self.known:
                        self.known.append(text)
                    return client, self.known.index(text)
        return None

    def report(self, seconds: float = 300) -> Report:
        """Compare what was acknowledged with what the primary holds now; then take the numbers away again."""
        self.stop()
        if self.told:
            return self.told
        deadline = time.monotonic() + seconds
        found = self.primary()
        while found is None:
            if time.monotonic() > deadline:
                raise TimeoutError(f"no primary answers within {seconds:g} s")
            time.sleep(0.05)
            found = self.primary()
        client, index = found
        report = Report(0, 0, 0, self.stopped - self.started, 0.0, 0.0, self.known[index])
        missed: list[float] = []
        for writer in self.writers:
            held = self._held(client, writer.number)
            report.acknowledged += len(writer.numbers)
            report.errors += writer.errors
            before = writer.times[0] if writer.times else self.started
            for number, at, place in zip(writer.numbers, writer.times, writer.places, strict=True):
                server = self.known[place]
                report.servers[server] = report.servers.get(server, 0) + 1
                if at - before > 0.02:
                    report.gaps.append(Gap(before - self.started, (at - before) * 1000, writer.number))
                before = at
                if number not in held:
                    report.lost_on[server] = report.lost_on.get(server, 0) + 1
                    missed.append(at)
            if self.stopped - before > 0.02:
                report.gaps.append(Gap(before - self.started, (self.stopped - before) * 1000, writer.number))
        report.lost = len(missed)
        report.lost_at = sorted(at - self.started for at in missed)
        report.lossy_window_ms = (max(missed) - min(missed)) * 1000 if missed else 0.0
        report.gap_ms = max((gap.ms for gap in report.gaps), default=0.0)
        client.close()
        self.told = report
        return report

    def _held(self, client: redis.Redis, number: int) -> set[int]:
        """Return the numbers of one thread that the primary holds, and remove them there."""
        key, cursor, held = f"{self.prefix}:{number}", "0", set[int]()
        while True:
            cursor, page = client.execute_command("SSCAN", key, cursor, "COUNT", 10000)
            held.update(int(item) for item in page)
            if cursor in ("0", 0):
                client.execute_command("UNLINK", key)
                return held
