# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a backup may be restored, the plan for it, and what a restore that was cut short has come to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._core.errors import QuorumError, Refused
from ansible_collections.quorum.redis.plugins.module_utils._engine.seed_server import seed_configuration
from ansible_collections.quorum.redis.plugins.module_utils._model.backup_manifest import Manifest, Verified
from ansible_collections.quorum.redis.plugins.module_utils._model.capacity import Capacity
from ansible_collections.quorum.redis.plugins.module_utils._model.observed import (
    Downstream,
    Observed,
    SentinelView,
    Upstream,
    WatchedMaster,
)
from ansible_collections.quorum.redis.plugins.module_utils._model.rdb_header import Header
from ansible_collections.quorum.redis.plugins.module_utils._replication.interrupted import explain_restore
from ansible_collections.quorum.redis.plugins.module_utils._restore import journal
from ansible_collections.quorum.redis.plugins.module_utils._restore.journal_entry import JournalEntry
from ansible_collections.quorum.redis.plugins.module_utils._restore.plan import (
    Backup,
    Here,
    Plan,
    Planner,
    check_replica_room,
    check_room,
    compare_counts,
    compare_load,
    explain_unreadable,
    find_spare,
    find_stage,
    holds_new,
    list_strays,
    show_counts,
)
from ansible_collections.quorum.redis.plugins.module_utils._restore.rollback import is_linked, is_rewritten
from ansible_collections.quorum.redis.plugins.module_utils._restore.steps import (
    AwaitRewrite,
    CalmSentinels,
    FeedPrimary,
    FinishRestore,
    FollowPrimary,
    KeepPresent,
    ParkMembers,
    ProveBackup,
    ServeWrites,
)

PORT = 6379
GIB = 1 << 30
CONFIG = {"appendonly": "yes", "databases": "16", "maxmemory": "0", "replica-priority": "100"}


def address(host: str) -> str:
    return f"192.0.2.{host[1:]}"


def server(host: str, **more: Any) -> Observed:
    seen = Observed(
        host=host, address=address(host), port=PORT, reachable=True, run_id=f"run-{host}", mode="standalone",
        key_count=7, databases={"0": 7}, replication_id="old", offset=100, engine="redis", version="7.0.15",
        config=dict(CONFIG),
    )  # fmt: skip
    return replace(seen, **more)


def primary(host: str = "r1", *replicas: str, **more: Any) -> Observed:
    found = [Downstream(address(name), PORT, "online", 100, 0) for name in replicas]
    return server(host, role="primary", replicas=found, **more)


def follower(host: str, where: str, port: int = PORT, **more: Any) -> Observed:
    return server(
        host, role="replica", primary=Upstream(where, port, "up", sync_in_progress=False, last_io_seconds=1), **more
    )


def replica(host: str, of: str = "r1", **more: Any) -> Observed:
    return follower(host, address(of), **more)


def parked(host: str, **more: Any) -> Observed:
    return follower(host, "127.0.0.1", 0, **more)


def fed(host: str = "r1", **more: Any) -> Observed:
    return follower(host, "127.0.0.1", 40123, **more)


def gone(host: str) -> Observed:
    return Observed(host=host, address=address(host), port=PORT, error="gone.", error_kind="refused")


def trio(**of_r1: Any) -> list[Observed]:
    return [primary("r1", "r2", "r3", **of_r1), replica("r2"), replica("r3")]


def view(host: str, names: str = "r1", quorum: int = 2) -> SentinelView:
    known = [
        {"address": address(one), "port": PORT, "run_id": "", "flags": ["slave"]}
        for one in ("r1", "r2", "r3")
        if one != names
    ]
    watched = WatchedMaster(
        address(names), PORT, flags=["master"], down_after=5000, ckquorum="OK", replicas=known, quorum=quorum
    )
    return SentinelView(host=host, reachable=True, engine="redis", version="7.0.15", masters={"main": watched})


def silent(host: str) -> SentinelView:
    return SentinelView(host=host, error="gone", error_kind="timeout")


