# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way out of a restore that went wrong or was cut short: to the end where the new data is complete, else back.

It needs nothing but places and the journal on the disk, and observes anew: it also runs in a process that knows nothing
of how far the restore had come.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import time
from pathlib import Path
from typing import Callable, Dict, List, Optional, Sequence, Tuple

from .._core.errors import QuorumError
from .._failover.down_after import reset_down_after
from .._model.observed import Observed
from .._redis.client import connect
from .._redis.connections import Talk, call_quietly, rewrite_config
from .._redis.observe import Place, observe_all
from . import journal
from .journal import STAGE
from .journal_entry import JournalEntry
from .plan import (
    find_spare,
    find_stage,
    holds_new,
    list_strays,
    other_primary,
    show_counts,
)


class WayOut(Talk):
    """Ends a restore."""

    def __init__(self, directory: str, places: Sequence[Place], watchers: Sequence[Place], name: str) -> None:
        """Take the places; nothing happens yet."""
        super().__init__(dict(places))
        self.directory, self.members, self.watchers, self.name = directory, list(places), list(watchers), name
        self.patience = 600.0
        self.outcome = ""

    def end_restore(self) -> str:
        """Bring the set back to one primary that has all of one data or of the other, and say which."""
        entry = journal.read_entry(self.directory)
        if entry is None:
            return "nothing had been changed"
        end_feeder(self.directory, entry)
        head, stage = self._settle(entry)
        ends: Dict[str, Callable[[Observed, JournalEntry], str]] = {
            "serving": self._confirm_serving,
            "new": self._keep_backup,
            "old": self._keep_present,
            "lost": self._fetch_present,
            "moved": self._follow_other,
            "silent": self._explain_silence,
            "busy": self._explain_loading,
        }
        outcome = ends[stage](head, entry)
        if self.outcome:
            if not self._await_followers(entry):
                outcome += "; some member is not in sync yet, run site.yml"
            reset_down_after(self.watchers, self.name)
            for host in self.places:
                call_quietly(self._write_down, host)
            shutil.rmtree(Path(self.directory) / STAGE, ignore_errors=True)
            journal.remove_entry(self.directory)
        self.close()
        return outcome

    def _look(self) -> List[Observed]:
        return observe_all(self.members)

    def _settle(self, entry: JournalEntry) -> Tuple[Observed, str]:
        """Wait while the former primary does not answer or loads."""
        over = time.monotonic() + self.patience
        while True:
            members = self._look()
            head = next((member for member in members if member.host == entry.head), Observed(host=entry.head))
            stage = find_stage(head, entry, members)
            if stage not in ("busy", "silent") or time.monotonic() > over:
                return head, stage
            time.sleep(0.2)

    # What the former primary has come to

    def _confirm_serving(self, head: Observed, entry: JournalEntry) -> str:
        loaded = bool(entry.expected) and head.databases == entry.expected != entry.databases
        self.outcome = "new" if loaded or holds_new(head, entry) else "old"
        what = "the backup's data" if self.outcome == "new" else "the present data"
        return f"{head.name} is the primary with {what}, {show_counts(head.databases)}"

    def _keep_backup(self, head: Observed, entry: JournalEntry) -> str:
        """Everything had arrived: let it serve, once its AOF has it too."""
        with contextlib.suppress(QuorumError):
            self.wait_until(
                "The AOF", lambda: is_rewritten(self.read_info(head.host, "persistence")), self.patience, 0.1
            )
        self.call(head.host, "REPLICAOF", "NO", "ONE")
        self.outcome = "new"
        return f"all of the backup had arrived: {head.name} is the primary with it, {show_counts(head.databases)}"

    def _keep_present(self, head: Observed, entry: JournalEntry) -> str:
        self.call(head.host, "REPLICAOF", "NO", "ONE")
        self.outcome = "old"
        return f"{head.name} goes on as the primary with the present data, {show_counts(head.databases)}"

    def _fetch_present(self, head: Observed, entry: JournalEntry) -> str:
        """Part of the data is gone from the former primary: let it take all of it from a member that has it."""
        source = find_spare(head.host, entry, self._look())
        if source is None:
            return self._ask_for_help(head, entry, "holds neither the present data nor the backup's as a whole")
        place = self.places[source.host]
        try:
            self.call(source.host, "REPLICAOF", "NO", "ONE")
            self.point_member(head.host, place.address, place.port)
            what = f"{head.name} did not get its data back from {source.name}: that"
            self.wait_until(what, lambda: self._has(head.host, entry.databases), self.patience, 0.1)
        except QuorumError as problem:
            return self._ask_for_help(head, entry, f"has not got the present data back from {source.name} ({problem})")
        self.call(head.host, "REPLICAOF", "NO", "ONE")
        self.point_member(source.host, self.places[head.host].address, self.places[head.host].port)
        self.outcome = "old"
        return f"{head.name} has got the present data back from {source.name} and goes on as the primary"

    def _follow_other(self, head: Observed, entry: JournalEntry) -> str:
        """Somebody has made another member the primary: that counts."""
        other = other_primary(head, self._look())
        if other is None:
            return self._ask_for_help(head, entry, "has been replaced by a member that does not answer")
        place = self.places[other.host]
        if head.primary is None or not other.is_at(head.primary.address, head.primary.port):
            self.point_member(head.host, place.address, place.port)
        self.outcome = "moved"
        return f"{other.name} was made the primary meanwhile and goes on with its data, {show_counts(other.databases)}"

    def _explain_silence(self, head: Observed, entry: JournalEntry) -> str:
        return self._ask_for_help(head, entry, "does not answer")

    def _explain_loading(self, head: Observed, entry: JournalEntry) -> str:
        return self._ask_for_help(head, entry, "is still loading")

    def _ask_for_help(self, head: Observed, entry: JournalEntry, what: str) -> str:
        kept = f" The data of before is kept in {entry.kept}." if entry.kept else ""
        return (
            f"{entry.head} {what}, and the Sentinels do not fail over. Bring {entry.head} back, then run restore.yml "
            f"again: it ends this one first.{kept} Members that wait, read-only, with the data of before: "
            f"{', '.join(entry.replicas) or 'none'}"
        )

    # The others

    def _has(self, host: str, databases: Optional[Dict[str, int]]) -> bool:
        observed = next(member for member in self._look() if member.host == host)
        linked = (
            observed.primary is not None and observed.primary.link == "up" and not observed.primary.sync_in_progress
        )
        return linked and observed.databases == databases and is_rewritten(self.read_info(host, "persistence"))

    def _await_followers(self, entry: JournalEntry) -> bool:
        """Let those that wait follow, and wait for them."""
        members = self._look()
        head = next((member for member in members if member.role == "primary"), None)
        if head is None:
            return False
        place = self.places[head.host]
        for member in list_strays(head, members):
            call_quietly(self.point_member, member.host, place.address, place.port)
        rest = [member.host for member in members if member.reachable and member is not head]
        try:
            self.wait_until(
                "To be in sync", lambda: all(is_linked(self.read_info(host)) for host in rest), self.patience, 0.1
            )
        except QuorumError:
            return False
        return True

    def _write_down(self, host: str) -> None:
        with connect(self.places[host]) as client:
            rewrite_config(client)


def is_rewritten(info: Dict[str, str]) -> bool:
    """Return whether the AOF, if there shall be one, has everything."""
    busy = {info.get(key, "0") for key in ("aof_rewrite_in_progress", "aof_rewrite_scheduled", "loading")}
    return busy == {"0"} and info.get("aof_last_bgrewrite_status", "ok") == "ok"


def is_linked(info: Dict[str, str]) -> bool:
    """Return whether a replica is in sync."""
    return info.get("master_link_status") == "up" and info.get("master_sync_in_progress") == "0"


def end_feeder(directory: str, entry: JournalEntry) -> None:
    """End the server of a restore whose process did not take it along; only if it is that one."""
    with contextlib.suppress(OSError, ValueError):
        if entry.feeder_pid and os.readlink(f"/proc/{entry.feeder_pid}/cwd") == str(Path(directory) / STAGE):
            os.kill(entry.feeder_pid, signal.SIGKILL)
