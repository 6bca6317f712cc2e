# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which member is backed up, which carrier of the timer does it in this period, and which backups go; pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Dict, List, Mapping, Optional, Sequence, Tuple

from .._core.errors import Refused
from .._model.observed import Observed

DAY = 86400.0
PATIENCE = 3  # looks: whoever has failed tries again at each


def find_flaw(seen: Observed, primary: Optional[Observed]) -> str:
    """Return why this member's data is not that of the set as it is now, empty when it is."""
    if not seen.reachable:
        return "does not answer"
    if seen.loading:
        return "is still loading its data"
    if seen.role == "primary":
        return ""
    up = seen.primary
    if up is None or up.link != "up" or up.sync_in_progress:
        return "is not in sync with its primary"
    if primary is not None and (primary.engine, primary.version) != (seen.engine, seen.version):
        return f"runs {seen.engine} {seen.version}, the primary {primary.engine} {primary.version}"
    return ""


def measure_lag(seen: Observed, primary: Optional[Observed]) -> int:
    """Return how many bytes of the primary's stream are missing."""
    return max(0, primary.offset - seen.offset) if primary is not None else 0


def primary_of(members: Sequence[Observed]) -> Optional[Observed]:
    """Return the one primary; None when none or several say so."""
    primaries = [seen for seen in members if seen.reachable and seen.role == "primary"]
    return primaries[0] if len(primaries) == 1 else None


def choose_member(
    name: str, members: Sequence[Observed], wished: str = "", primary_too: bool = False
) -> Tuple[Observed, str]:
    """Return the member to back up and why it: the replica in sync with the smallest lag, never the primary untold."""
    primary = primary_of(members)
    flaws = {seen.host: find_flaw(seen, primary) for seen in members}
    table = "\n".join(f"  {seen.name}: {_state(seen, flaws[seen.host], primary)}" for seen in members)
    if wished:
        for seen in members:
            if seen.host == wished and not flaws[wished]:
                return seen, "as told"
        raise Refused(f"{wished} cannot be backed up", f"data set {name}", "Name another member", table)
    fit = [seen for seen in members if seen.role == "replica" and not flaws[seen.host]]
    if fit:
        best = min(fit, key=lambda seen: measure_lag(seen, primary))
        return best, f"a replica in sync, {measure_lag(best, primary)} bytes behind"
    if primary is not None and not flaws[primary.host]:
        if len(members) == 1:
            return primary, "the only member"
        if primary_too:
            return primary, "the primary, as allowed, because no replica is in sync"
    raise Refused(
        "No replica is in sync, so there is none to back up",
        f"data set {name}",
        "Repair one, name a member, or let the primary be backed up with redis_backup_primary=true",
        table,
    )


def _state(seen: Observed, problem: str, primary: Optional[Observed]) -> str:
    return problem or (seen.role if seen.role == "primary" else f"replica, {measure_lag(seen, primary)} bytes behind")


# --- one backup for each period ---


@dataclass
class Look:
    """What a carrier sees of another one: its process, the BGSAVE commands it has had, and its last save."""

    run_id: str
    calls: int
    saved: float
    quiet: int = 0  # how many looks have seen no more commands


@dataclass
class Memory:
    """What a carrier remembers of a data set between two looks."""

    slot: int = -1  # the period of the last look
    last: Dict[str, Look] = field(default_factory=dict)  # what that look saw
    base: Dict[str, Look] = field(default_factory=dict)  # each as it was before this period, else when first seen
    done: int = -1  # the last period for which it has made a backup
    began: int = -1  # the last period for which it has tried
    other: str = ""  # who was seen to have made the backup of this period
    watch: float = 0.0  # when the first look of this period was


@dataclass
class Duty:
    """Whether to make a backup now, why (not), and who was seen to have made it."""

    act: bool
    why: str
    other: str = ""


