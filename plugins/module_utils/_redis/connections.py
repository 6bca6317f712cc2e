# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections to the members of a data set by their host, and waiting for what they say."""

from __future__ import annotations

import time
from typing import Any, Callable, Dict, Mapping

from .._core.errors import QuorumError, Unreachable
from .client import Client, Endpoint, connect
from .replies import parse_info


class Talk:
    """One connection to each member, opened when it is needed."""

    def __init__(self, places: Mapping[str, Endpoint]) -> None:
        """Remember the places; nothing happens yet."""
        self.places: Dict[str, Endpoint] = dict(places)
        self.clients: Dict[str, Client] = {}

    def close(self) -> None:
        """Close the connections."""
        for client in self.clients.values():
            client.close()
        self.clients = {}

    def client(self, host: str) -> Client:
        """Return the connection to a member."""
        if host not in self.clients:
            self.clients[host] = connect(self.places[host])
        return self.clients[host]

    def call(self, host: str, *args: Any) -> Any:
        """Send a command that may be sent twice: Sentinel drops connections to whom it gives another role."""
        try:
            return self.client(host).call(*args)
        except Unreachable:
            stale = self.clients.pop(host, None)
            if stale is not None:
                stale.close()
            return self.client(host).call(*args)

    def info(self, host: str, section: str = "replication") -> Dict[str, str]:
        """Return a section of INFO of a member."""
        return parse_info(self.call(host, "INFO", section))

    def role(self, host: str) -> str:
        """Return the role of a member in the server's words."""
        return str(self.call(host, "ROLE")[0])

    def until(self, what: str, ready: Callable[[], bool], seconds: float, pause: float = 0.005) -> None:
        """Wait until something is true."""
        over = time.monotonic() + seconds
        while not ready():
            if time.monotonic() > over:
                raise QuorumError(f"{what} took longer than {seconds:.1f} s")
            time.sleep(pause)
