# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an RDB says about itself before its data."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import Dict, Optional, Tuple

from .._core.errors import Damaged
from .capacity import MEBIBYTE


@dataclass
class Header:
    """What an RDB says about itself before its data."""

    magic: str
    rdb_version: int
    aux: Dict[str, str]

    @property
    def engine(self) -> str:
        """Return the engine that wrote it."""
        return "valkey" if self.magic == "VALKEY" or "valkey-ver" in self.aux else "redis"

    @property
    def version(self) -> str:
        """Return the version of the engine that wrote it, empty when it does not say."""
        return self.aux.get("valkey-ver") or self.aux.get("redis-ver", "")


def _length(data: bytes, place: int) -> Tuple[Optional[int], int, int]:
    """Return the length at a place, or the kind of a packed number, and where the rest begins."""
    first = data[place]
    kind = first >> 6
    if kind == 0:
        return first & 0x3F, 0, place + 1
    if kind == 1:
        return (first & 0x3F) << 8 | data[place + 1], 0, place + 2
    if kind == 2:
        size = 8 if first == 0x81 else 4
        return int.from_bytes(data[place + 1 : place + 1 + size], "big"), 0, place + 1 + size
    return None, first & 0x3F, place + 1


def _string(data: bytes, place: int) -> Tuple[str, int]:
    """Return the string at a place and where the rest begins; packed numbers are strings too."""
    length, kind, place = _length(data, place)
    if length is None and kind == 3:  # a compressed text: passed over
        packed, _kind, place = _length(data, place)
        _size, _kind, place = _length(data, place)
        return "", place + (packed or 0)
    if length is None:
        size = 1 << kind
        return str(struct.unpack_from("<" + "bhi"[kind], data, place)[0]), place + size
    if place + length > len(data):
        raise IndexError
    return data[place : place + length].decode("utf-8", "replace"), place + length


def read_header(data: bytes, where: str = "") -> Header:
    """Return the header from the first bytes of an RDB; a few KiB are enough."""
    start = re.match(rb"(REDIS)(\d{4})|(VALKEY)(\d{3})", data)
    if not start:
        raise Damaged("This is no RDB file", where, "An RDB begins with REDIS or VALKEY and a number")
    magic, digits = (start[1], start[2]) if start[1] else (start[3], start[4])
    aux: Dict[str, str] = {}
    place = start.end()
    try:
        while data[place] == 0xFA:
            name, place = _string(data, place + 1)
            aux[name], place = _string(data, place)
    except (IndexError, struct.error):
        pass  # cut off: what was read so far holds
    return Header(magic.decode(), int(digits), aux)


def memory_needed(header: Header, size: int) -> int:
    """Return the bytes that loading takes: what the server used, and some more; pure."""
    used = header.aux.get("used-mem", "")
    return (int(used) if used.isdigit() else size * 4) * 11 // 10 + 64 * MEBIBYTE
