# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A restore as an operation: its journal on the disk, the server that feeds the primary, and the way out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Sequence

from .._engine.seed_server import Feeder
from .._host.watchdog import Deadman
from .._redis.observe import Place
from .._replication.operation import Operation
from . import journal
from .journal import STAGE
from .journal_entry import JournalEntry
from .plan import Backup, Plan
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


class RestoreOperation(Operation):
    """One restore, without its steps."""

    def __init__(
        self, plan: Plan, backup: Backup, setting: Setting, places: Sequence[Place], watchers: Sequence[Place]
    ) -> None:
        """Take the plan; nothing happens yet."""
        self.head, self.others = plan.primary.host, [replica.host for replica in plan.replicas]
        reachable = [place for place in places if place[0] in (self.head, *self.others)]
        self.out = WayOut(setting.directory, reachable, list(watchers), setting.name)
        watchdog = Deadman(self.out.end_restore, 60.0, "a restore", DAY)
        super().__init__(setting.name, f"The restore of {setting.name}", self.head, places, watchdog)
        self.plan, self.backup, self.setting, self.watchers = plan, backup, setting, list(watchers)
        self.entry = JournalEntry(
            setting.name,
            self.head,
            backup.directory,
            backup.manifest.rdb_sha256,
            replication_id=plan.primary.replication_id,
            replicas=self.others,
        )
        self.watch = Watch(self.watchers, setting.name, plan.primary)
        self.feeder = Feeder(setting.binary, Path(setting.directory) / STAGE, setting.user)
        self.parked, self.served = 0.0, 0.0

    def get_ready(self) -> None:
        """Begin the journal."""
        self.save_entry()

    def let_go(self) -> None:
        """End the server that feeds the primary."""
        self.feeder.stop()

    def roll_back(self) -> str:
        """Find the way out, and say where it leads."""
        return self.out.end_restore()

    def save_entry(self) -> None:
        """Write into the journal how far it has come."""
        journal.write_entry(self.setting.directory, self.entry)

    def measure_gaps(self) -> Dict[str, int]:
        """Return for how long writes were not possible."""
        return {"gap_ms": round((self.served - self.parked) * 1000)} if self.served else {}
