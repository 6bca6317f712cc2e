# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A connection without redis-py, for a look from a host on which nothing is installed yet."""

from __future__ import annotations

import socket
from typing import Any, BinaryIO, Optional, Sequence

from .._core.errors import AuthFailed, CommandFailed, Loading, QuorumError, Unreachable
from .client import AUTH_WORDS, DOWN, Client
from .endpoint import Endpoint
from .tls import build_context, explain_handshake

ENCODING = ("utf-8", "surrogateescape")


class Plain(Client):
    """Asks one server; errors carry what the server says, never what was sent."""

    def __init__(self, endpoint: Endpoint) -> None:
        """Prepare the connection; the first call opens it."""
        # Not that of a Client, which asks for redis-py.
        self.endpoint = endpoint
        self._stream: Optional[BinaryIO] = None

    def close(self) -> None:
        """Leave no connection behind."""
        if self._stream is not None:
            self._stream.close()
        self._stream = None

    def call(self, *args: Any) -> Any:
        """Send one command and return its reply."""
        try:
            if self._stream is None:
                self._stream = self._open()
            return _ask(self._stream, args, str(self.endpoint))
        except (OSError, ValueError) as problem:
            insecure = explain_handshake(problem, str(self.endpoint)) if self.endpoint.tls else None
            if insecure:
                raise insecure from None
            late = isinstance(problem, socket.timeout) or getattr(problem, "errno", None) in DOWN
            kind = "refused" if isinstance(problem, ConnectionRefusedError) else "timeout" if late else "other"
            raise Unreachable(f"The connection failed: {problem}", str(self.endpoint), kind=kind) from None

    def receive_message(self) -> Any:
        """Wait for the next message of a subscription."""
        try:
            if self._stream is None:
                raise OSError("there is no subscription")
            return _reply(self._stream, str(self.endpoint))
        except (OSError, ValueError) as problem:
            raise Unreachable(f"The connection failed: {problem}", str(self.endpoint)) from None

    def _open(self) -> BinaryIO:
        """Connect and log in, with the next login where the server does not know this one."""
        place = self.endpoint
        stream = _connect(place)
        words = [word for word in (place.username, place.password) if word]
        try:
            if words:
                _ask(stream, ["AUTH", *words], str(place))
        except QuorumError:
            stream.close()
            after = place.fall_back()
            if after is None:
                raise
            self.endpoint = after
            return self._open()
        return stream


def _connect(place: Endpoint) -> BinaryIO:
    sock = socket.create_connection((place.address, place.port), timeout=place.timeout)
    if place.tls:
        sock = build_context(place.tls).wrap_socket(sock, server_hostname=place.address)
    stream = sock.makefile("rwb")
    sock.close()  # when the stream is
    return stream  # type: ignore[return-value]


def _ask(stream: BinaryIO, words: Sequence[Any], where: str) -> Any:
    raw = [str(word).encode(*ENCODING) for word in words]
    stream.write(b"*%d\r\n" % len(raw) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in raw))
    stream.flush()
    return _reply(stream, where)


def _reply(stream: BinaryIO, where: str) -> Any:
    line = stream.readline()
    if not line.endswith(b"\r\n"):
        raise OSError("closed by the other side")
    kind, rest = line[:1], line[1:-2].decode(*ENCODING)
    if kind == b"-":
        raise _explain(rest, where)
    if kind == b":":
        return int(rest)
    if kind == b"$":
        return None if rest == "-1" else stream.read(int(rest) + 2)[:-2].decode(*ENCODING)
    if kind == b"*":
        return None if rest == "-1" else [_reply(stream, where) for _each in range(int(rest))]
    return rest


def _explain(text: str, where: str) -> QuorumError:
    if text.startswith("LOADING"):
        return Loading("The server is still loading its data set", where)
    if any(word in text for word in AUTH_WORDS):
        return AuthFailed(f"The server refuses access: {text}", where)
    return CommandFailed(text, where)
