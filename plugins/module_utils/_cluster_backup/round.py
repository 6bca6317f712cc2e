# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One cluster in one look of a timer: the servers of this host save with those of all others, or nobody's counts."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Dict, List, Mapping, Sequence, Tuple

from .._backup import manifest as manifests
from .._backup.agent import CRITICAL, WARNING, Round
from .._backup.catch_up import point_of
from .._backup.create import make_backup
from .._backup.repository import lock_directory, write_manifest
from .._backup.save import Save
from .._backup.schedule import Kept, slot_of
from .._backup.snapshot import Saver
from .._cluster.observe import observe_cluster
from .._core.errors import QuorumError, Refused
from .._model.backup_manifest import name_time, parse_time
from .._model.cluster_view import ClusterMember
from .._redis.client import Client, connect
from .._redis.endpoint import Endpoint
from .._redis.observe import look_at_all
from .._redis.replies import count_calls, parse_info, parse_number
from .execute import await_moment, begin_saves, refuse_late
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
    TRIES,
    Seen,
    confirm_whole,
    decide_attempt,
    judge_clocks,
    list_expired_parts,
    list_unsaved,
    list_waits,
    memory_from,
)

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
        self.before: Dict[str, Seen] = {}
        self.members: List[ClusterMember] = []
        self.sources: List[Source] = []
        self.begun: List[Tuple[Source, Save, float]] = []
        self.after: Dict[str, Any] = {}
        self.id = ""
        self.moment = 0.0

    def list_members(self) -> List[Mapping[str, Any]]:
        """Return the servers of the cluster, each with a name of its own as its host."""
        return list(name_members(self.settings["members"]))

    # --- before the moment ---

    def prepare_saves(self) -> None:
        """See what the last backup came to, and whether one is due; choose who is saved, as all others do now."""
        self.before, skews = self._count()
        self.memory = confirm_whole(self.memory, self.before)
        period, offset = float(self.common["period"]), float(self.common["offset"])
        duty = decide_attempt(self.memory, list_waits(self.memory, self.before), self.now, period, offset)
        self._keep_memory(duty.why)
        if duty.act:
            try:
                self._choose_sources(skews)
            except QuorumError as problem:
                self.state["failed"] = str(problem)
            return
        self.say(duty.why)
        if self.memory.done == slot_of(self.now, period, offset):
            self.state["failed"] = ""

    def _choose_sources(self, skews: Mapping[str, Tuple[float, float]]) -> None:
        forbids, warns = judge_clocks(skews)
        if forbids:
            raise QuorumError(f"Some {forbids}", self.where, "No backup was made. Let NTP set the clocks of all hosts")
        if warns:
            self.note_problem(WARNING, f"some {warns}")
        carried = [host in self.settings["carriers"] for host in self.hosts]
        self.members = observe_cluster(self.places, self.zones)
        given = self.settings["replicas"], self.common["primary"]
        self.sources = choose_sources(self.members, self.where, carried, *given, alike=True)

    def begin_saves(self, moment: float) -> None:
        """Save the servers of this host that stand for a shard, when all others do, and see that all did."""
        period, offset = float(self.common["period"]), float(self.common["offset"])
        self.moment, self.id = moment, name_time(moment)
        self.memory.tried = slot_of(self.now, period / TRIES, offset)
        self._keep_memory(f"{self.id} is being made")
        mine = [chosen for chosen in self.sources if self.hosts[chosen.source] == self.me]
        try:
            if mine:
                places = [self.places[chosen.source] for chosen in mine]
                points = [point_of(self.members[chosen.primary].server) for chosen in mine]
                wait = float(self.common["wait"])
                outcome = begin_saves(places, points, self.id, wait, self.say, moment)
                self.begun = list(zip(mine, outcome.saves, outcome.moments))
                refuse_late(max(outcome.moments) - moment)
            else:
                await_moment(moment)
            self._await_others()
            self._refuse_changes()
        except QuorumError as problem:
            self.state["failed"] = str(problem)
            self._let_go()
            return
        self.state["failed"] = ""
        self.memory.id, self.memory.period = self.id, slot_of(self.now, period, offset)
        names = [self.places[chosen.source][0] for chosen in self.sources]
        self.memory.waits = {name: self.before[name] for name in names}

    def _await_others(self) -> None:
        """Wait until the server of each shard is seen to have been told to save."""
        names = [self.places[chosen.source][0] for chosen in self.sources]
        end = time.monotonic() + PATIENCE
        while True:
            unsaved = list_unsaved(names, self.before, self._count()[0])
            if not unsaved:
                return
            if time.monotonic() > end:
                raise QuorumError(
                    f"{', '.join(unsaved)} {'was' if len(unsaved) == 1 else 'were'} not saved at the same moment",
                    self.where,
                    "What others saved is no backup of the cluster. Look at the timers of these hosts",
                )
            time.sleep(PAUSE)

    def _refuse_changes(self) -> None:
        """Refuse when slots or primaries, or their epochs, are not what they were before the moment."""
        members = observe_cluster(self.places, self.zones)
        refuse_moved(map_of(self.members), members, self.where)
        self.after = describe_map(members)
        if self.after != describe_map(self.members):
            raise Refused("Epochs changed while the shards were saved", self.where, "It is tried again")

    def _let_go(self) -> None:
        """Wait for the saves that nobody wants any more, so that each server gets back what is owed to it."""
        for chosen, save, _moment in self.begun:
            user, wait = self.common["user"], float(self.common["wait"])
            endpoint = self.places[chosen.source][1]
            with suppress(QuorumError), lock_directory(self.directory, user) as place, connect(endpoint) as client:
                note = place / f".owed-{self._label(chosen)}"
                Saver(client, "", user, wait, self.say, note).adopt_save(save).file.close()
        self.begun = []

    # --- after it ---

    def run_due_work(self) -> None:
        """Store and prove the parts of this host, tell the others, and tidy up."""
        for chosen, save, moment in self.begun:
            try:
                self._store_part(chosen, save, moment)
            except QuorumError as problem:
                self.state["failed"] = str(problem)
        if self.id and self.memory.id == self.id:
            seen = self._count()[0]
            self.memory = confirm_whole(self.memory, seen)
            waits = ", ".join(list_waits(self.memory, seen))
            self._keep_memory(f"{self.id} waits for the part of {waits}" if waits else f"{self.id} is whole")
        if self.state.get("failed"):
            self.note_problem(CRITICAL, f"the backup failed: {self.state['failed']}")
        self._mark_wholes()
        self.tidy_up()

    def _store_part(self, chosen: Source, save: Save, moment: float) -> None:
        label = self._label(chosen)
        place = self.places[chosen.source]
        job = self.make_job(place[0], f"{self.name}-{place[1].port}")
        part = {
            "id": self.id,
            "moment": self.moment,
            "late_ms": round((moment - self.moment) * 1000),
            "label": label,
            **describe_shard(self.members, chosen),
            "map": describe_map(self.members),
            "after": self.after,
            "nodes": describe_nodes(self.members),
            "whole": False,
        }
        manifest = make_backup(replace(job, member=label, aof=False, save=save, part=part), self.say)
        proven = f"file check {manifest.verified.file_check}, trial load {manifest.verified.load}"
        self.say(f"{manifest.name}: {manifest.key_count} keys, {manifest.seconds} s, {proven}")
        self.drill_newest(job, manifest.name)
        with Client(place[1]) as client:
            client.call("LASTSAVE")  # counted there, and seen by all others

    def _label(self, chosen: Source) -> str:
        return f"{self.me}-{self.places[chosen.source][1].port}"

    # --- what is remembered and kept ---

    def _keep_memory(self, why: str) -> None:
        self.state["cluster"], self.state["why"] = asdict(self.memory), why

    def _count(self) -> Tuple[Dict[str, Seen], Dict[str, Tuple[float, float]]]:
        """Return what each server that answers has counted, and how far its clock is from ours."""
        looks = look_at_all(_count_commands, self.places)
        answers = {name: look for (name, _endpoint), look in zip(self.places, looks) if look}
        return {name: look[0] for name, look in answers.items()}, {name: look[1] for name, look in answers.items()}

    def _names_by_id(self) -> Dict[str, List[str]]:
        names: Dict[str, List[str]] = {}
        for name in manifests.list_backups(str(self.directory)):
            names.setdefault(manifests.id_of(name), []).append(name)
        return names

    def _mark_wholes(self) -> None:
        """Write into the parts of this host that all others are there, too, once that is known."""
        known = [name for id_ in self.memory.wholes for name in self._names_by_id().get(id_, [])]
        for name in known:
            with suppress(QuorumError):  # one that is damaged; of a busy directory it is noted at the next look
                manifest = manifests.read_manifest(str(self.directory / name))
                if manifest.part and not manifest.part.get("whole"):
                    with lock_directory(self.directory, self.common["user"]) as place:
                        manifest.part["whole"] = True
                        write_manifest(place / name, manifest, self.common["user"])

    def list_leaving(self, place: Path) -> List[str]:
        """Return the names of what belongs to backups that are too many or too old; whole ones count."""
        backups, loose, by_id = [], [], self._names_by_id()
        for id_, names in by_id.items():
            read = []
            with suppress(QuorumError):
                read = [manifests.read_manifest(str(place / name)) for name in names]
            whole = bool(read) and (
                id_ in self.memory.wholes or all(manifests.is_whole(str(place), each) for each in read)
            )
            backups.append(Kept(id_, parse_time(id_), whole and all(each.good for each in read)))
            if not whole and any(each.part for each in read):
                loose.append(id_)
        # Those of which this host has no part count, too: it keeps what others have kept.
        backups += [Kept(id_, parse_time(id_), True) for id_ in self.memory.wholes if id_ not in by_id]
        gone = list_expired_parts(backups, loose, self.now, self.common["keep"], self.common["keep_days"])
        by_hand = [f"{id_}.json" for id_ in gone if (place / f"{id_}.json").exists()]
        return [*by_hand, *(name for id_ in gone for name in by_id.get(id_, []))]

    def list_newest(self) -> List[str]:
        """Return the names of the parts of the newest backup here that a timer has made."""
        made = [id_ for id_ in self._names_by_id() if not (self.directory / f"{id_}.json").exists()]
        return self._names_by_id()[max(made)] if made else []

    def describe_state(self) -> Dict[str, Any]:
        """Return what the status file says of the cluster."""
        whole = self.memory.wholes[-1] if self.memory.wholes else ""
        return {**super().describe_state(), "backups_here": len(self._names_by_id()), "newest_whole": whole}


def _count_commands(endpoint: Endpoint, _name: str) -> Any:
    """Return what a server has counted, and its clock against ours with its doubt; nothing from a silent one."""
    try:
        with Client(endpoint) as client:
            info = parse_info(client.call("INFO", "commandstats"))
            run_id = parse_info(client.call("INFO", "server"))["run_id"]
            begin = time.time()
            clock: Sequence[Any] = client.call("TIME")
            end = time.time()
    except (QuorumError, KeyError):
        return None
    seen = Seen(run_id, count_calls(info, "bgsave"), count_calls(info, "lastsave"))
    theirs = parse_number(clock[0]) + parse_number(clock[1]) / 1e6
    return seen, (theirs - (begin + end) / 2, (end - begin) / 2)
