# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All shards of a cluster are saved at one moment, and one manifest says what belongs together."""

from __future__ import annotations

import getpass
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from measured import note

from .conftest import PASSWORD, Answer, Lab, Server, wait_until
from .test_cluster import options, start

ME = getpass.getuser()


@pytest.fixture
def six(lab: Lab) -> list[Server]:
    """Return a cluster of three shards with 3000 keys."""
    servers = [start(lab, f"c{number}") for number in range(1, 7)]
    done = lab.run("cluster", **options(servers))
    assert not done.failed, done.text
    fill(servers[:3], 0)
    return servers


def fill(primaries: list[Server], first: int, count: int = 3000) -> None:
    """Give each key to the primary of its slot."""
    bounds = (5461, 10923, 16384)
    with primaries[0].client() as client:
        slots = {f"key:{number}": client.cluster("KEYSLOT", f"key:{number}") for number in range(first, first + count)}
    for position, primary in enumerate(primaries):
        low = bounds[position - 1] if position else 0
        with primary.client() as client, client.pipeline(transaction=False) as line:
            for key, slot in slots.items():
                if low <= slot < bounds[position]:
                    line.set(key, key)
            line.execute()


def begin(lab: Lab, servers: list[Server], check: bool = False, **more: Any) -> Answer:
    return lab.run("cluster_backup", check=check, **options(servers, **more))


def take(lab: Lab, shard: dict[str, Any], root: Path) -> Answer:
    place = {"host": shard["label"], **{key: shard["source"][key] for key in ("address", "port")}}
    given: dict[str, Any] = {
        "name": "cart",
        "here": shard["label"],
        "members": [place],
        "password": PASSWORD,
        "save": shard["save"],
    }
    given.update(directory=str(root / "backups"), binary=lab.engine.binary, user=ME, wait=120)
    return lab.run("backup", **given)


def end(lab: Lab, servers: list[Server], begun: Any, parts: list[Answer], root: Path) -> Answer:
    more = {"begun": begun, "parts": [part["manifest"] for part in parts], "directory": str(root / "backups")}
    return lab.run("cluster_backup", **options(servers, user=ME, **more))


def test_all_shards_are_saved_at_one_moment_and_belong_together(lab: Lab, six: list[Server], tmp_path: Path) -> None:
    """Three replicas save at once; the manifest has the slot map, and every part is proven."""
    predicted = begin(lab, six, check=True)
    assert predicted.changed and not (tmp_path / "backups").exists(), predicted.text
    before = [one.info()["rdb_last_save_time"] for one in six]
    begun = begin(lab, six)
    assert not begun.failed and begun["steps"] == predicted["steps"], begun.text
    told = begun["begun"]
    assert [shard["source"]["member"] for shard in told["shards"]] == ["c4", "c5", "c6"], begun.text
    fill(six[:3], 3000, 300)  # none of this is in it
    parts = [take(lab, shard, tmp_path) for shard in told["shards"]]
    assert not any(part.failed for part in parts), [part.text for part in parts]
    ended = end(lab, six, told, parts, tmp_path)
    assert not ended.failed, ended.text
    made = json.loads(Path(ended["path"]).read_text(encoding="utf-8"))
    assert made == ended["manifest"]
    kept = {shard["source"]["member"]: (shard["key_count"], shard["replication_offset"]) for shard in made["shards"]}
    assert made["key_count"] == 3000, f"keys and offsets: {kept}; {told}"
    assert Path(ended["path"]).stat().st_mode & 0o777 == 0o640
    assert [shard["slots"] for shard in made["shards"]] == ["0-5460", "5461-10922", "10923-16383"]
    assert [shard["primary"]["id"] for shard in made["shards"]] == [one.call("CLUSTER", "MYID") for one in six[:3]]
    assert {shard["verified"]["load"] for shard in made["shards"]} == {"passed"}
    assert all((Path(ended["path"]).parent / shard["backup"] / "dump.rdb").exists() for shard in made["shards"])
    assert len(made["nodes"]) == 6 and PASSWORD not in json.dumps(made)
    assert ended["ansible_stats"]["data"]["redis_backups"]["cart"]["good"] is True
    assert {one.call("CONFIG", "GET", "stop-writes-on-bgsave-error")[1] for one in six} == {"yes"}
    assert [one.info()["rdb_last_save_time"] for one in six[:3]] == before[:3], "a primary has saved"
    note(f"saves of three shards began within, {lab.engine.name}", f"{told['spread_ms']} ms")
    assert told["spread_ms"] < 1000

    repeated = take(lab, told["shards"][0], tmp_path)
    assert repeated.failed and "exists already" in repeated.msg, repeated.text
    six[3].call("SAVE")
    wait_until("the copy has taken what came", lambda: six[3].info()["master_link_status"] == "up")
    fill(six[:1], 4000, 50)
    six[3].call("SAVE")
    other = {**told["shards"][0], "label": "other"}
    refused = take(lab, other, tmp_path)
    assert refused.failed and "another save has taken the place of its file" in refused.msg, refused.text
    assert not list((tmp_path / "backups" / "cart").glob("*other*"))


