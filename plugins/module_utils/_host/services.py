# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which units of this collection run on a host, which program each of them runs, and what room it has left."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

UNITS = ("redis-server@*.service", "redis-sentinel@*.service")
DELETED = " (deleted)"
CGROUPS = (
    ("sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory.current"),
    ("sys/fs/cgroup/memory/memory.limit_in_bytes", "sys/fs/cgroup/memory/memory.usage_in_bytes"),
)


@dataclass
class Room:
    """What runs, and what is free."""

    programs: dict[str, str] = field(default_factory=dict)
    memory: int = 0
    disk: int = 0

    def others(self, program: str) -> list[str]:
        """Return the units that run another program file than this one."""
        wanted = os.path.realpath(program)
        return sorted(unit for unit, file in self.programs.items() if file != wanted)


def look(program: str | None, data: str, root: Path = Path("/")) -> Room:
    """Look at the units, unless nobody says which program they shall run, and at memory and disk."""
    return Room(programs(units(), root / "proc") if program else {}, memory_free(root), disk_free(data))


def units() -> str:
    """Return what systemd says about the units of this collection; nothing where there is no systemd."""
    command = ["systemctl", "show", "--property=Id,MainPID", *UNITS]
    try:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, check=False
        )
    except OSError:
        return ""
    return done.stdout.decode("utf-8", "replace")


def programs(said: str, proc: Path) -> dict[str, str]:
    """Return the program file of each unit that runs; of one that a package has replaced, the name is the same."""
    found: dict[str, str] = {}
    for block in said.split("\n\n"):
        values = dict(row.split("=", 1) for row in block.splitlines() if "=" in row)
        try:
            program = os.readlink(proc / values["MainPID"] / "exe")
        except (KeyError, OSError):
            continue
        found[values["Id"]] = program[: -len(DELETED)] if program.endswith(DELETED) else program
    return found


def memory_free(root: Path) -> int:
    """Return the bytes of memory that this host, or the container it is, may still take."""
    found = re.search(r"MemAvailable:\s+(\d+) kB", _read(root / "proc/meminfo"))
    rest = [int(found.group(1)) * 1024 if found else 0]
    for limit, used in CGROUPS:
        most, now = _read(root / limit), _read(root / used)
        if most.isdigit() and now.isdigit():
            rest.append(max(0, int(most) - int(now)))
    return min(rest)


def disk_free(path: str) -> int:
    """Return the bytes that are free where a directory is, or will be."""
    place = Path(path)
    while not place.exists() and place != place.parent:
        place = place.parent
    found = os.statvfs(place)
    return found.f_bavail * found.f_frsize


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""
