# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is backed up, by whom in each period, and which backups go."""

from __future__ import annotations

import random
from typing import Any

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._backup.schedule import (
    DAY,
    Kept,
    Look,
    Memory,
    Period,
    choose_member,
    decide_duty,
    list_expired,
    remember_look,
    slot_of,
)
from ansible_collections.quorum.redis.plugins.module_utils._core.errors import Refused
from ansible_collections.quorum.redis.plugins.module_utils._model.observed import Observed, Upstream


def member(host: str, role: str = "replica", offset: int = 1000, link: str = "up", **more: Any) -> Observed:
    upstream = None if role == "primary" else Upstream("10.0.0.1", 6379, link, more.pop("sync", False), 0)
    given = {"reachable": True, "engine": "redis", "version": "7.0.15", **more}
    return Observed(host=host, role=role, offset=offset, primary=upstream, **given)


PRIMARY = member("a", "primary", 1000)
DOWN: dict[str, Any] = {"reachable": False}
LOADING: dict[str, Any] = {"persistence": {"loading": 1}}


@pytest.mark.parametrize(
    ("members", "chosen", "why"),
    [
        ([PRIMARY, member("b", offset=900), member("c", offset=990)], "c", "10 bytes behind"),
        ([PRIMARY, member("b", offset=990), member("c", offset=990)], "b", "10 bytes behind"),
        ([PRIMARY, member("b", offset=100), member("c", link="down")], "b", "900 bytes behind"),
        ([PRIMARY, member("b", offset=100), member("c", sync=True)], "b", "900 bytes behind"),
        ([PRIMARY, member("b", offset=100), member("c", **LOADING)], "b", "900 bytes behind"),
        ([PRIMARY, member("b", offset=100), member("c", **DOWN)], "b", "900 bytes behind"),
        ([PRIMARY, member("b", offset=100), member("c", version="8.0.2")], "b", "900 bytes behind"),
        ([PRIMARY, member("b", offset=1010)], "b", "0 bytes behind"),
        ([PRIMARY], "a", "the only member"),
        ([member("a", **DOWN), member("b", offset=5)], "b", "a replica in sync"),
    ],
)
def test_the_replica_in_sync_with_the_smallest_lag_is_chosen(members: list[Observed], chosen: str, why: str) -> None:
    found, reason = choose_member("main", members)
    assert (found.host, why in reason) == (chosen, True)


def test_the_primary_is_chosen_only_when_told() -> None:
    members = [PRIMARY, member("b", link="down"), member("c", **DOWN)]
    with pytest.raises(Refused, match="No replica is in sync") as problem:
        choose_member("main", members)
    for words in ("a: primary", "b: is not in sync", "c: does not answer", "redis_backup_primary"):
        assert words in str(problem.value)
    assert choose_member("main", members, primary_too=True)[0].host == "a"
    assert choose_member("main", members, wished="a") == (PRIMARY, "as told")
    with pytest.raises(Refused, match="b cannot be backed up"):
        choose_member("main", members, wished="b")
    with pytest.raises(Refused, match="x cannot be backed up"):
        choose_member("main", members, wished="x")


def test_two_primaries_are_none() -> None:
    with pytest.raises(Refused):
        choose_member("main", [PRIMARY, member("b", "primary")], primary_too=True)


# --- one backup for each period ---


