# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How an address and a port are written together; pure."""

from __future__ import annotations

import re
from typing import Any, Mapping, Tuple


def join_address(address: str, port: int) -> str:
    """Return host:port as HAProxy, Sentinel and a URL read it: an IPv6 address in brackets."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def split_address(given: Any, port: int) -> Tuple[str, int]:
    """Return address and port of `host`, `host:port`, `[2001:db8::1]:port` or a dictionary; `port` when none is given.

    ValueError: a sentence.
    """
    if isinstance(given, Mapping):
        address, number = str(given.get("host") or given.get("address") or ""), str(given.get("port") or port)
    else:
        text = str(given).strip()
        parts = re.fullmatch(r"\[([^\]]+)\](?::(.*))?|([^:]+)(?::([^:]*))?", text)
        if parts is None and text.count(":") > 1:  # an IPv6 address alone
            address, number = text, str(port)
        else:
            bracketed, its, plain, theirs = parts.groups() if parts else ("", None, "", None)
            address, number = (
                str(bracketed or plain),
                str(port) if its is None and theirs is None else str(its or theirs),
            )
    if not address or not number.isdecimal() or not 1 <= int(number) <= 65535:
        raise ValueError(f"{given!r} is no address; write host:port, or [address]:port for IPv6")
    return address, int(number)
