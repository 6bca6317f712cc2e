# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One data set in one look of a timer: back up when it is this host's turn, thin out, copy away, say how it stands."""

from __future__ import annotations

import json
import os
import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping

from .._core.errors import QuorumError
from .._model.backup_manifest import PASSED, iso_time, parse_time
from .._model.observed import Observed
from .._redis.client import Client
from .._redis.observe import Place, observe_all, read_members
from .._redis.replies import count_calls, parse_info
from . import manifest as manifests
from .catch_up import point_of
from .create import make_backup, undo_leftovers
from .job import Job
from .offsite import list_commands, run_transfer
from .proof import drill_backup
from .repository import lock_directory
from .schedule import (
    Kept,
    Look,
    Memory,
    Period,
    decide_duty,
    list_expired,
    primary_of,
    remember_look,
    slot_of,
)

OK, WARNING, CRITICAL, UNKNOWN = 0, 1, 2, 3
WORDS = {OK: "ok", WARNING: "warning", CRITICAL: "critical"}
Say = Callable[[str], None]


@dataclass
class Round:
    """One data set in one look: what is declared, what is remembered, what comes out."""

    settings: Mapping[str, Any]
    common: Mapping[str, Any]
    state: Dict[str, Any]
    now: float
    say: Say

    def __post_init__(self) -> None:
        """Name the parts."""
        self.me: str = self.common["me"]
        self.name: str = self.settings["name"]
        self.directory = Path(self.common["directory"]) / self.name
        self.places: List[Place] = read_members(
            self.list_members(), {**self.settings, "password": self.common["passwords"][self.name], "timeout": 2.0}
        )
        self.problems: List[str] = []
        self.code = OK

    def list_members(self) -> List[Mapping[str, Any]]:
        """Return the servers of the set, each with a name of its own as its host."""
        return list(self.settings["members"])

    def make_job(self, member: str, server: str) -> Job:
        """Return how a server of this host is backed up."""
        keys = ("directory", "binary", "user", "compression", "load", "aof", "wait")
        given = {key: self.common[key] for key in keys}
        return Job(self.name, member, dict(self.places)[member], unit=f"redis-server@{server}.service", **given)

    def note_problem(self, code: int, what: str) -> None:
        """Note a problem; the worst one counts."""
        self.code = max(self.code, code)
        self.problems.append(what)
        self.say(what)

    def run_due_work(self) -> None:
        """Do what is due."""
        memory = memory_from(self.state.get("memory", {}))
        seen = observe_all(self.places)
        self.job = self.make_job(self.me, self.name)
        self.job.reach = point_of(primary_of(seen))
        offset, period = float(self.common["offset"]), float(self.common["period"])
        slot = slot_of(self.now, period, offset)
        looks = {host: look for host, look in map(self._count_saves, self.places, seen) if look}
        memory = remember_look(memory, slot, looks, self.now)
        now = Period(slot * period + offset, period, self.now)
        duty = decide_duty(self.me, self.settings["carriers"], seen, memory, now, self.common["primary"])
        memory.other = duty.other
        self.state["memory"], self.state["why"] = asdict(memory), duty.why
        self._undo_leftovers()
        if duty.act:
            memory.began = slot
            self.state["memory"] = asdict(memory)
            try:
                manifest = make_backup(self.job, self.say)
                memory.done = slot
                self.state["memory"], self.state["failed"] = asdict(memory), ""
                proven = f"file check {manifest.verified.file_check}, trial load {manifest.verified.load}"
                self.say(f"{manifest.name}: {manifest.key_count} keys, {manifest.seconds} s, {proven}")
                self.drill_newest(self.job, manifest.name)
            except QuorumError as problem:
                self.state["failed"] = str(problem)
        else:
            self.say(duty.why)
        if duty.why.startswith("no carrier"):
            self.note_problem(WARNING, duty.why)
        if self.state.get("failed") and duty.act:
            self.note_problem(CRITICAL, f"the backup failed: {self.state['failed']}")
        elif not duty.act:
            self.state["failed"] = ""  # another carrier does it now
        self.tidy_up()

    def tidy_up(self) -> None:
        """Remove old ones, unless the backup failed, and copy the newest away."""
        if self.code != CRITICAL:
            self.remove_expired()
        self.copy_offsite()

    def _undo_leftovers(self) -> None:
        """Undo what a run that was killed has left, whoever backs up now; it is tried again at the next look."""
        try:
            outcome = undo_leftovers(self.job)
        except QuorumError as problem:
            outcome = f"what a killed backup has left is not undone: {problem}"
        if outcome:
            self.say(outcome)

    def _count_saves(self, place: Place, seen: Observed) -> tuple[str, Look | None]:
        """Return how many BGSAVE commands a member has had."""
        try:
            with Client(place[1]) as client:
                calls = count_calls(parse_info(client.call("INFO", "commandstats")), "bgsave")
        except QuorumError:
            return place[0], None
        return place[0], Look(seen.run_id, calls, float(seen.persistence.get("rdb_last_save_time", 0)))

    def drill_newest(self, job: Job, name: str) -> bool:
        """Restore a backup into a throw-away server, where that is wished; return whether nothing speaks against it."""
        if not self.common["drill"]:
            return True
        try:
            record = drill_backup(job, name, self.say)
        except QuorumError as problem:  # the place for it is lacking, which says nothing about the backup
            record = {"at": iso_time(time.time()), "by": self.me, "result": f"not done: {problem}"}
        self.state["drill"] = record
        if record["result"] != PASSED:
            self.note_problem(WARNING, f"the restore drill of {name}: {record['result']}")
        return record["result"] == PASSED or str(record["result"]).startswith("not done")

    def remove_expired(self) -> None:
        """Remove what is too many or too old; a name is taken away before the files."""
        try:
            with lock_directory(self.directory, self.common["user"]) as place:
                for name in self.list_leaving(place):
                    gone = place / f"{manifests.PARTIAL}gone-{name}"
                    if (place / name).is_dir():
                        (place / name).rename(gone)
                        shutil.rmtree(gone)
                    else:  # the manifest of a whole cluster
                        (place / name).unlink()
                    self.say(f"removed {name}")
        except QuorumError as problem:
            self.note_problem(WARNING, f"old backups are not removed: {problem}")

    def list_leaving(self, place: Path) -> List[str]:
        """Return the names of those that are too many or too old."""
        return list_expired(list_kept(place), self.now, self.common["keep"], self.common["keep_days"])

    def list_newest(self) -> List[str]:
        """Return the names of what belongs to the newest backup here."""
        return manifests.list_backups(str(self.directory))[-1:]

    def copy_offsite(self) -> None:
        """Copy the newest backup to where the user wants it; what fails is tried again at the next look."""
        names = self.list_newest()
        copies = [list_commands(self.common, self.name, str(self.directory / name)) for name in names]
        if not any(copies) or self.state.get("copied") == names[-1]:
            return
        for command in (command for commands in copies for command in commands):
            failure = run_transfer(command, float(self.common["wait"]))
            if failure:
                self.note_problem(WARNING, f"{names[-1]} is not copied away, the local one is kept: {failure}")
                return
        self.state["copied"] = names[-1]
        self.say(f"{names[-1]} copied away")

    def describe_state(self) -> Dict[str, Any]:
        """Return what the status file says of the data set."""
        names = manifests.list_backups(str(self.directory))
        report: Dict[str, Any] = {"state": WORDS[self.code], "problems": self.problems, "why": self.state["why"]}
        report["newest_here"] = names[-1] if names else ""
        report["backups_here"] = len(names)
        report["copied"] = self.state.get("copied", "")
        report["drill"] = self.state.get("drill", {})
        return report


