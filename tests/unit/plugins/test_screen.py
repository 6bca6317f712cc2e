# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A page reaches the screen from a worker, also where the display of Ansible is wrapped in each process."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.quorum.redis.plugins.plugin_utils import screen


@pytest.mark.parametrize("worker", [True, False])
def test_a_worker_writes_nothing_itself(
    worker: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sent: list[tuple[Any, ...]] = []
    queue = SimpleNamespace(send_display=lambda *arguments: sent.append(arguments)) if worker else None
    wrapped = SimpleNamespace(_final_q=queue, display=lambda text: sys.stdout.write(f"mark {text}"))
    monkeypatch.setattr(screen, "Display", lambda: wrapped)
    screen.show("page")
    assert sent == ([("display", "page")] if worker else [])
    assert capsys.readouterr().out == ("" if worker else "mark page")
