# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A backup comes back into sets of real servers and Sentinels; files are broken, processes are killed half-way."""

from __future__ import annotations

import contextlib
import getpass
import resource
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis
from ansible_collections.quorum.redis.plugins.module_utils._backup import manifest as manifests
from ansible_collections.quorum.redis.plugins.module_utils._backup.create import make_backup
from ansible_collections.quorum.redis.plugins.module_utils._backup.job import Job
from ansible_collections.quorum.redis.plugins.module_utils._host.files import size_and_digest
from ansible_collections.quorum.redis.plugins.module_utils._redis.endpoint import Endpoint
from ansible_collections.quorum.redis.plugins.module_utils._replication.lock import LOCK
from connection import fold_connection
from ledger.scene import ALONE, NAME, Scene, kill

from .test_blocked import COMMANDS, blocked

PASSWORD = "s3cret-of-the-restore"
USER = getpass.getuser()


def fill(server: Any) -> None:
    """Write every type of value, in two databases, with and without an end."""
    with server.client() as client:
        client.set("string", "wört")
        client.hset("hash", mapping={"a": "1", "b": "2"})
        client.rpush("list", *range(600))
        client.sadd("set", "x", "y")
        client.zadd("sorted", {"one": 1, "two": 2})
        client.xadd("stream", {"field": "value"}, id="1-1")
        client.xgroup_create("stream", "group", "0")
        client.set("later", "gone one day", ex=86400)
        client.execute_command("SELECT", 5)
        client.mset({f"key:{number}": f"value {number}" for number in range(2000)})
        client.execute_command("SELECT", 0)


ASK = {
    "string": ("GET",),
    "hash": ("HGETALL",),
    "list": ("LRANGE", 0, -1),
    "set": ("SMEMBERS",),
    "zset": ("ZRANGE", 0, -1, "WITHSCORES"),
    "stream": ("XRANGE", "-", "+"),
}


def asked(server: Any, database: int, commands: list[tuple[Any, ...]]) -> list[Any]:
    """Return what a server says to many commands."""
    with server.client() as client, client.pipeline(transaction=False) as line:
        client.response_callbacks.clear()
        for command in [("SELECT", database), *commands]:
            line.execute_command(*command)
        return list(line.execute()[1:])


def content(server: Any) -> dict[str, Any]:
    """Return everything that a server holds: each value as its commands have it, and which keys end."""
    found = {}
    for database in (0, 5):
        keys = sorted(asked(server, database, [("KEYS", "*")])[0])
        kinds = asked(server, database, [("TYPE", key) for key in keys])
        asks = [(ASK[kind][0], key, *ASK[kind][1:]) for key, kind in zip(keys, kinds, strict=True)]
        values, ends = asked(server, database, asks), asked(server, database, [("TTL", key) for key in keys])
        for key, kind, value, end in zip(keys, kinds, values, ends, strict=True):
            found[f"{database}:{key}"] = (kind, sorted(value) if kind == "set" else value, end > 0)
    return found


