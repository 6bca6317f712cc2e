# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much room a host has, on disk and in memory."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Iterator, Tuple

from .._model.capacity import Capacity

ROOT = Path("/")


# The limit and the use of a container, and what of the use is cache that the kernel gives back: cgroup v2 and v1.
CGROUPS = (
    ("sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory.current", "sys/fs/cgroup/memory.stat", "inactive_file"),
    (
        "sys/fs/cgroup/memory/memory.limit_in_bytes",
        "sys/fs/cgroup/memory/memory.usage_in_bytes",
        "sys/fs/cgroup/memory/memory.stat",
        "total_inactive_file",
    ),
)


def nearest_existing(path: str) -> Path:
    """Return the path, or what is there of it."""
    place = Path(path).absolute()
    while not place.exists():
        place = place.parent
    return place


def disk_free(path: str) -> int:
    """Return the free bytes where a path is, or will be."""
    space = os.statvfs(nearest_existing(path))
    return space.f_bavail * space.f_frsize


def same_disk(path: str, other: str) -> bool:
    """Return whether two paths are, or will be, on one file system."""
    return nearest_existing(path).stat().st_dev == nearest_existing(other).stat().st_dev


def memory_total(root: Path = ROOT) -> int:
    """Return the bytes of memory of this host, or those that the container it is may take."""
    return min([_meminfo(root, "MemTotal"), *(most for most, _used in _limits(root))])


def memory_free(root: Path = ROOT) -> int:
    """Return the bytes of memory that this host, or the container it is, may still take without swapping."""
    return min([_meminfo(root, "MemAvailable"), *(max(0, most - used) for most, used in _limits(root))])


def measure_capacity(host: str, path: str) -> Capacity:
    """Return what is free on this host, and on the disk of a path."""
    return Capacity(host, disk_free(path), memory_free(), memory_total())


def present_size(directory: str, used: int) -> int:
    """Return what a snapshot of the present data takes at most, as far as the files of the server tell."""
    place = Path(directory)
    files = [*place.glob("*.rdb"), *place.glob("*.aof")]
    sizes = [path.stat().st_size for path in files]
    sizes.append(sum(path.stat().st_size for path in place.glob("appendonlydir/*")))
    return min(max(sizes), used) or used


def _meminfo(root: Path, key: str) -> int:
    """Return the bytes that the kernel tells for a key; 0 where there is no such kernel, as on some controllers."""
    return _number(rf"^{key}:\s+(\d+) kB", _read(root / "proc/meminfo")) * 1024


def _limits(root: Path) -> Iterator[Tuple[int, int]]:
    """Yield limit and use of the container that this is; none where there is no limit."""
    for limit, used, stat, cache in CGROUPS:
        most, now = _read(root / limit), _read(root / used)
        if most.isdigit() and now.isdigit():
            yield int(most), int(now) - _number(rf"^{cache} (\d+)", _read(root / stat))


def _number(pattern: str, text: str) -> int:
    match = re.search(pattern, text, re.MULTILINE)
    return int(match.group(1)) if match else 0


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""
