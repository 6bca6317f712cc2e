# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One cluster in one look of a timer: the servers of this host save with those of all others, or nobody's counts."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Dict, List, Mapping, Tuple

from .._backup.agent import CRITICAL, WARNING, Round
from .._backup.catch_up import point_of
from .._backup.create import make_backup
from .._backup.repository import lock_directory
from .._backup.save import Save
from .._backup.schedule import slot_of
from .._backup.snapshot import Saver, Snapshot
from .._cluster.observe import observe_cluster
from .._core.errors import QuorumError, Refused
from .._model.backup_manifest import name_time
from .._model.cluster_view import ClusterMember
from .counts import acknowledge_part, count_commands
from .execute import Maker, adopt_saves, await_moment, begin_saves, give_back, refuse_late
from .plan import (
    Source,
    choose_sources,
    describe_map,
    describe_nodes,
    describe_shard,
    map_of,
    name_members,
    refuse_moved,
)
from .schedule import (
    CALL,
    Seen,
    begin_attempt,
    confirm_whole,
    count_since,
    decide_attempt,
    heed_call,
    judge_clocks,
    list_unsaved,
    list_waits,
    mark_servers,
    memory_from,
    stay_alone,
)
from .shelf import group_by_id, is_stored, list_leaving_parts, mark_wholes

PATIENCE = 15.0  # seconds, until the servers of other hosts are seen to have been told to save
PAUSE = 0.3


