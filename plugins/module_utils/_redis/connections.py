# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections to the members of a data set by their host, and waiting for what they say."""

from __future__ import annotations

import time
from typing import Any, Callable, Dict, Mapping, TypeVar

from .._core.errors import CommandFailed, QuorumError, Unreachable
from .client import Client, connect
from .client_list import follow_server
from .endpoint import Endpoint
from .replies import parse_info

Answer = TypeVar("Answer")
TRIES = 3  # of a connection that is cut: once at the park, once at the end of a move


def call_quietly(call: Callable[..., Any], *args: Any) -> Any:
    """Call, and let it fail: what may or may not be needed."""
    try:
        return call(*args)
    except QuorumError:
        return None


def rewrite_config(client: Client) -> str:
    """Let the server's own file record its role; return why it cannot, empty when it did."""
    try:
        client.call("CONFIG", "REWRITE")
    except CommandFailed as problem:
        return problem.text
    return ""


class Talk:
    """One connection to each member, opened when it is needed."""

    def __init__(self, places: Mapping[str, Endpoint]) -> None:
        """Remember the places; nothing happens yet."""
        self.places: Dict[str, Endpoint] = dict(places)
        self.clients: Dict[str, Client] = {}
        self.label = ""

    def close(self) -> None:
        """Close the connections."""
        for client in self.clients.values():
            client.close()
        self.clients = {}

    def get_client(self, host: str) -> Client:
        """Return the connection to a member."""
        if host not in self.clients:
            self.clients[host] = connect(self.places[host])
            if self.label:
                self.clients[host].call("CLIENT", "SETNAME", self.label)
        return self.clients[host]

    def ask_member(self, host: str, what: Callable[[Client], Answer]) -> Answer:
        """Ask what may be asked twice: connections are dropped where a server gets another role."""
        for left in reversed(range(TRIES)):
            try:
                return what(self.get_client(host))
            except Unreachable as problem:
                stale = self.clients.pop(host, None)
                if stale is not None:
                    stale.close()
                if not left or (problem.kind != "other" and left < TRIES - 1):
                    raise
        raise AssertionError

    def call(self, host: str, *args: Any) -> Any:
        """Send a command that may be sent twice."""
        return self.ask_member(host, lambda client: client.call(*args))

    def point_member(self, host: str, *target: Any) -> None:
        """Let a member follow another one, or nobody yet."""
        self.ask_member(host, lambda client: follow_server(client, *target))

    def read_info(self, host: str, section: str = "replication") -> Dict[str, str]:
        """Return a section of INFO of a member."""
        return parse_info(self.call(host, "INFO", section))

    def read_role(self, host: str) -> str:
        """Return the role of a member in the server's words."""
        return str(self.call(host, "ROLE")[0])

    def wait_until(self, what: str, ready: Callable[[], bool], seconds: float, pause: float = 0.005) -> None:
        """Wait until something is true."""
        over = time.monotonic() + seconds
        while not ready():
            if time.monotonic() > over:
                raise QuorumError(f"{what} took longer than {seconds:.1f} s")
            time.sleep(pause)
