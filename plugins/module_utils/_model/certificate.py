# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a certificate ends, read from its DER: what Python offers wants to prove it first, and a dead one too counts."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Tuple

SEQUENCE, INTEGER, VERSION, UTC_TIME = 0x30, 0x02, 0xA0, 0x17


def not_after(der: bytes) -> float:
    """Return when it ends, in seconds. ValueError: this is no certificate."""
    try:
        at, _end = _enter(der, 0, SEQUENCE)  # the certificate
        at, _end = _enter(der, at, SEQUENCE)  # what is signed
        if der[at] == VERSION:
            at = _after(der, at)
        for kind in (INTEGER, SEQUENCE, SEQUENCE):  # number, algorithm, issuer
            at = _enter(der, at, kind)[1]
        at, _end = _enter(der, at, SEQUENCE)  # validity
        at = _after(der, at)
        begin, end = _content(der, at)
        text = der[begin:end].decode("ascii")
        if der[at] == UTC_TIME:  # two digits of the year, by RFC 5280 those from 1950 to 2049
            text = ("19" if int(text[:2]) >= 50 else "20") + text
        return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=timezone.utc).timestamp()
    except (IndexError, UnicodeDecodeError) as problem:
        raise ValueError(f"no certificate: {problem}") from problem


def _content(der: bytes, at: int) -> Tuple[int, int]:
    """Return where the content of the element at a place begins and ends."""
    size, at = der[at + 1], at + 2
    if size & 0x80:
        count = size & 0x7F
        size, at = int.from_bytes(der[at : at + count], "big"), at + count
    return at, at + size


def _after(der: bytes, at: int) -> int:
    return _content(der, at)[1]


def _enter(der: bytes, at: int, kind: int) -> Tuple[int, int]:
    if der[at] != kind:
        raise ValueError(f"no certificate: {der[at]:#x} where {kind:#x} belongs")
    return _content(der, at)
