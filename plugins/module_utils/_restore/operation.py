# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Around the steps of a restore: lock, journal on the disk, dead man's switch, time, and the way out."""

from __future__ import annotations

import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Sequence

from .._core.errors import QuorumError, Refused
from .._core.reconcile import Step
from .._engine.seed_server import Feeder
from .._failover.operation import SIGNALS, take_lock
from .._host.watchdog import Deadman
from .._redis.connections import Talk
from .._redis.observe import Place
from . import journal
from .journal import STAGE
from .journal_entry import JournalEntry
from .plan import TODO, Backup, Plan
from .rollback import WayOut
from .sentinels import Watch

DAY = 86400


@dataclass
class Setting:
    """Where and how a restore works."""

    name: str
    directory: str
    binary: str
    user: str
    wait: float
    reserve: int
    keep: str = ""


class Base(Talk):
    """One restore, without its steps."""

    def __init__(
        self, plan: Plan, backup: Backup, setting: Setting, places: Sequence[Place], watchers: Sequence[Place]
    ) -> None:
        """Take the plan; nothing happens yet."""
        super().__init__(dict(places))
        self.plan, self.backup, self.setting = plan, backup, setting
        self.head, self.others = plan.primary.host, [one.host for one in plan.replicas]
        seen = [place for place in places if place[0] in (self.head, *self.others)]
        self.watchers = list(watchers)
        self.entry = JournalEntry(
            setting.name,
            self.head,
            backup.directory,
            backup.manifest.rdb_sha256,
            replication_id=plan.primary.replication_id,
            replicas=self.others,
        )
        self.out = WayOut(setting.directory, seen, self.watchers, setting.name)
        self.watch = Watch(self.watchers, setting.name, plan.primary)
        self.deadman = Deadman(self.out.end_restore, 60.0, "a restore", DAY)
        self.feeder = Feeder(setting.binary, Path(setting.directory) / STAGE, setting.user)
        self.timings: List[Dict[str, Any]] = []
        self.begun, self.parked, self.served = 0.0, 0.0, 0.0
        self.handlers: Dict[int, Any] = {}

    def carry_out(self, step: Step) -> None:
        """Do what the class of a step says."""
        raise NotImplementedError

    # Around the steps

    def get_ready(self) -> None:
        """Take the lock, and get ready to be interrupted."""
        self.begun = time.monotonic()
        take_lock(self, self.setting.name, self.head)
        if self.read_role(self.head) != "master":
            raise Refused(f"{self.head} is not the primary any more", f"data set {self.setting.name}", TODO)
        self.save_entry()
        self.deadman.start()
        for each in SIGNALS:
            self.handlers[each] = signal.signal(each, self._interrupted)

    def let_go(self) -> None:
        """Let go of everything."""
        self.feeder.stop()
        for each, handler in self.handlers.items():
            signal.signal(each, handler)
        self.handlers = {}
        self.deadman.stop()
        self.close()

    def _interrupted(self, signum: int, _frame: Any) -> None:
        raise QuorumError(f"Interrupted by signal {signum}")

    def save_entry(self) -> None:
        """Write into the journal how far it has come."""
        journal.write_entry(self.setting.directory, self.entry)

    def do_step(self, step: Step, last: bool) -> None:
        """Do one step; when it fails, find the way out and say where it leads."""
        started = time.monotonic()
        try:
            if not self.begun:
                self.get_ready()
            self.carry_out(step)
        except (QuorumError, OSError) as problem:
            if self.deadman.pipe is None:
                self.let_go()
                raise
            for each in SIGNALS:
                signal.signal(each, signal.SIG_IGN)
            self.deadman.set_urgent(False)
            self.feeder.stop()
            said = self.out.end_restore()
            self.let_go()
            what = f'The restore of {self.setting.name} stopped at the step "{step.text}": {str(problem).rstrip(".")}'
            raise QuorumError(what, "", said) from None
        self.timings.append({"step": step.text, "ms": round((time.monotonic() - started) * 1000)})
        if last:
            self.let_go()

    def measure_gaps(self) -> Dict[str, int]:
        """Return for how long writes were not possible."""
        return {"gap_ms": round((self.served - self.parked) * 1000)} if self.served else {}
