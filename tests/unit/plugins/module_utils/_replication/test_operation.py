# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The frame of failover and restore: who rolls back when a step fails, is interrupted, or takes its process along."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._core.errors import QuorumError, Refused
from ansible_collections.quorum.redis.plugins.module_utils._core.reconcile import Step
from ansible_collections.quorum.redis.plugins.module_utils._host.watchdog import Deadman
from ansible_collections.quorum.redis.plugins.module_utils._replication import operation
from patience import LONG


class Fails(operation.Operation):
    """Its steps do what their text says; who rolls back writes it down."""

    primary_gone = True  # nobody is asked for a role

    def __init__(self, journal: Path, ready: str = "") -> None:
        """Begin with an empty journal."""
        super().__init__("main", "The trial of main", "m1", [], Deadman(lambda: self.note("watchdog")))
        self.journal, self.ready, self.goes_on = journal, ready, False
        self.signals = {"rollback"}  # when they come

    def note(self, word: str) -> str:
        """Write a line."""
        with self.journal.open("a", encoding="utf-8") as file:
            file.write(f"{word}\n")
        return f"noted by the {word}"

    def get_ready(self) -> None:
        """Refuse, where asked."""
        if self.ready:
            raise Refused(self.ready)

    def let_go(self) -> None:
        """Note it."""
        self.note("let go")

    def take_up(self, step: Step, _problem: Exception) -> bool:
        """Go on, where asked."""
        if "take up" in self.signals:
            os.kill(os.getpid(), signal.SIGTERM)
        return self.goes_on

    def roll_back(self) -> str:
        """Note it."""
        if "rollback" in self.signals:
            os.kill(os.getpid(), signal.SIGTERM)  # is not to be interrupted
        return self.note("rollback")

    def carry_out(self, step: Step) -> None:
        """Fail, where asked."""
        if step.text == "interrupt":
            os.kill(os.getpid(), signal.SIGTERM)
        elif step.text == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        elif step.text != "work":
            raise {"refuse": QuorumError("No."), "disk": OSError("No space left")}[step.text]

    def lines(self) -> list[str]:
        """Return what was noted."""
        return self.journal.read_text(encoding="utf-8").splitlines() if self.journal.exists() else []


@pytest.fixture(autouse=True)
def free(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the lock out: it is at a server, and tried with real ones."""
    monkeypatch.setattr(operation, "take_lock", lambda *_arguments: None)


def test_steps_are_timed_and_everything_is_let_go_at_the_last(tmp_path: Path) -> None:
    trial, before = Fails(tmp_path / "journal"), signal.getsignal(signal.SIGTERM)
    trial.do_step(Step("work"), last=False)
    assert signal.getsignal(signal.SIGTERM) != before and trial.lines() == []
    trial.do_step(Step("work"), last=True)
    assert [timing["step"] for timing in trial.timings] == ["work", "work"]
    assert signal.getsignal(signal.SIGTERM) == before and trial.watchdog.pipe is None
    assert trial.lines() == ["let go"]


@pytest.mark.parametrize(
    ("step", "why"),
    [("refuse", "No"), ("disk", "No space left"), ("interrupt", f"Interrupted by signal {int(signal.SIGTERM)}")],
)
def test_a_step_that_fails_is_rolled_back_once_and_here(tmp_path: Path, step: str, why: str) -> None:
    trial, before = Fails(tmp_path / "journal"), signal.getsignal(signal.SIGTERM)
    trial.do_step(Step("work"), last=False)
    with pytest.raises(QuorumError) as caught:
        trial.do_step(Step(step), last=True)
    assert str(caught.value) == f'The trial of main stopped at the step "{step}": {why}. noted by the rollback.'
    assert [line for line in trial.lines() if line != "let go"] == ["rollback"]
    assert signal.getsignal(signal.SIGTERM) == before and trial.watchdog.pipe is None


def test_a_step_whose_way_back_led_to_its_end_is_done(tmp_path: Path) -> None:
    trial = Fails(tmp_path / "journal")
    trial.goes_on, trial.signals = True, set()
    trial.do_step(Step("refuse"), last=False)
    assert trial.watchdog.pipe is not None
    with pytest.raises(QuorumError, match="Interrupted by signal"):
        trial.do_step(Step("interrupt"), last=False)
    assert [timing["step"] for timing in trial.timings] == ["refuse"]
    assert [line for line in trial.lines() if line != "let go"] == ["rollback", "rollback"]


@pytest.mark.parametrize("when", ["rollback", "take up"])
def test_a_signal_on_the_way_back_lets_no_other_step_begin(tmp_path: Path, when: str) -> None:
    trial = Fails(tmp_path / "journal")
    trial.goes_on, trial.signals = True, {when}
    if when == "take up":
        trial.do_step(Step("refuse"), last=False)
    with pytest.raises(QuorumError) as caught:
        trial.do_step(Step("refuse" if when == "rollback" else "work"), last=False)
    assert "noted by the rollback" in str(caught.value)
    assert [timing["step"] for timing in trial.timings] == ([] if when == "rollback" else ["refuse"])
    assert trial.watchdog.pipe is None


def test_what_has_not_begun_is_not_rolled_back(tmp_path: Path) -> None:
    trial = Fails(tmp_path / "journal", ready="Another one is at work")
    with pytest.raises(Refused, match="Another one"):
        trial.do_step(Step("work"), last=False)
    assert trial.lines() == ["let go"]


def test_the_watchdog_rolls_back_for_a_process_that_has_died(tmp_path: Path) -> None:
    trial = Fails(tmp_path / "journal")
    child = os.fork()
    if not child:
        trial.do_step(Step("die"), last=True)
    os.waitpid(child, 0)
    over = time.monotonic() + LONG
    while not trial.lines() and time.monotonic() < over:
        time.sleep(0.02)
    assert trial.lines() == ["watchdog"]
