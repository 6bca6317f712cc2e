# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One process is restarted and awaited: what it was, what it is on its way back, when it is whole again."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import Any, Mapping

from .._core.errors import (
    CommandFailed,
    Loading,
    QuorumError,
    Unreachable,
)
from .._core.reconcile import Module, Reconciler, Step
from .._host.commands import run_program
from .._host.start import failure_of
from .._model.observed import PARKED
from .._redis.client import Client, connect
from .._redis.endpoint import endpoint_from_params
from .._redis.observe import look_at_all, observe_nodes
from .._redis.replies import parse_info, parse_number
from .waiting import cluster_fault

PAUSE = 0.1


@dataclass
class View:
    """The process as it is; no run id when it does not run."""

    info: dict[str, str] = field(default_factory=dict)
    watched: dict[str, bool] = field(default_factory=dict)  # of a Sentinel: name -> is there a quorum
    save: str = ""

    @property
    def run_id(self) -> str:
        """Return what changes with each start."""
        return self.info.get("run_id", "")

    @property
    def in_cluster(self) -> bool:
        """Return whether it is a member of a cluster."""
        return "cluster" in (self.info.get("redis_mode"), self.info.get("server_mode"))


def explain_no_restart(view: View, members: int) -> str:
    """Return why this server must not be restarted, empty when it may be; pure."""
    if view.info.get("role") != "master":
        return ""
    if view.in_cluster and members > 1:
        return "it is the primary of its shard"
    replicas = int(view.info.get("connected_slaves", "0"))
    if replicas or members > 1:
        return f"it is the primary of {replicas or members - 1} replica{'s' if (replicas or members - 1) > 1 else ''}"
    keys = any(name.startswith("db") and "keys=" in value for name, value in view.info.items())
    if keys and view.info.get("aof_enabled") == "0" and not view.save:
        return "it holds data and neither snapshots nor the AOF are on, so a restart would lose all of it"
    return ""


def server_state(now: Mapping[str, str], was: View, offset: int) -> str:
    """Return what a server on its way back is doing, 'in sync' when it is there; pure."""
    if now.get("run_id", "") == was.run_id:
        return "restarting"
    if now.get("loading") == "1":
        return "loading"
    primary = (now.get("master_host", ""), parse_number(now.get("master_port")))
    if now.get("role") != "slave" or primary == PARKED:
        return "in sync"
    where = f"{primary[0]}:{primary[1]}"
    if now.get("master_sync_in_progress") == "1":
        return f"full synchronisation with {where}"
    if now.get("master_link_status") != "up":
        return f"link to {where} down"
    if int(now.get("slave_repl_offset", "0")) < offset:
        return f"behind {where}"
    return "in sync"


def progress_share(now: Mapping[str, str]) -> str:
    """Return how much of a load or of a full synchronisation is done, empty when nothing is known of it; pure.

    Redis tells the size of what it receives from 6.2 on, and never when the primary streams it without a file.
    """
    if now.get("loading") == "1":
        done, whole = now.get("loading_loaded_bytes", "0"), now.get("loading_total_bytes", "0")
    elif now.get("master_sync_in_progress") == "1":
        done, whole = now.get("master_sync_read_bytes", "0"), now.get("master_sync_total_bytes", "0")
    else:
        return ""
    if int(whole) > 0:
        return f"{int(done) * 100 // int(whole)} %, {int(done) / 2**20:.1f} of {int(whole) / 2**20:.1f} MiB"
    return f"{int(done) / 2**20:.1f} MiB so far" if int(done) else ""


def sentinel_state(now: View, was: View) -> str:
    """Return what a Sentinel on its way back is doing, 'in sync' when it is there; pure."""
    if now.run_id == was.run_id:
        return "restarting"
    missing = [name for name in was.watched if name not in now.watched]
    if missing:
        return f"does not watch {', '.join(missing)} yet"
    alone = [name for name, quorum in was.watched.items() if quorum and not now.watched[name]]
    return f"no quorum for {', '.join(alone)} yet" if alone else "in sync"


@dataclass
class RestartUnit(Step):
    """Restart it, and wait until it is where it was."""

    was: View


@dataclass
class GoOn(Step):
    """Wait for what an earlier call has begun."""


