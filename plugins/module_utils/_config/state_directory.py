# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The directory of a process that runs, where it belongs to somebody else: it can neither save there nor end."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from .._core.errors import QuorumError
from .._host.files import read_path


def foreign_owner(home: Path | None, account: tuple[int, int] | None) -> str:
    """Return whose the directory is, empty when it is that of the process or nobody knows."""
    if home is None or account is None or not home.is_dir() or home.stat().st_uid == account[0]:
        return ""
    return read_path(str(home)).owner


def give_back(home: Path, account: tuple[int, int]) -> None:
    """Let all that is in it, and then itself, belong to the process, as systemd does before a start."""
    try:
        for path in [*home.rglob("*"), home]:
            with contextlib.suppress(FileNotFoundError):  # the engine renames files meanwhile
                os.chown(path, *account, follow_symlinks=False)
    except OSError as problem:
        todo = "Give it back to the user of the process: until then it can neither save nor be restarted"
        raise QuorumError(f"cannot be given another owner: {problem.strerror}", str(home), todo) from problem
