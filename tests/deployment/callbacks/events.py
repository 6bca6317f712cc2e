# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes down each event of a run as JSON, results with diffs and items as a whole, as AWX does into its database."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: events
type: aggregate
short_description: Write down each event of a run as JSON
"""


class CallbackModule(CallbackBase):
    """Knows nothing of secrets."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "events"
    CALLBACK_NEEDS_ENABLED = True

    def _note(self, kind: str, result: Any) -> None:
        self._write({"event": kind, "task": str(result._task.name), "res": result._result})

    def _write(self, event: dict[str, Any]) -> None:
        with Path(os.environ["QUORUM_EVENTS"]).open("a", encoding="utf-8") as file:
            file.write(json.dumps(event, default=str) + "\n")

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        """Note its arguments."""
        self._write({"event": "task", "task": str(task.name), "args": str(task.args)})

    def v2_runner_on_ok(self, result: Any) -> None:
        """Note it."""
        self._note("ok", result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """Note it."""
        self._note("failed", result)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        """Note it."""
        self._note("unreachable", result)

    def v2_runner_item_on_ok(self, result: Any) -> None:
        """Note it."""
        self._note("item ok", result)

    def v2_runner_item_on_failed(self, result: Any) -> None:
        """Note it."""
        self._note("item failed", result)

    def v2_on_file_diff(self, result: Any) -> None:
        """Note it."""
        self._note("diff", result)