class Restart(Reconciler[View]):
    """One unit."""

    def __init__(self, module: Module) -> None:
        """Read the options."""
        super().__init__()
        self.params = module.params
        self.sentinel = self.params["kind"] == "sentinel"
        self.endpoint = endpoint_from_params(self.params)
        self.progress: list[str] = []
        self.seconds = 0.0
        self.share = ""
        self.left: dict[str, Any] = {}

    def observe(self) -> View:
        """Look at the process; that it does not run is no error."""
        try:
            with connect(self.endpoint) as client:
                view = View(parse_info(client.call("INFO")))
                if self.sentinel:
                    view.watched = _watched(client)
                else:
                    view.save = _save_points(client)
                return view
        except (Unreachable, Loading) as problem:
            if isinstance(problem, Unreachable) and problem.kind != "refused":
                raise
            return View()

    def plan(self, obs: View) -> list[Step]:
        """Restart it, or leave it alone; or go on with what an earlier call has begun."""
        if self.params["resume"]:
            return [GoOn(f"wait until {self.params['name']} is in sync")]
        if not self.sentinel and explain_no_restart(obs, len(self.params["members"])):
            return []
        return [RestartUnit(f"restart {self.params['unit']} and wait until {self.params['name']} is in sync", obs)]

    def apply(self, step: Step) -> None:
        """Restart, then wait; the time for both is bounded."""
        begin = time.monotonic()
        back = time.monotonic() + self.params["patience"] if self.params["patience"] else None
        if isinstance(step, RestartUnit):
            was = step.was
            offset = self._offset(was)
            self._let_finish(was, begin + self.params["wait"])
            self._run(self.params["wait"])
        else:
            earlier = self.params["resume"]
            was, offset = View({"run_id": earlier["run_id"]}, earlier["watched"]), int(earlier["offset"])
            begin -= float(earlier["seconds"])
            self.progress = list(earlier["progress"])
        end = begin + self.params["wait"]
        while not self._back(was, offset, begin):
            if time.monotonic() > end:
                raise QuorumError(
                    f"{self.params['name']} is not in sync {self.params['wait']} s after the restart of "
                    f"{self.params['unit']}: {'; '.join(self.progress)}",
                    str(self.endpoint),
                    "The other members were not touched. Look at the journal of that unit, then run again",
                )
            if back is not None and time.monotonic() > back:
                self.left = {"run_id": was.run_id, "watched": was.watched, "offset": offset}
                self.left.update(seconds=self.seconds, progress=self.progress)
                return
            time.sleep(PAUSE)

    def _back(self, was: View, offset: int, begin: float) -> bool:
        """Look once, note a state that is new, and tell whether all is well."""
        now, self.share = self._state(was, offset)
        self.seconds = round(time.monotonic() - begin, 1)
        if not self.progress or not self.progress[-1].endswith(f" s {now}"):
            self.progress.append(f"{self.seconds} s {now}")
        return now == "in sync"

    def _let_finish(self, now: View, end: float) -> None:
        """Wait until no AOF is written anew: before its first one is whole an engine does not end, and forgets that."""
        while now.info.get("aof_rewrite_in_progress") == "1" and time.monotonic() < end:
            if not self.progress:
                self.progress.append("0.0 s waits for the rewrite of its AOF")
            time.sleep(PAUSE)
            now = self.observe()

    def _run(self, seconds: float) -> None:
        command, begin = [*self.params["command"], self.params["unit"]], time.time()
        try:
            code, output = run_program(command, seconds=seconds)
            output = output.strip() if code else ""
        except OSError as problem:
            output = str(problem)
        if output:
            todo = "The other members were not touched. Repair this one, then run again"
            raise failure_of(self.params["unit"], "restart", output, begin, todo)

    def _offset(self, was: View) -> int:
        """Return where the primary is in its stream, or at least where this replica is."""
        own = int(was.info.get("slave_repl_offset", "0"))
        host, port = was.info.get("master_host", ""), parse_number(was.info.get("master_port"))
        if self.sentinel or was.info.get("role") != "slave" or (host, port) == PARKED:
            return 0
        try:
            with connect(replace(self.endpoint, address=host, port=port, socket=None)) as client:
                return max(own, int(parse_info(client.call("INFO")).get("master_repl_offset", "0")))
        except QuorumError:
            return own

    def _state(self, was: View, offset: int) -> tuple[str, str]:
        try:
            now = self.observe()
        except Unreachable:
            return "does not answer", ""
        if not now.run_id:
            return "does not listen yet", ""
        if self.sentinel:
            return sentinel_state(now, was), ""
        state = server_state(now.info, was, offset)
        if state == "in sync" and now.in_cluster:
            state = cluster_fault(self._told()) or state
        return state, progress_share(now.info)

    def _told(self) -> dict[str, dict[str, str]]:
        """Return what every member says of the cluster, this one too."""
        places = [(item["address"], int(item["port"])) for item in self.params["members"]]
        others = [
            (f"{host}:{port}", replace(self.endpoint, address=host, port=port, socket=None)) for host, port in places
        ]
        answers = look_at_all(lambda place, _name: observe_nodes(place), others)
        return {name: answer for (name, _place), answer in zip(others, answers)}

    def result(self, obs: View, steps: list[Step]) -> dict[str, Any]:
        """Return how it went."""
        why = "" if steps or self.sentinel else explain_no_restart(obs, len(self.params["members"]))
        if why:
            self.warnings.append(f"{self.params['name']} needs a restart and was left alone: {why}")
        outcome = {"skipped_primary": bool(why), "why": why, "progress": self.progress, "seconds": self.seconds}
        return {**outcome, "resume": self.left, "share": self.share} if self.left else outcome


def _save_points(client: Client) -> str:
    try:
        return client.read_pairs("CONFIG", "GET", "save").get("save", "")
    except CommandFailed:
        return "unknown, CONFIG is renamed"


def _watched(client: Client) -> dict[str, bool]:
    """Return what a Sentinel watches, and for which of it there is a quorum."""
    quorums: dict[str, bool] = {}
    for reply in client.call("SENTINEL", "MASTERS"):
        name = dict(zip(reply[::2], reply[1::2]))["name"]
        try:
            quorums[name] = str(client.call("SENTINEL", "CKQUORUM", name)).startswith("OK")
        except CommandFailed:
            quorums[name] = False
    return quorums
