# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting ends when the state is there, and with a sentence when it never comes."""

from __future__ import annotations

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._core.errors import QuorumError, Refused, Unsettled
from ansible_collections.quorum.redis.plugins.module_utils._core.polling import until_done, until_settled


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return a clock that moves by sleeping only."""
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    monkeypatch.setattr("time.sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
    return now


def judge(patient: bool, until: int) -> object:
    """Return a judgement that calls a number unsettled until it is big enough."""

    def judgement(number: int) -> None:
        if number < until:
            problem = Unsettled(f"only {number}")
            problem.patient = patient
            raise problem

    return judgement


@pytest.mark.parametrize(("patient", "limit"), [(True, 60.0), (False, 5.0)])
def test_unsettled(clock: list[float], patient: bool, limit: float) -> None:
    """What takes long gets the whole time, what passes quickly the short one."""
    numbers = iter(range(10_000))
    with pytest.raises(Unsettled):
        until_settled(lambda: next(numbers), judge(patient, 9999), 60, 5)  # type: ignore[arg-type]
    assert clock[0] == limit


def test_settled(clock: list[float]) -> None:
    """It ends as soon as it can, and at once with what does not pass."""
    numbers = iter(range(10))
    assert until_settled(lambda: next(numbers), judge(True, 3), 60, 5) == 3  # type: ignore[arg-type]
    assert clock[0] == 1.5

    def refuse(_number: int) -> None:
        raise Refused("no")

    with pytest.raises(Refused, match="no"):
        until_settled(lambda: 1, refuse, 60, 5)
    assert clock[0] == 1.5


def test_done(clock: list[float]) -> None:
    """What is missing is named when the time is over."""
    numbers = iter(range(1, 10_000))
    assert until_done(lambda: next(numbers), lambda seen: ["more"] * (seen < 3), 0, 60, "r1", "Look") == 3
    with pytest.raises(QuorumError, match=r"After 60 s: a; b \(r1\)\. Look\."):
        until_done(lambda: next(numbers), lambda _seen: ["a", "b"], 0, 60, "r1", "Look")
    assert clock[0] > 60