def test_a_replica_that_lags_is_awaited(lab: Lab, six: list[Server], tmp_path: Path) -> None:
    """What a primary has acknowledged before the run is in the backup, or there is none."""
    if lab.engine.name.endswith("6.0"):
        pytest.skip("its CLIENT PAUSE stops INFO, too")
    six[3].call("CLIENT", "PAUSE", 300000, "WRITE")  # what the primary sends waits, too
    fill(six[:3], 3000, 600)
    refused = begin(lab, six, wait=1)
    assert refused.failed and "the replica has not received" in refused.msg, refused.text
    six[3].when_asked(lambda: six[3].call("CLIENT", "UNPAUSE"))
    begun = begin(lab, six)
    assert not begun.failed and re.search("waiting for [1-9][0-9]* bytes", begun["progress"][0]), begun.text
    parts = [take(lab, shard, tmp_path) for shard in begun["begun"]["shards"]]
    ended = end(lab, six, begun["begun"], parts, tmp_path)
    assert not ended.failed and ended["manifest"]["key_count"] == 3600, ended.text


def test_what_is_no_whole_is_refused(lab: Lab, six: list[Server], tmp_path: Path) -> None:
    """An open slot, a shard without a replica in sync, and slots that moved meanwhile stop a backup."""
    ids = [one.call("CLUSTER", "MYID") for one in six]
    begun = begin(lab, six)["begun"]
    parts = [take(lab, shard, tmp_path) for shard in begun["shards"]]
    missing = end(lab, six, begun, parts[:2], tmp_path)
    assert missing.failed and f"There is no backup {begun['shards'][2]['backup']}" in missing.msg, missing.text

    key = next(slot for slot in range(5461) if not six[0].call("CLUSTER", "COUNTKEYSINSLOT", slot))
    six[1].call("CLUSTER", "SETSLOT", key, "IMPORTING", ids[0])
    six[0].call("CLUSTER", "SETSLOT", key, "MIGRATING", ids[1])
    for refused in (begin(lab, six, check=True), begin(lab, six), end(lab, six, begun, parts, tmp_path)):
        assert refused.failed and not refused.changed, refused.text
        assert f"slot {key} of c1 is migrating to c2" in refused.msg, refused.text
    for one in (six[1], six[0], six[2]):
        one.call("CLUSTER", "SETSLOT", key, "NODE", ids[1])
    refused = end(lab, six, begun, parts, tmp_path)
    assert refused.failed and "Slots or primaries moved while the shards were saved" in refused.msg, refused.text
    assert not list((tmp_path / "backups" / "cart").glob("*.json"))

    six[4].stop()
    refused = begin(lab, six)
    assert refused.failed and "c5 does not answer" in refused.msg and "c2 is the primary" in refused.msg, refused.text
    allowed = begin(lab, six, check=True, primary=True)
    assert not allowed.failed and "c2 (slots" in allowed["steps"][0], allowed.text
    elsewhere = begin(lab, six, check=True, primary=True, hosts=["c1", "c4", "c5", "c6"])
    assert elsewhere.failed and "c2 is on a host that takes no part in this run" in elsewhere.msg, elsewhere.text


def wait_for_rewrite(server: Server) -> None:
    wait_until("the AOF is written", lambda: server.info()["aof_rewrite_in_progress"] == "0")


