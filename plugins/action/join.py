# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller side of quorum.redis.join: the inventory says which module joins the members of a data set."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase

# What only a replicated set has, and what only a cluster has.
REPLICATION = {
    "seed",
    "sentinels",
    "sentinel_username",
    "sentinel_password",
    "trust",
    "mixed",
    "auth_user",
    "auth_pass",
}
CLUSTER = {"replicas", "repair", "forget"}


class ActionModule(ActionBase):
    """One task for sets of both kinds: a second one would cost every host of every run."""

    _supports_check_mode = True
    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Call the module of this kind of data set."""
        super().run(tmp, task_vars)
        kind, without = ("cluster", REPLICATION) if "replicas" in self._task.args else ("replication", CLUSTER)
        options = {key: value for key, value in self._task.args.items() if key not in without}
        result: dict[str, Any] = self._execute_module(
            module_name=f"quorum.redis.{kind}", module_args=options, task_vars=task_vars
        )
        return result
