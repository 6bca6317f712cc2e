# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a backup may replace the data of a set, and how; what a restore that was cut short has come to; pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional, Sequence

from .._core.errors import Refused
from .._core.reconcile import Step
from .._failover.preflight import Preflight
from .._failover.steps import Move
from .._model.backup_manifest import Manifest
from .._model.capacity import SPARE, Capacity, missing_capacity
from .._model.observed import Observed, SentinelView
from .._model.rdb_header import Header, memory_needed
from .._model.tables import show_evidence, show_place
from .._model.versions import FOREIGN, data_format, major_minor
from .._redis.replies import parse_number
from .journal_entry import JournalEntry
from .steps import (
    AwaitRewrite,
    CalmSentinels,
    FeedPrimary,
    FinishRestore,
    FollowPrimary,
    KeepPresent,
    ParkMembers,
    ProveBackup,
    ServeWrites,
)

TODO = "Nothing was changed"


@dataclass
class Backup:
    """The backup as it was found, its check sums proven."""

    directory: str
    manifest: Manifest
    header: Header

    @property
    def databases(self) -> Dict[str, Dict[str, int]]:
        """Return what is in it: as proven by loading it, else as it was told."""
        return self.manifest.verified.databases or self.manifest.databases


@dataclass
class Here:
    """The host of the primary: its program and its room, what shall be kept there, and the room of the others."""

    host: str
    version: str
    disk_free: int = 0
    memory_free: int = 0
    memory_reserve: int = 0
    kept: int = 0  # bytes that a backup of the present data takes
    keep_free: int = -1  # where it goes to; less than 0: to the disk of the data
    rooms: Dict[str, Capacity] = field(default_factory=dict)
    reserve_percent: int = 0


@dataclass
class Plan:
    """Who is restored, and what is there now."""

    primary: Observed
    replicas: List[Observed] = field(default_factory=list)
    steps: List[Step] = field(default_factory=list)
    warnings: List[str] = field(default_factory=list)


def explain_unreadable(header: Header, engine: str, version: str) -> str:
    """Return why this engine does not read a file, empty when it does."""
    what = f"RDB version {header.rdb_version} of {header.engine} {header.version}".rstrip()
    by = f"{engine} {version}"
    if header.engine == engine and header.version and major_minor(header.version) <= major_minor(version):
        return ""
    if engine == "redis" and header.magic == "VALKEY":
        return f"{by} does not read {what}"
    if engine == "valkey" and header.magic == "REDIS" and header.rdb_version >= FOREIGN:
        return f"{by} does not read {what}: Redis went its own way with version {FOREIGN}"
    known = data_format(engine, version)
    if header.rdb_version > known:
        return f"{by} reads RDB version {known} at most, the backup has {what}"
    return ""


def compare_counts(loaded: Mapping[str, int], declared: Mapping[str, Mapping[str, int]]) -> List[str]:
    """Return where what was loaded is not what the manifest tells; keys that expire may have gone meanwhile."""
    wrong = []
    for name in sorted({*loaded, *declared}, key=int):
        keys, expires = declared.get(name, {}).get("key_count", 0), declared.get(name, {}).get("expires", 0)
        if not keys - expires <= loaded.get(name, 0) <= keys:
            wrong.append(f"database {name} has {loaded.get(name, 0)} keys instead of {keys}")
    return wrong


def compare_load(info: Mapping[str, str], declared: Mapping[str, Mapping[str, int]]) -> str:
    """Return how the engine's own count of what it has loaded differs; Redis 6 does not tell."""
    if "rdb_last_load_keys_loaded" not in info:
        return ""
    read = parse_number(info["rdb_last_load_keys_loaded"]) + parse_number(info.get("rdb_last_load_keys_expired"))
    total = sum(counts.get("key_count", 0) for counts in declared.values())
    return f"{read} keys were read instead of {total}" if read != total else ""


def show_counts(databases: Mapping[str, Any]) -> str:
    """Return the number of keys of each database for a sentence."""
    rows = {name: counts["key_count"] if isinstance(counts, dict) else counts for name, counts in databases.items()}
    shown = ", ".join(f"{keys} in database {name}" for name, keys in sorted(rows.items(), key=lambda row: int(row[0])))
    total = sum(rows.values())
    return f"{total} key{'s' * (total != 1)}" + (f" ({shown})" if len(rows) > 1 else "")


