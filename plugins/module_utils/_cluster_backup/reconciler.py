# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module cluster_backup is about: the saves of all shards, then the manifest of what was made of them."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any, Dict, List

from .._backup.catch_up import point_of
from .._backup.repository import lock_directory, write_text
from .._cluster.observe import observe_cluster
from .._core.polling import until_settled
from .._core.reconcile import Module, Reconciler, Step
from .._model.backup_manifest import iso_time, name_time
from .._model.cluster_slots import show_slots
from .._model.cluster_view import ClusterMember
from .._model.verdicts import tell_verdict
from .._redis.observe import read_members
from .execute import begin_saves
from .plan import (
    Source,
    choose_sources,
    describe_nodes,
    describe_shard,
    is_good,
    map_of,
    name_members,
    refuse_moved,
    refuse_unquiet,
    write_manifest_of,
)
from .steps import BeginSaves, WriteManifest

SHORT = 60  # a failover
LATE = 1.0  # seconds between the first and the last save that are worth a warning

Members = List[ClusterMember]


class ClusterBackup(Reconciler[Members]):
    """All shards of one cluster."""

    def __init__(self, module: Module) -> None:
        """Read the options."""
        super().__init__()
        self.params = given = module.params
        self.where = f"cluster {given['name']}"
        self.zones = [item["zone"] or item["host"] for item in given["members"]]
        self.here = [given["hosts"] is None or item["host"] in given["hosts"] for item in given["members"]]
        self.places = read_members(name_members(given["members"]), given["connection"])
        self.seen: Members = []
        self.sources: List[Source] = []
        self.begun: Dict[str, Any] = given["begun"] or {}
        self.manifest: Dict[str, Any] = {}
        self.progress: List[str] = []

    def observe(self) -> Members:
        """Look until what passes by itself has passed."""
        return until_settled(
            lambda: observe_cluster(self.places, self.zones),
            lambda seen: refuse_unquiet(seen, self.where),
            self.params["wait"],
            SHORT,
        )

    def plan(self, obs: Members) -> List[Step]:
        """Choose who is saved; or judge what was saved."""
        if self.begun:
            refuse_moved(self.begun["map"], obs, self.where)
            self.manifest = write_manifest_of(self.params["name"], self.begun, self.params["parts"], time.time())
            summary = f"{len(self.begun['shards'])} shards, {self.manifest['key_count']} keys"
            return [WriteManifest(f"write {self._path()}: {summary}")]
        given = self.params
        self.sources = choose_sources(obs, self.where, self.here, given["replicas"], given["primary"])
        self.seen = obs
        saved = [f"{obs[chosen.source].name} ({self._slots(chosen)}; {chosen.why})" for chosen in self.sources]
        return [BeginSaves(f"save at the same moment {', '.join(saved)}")]

    def _slots(self, chosen: Source) -> str:
        return f"slots {show_slots(self.seen[chosen.primary].slots, 4)}"

    def apply(self, step: Step) -> None:
        """Begin the saves, or write the manifest."""
        if isinstance(step, BeginSaves):
            self._begin(self.seen)
            return
        with lock_directory(self._path().parent, self.params["user"]):
            write_text(self._path(), json.dumps(self.manifest, indent=2) + "\n", self.params["user"])

    def _path(self) -> Path:
        return Path(self.params["directory"]) / self.params["name"] / f"{self.begun['name']}.json"

    def settle(self, before: Members, steps: List[Step]) -> Members:
        """Keep what was seen: a backup changes no member."""
        return before

    def _begin(self, seen: Members) -> None:
        now = time.time()
        name = name_time(now)
        places = [self.places[chosen.source] for chosen in self.sources]
        points = [point_of(seen[chosen.primary].server) for chosen in self.sources]
        outcome = begin_saves(places, points, name, self.params["wait"], self.progress.append)
        if outcome.spread > LATE:
            self.warnings.append(f"The saves of the shards began within {outcome.spread:.1f} s")
        shards = []
        for chosen, save in zip(self.sources, outcome.saves):
            item = self.params["members"][chosen.source]
            label = f"{item['host']}-{item['port']}"
            kept = {"host": item["host"], "label": label, "backup": f"{name}-{label}", "save": vars(save)}
            shards.append({**describe_shard(seen, chosen), **kept})
        self.begun = {
            "name": name,
            "began": iso_time(now),
            "spread_ms": round(outcome.spread * 1000),
            "map": map_of(seen),
            "shards": shards,
            "nodes": describe_nodes(seen),
        }

    def result(self, obs: Members, steps: List[Step]) -> Dict[str, Any]:
        """Return what was begun, or the manifest."""
        if not self.manifest:
            return {"begun": self.begun, "progress": self.progress}
        made, hosts = self.manifest, sorted({shard["host"] for shard in self.manifest["shards"]})
        summary = {"name": made["name"], "host": ", ".join(hosts), "directory": str(self._path().parent)}
        summary.update(key_count=made["key_count"], good=is_good(made))
        verdict = tell_verdict("redis_backups", {self.params["name"]: summary})
        return {"manifest": made, "path": str(self._path()), **verdict}
