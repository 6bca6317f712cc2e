# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""End a move of the primary that went wrong: forward where the new primary serves already, else back; observes anew."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, Dict, List, Sequence

from .._core.errors import QuorumError
from .._model.observed import Observed, SentinelView
from .._redis.client import Client, connect
from .._redis.client_list import EVERYBODY, follow_server
from .._redis.connections import call_quietly, rewrite_config
from .._redis.observe import Place, observe_sentinels, observe_server
from .._redis.replies import parse_master, parse_number
from .._replication.interrupted import MARK, SETTINGS
from .down_after import hold_back, reset_down_after

PATIENCE = 5.0
LIMIT = 40.0
TILTED = 240.0  # while a Sentinel that moves the primary is in TILT: 30 s, anew each time that its host halts


def reset_settings(client: Client) -> None:
    """Undo every temporary setting of one server; its value says what it was."""
    for key in SETTINGS:
        value = parse_number(client.read_pairs("CONFIG", "GET", key).get(key), 0)
        if value >= MARK:
            client.call("CONFIG", "SET", key, value - MARK)


@dataclass
class Rescue:
    """Needs nothing but places: it also runs in a process that knows nothing of how far the move had come."""

    name: str
    places: Dict[str, Any]  # of those that answered before the move
    old: str
    target: str
    watchers: Sequence[Place] = field(default_factory=list)
    sure: bool = False  # whether no order to follow the old one is on its way to the target
    serves: bool = False  # whether the target was seen as the primary

    def undo_move(self) -> str:
        """Bring the set back to one primary that accepts writes, say who it is, and let the Sentinels be as before."""
        outcome = self._end()
        reset_down_after(self.watchers, self.name)
        return outcome

    def _end(self) -> str:
        held, aborted, doubt = False, False, False
        begun = start = time.monotonic()
        while True:
            old = self._observe_old()
            if old.parked and not held:
                # A primary that says for long that it is a replica is dead to them. They would promote somebody when
                # it has just begun to accept writes again, or when the failover that was ordered is given up.
                held = True
                hold_back(self.watchers, self.name)
            target = observe_server(self.places[self.target], self.target)
            doubt = doubt and not target.reachable and target.error_kind != "refused"
            views = observe_sentinels(self.watchers)
            moving = [view for view in views if self._moving(view)]
            if any(view.tilt for view in moving):
                # It neither goes on with its failover nor gives it up before that is over.
                start = min(time.monotonic(), begun + TILTED)
            new = "" if old.role == "primary" else self._find_new(old, target, views)
            if new and not (self.watchers or self.sure or self._stays_primary()):
                new, doubt = "", True
            if new:
                self.serves = target.role == "primary"
                return self._forward(old, new)
            if not moving and old.reachable and not doubt:
                return self._back(old)
            if moving and not aborted and time.monotonic() - start > PATIENCE:
                aborted = True
                self._abort(moving)
            if time.monotonic() - start > LIMIT:
                self._tidy()
                return (
                    f"who is primary is not known: {self.old} {old.error_kind or old.role}, {self.target} "
                    f"{target.error_kind or target.role}"
                )
            time.sleep(0.1)

    def _observe_old(self) -> Observed:
        """Look at the old primary; one that was dead has no place: should it come back, it has no say any more."""
        place = self.places.get(self.old)
        return observe_server(place, self.old) if place else Observed(self.old, error_kind="silent")

    def _stays_primary(self) -> bool:
        """Return whether the target is the primary once every other connection to it is cut.

        On one of them the order to follow the old primary again may be on its way, held up by the network.
        """
        try:
            with connect(self.places[self.target]) as client:
                return bool(client.run_transaction([EVERYBODY, ("ROLE",)])[-1][0] == "master")
        except QuorumError:
            return False

    def _moving(self, view: SentinelView) -> bool:
        watched = view.masters.get(self.name)
        return watched is not None and "failover_in_progress" in watched.flags

    def _find_new(self, old: Observed, target: Observed, views: Sequence[SentinelView]) -> str:
        """Return who is the primary now: the target, or another one that the Sentinels have made it instead."""
        if target.role == "primary" or self._named(target, views):
            return self.target
        watched = [view.masters[self.name] for view in views if self.name in view.masters]
        if all(old.is_at(master.address, master.port) for master in watched):
            return ""
        others = {host: place for host, place in self.places.items() if host not in (self.old, self.target)}
        seen = [observe_server(place, host) for host, place in others.items()]
        # What one Sentinel says may be of yesterday: who is followed is a primary.
        return next((each.host for each in seen if each.role == "primary" and self._named(each, views)), "")

    def _named(self, member: Observed, views: Sequence[SentinelView]) -> bool:
        """Return whether the Sentinels have made a member the primary, although it may be silent at the moment."""
        watched = [view.masters[self.name] for view in views if self.name in view.masters]
        return any(member.is_at(master.address, master.port) for master in watched)

    def _back(self, old: Observed) -> str:
        """Let the old primary go on, unless it has found its place in a set that others have put right."""
        with connect(self.places[self.old]) as client:
            if old.failover_state not in ("", "no-failover"):
                call_quietly(client.call, "FAILOVER", "ABORT")
            if old.parked:
                client.call("REPLICAOF", "NO", "ONE")
            call_quietly(client.call, "CLIENT", "UNPAUSE")
            role = client.call("ROLE")[0]
        self._tidy()
        return f"{self.old} goes on as the primary" if role == "master" else f"{self.old} is a replica"

    def _forward(self, old: Observed, new: str) -> str:
        """Let the others follow the new primary."""
        place = self.places[new]
        for host in [self.old] if self.watchers else [host for host in self.places if host != new]:
            seen = old if host == self.old else observe_server(self.places[host], host)
            if seen.reachable and not (
                seen.primary and place.address == seen.primary.address and place.port == seen.primary.port
            ):
                with connect(self.places[host]) as client:
                    follow_server(client, place.address, place.port)
        self._tidy()
        return f"{new} is the primary"

    def _tidy(self) -> None:
        """Undo the temporary settings of every member that answers, and have the roles written down."""
        for place in self.places.values():
            try:
                with connect(place) as client:
                    reset_settings(client)
                    rewrite_config(client)
            except QuorumError:
                continue

    def _abort(self, moving: Sequence[SentinelView]) -> None:
        """Make Sentinels give up a failover whose target does not answer: its time-out, for a moment, is over."""
        old = call_quietly(connect, self.places[self.old])
        if old is not None:
            call_quietly(old.call, "FAILOVER", "ABORT")
            call_quietly(old.call, "CLIENT", "UNPAUSE")
            old.close()
        places = dict(self.watchers)
        for view in moving:
            call_quietly(self._give_up, places[view.host], view.masters[self.name].failover_timeout)

    def _give_up(self, place: Any, timeout: int) -> None:
        with connect(place) as client:
            client.call("SENTINEL", "SET", self.name, "failover-timeout", 1)
            try:
                for _count in range(30):
                    time.sleep(0.1)
                    flags: List[str] = parse_master(client.call("SENTINEL", "MASTER", self.name))[1].flags
                    if "failover_in_progress" not in flags:
                        return
            finally:
                client.call("SENTINEL", "SET", self.name, "failover-timeout", timeout)
