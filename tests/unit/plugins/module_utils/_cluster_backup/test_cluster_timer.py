# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When the timers of a cluster's hosts act together, what they believe of each other, and what they remove."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._backup.schedule import DAY, Kept
from ansible_collections.quorum.redis.plugins.module_utils._cluster_backup.execute import refuse_late
from ansible_collections.quorum.redis.plugins.module_utils._cluster_backup.plan import choose_sources, name_members
from ansible_collections.quorum.redis.plugins.module_utils._cluster_backup.round import ClusterRound
from ansible_collections.quorum.redis.plugins.module_utils._cluster_backup.schedule import (
    TRIES,
    Memory,
    Seen,
    confirm_whole,
    decide_attempt,
    judge_clocks,
    list_expired_parts,
    list_unsaved,
    list_waits,
    memory_from,
    next_moment,
)
from ansible_collections.quorum.redis.plugins.module_utils._core.errors import QuorumError, Refused
from ansible_collections.quorum.redis.plugins.module_utils._model.backup_manifest import (
    MANIFEST,
    PASSED,
    Manifest,
    Verified,
    parse_time,
)
from ansible_collections.quorum.redis.plugins.module_utils._model.cluster_nodes import parse_nodes
from ansible_collections.quorum.redis.plugins.module_utils._model.cluster_view import ClusterMember
from ansible_collections.quorum.redis.plugins.module_utils._model.observed import Observed, Upstream


@pytest.mark.parametrize(
    ("now", "moment"), [(0.0, 20), (0.4, 20), (11.9, 20), (12.1, 40), (19.0, 40), (20.0, 40), (900.0, 920)]
)
def test_all_who_look_soon_after_one_another_begin_at_one_moment(now: float, moment: int) -> None:
    assert next_moment(now) == moment
    assert moment - now >= 7.9


def test_who_is_late_is_not_counted_in() -> None:
    refuse_late(4.9)
    with pytest.raises(QuorumError, match="6 s too late"):
        refuse_late(6.0)


# --- who stands for a shard ---

IDS = {name: number * 40 for name, number in {"a": "5", "b": "2", "c": "9", "d": "1"}.items()}
SLOTS = {"a": "0-8191", "d": "8192-16383"}
FOLLOWS = {"b": "a", "c": "a"}


def cluster(down: str = "", **offsets: int) -> list[ClusterMember]:
    """Two shards: a with its replicas b and c, and d alone; each on a host of its own name."""
    members = []
    for me in IDS:
        lines = []
        for name, id_ in IDS.items():
            role = f"slave {IDS[FOLLOWS[name]]}" if name in FOLLOWS else "master -"
            flags, upstream = role.split()
            mark = "myself," if name == me else ""
            lines.append(
                f"{id_} 10.0.0.{name}:7000@17000 {mark}{flags} {upstream} 0 0 1 connected {SLOTS.get(name, '')}"
            )
        server = Observed(host=me, address=f"10.0.0.{me}", port=7000, reachable=True, engine="redis", version="7.0.15")
        server.role, server.offset = "replica" if me in FOLLOWS else "primary", offsets.get(me, 100)
        if me in FOLLOWS:
            server.primary = Upstream("10.0.0.a", 7000, "down" if me == down else "up", False, 0)
        members.append(ClusterMember(server, me, "ok", parse_nodes("\n".join(lines))))
    return members


def chosen(members: list[ClusterMember], here: str = "abcd", primary: bool = True) -> list[str]:
    carried = [member.name in here for member in members]
    sources = choose_sources(members, "cluster cart", carried, 1, primary, alike=True)
    return [members[each.source].name for each in sources]


def test_every_host_chooses_the_same_server_whatever_lag_it_sees() -> None:
    assert chosen(cluster(b=10, c=90)) == chosen(cluster(b=90, c=10)) == ["b", "d"]
    assert chosen(cluster(down="b")) == ["c", "d"]
    assert chosen(cluster(), here="acd") == ["c", "d"]


def test_a_primary_stands_for_its_shard_only_when_that_is_allowed() -> None:
    assert chosen(cluster(), here="ad") == ["a", "d"]
    with pytest.raises(Refused, match="Nobody can be backed up for the shard of d"):
        chosen(cluster(), primary=False)
    with pytest.raises(Refused, match="a host that takes no part"):
        chosen(cluster(), here="abc")


