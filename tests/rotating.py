# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A data set of the lab while passwords change: asked with whichever opens."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import redis
from deployment import DataSet, connect
from lab import Lab
from ledger import Ledger
from measured import note

Users = list[dict[str, Any]]


def first(places: Iterable[Callable[[], redis.Redis[str]]]) -> redis.Redis[str]:
    """Return the first connection that is let in."""
    problem: Exception = AssertionError("no password is given")
    for make in places:
        client = make()
        try:
            client.ping()
            return client
        except redis.exceptions.AuthenticationError as refused:
            problem = refused
            client.close()
    raise problem


class Both(DataSet):
    """One of two passwords opens each server, and one of two each Sentinel."""

    def __init__(
        self, lab: Lab, hosts: Iterable[str], servers: Sequence[str], sentinels: Sequence[str], username: str = ""
    ) -> None:
        """Remember the passwords."""
        super().__init__(lab, hosts, servers[0], hosts, sentinels[0])
        self.servers, self.watchers, self.username = servers, sentinels, username

    def client(self, host: str, timeout: float = 2.0) -> redis.Redis[str]:
        """Return a connection to a member."""
        address = self.lab.host_ip(host)
        return first(
            lambda word=word: connect(address, self.port, word, timeout, self.username)  # type: ignore[misc]
            for word in self.servers
        )

    def ask_sentinel(self, host: str, *command: str) -> Any:
        """Send one command to a Sentinel."""
        address = self.lab.host_ip(host)
        words = self.watchers
        with first(lambda word=word: connect(address, 26379, word) for word in words) as client:  # type: ignore[misc]
            client.response_callbacks.clear()
            return client.execute_command(*command)


def renewed(users: Users) -> tuple[Users, Users]:
    """Return users with new passwords: beside the previous ones, and alone."""
    later = [user | {"passwords": [f"{user['passwords'][0]}-2"]} if "passwords" in user else user for user in users]
    both = [
        new | {"passwords_previous": old["passwords"]} if "passwords" in old else new
        for old, new in zip(users, later, strict=True)
    ]
    return both, later


@contextmanager
def nothing_fails(
    data_set: DataSet, what: str, username: str, words: Sequence[str], sentinel_words: Sequence[str]
) -> Iterator[None]:
    """Let a client that knows both passwords, and logs in anew all the time, write meanwhile."""
    ledger = Ledger(
        data_set.name,
        [(data_set.lab.host_ip(host), data_set.sentinel_port) for host in data_set.sentinels],
        password=[],
        sentinel_password=sentinel_words,
        threads=2,
        rate=100,
        username=username,
        user_password=words,
        anew=25,
        ca=data_set.ca,
    )
    with ledger:
        yield
    report = ledger.report()
    note(what, report.in_a_line())
    assert report.acknowledged > 100 and report.lost == 0 and report.errors == 0, report


def refuses(
    lab: Lab,
    hosts: Sequence[str],
    server: str,
    sentinel: str,
    username: str = "",
    ports: Sequence[int] = (6379, 26379),
    ca: str = "",
) -> list[bool]:
    """Return who refuses these passwords: the servers, then the Sentinels."""
    found = []
    for port, word, user in ((ports[0], server, username), (ports[1], sentinel, "")):
        for host in hosts:
            try:
                with connect(lab.host_ip(host), port, word, username=user, ca=ca) as client:
                    client.ping()
                found.append(False)
            except redis.exceptions.AuthenticationError:
                found.append(True)
    return found


def forced_anew(data_set: DataSet) -> None:
    """Cut every link between servers and Sentinels."""
    for host in data_set.hosts:
        for kind in ("replica", "normal", "pubsub"):
            data_set.ask(host, "CLIENT", "KILL", "TYPE", kind)
    for host in data_set.sentinels:
        data_set.ask_sentinel(host, "CLIENT", "KILL", "TYPE", "normal")
