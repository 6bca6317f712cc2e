# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One BGSAVE: begun now, awaited, and judged by what the engine counts and by the file, never by a date."""

from __future__ import annotations

import contextlib
import os
import stat
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Callable, Dict, Iterator, List, Mapping, Optional, Tuple

from .._core.errors import CommandFailed, QuorumError
from .._host.commands import IGNORED, run_program
from .._host.sandbox import find_account
from .._model.rdb_header import read_header
from .._redis.client import Client
from .._redis.replies import parse_info, parse_number, reason_in_log
from .save import SLACK, Save, belongs_to_save, stamp_of

PAUSE = 0.1
REPLACED = "another save has taken the place of its file, or a synchronisation with the primary"  # by a rename
STOP = "stop-writes-on-bgsave-error"
_BUSY = ("already in progress", "Another child process", "Can't BGSAVE while AOF log rewriting")
Tell = Callable[[str], None]


class SaveFailed(QuorumError):
    """The engine could not write its snapshot."""


@dataclass
class Snapshot:
    """A finished save: its file, open, and the server as it was in the moment of the fork."""

    file: BinaryIO
    info: Dict[str, str]
    began: float
    seconds: float
    waited: List[str] = field(default_factory=list)


def find_blocking_child(info: Mapping[str, str], aof: bool = False) -> str:
    """Return what a save has to wait for, empty when nothing; pure.

    A rewrite that is only scheduled counts for a copy of the AOF alone: after three failures the engine (7.0 and
    later, Valkey) puts it off by up to an hour, and a save may begin meanwhile.
    """
    if info.get("rdb_bgsave_in_progress", "0") != "0":
        return "a save that was running already"
    if info.get("aof_rewrite_in_progress", "0") != "0" or (aof and info.get("aof_rewrite_scheduled", "0") != "0"):
        return "a rewrite of the AOF"
    if info.get("module_fork_in_progress", "0") != "0":
        return "a child process of a module"
    if info.get("loading", "0") != "0":
        return "the server to load its data"
    return ""


def is_rewrite_postponed(info: Mapping[str, str]) -> bool:
    """Return whether a rewrite of the AOF is due and has failed before; pure."""
    failed = info.get("aof_last_bgrewrite_status", "ok") != "ok"
    return failed and info.get("aof_rewrite_in_progress") == "0" and info.get("aof_rewrite_scheduled") == "1"


def judge_save(before: Mapping[str, str], now: Mapping[str, str], began: int, replaced: bool) -> str:
    """Return why a save that has ended is none, empty when it is a good one; pure."""
    if before.get("run_id") != now.get("run_id"):
        return "the server was restarted while it saved"
    if now.get("rdb_last_bgsave_status") != "ok":
        return "the save failed"
    if parse_number(now.get("rdb_last_save_time")) < began or not replaced:
        return "the save ended without a new file: its process was stopped"
    return ""


def open_safely(path: Path, user: str) -> BinaryIO:
    """Open a file that the server names: it may be broken into, and must not make us read what is not its own."""
    number_ = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    file = os.fdopen(number_, "rb")
    status, account = os.fstat(number_), find_account(user)
    # Not only for root: the timer reads everything, too.
    mine = account is None or status.st_uid in (account.pw_uid, os.geteuid() or account.pw_uid)
    mine = mine or path.parent == Path("/etc/redis")
    if not stat.S_ISREG(status.st_mode) or not mine:
        file.close()
        raise QuorumError(f"{path} is no file of the user {user}", "", "Nothing was copied")
    return file


