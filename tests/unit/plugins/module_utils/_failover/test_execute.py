# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every kind of step of a move is carried out by one method."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._core.reconcile import Step
from ansible_collections.quorum.redis.plugins.module_utils._failover import steps
from ansible_collections.quorum.redis.plugins.module_utils._failover.execute import Mover
from ansible_collections.quorum.redis.plugins.module_utils._model.observed import Observed
from ansible_collections.quorum.redis.plugins.module_utils._redis.endpoint import Endpoint

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


def test_the_dead_mans_switch_is_set_anew_after_the_promotion(monkeypatch: pytest.MonkeyPatch) -> None:
    """That may take 12 s, what comes then 10 s more where hosts are silent; the switch waits for 20 s."""
    old, target = (Observed(host, "192.0.2.1", reachable=True) for host in ("m1", "m2"))
    places = [(host, Endpoint("192.0.2.1", 6379)) for host in ("m1", "m2")]
    mover = Mover(steps.Plan(old, target, "pause"), "main", places, [], 5.0)
    events: list[Any] = []
    roles = ["slave", "slave", "master"]

    def read_role(_host: str) -> str:
        events.append(roles.pop(0))
        return str(events[-1])

    monkeypatch.setattr(mover.watchdog, "set_urgent", events.append)
    monkeypatch.setattr(mover, "read_role", read_role)
    monkeypatch.setattr(mover, "read_info", lambda _host: {})
    monkeypatch.setattr(mover, "point_member", lambda host, *_target: events.append(host))
    mover._promoted()
    assert events == [True, "slave", "slave", "master", True, "m1", False]
