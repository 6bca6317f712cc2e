# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who says that a restore has begun says what came of it, also when it fails."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

RESTORE = Path(__file__).resolve().parents[3] / "roles" / "redis_restore" / "tasks"


def told(tasks: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the deeds that are told at this level, and under which condition."""
    for task in tasks:
        if task.get("ansible.builtin.include_role", {}).get("tasks_from") == "tell":
            yield str(task["when"]), task["vars"]["__redis_notify_deed"]


def blocks(tasks: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield every block."""
    for task in tasks:
        if "block" in task:
            yield task
            yield from blocks(task["block"])


@pytest.mark.parametrize(("path", "target"), [("do.yml", "target"), ("main.yml", "cluster")])
def test_a_restore_tells_that_it_has_begun_and_what_came_of_it(path: str, target: str) -> None:
    """In this order, once each; `always` of the same block, so that nothing can come between."""
    tasks = yaml.safe_load((RESTORE / path).read_text(encoding="utf-8"))
    (block,) = [one for one in blocks(tasks) if list(told(one["block"]))]
    ((when, begun),) = told(block["block"])
    ((_when, ended),) = told(block["always"])
    assert when.startswith("__redis_tells") and begun["kind"] == ended["kind"] == "restore"
    assert begun["set"] == ended["set"] == f"{{{{ __redis_restore_{target}.name }}}}"
    assert begun["state"] == "begun"
    assert ended["state"].startswith("{{ 'ended' if ") and ended["state"].endswith(" else 'failed' }}")


@pytest.mark.parametrize("path", ["end.yml", "cluster_end.yml"])
def test_who_ends_one_that_was_cut_short_says_so(path: str) -> None:
    ((_when, deed),) = told(yaml.safe_load((RESTORE / path).read_text(encoding="utf-8")))
    assert (deed["kind"], deed["state"]) == ("restore", "ended")