def test_a_server_is_named_with_its_port_where_a_host_has_several() -> None:
    given = [{"host": "k1", "port": 1}, {"host": "k1", "port": 2}, {"host": "k2", "port": 1}]
    assert [item["host"] for item in name_members(given)] == ["k1:1", "k1:2", "k2"]


# --- what all know of all ---


class World:
    """Three hosts with one server each that stands for a shard; every one looks each quarter of an hour."""

    def __init__(self) -> None:
        """Begin with all well."""
        self.memory = {host: Memory() for host in "abc"}
        self.seen = {host: Seen("run", 0, 0) for host in "abc"}
        self.spoilt: set[str] = set()  # they save, and cannot store or prove
        self.away: set[str] = set()  # their timer is dead
        self.made: list[str] = []

    def look(self, now: float) -> None:
        before = {host: Seen(**asdict(seen)) for host, seen in self.seen.items()}
        due = []
        for host in set("abc") - self.away:
            memory = confirm_whole(memory_from(asdict(self.memory[host])), before)
            self.memory[host] = memory
            duty = decide_attempt(memory, list_waits(memory, before), now, DAY, 0)
            due += [host] if duty.act else []
        for host in due:
            self.seen[host].saves += 1
        for host in due:
            self.memory[host].tried = int(now // (DAY / TRIES))
            if not list_unsaved("abc", before, self.seen):
                self.memory[host].id, self.memory[host].period = f"{now:.0f}", int(now // DAY)
                self.memory[host].waits = before
        if set(due) == set("abc"):
            self.made.append(f"{now:.0f}")
            for host in set(due) - self.spoilt:
                self.seen[host].acknowledged += 1

    def day(self, number: int, begin: int = 0, end: int = 96) -> None:
        for quarter in range(begin, end):
            self.look(number * DAY + quarter * 900)


def test_one_backup_is_made_in_a_period_and_all_know_that_it_is_whole() -> None:
    world = World()
    for number in (1, 2, 3):
        world.day(number)
    assert world.made == [f"{number * DAY:.0f}" for number in (1, 2, 3)]
    assert all(memory.wholes == world.made and memory.done == 3 for memory in world.memory.values())


def test_a_part_that_is_not_stored_spoils_the_whole_and_all_try_again_together() -> None:
    world = World()
    world.spoilt = {"b"}
    world.day(1, end=13)
    assert world.made == [f"{DAY:.0f}", f"{DAY + DAY / TRIES:.0f}"]
    assert not any(memory.wholes for memory in world.memory.values())
    world.spoilt = set()
    world.day(1, begin=13)
    assert world.made[2:] == [f"{DAY + 2 * DAY / TRIES:.0f}"]
    assert all(memory.wholes == world.made[2:] for memory in world.memory.values())


def test_a_host_that_does_not_look_spoils_it_until_it_is_back() -> None:
    world = World()
    world.away = {"c"}
    world.day(1, end=14)
    assert world.made == [] and not any(memory.waits for memory in world.memory.values())
    world.away = set()
    world.day(1, begin=14)
    (made,) = world.made
    assert all(memory.wholes == [made] for memory in world.memory.values())


def test_a_server_that_was_restarted_has_forgotten_what_it_counted() -> None:
    memory = Memory(id="T", waits={"a": Seen("run", 1, 1), "b": Seen("run", 1, 1)})
    now = {"a": Seen("run", 2, 2), "b": Seen("other", 2, 2)}
    assert list_waits(memory, now) == ["b"] and confirm_whole(memory, now) == memory
    assert list_waits(memory, {"a": Seen("run", 2, 1)}) == ["a", "b"]
    assert list_unsaved("ab", memory.waits, now) == ["b"]
    assert "T waits for the part of b" in decide_attempt(Memory(tried=0, id="T"), ["b"], 5, DAY, 0).why


@pytest.mark.parametrize(
    ("skew", "doubt", "forbids", "warns"),
    [(0.3, 0.0, "", ""), (2.0, 0.1, "", "k1 by +2.0 s"), (2.0, 1.5, "", ""), (-7.0, 0.1, "k1 by -7.0 s", "")],
)
def test_clocks_that_differ_make_no_moment(skew: float, doubt: float, forbids: str, warns: str) -> None:
    found = judge_clocks({"k1": (skew, doubt), "k2": (0.0, 0.0)})
    assert [bool(text) for text in found] == [bool(forbids), bool(warns)]
    assert forbids in found[0] and warns in found[1]


# --- what goes ---


def kept(**good: bool) -> list[Kept]:
    return [Kept(name, DAY * int(name[1:]), each) for name, each in good.items()]


@pytest.mark.parametrize(
    ("backups", "loose", "count", "days", "gone"),
    [
        ({"d1": True, "d2": True, "d3": True}, [], 2, 0, ["d1"]),
        # A failing host lets nobody lose what is whole.
        ({"d1": True, "d2": False, "d3": False, "d4": False}, ["d2", "d3", "d4"], 2, 0, ["d2"]),
        ({"d1": False, "d2": True, "d3": False}, ["d1", "d3"], 7, 0, ["d1"]),
        ({"d1": False, "d2": False}, ["d1", "d2"], 7, 0, []),
        # One that is made at this moment by hand, without a manifest of the whole yet, is let alone.
        ({"d1": True, "d2": False}, [], 1, 0, []),
        ({"d1": True, "d2": True, "d8": True}, [], 0, 3, ["d1", "d2"]),
        ({"d1": True}, [], 1, 1, []),
    ],
)
def test_whole_backups_count_and_the_newest_stays(
    backups: Any, loose: list[str], count: int, days: float, gone: list[str]
) -> None:
    assert list_expired_parts(kept(**backups), loose, DAY * 9, count, days) == gone


def write_part(place: Path, name: str, part: Any, load: str = PASSED) -> None:
    """Write the manifest of a part."""
    texts = dict.fromkeys(("member", "address", "engine", "version", "role", "replication_id", "began", "ended"), "")
    told: dict[str, Any] = {**texts, "data_set": "cart", "name": name, "port": 1, "rdb_version": 10, "files": {}}
    told |= {"replication_offset": 0, "databases": {}, "seconds": 1, "compression": "none", "rdb": "dump.rdb"}
    made = Manifest(**told, rdb_size=1, rdb_sha256="", verified=Verified(file_check=PASSED, load=load), part=part)
    (place / name).mkdir(parents=True)
    (place / name / MANIFEST).write_text(made.to_json(), encoding="utf-8")


def test_a_host_removes_all_parts_of_a_backup_and_the_manifest_of_one_by_hand(tmp_path: Path) -> None:
    place = tmp_path / "cart"
    for day, part in (("27", {}), ("28", {"whole": True}), ("29", {"whole": False}), ("30", {"whole": True})):
        for port in (7000, 7001):
            write_part(place, f"202611{day}T010020Z-k1-{port}", part)
    (place / "20261127T010020Z.json").write_text("{}", encoding="utf-8")
    member = {"host": "k1", "address": "127.0.0.1", "port": 7000, "zone": "k1"}
    common = {"me": "k1", "directory": str(tmp_path), "passwords": {"cart": ""}, "keep": 2, "keep_days": 0}
    common |= {"user": "nobody", "rsync": "", "command": []}
    look = ClusterRound({"name": "cart", "members": [member]}, common, {}, parse_time("20261130T020000Z"), print)
    gone = [f"202611{day}T010020Z-k1-{port}" for day in ("27", "29") for port in (7000, 7001)]
    assert look.list_leaving(place) == ["20261127T010020Z.json", *gone]
    assert look.list_newest() == ["20261130T010020Z-k1-7000", "20261130T010020Z-k1-7001"]
    # Of two that others have kept this host has no part: its oldest goes, too.
    look.memory.wholes = ["20261129T130020Z", "20261130T010020Z"]
    assert "20261128T010020Z-k1-7000" in look.list_leaving(place)
    look.tidy_up()
    assert sorted(path.name for path in place.iterdir()) == [".lock", *look.list_newest()] and not look.problems