def backup(rdb_version: int = 10, engine: str = "redis", **more: Any) -> Backup:
    version = {"redis": "7.0.15", "valkey": "9.1.2"}[engine]
    told = Manifest(
        data_set="main", name="20261122T101112Z-r2", member="r2", address=address("r2"), port=PORT, engine=engine,
        version=version, rdb_version=rdb_version, role="replica", replication_id="old", replication_offset=100,
        databases={"0": {"key_count": 1200, "expires": 3}}, began="2026-11-22T10:11:12Z", ended="2026-11-22T10:11:15Z",
        seconds=3.0, compression="none", rdb="dump.rdb", rdb_size=5000, rdb_sha256="", files={},
    )  # fmt: skip
    magic, key = ("VALKEY", "valkey-ver") if engine == "valkey" else ("REDIS", "redis-ver")
    return Backup("/b/20261122T101112Z-r2", replace(told, **more), Header(magic, rdb_version, {key: version}))


ROOMS = {host: Capacity(host, GIB, GIB, GIB) for host in ("r2", "r3")}
HERE = Here("r1", "7.0.15", disk_free=GIB, memory_free=GIB, memory_reserve=1 << 20, rooms=ROOMS, reserve_percent=5)


def plan(
    members: list[Observed], what: Backup, views: list[SentinelView] | None = None, here: Here = HERE, keep: str = "/k"
) -> Plan:
    return Planner(members, views or [], "main", here).plan(what, keep)


def refusal(*args: Any, **more: Any) -> str:
    with pytest.raises(Refused) as caught:
        plan(*args, **more)
    assert "nothing was changed" in str(caught.value).lower()
    return str(caught.value)


# --- the plan ---


def test_the_plan_proves_first_and_lets_the_others_follow_last() -> None:
    found = plan(trio(), backup(), [view("r1"), view("r2"), view("r3")])
    assert [type(step) for step in found.steps] == [
        ProveBackup, KeepPresent, CalmSentinels, ParkMembers, FeedPrimary, AwaitRewrite, ServeWrites, FollowPrimary,
        FinishRestore,
    ]  # fmt: skip
    assert "in place of 7 keys" in found.steps[4].text
    assert "with 1200 keys" in found.steps[6].text
    assert found.warnings == []


def test_what_is_not_there_needs_no_step() -> None:
    alone = primary(key_count=0, databases={}, config={**CONFIG, "appendonly": "no"})
    found = plan([alone], backup(data_set="other"))
    assert [type(step) for step in found.steps] == [ProveBackup, ParkMembers, FeedPrimary, ServeWrites, FinishRestore]
    assert found.warnings == ["The backup is one of the data set other, not of main."]


def test_data_that_will_be_lost_is_told() -> None:
    assert plan([primary()], backup(), keep="").warnings == ["The 7 keys that main has now will not be kept anywhere."]


def test_a_member_that_is_silent_is_left_out() -> None:
    found = plan([primary("r1", "r2"), replica("r2"), gone("r3")], backup())
    assert [one.host for one in found.replicas] == ["r2"]
    assert "r3 (192.0.2.3:6379) was left out: gone." in found.warnings[0]


@pytest.mark.parametrize(
    ("members", "what", "here", "expected"),
    [
        (trio(), backup(12), HERE, "redis 7.0.15 reads RDB version 10 at most"),
        (trio(), backup(80, "valkey"), HERE, "redis 7.0.15 does not read RDB version 80 of valkey 9.1.2"),
        (trio(version="7.2.4"), backup(), HERE, "r1 runs 7.2.4, installed is 7.0.15"),
        (trio(), backup(databases={"20": {"key_count": 1, "expires": 0}}), HERE, "the backup uses database 20"),
        (trio(), backup(), replace(HERE, host="r2"), "this runs on r2, but the primary is r1"),
        (trio(), backup(), replace(HERE, disk_free=1 << 20), "r1 has 1 MiB of disk free, 16 MiB are needed"),
        (trio(), backup(), replace(HERE, memory_free=1 << 20), "r1 has 1 MiB of memory available, 65 MiB are needed"),
        (trio(), backup(verified=Verified("passed", "failed: short read")), HERE, "a drill or a check"),
        ([primary("r1"), parked("r2")], backup(), HERE, "The set is not as it should be"),
        ([primary("r1"), primary("r2", "r3", replication_id="B")], backup(), HERE, "Two primaries"),
    ],
)
def test_what_cannot_succeed_is_refused(members: list[Observed], what: Backup, here: Here, expected: str) -> None:
    # An older version of a replica counts as much as that of the primary.
    if what.header.rdb_version == 12:
        what = Backup(what.directory, what.manifest, Header("REDIS", 12, {"redis-ver": "7.4.1"}))
    assert expected in refusal(members, what, here=here)