@dataclass
class Store:
    """A set, a backup of it, and what was in it then."""

    scene: Scene
    root: Path
    backup: str
    before: dict[str, Any]
    down_after: int

    def options(self, **more: Any) -> dict[str, Any]:
        """Return the options of the module for this set."""
        head = self.scene.members[0]
        given = {
            "backup": self.backup,
            "here": "m1",
            "keep": str(self.root / "backups"),
            "data": str(head.directory),
            "binary": head.engine.binary,
            "user": USER,
            "memory_reserve": 0,
            "wait": 120,
            "password": PASSWORD,
            **more,
        }
        return self.scene.options(**given)

    def restore(self, check: bool = False, **more: Any) -> Any:
        """Run the module."""
        return self.scene.lab.run("restore", check=check, **self.options(**more))

    def killed(self, code: str, **more: Any) -> None:
        """Run the module with code that kills it, and see that it was."""
        done = self._run(code, **more)
        assert done.returncode == -signal.SIGKILL, done.stdout + done.stderr

    def _run(self, code: str, **more: Any) -> subprocess.CompletedProcess[str]:
        start = (
            "from ansible_collections.quorum.redis.plugins.module_utils._restore import rollback as back\n"
            "from ansible_collections.quorum.redis.plugins.module_utils._restore import execute\n"
            "from ansible_collections.quorum.redis.plugins.module_utils._replication import operation as base\n"
            f"from ansible_collections.quorum.redis.plugins.modules import restore\n{code}\nrestore.main()\n"
        )
        given = fold_connection(self.options(**more))
        done: subprocess.CompletedProcess[str] = self.scene.lab.fork(start, given, how="-c")
        return done

    def begin(self, code: str) -> str:
        """Run the module with code before it; return what it says."""
        done = self._run(code)
        return done.stdout + done.stderr

    def named_and_ended(self) -> None:
        """See that a run of site.yml would name the restore and what ends it, and end it so."""
        refused = self.scene.lab.run("replication", **self.scene.options(password=PASSWORD, wait=1))
        assert refused.failed
        assert "A restore of main was cut short" in refused.msg
        assert "-e redis_restore_instance=main -e redis_restore_end=true -e redis_restore_confirm=main" in refused.msg
        plan = self.restore(check=True, end=True, backup=None)
        assert plan.changed and "that was cut short" in plan["steps"][0]
        ended = self.restore(end=True, backup=None)
        assert not ended.failed, ended.msg
        assert "A restore had been cut short; " in ended["ended"]
        assert not self.restore(end=True, backup=None).changed

    def whole(self) -> None:
        """Fail unless one primary serves, all follow, all Sentinels are as they were, and nothing is left."""
        head = self.scene.members[0]
        self.scene.wait("nothing is left", lambda: not (head.directory / "restore.json").exists())
        self.scene.wait("nobody is at work", lambda: LOCK not in head.call("CLIENT", "LIST"))
        self.scene.wait("the set is whole", self.scene.whole)
        for one in self.scene.sentinels:
            reply = one.call("SENTINEL", "MASTER", NAME)
            assert dict(zip(reply[::2], reply[1::2], strict=True))["down-after-milliseconds"] == str(self.down_after)
        assert head.follows() == ("master", "")
        assert not (head.directory / "restore").exists()

    def same(self, expected: dict[str, Any]) -> None:
        """Fail unless every member holds this."""
        for one in self.scene.members:
            self.scene.wait(f"{one.directory.name} holds it", lambda one=one: content(one) == expected)


def damage(server: Any) -> dict[str, Any]:
    """Replace the data by something else; return it."""
    with server.client() as client:
        client.flushall()
        client.mset({f"new:{number}": "x" for number in range(300)})
    return content(server)


