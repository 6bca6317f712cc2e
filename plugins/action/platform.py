# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller side of quorum.redis.platform: one command on the host, which needs no Python there."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase

from ..module_utils._core.errors import QuorumError
from ..module_utils._model.platform import describe_platform

OS_RELEASE = "/etc/os-release"


class ActionModule(ActionBase):
    """Costs a fifth of `setup`, and happens in each run."""

    _supports_check_mode = True
    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return what the host calls things, or fail with one sentence."""
        result = super().run(tmp, task_vars)
        _spec, arguments = self.validate_argument_spec(
            {
                "engine": {"type": "str", "choices": ["redis", "valkey"], "required": True},
                "from_source": {"type": "bool", "default": False},
                "source_is_known": {"type": "bool", "default": True},
            }
        )
        reply = self._low_level_execute_command(f"cat {OS_RELEASE}", sudoable=False)
        try:
            if reply["rc"]:
                raise QuorumError(f"{OS_RELEASE} cannot be read: {(reply['stderr'] or reply['stdout']).strip()}")
            result.update(describe_platform(reply["stdout"], arguments["engine"], arguments["from_source"]))
            if arguments["from_source"] and not arguments["source_is_known"]:
                needs = "redis_version, redis_source_url and redis_source_checksum"
                raise QuorumError(f"redis_install_method: source needs {needs}")
        except QuorumError as problem:
            problem.where = (task_vars or {}).get("inventory_hostname", "")
            result.update(failed=True, msg=str(problem))
        return {**result, "changed": False}
