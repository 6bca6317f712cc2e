# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A restore that was cut short: how it shows from outside, and its end without another restore after it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

from ansible.module_utils.basic import AnsibleModule

from .._core.errors import QuorumError, Refused
from .._failover.operation import busy
from .._module.runner import Step, Subject
from .._redis.observe import both, observe_all
from .._redis.replies import Observed, SentinelView
from . import journal
from .journal import MARK, Note
from .rollback import WayOut


def sign(members: Sequence[Observed], views: Sequence[SentinelView], name: str) -> str:
    """Return how a restore shows that is at work or was cut short, empty when nothing speaks for one; pure."""
    seen = [one for one in members if one.reachable]
    if any(view.masters[name].down_after >= MARK for view in views if view.reachable and name in view.masters):
        return "the Sentinels have been told to wait for it"
    for one in seen:
        up = one.primary
        if up and up.address == "127.0.0.1" and up.port and not any(it.is_at(up.address, up.port) for it in members):
            return f"{one.name} follows a server on its own host"
    return ""


def explained(problem: Refused, members: Sequence[Observed], views: Sequence[SentinelView], name: str) -> Refused:
    """Return a refusal that names the restore behind it, and what ends it; the same one where there is none; pure."""
    given = f"-e redis_restore_instance={name} -e redis_restore_end=true -e redis_restore_confirm={name}"
    how = f"ansible-playbook quorum.redis.restore {given}, with the inventory and the secrets of this run"
    found = sign(members, views, name)
    if found:
        what = f"A restore of {name} was cut short or is at work: {found}. {problem.what}"
        todo = f"Nothing was changed. End it, forward where all of the backup has arrived, else back: {how}"
        return Refused(what, problem.where, todo, problem.table)
    seen = [one for one in members if one.reachable]
    if len(seen) > 1 and all(one.parked for one in seen) and any(one.keys for one in seen):
        todo = f"{problem.todo}. If a restore was cut short before, end that first: {how}"
        return Refused(problem.what, problem.where, todo, problem.table)
    return problem


class End(Subject[Optional[Note]]):
    """The end of one restore."""

    def __init__(self, module: AnsibleModule) -> None:
        """Take the options."""
        super().__init__()
        given: Dict[str, Any] = module.params
        self.name: str = given["name"]
        self.places, self.watchers = both(given)
        self.directory = given["data"] or f"/var/lib/redis/{self.name}"
        self.said = ""

    def observe(self) -> Optional[Note]:
        """Look for its note."""
        return journal.read(self.directory)

    def plan(self, obs: Optional[Note]) -> List[Step]:
        """Return how it is ended; nothing when there is none, and refuse while it is at work."""
        if obs is None:
            return []
        awake = {one.host for one in observe_all(self.places) if one.reachable}
        busy([place for place in self.places if place[0] in awake], self.name)
        return [Step(sentence(obs))]

    def apply(self, step: Step) -> None:
        """End it."""
        self.said = end(WayOut(self.directory, self.places, self.watchers, self.name))

    def settle(self, before: Optional[Note], steps: List[Step]) -> Optional[Note]:
        """Keep what was known of it."""
        return before

    def result(self, obs: Optional[Note], steps: List[Step]) -> Dict[str, Any]:
        """Return how it ended."""
        note = obs or Note(self.name, "", "", "")
        return {"ended": self.said, "backup": Path(note.backup).name, "kept": note.kept}


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
