# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel of a host must be set to, now and after its next boot, and whether its memory suffices."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Mapping

from .._core.errors import BadConfig, QuorumError
from .._model.file_changes import Seen, Wanted, list_differences
from .files import read_path

SYSCTLS = {
    "overcommit_memory": "vm/overcommit_memory",
    "somaxconn": "net/core/somaxconn",
    "swappiness": "vm/swappiness",
}
HUGEPAGES = "sys/kernel/mm/transparent_hugepage/enabled"
MEMORY_LIMITS = ("sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory/memory.limit_in_bytes")
HEADER = "# Written by the collection quorum.redis, which overwrites changes made here.\n"
MEBIBYTE = 1 << 20


@dataclass
class Setting:
    """One kernel setting: what it is called, where it lies, what it shall be and what it is."""

    name: str
    path: Path
    wanted: str
    now: str
    writable: bool = True

    @property
    def differs(self) -> bool:
        """Return whether it has to be set."""
        return self.now != self.wanted


@dataclass
class View:
    """The host as it is."""

    settings: list[Setting] = field(default_factory=list)
    files: list[tuple[Seen, Wanted]] = field(default_factory=list)
    memory: int = 0
    declared: list[tuple[Seen, Wanted]] = field(default_factory=list)  # as files, of the option of this name
    pin: str = ""
    packages_missing: list[str] = field(default_factory=list)


def observe_kernel(params: Mapping[str, Any], root: Path = Path("/")) -> View:
    """Look at the kernel's settings that are asked for, at their files, and at the memory."""
    view = View(memory=total_memory(root))
    for name, place in SYSCTLS.items():
        if params[name] is not None:
            path = root / "proc/sys" / place
            view.settings.append(Setting(name, path, str(params[name]), _read(path).strip()))
    if params["transparent_hugepages"] is not None and (root / HUGEPAGES).exists():
        path = root / HUGEPAGES
        chosen = re.search(r"\[(\w+)\]", _read(path))
        now = chosen.group(1) if chosen else ""
        view.settings.append(Setting("transparent_hugepages", path, params["transparent_hugepages"], now))
    for setting in view.settings:
        setting.writable = not setting.differs or _writable(setting)
    for want in settings_files(params, view.settings):
        seen = read_path(want.path)
        if list_differences(seen, want):
            view.files.append((seen, want))
    return view


def settings_files(params: Mapping[str, Any], settings: list[Setting]) -> list[Wanted]:
    """Return what makes the settings survive a boot; a file without lines is not there; pure."""
    sysctl = [f"{SYSCTLS[item.name].replace('/', '.')} = {item.wanted}\n" for item in settings if item.name in SYSCTLS]
    boot = [f"w! /{HUGEPAGES} - - - - {item.wanted}\n" for item in settings if item.name not in SYSCTLS]
    return [_file(params["sysctl_file"], sysctl), _file(params["tmpfiles_file"], boot)]


def _file(path: str, rows: list[str]) -> Wanted:
    return Wanted(path, "file" if rows else "absent", (HEADER + "".join(rows)).encode())


def check_memory(view: View, needed: int) -> None:
    """Refuse instances that cannot all have their memory while one of them forks; pure."""
    if needed and view.memory and needed > view.memory:
        raise BadConfig(
            f"The instances of this host may come to use {needed // MEBIBYTE} MiB, with the room that a fork needs for "
            f"a snapshot, but it has {view.memory // MEBIBYTE} MiB",
            "",
            "Nothing was changed. Lower their maxmemory, or move some of them to other hosts",
        )


def total_memory(root: Path) -> int:
    """Return the bytes of memory that this host, or the container it is, may use."""
    match = re.search(r"MemTotal:\s+(\d+) kB", _read(root / "proc/meminfo"))
    total = int(match.group(1)) * 1024 if match else 0
    limits = [_read(root / place).strip() for place in MEMORY_LIMITS]
    return min([total, *(int(limit) for limit in limits if limit.isdigit() and int(limit))])


def put_setting(setting: Setting) -> None:
    """Set it now."""
    try:
        setting.path.write_text(setting.wanted + "\n", encoding="ascii")
    except OSError as problem:
        raise QuorumError(
            f"{setting.name} cannot be set to {setting.wanted}: {os.strerror(problem.errno or 0)}", str(setting.path)
        ) from problem


def _writable(setting: Setting) -> bool:
    """Try with the value that it has: a container's root may open the file and still not write it."""
    try:
        setting.path.write_text(setting.now + "\n", encoding="ascii")
    except OSError:
        return False
    return True


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
