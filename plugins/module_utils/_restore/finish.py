# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The end of a restore that was cut short, without another restore after it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Optional

from .._core.errors import QuorumError
from .._core.reconcile import Module, Reconciler, Step
from .._model.verdicts import tell_verdict
from .._redis.observe import observe_all, read_places
from .._replication.lock import check_lock
from .._restore import journal
from .journal_entry import JournalEntry
from .rollback import WayOut
from .steps import EndInterrupted


class End(Reconciler[Optional[JournalEntry]]):
    """The end of one restore."""

    def __init__(self, module: Module) -> None:
        """Take the options."""
        super().__init__()
        given: Dict[str, Any] = module.params
        self.name: str = given["name"]
        self.places, self.watchers = read_places(given)
        self.directory = given["data"] or f"/var/lib/redis/{self.name}"
        self.ended = self.outcome = ""

    def observe(self) -> Optional[JournalEntry]:
        """Look for its journal."""
        return journal.read_entry(self.directory)

    def plan(self, obs: Optional[JournalEntry]) -> List[Step]:
        """Return how it is ended; nothing when there is none, and refuse while it is at work."""
        if obs is None:
            return []
        awake = {member.host for member in observe_all(self.places) if member.reachable}
        check_lock([place for place in self.places if place[0] in awake], self.name)
        return [EndInterrupted(describe_end(obs))]

    def apply(self, step: Step) -> None:
        """End it."""
        out = WayOut(self.directory, self.places, self.watchers, self.name)
        self.ended, self.outcome = end_interrupted(out), out.outcome

    def settle(self, before: Optional[JournalEntry], steps: List[Step]) -> Optional[JournalEntry]:
        """Keep what was known of it."""
        return before

    def result(self, obs: Optional[JournalEntry], steps: List[Step]) -> Dict[str, Any]:
        """Return how it ended."""
        entry = obs or JournalEntry(self.name, "", "", "")
        outcome = {"outcome": self.outcome, "backup": Path(entry.backup).name, "kept": entry.kept}
        verdict = tell_verdict("redis_restored", {self.name: outcome}) if self.outcome else {}
        return {"ended": self.ended, "backup": outcome["backup"], "kept": entry.kept, **verdict}


def describe_end(entry: JournalEntry) -> str:
    """Return what is done with it."""
    return (
        f"{entry.head}: end the restore of {Path(entry.backup).name} that was cut short: forward where all of its data "
        "has arrived, else back"
    )


def end_interrupted(out: WayOut) -> str:
    """End it and say how; an error when that cannot be done now."""
    outcome = out.end_restore()
    if not out.outcome:
        raise QuorumError("A restore that was cut short cannot be ended", f"data set {out.name}", outcome)
    return f"A restore had been cut short; {outcome}."
