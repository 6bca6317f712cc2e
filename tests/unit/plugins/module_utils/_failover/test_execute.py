# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every kind of step of a move is carried out by one method."""

from __future__ import annotations

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._core.reconcile import Step
from ansible_collections.quorum.redis.plugins.module_utils._failover import steps
from ansible_collections.quorum.redis.plugins.module_utils._failover.execute import Mover

METHODS = {
    steps.RaisePriority: "raise_priority",
    steps.AwaitChoice: "await_choice",
    steps.StopWrites: "stop_writes",
    steps.Park: "park_old",
    steps.Elect: "elect_target",
    steps.Coordinate: "coordinate_move",
    steps.Promote: "promote_target",
    steps.ReplaceDead: "replace_dead",
    steps.Follow: "point_others",
    steps.Finish: "finish_move",
    steps.LowerPriority: "lower_priority",
}


def test_a_step_is_carried_out_by_its_method(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = {kind for kind in vars(steps).values() if isinstance(kind, type) and issubclass(kind, Step)}
    assert kinds - {Step, steps.MoveLater} == set(METHODS)
    done: list[str] = []
    for method in METHODS.values():
        monkeypatch.setattr(Mover, method, lambda _self, *given, name=method: done.append(" ".join([name, *given])))
    mover = object.__new__(Mover)
    for kind in METHODS:
        named = kind in (steps.RaisePriority, steps.LowerPriority)
        mover.carry_out(kind("text", "r1") if named else kind("text"))
    assert done == [name + " r1" * name.endswith("_priority") for name in METHODS.values()]