class ClusterRound(Round):
    """One cluster in one look."""

    def __post_init__(self) -> None:
        """Name the parts."""
        super().__post_init__()
        self.where = f"cluster {self.name}"
        self.zones = [str(item["zone"]) for item in self.settings["members"]]
        self.hosts = [str(item["host"]) for item in self.settings["members"]]
        self.memory = memory_from(self.state.get("cluster", {}))
        self.clock = float(self.common["period"]), float(self.common["offset"])
        self.own = {  # the servers of this host, and how their parts are named
            name: f"{self.me}-{endpoint.port}"
            for (name, endpoint), host in zip(self.places, self.hosts)
            if host == self.me
        }
        self.before: Dict[str, Seen] = {}
        self.later: Dict[str, Seen] = {}
        self.members: List[ClusterMember] = []
        self.sources: List[Source] = []
        self.begun: List[Tuple[Source, Save, float, Snapshot]] = []
        self.after: Dict[str, Any] = {}
        self.id = ""
        self.moment, self.skew = 0.0, 0.0
        self.alone = False

    def list_members(self) -> List[Mapping[str, Any]]:
        """Return the servers of the cluster, each with a name of its own as its host."""
        return list(name_members(self.settings["members"]))

    def prepare_saves(self) -> None:
        """See what the last backup came to, and whether one is due; choose who is saved, as all others do now."""
        self.before, skews = count_commands(self.places)
        slot, mine = slot_of(self.now, *self.clock), self._list_stored()
        if self.memory.done < 0:
            self.memory.done = slot - 1  # it knows of no earlier ones, and misses none
        self.memory = heed_call(confirm_whole(self.memory, self.before, mine), self.before, slot)
        waits = list_waits(self.memory, self.before, mine)
        duty = decide_attempt(self.memory, waits, self.now, *self.clock)
        self._keep_memory(duty.why)
        if duty.act:
            try:
                self._choose_sources(skews)
            except QuorumError as problem:
                self.state["failed"] = str(problem)
            return
        self.say(duty.why)
        if self.memory.done == slot:
            self.state["failed"] = ""

    def _choose_sources(self, skews: Mapping[str, Tuple[float, float]]) -> None:
        forbids, warns = judge_clocks(skews)
        if forbids:
            raise QuorumError(f"Some {forbids}", self.where, "No backup was made. Let NTP set the clocks of all hosts")
        if warns:
            self.note_problem(WARNING, f"some {warns}")
        self.skew = max([0.0, *(abs(skew) - doubt for skew, doubt in skews.values())])
        carried = [host in self.settings["carriers"] for host in self.hosts]
        self.members = observe_cluster(self.places, self.zones, jobs=False)
        given = self.settings["replicas"], self.common["primary"]
        self.sources = choose_sources(self.members, self.where, carried, *given, alike=True)

    def begin_saves(self, moment: float) -> None:
        """Save the servers of this host that stand for a shard, when all others do, and see that all did."""
        self.moment, self.id = moment, name_time(moment)
        self.memory = begin_attempt(self.memory, self.now, *self.clock)
        self._keep_memory(f"{self.id} is being made")
        try:
            if any(self.hosts[chosen.source] == self.me for chosen in self.sources):
                with lock_directory(self.directory, self.common["user"]):
                    self._save_mine()
            else:
                await_moment(moment)
                self._await_others()
                self._refuse_changes()
        except QuorumError as problem:
            self.state["failed"] = str(problem)
            if self.alone:
                self._call_others()
            self._keep_memory(self.state["failed"])
            return
        self.state["failed"] = ""
        self.memory.id, self.memory.period = self.id, slot_of(self.now, *self.clock)
        self.memory.sources = [self.places[chosen.source][0] for chosen in self.sources]
        self.memory.marks = mark_servers(self.before, self.later)

    def _save_mine(self) -> None:
        """Save, and open the files at once: a save point of the server may replace them while others are copied."""
        mine = [chosen for chosen in self.sources if self.hosts[chosen.source] == self.me]
        places = [self.places[chosen.source] for chosen in mine]
        points = [point_of(self.members[chosen.primary].server) for chosen in mine]
        notes = [self._note(name) for name, _endpoint in places]
        outcome = begin_saves(places, points, self.id, float(self.common["wait"]), self.say, self.moment, notes)
        makers = [self._maker(name) for name, _endpoint in places]
        try:
            refuse_late(max(outcome.moments) - self.moment)
            self._await_others()
            self._refuse_changes()
        except QuorumError:
            with suppress(QuorumError):  # nobody wants them any more, but each server gets back what is owed to it
                for snapshot in adopt_saves(places, outcome.saves, makers):
                    snapshot.file.close()
            raise
        self.begun = list(zip(mine, outcome.saves, outcome.moments, adopt_saves(places, outcome.saves, makers)))

    def _call_others(self) -> None:
        """Ask those for whom this period is over to take part once more."""
        self.memory = stay_alone(self.memory)
        for name in self.own:
            with suppress(QuorumError):
                acknowledge_part(dict(self.places)[name], CALL)

    def _note(self, name: str) -> Path:
        return self.directory / f".owed-{self.own[name]}"

    def _maker(self, name: str) -> Maker:
        unit = f"redis-server@{self.name}-{dict(self.places)[name].port}.service"
        wait = float(self.common["wait"])
        return lambda client: Saver(client, unit, self.common["user"], wait, self.say, self._note(name))

    def _await_others(self) -> None:
        """Wait until the server of each shard is seen to have been told to save."""
        names = [self.places[chosen.source][0] for chosen in self.sources]
        end = time.monotonic() + PATIENCE
        while True:
            self.later = count_commands(self.places)[0]
            unsaved = list_unsaved(names, self.before, self.later)
            if not unsaved:
                return
            if time.monotonic() > end:
                self.alone = set(unsaved) == set(names) - set(self.own)
                raise QuorumError(
                    f"{', '.join(unsaved)} {'was' if len(unsaved) == 1 else 'were'} not saved at the same moment",
                    self.where,
                    "What others saved is no backup of the cluster. Look at the timers of these hosts",
                )
            time.sleep(PAUSE)

    def _refuse_changes(self) -> None:
        """Refuse when slots or primaries, or their epochs, are not what they were before the moment."""
        members = observe_cluster(self.places, self.zones, jobs=False)
        refuse_moved(map_of(self.members), members, self.where)
        self.after = describe_map(members)
        if self.after != describe_map(self.members):
            raise Refused("Epochs changed while the shards were saved", self.where, "It is tried again")

    # --- after it ---

    def run_due_work(self) -> None:
        """Store and prove the parts of this host, tell the others, and tidy up."""
        for chosen, save, moment, snapshot in self.begun:
            with snapshot.file:
                try:
                    self._store_part(chosen, save, moment, snapshot)
                except (QuorumError, OSError) as problem:
                    self.state["failed"] = str(problem)
        seen = count_commands(self.places)[0] if self.begun else self.before
        self._acknowledge_parts(seen)
        if self.id and self.memory.id == self.id:
            mine = self._list_stored()
            self.memory = confirm_whole(self.memory, seen, mine)
            waits = ", ".join(list_waits(self.memory, seen, mine))
            why = "is whole" if self.memory.id else "is not what was saved last"
            self._keep_memory(f"{self.id} " + (f"waits for the part of {waits}" if waits else why))
        if self.state.get("failed"):
            self.note_problem(CRITICAL, f"the backup failed: {self.state['failed']}")
        if self.memory.done < slot_of(self.now, *self.clock) - 1:
            self.note_problem(WARNING, "no backup was whole since the period before the last one")
        self._give_back()
        mark_wholes(self.directory, self.memory.wholes, self.common["user"])
        self.tidy_up()

    def tidy_up(self) -> None:
        """Remove old ones, whatever failed: those that are whole count by their moments, so that none is lost by it."""
        self.remove_expired()
        self.copy_offsite()

    def _list_stored(self) -> Dict[str, bool]:
        """Return whether the parts of this host are on its disk and nothing speaks against them."""
        mine = [name for name in self.memory.sources if name in self.own]
        return {name: is_stored(self.directory / f"{self.memory.id}-{self.own[name]}") for name in mine}

    def _acknowledge_parts(self, seen: Mapping[str, Seen]) -> None:
        """Let each server of this host count that its part is there, again when it was restarted since."""
        for name in (name for name, stored in self._list_stored().items() if stored and name in seen):
            if count_since(self.memory, seen, name) == (0, 0):
                try:
                    acknowledge_part(dict(self.places)[name])
                except QuorumError as problem:
                    self.note_problem(WARNING, f"the others do not see that {self.memory.id} is stored: {problem}")

    def _give_back(self) -> None:
        """Give servers of this host back what a killed look, or one whose save failed, still owes them."""
        for name in (name for name in self.own if self._note(name).exists()):
            with suppress(QuorumError), lock_directory(self.directory, self.common["user"]):
                give_back(dict(self.places)[name], self._maker(name))

    def _store_part(self, chosen: Source, save: Save, moment: float, snapshot: Snapshot) -> None:
        place = self.places[chosen.source]
        label = self.own[place[0]]
        job = self.make_job(place[0], f"{self.name}-{place[1].port}")
        part = {
            "id": self.id,
            "moment": self.moment,
            "late_ms": round((moment - self.moment) * 1000),
            "skew_ms": round(self.skew * 1000),
            "label": label,
            **describe_shard(self.members, chosen),
            "map": describe_map(self.members),
            "after": self.after,
            "nodes": describe_nodes(self.members),
            "whole": False,
        }
        given = replace(job, member=label, aof=False, save=save, snapshot=snapshot, part=part)
        manifest = make_backup(given, self.say)
        proven = f"file check {manifest.verified.file_check}, trial load {manifest.verified.load}"
        self.say(f"{manifest.name}: {manifest.key_count} keys, {manifest.seconds} s, {proven}")
        if not self.drill_newest(job, manifest.name):
            raise QuorumError(f"the restore drill of {manifest.name} did not pass", self.where, "It does not count")

    # --- what is remembered and kept ---

    def _keep_memory(self, why: str) -> None:
        self.state["cluster"], self.state["why"] = asdict(self.memory), why

    def list_leaving(self, place: Path) -> List[str]:
        """Return the names of what belongs to backups that are too many or too old; whole ones count."""
        keep = self.common["keep"], self.common["keep_days"]
        return list_leaving_parts(place, self.memory.wholes, self.now, *keep)

    def list_newest(self) -> List[str]:
        """Return the names of the parts of the newest backup here that a timer has made."""
        by_id = group_by_id(self.directory)
        made = [id_ for id_ in by_id if not (self.directory / f"{id_}.json").exists()]
        return by_id[max(made)] if made else []

    def describe_state(self) -> Dict[str, Any]:
        """Return what the status file says of the cluster."""
        whole = self.memory.wholes[-1] if self.memory.wholes else ""
        return {**super().describe_state(), "backups_here": len(group_by_id(self.directory)), "newest_whole": whole}