def test_a_person_can_bring_it_back(lab: Lab, six: list[Server], tmp_path: Path) -> None:
    """Each snapshot goes under the primary of its slots, without an AOF, primaries first; docs/restore.md says so."""
    begun = begin(lab, six)["begun"]
    parts = [take(lab, shard, tmp_path) for shard in begun["shards"]]
    made = json.loads(Path(end(lab, six, begun, parts, tmp_path)["path"]).read_text(encoding="utf-8"))
    for one in six[:3]:
        one.call("CONFIG", "SET", "appendonly", "yes")
        wait_for_rewrite(one)
        one.call("FLUSHALL")
    fill(six[:3], 5000, 30)
    for one in six:
        one.call("CONFIG", "SET", "appendonly", "no")
    for one in [*six[3:], *six[:3]]:
        one.stop()
        for left in ("dump.rdb", "appendonlydir", "appendonly.aof"):
            shutil.rmtree(one.directory / left, ignore_errors=True)
            if (one.directory / left).exists():
                (one.directory / left).unlink()
    for primary, shard in zip(six[:3], made["shards"], strict=True):
        shutil.copy(tmp_path / "backups" / "cart" / shard["backup"] / shard["rdb"], primary.directory / "dump.rdb")
        primary.start()
    for primary, shard in zip(six[:3], made["shards"], strict=True):
        assert primary.call("DBSIZE") == shard["key_count"]
    for replica in six[3:]:
        replica.start()
    again = lab.run("cluster", **options(six))
    assert not again.failed and not again.changed, again.text
    keys = [shard["key_count"] for shard in made["shards"]]
    wait_until("replicas have all", lambda: [one.call("DBSIZE") for one in six[3:]] == keys)
    for one in six:
        one.call("CONFIG", "SET", "appendonly", "yes")
    assert sum(one.call("DBSIZE") for one in six[:3]) == made["key_count"] == 3000
    assert "cluster_state:ok" in six[0].call("CLUSTER", "INFO")


def place(lab: Lab, server: Server, state: str, backup: Path | None = None, check: bool = False) -> Answer:
    """Bring the files of a server into a state of a restore."""
    given: dict[str, Any] = {"name": server.directory.name, "data": str(server.directory), "config": str(server.config)}
    given.update(state=state, user=ME, binary=lab.engine.binary, wait=120, memory_reserve=0)
    given.update({"backup": str(backup)} if backup else {})
    found = lab.run("cluster_restore", check=check, **given)
    assert not found.failed, found.text
    return found


def test_a_backup_takes_the_place_of_the_data_and_is_undone(lab: Lab, tmp_path: Path) -> None:
    """With and without an AOF, whoever is primary; cut short anywhere, what was there before comes back."""
    servers = [start(lab, f"c{number}", f"appendonly {'no' if number == 2 else 'yes'}") for number in range(1, 7)]
    assert not lab.run("cluster", **options(servers)).failed
    fill(servers[:3], 0)
    begun = begin(lab, servers)["begun"]
    parts = [take(lab, shard, tmp_path) for shard in begun["shards"]]
    whole = end(lab, servers, begun, parts, tmp_path)["manifest"]
    fill(servers[:3], 3000, 60)
    now = [one.call("DBSIZE") for one in servers[:3]]

    backups = {shard["slots"]: tmp_path / "backups" / "cart" / shard["backup"] for shard in whole["shards"]}
    shards = lab.run("cluster", check=True, **options(servers))["shards"]
    mine = {shard["primary"]["host"]: backups[shard["slots"]] for shard in shards}
    assert sorted(mine) == ["c1", "c2", "c3"]
    for one in servers[:3]:
        proven = place(lab, one, "staged", mine[one.directory.name], check=True)
        assert proven["key_count"] > 900 and not proven["begun"] and not (one.directory / "restore-new").exists()
        place(lab, one, "staged", mine[one.directory.name])

    def put(undo: bool) -> None:
        for one in servers:
            one.stop()
        for one in servers:
            if undo:
                place(lab, one, "undone")
            else:
                assert place(lab, one, "placed", mine.get(one.directory.name))["begun"]
        for one in [*servers[:3], *servers[3:]]:
            one.start()
        again = lab.run("cluster", **options(servers, whole=True))
        assert not again.failed and not again.changed, again.text

    for one in servers:
        one.call("SAVE")
    put(undo=False)
    assert [one.call("DBSIZE") for one in servers[:3]] == [shard["key_count"] for shard in whole["shards"]]
    put(undo=True)
    assert [one.call("DBSIZE") for one in servers[:3]] == now

    for one in servers[:3]:  # killed while the data was put aside: nothing new had come
        one.stop()
        kept = one.directory / "restore-before" / "data"
        kept.mkdir(parents=True)
        (one.directory / "dump.rdb").rename(kept / "dump.rdb")
        place(lab, one, "undone")
        one.start()
    wait_until("all is loaded", lambda: [one.call("DBSIZE") for one in servers[:3]] == now)

    for one in servers[:3]:
        place(lab, one, "staged", mine[one.directory.name])
    put(undo=False)
    for one in servers:
        assert place(lab, one, "settled").changed and not place(lab, one, "undone", check=True)["begun"]
        assert not list(one.directory.glob("restore-*"))
        one.stop()
    for one in [*servers[:3], *servers[3:]]:  # it is on the disk, whatever keeps it
        one.start()
    assert sum(one.call("DBSIZE") for one in servers[:3]) == whole["key_count"] == 3000
