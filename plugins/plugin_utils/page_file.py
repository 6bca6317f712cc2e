# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A page of the status as a file on the controller, from an action plugin."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail

from ..module_utils._model.markup import drop_moving

MODE = 0o644


def save_page(name: str, text: str, check: bool = False, diff: bool = False) -> dict[str, Any]:
    """Write the page in place of the one before it; what differs apart from times and counters is a change.

    It is written in each run, because its time is that of the look. An own mode of the file stays.
    """
    path = Path(name).expanduser().absolute().resolve()
    if path.exists() and not path.is_file():
        raise AnsibleActionFail(f"redis_status_html: {path} on the controller is no file. Name a file.")
    if not path.parent.is_dir():
        raise AnsibleActionFail(f"redis_status_html: the controller has no directory {path.parent}. Create it.")
    try:
        before = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
        if not check:
            _replace(path, text)
    except OSError as problem:
        todo = "Name a file that you may write"
        raise AnsibleActionFail(f"redis_status_html: {path} on the controller: {problem.strerror}. {todo}.") from None
    changed = drop_moving(before) != drop_moving(text)
    result: dict[str, Any] = {"changed": changed, "path": str(path)}
    if changed and diff:
        sides = {"before": drop_moving(before), "after": drop_moving(text)}
        result["diff"] = {**sides, "before_header": str(path), "after_header": str(path)}
    return result


def _replace(path: Path, text: str) -> None:
    """Write beside it first: somebody may have it open, and half a page is none."""
    mode = path.stat().st_mode & 0o777 if path.exists() else MODE
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, prefix=".status-", delete=False) as new:
        fresh = Path(new.name)
        try:
            new.write(text)
            new.flush()
            fresh.chmod(mode)
            fresh.replace(path)
        except OSError:
            fresh.unlink(missing_ok=True)
            raise