def check_room(backup: Backup, here: Here, aof: bool) -> List[str]:
    """Return what disk and memory lack: for the unpacked file, its copy on the way to the primary, and the AOF.

    What is set aside before, a backup of the present data, counts where it goes to.
    """
    size = backup.manifest.rdb_size
    together = here.kept if here.keep_free < 0 else 0
    wrong = missing_capacity(
        Capacity(here.host, here.disk_free, here.memory_free),
        size * (3 if aof else 2) + together + SPARE,
        memory_needed(backup.header, size) + here.memory_reserve,
        "to load the backup beside the present data",
    )
    if 0 <= here.keep_free < here.kept:
        wrong.append(
            f"{here.host} has {here.keep_free >> 20} MiB free for the backup of what is there now, {here.kept >> 20} "
            "MiB are needed"
        )
    return wrong


def check_replica_room(backup: Backup, replica: Observed, room: Capacity, percent: int) -> List[str]:
    """Return what the host of a replica lacks for the same data: it drops its own first, unless told to load beside."""
    size = backup.manifest.rdb_size
    beside = replica.config.get("repl-diskless-load") == "swapdb"
    files = (not beside) + (replica.config.get("appendonly") == "yes")
    memory = memory_needed(backup.header, size) - (0 if beside else parse_number(replica.memory.get("used_memory")))
    reserve = room.memory_total * percent // 100
    return missing_capacity(room, size * files + SPARE, max(0, memory) + reserve, "to hold the backup's data")


class Planner:
    """Decides on one restore; holds what was observed."""

    def __init__(self, members: Sequence[Observed], views: Sequence[SentinelView], name: str, here: Here) -> None:
        """Keep the evidence."""
        self.members, self.views, self.name, self.here = list(members), list(views), name, here
        self.preflight = Preflight(members, views, Move(name))

    def list_problems(self, backup: Backup, primary: Observed) -> List[str]:
        """Return everything that stands in the way, a sentence each."""
        wrong = []
        for member in self.members:
            why = explain_unreadable(backup.header, member.engine, member.version) if member.reachable else ""
            if why:
                wrong.append(f"{member.name}: {why}")
        if self.here.version != primary.version:
            wrong.append(
                f"{primary.name} runs {primary.version}, installed is {self.here.version}: finish that upgrade first"
            )
        databases = int(primary.config.get("databases", "16"))
        high = [name for name in backup.databases if int(name) >= databases]
        if high:
            wrong.append(f"the backup uses database {', '.join(high)}, {primary.name} has {databases} databases")
        if primary.host != self.here.host:
            wrong.append(f"this runs on {self.here.host}, but the primary is {primary.name}: run it there")
        silent = [view for view in self.views if not view.reachable]
        quorum = min([view.masters[self.name].quorum for view in self.preflight.awake] or [1])
        if silent and len(silent) >= quorum:
            names = ", ".join(view.name for view in silent)
            wrong.append(f"the Sentinels of {names} do not answer, and could fail over meanwhile")
        if not backup.manifest.good:
            wrong.append("a drill or a check of this backup has failed, see its manifest.json")
        wrong += check_room(backup, self.here, primary.config.get("appendonly") == "yes")
        for member in self.members:
            room = self.here.rooms.get(member.host)
            if room is not None and member is not primary and member.reachable:
                wrong += check_replica_room(backup, member, room, self.here.reserve_percent)
        return wrong

    def plan(self, backup: Backup, keep: str = "") -> Plan:
        """Return the plan, or refuse with all reasons."""
        primary = self.preflight.find_settled()
        wrong = self.list_problems(backup, primary)
        if wrong:
            raise Refused(
                f"{backup.manifest.name} cannot be restored: {'; '.join(wrong)}",
                f"data set {self.name}",
                TODO,
                show_evidence(self.members, self.views, self.name),
            )
        plan = Plan(primary)
        plan.replicas = [member for member in self.members if member.reachable and member is not primary]
        plan.warnings = [
            f"{show_place(member)} was left out: {member.error} It is filled anew when it comes back."
            for member in self.members
            if not member.reachable
        ]
        plan.warnings += [
            f"The Sentinel of {view.name} was left out: {view.error}" for view in self.views if not view.reachable
        ]
        blind = [member.name for member in plan.replicas if member.host not in self.here.rooms]
        if blind:
            plan.warnings.append(f"Nobody has looked whether {', '.join(blind)} has room for the backup's data.")
        if backup.manifest.data_set != self.name:
            plan.warnings.append(f"The backup is one of the data set {backup.manifest.data_set}, not of {self.name}.")
        if primary.key_count and not keep:
            plan.warnings.append(f"The {primary.key_count} keys that {self.name} has now will not be kept anywhere.")
        plan.steps = self.list_steps(plan, backup, keep)
        return plan

    def list_steps(self, plan: Plan, backup: Backup, keep: str) -> List[Step]:
        """Return the steps, a sentence each."""
        head, manifest = show_place(plan.primary), backup.manifest
        others = ", ".join(show_place(replica) for replica in plan.replicas)
        now, then = show_counts(plan.primary.databases), show_counts(backup.databases)
        steps: List[Step] = [
            ProveBackup(
                f"{head}: load {manifest.name} of {manifest.ended} ({manifest.rdb_size} bytes) into a server beside it"
                f", and count: {then}"
            )
        ]
        if keep and plan.primary.key_count:
            steps.append(KeepPresent(f"{head}: keep what is there now, {now}, as a backup in {keep}"))
        if self.views:
            text = f"Sentinels: do not fail {self.name} over until this is done (down-after-milliseconds)"
            steps.append(CalmSentinels(text))
        hold = f"; {others}: hold the present data until the end" if others else ""
        steps.append(ParkMembers(f"{head}: stop writes{hold}"))
        steps.append(FeedPrimary(f"{head}: take the backup in place of {now}"))
        if plan.primary.config.get("appendonly") == "yes":
            steps.append(AwaitRewrite(f"{head}: wait until the AOF is rewritten"))
        steps.append(ServeWrites(f"{head}: accept writes, with {then}"))
        if others:
            steps.append(FollowPrimary(f"{others}: follow {head} by a full synchronisation"))
        whom = " and the Sentinels know everybody" if self.views else ""
        steps.append(FinishRestore(f"data set {self.name}: wait until all are in sync{whom}"))
        return steps