class Saver:
    """Takes one snapshot of one server on this host."""

    def __init__(self, client: Client, unit: str, user: str, wait: float, tell: Tell, note: Path) -> None:
        """Remember whom to ask, how long, and where to note what is owed to the server."""
        self.note = note
        self.client, self.unit, self.user, self.tell = client, unit, user, tell
        self.end = time.monotonic() + wait
        self.wait = wait
        self.log: Optional[Path] = None
        self.log_offset = 0
        self.where = str(client.endpoint)

    def read_info(self) -> Dict[str, str]:
        """Return INFO as one dictionary."""
        return parse_info(self.client.call("INFO"))

    def find_path(self) -> Path:
        """Return where the engine writes its snapshot."""
        settings = self.client.read_pairs("CONFIG", "GET", "dir"), self.client.read_pairs("CONFIG", "GET", "dbfilename")
        return Path(settings[0]["dir"]) / settings[1]["dbfilename"]

    def take_snapshot(self) -> Snapshot:
        """Wait for other children, save, and return the file, open. SaveFailed: the reason is in the message."""
        path, start = self.find_path(), time.monotonic()
        self.log, self.log_offset = self._log_file()
        old = self._opened(path)
        try:
            with self._harmless():
                before, began, until = self.begin_save()
                self._await(before)
            file = self._opened(path)
            replaced = file is not None and (old is None or not _same(old, file))
            now = self.read_info()
            why = judge_save(before, now, began, replaced)
            if not why and file and not _is_of(Save("", began, before, until=until), file, path):
                why = REPLACED
            if why or file is None:
                if file:
                    file.close()
                raise self._failure(why or "the file is gone", began)
        finally:
            if old:
                old.close()  # until now, so that its inode could not be used again
        return Snapshot(file, before, float(began), round(time.monotonic() - start, 1))

    def adopt_save(self, save: Save) -> Snapshot:
        """Return the file of a save that was begun from elsewhere, open, once it has ended."""
        path, start = self.find_path(), time.monotonic()
        self.log = self._log_file()[0]
        if save.owed:
            self.note.touch()
        with self.settle_owed():
            self._await(save.info)
            why = judge_save(save.info, self.read_info(), save.began, True)
            file = None if why else self._opened(path)
            if file is None:
                raise self._failure(why or "the file is gone", save.began)
            if not _is_of(save, file, path):
                file.close()
                raise self._failure(REPLACED, save.began)
        return Snapshot(file, save.info, float(save.began), round(time.monotonic() - start, 1))

    def _opened(self, path: Path) -> Optional[BinaryIO]:
        try:
            return open_safely(path, self.user)
        except FileNotFoundError:
            return None

    @contextmanager
    def _harmless(self) -> Iterator[None]:
        """Let a save that fails harm nobody: the engine would refuse all writes, and a replica since 7.0 end itself.

        The setting comes back when no failed save stands, by this run or by the next; the note outlives both.
        """
        self.await_idle()
        if self.stops_writes():
            self.note.touch()
            self.client.call("CONFIG", "SET", STOP, "no")
        with self.settle_owed():
            yield

    def stops_writes(self) -> bool:
        """Return whether a save that fails now would stop the writes."""
        return self.client.read_pairs("CONFIG", "GET", STOP).get(STOP) == "yes" and self._well()

    @contextmanager
    def settle_owed(self) -> Iterator[None]:
        """Give back afterwards what is noted, if no failed save stands."""
        try:
            yield
        finally:
            with contextlib.suppress(QuorumError):
                if self.note.exists() and self._well():
                    self.client.call("CONFIG", "SET", STOP, "yes")
                    self.note.unlink()

    def _well(self) -> bool:
        info = self.read_info()
        return info.get("rdb_last_bgsave_status") == "ok" and info.get("rdb_bgsave_in_progress") == "0"

    def await_idle(self, aof: bool = False) -> Dict[str, str]:
        """Wait until the server has no child, with `aof` until none is about to come either; return INFO."""
        announced = ""
        while True:
            info = self.read_info()
            what = find_blocking_child(info, aof)
            if not what:
                return info
            if aof and is_rewrite_postponed(info):
                raise QuorumError(
                    "A rewrite of the AOF has failed, and the engine puts the next one off",
                    self.where,
                    "No backup was made. The log of the server says why: mend that, let it BGREWRITEAOF, run again",
                )
            if what != announced:
                announced = what
                self.tell(f"waiting for {what}")
            self._in_time(f"{what} has not ended")
            time.sleep(PAUSE)

    def begin_save(self) -> tuple[Dict[str, str], int, int]:
        """Begin a save; return INFO of the moment of the fork, and from when to when its file is stamped."""
        while True:
            info, since = self.await_idle(), int(time.time()) - 1
            # In the second of an earlier save the two could not be told apart.
            while stamp_of(self.client.call("TIME")) <= parse_number(info.get("rdb_last_save_time")):
                self._in_time("the clock of the server is behind its last save")
                time.sleep(PAUSE)
            try:
                # One packet: no write comes between the count of the keys and the fork.
                text, clock, _said, end = self.client.send_together([["INFO"], ["TIME"], ["BGSAVE"], ["TIME"]])
            except CommandFailed as problem:
                if any(word in problem.text for word in _BUSY):
                    self._in_time(f"the save cannot begin: {problem.text}")
                    time.sleep(PAUSE)
                    continue
                raise self._failure(f"the save cannot begin: {problem.text}", since) from None
            return parse_info(text), stamp_of(clock), stamp_of(end) + SLACK

    def _await(self, before: Mapping[str, str]) -> None:
        """Wait for the end of the save."""
        begin = announced = time.monotonic()
        self.tell("saving")
        while True:
            now = self.read_info()
            if now.get("rdb_bgsave_in_progress") == "0" or now.get("run_id") != before.get("run_id"):
                return
            self._in_time("the save has not ended; it goes on")
            if time.monotonic() - announced > 10:
                announced = time.monotonic()
                done, total = now.get("current_save_keys_processed"), now.get("current_save_keys_total")
                self.tell(f"saving for {announced - begin:.0f} s" + (f", {done} of {total} keys" if done else ""))
            time.sleep(PAUSE)

    def _in_time(self, what: str) -> None:
        if time.monotonic() > self.end:
            raise QuorumError(f"After {self.wait:g} s {what}", self.where, "No backup was made. Wait longer, run again")

    def _failure(self, why: str, since: int) -> SaveFailed:
        reason = reason_in_log(self._log(since)) if "restarted" not in why and why != REPLACED else ""
        todo = "No backup was made, and earlier ones are untouched. "
        todo += f"{STOP} is off until a backup succeeds or site.yml runs. " if self.note.exists() else ""
        return SaveFailed(f"{why}{': ' + reason if reason else ''}", self.where, todo + _advice(reason or why))

    def _log_file(self) -> Tuple[Optional[Path], int]:
        """Return the server's log file and where its new lines will begin; without one it is the journal."""
        name = self.client.read_pairs("CONFIG", "GET", "logfile").get("logfile", "")
        try:
            with open_safely(self.find_path().parent / name, self.user) as file:
                return self.find_path().parent / name, os.fstat(file.fileno()).st_size
        except (OSError, QuorumError):
            return None, 0

    def _log(self, since: int) -> str:
        """Return what the engine said: from its log file where it has one, else from the journal."""
        try:
            if self.log:
                with open_safely(self.log, self.user) as file:
                    file.seek(max(self.log_offset, os.fstat(file.fileno()).st_size - 65536))
                    return file.read().decode("utf-8", "replace")
            ask = ["journalctl", "--no-pager", "-o", "cat", "--since", f"@{since}", "-u", self.unit]
            return run_program(ask, seconds=20, errors=IGNORED)[1]
        except (OSError, QuorumError):
            return ""


def _advice(reason: str) -> str:
    for words, todo in (
        (("No space left", "quota"), "Free space on the file system of the data"),
        (("fork",), "Free memory on that host, or set vm.overcommit_memory to 1"),
        (("denied", "Read-only"), "Give the engine the right to write to its data directory"),
        (("taken the place",), "Run it again"),
    ):
        if any(word in reason for word in words):
            return todo
    return "Look at the log of the server"


def _is_of(save: Save, file: BinaryIO, path: Path) -> bool:
    return belongs_to_save(read_header(os.pread(file.fileno(), 8192, 0), str(path)), save)


def _same(left_file: BinaryIO, other: BinaryIO) -> bool:
    left, right = os.fstat(left_file.fileno()), os.fstat(other.fileno())
    return (left.st_dev, left.st_ino) == (right.st_dev, right.st_ino)
