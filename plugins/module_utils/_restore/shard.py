# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The data of one server of a cluster on its host: a backup is proven and laid beside it, put in its place, or undone.

nodes.conf is never touched. Between `placed` and `settled` what was there before lies in a directory of its own.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional

from .._backup import manifest as manifests
from .._core.errors import Damaged, QuorumError, Refused
from .._core.reconcile import Module, Reconciler, Step
from .._engine.config_check import installed_version
from .._engine.rdb_check import list_count_differences, load_rdb
from .._engine.seed_server import RDB, stage_backup
from .._host.capacity import measure_capacity, memory_total
from .._host.sandbox import drop_to
from .._model.backup_manifest import Manifest
from .._model.capacity import SPARE, missing_capacity
from .._model.conf_syntax import collect_values, parse_directives
from .._model.versions import parse_version

STAGE, BEFORE = "restore-new", "restore-before"
# Two levels down: the start guard must not take it for data of the server.
KEPT, ASIDE = "data", "aside"
NOTHING = "Nothing was changed"


@dataclass
class StageBackup(Step):
    """Unpack the snapshot beside the data."""

    manifest: Manifest


@dataclass
class PlaceBackup(Step):
    """Put the data aside, and what is staged in its place."""


@dataclass
class UndoPlacing(Step):
    """Put back what was there before."""


@dataclass
class SettlePlacing(Step):
    """Remove what was there before."""


