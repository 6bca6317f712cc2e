# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module restore does with one data set: look, end what was cut short, verify, plan, restore."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional

from .._backup import manifest as manifests
from .._core.errors import Damaged, QuorumError, Unsettled
from .._core.polling import until_settled
from .._core.reconcile import Module, Reconciler, Step
from .._engine.config_check import installed_version
from .._host.capacity import disk_free, memory_free, memory_total, present_size, same_disk
from .._host.compression import open_reader
from .._host.files import read_chunks
from .._model.capacity import Capacity
from .._model.observed import Observed
from .._model.rdb_header import read_header
from .._model.verdicts import tell_verdict
from .._redis.observe import observe_all, observe_sentinels, read_places
from .._redis.replies import parse_number
from .._replication.lock import check_lock
from . import journal
from .execute import Restorer
from .finish import describe_end, end_interrupted
from .journal_entry import JournalEntry
from .operation import Setting
from .plan import Backup, Here, Plan, Planner, show_counts
from .rollback import WayOut
from .steps import EndInterrupted, RestoreLater

SHORT = 20


@dataclass
class Seen:
    """The set, and what an earlier restore has left."""

    planner: Planner
    entry: Optional[JournalEntry]


def verify_backup(directory: str) -> Backup:
    """Return a backup whose files are as its manifest says. Damaged: it is none, or not what it was."""
    manifest = manifests.read_manifest(directory)
    manifests.check_files(directory, manifest)
    digest, size, first = hashlib.sha256(), 0, b""
    with open_reader(str(Path(directory) / manifest.rdb), manifest.compression) as file:
        for chunk in read_chunks(file):
            digest.update(chunk)
            size += len(chunk)
            first = first or chunk[:8192]
    if (digest.hexdigest(), size) != (manifest.rdb_sha256, manifest.rdb_size):
        raise Damaged("Unpacked, the RDB is not what its manifest says", directory, "Use another backup")
    return Backup(directory, manifest, read_header(first, directory))


class Restore(Reconciler[Seen]):
    """One data set."""

    def __init__(self, module: Module) -> None:
        """Take the options."""
        super().__init__()
        given: Dict[str, Any] = module.params
        self.given = given
        self.name: str = given["name"]
        self.places, self.watchers = read_places(given)
        self.setting = Setting(
            self.name,
            given["data"] or f"/var/lib/redis/{self.name}",
            given["binary"],
            given["user"],
            given["wait"],
            memory_total() * given["memory_reserve"] // 100,
            given["keep"] or "",
        )
        self.backup = verify_backup(given["backup"])
        self.planned: Optional[Plan] = None
        self.runner: Optional[Restorer] = None
        self.recovered = ""
        self.kept = ""

    def observe(self) -> Seen:
        """Look at everybody, and again while what stands in the way passes by itself."""
        return until_settled(self.look_once, self.judge_look, self.setting.wait, SHORT)

    def judge_look(self, obs: Seen) -> None:
        """Say whether it is worth looking again; every other refusal belongs to the plan."""
        if obs.entry is not None:
            return
        try:
            obs.planner.preflight.find_settled()
        except Unsettled:
            raise
        except QuorumError:
            pass

    def look_once(self) -> Seen:
        """Look at everybody once."""
        seen = observe_all(self.places, config=True)
        data, keep = self.setting.directory, self.setting.keep
        here = Here(
            self.given["here"],
            installed_version(self.setting.binary),
            disk_free(data),
            memory_free(),
            self.setting.reserve,
            rooms={room["host"]: Capacity(**room) for room in self.given["rooms"]},
            reserve_percent=self.given["memory_reserve"],
        )
        mine = next((member for member in seen if member.host == here.host), Observed())
        if keep and mine.key_count:
            here.kept = present_size(data, parse_number(mine.memory.get("used_memory")))
            here.keep_free = -1 if same_disk(data, keep) else disk_free(keep)
        planner = Planner(seen, observe_sentinels(self.watchers), self.name, here)
        return Seen(planner, journal.read_entry(self.setting.directory))

    def plan(self, obs: Seen) -> List[Step]:
        """Return the steps, or refuse."""
        seen = [member for member in obs.planner.members if member.reachable]
        check_lock([place for place in self.places if place[0] in {member.host for member in seen}], self.name)
        if obs.entry is None:
            return self.decide_restore(obs)
        again = f"data set {self.name}: look again, then restore as asked for, unless that is what has just been ended"
        return [EndInterrupted(describe_end(obs.entry)), RestoreLater(again)]

    def decide_restore(self, obs: Seen) -> List[Step]:
        """Return the steps of the restore, and get ready for them."""
        self.planned = obs.planner.plan(self.backup, self.setting.keep)
        self.warnings += self.planned.warnings
        awake = [place for place, view in zip(self.watchers, obs.planner.views) if view.reachable]
        self.runner = Restorer(self.planned, self.backup, self.setting, self.places, awake)
        return self.planned.steps

    def apply(self, step: Step) -> None:
        """Do one step: end an earlier restore, or one of this one."""
        if isinstance(step, EndInterrupted):
            self.end_earlier()
        elif isinstance(step, RestoreLater):
            if self.recovered != "new":
                for each in self.decide_restore(self.observe()):
                    self.apply(each)
        elif self.runner is not None and self.planned is not None:
            self.runner.do_step(step, step is self.planned.steps[-1])
            self.kept = self.runner.entry.kept

    def end_earlier(self) -> None:
        """End a restore that was cut short."""
        entry = journal.read_entry(self.setting.directory)
        out = WayOut(self.setting.directory, self.places, self.watchers, self.name)
        self.warnings.append(end_interrupted(out))
        if entry is not None and entry.sha256 == self.backup.manifest.rdb_sha256:
            self.recovered, self.kept = out.outcome, entry.kept

    def result(self, obs: Seen, steps: List[Step]) -> Dict[str, Any]:
        """Return what was there, what is there, and how it went."""
        answer: Dict[str, Any] = {
            "backup": self.backup.manifest.name,
            "backup_databases": self.backup.databases,
            "present": {member.name: member.databases for member in obs.planner.members if member.reachable},
            "kept": self.kept,
            "numbers": {
                "now": {
                    member.name: show_counts(member.databases) for member in obs.planner.members if member.reachable
                },
                "then": show_counts(self.backup.databases),
            },
        }
        if self.planned is not None:
            answer["before"] = self.planned.primary.databases
            answer["primary"] = self.planned.primary.host
        if self.runner is not None and self.runner.timings:
            answer.update(timings=self.runner.timings, **self.runner.measure_gaps())
        done = self.recovered == "new" or (self.runner is not None and self.runner.timings)
        if done:  # else it is check mode
            verdict = {"outcome": "new", "backup": self.backup.manifest.name, "kept": self.kept}
            answer.update(tell_verdict("redis_restored", {self.name: verdict}))
        return answer

    def diff(self, before: Seen, after: Optional[Seen], steps: List[Step]) -> List[Dict[str, str]]:
        """Return the numbers before and after."""

        def rows(seen: Planner) -> str:
            shown = sorted((member.name, show_counts(member.databases)) for member in seen.members if member.reachable)
            return "".join(f"{name}: {text}\n" for name, text in shown)

        names = [member.name for member in before.planner.members if member.reachable]
        then = "".join(f"{name}: {show_counts(self.backup.databases)}\n" for name in sorted(names))
        return [{"before": rows(before.planner), "after": rows(after.planner) if after else then}]
