# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A data set of the lab as its clients see it: asked, filled and watched over the network, not through the collection.

>>> main = DataSet(lab, ["r1", "r2", "r3"], password="...", sentinels=["r1", "r2", "r3"])
>>> main.settled()
'r1'
"""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import redis
from lab import Lab
from ledger import Ledger
from ledger.blocked import Blocked, all_wait
from measured import note, spending
from patience import LONG
from redis.backoff import NoBackoff
from redis.retry import Retry

Pairs = dict[str, str]
STEP = 0.05  # seconds between two looks at the role of a member


def connect(
    address: str, port: int, password: str, timeout: float = 2.0, username: str = "", ca: str = ""
) -> redis.Redis[str]:
    """Return a client that neither retries nor hides an error."""
    return redis.Redis(
        host=address,
        port=port,
        username=username or None,
        password=password or None,
        socket_timeout=timeout,
        socket_connect_timeout=timeout,
        retry=Retry(NoBackoff(), 0),
        decode_responses=True,
        protocol=2,
        ssl=bool(ca),
        ssl_ca_certs=ca or None,
    )


@dataclass
class SentinelView:
    """What one Sentinel says about a data set."""

    address: str
    flags: str
    config_epoch: int
    quorum: int
    replicas: int
    others: int
    myid: str


class DataSet:
    """The members of one data set, and the Sentinels that watch it."""

    def __init__(
        self,
        lab: Lab,
        hosts: Iterable[str],
        password: str = "",
        sentinels: Iterable[str] = (),
        sentinel_password: str = "",
        name: str = "main",
        port: int = 6379,
    ) -> None:
        """Remember who belongs to it."""
        self.lab, self.name, self.port, self.password = lab, name, port, password
        self.hosts, self.sentinels = list(hosts), list(sentinels)
        self.sentinel_password = sentinel_password
        self.username = ""  # of the one who looks; with `password`
        self.ca = ""  # of the certificates, where there is TLS
        self.sentinel_port = 26379
        self.ways: list[tuple[int, int]] = []  # ports of server and Sentinel: plain and TLS, for clients that know both
        self.writer: tuple[str, str, str] | None = None  # name and password of who writes, and the old password

    def _ca_for(self, port: int) -> str:
        return "" if self.ways and port in self.ways[0] else self.ca

    # Members

    def client(self, host: str, timeout: float = 5.0) -> redis.Redis[str]:
        """Return a connection to a member."""
        return connect(
            self.lab.host_ip(host), self.port, self.password, timeout, self.username, self._ca_for(self.port)
        )

    def ask(self, host: str, *command: str) -> Any:
        """Send one command to a member and return the reply as the protocol has it."""
        with self.client(host) as client:
            client.response_callbacks.clear()
            return client.execute_command(*command)

    def info(self, host: str) -> Pairs:
        """Return INFO of a member."""
        text: str = self.ask(host, "INFO")
        return dict(line.split(":", 1) for line in text.splitlines() if ":" in line)

    def setting(self, host: str, key: str) -> str:
        """Return one setting in force."""
        reply: list[str] = self.ask(host, "CONFIG", "GET", key)
        return reply[1]

    def settings(self, key: str) -> set[str]:
        """Return the values of one setting over all members."""
        return {self.setting(host, key) for host in self.hosts}

    def run_ids(self) -> Pairs:
        """Return what tells one process from the next on each host."""
        return {host: self.info(host)["run_id"] for host in self.hosts}

    def primaries(self) -> list[str]:
        """Return the members that say they are primary; those that do not answer say nothing."""
        found = []
        for host in self.hosts:
            try:
                if self.ask(host, "ROLE")[0] == "master":
                    found.append(host)
            except redis.RedisError:
                continue
        return found

    def count(self, host: str) -> int:
        """Return the number of keys of a member."""
        keys: int = self.ask(host, "DBSIZE")
        return keys

    # Sentinels

    def ask_sentinel(self, host: str, *command: str) -> Any:
        """Send one command to a Sentinel."""
        port = self.sentinel_port
        with connect(self.lab.host_ip(host), port, self.sentinel_password, ca=self._ca_for(port)) as client:
            client.response_callbacks.clear()
            return client.execute_command(*command)

    def sentinel_view(self, host: str) -> SentinelView:
        """Return what the Sentinel of a host says."""
        reply: list[str] = self.ask_sentinel(host, "SENTINEL", "MASTER", self.name)
        told = dict(zip(reply[::2], reply[1::2], strict=True))
        return SentinelView(
            told["ip"],
            told["flags"],
            int(told["config-epoch"]),
            int(told["quorum"]),
            int(told["num-slaves"]),
            int(told["num-other-sentinels"]),
            self.lab.sh(host, "grep -oP '^sentinel myid \\K.*' /var/lib/redis/sentinel/redis.conf"),
        )

    def sentinel_views(self) -> dict[str, SentinelView]:
        """Return what every Sentinel says."""
        return {host: self.sentinel_view(host) for host in self.sentinels}

    def order_failover(self, host: str) -> None:
        """Order it from a Sentinel: one that has just lost the connection to a replica has none to promote yet."""
        until(
            self.lab,
            f"the Sentinel of {host} accepts a failover",
            lambda: self.ask_sentinel(host, "SENTINEL", "FAILOVER", self.name),
        )

    def fail_over(self) -> str:
        """Let Sentinel move the primary, as an operator would; return the new one."""
        old = self.settled()
        self.order_failover(self.sentinels[0])
        self.lab.wait_until("the failover has begun", lambda: self.primaries() not in ([old], []))
        return self.settled()

    # The whole

    def problems(self) -> list[str]:
        """Return what is not as it should be: one primary, all links up, all Sentinels of one mind."""
        primaries = self.primaries()
        if len(primaries) != 1:
            return [f"primaries: {primaries}"]
        address = self.lab.host_ip(primaries[0])
        found = []
        for host in self.hosts:
            seen = self.info(host)
            if host == primaries[0]:
                if int(seen["connected_slaves"]) != len(self.hosts) - 1:
                    found.append(f"{host} feeds {seen['connected_slaves']} replicas")
            elif seen["master_host"] != address or seen["master_link_status"] != "up":
                found.append(f"{host} follows {seen['master_host']}, link {seen['master_link_status']}")
        for host in self.sentinels:
            said = self.sentinel_view(host)
            wanted = (address, "master", len(self.hosts) - 1, len(self.sentinels) - 1)
            if (said.address, said.flags, said.replicas, said.others) != wanted:
                found.append(f"Sentinel of {host}: {said}")
        return found

    def settled(self, seconds: float = LONG) -> str:
        """Wait until nothing is wrong and return the primary."""
        deadline = time.monotonic() + seconds
        last: object = "nothing asked"
        with spending("waits"):
            while time.monotonic() < deadline:
                try:
                    last = self.problems()
                    if not last:
                        return self.primaries()[0]
                except (redis.RedisError, AssertionError, KeyError, IndexError) as problem:
                    last = problem
                time.sleep(0.1)
        raise AssertionError(f"data set {self.name} did not settle within {seconds:g} s: {last}")

    def fill(self, keys: int, prefix: str = "filled") -> None:
        """Write keys and wait until all replicas have them."""
        with self.client(self.settled()) as client:
            client.mset({f"{prefix}:{number}": str(number) for number in range(keys)})
            assert client.wait(len(self.hosts) - 1, 5000) == len(self.hosts) - 1

    def holds(self, keys: int, prefix: str = "filled") -> None:
        """Stop the test unless every member holds what `fill` wrote."""
        names = [f"{prefix}:{number}" for number in range(keys)]
        for host in self.hosts:
            with self.client(host) as client:
                values = client.mget(names)
            missing = [name for name, value in zip(names, values, strict=True) if value != name.partition(":")[2]]
            assert not missing, f"{host} has lost {len(missing)} of {keys} keys, for example {missing[0]}"

    @contextmanager
    def watched(self) -> Iterator[Roles]:
        """Look at the roles of all members every 50 ms meanwhile."""
        roles = Roles(self)
        roles.start()
        try:
            yield roles
        finally:
            roles.stop()

    @contextmanager
    def written(self, grown: DataSet | None = None, what: str = "") -> Iterator[Ledger]:
        """Write to the primary meanwhile, wherever it is; afterwards no acknowledged write may be missing.

        `grown` is the set with the members that it has gained by then. `what` was going on is noted with its numbers.
        """
        self.settled()
        writer, secret, old = self.writer or ("", "", self.password)
        watching = [port for _server, port in self.ways] or [self.sentinel_port]
        ledger = Ledger(
            self.name,
            [(self.lab.host_ip(host), port) for host in self.sentinels for port in watching],
            [(self.lab.host_ip(host), self.port) for host in self.hosts],
            old,
            self.sentinel_password,
            threads=2,
            rate=100,
            username=writer,
            user_password=secret,
            ca=self.ca,
            plain_ports=self.ways[0] if self.ways else (),
        )
        with ledger:
            yield ledger
            over = ledger.now
            until(self.lab, "clients write on", lambda: ledger.acknowledged_since(over) > 10)
            until(self.lab, "much is written", lambda: ledger.acknowledged_since(0) > 100)
        (grown or self).settled()
        report = ledger.report()
        if what:
            note(what, report.in_a_line())
        assert report.lost == 0, f"acknowledged writes are lost:\n{report}"

    @contextmanager
    def waited(self) -> Iterator[None]:
        """Let clients wait in BLPOP meanwhile: a move of the primary cuts them off, and answers none."""
        clients = [Blocked(self.named, self.password, ("BLPOP", "none", "0")) for _each in range(4)]

        def counted() -> bool:
            return sum(int(self.info(host)["blocked_clients"]) for host in self.hosts) >= len(clients)

        with all_wait(clients, lambda: until(self.lab, "all clients wait", counted)):
            yield
        assert all(one.closed for one in clients)

    def named(self) -> list[tuple[str, int]]:
        """Return whom the Sentinels name, or without them all members."""
        for host in self.sentinels:
            try:
                found = self.ask_sentinel(host, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", self.name)
            except (redis.RedisError, OSError):
                continue
            if found:
                return [(found[0], int(found[1]))]
        return [(self.lab.host_ip(host), self.port) for host in self.hosts]


@dataclass(order=True)
class Look:
    """One look at one member; the role is empty when it did not answer."""

    time: float
    host: str
    role: str
    asked: float = 0.0


class Roles:
    """The roles of all members over time, each member looked at by a thread of its own."""

    def __init__(self, data_set: DataSet) -> None:
        """Prepare."""
        self.data_set = data_set
        self.looks: list[Look] = []
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._look, args=(host,), daemon=True) for host in data_set.hosts]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End."""
        self._over.set()
        for thread in self._threads:
            thread.join()
        self.looks.sort()

    def _look(self, host: str) -> None:
        client = self.data_set.client(host, timeout=0.5)
        client.response_callbacks.clear()
        while not self._over.wait(STEP):
            asked = time.monotonic()
            try:
                role = str(client.execute_command("ROLE")[0])
            except redis.RedisError:
                role = ""
            self.looks.append(Look(time.monotonic(), host, role, asked))
        client.close()

    def doubles(self, seen_again: bool = False) -> list[str]:
        """Return the moments at which two members were primary, as sentences.

        A planned move ends one primary and begins the next between two looks: there, the other one must say so again.
        """
        now: dict[str, str] = {}
        found = []
        begin = self.looks[0].time
        for number, look in enumerate(self.looks):
            now[look.host] = look.role
            primaries = sorted(host for host, role in now.items() if role == "master")
            if len(primaries) < 2 or look.role != "master":
                continue
            if seen_again and not any(self._next(number, host) == "master" for host in primaries if host != look.host):
                continue
            found.append(f"{look.time - begin:.2f} s: {' and '.join(primaries)}")
        return found

    def _next(self, number: int, host: str) -> str:
        return next((look.role for look in self.looks[number + 1 :] if look.host == host), "")

    def expect_one_primary(self, planned: bool = False) -> None:
        """Stop the test when two members were primary at one time, or when nothing was seen."""
        seen = {host: sum(1 for look in self.looks if look.host == host and look.role) for host in self.data_set.hosts}
        assert all(seen.values()), f"members without a single answer: {seen}"
        doubles = self.doubles(seen_again=planned)
        assert not doubles, f"two primaries: {doubles[:5]}"

    def expect_one_down(self) -> None:
        """Stop the test when two members did not answer at one time.

        Two looks in a row: a move of the primary drops the connections of clients, so one look alone fails then.
        """
        begin = self.looks[0].time
        down: list[tuple[float, float, str]] = []
        last: dict[str, Look] = {}
        for look in self.looks:
            before = last.get(look.host)
            if before and not (before.role or look.role):
                down.append((before.time - begin, look.asked - begin, look.host))
            last[look.host] = look
        down.sort()
        for one, other in itertools.combinations(down, 2):
            both = one[2] != other[2] and other[0] < one[1]
            assert not both, f"{one[2]} was down from {one[0]:.2f} to {one[1]:.2f} s, {other[2]} at {other[0]:.2f} s"


def given(**variables: Any) -> tuple[str, str]:
    """Return the arguments that give a playbook these variables."""
    return "--extra-vars", json.dumps(variables)


def paths_with(lab: Lab, host: str, words: Sequence[str], user: str = "nobody") -> list[str]:
    """Return the files of a host that hold one of these words and that this user can read."""
    search = "grep -rlIF -f - /etc /opt /run /root /srv /tmp /usr/local /var --exclude-dir=journal 2>/dev/null || true"
    given = "\\n".join(words)
    return lab.sh(host, f"printf '{given}\\n' | setpriv --reuid={user} --clear-groups sh -c '{search}'").splitlines()


def until(lab: Lab, what: str, ready: Callable[[], Any], seconds: float = LONG) -> Any:
    """Wait for something, taking a member that does not answer for a no."""

    def quiet() -> Any:
        try:
            return ready()
        except redis.RedisError as problem:
            raise OSError(str(problem)) from problem

    return lab.wait_until(what, quiet, seconds)
