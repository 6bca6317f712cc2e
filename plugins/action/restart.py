# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller side of quorum.redis.restart: shows how far a long synchronisation is while it goes on."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase

from ..module_utils._model.verdicts import tell_verdict
from ..plugin_utils.screen import show

PATIENCE = 5  # seconds of silence; a restart that is quicker takes one call of the module


class ActionModule(ActionBase):
    """Calls the module until it is done, and says between the calls what it waits for."""

    _supports_check_mode = True
    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Restart, and wait."""
        task_vars = task_vars or {}
        super().run(tmp, task_vars)
        where = self._task.delegate_to or task_vars.get("inventory_hostname", "")
        options = {"patience": PATIENCE, **self._task.args}
        result: dict[str, Any] = self._execute_module(module_args=options, task_vars=task_vars)
        steps = result.get("steps")
        while result.get("resume"):
            now = ", ".join(
                filter(None, [result["progress"][-1], result["share"], f"{result['seconds']:.0f} s by now"])
            )
            show(f"  {options.get('name')} at {where}: {now}")
            result = self._execute_module(module_args={**options, "resume": result["resume"]}, task_vars=task_vars)
            if "steps" in result:
                result["steps"] = steps
        if result.get("progress") and not result.get("failed"):  # it was restarted; in check mode it is not
            timing = {where: {"seconds": result["seconds"]}}
            result.update(tell_verdict("redis_restarted", {str(options.get("name")): timing}))
        return result
