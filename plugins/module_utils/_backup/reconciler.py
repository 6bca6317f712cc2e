# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module backup is about: the members, the chosen one, and its backup."""

from __future__ import annotations

import os
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .._core.errors import Damaged, QuorumError, Refused
from .._core.reconcile import Module, Reconciler, Step
from .._engine.config_check import installed_version
from .._model.backup_manifest import PASSED, Manifest, iso_time
from .._model.observed import Observed
from .._model.verdicts import tell_verdict
from .._redis.observe import observe_all, read_members
from . import manifest as manifests
from .catch_up import point_of
from .create import find_fresh, make_backup, undo_leftovers
from .job import Job
from .proof import drill_backup, record_trial
from .save import Save
from .schedule import choose_member, primary_of
from .steps import DrillBackup, MakeBackup, RecordTrial


class Backup(Reconciler["list[Observed]"]):
    """One data set, seen from one of its members."""

    def __init__(self, module: Module) -> None:
        """Read the options."""
        super().__init__()
        self.params = params = module.params
        self.places = read_members(params["members"], params["connection"])
        mine = dict(self.places).get(params["here"])
        if mine is None:
            raise Refused(f"{params['here']} is no member", f"data set {params['name']}", "Correct `here`")
        given = ("directory", "user", "unit", "compression", "load", "aof", "wait")
        self.job = Job(params["name"], params["here"], mine, **{key: params[key] for key in given})
        self.job.binary = params["binary"] or ""
        self.job.trial_host = params["trial_host"] or ""
        self.job.save = Save(**params["save"]) if params["save"] else None
        self.start = time.monotonic()
        self.progress: list[str] = []
        self.manifest: Manifest | None = None
        self.record: dict[str, Any] = {}
        self.chosen, self.why = params["here"], "the backups of this host"

    def observe(self) -> list[Observed]:
        """Look at all members."""
        return observe_all(self.places)

    def plan(self, obs: list[Observed]) -> list[Step]:
        """Choose; act when this is the member."""
        place = self.job.place
        if self.params["record"]:
            name, by = self.params["backup"], self.params["record"]["by"]
            return [RecordTrial(f"write into {place / name} what {by} has found", name)]
        if self.params["drill"]:
            names = manifests.list_backups(str(place))
            if not names:
                raise QuorumError(f"{self.job.data_set} has no backup on this host", str(place), "Make one first")
            name = self.params["backup"] or names[-1]
            return [DrillBackup(f"restore {place / name} into a throw-away server and compare", name)]
        if self.job.save:
            self.why = "saved with the other shards"
            return [MakeBackup(f"back up the shard of {self.params['here']} ({self.why}) to {place}")]
        member, self.why = choose_member(self.job.data_set, obs, self.params["member"] or "", self.params["primary"])
        self.chosen, self.job.reach = member.host, point_of(primary_of(obs))
        if member.host != self.params["here"]:
            return []
        if self.params["fresh"]:
            name = find_fresh(self.job, self.params["fresh"], member.engine, member.version)
            if name:
                self.manifest = manifests.read_manifest(str(place / name))
                return []
        return [MakeBackup(f"back up {self.job.data_set} on {member.host} ({self.why}) to {place}")]

    def apply(self, step: Step) -> None:
        """Do it."""
        place = self.job.place
        if isinstance(step, RecordTrial):
            self.manifest, self.record = record_trial(self.job, step.name, self.params["record"]), self.params["record"]
            self._judge(place / step.name)
            return
        if isinstance(step, DrillBackup):
            self.record = self._foreign(step.name) or drill_backup(self.job, step.name, self._tell)
            self.manifest = manifests.read_manifest(str(place / step.name))
            if not self.job.trial_host:
                self._judge(place / step.name)
            return
        self.warnings += filter(None, [undo_leftovers(self.job)])
        self.manifest = make_backup(self.job, self._tell)
        proven = self.manifest.verified
        if self.params["load"] and not self.job.trial_host and proven.load != PASSED:
            self.warnings.append(f"{self.manifest.name} was not loaded to prove it: {proven.load}")

    def _foreign(self, name: str) -> dict[str, Any]:
        """Return the record of a trial that says nothing about the backup: this host has another engine."""
        if not self.job.trial_host:
            return {}
        manifest, binary = manifests.read_manifest(str(self.job.place / name)), self.job.binary
        here = ("valkey" if "valkey" in os.path.realpath(binary) else "redis", installed_version(binary))
        if here == (manifest.engine, manifest.version):
            return {}
        result = f"not done: {self.job.trial_host} has {' '.join(here)}, it is of {manifest.engine} {manifest.version}"
        return {"at": iso_time(time.time()), "by": self.job.trial_host, "result": result, "databases": {}}

    def _judge(self, place: Path) -> None:
        """Fail when a drill has found the backup bad, or was not done here; one not done elsewhere is a warning."""
        result = self.record["result"]
        if result.startswith("not done") and self.params["record"]:
            self.warnings.append(f"{place.name} was not loaded to prove it: {result}")
        elif result != PASSED:
            todo = "Use another backup, and make a new one"
            raise Damaged(f"The drill did not pass: {result}", f"{place}, by {self.record['by']}", todo)

    def settle(self, before: list[Observed], steps: list[Step]) -> list[Observed]:
        """Keep what was seen: a backup changes no member."""
        return before

    def _tell(self, what: str) -> None:
        self.progress.append(f"{time.monotonic() - self.start:.1f} s {what}")

    def result(self, obs: list[Observed], steps: list[Step]) -> dict[str, Any]:
        """Return the backup and how it came to be."""
        return {
            "member": self.chosen,
            "why": self.why,
            "directory": str(self.job.place / self.manifest.name) if self.manifest else "",
            "fresh": self.manifest is not None and not steps,
            "progress": self.progress,
            **({"manifest": asdict(self.manifest)} if self.manifest else {}),
            **({"drill": self.record} if self.record else {}),
            **self._verdict(),
        }

    def _verdict(self) -> dict[str, Any]:
        if self.manifest is None or self.job.save:
            return {}  # a shard is a part of a backup, of which cluster_backup tells
        manifest, place = self.manifest, str(self.job.place / self.manifest.name)
        verdict = {
            "name": manifest.name,
            "host": self.chosen,
            "directory": place,
            "key_count": manifest.key_count,
            "good": manifest.good,
        }
        return tell_verdict("redis_backups", {self.job.data_set: verdict})
