# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Versions of Redis and Valkey as numbers, and which data one of them reads of another."""

from __future__ import annotations

import re
from typing import Dict, Mapping, Sequence, Tuple

# The version of RDB files and of full synchronisations, from each version of the engine on.
FORMATS: Dict[str, Sequence[Tuple[Tuple[int, int], int]]] = {
    "redis": (((7, 4), 12), ((7, 2), 11), ((7, 0), 10), ((0, 0), 9)),
    "valkey": (((9, 0), 80), ((0, 0), 11)),
}
FOREIGN = 12  # Valkey reads what Redis wrote below this one

Version = Tuple[int, ...]
_PACKAGE = re.compile(r"(?:\d+:)?(\d+(?:\.\d+)*)")


def upstream_version(text: str) -> str:
    """Return the engine's part of a package version: 7.0.15 of 5:7.0.15-1~deb12u5."""
    match = _PACKAGE.match(text)
    return match.group(1) if match else ""


def parse_version(text: str) -> Version:
    """Return three numbers, of a package version and of a milestone (8.2-m01) too; what is left open is 0."""
    parts = [int(part) for part in upstream_version(text).split(".") if part]
    return tuple([*parts, 0, 0, 0][:3])


def major_minor(text: str) -> Tuple[int, int]:
    """Return major and minor; what is left open is 0."""
    major, minor, _patch = parse_version(text)
    return major, minor


def data_format(engine: str, version: str) -> int:
    """Return the version of the files that this engine writes."""
    return next(number for since, number in FORMATS[engine] if major_minor(version) >= since)


def cannot_read(engine: str, version: str, by_engine: str, by: str) -> bool:
    """Return whether a server cannot load what another one sends in a full synchronisation."""
    sent, known = data_format(engine, version), data_format(by_engine, by)
    return sent > known or (engine == "redis" and by_engine == "valkey" and sent >= FOREIGN)


def fits_version(engine: str, version: str, target_engine: str, target: str) -> bool:
    """Return whether this is the target already; a target may leave the last numbers open."""
    return engine == target_engine and f"{upstream_version(version)}.".startswith(f"{upstream_version(target)}.")


def running_version(info: Mapping[str, str]) -> str:
    """Return the version of the engine; Valkey has its compatibility under the name of Redis."""
    return info.get("valkey_version") or info.get("redis_version", "")
