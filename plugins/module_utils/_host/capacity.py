# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much room a host has, on disk and in memory, and what it lacks."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import List

from .._engine.rdb_check import meminfo, memory_free

MEBIBYTE = 1 << 20
SPARE = 16 * MEBIBYTE


@dataclass
class Room:
    """What is free where data shall go, and in the memory of that host."""

    host: str
    disk_free: int
    memory_free: int
    memory_total: int = 0


def nearest(path: str) -> Path:
    """Return the path, or what is there of it."""
    place = Path(path).absolute()
    while not place.exists():
        place = place.parent
    return place


def free(path: str) -> int:
    """Return the free bytes where a path is, or will be."""
    space = os.statvfs(nearest(path))
    return space.f_bavail * space.f_frsize


def same_disk(one: str, other: str) -> bool:
    """Return whether two paths are, or will be, on one file system."""
    return nearest(one).stat().st_dev == nearest(other).stat().st_dev


def memory_total() -> int:
    """Return the bytes of memory of this host."""
    return meminfo("MemTotal")


def look(host: str, path: str) -> Room:
    """Look at this host."""
    return Room(host, free(path), memory_free(), memory_total())


def lacks(room: Room, disk: int, memory: int, what: str) -> List[str]:
    """Return what disk and memory of a host lack, a sentence each; pure."""
    wrong = []
    if room.disk_free < disk:
        wrong.append(f"{room.host} has {room.disk_free >> 20} MiB of disk free, {disk >> 20} MiB are needed")
    if room.memory_free < memory:
        wrong.append(
            f"{room.host} has {room.memory_free >> 20} MiB of memory available, {memory >> 20} MiB are needed {what}"
        )
    return wrong


def present_size(directory: str, used: int) -> int:
    """Return what a snapshot of the present data takes at most, as far as the files of the server tell."""
    place = Path(directory)
    files = [*place.glob("*.rdb"), *place.glob("*.aof")]
    sizes = [path.stat().st_size for path in files]
    sizes.append(sum(path.stat().st_size for path in place.glob("appendonlydir/*")))
    return min(max(sizes), used) or used