def build(lab: Any, sentinels: int = 3, members: int = 3, aof: bool = True, down_after: int = 60000) -> Store:
    """Return a set with a backup of it, and with other data since then."""
    lines = ["appendonly yes" if aof else "appendonly no", "repl-timeout 20"]
    real = lab.server
    lab.server = lambda name, **more: real(name, *lines, **more)
    scene = Scene.build(lab, members=members, sentinels=0, password=PASSWORD)
    lab.server = real
    scene.sentinels = [lab.sentinel(f"s{number}") for number in range(1, sentinels + 1)]
    head = scene.members[0]
    for one in scene.sentinels:
        one.call("SENTINEL", "MONITOR", NAME, head.address, head.port, sentinels // 2 + 1)
        for key, value in (
            ("auth-pass", PASSWORD),
            ("down-after-milliseconds", down_after),
            ("failover-timeout", 60000),
        ):
            one.call("SENTINEL", "SET", NAME, key, value)
        with contextlib.suppress(redis.ResponseError):  # Redis 6 looks each 10 s, whatever is said
            one.call("SENTINEL", "DEBUG", "INFO-PERIOD", 500)
    fill(head)
    before = content(head)
    head.call("SET", "soon", "gone when it is restored", "PX", 1000)
    scene.wait("the set is whole", scene.whole)
    place = Endpoint(head.address, head.port, None, PASSWORD)
    job = Job(NAME, "m1", place, str(lab.root / "backups"), head.engine.binary, USER)
    made = make_backup(job, lambda _text: None)
    store = Store(scene, lab.root, str(job.place / made.name), before, down_after)
    damage(head)
    time.sleep(1)
    return store


def test_a_backup_comes_back_under_sentinels(lab: Any) -> None:
    store = build(lab)
    head, runs = store.scene.members[0], [one.info()["run_id"] for one in store.scene.members]
    present = content(head)
    plan = store.restore(check=True)
    assert not plan.failed, plan.msg
    assert plan.changed
    assert content(head) == present
    assert "m1: 300 keys" in plan["diff"][0]["before"]
    counted = {name: rows["key_count"] for name, rows in manifests.read_manifest(store.backup).databases.items()}
    assert counted["5"] == 2000
    assert counted["0"] in (7, 8)  # whether the key `soon` had expired when the copy was read
    expected = f"m1: {sum(counted.values())} keys ({counted['0']} in database 0, 2000 in database 5)"
    assert expected in plan["diff"][0]["after"]
    done = store.restore()
    assert not done.failed, done.msg
    assert done["steps"] == plan["steps"]
    told = {"outcome": "new", "backup": done["backup"], "kept": done["kept"]}
    assert done["ansible_stats"]["data"] == {"redis_restored": {NAME: told}}
    assert "ansible_stats" not in plan.data
    print(done["gap_ms"], done["timings"])
    store.same(store.before)
    store.whole()
    assert runs == [one.info()["run_id"] for one in store.scene.members], "nobody was restarted"
    assert PASSWORD not in done.text
    for one in store.scene.members:
        one.stop(kill=True)
    for one in store.scene.members:
        assert one.call if one.start() else None
    store.same(store.before)
    store.whole()  # a Sentinel may open the link of a replica anew before, and in the switch it would not come back
    # What was kept is a backup like any other.
    again = store.restore(backup=done["kept"])
    assert not again.failed, again.msg
    store.same(present)
    store.whole()


def test_clients_that_wait_are_cut_off_and_not_answered(lab: Any) -> None:
    """But for XREADGROUP: what comes back has a stream with something to read."""
    store = build(lab)
    with blocked(store.scene, readers=True, commands=[one for one in COMMANDS if "GROUP" not in one]):
        done = store.restore()
        assert not done.failed, done.msg
    store.same(store.before)
    store.whole()


@pytest.mark.parametrize("alone", [False, True], ids=["rescued", "with its host"])
def test_a_restore_that_is_killed_ends_with_one_data_or_the_other(lab: Any, alone: bool) -> None:
    """The process that is left behind ends it at once; where that died too, the next run does it first."""
    store = build(lab)
    head = store.scene.members[0]
    moments = [(step, "after", 0) for step in ("CalmSentinels", "FollowPrimary", "ProveBackup", "AwaitRewrite")]
    both = [("ParkMembers", "after", 0), ("FeedPrimary", "during", 0.02), ("ServeWrites", "after", 0)]
    for step, when, delay in both if alone else [*both, *moments]:
        present = damage(head)
        store.scene.wait("the set is whole", store.scene.whole)
        store.killed(kill(step, when, delay) + (ALONE if alone else ""))
        if alone and step == "FeedPrimary":
            store.named_and_ended()
        elif alone:
            assert (head.directory / "restore.json").exists()
            again = store.restore()
            assert not again.failed, again.msg
            assert "cut short" in again["steps"][0]
            assert again["warnings"]
            store.same(store.before)
        store.whole()
        held = content(head)
        assert held in (present, store.before), step
        sure = {
            **dict.fromkeys(("ProveBackup", "CalmSentinels", "ParkMembers"), "old"),
            **dict.fromkeys(("AwaitRewrite", "ServeWrites", "FollowPrimary"), "new"),
        }
        assert alone or sure.get(step) in (None, "new" if held == store.before else "old"), step
        store.same(held)
        print(step, when, "new" if held == store.before else "old")


def test_a_replica_that_loses_its_link_meanwhile_is_awaited(lab: Any) -> None:
    """Once the primary is parked it takes no replica: the restore would stop, and the old data come back."""
    store = build(lab, sentinels=0)
    replica = store.scene.members[1]
    code = f"""
import threading, redis
park = execute.Restorer.park_members
def park_members(self):
    one = redis.Redis(port={replica.port}, password={PASSWORD!r}, protocol=2)
    one.execute_command("CONFIG", "SET", "masterauth", "wrong")
    one.execute_command("CLIENT", "KILL", "TYPE", "master")
    threading.Timer(3, one.execute_command, ("CONFIG", "SET", "masterauth", {PASSWORD!r})).start()
    park(self)
execute.Restorer.park_members = park_members
"""
    said = store.begin(code)
    assert '"failed": true' not in said, said
    store.same(store.before)
    store.whole()


def test_a_sentinel_does_not_fail_over_meanwhile(lab: Any) -> None:
    """It takes a primary that says it is a replica for dead after down-after and two looks: 6 s, here."""
    store = build(lab, down_after=5000)
    hold = "import time\nfeed = execute.Restorer.feed_primary\n"
    hold += "def feed_primary(self):\n    feed(self)\n    time.sleep(7.5)\n"
    hold += "execute.Restorer.feed_primary = feed_primary\n"
    store.killed(hold + kill("AwaitRewrite", "after"))
    store.whole()
    assert not any("+odown" in one.log or "+try-failover" in one.log for one in store.scene.sentinels)


def test_a_failover_that_somebody_orders_meanwhile_wins(lab: Any) -> None:
    store = build(lab)
    sentinel = store.scene.sentinels[0]
    present = content(store.scene.members[0])
    code = f"""
real = execute.Restorer.feed_primary
def feed_primary(self):
    real(self)
    with back.connect(self.watchers[0][1]) as client:
        def order():  # a replica that has just lost its clients, the Sentinel among them, is no good for a moment
            try:
                return client.call("SENTINEL", "FAILOVER", {NAME!r})
            except base.QuorumError as problem:
                if "NOGOODSLAVE" not in str(problem):
                    raise
        self.wait_until("the order", order, 30)
        port = str(self.places["m1"].port)
        ask = ("SENTINEL", "GET-MASTER-ADDR-BY-NAME", {NAME!r})
        self.wait_until("the failover", lambda: client.call(*ask)[1] != port, 120)
execute.Restorer.feed_primary = feed_primary
"""
    done = store.begin(code)
    assert "A Sentinel moves the primary meanwhile" in done, done
    assert "was made the primary meanwhile and goes on with its data, 300 keys" in done, done
    store.scene.wait("the set is whole", store.scene.whole)
    assert sentinel.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME)[1] != str(store.scene.members[0].port)
    store.same(present)


