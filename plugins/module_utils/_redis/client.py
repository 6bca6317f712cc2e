# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections to servers and Sentinels through redis-py 3.5 to 8: raw RESP2 replies, typed errors, no retries."""

from __future__ import annotations

import errno
import inspect
import socket
from contextlib import suppress
from importlib.util import find_spec
from typing import Any, Dict, Iterator, List, Optional, Sequence, Type

from .._core.errors import AuthFailed, CommandFailed, Loading, MissingLibrary, QuorumError, Unreachable
from .._model.conf_syntax import mask_texts
from .endpoint import Endpoint
from .tls import explain_failure, secure_connection

HAS_REDIS = find_spec("redis") is not None

INSTALL = "Install the package python3-redis, or redis >= 3.5 from PyPI"
AUTH_WORDS = (
    "NOAUTH",
    "WRONGPASS",
    "NOPERM",
    "no permissions to",  # redis-py takes the word before it away
    "DENIED",
    "invalid password",
    "invalid username-password",
    "without any password configured",
    "no password is set",
    "AUTH called",
    "AUTH <password>",
    "Authentication required",
)
_REPEATABLE = ("PING", "INFO", "TIME", "ROLE", "CONFIG", "MODULE", "ACL")
_UNKNOWN_USER = ("WRONGPASS", "invalid username-password")
DOWN = {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN}


class _Library:
    """redis-py, imported when it is used first: that is a third of the time of a module that asks no server."""

    def load_library(self) -> Any:
        """Return redis-py itself."""
        try:
            import redis as library
        except ImportError as problem:
            raise MissingLibrary(
                f"The Python library redis (redis-py) cannot be used where the module runs: {problem}", "", INSTALL
            ) from None
        return library

    def __getattr__(self, name: str) -> Any:
        return getattr(self.load_library(), name)


redis = _Library()


def require_library() -> None:
    """Raise MissingLibrary where redis-py is not there, or is there and cannot be loaded."""
    if not HAS_REDIS:
        raise MissingLibrary("The Python library redis (redis-py) is missing where the module runs", "", INSTALL)
    redis.load_library()


def _build_client(endpoint: Endpoint) -> Any:
    """Return a client of redis-py, with the arguments that this version of it knows."""
    known = inspect.signature(redis.Redis.__init__).parameters
    options: Dict[str, Any] = {
        "username": endpoint.username or None,
        "password": endpoint.password or None,
        "socket_timeout": endpoint.timeout,
        "socket_connect_timeout": endpoint.timeout,
        "decode_responses": True,
        "encoding_errors": "surrogateescape",
        **(
            {"unix_socket_path": endpoint.socket}
            if endpoint.socket
            else {"host": endpoint.address, "port": endpoint.port}
        ),
    }
    optional: Dict[str, Any] = {"protocol": 2}
    optional.update({"driver_info": None} if "driver_info" in known else {"lib_name": None, "lib_version": None})
    if "retry" in known:
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        optional["retry"] = Retry(NoBackoff(), 0)
    options.update({key: value for key, value in optional.items() if key in known})
    if endpoint.tls and not endpoint.socket:
        options["connection_class"] = secure_connection(redis.Connection, endpoint.tls)
        options = {"connection_pool": redis.ConnectionPool(**options)}
    return redis.Redis(single_connection_client=True, **options)


def _causes(problem: Optional[BaseException]) -> Iterator[BaseException]:
    """Yield an exception and everything it was raised from."""
    while problem is not None:
        yield problem
        problem = problem.__cause__ or problem.__context__


def _unreachable(problem: BaseException, where: str, timeout: float) -> Unreachable:
    """Tell apart why nothing answers: closed port, silence, unknown name."""
    for cause in _causes(problem):
        number = getattr(cause, "errno", None)
        if isinstance(cause, socket.gaierror):
            return Unreachable(
                "The host name cannot be resolved",
                where,
                "Correct the address or the name service of this host",
                kind="dns",
            )
        if isinstance(cause, (ConnectionRefusedError, FileNotFoundError)):
            return Unreachable(
                "Nothing listens there, the connection was refused",
                where,
                "Start the service, or correct address and port",
                kind="refused",
            )
        if isinstance(cause, (socket.timeout, redis.exceptions.TimeoutError)):
            return Unreachable(
                f"No answer within {timeout:g} s",
                where,
                "Check that the host is up and that no firewall is in between",
                kind="timeout",
            )
        if number in DOWN:
            return Unreachable(
                "The host cannot be reached",
                where,
                "Check that the host is up and the network between the hosts",
                kind="timeout",
            )
    return Unreachable(f"The connection failed: {problem}", where, kind="other")


