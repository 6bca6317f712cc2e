# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which settings wait for a restart, written down beside the configuration for the program that tells Prometheus.

The note is of one process: after its restart it says nothing, whoever has restarted it.
"""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Sequence

from .._core.errors import QuorumError
from .._host.files import Draft
from .._model.file_changes import Wanted


def is_pending(path: str) -> bool:
    """Return whether there is a note, of this process or of an earlier one."""
    return Path(path).with_suffix(".pending").exists()


def note_pending(path: str, run_id: str, keys: Sequence[str]) -> None:
    """Write down the names of these settings, or remove the note when there are none; best effort."""
    note = Path(path).with_suffix(".pending")
    text = json.dumps({"run_id": run_id, "settings": sorted(set(keys))}) + "\n"
    with contextlib.suppress(OSError, QuorumError):
        if not keys or not run_id:
            note.unlink()
        elif not note.exists() or note.read_text(encoding="utf-8") != text:
            owner, group = str(os.geteuid()), str(os.getegid())
            Draft(Wanted(str(note), "file", text.encode(), "", 0o644, owner, group)).take_place()
