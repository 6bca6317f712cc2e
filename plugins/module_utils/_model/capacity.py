# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What room a host has, and what it lacks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import List

MEBIBYTE = 1 << 20
SPARE = 16 * MEBIBYTE


@dataclass
class Capacity:
    """What is free where data shall go, and in the memory of that host."""

    host: str
    disk_free: int
    memory_free: int
    memory_total: int = 0


def missing_capacity(room: Capacity, disk: int, memory: int, what: str) -> List[str]:
    """Return what disk and memory of a host lack, a sentence each; pure."""
    wrong = []
    if room.disk_free < disk:
        wrong.append(f"{room.host} has {room.disk_free >> 20} MiB of disk free, {disk >> 20} MiB are needed")
    if room.memory_free < memory:
        wrong.append(
            f"{room.host} has {room.memory_free >> 20} MiB of memory available, {memory >> 20} MiB are needed {what}"
        )
    return wrong
