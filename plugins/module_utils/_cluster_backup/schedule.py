# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When the timers of several hosts back up a cluster together, how they know that all did, and what goes; pure.

Nobody tells anybody anything. All look at the same time, see the same cluster, and begin at the next full minute of
their clocks. Who has stored and proven a part asks its server once for LOLWUT, which nobody else does; the server
counts that, and all others see the count. It belongs to the backup for which the server was told to save last: where
another BGSAVE has come since, it says nothing. Who was alone asks all its servers twice: others take part once more.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields, replace
from typing import Any, Dict, List, Mapping, Sequence, Tuple

from .._backup.schedule import Kept, list_expired, slot_of

STEP, LEAD = 60.0, 20.0  # seconds: all who look in the first 40 s of a minute begin at the next one
LATE = 5.0  # seconds: who is not ready by then leaves it; clocks that differ by more make no moment
TRIES = 8  # of a period, once servers were saved: hosts may still be at work on what they have
CALL = 2  # acknowledgements of one server: its host was alone
LOOSE = 7  # backups that are not known to be whole, where whole ones have no limit


@dataclass
class Seen:
    """What a server counts: its process, the BGSAVE commands and the acknowledgements that it has had."""

    run_id: str
    saves: int
    acknowledged: int


@dataclass
class Memory:
    """What a host remembers of a cluster between two looks."""

    tried: int = -1  # the last part of a period in which servers were told to save
    alone: int = -1  # the last one in which no other host did
    id: str = ""  # the last backup for which all servers were seen to save
    period: int = -1  # for which it was made
    sources: List[str] = field(default_factory=list)  # the servers that it is of, by their names
    marks: Dict[str, Seen] = field(default_factory=dict)  # all servers: the saves up to it, acknowledgements before it
    done: int = -1  # the last period with a whole backup
    again: int = -1  # the last one in which a host that was alone was heeded
    wholes: List[str] = field(default_factory=list)  # those that are known to be whole, the newest last


@dataclass
class Duty:
    """Whether a backup is due, and why (not)."""

    act: bool
    why: str


def next_moment(now: float) -> float:
    """Return when all begin that look now: the next full minute that leaves time to get ready."""
    return math.ceil((now + LEAD) / STEP) * STEP


def memory_from(data: Mapping[str, Any]) -> Memory:
    """Return the memory that the state file holds; what another version has written there is left out."""
    known = {item.name for item in fields(Memory)}
    memory = Memory(**{key: value for key, value in data.items() if key in known})
    memory.marks = {name: Seen(**vars_) for name, vars_ in memory.marks.items()}  # type: ignore[arg-type]
    return memory


def forget_backup(memory: Memory) -> Memory:
    """Return the memory without the last backup: nothing can be learned of it any more."""
    return replace(memory, id="", sources=[], marks={})


def mark_servers(before: Mapping[str, Seen], after: Mapping[str, Seen]) -> Dict[str, Seen]:
    """Return what a backup is known by: others may have acknowledged it already when they are seen after it."""
    return {
        name: replace(seen, acknowledged=before[name].acknowledged)
        for name, seen in after.items()
        if name in before and before[name].run_id == seen.run_id
    }


def count_since(memory: Memory, seen: Mapping[str, Seen], name: str) -> Tuple[int, int]:
    """Return the saves and acknowledgements since the last backup; a process that has forgotten begins at zero."""
    mark, now = memory.marks[name], seen[name]
    saves, acknowledged = now.saves - mark.saves, now.acknowledged - mark.acknowledged
    if now.run_id != mark.run_id or saves < 0 or acknowledged < 0:
        return now.saves, now.acknowledged
    return saves, acknowledged


def list_waits(memory: Memory, seen: Mapping[str, Seen], mine: Mapping[str, bool]) -> List[str]:
    """Return the servers whose part is not known to be there. Of its own ones a host knows it from its disk."""
    return [
        name for name in memory.sources if not mine.get(name, name in seen and count_since(memory, seen, name)[1] > 0)
    ]


def confirm_whole(memory: Memory, seen: Mapping[str, Seen], mine: Mapping[str, bool]) -> Memory:
    """Return the memory after a look: a backup of which all parts are there is whole, unless servers saved again."""
    if not memory.id or memory.id in memory.wholes:
        return memory
    if any(name in seen and count_since(memory, seen, name)[0] for name in memory.sources):
        return forget_backup(memory)
    if list_waits(memory, seen, mine):
        return memory
    wholes = [*memory.wholes, memory.id][-100:]
    return replace(memory, wholes=wholes, done=max(memory.done, memory.period))


def heed_call(memory: Memory, seen: Mapping[str, Seen], slot: int) -> Memory:
    """Return the memory of a host that takes part once more in this period, because another one was alone."""
    calls = [name for name in memory.marks if name in seen and count_since(memory, seen, name)[1] >= CALL]
    if not calls or memory.done != slot or memory.again == slot:
        return memory
    return replace(forget_backup(memory), done=slot - 1, again=slot, tried=-1)


def decide_attempt(memory: Memory, waits: Sequence[str], now: float, period: float, offset: float) -> Duty:
    """Decide after a look, the same on every host. What is refused before a server saves is tried at the next look."""
    if memory.done == slot_of(now, period, offset):
        return Duty(False, f"{memory.wholes[-1]} is whole" if memory.wholes else "done in this period")
    if memory.tried == slot_of(now, period / TRIES, offset):
        why = f"{memory.id} waits for the part of {', '.join(waits)}" if waits else "it failed before"
        return Duty(False, f"{why}; all try again in the next eighth of the period")
    return Duty(True, "due in this period")


def begin_attempt(memory: Memory, now: float, period: float, offset: float) -> Memory:
    """Return the memory of a host that tells its servers to save."""
    return replace(forget_backup(memory), tried=slot_of(now, period / TRIES, offset))


def stay_alone(memory: Memory) -> Memory:
    """Return the memory after an attempt in which no other host took part: the first one spoils no joint one."""
    return replace(memory, alone=memory.tried, tried=memory.tried if memory.alone == memory.tried else -1)


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
    return sorted({*gone, *old, *left[: -(count or LOOSE)]})