def test_a_primary_that_has_lost_its_data_takes_it_back_from_a_replica(lab: Any) -> None:
    store = build(lab)
    present, junk = content(store.scene.members[0]), lab.server("junk", password=PASSWORD)
    junk.call("SET", "junk", "1")
    code = f"""
import os
real = execute.Restorer.feed_primary
def feed_primary(self):
    self.feeder.port = {junk.port}
    self.call(self.head, "REPLICAOF", "127.0.0.1", {junk.port})
    self.wait_until("the junk", lambda: self.read_info("m1").get("master_link_status") == "up", 120)
    os.kill(os.getpid(), 9)
execute.Restorer.feed_primary = feed_primary
"""
    store.killed(code)
    store.whole()
    store.same(present)


def test_a_full_disk_leaves_the_present_data(lab: Any) -> None:
    store = build(lab, sentinels=0, members=2, aof=False)
    head = store.scene.members[0]
    present = content(head)
    head.stop()
    with (head.directory / "log").open("ab") as log:
        head.process = subprocess.Popen(
            [head.engine.binary, str(head.config)], cwd=head.directory, stdout=log, stderr=log, restore_signals=False
        )
    store.scene.wait("it answers", lambda: head.call("PING"))
    resource.prlimit(head.process.pid, resource.RLIMIT_FSIZE, (24000, 24000))  # as good as full
    head.call("FLUSHALL")
    damage(head)
    store.scene.wait("the set is whole", store.scene.whole)
    done = store.restore()
    assert done.failed
    assert "could not take the data" in done.msg
    assert "goes on as the primary with the present data, 300 keys" in done.msg
    store.whole()
    store.same(present)
    assert head.call("SET", "new", "write")


def rewrite_manifest(directory: Path) -> None:
    """Let the manifest tell what is there, as if the backup had been made like this."""
    told = manifests.read_manifest(str(directory))
    told.files["dump.rdb"] = size_and_digest(directory / "dump.rdb")
    told.rdb_size, told.rdb_sha256 = told.files["dump.rdb"]["size"], told.files["dump.rdb"]["sha256"]
    (directory / "manifest.json").write_text(told.to_json())