def memory_from(data: Mapping[str, Any]) -> Memory:
    """Return the memory that the state file holds; pure."""
    memory = Memory(**{key: value for key, value in data.items() if key not in ("last", "base")})
    memory.last = {host: Look(**look) for host, look in data.get("last", {}).items()}
    memory.base = {host: Look(**look) for host, look in data.get("base", {}).items()}
    return memory


def list_kept(place: Path) -> List[Kept]:
    """Return the backups of a directory; one whose manifest cannot be read is not good."""
    kept = []
    for name in manifests.list_backups(str(place)):
        try:
            good = manifests.read_manifest(str(place / name)).good
        except QuorumError:
            good = False
        kept.append(Kept(name, parse_time(name), good))
    return kept


def read_state(path: Path) -> Dict[str, Any]:
    """Return what a file of this program holds, nothing when it holds nothing usable."""
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return state if isinstance(state, dict) else {}


def write_state(path: Path, data: Mapping[str, Any], mode: int) -> None:
    """Replace a file at once."""
    draft = path.with_name(f".{path.name}")
    number_ = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(number_, "w", encoding="utf-8") as file:
        json.dump(data, file, indent=2)
        file.write("\n")
    draft.chmod(mode)
    draft.replace(path)


def judge_status(now: float, report: Mapping[str, Any]) -> tuple[int, str]:
    """Return exit code and one line from the status file; pure."""
    if not report:
        return UNKNOWN, "the timer has not looked yet"
    age = now - parse_time(report["looked"])
    if age > report["silent_after"]:
        return CRITICAL, f"the timer has not looked since {report['looked']}"
    parts = []
    for name, status in report["sets"].items():
        parts.append(
            f"{name}: {'; '.join(status['problems']) or status['why']}, newest here {status['newest_here'] or 'none'}"
        )
    code = {word: number_ for number_, word in WORDS.items()}[report["state"]]
    return code, f"{report['state']}: {' | '.join(parts)}"
