# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal that a restore keeps on the disk of the primary's host, so that whoever comes later can end it."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, fields
from pathlib import Path
from typing import Optional

from .._core.errors import QuorumError
from .journal_entry import JournalEntry

FILE = "restore.json"
STAGE = "restore"


def read_entry(directory: str) -> Optional[JournalEntry]:
    """Return the entry of a restore that is not at its end, None when there is none."""
    path = Path(directory) / FILE
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        known = {item.name for item in fields(JournalEntry)}
        return JournalEntry(**{key: value for key, value in data.items() if key in known})
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, AttributeError) as problem:
        raise QuorumError(
            f"The note of a restore that was cut short cannot be read: {problem}",
            str(path),
            "Look at the members, run site.yml, then remove this file",
        ) from None


def write_entry(directory: str, entry: JournalEntry) -> None:
    """Write the entry in one piece."""
    path = Path(directory) / FILE
    temporary = path.with_suffix(".new")
    try:
        temporary.unlink(missing_ok=True)
        number = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(number, "w", encoding="utf-8") as file:
            file.write(json.dumps(asdict(entry)))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as problem:
        raise QuorumError(f"{path} cannot be written: {problem}") from problem


def remove_entry(directory: str) -> None:
    """Say that nothing is left to do."""
    (Path(directory) / FILE).unlink(missing_ok=True)
