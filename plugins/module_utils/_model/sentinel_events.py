# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Sentinel says and shows, turned into events. Pure.

A move is found by comparing: the epoch and the address of each set with those that were seen last, so none is missed
that happened while nobody listened. What the Sentinel says meanwhile tells when to look, why it happened, and who led.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import AbstractSet, Any, Dict, FrozenSet, List, Mapping, Optional, Sequence

from .addresses import join_address
from .notification import CRASH, MOVED, PLANNED, STUCK, TILT, UNKNOWN, Event

ABORTS = {
    "-failover-abort-not-elected": "a Sentinel wanted to replace it and was not elected by the others",
    "-failover-abort-no-good-slave": "no replica is fit to take over",
    "-failover-abort-slave-timeout": "the chosen replica did not become a primary in time",
    "-failover-abort-no-primary": "the primary is not known any more",
}
CHANNELS = (
    *("+switch-master", "+promoted-slave", "+sdown", "-sdown", "+odown", "-odown"),
    *("+try-failover", "+elected-leader", "+tilt", *ABORTS),
)
PROGRESS = "failover_in_progress"
PATIENCE = 30  # seconds that a primary may be down before somebody is told that nobody replaces it


@dataclass(frozen=True)
class Known:
    """What a Sentinel says of one set."""

    epoch: int
    address: str  # of the primary
    flags: FrozenSet[str] = frozenset()


@dataclass
class Trace:
    """What was heard of one set since its last move."""

    silent: bool = False  # this Sentinel alone sees the primary down
    down: Optional[float] = None  # since when all agree on it
    tried: Optional[bool] = None  # whether it was down when this Sentinel began a failover
    leads: bool = False
    announced: bool = False  # that nobody replaces it


def known_sets(masters: Sequence[Mapping[str, str]], addresses: Mapping[str, str]) -> Dict[str, Known]:
    """Return what SENTINEL MASTERS says, with the addresses that it gives to clients."""
    known = {}
    for row in masters:
        name, before = row["name"], join_address(row["ip"], int(row["port"]))
        address = addresses.get(name) or before
        flags = set(row.get("flags", "").split(","))
        if address != before:
            flags.discard(PROGRESS)  # the new primary is chosen; what goes on is that replicas follow it
        known[name] = Known(int(row.get("config-epoch", 0)), address, frozenset(flags))
    return known


def find_named(channel: str, text: str) -> str:
    """Return the set whose new primary a Sentinel has just named; empty when it has said something else."""
    words = text.split(" ")
    if channel == "+promoted-slave" and "@" in words[:-1]:
        return words[words.index("@") + 1]
    return words[0] if channel == "+switch-master" else ""


class Watch:
    """The events of one Sentinel. `rank`: the place of this host among those that have one."""

    def __init__(self, deployment: str, host: str, rank: int, known: Mapping[str, Known]) -> None:
        """Begin with what was seen last."""
        self.deployment, self.host, self.rank = deployment, host, rank
        self.known = dict(known)
        self.traces: Dict[str, Trace] = {}
        self.blind = True

    def note_loss(self) -> None:
        """Note that what happens from now on is not heard."""
        self.blind = True
        self.traces.clear()

    def _event(self, kind: str, now: float, first: bool, name: str = "", **more: Any) -> Event:
        return Event(kind, self.deployment, self.host, now, name=name, first=first, **more)

    def hear_message(self, channel: str, text: str, now: float) -> List[Event]:
        """Take what the Sentinel said; return what is to be told of it."""
        if channel == "+tilt":
            return [self._event(TILT, now, first=True)]
        words = text.split(" ")
        if len(words) < 4 or words[0] != "master":
            return []
        name, place = words[1], join_address(words[2], int(words[3]))
        trace = self.traces.setdefault(name, Trace())
        if channel in ("+sdown", "-sdown"):
            trace.silent = channel == "+sdown"
        elif channel == "+odown":
            trace.down = now if trace.down is None else trace.down
        elif channel == "-odown":
            trace.down, trace.announced = None, False
        elif channel == "+try-failover":
            trace.tried = trace.down is not None
        elif channel == "+elected-leader":
            trace.leads = True
        elif channel in ABORTS:
            return self._abort(name, place, trace, ABORTS[channel], now)
        return []

    def _abort(self, name: str, place: str, trace: Trace, detail: str, now: float) -> List[Event]:
        cause = CRASH if trace.tried else PLANNED
        trace.leads, trace.tried = False, None
        if trace.announced:
            return []
        trace.announced = cause == CRASH  # it will be tried again and again
        epoch = self.known[name].epoch if name in self.known else 0
        return [self._event(STUCK, now, True, name, cause=cause, new=place, epoch=epoch, detail=detail)]

    def check_down(self, now: float) -> List[Event]:
        """Return which primaries are down for long, with nobody in their place."""
        events = []
        for name, trace in self.traces.items():
            if trace.down is not None and not trace.announced and now - trace.down >= PATIENCE and name in self.known:
                trace.announced, was = True, self.known[name]
                detail = f"no Sentinel has replaced it for {PATIENCE} s"
                fields = {"cause": CRASH, "new": was.address, "epoch": was.epoch, "detail": detail}
                events.append(self._event(STUCK, now, self.rank == 0, name, **fields))
        return events

    def list_moved(self, sets: Mapping[str, Known]) -> List[str]:
        """Return the sets whose primary has moved since it was seen last.

        An epoch that fell is a set that was declared anew, and one that stayed cannot have had a failover.
        """
        names = []
        for name, now in sets.items():
            was = self.known.get(name)
            if was is None or now.epoch <= was.epoch:
                continue
            # The leader raises the epoch before it names the new primary.
            if now.address != was.address or PROGRESS not in now.flags:
                names.append(name)
        return names

    def compare_look(self, sets: Mapping[str, Known], lost: Mapping[str, AbstractSet[str]], now: float) -> List[Event]:
        """Return the moves since the last look; `lost` are the replicas of these sets that are down."""
        events = []
        for name in self.list_moved(sets):
            old, new = self.known[name].address, sets[name].address
            trace = self.traces.pop(name, Trace())
            # Who led is not known to those who did not listen.
            first = trace.leads or (self.blind and self.rank == 0)
            fields = {"cause": self._cause(trace, old in lost.get(name, ())), "old": old, "new": new}
            events.append(self._event(MOVED, now, first, name, epoch=sets[name].epoch, **fields))
            self.known[name] = Known(sets[name].epoch, new)
        for name, seen in sets.items():
            if not (name in self.known and seen.epoch > self.known[name].epoch):  # else it is midway
                self.known[name] = Known(seen.epoch, seen.address)
            if self.blind:
                self.traces[name] = _trace(seen, now)
        for name in set(self.known) - set(sets):
            del self.known[name]
            self.traces.pop(name, None)
        self.blind = False
        return events

    def _cause(self, trace: Trace, gone: bool) -> str:
        if self.blind:
            return CRASH if gone else UNKNOWN
        crashed = trace.tried if trace.tried is not None else trace.silent or trace.down is not None
        return CRASH if crashed else PLANNED


def _trace(seen: Known, now: float) -> Trace:
    """Return from the flags what was said before anybody listened."""
    down, leads = "o_down" in seen.flags, PROGRESS in seen.flags
    return Trace("s_down" in seen.flags, now if down else None, down if leads else None, leads)
