# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When the timers of a cluster's hosts act together, what they believe of each other, and what they remove."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._backup.agent import CRITICAL, WARNING
from ansible_collections.quorum.redis.plugins.module_utils._backup.repository import lock_directory
from ansible_collections.quorum.redis.plugins.module_utils._backup.schedule import DAY, Kept
from ansible_collections.quorum.redis.plugins.module_utils._cluster_backup import agent
from ansible_collections.quorum.redis.plugins.module_utils._cluster_backup.execute import refuse_late
from ansible_collections.quorum.redis.plugins.module_utils._cluster_backup.plan import choose_sources, name_members
from ansible_collections.quorum.redis.plugins.module_utils._cluster_backup.round import ClusterRound
from ansible_collections.quorum.redis.plugins.module_utils._cluster_backup.schedule import (
    CALL,
    TRIES,
    Memory,
    Seen,
    begin_attempt,
    confirm_whole,
    count_since,
    decide_attempt,
    heed_call,
    judge_clocks,
    list_expired_parts,
    list_unsaved,
    list_waits,
    mark_servers,
    memory_from,
    next_moment,
    stay_alone,
)
from ansible_collections.quorum.redis.plugins.module_utils._cluster_backup.shelf import is_stored
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
    ("now", "moment"), [(0.0, 60), (0.4, 60), (12.1, 60), (39.9, 60), (40.1, 120), (59.0, 120), (900.0, 960)]
)
def test_all_who_look_soon_after_one_another_begin_at_one_moment(now: float, moment: int) -> None:
    assert next_moment(now) == moment
    assert moment - now >= 19.9  # a cluster of which a server hangs is waited for


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
        self.disk: dict[str, set[str]] = {host: set() for host in "abc"}
        self.spoilt: set[str] = set()  # they save, and cannot store or prove
        self.refusing: set[str] = set()  # they save, and refuse what they see then
        self.away: set[str] = set()  # their timer is dead
        self.made: list[str] = []
        self.saves = 0

    def look(self, now: float, hosts: str = "abc") -> None:
        before = {host: replace(seen) for host, seen in self.seen.items()}
        slot, due = int(now // DAY), []
        for host in set(hosts) - self.away:
            memory = memory_from(asdict(self.memory[host]))
            memory.done = slot - 1 if memory.done < 0 else memory.done
            mine = self.stored(host, memory)
            self.memory[host] = memory = heed_call(confirm_whole(memory, before, mine), before, slot)
            duty = decide_attempt(memory, list_waits(memory, before, mine), now, DAY, 0)
            due += [host] if duty.act else []
        for host in due:
            self.seen[host].saves += 1
            self.saves += 1
        after = {host: replace(seen) for host, seen in self.seen.items()}
        id_ = f"{now:.0f}"
        for host in due:
            memory = self.memory[host] = begin_attempt(self.memory[host], now, DAY, 0)
            unsaved = list_unsaved("abc", before, self.seen)
            if not unsaved and host not in self.refusing:
                memory.id, memory.period, memory.sources = id_, slot, list("abc")
                memory.marks = mark_servers(before, after)
                self.disk[host] |= {id_} - ({id_} if host in self.spoilt else set())
            elif set(unsaved) == set("abc") - {host}:
                self.memory[host] = stay_alone(memory)
                self.seen[host].acknowledged += CALL
        if set(due) == set("abc"):
            self.made.append(id_)
        for host in set(hosts) - self.away:
            memory = self.memory[host]
            counts = after if host in due else before
            if self.stored(host, memory).get(host) and count_since(memory, counts, host) == (0, 0):
                self.seen[host].acknowledged += 1

    def stored(self, host: str, memory: Memory) -> dict[str, bool]:
        """Return what a host knows from its disk."""
        return {host: memory.id in self.disk[host]} if memory.sources else {}

    def day(self, number: int, begin: int = 0, end: int = 96) -> None:
        for quarter in range(begin, end):
            self.look(number * DAY + quarter * 900)

    def wholes(self) -> list[list[str]]:
        """Return what each host knows to be whole."""
        return [memory.wholes for memory in self.memory.values()]

    def restart(self, host: str) -> None:
        """Let the server of a host be started anew."""
        self.seen[host] = Seen(f"{self.seen[host].run_id}+", 0, 0)


EIGHTH = DAY / TRIES


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
    assert world.made == [f"{DAY:.0f}", f"{DAY + EIGHTH:.0f}"]
    assert not any(memory.wholes for memory in world.memory.values())
    world.spoilt = set()
    world.day(1, begin=13)
    assert world.made[2:] == [f"{DAY + 2 * EIGHTH:.0f}"]
    assert all(memory.wholes == world.made[2:] for memory in world.memory.values())


def test_a_host_that_does_not_look_spoils_it_until_it_is_back() -> None:
    world = World()
    world.away = {"c"}
    world.day(1, end=14)
    assert world.made == [] and not any(memory.sources for memory in world.memory.values())
    world.away = set()
    world.day(1, begin=14)
    (made,) = world.made
    assert all(memory.wholes == [made] for memory in world.memory.values())


def test_the_old_command_and_its_own_count_prove_nothing() -> None:
    """Of its own part a host believes its disk; others take no part for stored that has been saved over."""
    world = World()
    world.spoilt = {"c"}
    world.day(1, end=3)
    world.seen["c"].acknowledged += 1  # somebody plays
    memory, seen = world.memory["c"], world.seen
    assert list_waits(memory, seen, world.stored("c", memory)) == ["c"]
    assert confirm_whole(memory, seen, world.stored("c", memory)).wholes == []
    seen["c"].saves += 1
    for host in "ab":
        memory = confirm_whole(world.memory[host], seen, world.stored(host, world.memory[host]))
        assert (memory.id, memory.wholes) == ("", [])


def test_the_answers_to_a_later_backup_are_none_to_an_earlier_one() -> None:
    """The first one is spoilt by c; b saves for the second one, and refuses it alone."""
    world = World()
    world.spoilt = {"c"}
    world.day(1, end=12)
    world.spoilt, world.refusing = set(), {"b"}
    world.day(1, begin=12, end=24)
    assert len(world.made) == 2 and world.wholes() == [[], [], []]
    world.refusing = set()
    world.day(1, begin=24)
    assert len(world.made) == 3 and world.wholes() == [world.made[2:]] * 3


def test_a_host_that_was_away_takes_no_later_answer_for_an_earlier_one() -> None:
    world = World()
    world.spoilt = {"c"}
    world.look(DAY)
    stale = world.memory["a"]
    world.spoilt = set()
    world.day(1, begin=12, end=14)
    assert world.wholes()[1] == world.made[1:]
    again = confirm_whole(stale, world.seen, world.stored("a", stale))
    assert again.wholes == [] and again.id == ""
    for host in "bc":  # its own server alone was not saved again, but all others were started anew: nothing is told
        world.restart(host)
    assert confirm_whole(stale, world.seen, {"a": True}).wholes == []


@pytest.mark.parametrize("quarter", [1, 2])
def test_a_server_that_is_restarted_tells_again_what_its_host_has(quarter: int) -> None:
    """Before the others have seen it, or after."""
    world = World()
    world.day(1, end=quarter)
    world.restart("b")
    world.day(1, begin=quarter)
    assert world.wholes() == [[f"{DAY:.0f}"]] * 3 and world.made == [f"{DAY:.0f}"] and world.saves == 3


def test_who_has_lost_its_memory_is_heeded_once() -> None:
    world = World()
    world.day(1, end=4)
    world.memory["b"] = Memory()
    world.day(1, begin=4)
    assert len(world.made) == 2 and all(whole[-1:] == world.made[1:] for whole in world.wholes())
    assert world.saves == 3 + 1 + 3
    world.day(2)
    assert len(world.made) == 3
    world.day(3, end=12)
    for eighth in range(1, TRIES):  # one that never gets on with the others
        world.seen["c"].acknowledged += CALL
        world.day(3, begin=12 * eighth, end=12 * eighth + 12)
    assert len(world.made) == 5


def test_a_look_by_hand_spoils_nothing() -> None:
    world = World()
    world.look(DAY + 400, "a")
    assert world.made == []
    world.day(1, begin=1)
    assert world.made == [f"{DAY + 900:.0f}"] and world.wholes() == [world.made] * 3


def test_who_stays_alone_tries_twice_in_an_eighth() -> None:
    world = World()
    world.away = {"b", "c"}
    world.day(1)
    assert world.saves == 2 * TRIES and world.made == []


def test_what_a_backup_is_known_by() -> None:
    before = {"a": Seen("run", 1, 1), "b": Seen("run", 1, 1), "c": Seen("old", 1, 1)}
    after = {"a": Seen("run", 2, 2), "b": Seen("run", 2, 1), "c": Seen("new", 1, 0)}
    memory = Memory(id="T", sources=["a", "b"], marks=mark_servers(before, after))
    assert memory.marks == {"a": Seen("run", 2, 1), "b": Seen("run", 2, 1)}  # a was quick
    assert list_waits(memory, after, {}) == ["b"] and confirm_whole(memory, after, {}) == memory
    assert list_waits(memory, {}, {"a": True}) == ["b"]
    assert list_unsaved("abc", before, after) == ["c"]
    reset = {"a": Seen("run", 0, 0), "b": Seen("run", 0, 1)}  # CONFIG RESETSTAT
    assert list_waits(memory, reset, {}) == ["a"]
    assert "T waits for the part of b" in decide_attempt(Memory(tried=0, id="T"), ["b"], 5, DAY, 0).why


def test_the_memory_of_another_version_is_read() -> None:
    told = {"tried": 3, "waits": {"a": {"run_id": "x", "saves": 1, "acknowledged": 1}}, "wholes": ["T"]}
    assert memory_from(told) == Memory(tried=3, wholes=["T"])


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
        # A host that fails at each try, where whole ones have no limit.
        ({f"d{day}": False for day in range(1, 10)}, [f"d{day}" for day in range(1, 10)], 0, 0, ["d1", "d2"]),
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
    common |= {"period": DAY, "offset": 3600}
    common |= {"user": "nobody", "rsync": "", "command": []}
    look = ClusterRound({"name": "cart", "members": [member]}, common, {}, parse_time("20261130T020000Z"), print)
    gone = [f"202611{day}T010020Z-k1-{port}" for day in ("27", "29") for port in (7000, 7001)]
    assert look.list_leaving(place) == ["20261127T010020Z.json", *gone]
    assert look.list_newest() == ["20261130T010020Z-k1-7000", "20261130T010020Z-k1-7001"]
    # Of two that others have kept this host has no part: its oldest goes, too.
    look.memory.wholes = ["20261129T130020Z", "20261130T010020Z"]
    assert "20261128T010020Z-k1-7000" in look.list_leaving(place)
    look.code = CRITICAL  # a host that fails removes what is too much, too
    look.tidy_up()
    assert sorted(path.name for path in place.iterdir()) == [".lock", *look.list_newest()] and not look.problems


CART = {
    "name": "cart",
    "members": [{"host": "k1", "address": "127.0.0.1", "port": 1, "zone": "k1"}],
    "carriers": ["k1"],
}
COMMON = {"me": "k1", "passwords": {"cart": "", "main": ""}, "keep": 2, "keep_days": 0, "user": "nobody", "rsync": ""}
COMMON |= {"command": [], "period": DAY, "offset": 0, "drill": True, "primary": False, "silent_after": 60, "wait": 1}
COMMON |= {"binary": "", "compression": "none", "load": False, "aof": False}


@pytest.mark.parametrize(
    ("clusters", "memory", "says"),
    [
        ({}, {}, []),  # the settings of an earlier version
        ({"clusters": [{**CART, "members": [{}]}]}, {}, ["cart"]),
        ({"clusters": [CART]}, {"marks": "no"}, ["cart"]),
        ({"clusters": [{**CART, "replicas": 1}]}, {"of": "a later version"}, ["cart"]),
    ],
)
def test_a_cluster_stops_no_other_set(
    clusters: Any, memory: Any, says: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    main = {"name": "main", "members": CART["members"], "carriers": ["k1"]}
    told = {**COMMON, "directory": str(tmp_path), "sets": [main], **clusters}
    (tmp_path / "backup.json").write_text(json.dumps(told), encoding="utf-8")
    (tmp_path / "backup-state.json").write_text(json.dumps({"cart": {"cluster": memory}}), encoding="utf-8")
    monkeypatch.setattr(agent, "SETTINGS", tmp_path / "backup.json")
    monkeypatch.setattr(agent, "STATE", tmp_path)
    assert agent.check_all() == (2 if says else 1)
    report = json.loads((tmp_path / "backup-status.json").read_text(encoding="utf-8"))
    assert report["state"] == ("critical" if says else "warning") and sorted(report["sets"]) == [*says, "main"]
    assert report["sets"]["main"]["problems"] == ["no carrier of the timer is in sync"]
    for name in says:
        assert report["sets"][name]["problems"]
    assert agent.main(["status"]) == (2 if says else 1)


def test_a_drill_that_cannot_begin_says_nothing_about_the_backup(tmp_path: Path) -> None:
    state: dict[str, Any] = {}
    look = ClusterRound(CART, {**COMMON, "directory": str(tmp_path)}, state, DAY, print)
    with lock_directory(tmp_path / "cart", "nobody"):
        assert look.drill_newest(look.make_job("k1", "cart-1"), "20261130T010020Z-k1-1")
    assert look.code == WARNING and "not done: " in state["drill"]["result"]


def test_a_part_whose_drill_failed_is_not_stored(tmp_path: Path) -> None:
    write_part(tmp_path, "good", {"id": "T"})
    write_part(tmp_path, "bad", {"id": "T"}, "failed: 1 key less")
    assert [is_stored(tmp_path / name) for name in ("good", "bad", "none")] == [True, False, False]