# --- a restore that was cut short ---


def holds_old(member: Observed, entry: JournalEntry) -> bool:
    """Return whether a member has the data of before, complete."""
    same = member.replication_id in (entry.replication_id, "") or member.replication_id2 == entry.replication_id
    return not member.loading and same and entry.databases in (None, member.databases)


def holds_new(member: Observed, entry: JournalEntry) -> bool:
    """Return whether a member has the data of the backup, complete: it has the id only after the last byte."""
    ids = {member.replication_id, member.replication_id2} - {""}
    return not member.loading and bool(entry.feeder_id) and entry.feeder_id in ids


def find_stage(head: Optional[Observed], entry: JournalEntry, members: Sequence[Observed]) -> str:
    """Return what the former primary has come to: silent, busy, moved, serving, new, old or lost."""
    if head is None or not head.reachable:
        return "silent"
    if head.loading:
        return "busy"
    if other_primary(head, members) and head.role != "primary":
        return "moved"
    if head.role == "primary":
        return "serving"
    if holds_new(head, entry):
        return "new"
    return "old" if holds_old(head, entry) else "lost"


def other_primary(head: Observed, members: Sequence[Observed]) -> Optional[Observed]:
    """Return the member that was made primary in place of this one, by an operator or a failover."""
    return next(
        (member for member in members if member is not head and member.reachable and member.role == "primary"), None
    )


def find_spare(head: str, entry: JournalEntry, members: Sequence[Observed]) -> Optional[Observed]:
    """Return a member that still has all the data of before."""
    others = [member for member in members if member.host != head and member.reachable and member.parked]
    fit = [member for member in others if member.key_count and holds_old(member, entry)]
    return max(fit, key=lambda member: member.offset) if fit else None


def list_strays(head: Observed, members: Sequence[Observed]) -> List[Observed]:
    """Return the members that still hold the present data, following nobody."""
    return [member for member in members if member is not head and member.reachable and member.parked]
