# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the action restart tells programs: who was restarted, and nobody who was not."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible.plugins.action import ActionBase
from ansible_collections.quorum.redis.plugins.action import restart

DONE = {"progress": ["0.2 s in sync"], "seconds": 1.8, "skipped_primary": False, "changed": True}


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (DONE, {"redis_restarted": {"main": {"db2": {"seconds": 1.8}}}}),
        ({**DONE, "progress": [], "seconds": 0.0}, None),  # check mode, or a primary that is left alone
        ({**DONE, "failed": True}, None),
    ],
)
def test_a_restart_is_told(monkeypatch: pytest.MonkeyPatch, said: dict[str, Any], told: Any) -> None:
    monkeypatch.setattr(ActionBase, "run", lambda *_args, **_more: {})
    action = restart.ActionModule.__new__(restart.ActionModule)
    action._task = SimpleNamespace(delegate_to="db2", args={"name": "main"})
    monkeypatch.setattr(action, "_execute_module", lambda **_more: dict(said))
    found = action.run(task_vars={"inventory_hostname": "db1"})
    assert found.get("ansible_stats", {}).get("data") == told