class Client:
    """One connection; replies come as str, int, list or None, and problems as QuorumError."""

    def __init__(self, endpoint: Endpoint) -> None:
        """Prepare the connection; the first call opens it."""
        self.endpoint = endpoint
        self.secrets: List[str] = [endpoint.password] if endpoint.password else []
        require_library()
        self._redis: Any = None
        self.answered = False

    def __enter__(self) -> Client:
        """Offer the client to a with block."""
        return self

    def __exit__(self, *_unused: object) -> None:
        """Leave no connection behind."""
        self.close()

    def close(self) -> None:
        """Close the connection."""
        connection, self._redis = self._redis, None
        try:
            if connection is not None:
                connection.close()
                connection.connection_pool.disconnect()
        except (redis.exceptions.RedisError, OSError):
            pass

    def _mask(self, text: str) -> str:
        return mask_texts(text, self.secrets)

    def _problem(self, problem: BaseException) -> QuorumError:
        """Turn an exception of redis-py into one of ours, without secrets in it."""
        where, text = str(self.endpoint), self._mask(str(problem))
        if isinstance(problem, redis.exceptions.BusyLoadingError) or "LOADING" in text[:20]:
            return Loading("The server is still loading its data set", where, "Try again when it has")
        if isinstance(problem, redis.exceptions.AuthenticationError) or any(w in text for w in AUTH_WORDS):
            return AuthFailed(
                f"The server refuses access: {text}",
                where,
                "Correct user name and password, or the rights of that user",
            )
        if isinstance(problem, redis.exceptions.ResponseError):
            return CommandFailed(text, where)
        place = self.endpoint
        explained = None
        if not place.socket and (place.tls or not self.answered):
            explained = explain_failure(list(_causes(problem)), place.tls, place.address, place.port, place.timeout)
        explained = explained or _unreachable(problem, where, place.timeout)
        explained.what = self._mask(explained.what)
        return explained

    def call(self, *args: Any) -> Any:
        """Send one command and return its raw reply."""
        try:
            if self._redis is None:
                self._redis = _build_client(self.endpoint)
                self._redis.response_callbacks.clear()
            reply = self._redis.execute_command(*args)
        except (redis.exceptions.RedisError, OSError, UnicodeError) as problem:
            if not self._fall_back(problem):
                raise self._problem(problem) from None
            return self.call(*args)
        self.answered = True
        return self._checked(reply)

    def _fall_back(self, problem: BaseException) -> bool:
        """Try the next login where the server does not know this one; tell whether there is one."""
        after = self.endpoint.fall_back() if any(word in str(problem) for word in _UNKNOWN_USER) else None
        if after is None:
            return False
        self.close()
        self.endpoint = after
        self.secrets += [after.password] if after.password else []
        return True

    def _checked(self, reply: Any) -> Any:
        """Raise an error that sits inside a reply, the way EXEC returns them."""
        if isinstance(reply, Exception):
            raise self._problem(reply)
        if isinstance(reply, bytes):
            return reply.decode("utf-8", "surrogateescape")
        return [self._checked(item) for item in reply] if isinstance(reply, (list, tuple)) else reply

    def run_transaction(self, commands: Sequence[Sequence[Any]]) -> List[Any]:
        """Run the commands as one MULTI / EXEC; a refused one means that none has run."""
        self.call("MULTI")
        try:
            for command in commands:
                self.call(*command)
        except CommandFailed:
            self.call("DISCARD")
            raise
        replies: List[Any] = self.call("EXEC")
        return replies

    def send_together(self, commands: Sequence[Sequence[Any]]) -> List[Any]:
        """Send the commands in one packet, so that hardly anything comes in between; the first error counts."""
        self.call("PING")
        try:
            line = self._redis.pipeline(transaction=False)
            for command in commands:
                line.execute_command(*command)
            replies = line.execute(raise_on_error=False)
        except (redis.exceptions.RedisError, OSError, UnicodeError) as problem:
            raise self._problem(problem) from None
        return [self._checked(reply) for reply in replies]

    def call_or_revoke(self, command: Sequence[Any], revoke: Sequence[Any], seconds: float) -> Any:
        """Send a command; a server that hangs gets another one behind it, and does both when it goes on."""
        self.call("PING")
        line = self._redis.connection
        try:
            line.send_command(*command)
            with suppress(socket.timeout, redis.exceptions.TimeoutError):  # what can be read may be no whole reply,
                if line.can_read(seconds):  # and the line itself would be closed after that
                    return self._checked(line._parser.read_response())
            line.send_command(*revoke)
        except (redis.exceptions.RedisError, OSError, UnicodeError) as problem:
            raise self._problem(problem) from None
        raise Unreachable(f"No answer within {seconds:g} s", str(self.endpoint), kind="timeout")

    def read_pairs(self, *args: Any) -> Dict[str, str]:
        """Send a command whose reply is a flat list of names and values."""
        reply = self.call(*args)
        return dict(zip(reply[::2], reply[1::2]))


class Steady(Client):
    """A connection that outlives a failover: Sentinel drops those to whom it gives another role."""

    def call(self, *args: Any) -> Any:
        """Send a command, twice when the connection was cut and the command only asks or sets."""
        try:
            return super().call(*args)
        except Unreachable as problem:
            if problem.kind != "other" or args[0] not in _REPEATABLE:
                raise
            return super().call(*args)


def connect(endpoint: Endpoint, kind: Type[Client] = Client) -> Client:
    """Open a connection now, so that a problem shows itself here."""
    client = kind(endpoint)
    try:
        client.call("PING")
    except Loading:
        pass
    except QuorumError as problem:
        if not (isinstance(problem, CommandFailed) and problem.text.startswith(("MISCONF", "MASTERDOWN", "BUSY"))):
            client.close()
            raise
    return client