def test_all_reasons_are_told_at_once() -> None:
    said = refusal(trio(), backup(80, "valkey"), here=replace(HERE, host="r2", disk_free=0))
    assert said.count(";") >= 4


@pytest.mark.parametrize(("quorum", "may"), [(2, True), (1, False)])
def test_sentinels_that_are_silent_must_not_be_able_to_fail_over(quorum: int, may: bool) -> None:
    views = [view("r1", quorum=quorum), view("r2", quorum=quorum), silent("r3")]
    if may:
        assert "The Sentinel of r3 was left out" in plan(trio(), backup(), views).warnings[0]
    else:
        assert "the Sentinels of r3 do not answer" in refusal(trio(), backup(), views)


@pytest.mark.parametrize(
    ("magic", "version", "aux", "engine", "running", "readable"),
    [
        ("REDIS", 9, {"redis-ver": "6.0.16"}, "redis", "6.0.16", True),
        ("REDIS", 10, {"redis-ver": "7.0.15"}, "redis", "6.2.14", False),
        ("REDIS", 11, {"redis-ver": "7.2.4", "valkey-ver": "8.0.1"}, "valkey", "8.0.1", True),
        ("REDIS", 11, {"redis-ver": "7.2.4"}, "valkey", "9.1.2", True),
        ("REDIS", 12, {"redis-ver": "7.4.1"}, "valkey", "9.1.2", False),
        ("REDIS", 12, {"redis-ver": "8.0.2"}, "redis", "7.4.1", True),
        ("VALKEY", 80, {"valkey-ver": "9.1.2"}, "valkey", "9.1.2", True),
        ("VALKEY", 80, {"valkey-ver": "9.1.2"}, "valkey", "8.1.1", False),
        ("VALKEY", 80, {"valkey-ver": "9.1.2"}, "redis", "8.2.3", False),
        ("REDIS", 13, {"redis-ver": "8.6.0"}, "redis", "8.6.1", True),
        ("REDIS", 13, {"redis-ver": "8.6.0"}, "redis", "8.2.3", False),
        ("REDIS", 99, {}, "redis", "8.2.3", False),
    ],
)
def test_which_engine_reads_which_file(
    magic: str, version: int, aux: dict[str, str], engine: str, running: str, readable: bool
) -> None:
    assert (explain_unreadable(Header(magic, version, aux), engine, running) == "") is readable


# --- counting ---


@pytest.mark.parametrize(
    ("found", "wrong"),
    [
        ({"0": 1200}, []),
        ({"0": 1197}, []),
        ({"0": 1196}, ["database 0 has 1196 keys instead of 1200"]),
        ({"0": 1201}, ["database 0 has 1201 keys instead of 1200"]),
        ({}, ["database 0 has 0 keys instead of 1200"]),
        ({"0": 1200, "10": 1}, ["database 10 has 1 keys instead of 0"]),
    ],
)
def test_only_keys_with_an_end_may_be_missing(found: dict[str, int], wrong: list[str]) -> None:
    assert compare_counts(found, backup().databases) == wrong


def test_the_engine_counts_those_that_it_left_out_too() -> None:
    told = backup().databases
    assert compare_load({}, told) == ""
    assert compare_load({"rdb_last_load_keys_loaded": "1198", "rdb_last_load_keys_expired": "2"}, told) == ""
    read = {"rdb_last_load_keys_loaded": "1198", "rdb_last_load_keys_expired": "1"}
    assert compare_load(read, told) == "1199 keys were read instead of 1200"


def test_what_was_proven_counts_more_than_what_was_told() -> None:
    assert backup().databases["0"]["key_count"] == 1200
    proven = Verified("passed", "passed", {"0": {"key_count": 1199, "expires": 3}})
    assert backup(verified=proven).databases["0"]["key_count"] == 1199


def test_numbers_are_words() -> None:
    assert show_counts({}) == "0 keys"
    assert show_counts({"0": 1}) == "1 key"
    assert show_counts({"5": {"key_count": 2, "expires": 0}, "0": {"key_count": 1, "expires": 1}}) == (
        "3 keys (1 in database 0, 2 in database 5)"
    )


