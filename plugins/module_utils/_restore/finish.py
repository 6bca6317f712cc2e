# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The end of a restore that was cut short, without another restore after it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Optional

from .._core.errors import QuorumError
from .._core.reconcile import Module, Reconciler, Step
from .._failover.operation import busy
from .._model.verdicts import tell_verdict
from .._redis.observe import both, observe_all
from .._restore import journal
from .note import Note
from .rollback import WayOut
from .steps import EndInterrupted


class End(Reconciler[Optional[Note]]):
    """The end of one restore."""

    def __init__(self, module: Module) -> None:
        """Take the options."""
        super().__init__()
        given: Dict[str, Any] = module.params
        self.name: str = given["name"]
        self.places, self.watchers = both(given)
        self.directory = given["data"] or f"/var/lib/redis/{self.name}"
        self.said = self.outcome = ""

    def observe(self) -> Optional[Note]:
        """Look for its note."""
        return journal.read(self.directory)

    def plan(self, obs: Optional[Note]) -> List[Step]:
        """Return how it is ended; nothing when there is none, and refuse while it is at work."""
        if obs is None:
            return []
        awake = {one.host for one in observe_all(self.places) if one.reachable}
        busy([place for place in self.places if place[0] in awake], self.name)
        return [EndInterrupted(sentence(obs))]

    def apply(self, step: Step) -> None:
        """End it."""
        out = WayOut(self.directory, self.places, self.watchers, self.name)
        self.said, self.outcome = end(out), out.outcome

    def settle(self, before: Optional[Note], steps: List[Step]) -> Optional[Note]:
        """Keep what was known of it."""
        return before

    def result(self, obs: Optional[Note], steps: List[Step]) -> Dict[str, Any]:
        """Return how it ended."""
        note = obs or Note(self.name, "", "", "")
        told = {"outcome": self.outcome, "backup": Path(note.backup).name, "kept": note.kept}
        verdict = tell_verdict("redis_restored", {self.name: told}) if self.outcome else {}
        return {"ended": self.said, "backup": told["backup"], "kept": note.kept, **verdict}


def sentence(note: Note) -> str:
    """Return what is done with it."""
    return (
        f"{note.head}: end the restore of {Path(note.backup).name} that was cut short: forward where all of its data "
        "has arrived, else back"
    )


def end(out: WayOut) -> str:
    """End it and say how; an error when that cannot be done now."""
    said = out.run()
    if not out.outcome:
        raise QuorumError("A restore that was cut short cannot be ended", f"data set {out.name}", said)
    return f"A restore had been cut short; {said}."
