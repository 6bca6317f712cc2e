# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An operation that must not be left half-way, around its steps: lock, watchdog, signals, timings, and the way back.

Failover and restore are such operations. Each says what it does beside that: get_ready() and let_go(), one method for a
step, and roll_back().
"""

from __future__ import annotations

import signal
import time
from typing import Any, Dict, List, Sequence

from .._core.errors import QuorumError, Refused
from .._core.reconcile import Step
from .._host.watchdog import Deadman
from .._redis.connections import Talk
from .._redis.observe import Place
from .lock import take_lock

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Operation(Talk):
    """One operation on one data set, without its steps."""

    primary_gone = False  # whether the lock is at a member that replaces a dead primary

    def __init__(self, name: str, title: str, holder: str, places: Sequence[Place], watchdog: Deadman) -> None:
        """Take its title for messages, where its lock is, and who rolls back when this process dies; no more yet."""
        super().__init__(dict(places))
        self.name, self.title, self.holder, self.watchdog = name, title, holder, watchdog
        self.timings: List[Dict[str, Any]] = []
        self.begun, self.interrupted = False, False
        self.handlers: Dict[int, Any] = {}

    # What each operation says

    def carry_out(self, step: Step) -> None:
        """Do what the class of a step says."""
        raise NotImplementedError

    def roll_back(self) -> str:
        """Bring the set to a state in which it can be left, and say which one."""
        raise NotImplementedError

    def take_up(self, step: Step, problem: Exception) -> bool:
        """Return whether the way back of a step that failed has led to its end, and get ready for the next one."""
        return False

    def get_ready(self) -> None:
        """Do what comes before the first step, when the lock is taken and nobody would roll back yet."""

    def let_go(self) -> None:
        """Let go of what the steps have used."""

    # Around the steps

    def begin_operation(self) -> None:
        """Take the lock, and get ready to be interrupted."""
        self.begun = True
        take_lock(self, self.name, self.holder)
        if not self.primary_gone and self.read_role(self.holder) != "master":
            what = f"{self.holder} is not the primary any more"
            raise Refused(what, f"data set {self.name}", "Run again; nothing was changed")
        self.get_ready()
        self.watchdog.start()
        self.handlers = {number: signal.signal(number, self._interrupted) for number in SIGNALS}

    def end_operation(self) -> None:
        """Let go of everything: nobody rolls back from now on."""
        self.let_go()
        for number, handler in self.handlers.items():
            signal.signal(number, handler)
        self.handlers = {}
        self.watchdog.stop()
        self.close()

    def _remember_signal(self, _signum: int, _frame: Any) -> None:
        """On the way back, which is not to be cut short; nothing begins after it."""
        self.interrupted = True

    def _interrupted(self, signum: int, _frame: Any) -> None:
        self.interrupted = True
        raise QuorumError(f"Interrupted by signal {signum}")

    def do_step(self, step: Step, last: bool) -> None:
        """Do one step; when it fails, roll back, and say where that has led unless it is where the step leads."""
        started = time.monotonic()
        try:
            if not self.begun:
                self.begin_operation()
            if self.interrupted:  # while the step before was taken up
                raise QuorumError("Interrupted by a signal")
            self.carry_out(step)
        except (QuorumError, OSError) as problem:
            if self.watchdog.pipe is None:
                self.end_operation()
                raise
            for number in SIGNALS:
                signal.signal(number, self._remember_signal)
            # The way back may take longer, has a limit of its own, and is not to be killed.
            self.watchdog.set_urgent(False)
            self.let_go()
            outcome = self.roll_back()
            if self.interrupted or not self.take_up(step, problem):
                self.end_operation()
                what = f'{self.title} stopped at the step "{step.text}": {str(problem).rstrip(".")}'
                raise QuorumError(what, "", outcome) from None
            for number in SIGNALS:
                signal.signal(number, self._interrupted)
        self.timings.append({"step": step.text, "ms": round((time.monotonic() - started) * 1000)})
        if last:
            self.end_operation()
