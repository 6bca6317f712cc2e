# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When the timers of several hosts back up a cluster together, how they know that all did, and what goes; pure.

Nobody tells anybody anything. All look at the same time, see the same cluster, and begin at the next round moment of
their clocks. Who has stored and proven a part asks its server once for LASTSAVE; the server counts that, and all others
see the count.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Dict, List, Mapping, Sequence, Tuple

from .._backup.schedule import Kept, list_expired, slot_of

STEP, LEAD = 20.0, 8.0  # seconds: all who look in the first 12 s of a third of a minute begin at the next one
LATE = 5.0  # seconds: who is not ready by then leaves it; clocks that differ by more make no moment
TRIES = 8  # of a period, once servers were saved: hosts may still be at work on what they have


@dataclass
class Seen:
    """What a server counts: its process, the BGSAVE and the LASTSAVE commands that it has had."""

    run_id: str
    saves: int
    acknowledged: int


@dataclass
class Memory:
    """What a host remembers of a cluster between two looks."""

    tried: int = -1  # the last part of a period in which servers were told to save
    id: str = ""  # the last backup for which all servers were seen to save
    period: int = -1  # for which it was made
    waits: Dict[str, Seen] = field(default_factory=dict)  # these servers as they were before it, by their names
    done: int = -1  # the last period with a whole backup
    wholes: List[str] = field(default_factory=list)  # those that are known to be whole, the newest last


@dataclass
class Duty:
    """Whether a backup is due, and why (not)."""

    act: bool
    why: str


def next_moment(now: float) -> float:
    """Return when all begin that look now: the next full third of a minute that leaves time to get ready."""
    return math.ceil((now + LEAD) / STEP) * STEP


def memory_from(data: Mapping[str, object]) -> Memory:
    """Return the memory that the state file holds."""
    memory = Memory(**data)  # type: ignore[arg-type]
    memory.waits = {name: Seen(**vars_) for name, vars_ in memory.waits.items()}  # type: ignore[arg-type]
    return memory


def list_waits(memory: Memory, seen: Mapping[str, Seen]) -> List[str]:
    """Return the servers whose part is not known to be there; one that was restarted has forgotten its count."""
    return [
        name
        for name, before in memory.waits.items()
        if name not in seen or seen[name].run_id != before.run_id or seen[name].acknowledged <= before.acknowledged
    ]


def confirm_whole(memory: Memory, seen: Mapping[str, Seen]) -> Memory:
    """Return the memory after a look: a backup of which all parts are there is whole."""
    if not memory.waits or list_waits(memory, seen):
        return memory
    wholes = [*memory.wholes, memory.id][-100:]
    return replace(memory, waits={}, wholes=wholes, done=max(memory.done, memory.period))


def decide_attempt(memory: Memory, waits: Sequence[str], now: float, period: float, offset: float) -> Duty:
    """Decide after a look, the same on every host. What is refused before a server saves is tried at the next look."""
    if memory.done == slot_of(now, period, offset):
        return Duty(False, f"{memory.wholes[-1]} is whole" if memory.wholes else "done in this period")
    if memory.tried == slot_of(now, period / TRIES, offset):
        why = f"{memory.id} waits for the part of {', '.join(waits)}" if waits else "it failed before"
        return Duty(False, f"{why}; all try again in the next eighth of the period")
    return Duty(True, "due in this period")


def list_unsaved(places: Sequence[str], before: Mapping[str, Seen], now: Mapping[str, Seen]) -> List[str]:
    """Return the servers that were not told to save since."""
    return [
        name
        for name in places
        if name not in now
        or name not in before
        or now[name].run_id != before[name].run_id
        or now[name].saves <= before[name].saves
    ]


def judge_clocks(skews: Mapping[str, Tuple[float, float]]) -> Tuple[str, str]:
    """Return what forbids a backup and what is only worth a warning; each skew comes with its uncertainty."""
    worst = {name: abs(skew) - doubt for name, (skew, doubt) in skews.items()}
    far = [f"{name} by {skews[name][0]:+.1f} s" for name, least in worst.items() if least > 1.0]
    if not far:
        return "", ""
    text = f"clocks differ from that of this host: {', '.join(far)}"
    return (text, "") if max(worst.values()) > LATE else ("", text)


def list_expired_parts(backups: Sequence[Kept], loose: Sequence[str], now: float, count: int, days: float) -> List[str]:
    """Return the backups to remove: each is all that this host has with one time.

    Those that are whole count. Of `loose`, which the timer has made and nobody knows to be whole, those go that are
    older than a whole one, and those that are too many.
    """
    gone = list_expired(backups, now, count, days)
    newest = max((each.name for each in backups if each.good), default="")
    left = sorted(name for name in loose if name not in gone)
    old = [name for name in left if name < newest]
    left = left[len(old) :]
    return sorted({*gone, *old, *(left[: max(0, len(left) - count)] if count else [])})