def test_what_is_no_good_is_refused_before_anything_is_touched(lab: Any) -> None:
    store = build(lab, sentinels=0, members=2)
    head = store.scene.members[0]
    present, good = content(head), Path(store.backup)
    rdb = (good / "dump.rdb").read_bytes()
    middle = len(rdb) // 2
    flipped = rdb[:middle] + bytes([rdb[middle] ^ 1]) + rdb[middle + 1 :]
    newer = (b"REDIS0099" if rdb.startswith(b"REDIS") else b"VALKEY099") + rdb[9:].replace(b"-ver", b"-vex")
    cases = [
        (flipped, False, "has another check sum"),
        (rdb[:-1000], False, "bytes instead of"),
        (flipped, True, "does not load the backup"),
        (rdb[:-1000], True, "does not load the backup"),
        (b"#!/bin/sh\n" * 500, True, "This is no RDB file"),
        (newer, True, "RDB version 99"),
    ]
    for number, (data, honest, expected) in enumerate(cases):
        bad = store.root / f"bad{number}"
        shutil.copytree(good, bad)
        (bad / "dump.rdb").write_bytes(data)
        if honest:
            rewrite_manifest(bad)
        done = store.restore(backup=str(bad))
        assert done.failed
        assert expected in done.msg
        assert content(head) == present
        assert not (head.directory / "restore").exists()
    told = manifests.read_manifest(str(good))
    told.databases["0"]["key_count"] += 3
    told.verified.databases = {}
    (bad / "dump.rdb").write_bytes(rdb)
    (bad / "manifest.json").write_text(told.to_json())
    assert "database 0 has 7 keys instead of 11" in store.restore(backup=str(bad)).msg
    wrong = store.restore(here="m2").msg
    assert "this runs on m2, but the primary is m1" in wrong
    assert "MiB of memory available" in store.restore(memory_reserve=100).msg
    tight = {"host": "m2", "disk_free": 1 << 20, "memory_free": 2 << 20, "memory_total": 1 << 30}
    refused = store.restore(rooms=[tight]).msg
    assert "m2 has 1 MiB of disk free, 16 MiB are needed" in refused
    assert "m2 has 2 MiB of memory available" in refused
    assert "whether m2 has room" in str(store.restore(check=True)["warnings"])
    wide = lab.run("room", path=str(head.directory / "not" / "there"), host="m2")["room"]
    assert "warnings" not in store.restore(check=True, rooms=[wide]).data
    full = lab.run("room", path=str(head.directory), host="m2", needed=1 << 60)
    assert full.failed and "m2 has" in full.msg and "of disk free" in full.msg and str(head.directory) in full.msg
    assert content(head) == present
    store.whole()


def test_a_backup_goes_into_a_new_set_of_another_name(lab: Any) -> None:
    store = build(lab, sentinels=0, members=1, aof=False)
    source = store.scene.members[0]
    place = Endpoint(source.address, source.port, None, PASSWORD)
    job = Job(NAME, "m1", place, str(lab.root / "other"), source.engine.binary, USER, compression="gzip")
    present = content(source)
    made = make_backup(job, lambda _text: None)
    new = [lab.server(f"c{number}", "appendonly yes") for number in (1, 2)]
    new[1].call("REPLICAOF", new[0].address, new[0].port)
    store.scene.wait("the new set is whole", lambda: new[1].info()["master_link_status"] == "up")
    done = lab.run(
        "restore",
        name="copy",
        backup=str(job.place / made.name),
        here="c1",
        data=str(new[0].directory),
        binary=source.engine.binary,
        user=USER,
        memory_reserve=0,
        members=[{"host": one.directory.name, "address": one.address, "port": one.port} for one in new],
    )
    assert not done.failed, done.msg
    assert "one of the data set main, not of copy" in str(done["warnings"])
    assert done["kept"] == ""
    assert content(new[0]) == content(new[1]) == content(source) == present


def test_data_of_a_module_comes_back(lab: Any, search: Path) -> None:
    """The server that holds the backup has the module too."""
    if "6" in lab.engine.name:
        pytest.skip("Redis 6 does not tell where its modules are")
    server = lab.server("m1", f"loadmodule {search}", password=PASSWORD)
    server.call("FT.CREATE", "index", "SCHEMA", "title", "TEXT")
    server.call("FT.ADD", "index", "doc", "1.0", "FIELDS", "title", "hello")
    place = Endpoint(server.address, server.port, None, PASSWORD)
    job = Job(NAME, "m1", place, str(lab.root / "backups"), server.engine.binary, USER)
    made = make_backup(job, lambda _text: None)
    server.call("FLUSHALL")
    given = {"name": NAME, "here": "m1", "password": PASSWORD, "user": USER, "memory_reserve": 0}
    given |= {"data": str(server.directory), "binary": server.engine.binary, "backup": str(job.place / made.name)}
    done = lab.run("restore", **given, members=[{"host": "m1", "address": server.address, "port": server.port}])
    assert not done.failed, done.msg
    assert server.call("FT.SEARCH", "index", "hello")[:2] == [1, "doc"]