def test_the_aof_needs_room_too() -> None:
    large = backup(rdb_size=GIB // 4)
    here = replace(HERE, disk_free=GIB * 5 // 8, memory_free=8 * GIB)
    assert check_room(large, here, aof=False) == []
    assert check_room(large, here, aof=True) == ["r1 has 640 MiB of disk free, 784 MiB are needed"]


@pytest.mark.parametrize(
    ("kept", "keep_free", "says"),
    [
        (GIB // 2, -1, ["r1 has 640 MiB of disk free, 1040 MiB are needed"]),
        (GIB // 16, -1, []),
        (GIB // 2, GIB, []),
        (GIB // 2, GIB // 4, ["r1 has 256 MiB free for the backup of what is there now, 512 MiB are needed"]),
    ],
)
def test_what_is_set_aside_needs_room_where_it_goes(kept: int, keep_free: int, says: list[str]) -> None:
    here = replace(HERE, disk_free=GIB * 5 // 8, memory_free=8 * GIB, kept=kept, keep_free=keep_free)
    assert check_room(backup(rdb_size=GIB // 4), here, aof=False) == says


@pytest.mark.parametrize(
    ("member", "free", "says"),
    [
        ({}, {}, []),
        ({}, {"disk_free": GIB // 2}, ["r2 has 512 MiB of disk free, 528 MiB are needed"]),
        ({"config": {**CONFIG, "appendonly": "no"}}, {"disk_free": GIB // 2}, []),
        ({}, {"memory_free": GIB}, ["r2 has 1024 MiB of memory available, 1599 MiB are needed to hold the backup's"]),
        ({"memory": {"used_memory": GIB}}, {"memory_free": GIB}, []),
        (
            {"memory": {"used_memory": GIB}, "config": {**CONFIG, "repl-diskless-load": "swapdb"}},
            {"memory_free": GIB},
            ["r2 has 1024 MiB of memory available, 1599"],
        ),
    ],
)
def test_every_member_needs_room_for_the_same_data(
    member: dict[str, Any], free: dict[str, int], says: list[str]
) -> None:
    """Its own data goes before the other comes, unless it loads beside it."""
    large = backup(rdb_size=GIB // 4)
    given: dict[str, Any] = {"disk_free": GIB, "memory_free": 4 * GIB, "memory_total": 8 * GIB, **free}
    found = Capacity("r2", **given)
    told = check_replica_room(large, server("r2", **member), found, 5)
    assert len(told) == len(says) and all(row.startswith(part) for row, part in zip(told, says, strict=True))
    if not member and says:
        here = replace(HERE, memory_free=8 * GIB, rooms={"r2": found})
        assert says[0].split(",")[0] in refusal(trio(), large, here=here)


# --- a restore that was cut short ---


@pytest.mark.parametrize(
    ("members", "patience", "what", "todo"),
    [
        ([fed(), parked("r2")], 5000, "r1 follows a server on its own host", "End it, forward where"),
        ([parked("r1"), parked("r2")], 1000005000, "the Sentinels have been told to wait", "End it, forward where"),
        ([parked("r1"), parked("r2")], 5000, "No primary", "Choose. If a restore was cut short before, end that first"),
        ([replica("r1"), parked("r2")], 5000, "No primary", "Choose"),
        ([parked("r1")], 5000, "No primary", "Choose"),
    ],
)
def test_a_refusal_names_the_restore_behind_it(members: list[Observed], patience: int, what: str, todo: str) -> None:
    watching = view("r1")
    watching.masters["main"].down_after = patience
    found = explain_restore(Refused("No primary", "data set main", "Choose", "the table"), members, [watching], "main")
    assert what in found.what and "No primary" in found.what
    assert found.todo.startswith(todo.replace("End it", "Nothing was changed. End it"))
    assert ("redis_restore_end=true" in found.todo) is (todo != "Choose")
    assert (found.where, found.table) == ("data set main", "the table")


ENTRY = JournalEntry(
    "main", "r1", "/b/one", "", replication_id="old", databases={"0": 7}, feeder_id="new", expected={"0": 1200}
)


@pytest.mark.parametrize(
    ("head", "others", "expected"),
    [
        (primary(), [], "serving"),
        (primary(replication_id="other"), [parked("r2")], "serving"),
        (parked("r1"), [parked("r2")], "old"),
        (fed(), [parked("r2")], "old"),
        (fed(databases={"0": 3}), [parked("r2")], "lost"),
        (fed(databases={}), [parked("r2")], "lost"),
        (fed(replication_id="new", databases={"0": 1200}), [parked("r2")], "new"),
        (fed(replication_id="new", persistence={"loading": 1}), [], "busy"),
        (gone("r1"), [parked("r2")], "silent"),
        (replica("r1", of="r2"), [primary("r2")], "moved"),
        (fed(replication_id="new"), [primary("r2")], "moved"),
    ],
)
def test_what_the_primary_has_come_to(head: Observed, others: list[Observed], expected: str) -> None:
    assert find_stage(head, ENTRY, [head, *others]) == expected


def test_before_the_data_was_counted_nothing_had_been_taken() -> None:
    assert find_stage(parked("r1"), replace(ENTRY, databases=None, feeder_id=""), []) == "old"


def test_the_data_of_before_comes_from_a_member_that_has_all_of_it() -> None:
    fewer = parked("r3", databases={"0": 6}, key_count=6)
    members = [fed(databases={}), replica("r2"), fewer, parked("r4"), gone("r5")]
    found = find_spare("r1", ENTRY, members)
    assert found is not None
    assert found.host == "r4"
    assert find_spare("r1", ENTRY, members[:3]) is None
    assert [one.host for one in list_strays(members[0], members)] == ["r3", "r4"]


def test_an_id_that_is_empty_is_nobodys() -> None:
    assert not holds_new(parked("r1", replication_id=""), replace(ENTRY, feeder_id=""))


@pytest.mark.parametrize(
    ("found", "whole"),
    [
        ({"aof_rewrite_in_progress": "0", "aof_rewrite_scheduled": "0", "loading": "0"}, True),
        ({"aof_rewrite_in_progress": "1"}, False),
        ({"aof_rewrite_scheduled": "1"}, False),
        ({"loading": "1"}, False),
        ({"aof_last_bgrewrite_status": "err"}, False),
    ],
)
def test_when_the_aof_has_everything(found: dict[str, str], whole: bool) -> None:
    assert is_rewritten(found) is whole


def test_when_a_replica_is_in_sync() -> None:
    assert is_linked({"master_link_status": "up", "master_sync_in_progress": "0"})
    assert not is_linked({"master_link_status": "up", "master_sync_in_progress": "1"})
    assert not is_linked({})


# --- the note, and the server beside ---


def test_the_note_survives_and_goes(tmp_path: Path) -> None:
    assert journal.read_entry(str(tmp_path)) is None
    journal.write_entry(str(tmp_path), ENTRY)
    assert journal.read_entry(str(tmp_path)) == ENTRY
    assert (tmp_path / "restore.json").stat().st_mode & 0o777 == 0o600
    journal.remove_entry(str(tmp_path))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["", "[]", '{"name": "main"}'])
def test_a_note_that_cannot_be_read_stops_everything(tmp_path: Path, text: str) -> None:
    (tmp_path / "restore.json").write_text(text)
    with pytest.raises(QuorumError) as caught:
        journal.read_entry(str(tmp_path))
    assert "restore.json" in str(caught.value)


def test_a_link_in_the_place_of_the_note_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("kept")
    (tmp_path / "restore.new").symlink_to(tmp_path / "precious")
    journal.write_entry(str(tmp_path), ENTRY)
    assert (tmp_path / "precious").read_text() == "kept"


def test_the_server_beside_listens_on_loopback_with_the_password_of_the_set() -> None:
    shown = {"databases": "16", "masteruser": "", "masterauth": ""}
    text = seed_configuration("/var/lib/redis/main/restore", 40123, {**shown, "masterauth": 'pass "word"'})
    assert "bind 127.0.0.1\n" in text
    assert 'requirepass "pass \\"word\\""\n' in text
    assert "dbfilename backup\n" in text
    named = seed_configuration("/s", 40123, {**shown, "masteruser": "replicator", "masterauth": "secret"})
    assert "user replicator on >secret ~* +@all\nuser default off\n" in named
    assert "requirepass" not in named + seed_configuration("/s", 1, shown)
