# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Callback of tools/bench: seconds, executions and changes of each task, as JSON into the file $BENCH_TIMES."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: bench_times
type: aggregate
short_description: seconds and module executions of each task
description: Writes them as JSON into the file that the variable BENCH_TIMES of the environment names.
"""

# These run on the controller only; all else is sent to the host and executed there.
LOCAL = {"assert", "debug", "fail", "group_by", "include_tasks", "meta", "report", "topology", "validate_argument_spec"}


class CallbackModule(CallbackBase):
    """One record for each task, in the order of the run."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "bench_times"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        """Start without a task."""
        super().__init__()
        self.tasks: list[dict[str, Any]] = []

    def _close(self) -> None:
        if self.tasks and "seconds" not in self.tasks[-1]:
            self.tasks[-1]["seconds"] = time.monotonic() - self.tasks[-1].pop("started")

    def _open(self, task: Any) -> None:
        self._close()
        action = task.action.rpartition(".")[2]
        record = {"name": task.get_name(), "action": action, "started": time.monotonic(), "hosts": {}, "changed": 0}
        self.tasks.append(record | {"remote": action not in LOCAL})

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        """Begin a task."""
        del is_conditional
        self._open(task)

    def v2_playbook_on_handler_task_start(self, task: Any) -> None:
        """Begin a handler."""
        self._open(task)

    def _ran(self, result: Any) -> None:
        raw, record = result._result, self.tasks[-1]
        host = result._host.get_name()
        times = len([item for item in raw["results"] if not item.get("skipped")]) if "results" in raw else 1
        record["hosts"][host] = record["hosts"].get(host, 0) + times
        record["changed"] += bool(raw.get("changed"))

    def v2_runner_on_ok(self, result: Any) -> None:
        """Count a host that ran the task."""
        self._ran(result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """Count a host that failed in it."""
        del ignore_errors
        self._ran(result)

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """Write the file."""
        del stats
        self._close()
        if "BENCH_TIMES" in os.environ:
            Path(os.environ["BENCH_TIMES"]).write_text(json.dumps(self.tasks), encoding="utf-8")
