# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A command that is revoked when its answer does not come."""

from __future__ import annotations

import socket
import threading

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._core.errors import CommandFailed, Unreachable
from ansible_collections.quorum.redis.plugins.module_utils._redis.client import Client
from ansible_collections.quorum.redis.plugins.module_utils._redis.endpoint import Endpoint
from patience import LONG


class Halting(threading.Thread):
    """A server that answers as usual, but to the order to be the primary with this, and then never again."""

    def __init__(self, answer: bytes) -> None:
        """Listen."""
        super().__init__(daemon=True)
        self.answer, self.orders = answer, list[bytes]()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]

    def run(self) -> None:
        """Serve one connection."""
        line = self.listener.accept()[0]
        self.listener.close()
        with line:
            while data := line.recv(4096):
                if b"REPLICAOF" in data:
                    self.orders.append(data)
                    line.sendall(self.answer if len(self.orders) == 1 else b"")
                else:
                    line.sendall(b"+PONG\r\n")


def order(server: Halting) -> str:
    """Tell a server to be the primary, or else to follow."""
    server.start()
    with Client(Endpoint("127.0.0.1", server.port, timeout=0.3)) as client:
        reply = client.call_or_revoke(("REPLICAOF", "NO", "ONE"), ("REPLICAOF", "192.0.2.1", 6379), 0.3)
    server.join(LONG)
    return str(reply)


@pytest.mark.parametrize("answer", [b"", b"+", b"+OK\r"])
def test_an_answer_that_does_not_come_whole_revokes_on_the_same_connection(answer: bytes) -> None:
    server = Halting(answer)
    with pytest.raises(Unreachable, match=r"No answer within 0\.3 s"):
        order(server)
    server.join(LONG)
    assert [b"192.0.2.1" in each for each in server.orders] == [False, True]


def test_an_answer_revokes_nothing() -> None:
    server = Halting(b"+OK\r\n")
    assert order(server) == "OK"
    assert len(server.orders) == 1
    with pytest.raises(CommandFailed, match="not now"):
        order(Halting(b"-ERR not now\r\n"))
