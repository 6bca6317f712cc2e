# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carry out a restore: prove the backup beside the present data, let the primary take it, go back when a step fails."""

from __future__ import annotations

import time
from typing import Callable, Dict, Type

from .._backup.create import make_backup
from .._backup.job import Job
from .._backup.snapshot import is_rewrite_postponed
from .._core.errors import Damaged, QuorumError, Refused, Unreachable
from .._core.reconcile import Step
from .._engine.seed_server import ADDRESS, read_credentials, stage_backup
from .._failover.down_after import reset_down_after
from .._host.capacity import memory_free
from .._model.observed import PARKED
from .._redis.client_list import EVERYBODY
from .._redis.connections import call_quietly, rewrite_config
from .._redis.engine_modules import list_modules, render_modules
from .._redis.replies import keys_by_database, parse_info, parse_number
from . import journal
from .operation import RestoreOperation
from .plan import TODO, compare_counts, compare_load
from .rollback import is_linked, is_rewritten
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

BACK = 60.0
CAUGHT_UP = 10.0
NO_LINK = 15.0
PAUSE = 0.05


def keys_of(info: Dict[str, str]) -> Dict[str, int]:
    """Return the number of keys of each database."""
    return {name: counts["key_count"] for name, counts in keys_by_database(info).items()}