class Shard(Reconciler[bool]):
    """One server; what is observed is whether a restore of it was begun and neither settled nor undone."""

    def __init__(self, module: Module) -> None:
        """Take the options."""
        super().__init__()
        self.given: Dict[str, Any] = module.params
        self.check_mode = module.check_mode
        self.name: str = self.given["name"]
        self.data = Path(self.given["data"] or f"/var/lib/redis/{self.name}")
        self.stage, self.before = self.data / STAGE, self.data / BEFORE
        self.manifest: Optional[Manifest] = None
        if self.given["backup"]:
            self.manifest = manifests.read_manifest(self.given["backup"])
            manifests.check_files(self.given["backup"], self.manifest)

    def observe(self) -> bool:
        """Look for what a restore has left."""
        return self.before.exists()

    def plan(self, obs: bool) -> List[Step]:
        """Return the one step, or nothing."""
        state = self.given["state"]
        if state == "staged" and self.manifest is not None:
            self._refuse_narrow(self.manifest)
            if self.check_mode:
                self._stage(self.manifest, prove=True)
                shutil.rmtree(self.stage, ignore_errors=True)
            return [StageBackup(f"{self.name}: lay {self.manifest.name} beside the data", self.manifest)]
        if state == "placed" and not obs:
            put = self.manifest.name if self.manifest else "nothing"
            return [PlaceBackup(f"{self.name}: put {put} in place of the data")]
        left = obs or self.stage.exists()
        if state == "settled" and left:
            return [SettlePlacing(f"{self.name}: remove what was there before")]
        if state == "undone" and left:
            return [UndoPlacing(f"{self.name}: put back what was there before")]
        return []

    def apply(self, step: Step) -> None:
        """Do it."""
        try:
            if isinstance(step, StageBackup):
                self._stage(step.manifest, prove=False)
            elif isinstance(step, PlaceBackup):
                self._place()
            elif isinstance(step, UndoPlacing):
                self._undo()
            elif isinstance(step, SettlePlacing):
                _remove(self.before)
                _remove(self.stage)
        except OSError as problem:
            raise QuorumError(f"{step.text}: {problem}", self.name) from problem

    def settle(self, before: bool, steps: List[Step]) -> bool:
        """Look again."""
        return self.observe()

    def result(self, obs: bool, steps: List[Step]) -> Dict[str, Any]:
        """Return what is in the backup, and whether something is left."""
        counts = self.manifest.databases.get("0", {}) if self.manifest else {}
        return {
            "begun": obs,
            "backup": self.manifest.name if self.manifest else "",
            "key_count": counts.get("key_count", 0),
            "expires": counts.get("expires", 0),
        }

    def _refuse_narrow(self, manifest: Manifest) -> None:
        """Refuse where disk or memory are not enough."""
        room = measure_capacity(self.given["here"], str(self.data))
        reserve = memory_total() * self.given["memory_reserve"] // 100
        wrong = missing_capacity(
            room,
            manifest.rdb_size * 2 + SPARE,
            manifest.rdb_size + reserve,
            "to load the backup beside the present data",
        )
        if wrong:
            raise Refused(f"{manifest.name} cannot be restored: {'; '.join(wrong)}", self.name, NOTHING)

    def _stage(self, manifest: Manifest, prove: bool) -> None:
        """Unpack the snapshot beside the data, its check sum looked at, and let the engine load it somewhere else."""
        stage_backup(self.given["backup"], manifest, self.stage, self.given["user"])
        if not prove:
            return
        try:
            loaded = load_rdb(self.given["binary"], self.stage, RDB, self.given["user"], self.given["wait"])
        finally:
            shutil.rmtree(self.stage, ignore_errors=True)
        wrong = list_count_differences(manifest.databases, loaded)
        if wrong:
            raise Damaged(f"Loaded, the backup is not what its manifest says: {wrong}", manifest.name, NOTHING)

    def _place(self) -> None:
        """Put what is there aside, and the snapshot where the server reads it: with an AOF as its base."""
        config = self._config()
        folder, aof, rdb = config["appenddirname"], config["appendfilename"], config["dbfilename"]
        (self.before / KEPT).mkdir(parents=True, mode=0o700)
        for name in (rdb, folder, aof):
            if (self.data / name).exists():
                (self.data / name).rename(self.before / KEPT / name)
        (self.before / ASIDE).touch(mode=0o600)
        if self.manifest is None:
            return
        new = self.stage / RDB
        if config["appendonly"] != "yes":
            new.rename(self.data / rdb)
        elif parse_version(installed_version(self.given["binary"])) < (7,):
            new.rename(self.data / aof)
        else:
            (self.data / folder).mkdir(mode=0o700)
            base = f"{aof}.1.base.rdb"
            new.rename(self.data / folder / base)
            listed = self.data / folder / f"{aof}.manifest"
            listed.write_text(f"file {base} seq 1 type b\n", encoding="utf-8")
            account = drop_to(self.given["user"])
            for path in (self.data / folder, listed):
                if account:
                    os.chown(path, account.pw_uid, account.pw_gid)
        shutil.rmtree(self.stage, ignore_errors=True)

    def _undo(self) -> None:
        """Take away what was put in place, and bring back what was there."""
        config = self._config()
        kept = {path.name for path in (self.before / KEPT).iterdir()} if (self.before / KEPT).exists() else set()
        # Before all was aside nothing new had come: what is not among the kept ones then is the server's own still.
        aside = (self.before / ASIDE).exists()
        for name in (config["dbfilename"], config["appenddirname"], config["appendfilename"]):
            path = self.data / name
            if aside or name in kept:
                _remove(path)
            if name in kept:
                (self.before / KEPT / name).rename(path)
        _remove(self.before)
        _remove(self.stage)

    def _config(self) -> Dict[str, str]:
        """Return where the server has its data, as its configuration says."""
        path = Path(self.given["config"] or f"/etc/redis/{self.name}.conf")
        declared = collect_values(parse_directives(path.read_text(encoding="utf-8", errors="surrogateescape")))
        default = {"appendonly": "no", "appenddirname": "appendonlydir", "appendfilename": "appendonly.aof"}
        default["dbfilename"] = "dump.rdb"
        return {key: declared.get(key, [value])[-1] for key, value in default.items()}


def _remove(path: Path) -> None:
    """Remove a file or a directory, or nothing."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
