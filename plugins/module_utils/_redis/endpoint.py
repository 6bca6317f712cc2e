# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a server or Sentinel listens, and how to get in."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Dict, List, Mapping, Optional, Tuple

from .tls import Tls, tls_from_params


def passwords_of(given: Any) -> List[str]:
    """Return the passwords of an option that takes one or a list."""
    words = given if isinstance(given, (list, tuple)) else [given]
    return [str(word) for word in words if word not in (None, "")]


@dataclass(frozen=True)
class Endpoint:
    """Where a server or Sentinel listens, and how to get in."""

    address: str = "127.0.0.1"
    port: int = 6379
    username: Optional[str] = None
    password: Any = field(default=None, repr=False)  # after the start one word or None
    socket: Optional[str] = None
    timeout: float = 2.0
    fallback: Any = field(default=None, repr=False)  # of the default user, where `username` is not known yet
    tls: Optional[Tls] = None
    others: Tuple[str, ...] = field(default=(), repr=False)  # tried where `password` is not known

    def __post_init__(self) -> None:
        """Of several passwords the first one counts; the others are tried while one takes the place of another."""
        if not isinstance(self.password, (str, type(None))):
            words = passwords_of(self.password)
            object.__setattr__(self, "password", words[0] if words else None)
            object.__setattr__(self, "others", tuple(words[1:]))

    def fall_back(self) -> Optional[Endpoint]:
        """Return the same place with what is to be tried when it does not know this login; None at the end."""
        if self.others:
            return replace(self, password=self.others[0], others=self.others[1:])
        left = [word for word in passwords_of(self.fallback) if self.username or word != self.password]
        return replace(self, username=None, password=left, fallback=None) if left else None

    def __str__(self) -> str:
        """Name the place without its secrets."""
        return self.socket or f"{self.address}:{self.port}"


def endpoint_from_params(params: Dict[str, Any]) -> Endpoint:
    """Return the server or Sentinel that the options of a module name, and how to get in."""
    where = {key: params[key] for key in ("port", "socket")}
    return Endpoint(params["host"], **where, **read_connection(params["connection"]))


def read_connection(given: Mapping[str, Any]) -> Dict[str, Any]:
    """Return how to get in, of the option `connection`; every module has it from here."""
    return {
        "username": given.get("username"),
        "password": given.get("password"),
        "fallback": given.get("fallback_password"),
        "timeout": given["timeout"],
        "tls": tls_from_params(given),
    }