class Restorer(RestoreOperation):
    """One restore: a method for each kind of step."""

    def carry_out(self, step: Step) -> None:
        """Do what the class of a step says."""
        methods: Dict[Type[Step], Callable[[], None]] = {
            ProveBackup: self.prove_backup,
            KeepPresent: self.keep_present,
            CalmSentinels: self.calm_sentinels,
            ParkMembers: self.park_members,
            FeedPrimary: self.feed_primary,
            AwaitRewrite: self.await_rewrite,
            ServeWrites: self.serve_writes,
            FollowPrimary: self.follow_primary,
            FinishRestore: self.finish_restore,
        }
        methods[type(step)]()

    def _alive(self) -> None:
        self.watchdog.set_urgent(True)

    # Before the data is touched

    def prove_backup(self) -> None:
        """Load the backup into a server of its own, and count."""
        manifest = self.backup.manifest
        stage_backup(self.backup.directory, manifest, self.feeder.stage, self.setting.user)
        shown = read_credentials(self.get_client(self.head))
        self.feeder.start(shown, render_modules(list_modules(self.get_client(self.head))))
        info = self.feeder.await_loaded(self.setting.wait, self.setting.reserve, lambda: None)
        wrong = compare_counts(keys_of(info), self.backup.databases)
        wrong += filter(None, [compare_load(info, self.backup.databases)])
        if wrong:
            raise Damaged(f"Loaded, the backup is not what its manifest says: {'; '.join(wrong)}", manifest.name, TODO)
        self._fits(info)
        self.entry.feeder_pid = self.feeder.process.pid if self.feeder.process else 0
        self.entry.feeder_id, self.entry.expected = info["master_replid"], keys_of(info)
        self.save_entry()

    def _fits(self, info: Dict[str, str]) -> None:
        """Refuse what the primary cannot hold."""
        used = parse_number(info.get("used_memory"))
        limit = parse_number(self.plan.primary.config.get("maxmemory"))
        if limit and used > limit:
            raise Refused(
                f"The backup takes {used >> 20} MiB of memory, more than the maxmemory of {limit >> 20} MiB", "", TODO
            )
        more = max(0, used - parse_number(self.plan.primary.memory.get("used_memory")))
        if memory_free() < more + self.setting.reserve:
            raise Refused(
                f"{self.head} has {memory_free() >> 20} MiB of memory available, and needs {more >> 20} more", "", TODO
            )

    def keep_present(self) -> None:
        """Make a backup of what is there now: the way back."""
        job = Job(
            self.setting.name,
            self.head,
            self.places[self.head],
            self.setting.keep,
            self.setting.binary,
            self.setting.user,
            f"redis-server@{self.setting.name}.service",
            load=False,
            wait=self.setting.wait,
        )
        self.entry.kept = str(job.place / make_backup(job, lambda _text: None).name)
        self.save_entry()

    def calm_sentinels(self) -> None:
        """Let no Sentinel fail over meanwhile."""
        self.watch.calm_all()

    # The switch

    def park_members(self) -> None:
        """Make all read-only where they are: the primary first, the others when they have all that it has."""
        for host in self.others:  # a parked primary takes no replica, and one in its handshake is cut off as a client
            self.wait_until(f"The link of {host}", lambda host=host: is_linked(self.read_info(host)), BACK, PAUSE)  # type: ignore[misc]
        self._alive()
        replies = self.get_client(self.head).run_transaction([EVERYBODY, ["REPLICAOF", *PARKED], ["INFO"]])
        self.parked = time.monotonic()
        info = parse_info(replies[-1])
        end = parse_number(info.get("slave_repl_offset", info.get("master_repl_offset")))
        self.entry.databases = keys_of(info)
        self.save_entry()
        for host in self.others:
            self._alive()
            what = f"{host} did not reach offset {end}, waiting"
            self.wait_until(what, lambda host=host: self._offset(host) >= end, CAUGHT_UP, 0.005)  # type: ignore[misc]
            self.point_member(host, *PARKED)

    def _offset(self, host: str) -> int:
        return parse_number(self.read_info(host).get("slave_repl_offset"))

    def feed_primary(self) -> None:
        """Let the primary take the data, and compare."""
        self.point_member(self.head, ADDRESS, self.feeder.port)
        begin = time.monotonic()
        while True:
            self._alive()
            now, target = self._now(), self.feeder.read_info()
            if now.get("role") == "master":
                raise QuorumError(f"{self.head} was restarted in the middle")
            if is_linked(now) and now.get("loading") == "0":
                level = parse_number(now.get("slave_repl_offset")) >= parse_number(target.get("master_repl_offset"))
                if level and keys_of(now) == keys_of(target):
                    self.entry.expected = keys_of(now)
                    return
            tries = parse_number(target.get("sync_full"))
            if tries > 1:
                raise QuorumError(f"{self.head} could not take the data: it began again. Its log says why")
            took = time.monotonic() - begin
            if took > self.setting.wait or (took > NO_LINK and not tries):
                raise QuorumError(f"{self.head} has not taken the data after {took:.0f} s. Its log says why")
            time.sleep(PAUSE)

    def _now(self) -> Dict[str, str]:
        """Return INFO of the primary; while it drops its data it may be silent."""
        try:
            return parse_info(self.call(self.head, "INFO"))
        except Unreachable:
            return {}

    def await_rewrite(self) -> None:
        """Wait until what is in memory is on the disk too: else a crash would bring the old data back."""
        end = time.monotonic() + self.setting.wait
        while True:
            self._alive()
            now = self.read_info(self.head, "persistence")
            if now.get("aof_enabled") == "1" and is_rewritten(now):
                return
            if is_rewrite_postponed(now) or time.monotonic() > end:
                raise QuorumError(f"{self.head} cannot rewrite its AOF. Its log says why; free space there")
            time.sleep(PAUSE)

    def serve_writes(self) -> None:
        """Accept writes again."""
        self.save_entry()
        now = self.read_info(self.head)
        if (now.get("master_host"), parse_number(now.get("master_port"))) != (ADDRESS, self.feeder.port):
            raise QuorumError(f"{self.head} was given another role meanwhile")
        self.watch.check_primary()
        self.call(self.head, "REPLICAOF", "NO", "ONE")
        self.served = time.monotonic()
        self.watchdog.set_urgent(False)
        self.feeder.stop()

    # The others

    def follow_primary(self) -> None:
        """Let the others take the new data, all at once: one fork of the primary serves them all."""
        place = self.places[self.head]
        for host in self.others:
            self.point_member(host, place.address, place.port)

    def finish_restore(self) -> None:
        """Wait for everybody, and let Sentinels be as they were."""
        what = f"For {', '.join(self.others)} to follow {self.head}"
        self.wait_until(
            what, lambda: all(is_linked(self.read_info(host)) for host in self.others), self.setting.wait, PAUSE
        )
        for host in self.others:
            self.wait_until(f"The AOF of {host}", lambda host=host: self._safe(host), self.setting.wait, PAUSE)  # type: ignore[misc]
        reset_down_after(self.watchers, self.setting.name)
        count = len(self.others)
        self.wait_until("For the Sentinels to see all", lambda: self.watch.all_agree(count), self.setting.wait, PAUSE)
        for host in [self.head, *self.others]:
            call_quietly(lambda host=host: rewrite_config(self.get_client(host)))
        journal.remove_entry(self.setting.directory)

    def _safe(self, host: str) -> bool:
        return is_rewritten(self.read_info(host, "persistence"))