class World:
    """Three members, two of which carry the timer; each look is one that a carrier takes at its time."""

    def __init__(self, carriers: tuple[str, ...] = ("a", "b", "c")) -> None:
        """Begin with all well."""
        self.carriers = carriers
        self.members = {"a": member("a"), "b": member("b"), "c": member("c", "primary")}
        self.looks = {host: Look("run", 0, 0.0) for host in self.members}
        self.memory = {host: Memory(0, dict(self.looks)) for host in carriers}
        self.made: list[tuple[float, str]] = []
        self.broken: set[str] = set()
        self.mute: set[str] = set()  # of the broken: those that do not even come to a BGSAVE
        self.spoilt: set[str] = set()  # of the broken: those that save, and then cannot copy or prove

    def down(self, host: str) -> None:
        self.members[host] = member(host, **DOWN)

    def up(self, host: str, **more: Any) -> None:
        self.members[host] = member(host, **more)

    def look(self, host: str, now: float) -> str:
        seen = {name: self.looks[name] for name, one in self.members.items() if one.reachable}
        slot = slot_of(now, DAY, 0)
        self.memory[host] = remember_look(self.memory[host], slot, seen, now)
        period = Period(slot * DAY, DAY, now)
        found = decide_duty(host, self.carriers, list(self.members.values()), self.memory[host], period)
        self.memory[host].other = found.other
        if found.act:
            self.memory[host].began = slot
            saved = host not in self.broken
            calls = self.looks[host].calls + (saved or host not in self.mute)
            self.looks[host] = Look(self.looks[host].run_id, calls, now if saved else self.looks[host].saved)
            if host in self.spoilt:
                self.looks[host].saved = now
            if saved:
                self.made.append((now, host))
                self.memory[host].done = slot
        return found.why

    def day(self, number: int, away: tuple[str, ...] = (), begin: float = 0, end: float = 24) -> None:
        """Let every carrier look each quarter of an hour, each a little later than the other."""
        for quarter in range(int(begin * 4), int(end * 4)):
            for place, host in enumerate(self.carriers):
                if host not in away:
                    self.look(host, number * DAY + quarter * 900 + place * 200)

    def days(self) -> list[tuple[int, str]]:
        return [(int(now // DAY), host) for now, host in self.made]


@pytest.mark.parametrize("hour", [0, 12])
def test_one_carrier_makes_one_backup_for_each_period(hour: int) -> None:
    """The others look first: those that had not seen the time before would make one more, a quarter of a day later."""
    world = World()
    world.memory = {host: Memory() for host in world.carriers}
    for host in ("c", "b"):
        world.look(host, DAY + hour * 3600)
    world.day(1, begin=hour)
    for number in range(2, 6):
        world.day(number)
    assert world.days() == [(number, "a") for number in range(1, 6)]


def test_another_one_does_it_when_the_first_is_down() -> None:
    world = World()
    world.day(1)
    world.down("a")
    world.day(2, away=("a",))
    assert world.days() == [(1, "a"), (2, "b")]


def test_a_carrier_that_comes_back_sees_that_another_has_done_it() -> None:
    world = World()
    world.day(1)
    world.down("a")
    world.day(2, away=("a",), end=6)
    world.up("a")
    world.day(2, begin=6)
    world.day(3)
    assert world.days() == [(1, "a"), (2, "b"), (3, "a")]


def test_save_points_of_others_are_no_backups() -> None:
    world = World()
    world.day(1)
    world.up("a", link="down")
    world.look("a", 2 * DAY + 10)
    world.up("a")
    for seen in world.looks.values():
        seen.saved = 2 * DAY + 20
    world.day(2, begin=1)
    assert world.days() == [(1, "a"), (2, "a")]


def test_a_failover_makes_no_second_backup() -> None:
    world = World()
    world.day(1)
    world.day(2, end=3)
    world.members["a"], world.members["c"] = member("a", "primary"), member("c")
    world.day(2, begin=3)
    world.day(3)
    assert world.days() == [(1, "a"), (2, "a"), (3, "b")]


def test_who_has_begun_a_period_tries_again() -> None:
    world = World()
    world.day(1)
    world.broken = {"a"}
    world.day(2, end=2)
    assert world.days() == [(1, "a")]
    world.broken = set()
    assert world.look("a", 2 * DAY + 9000) == "it failed before in this period"
    world.day(2, begin=3)
    assert world.days() == [(1, "a"), (2, "a")]


@pytest.mark.parametrize("kind", ["the save fails", "nothing is saved", "the copy fails", "no timer looks"])
def test_the_next_carrier_takes_its_turn_when_the_first_keeps_failing(kind: str) -> None:
    """A quarter of the period later, and only that one: whatever it is that fails, and each period anew."""
    world = World(carriers=("a", "b", "d"))
    world.members["d"], world.looks["d"] = member("d"), Look("run", 0, 0.0)
    world.day(1)
    world.broken = {"a"}
    world.mute = {"a"} if kind == "nothing is saved" else set()
    world.spoilt = {"a"} if kind == "the copy fails" else set()
    away = ("a",) if kind == "no timer looks" else ()
    world.day(2, away=away)
    world.day(3, away=away)
    assert world.days() == [(1, "a"), (2, "b"), (3, "b")]
    assert [round(now % DAY / 3600) for now, _host in world.made[1:]] == [6, 6]
    world.broken = {"a", "b"}
    world.day(4, away=away)
    world.broken = set()
    world.day(5)
    assert world.days()[3:] == [(4, "d"), (5, "a")]


def test_a_restart_of_the_first_one_after_all_have_seen_its_backup_makes_no_second() -> None:
    world = World()
    world.day(1, end=8)
    world.looks["a"] = Look("another", 0, DAY + 30000)
    world.day(1, begin=8)
    assert world.days() == [(1, "a")]


@pytest.mark.parametrize("hours", [1, 5, 7])
def test_one_that_has_failed_and_then_succeeds_has_done_it(hours: int) -> None:
    """Once it has; when the next one has had its turn by then, both have."""
    world = World()
    world.day(1)
    world.broken = world.spoilt = {"a"}
    world.day(2, end=hours)
    world.broken, world.spoilt = set(), set()
    world.day(2, begin=hours)
    assert world.days() == [(1, "a"), *[(2, "b")] * (hours > 6), (2, "a")]


def test_the_primary_carries_only_when_told_or_alone() -> None:
    members = [member("a", link="down"), member("c", "primary")]
    memory, now = remember_look(Memory(), 1, {}, DAY), Period(DAY, DAY, DAY)
    assert not decide_duty("c", ["c"], members, memory, now).act
    assert decide_duty("c", ["c"], members, memory, now, primary_too=True).act
    assert decide_duty("c", ["c"], members[1:], memory, now).act
    assert decide_duty("a", ["a", "c"], members, memory, now).why == "no carrier of the timer is in sync"


def test_what_was_seen_two_periods_ago_proves_nothing() -> None:
    memory = Memory(slot=1, last={"b": Look("run", 1, 0.0)})
    assert remember_look(memory, 2, {}, 0).base == memory.last
    assert remember_look(memory, 3, {}, 0).base == {}


def test_no_period_is_left_out_whatever_happens() -> None:
    """Random faults: where any carrier was in sync all day there is a backup of that day."""
    chance = random.Random(7)
    for _round in range(200):
        world = World()
        for number in range(1, 8):
            for quarter in range(96):
                if chance.random() < 0.03:
                    host = chance.choice(["a", "b"])
                    other = "b" if host == "a" else "a"
                    if not world.members[other].reachable:
                        continue
                    world.up(host) if not world.members[host].reachable else world.down(host)
                for place, host in enumerate(world.carriers):
                    if world.members[host].reachable:
                        world.look(host, number * DAY + quarter * 900 + place * 200)
        assert {day for day, _host in world.days()} == set(range(1, 8))
        assert len(world.made) <= 7 * 2


@pytest.mark.parametrize(
    ("now", "period", "offset", "slot"),
    [(0, DAY, 0, 0), (DAY - 1, DAY, 0, 0), (DAY, DAY, 0, 1), (DAY + 3599, DAY, 3600, 0), (DAY + 3600, DAY, 3600, 1)],
)
def test_a_period_begins_at_its_hour(now: float, period: float, offset: float, slot: int) -> None:
    assert slot_of(now, period, offset) == slot


# --- retention ---


def kept(*days: float, bad: tuple[float, ...] = ()) -> list[Kept]:
    return [Kept(f"{day:04.1f}", day * DAY, day not in bad) for day in sorted({*days, *bad})]


@pytest.mark.parametrize(
    ("backups", "now", "count", "age", "gone"),
    [
        ([], 10, 3, 3, []),
        (kept(1, 2, 3), 4, 3, 0, []),
        (kept(1, 2, 3, 4), 4, 3, 0, ["01.0"]),
        (kept(1, 2, 3, 4), 5, 0, 2.5, ["01.0", "02.0"]),
        (kept(1, 2, 3, 4), 5, 2, 30, ["01.0", "02.0"]),
        (kept(1, 2, 3, 4), 99, 0, 0, []),
        (kept(1), 99, 1, 1, []),
        (kept(1, bad=(2, 3)), 99, 1, 7, ["02.0", "03.0"]),
        (kept(1, 3, bad=(2, 4)), 5, 1, 0, ["01.0", "02.0"]),
        (kept(bad=(1, 2)), 99, 1, 7, ["01.0", "02.0"]),
    ],
)
def test_retention(backups: list[Kept], now: float, count: int, age: float, gone: list[str]) -> None:
    assert list_expired(backups, now * DAY, count, age) == gone


def test_a_month_of_failures_keeps_the_last_good_one() -> None:
    """Two weeks of good backups, then a month in which each is made and found bad: one good one is left."""
    here: list[Kept] = []
    for day in range(45):
        here.append(Kept(f"{day:02}", day * DAY, good=day < 14))
        gone = list_expired(here, day * DAY + 60, 7, 14)
        here = [each for each in here if each.name not in gone]
        assert any(each.good for each in here)
        assert len(here) <= 7 + 15
    assert [each.name for each in here if each.good] == ["13"]


def test_a_month_without_backups_keeps_the_last_good_one() -> None:
    here = kept(*range(14))
    for day in range(14, 45):
        gone = list_expired(here, day * DAY, 7, 14)
        here = [each for each in here if each.name not in gone]
    assert [each.name for each in here] == ["13.0"]