def slot_of(now: float, period: float, offset: float) -> int:
    """Return the number of the period that a time belongs to; the offset shifts its begin from midnight UTC."""
    return int((now - offset) // period)


def remember_look(memory: Memory, slot: int, looks: Mapping[str, Look], now: float) -> Memory:
    """Return the memory after a look; what was seen two periods ago proves nothing."""
    same = memory.slot == slot
    base = dict(memory.base if same else memory.last if memory.slot == slot - 1 else {})
    last = {}
    for host, look in looks.items():
        if host not in base or base[host].run_id != look.run_id:
            base[host] = look
        past = memory.last.get(host)
        silent = past is not None and (past.run_id, past.calls) == (look.run_id, look.calls)
        last[host] = replace(look, quiet=past.quiet + 1 if past and silent else 0)
    other, watch = (memory.other, memory.watch) if same else ("", now)
    return Memory(slot, last, base, memory.done, memory.began, other, watch)


@dataclass
class Period:
    """The present period: its begin, its length, and what time it is."""

    begin: float
    length: float
    now: float


def decide_duty(
    me: str,
    carriers: Sequence[str],
    members: Sequence[Observed],
    memory: Memory,
    period: Period,
    primary_too: bool = False,
) -> Duty:
    """Decide for this carrier, `remember` done. The first carrier in sync does it; the others wait for their turn.

    Nobody tells anybody: another one has done it when it was given one BGSAVE since the last look before this period,
    by the same process, and has saved since the period began. One that is given more and more of them fails each time.
    Where success cannot be seen, one backup too many is made.
    """
    if memory.done == memory.slot:
        return Duty(False, "done in this period")
    primary = primary_of(members)
    fit = [seen for seen in members if not find_flaw(seen, primary)]
    replicas = {seen.host for seen in fit if seen.role == "replica"}
    last = {seen.host for seen in fit if seen is primary and (primary_too or len(members) == 1)}
    order = [host for host in carriers if host in replicas] + [host for host in carriers if host in last]
    if not order:
        return Duty(False, "no carrier of the timer is in sync")
    if me in order and memory.began == memory.slot:
        return Duty(True, "it failed before in this period")
    place = order.index(me) if me in order else 0
    # Each has a quarter of the period, counted from when this one could see it.
    if me not in order or period.now < memory.watch + min(place, 3) * period.length / 4:
        return Duty(False, f"{order[0]} does it")
    other, sure = (memory.other, True) if memory.other else _done(me, order[:place], memory, period.begin)
    if other:
        return Duty(False, f"{other} has done it in this period", other if sure else "")
    return Duty(True, f"{order[0]} has not done it by now" if place else "the first carrier in sync")


def _done(me: str, before: Sequence[str], memory: Memory, begin: float) -> Tuple[str, bool]:
    """Return who else has made the backup, and whether that is sure: of those before, who has stopped trying."""
    for host, seen in memory.last.items():
        base = memory.base.get(host)
        if host != me and base and base.run_id == seen.run_id and seen.calls > base.calls and seen.saved >= begin:
            sure = host not in before or seen.quiet >= PATIENCE
            if sure or seen.calls == base.calls + 1:
                return host, sure
    return "", False


# --- retention ---


@dataclass
class Kept:
    """A backup as retention sees it."""

    name: str
    time: float
    good: bool


def list_expired(backups: Sequence[Kept], now: float, count: int, days: float) -> List[str]:
    """Return the names of those to remove: more than `count`, or older than `days`; 0 is no limit.

    Bad ones do not count, and the newest good one stays whatever its age.
    """
    good = sorted((each for each in backups if each.good), key=lambda each: (each.time, each.name), reverse=True)
    oldest = good[min(count, len(good)) - 1].time if good and count else 0.0
    gone = []
    for each in sorted(backups, key=lambda each: (each.time, each.name)):
        too_many = bool(count) and (each not in good[:count] if each.good else each.time < oldest)
        too_old = bool(days) and now - each.time > days * DAY
        if (too_many or too_old) and each not in good[:1]:
            gone.append(each.name)
    return gone
