# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Around the steps of a move of the primary: lock, dead man's switch, connections, time, and the way back."""

from __future__ import annotations

import signal
import time
from typing import Any, Dict, List, NoReturn, Sequence, Tuple

from .._core.errors import QuorumError, Refused
from .._core.reconcile import Step
from .._host.watchdog import Deadman
from .._redis.client import Client, connect
from .._redis.client_list import parse_client_list
from .._redis.connections import Talk
from .._redis.observe import Place
from .._redis.replies import parse_number
from .rollback import Rescue
from .steps import Plan

LOCK = "quorum.redis:failover"
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def list_holders(listed: str) -> List[Dict[str, str]]:
    """Return the connections of failovers that are at work, of those that CLIENT LIST has."""
    return [row for row in parse_client_list(listed) if row.get("name") == LOCK]


def refuse_busy(name: str, held: Dict[str, str], where: str) -> NoReturn:
    """Say that another one is at work."""
    what = f"Another failover or restore of {name} is at work, from {held.get('addr', '?')}"
    raise Refused(what, where, "Run again when it is over; nothing was changed")


def take_lock(talk: Talk, name: str, host: str) -> None:
    """Take the lock, which is the name of our connections: it goes when the process goes.

    Looking and taking are one transaction, so of two at once the second sees the first.
    """
    listed = talk.ask_member(
        host, lambda client: client.run_transaction([("CLIENT", "LIST"), ("CLIENT", "SETNAME", LOCK)])
    )[0]
    for held in list_holders(listed):
        refuse_busy(name, held, host)
    talk.label = LOCK


def check_lock(places: Sequence[Place], name: str) -> None:
    """Refuse when a failover is at work on one of these members."""
    talk = Talk(dict(places))
    try:
        for host, _place in places:
            for held in list_holders(talk.call(host, "CLIENT", "LIST")):
                refuse_busy(name, held, host)
    finally:
        talk.close()


class Base(Talk):
    """One move, without its steps."""

    def __init__(self, plan: Plan, name: str, places: Sequence[Place], watchers: Sequence[Place], wait: float) -> None:
        """Take the plan; nothing happens yet."""
        super().__init__(dict(places))
        self.plan, self.name, self.wait = plan, name, wait
        seen = {one.host for one in [plan.old, plan.target, *plan.others] if one.reachable}
        self.watchers = list(watchers)
        self.sentinels: List[Tuple[str, Client]] = []
        self.seen = [host for host in self.places if host in seen]
        self.rescue = Rescue(
            name, {host: self.places[host] for host in self.seen}, plan.old.host, plan.target.host, self.watchers
        )
        self.deadman = Deadman(self.rescue.undo_move)
        self.offsets: Dict[str, int] = {}
        self.timings: List[Dict[str, Any]] = []
        self.warnings: List[str] = []
        self.begun, self.fenced, self.writable, self.named = 0.0, 0.0, 0.0, 0.0
        self.handlers: Dict[int, Any] = {}

    def carry_out(self, step: Step) -> None:
        """Do what the class of a step says."""
        raise NotImplementedError

    # Around the steps

    def get_ready(self) -> None:
        """Take the lock, and get ready to be interrupted."""
        self.begun = time.monotonic()
        holder = self.plan.target.host if self.plan.method == "unplanned" else self.plan.old.host
        take_lock(self, self.name, holder)
        if self.plan.method != "unplanned" and self.read_role(holder) != "master":
            raise Refused(
                f"{holder} is not the primary any more", f"data set {self.name}", "Run again; nothing was changed"
            )
        self.sentinels = [(host, connect(place)) for host, place in self.watchers]
        self.deadman.start()
        for each in SIGNALS:
            self.handlers[each] = signal.signal(each, self._interrupted)

    def let_go(self) -> None:
        """Let go of everything."""
        for each, handler in self.handlers.items():
            signal.signal(each, handler)
        self.handlers = {}
        self.deadman.stop()
        self.close()
        for _host, client in self.sentinels:
            client.close()
        self.sentinels = []

    def _interrupted(self, signum: int, _frame: Any) -> None:
        raise QuorumError(f"Interrupted by signal {signum}")

    def do_step(self, step: Step, last: bool) -> None:
        """Do one step; when it fails, undo all and say so."""
        started = time.monotonic()
        try:
            if not self.begun:
                self.get_ready()
            self.carry_out(step)
        except QuorumError as problem:
            if self.deadman.pipe is None:
                self.let_go()
                raise
            for each in SIGNALS:
                signal.signal(each, signal.SIG_IGN)
            # The way back may take longer, has a limit of its own, and is not to be killed.
            self.deadman.set_urgent(False)
            said = self.rescue.undo_move()
            self.let_go()
            what = f'The move of {self.name} to {self.plan.target.name} stopped at the step "{step.text}"'
            raise QuorumError(
                f"{what}: {str(problem).rstrip('.')}", "", f"{said}; temporary settings are undone"
            ) from None
        self.timings.append({"step": step.text, "ms": round((time.monotonic() - started) * 1000)})
        if last:
            self.let_go()

    # Looking

    def caught_up(self, offset: int, seconds: float) -> None:
        """Wait until the target has everything up to an offset."""
        host = self.plan.target.host

        def enough() -> bool:
            self.offsets["target"] = parse_number(self.read_info(host).get("slave_repl_offset"))
            return self.offsets["target"] >= offset

        self.wait_until(f"{self.plan.target.name} did not reach offset {offset}, waiting", enough, seconds, 0.002)

    def measure_gaps(self) -> Dict[str, int]:
        """Return how long writes were not possible, and how long Sentinels named the old primary."""
        if not self.fenced:
            return {}
        found = {"gap_ms": round((self.writable - self.fenced) * 1000)}
        if self.watchers:
            found["named_ms"] = round((self.named - self.fenced) * 1000)
        return found
