# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module backup against real servers: what it saves, what it waits for, and what it leaves when it fails."""

from __future__ import annotations

import getpass
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Iterator

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._backup import agent
from ansible_collections.quorum.redis.plugins.module_utils._backup import manifest as manifests
from ansible_collections.quorum.redis.plugins.module_utils._backup.snapshot import SaveFailed, Saver
from ansible_collections.quorum.redis.plugins.module_utils._core.errors import Damaged, QuorumError
from ansible_collections.quorum.redis.plugins.module_utils._engine import rdb_check, rdb_check_socket
from ansible_collections.quorum.redis.plugins.module_utils._model.backup_manifest import Manifest
from ansible_collections.quorum.redis.plugins.module_utils._model.conf_syntax import render_file
from ansible_collections.quorum.redis.plugins.module_utils._model.directives import ALIVE, known_to
from ansible_collections.quorum.redis.plugins.module_utils._redis.client import Client, connect
from ansible_collections.quorum.redis.plugins.module_utils._redis.endpoint import Endpoint
from connection import fold_connection
from patience import LONG

from integration.conftest import Answer, Engine, Lab, Server, wait_until

SECRET = "s3cret-of-the-test"
ME = getpass.getuser()


def options(server: Server, root: Path, **more: Any) -> dict[str, Any]:
    return {
        "name": "main",
        "here": "me",
        "members": [{"host": "me", "address": "127.0.0.1", "port": server.port}],
        "password": server.password or None,
        "directory": str(root / "backups"),
        "binary": server.engine.binary,
        "user": ME,
        "wait": 120,
        **more,
    }


def backups(root: Path) -> list[str]:
    """Return everything in the directory of the data set, hidden or not, but the lock and what is owed."""
    place = root / "backups" / "main"
    found = {path.name for path in place.iterdir()} if place.exists() else set()
    return sorted(found - {".lock", ".owed"})


def fill(server: Server, keys: int = 1000, size: int = 100) -> None:
    with server.client() as client, client.pipeline(transaction=False) as line:
        for number in range(keys):
            line.set(f"key:{number}", os.urandom(size))
        line.execute()


def checked(answer: Answer) -> Manifest:
    assert not answer.failed, answer.text
    found = manifests.read_manifest(answer["directory"])
    manifests.check_files(answer["directory"], found)
    return found


@pytest.fixture
def server(lab: Lab) -> Server:
    """Return a filled server with a log file and the right to change where it saves."""
    allowed = ["enable-protected-configs yes"] if modern(lab.engine) else []
    found = lab.server("main", f"logfile {lab.root}/log.txt", *allowed, password=SECRET)
    fill(found)
    return found


def modern(engine: Engine) -> bool:
    said = subprocess.run([engine.binary, "--version"], capture_output=True, text=True, check=True).stdout
    return not any(f"v={old}." in said for old in ("6",))


def test_a_backup_is_proven_and_tells_no_secret(lab: Lab, server: Server, tmp_path: Path) -> None:
    with server.client() as client:
        client.execute_command("SELECT", "3")
        client.execute_command("SET", "other", "database")
    server.call("CONFIG", "REWRITE")
    # As while one password takes the place of another.
    predicted = lab.run("backup", check=True, **{**options(server, tmp_path), "password": ["not-yet", SECRET]})
    assert predicted.changed and backups(tmp_path) == []
    server.call("SET", "expires", "x", "PX", "60000")
    answer = lab.run("backup", **options(server, tmp_path, compression="gzip"))
    found = checked(answer)
    assert answer["why"] == "the only member"
    assert answer["steps"] == predicted["steps"]
    assert found.verified.file_check == found.verified.load == "passed"
    assert found.databases == {"0": {"key_count": 1001, "expires": 1}, "3": {"key_count": 1, "expires": 0}}
    assert found.verified.databases["0"]["key_count"] == 1001
    assert (found.engine, found.version) == lab_version(server)
    place = Path(answer["directory"])
    assert backups(tmp_path) == [place.name]
    assert sorted(path.name for path in place.iterdir()) == ["dump.rdb.gz", "manifest.json", "redis.conf"]
    assert {path.stat().st_mode & 0o777 for path in place.iterdir()} == {0o640}
    assert place.stat().st_mode & 0o777 == 0o750
    assert SECRET not in answer.text.replace(f'"password": "{SECRET}"', "")
    assert SECRET not in "".join(path.read_text() for path in (place / "redis.conf", place / "manifest.json"))
    assert f"port {server.port}" in (place / "redis.conf").read_text()


def lab_version(server: Server) -> tuple[str, str]:
    info = server.info()
    return ("valkey", info["valkey_version"]) if "valkey_version" in info else ("redis", info["redis_version"])


def test_the_count_is_that_of_the_snapshot_while_keys_come_and_go(lab: Lab, tmp_path: Path) -> None:
    """More than 16 databases, a stream of new and of expiring keys: no write comes between the count and the fork."""
    server = lab.server("main", "databases 100")
    replica = lab.server("replica", "databases 100", f"replicaof 127.0.0.1 {server.port}")
    wait_until("the link", lambda: replica.info()["master_link_status"] == "up")
    over = threading.Event()

    def write(database: int) -> None:
        with server.client() as client:
            client.execute_command("SELECT", database)
            number = 0
            while not over.is_set():
                number += 1
                client.set(f"key:{number}", "x", px=None if number % 2 else 20)

    writers = [threading.Thread(target=write, args=(database,)) for database in (0, 77)]
    for writer in writers:
        writer.start()
    try:
        wait_until("the replica gets both", lambda: {"db0", "db77"} <= set(replica.info()))
        for one in (replica, server):
            found = checked(lab.run("backup", **options(one, tmp_path, member="me")))
            assert found.verified.load == "passed"
            assert found.databases["77"]["key_count"] == found.verified.databases["77"]["key_count"] > 0
    finally:
        over.set()
        for writer in writers:
            writer.join()


def test_two_backups_at_once_are_two(lab: Lab, server: Server, tmp_path: Path) -> None:
    first = checked(lab.run("backup", **options(server, tmp_path, load=False)))
    fill(server, 1200)
    second = checked(lab.run("backup", **options(server, tmp_path, load=False)))
    assert first.verified.load == "not done: switched off"
    assert backups(tmp_path) == [first.name, second.name]
    assert (first.key_count, second.key_count) == (1000, 1200)
    again = lab.run("backup", **options(server, tmp_path, fresh=600))
    assert not again.changed and again["fresh"] and again["directory"].endswith(second.name)


def test_a_replica_is_chosen_and_the_primary_only_names_it(lab: Lab, server: Server, tmp_path: Path) -> None:
    replica = lab.server("replica", f"replicaof 127.0.0.1 {server.port}", password=SECRET)
    wait_until("the link", lambda: replica.info()["master_link_status"] == "up")
    both = [
        {"host": "primary", "address": "127.0.0.1", "port": server.port},
        {"host": "replica", "address": "127.0.0.1", "port": replica.port},
    ]
    answer = lab.run("backup", **options(server, tmp_path, members=both, here="primary"))
    assert not answer.changed and answer["member"] == "replica" and backups(tmp_path) == []
    assert "ansible_stats" not in answer.data
    answer = lab.run("backup", **options(server, tmp_path, members=both, here="replica"))
    found = checked(answer)
    told = {"name": found.name, "host": "replica", "directory": answer["directory"], "key_count": 1000, "good": True}
    assert answer["ansible_stats"]["data"] == {"redis_backups": {found.data_set: told}}
    assert (found.role, found.port, found.key_count) == ("replica", replica.port, 1000)
    assert found.replication_id == server.info()["master_replid"]
    replica.stop(kill=True)
    answer = lab.run("backup", **options(server, tmp_path, members=both, here="primary"))
    assert answer.failed and "No replica is in sync" in answer.msg and "replica: does not answer" in answer.msg
    found = checked(lab.run("backup", **options(server, tmp_path, members=both, here="primary", primary=True)))
    assert found.role == "primary"


def test_a_replica_that_lags_is_awaited(lab: Lab, server: Server, tmp_path: Path) -> None:
    """What the primary has acknowledged before the run is in the backup, or there is none."""
    if not modern(lab.engine):
        pytest.skip("its CLIENT PAUSE stops INFO, too")
    replica = lab.server("replica", f"replicaof 127.0.0.1 {server.port}", password=SECRET)
    wait_until("the keys", lambda: replica.call("DBSIZE") == 1000)
    replica.call("CLIENT", "PAUSE", 300000, "WRITE")  # what the primary sends waits, too
    fill(server, 1200)
    both = [
        {"host": "primary", "address": "127.0.0.1", "port": server.port},
        {"host": "replica", "address": "127.0.0.1", "port": replica.port},
    ]
    given = options(server, tmp_path, members=both, here="replica")
    refused = lab.run("backup", **{**given, "wait": 1})
    assert refused.failed and "the replica has not received" in refused.msg and backups(tmp_path) == [], refused.text
    replica.when_asked(lambda: replica.call("CLIENT", "UNPAUSE"))
    answer = lab.run("backup", **given)
    assert checked(answer).key_count == 1200 and "bytes that the replica has not received" in answer["progress"][0]


def test_a_save_and_a_rewrite_that_run_already_are_waited_for(lab: Lab, server: Server, tmp_path: Path) -> None:
    server.call("CONFIG", "SET", "rdb-key-save-delay", "300")
    server.call("BGSAVE")
    server.hold_child()
    fill(server, 1100)
    server.call("CONFIG", "SET", "rdb-key-save-delay", "0")
    answer = lab.run("backup", **options(server, tmp_path, load=False))
    assert any("waiting for a save that was running already" in row for row in answer["progress"]), answer.text
    assert checked(answer).key_count == 1100, "the save that was running is not the backup"
    server.call("CONFIG", "SET", "rdb-key-save-delay", "300")
    server.call("CONFIG", "SET", "appendonly", "yes")
    server.hold_child()
    server.call("CONFIG", "SET", "rdb-key-save-delay", "0")
    answer = lab.run("backup", **options(server, tmp_path, load=False))
    assert any("waiting for a rewrite of the AOF" in row for row in answer["progress"]), answer.text
    checked(answer)


def test_a_cut_connection_ends_no_backup(lab: Lab, server: Server, tmp_path: Path) -> None:
    """A Sentinel that gives a server another role ends all its connections, also while it saves."""
    server.call("CONFIG", "SET", "rdb-key-save-delay", "4000")
    cut: list[int] = []

    def meddle() -> None:
        wait_until("the save goes on", lambda: server.info()["rdb_bgsave_in_progress"] == "1")
        while sum(cut) < 3 and server.info()["rdb_bgsave_in_progress"] == "1":
            cut.append(server.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"))
            time.sleep(0.2)

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(meddle)
        checked(lab.run("backup", **options(server, tmp_path, load=False)))
        done.result()
    assert sum(cut) >= 2, cut


def test_a_file_that_a_synchronisation_has_replaced_is_no_snapshot(lab: Lab, server: Server, tmp_path: Path) -> None:
    """Between the end of the save and the look at its file, a replica has put there what came from its primary."""
    replica = lab.server("replica", f"replicaof 127.0.0.1 {server.port}", f"masterauth {SECRET}", password=SECRET)

    def has_link() -> bool:
        return replica.info()["master_link_status"] == "up"

    class Overtaken(Saver):
        def _await(self, before: Any) -> None:
            super()._await(before)
            replica.call("REPLICAOF", "NO", "ONE")
            replica.call("SET", "own", "write")  # so that only a full synchronisation is left
            server.call("SET", "more", "data")
            replica.call("REPLICAOF", "127.0.0.1", str(server.port))
            wait_until("the link", has_link)

    wait_until("the link", has_link)
    with connect(Endpoint("127.0.0.1", replica.port, password=SECRET), Client) as client:
        with pytest.raises(SaveFailed, match="or a synchronisation with the primary"):
            Overtaken(client, "", ME, 60, print, tmp_path / "owed").take_snapshot()
        Saver(client, "", ME, 60, print, tmp_path / "owed").take_snapshot().file.close()


def test_a_save_in_time_or_not_at_all(lab: Lab, server: Server, tmp_path: Path) -> None:
    server.call("CONFIG", "SET", "rdb-key-save-delay", "10000")
    answer = lab.run("backup", **options(server, tmp_path, wait=2))
    assert answer.failed and "After 2 s the save has not ended" in answer.msg
    assert backups(tmp_path) == []


@pytest.mark.parametrize("fault", ["no directory", "full", "killed", "stopped"])
def test_a_save_that_fails_says_why_and_leaves_nothing(lab: Lab, server: Server, tmp_path: Path, fault: str) -> None:
    kept = checked(lab.run("backup", **options(server, tmp_path, load=False)))
    says = {
        "no directory": "Failed opening the temp RDB file",
        "full": "terminated by signal 25",
        "killed": "terminated by signal",
        "stopped": "ended without a new file",
    }[fault]
    assert server.process
    pid = server.process.pid
    if fault == "no directory":
        away = server.directory / "away"
        away.mkdir()
        server.call("CONFIG", "SET", "dir", str(away))
        away.rmdir()
    elif fault == "full":
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (50_000, 50_000))
    else:
        server.call("CONFIG", "SET", "rdb-key-save-delay", "10000")
        number = signal.SIGKILL if fault == "killed" else signal.SIGUSR1
        threading.Thread(target=end_child, args=(server, number), daemon=True).start()
    answer = lab.run("backup", **options(server, tmp_path))
    assert answer.failed and not answer.changed
    assert says in answer.msg, answer.msg
    assert "Traceback" not in answer.text
    assert backups(tmp_path) == [kept.name]


def test_a_save_that_fails_harms_nobody(lab: Lab, server: Server, tmp_path: Path) -> None:
    """Left to itself the engine refuses all writes after it, and a replica since 7.0 ends itself at the next write."""
    replica = lab.server("replica", f"replicaof 127.0.0.1 {server.port}", "save 3600 1", password=SECRET)
    wait_until("the link", lambda: replica.info()["master_link_status"] == "up")
    server.call("CONFIG", "SET", "save", "3600 1")
    for one in (server, replica):
        assert one.process
        resource.prlimit(one.process.pid, resource.RLIMIT_FSIZE, (50_000, -1))
        wish = options(one, tmp_path, member="me")
        answer = lab.run("backup", **wish)
        assert answer.failed and "stop-writes-on-bgsave-error is off until" in answer.msg, answer.msg
        server.call("INCR", "written")
        wait_until("the replica has it", lambda: replica.call("GET", "written") == server.call("GET", "written"))
        assert one.info()["rdb_last_bgsave_status"] == "err"
        resource.prlimit(one.process.pid, resource.RLIMIT_FSIZE, (-1, -1))
        checked(lab.run("backup", **wish))
        assert one.call("CONFIG", "GET", "stop-writes-on-bgsave-error")[1] == "yes"


@pytest.mark.parametrize("setting", ["as the model has it", "as the engine has it"])
def test_a_replica_lives_on_after_a_save_that_failed(lab: Lab, server: Server, setting: str) -> None:
    """The disk is full, somebody orders a save, and the next write arrives: as the model has it, the replica lives."""
    ours = known_to(ALIVE, lab_version(server)[1]) if setting == "as the model has it" else {}
    lines = [f"replicaof 127.0.0.1 {server.port}", "save 3600 1", *render_file(ours, "").splitlines()]
    replica = lab.server("replica", *lines, password=SECRET)
    wait_until("the link", lambda: replica.info()["master_link_status"] == "up")
    assert replica.process
    resource.prlimit(replica.process.pid, resource.RLIMIT_FSIZE, (50_000, -1))
    replica.call("BGSAVE")
    wait_until("the save has failed", lambda: replica.info()["rdb_last_bgsave_status"] == "err")
    assert replica.call("CONFIG", "GET", "stop-writes-on-bgsave-error")[1] == "yes"
    server.call("SET", "written", "1")
    if ours or not modern(lab.engine):
        wait_until("the replica has it", lambda: replica.call("GET", "written") == "1")
        return
    wait_until("the replica ends itself", lambda: replica.process is None or replica.process.poll() is not None)
    assert "unable to write command to disk" in replica.log


def end_child(server: Server, number: int) -> None:
    """End the process that saves, once there is one."""
    assert server.process
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
    wait_until("a child", lambda: server.info()["rdb_bgsave_in_progress"] == "1" and children.read_text().split())
    os.kill(int(children.read_text().split()[0]), number)


def test_a_full_disk_of_the_backups_leaves_nothing(lab: Lab, server: Server, tmp_path: Path) -> None:
    """The module itself may not write more than a little, as on a full disk."""
    fill(server, 3000, 1000)
    script = tmp_path / "limited.py"
    script.write_text(
        "import resource, runpy, signal, sys\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))\n"
        "runpy.run_module('ansible_collections.quorum.redis.plugins.modules.backup', run_name='__main__')\n"
    )
    request = {**fold_connection(options(server, tmp_path)), "_ansible_remote_tmp": str(tmp_path)}
    said = subprocess.run(
        [sys.executable, str(script)],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": request}),
        env={**os.environ, "PYTHONPATH": str(lab.collections)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert '"failed": true' in said.stdout and "File too large" in said.stdout, said.stdout + said.stderr
    assert backups(tmp_path) == []


def test_a_killed_backup_is_cleared_away_by_the_next(lab: Lab, server: Server, tmp_path: Path) -> None:
    left = tmp_path / "backups" / "main" / ".partial-20260101T000000Z-me"
    left.mkdir(parents=True)
    (left / "dump.rdb").write_bytes(b"half")
    found = checked(lab.run("backup", **options(server, tmp_path, load=False)))
    assert backups(tmp_path) == [found.name]


@pytest.mark.parametrize("damage", ["flipped", "short", "text", "empty"])
def test_a_corrupt_copy_is_refused_by_checker_and_trial(lab: Lab, server: Server, tmp_path: Path, damage: str) -> None:
    found = checked(lab.run("backup", **options(server, tmp_path, load=False)))
    directory = tmp_path / "backups" / "main" / found.name
    content = bytearray((directory / "dump.rdb").read_bytes())
    content[len(content) // 2] ^= 1
    spoilt = {"flipped": bytes(content), "short": bytes(content[:-20]), "text": b"hello", "empty": b""}[damage]
    (directory / "dump.rdb").write_bytes(spoilt)
    binary = server.engine.binary
    with pytest.raises(QuorumError, match="check-rdb refuses"):
        rdb_check.check_file(binary, "rdb", directory / "dump.rdb", ME, 10)
    with pytest.raises(QuorumError, match="does not load"):
        rdb_check.load_rdb(binary, directory, "dump.rdb", ME, 10)
    answer = lab.run("backup", **options(server, tmp_path, drill=True))
    assert answer.failed and "The drill did not pass" in answer.msg
    assert not manifests.read_manifest(str(directory)).good
    assert backups(tmp_path) == [found.name]


ANSWER = (
    "from ansible_collections.quorum.redis.plugins.module_utils._engine import rdb_check_socket; "
    "rdb_check_socket.answer_request()"
)


@pytest.fixture
def far(tmp_path: Path, collections_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Answer at a socket as systemd lets the unit of proofs; return the processes, one for each connection."""
    begun: list[int] = []
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(tmp_path / "trial"))
        door.listen()

        def serve() -> None:
            while True:
                try:
                    line = door.accept()[0]
                except OSError:
                    return
                with line:
                    process = subprocess.Popen(
                        [sys.executable, "-c", ANSWER],
                        stdin=line.fileno(),
                        stdout=line.fileno(),
                        env={**os.environ, "PYTHONPATH": str(collections_path)},
                    )
                begun.append(process.pid)
                threading.Thread(target=process.wait, daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        monkeypatch.setenv(rdb_check_socket.PLACE, str(tmp_path / "trial"))
        yield begun
        door.shutdown(socket.SHUT_RDWR)


def test_another_unit_proves_the_same(lab: Lab, server: Server, tmp_path: Path, far: list[int]) -> None:
    more = {"aof": True} if modern(lab.engine) else {}
    if more:
        with server.client() as client:
            client.config_set("appendonly", "yes")
    found = checked(lab.run("backup", **options(server, tmp_path, load=False, **more)))
    directory = tmp_path / "backups" / "main" / found.name
    given = (server.engine.binary, directory, "dump.rdb", "nobody", 30)
    assert rdb_check_socket.request_load(*given)["0"]["key_count"] == 1000
    rdb_check_socket.request_check(server.engine.binary, "rdb", directory / "dump.rdb", "nobody", 30)
    for manifest in directory.glob("appendonlydir/*.manifest"):
        rdb_check_socket.request_check(server.engine.binary, "aof", manifest, "nobody", 30)
    with pytest.raises(rdb_check.Lacking, match="nothere"):
        rdb_check_socket.request_load(*given, modules=["loadmodule /nothere.so"])
    with pytest.raises(QuorumError, match="cannot be run"):
        rdb_check_socket.request_check("/nothere", "rdb", directory / "dump.rdb", "nobody", 30)
    (directory / "dump.rdb").write_bytes(b"hello")
    with pytest.raises(Damaged, match="check-rdb refuses"):
        rdb_check_socket.request_check(server.engine.binary, "rdb", directory / "dump.rdb", "nobody", 30)
    with pytest.raises(Damaged, match="does not load"):
        rdb_check_socket.request_load(*given)
    assert len(far) > 6


def test_a_proof_that_is_killed_is_none(lab: Lab, server: Server, tmp_path: Path, far: list[int]) -> None:
    """Nor does it go on when nobody waits for it any more."""
    hang = tmp_path / "hang"
    hang.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\nexec sleep 600\n")
    hang.chmod(0o755)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(rdb_check_socket.request_check, str(hang), "rdb", tmp_path / "x", "nobody", 300)
        wait_until("it is being proven", lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
        os.kill(far[0], signal.SIGKILL)
        with pytest.raises(QuorumError, match="ended without an answer"):
            asked.result(LONG)
    child = (tmp_path / "pid").read_text().strip()
    wait_until("its program is gone", lambda: not Path(f"/proc/{child}").exists())
    (tmp_path / "pid").unlink()
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(str(tmp_path / "trial"))
        wish = {"what": "check", "binary": str(hang), "kind": "rdb", "path": "/x", "wait": 300}
        line.sendall(json.dumps(wish).encode() + b"\n")
        wait_until("it is being proven", lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
    child = (tmp_path / "pid").read_text().strip()
    wait_until("its program is gone", lambda: not Path(f"/proc/{child}").exists())


def test_a_drill_is_recorded(lab: Lab, server: Server, tmp_path: Path) -> None:
    answer = lab.run("backup", **options(server, tmp_path, drill=True))
    assert answer.failed and "no backup on this host" in answer.msg
    answer = lab.run("backup", **options(server, tmp_path, compression="gzip", load=False))
    made, text = checked(answer), Path(answer["directory"], "manifest.json")
    text.write_text(text.read_text().replace('"format": 2', '"format": 1').replace('"key_count"', '"keys"'))
    found = checked(lab.run("backup", **options(server, tmp_path, drill=True)))
    assert text.read_text() == found.to_json() and '"format": 2' in found.to_json()
    assert [record["result"] for record in found.drills] == ["passed"]
    assert found.drills[0]["databases"]["0"]["key_count"] == made.key_count
    assert backups(tmp_path) == [made.name]


def test_the_aof_is_copied_while_writes_and_rewrites_go_on(lab: Lab, server: Server, tmp_path: Path) -> None:
    if not modern(server.engine):
        answer = lab.run("backup", **options(server, tmp_path, aof=True))
        assert "needs Redis 7" in answer.msg
        return
    answer = lab.run("backup", **options(server, tmp_path, aof=True))
    assert "The AOF is off" in answer.msg and backups(tmp_path) == []
    server.call("CONFIG", "SET", "appendonly", "yes")
    wait_until("the rewrite", lambda: server.info()["aof_rewrite_in_progress"] == "0")
    over = threading.Event()

    def write() -> None:
        with server.client() as client:
            while not over.wait(0.001):
                client.set("moving", time.monotonic())

    writer = threading.Thread(target=write)
    writer.start()
    try:
        server.call("CONFIG", "SET", "rdb-key-save-delay", "300")
        server.call("BGREWRITEAOF")
        server.call("CONFIG", "SET", "rdb-key-save-delay", "0")
        answer = lab.run("backup", **options(server, tmp_path, aof=True))
    finally:
        over.set()
        writer.join()
    found = checked(answer)
    assert found.aof == "appendonlydir"
    names = [name for name in found.files if name.startswith("appendonlydir/")]
    assert any(name.endswith(".manifest") for name in names) and len(names) >= 2
    assert server.call("CONFIG", "GET", "auto-aof-rewrite-percentage")[1] == "100"
    copy = tmp_path / "copy"
    shutil.copytree(tmp_path / "backups" / "main" / found.name / "appendonlydir", copy / "appendonlydir")
    restored = lab.server("restored", "appendonly yes", f"dir {copy}")
    assert restored.call("DBSIZE") == 1001


def test_a_rewrite_that_the_engine_puts_off_holds_up_no_backup(lab: Lab, server: Server, tmp_path: Path) -> None:
    """What a full disk leaves: the AOF waits for a rewrite, and the engine may wait an hour before it tries again."""
    if not modern(server.engine):
        pytest.skip("Redis 6 puts nothing off")
    blocked = Path(server.call("CONFIG", "GET", "dir")[1]) / "appendonlydir"
    blocked.touch()  # no directory: every rewrite fails
    server.call("CONFIG", "SET", "rdb-key-save-delay", "1000")
    server.call("BGSAVE")
    server.call("CONFIG", "SET", "appendonly", "yes")
    server.call("CONFIG", "SET", "rdb-key-save-delay", "0")
    failed = {"rdb_bgsave_in_progress": "0", "aof_rewrite_scheduled": "1", "aof_last_bgrewrite_status": "err"}
    wait_until("the rewrite to fail", lambda: failed.items() <= server.info().items())
    found = checked(lab.run("backup", **options(server, tmp_path)))
    assert found.databases["0"]["key_count"] == 1000
    assert failed.items() <= server.info().items()
    # A copy of that AOF would not have everything.
    answer = lab.run("backup", **options(server, tmp_path, aof=True))
    assert answer.failed and "A rewrite of the AOF has failed, and the engine puts the next one off" in answer.msg
    assert backups(tmp_path) == [found.name]
    assert server.call("CONFIG", "GET", "auto-aof-rewrite-percentage")[1] == "100"
    blocked.unlink()
    wait_until("the rewrite", lambda: server.info()["aof_last_bgrewrite_status"] == "ok")
    assert checked(lab.run("backup", **options(server, tmp_path, aof=True))).aof == "appendonlydir"


def test_data_of_a_module_is_proven_where_the_module_can_be_had(lab: Lab, tmp_path: Path, search: Path) -> None:
    if not modern(lab.engine):
        pytest.skip("Redis 6 does not tell where its modules are")
    module = tmp_path / "search module.so"
    shutil.copy(search, module)
    module.chmod(0o755)
    server = lab.server("main", f'loadmodule "{module}" MINPREFIX 3', password=SECRET)
    server.call("FT.CREATE", "index", "SCHEMA", "title", "TEXT")
    server.call("FT.ADD", "index", "doc", "1.0", "FIELDS", "title", "hello")
    found = checked(lab.run("backup", **options(server, tmp_path)))
    assert found.verified.load == "passed"
    assert found.modules["ft"] == "10200"
    drilled = lab.run("backup", **options(server, tmp_path, drill=True))
    assert drilled["drill"]["result"] == "passed"
    # The file of the module goes: the backup is kept, and says what nobody has verified.
    module.unlink()
    answer = lab.run("backup", **options(server, tmp_path, compression="gzip"))
    found = checked(answer)
    assert found.verified.file_check == "passed" and found.good
    assert "no matching module type 'ft_" in found.verified.load
    assert "neither loaded nor counted" in found.verified.load
    assert found.verified.load in str(answer["warnings"])
    # A module that cannot be had is no reason against a backup that has nothing of it.
    server.call("FLUSHALL")
    assert checked(lab.run("backup", **options(server, tmp_path))).verified.load == "passed"


@pytest.mark.parametrize("fault", ["none", "damaged", "another engine"])
def test_another_host_proves_it_and_the_manifest_says_so(lab: Lab, server: Server, tmp_path: Path, fault: str) -> None:
    """The backup is loaded where its copy is; its verdict comes back to where it was made."""
    made = checked(lab.run("backup", **options(server, tmp_path, trial_host="prover")))
    assert made.verified.load == "not done: left to prover"
    there = tmp_path / "prover"
    shutil.copytree(tmp_path / "backups", there / "backups")
    copy = there / "backups" / "main" / made.name
    if fault == "damaged":
        rdb = bytearray((copy / "dump.rdb").read_bytes())
        rdb[len(rdb) // 2] ^= 1
        (copy / "dump.rdb").write_bytes(rdb)
    elif fault == "another engine":
        (copy / "manifest.json").write_text(made.to_json().replace(made.version, "99.0.1"))
    tried = lab.run("backup", **options(server, there, drill=True, trial_host="prover"))
    assert not tried.failed, tried.msg
    answer = lab.run("backup", **options(server, tmp_path, backup=made.name, record=tried["drill"]))
    found = manifests.read_manifest(str(tmp_path / "backups" / "main" / made.name))
    (drill,) = found.drills
    assert drill["by"] == found.verified.load_by == "prover"
    assert drill["result"] == found.verified.load
    if fault == "none":
        assert not answer.failed and found.verified.load == "passed"
        assert found.verified.databases["0"]["key_count"] == 1000
    elif fault == "damaged":
        assert answer.failed and "The drill did not pass" in answer.msg and "by prover" in answer.msg
        assert not found.good
    else:
        assert not answer.failed and found.good
        assert f"prover has {' '.join(lab_version(server))}, it is of" in str(answer["warnings"])


KILLED = """
import os
from ansible_collections.quorum.redis.plugins.module_utils._backup import aof_copy as copying
from ansible_collections.quorum.redis.plugins.modules import backup
copying._upto = lambda *_given: os.kill(os.getpid(), 9)
backup.main()
"""


@pytest.mark.parametrize("finder", ["module", "timer"])
def test_rewrites_that_a_killed_backup_held_back_go_on(lab: Lab, tmp_path: Path, finder: str) -> None:
    """SIGKILL while it copies the AOF; the next one undoes it, though it makes a backup without AOF, or none at all."""
    server = lab.server("main", "appendonly yes", "auto-aof-rewrite-percentage 70", password=SECRET)
    setting = ("CONFIG", "GET", "auto-aof-rewrite-percentage")
    if not modern(lab.engine):
        return
    request = {**fold_connection(options(server, tmp_path, aof=True)), "_ansible_remote_tmp": str(tmp_path)}
    killed = subprocess.run(
        [sys.executable, "-c", KILLED],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": request}),
        env={**os.environ, "PYTHONPATH": str(lab.collections)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stdout + killed.stderr
    assert server.call(*setting)[1] == "0"
    server.call("CONFIG", "REWRITE")  # as a Sentinel has it done: the file says 0 too
    if finder == "module":
        answer = lab.run("backup", **options(server, tmp_path, load=False))
        checked(answer)
        said = str(answer["warnings"])
    else:
        said = looked(server, tmp_path)
    assert "is 70 again" in said and "was killed while it copied the AOF" in said
    assert server.call(*setting)[1] == "70"
    assert not (tmp_path / "backups" / "main" / ".held").exists()
    again = lab.run("backup", **options(server, tmp_path, load=False))
    assert "warnings" not in again.data


def looked(server: Server, root: Path) -> str:
    """Let the timer look once, as a carrier whose turn it is not; return what it said."""
    told: dict[str, Any] = {"name": "main", "carriers": ["other"]}
    told["members"] = [{"host": "me", "address": "127.0.0.1", "port": server.port}]
    common: dict[str, Any] = {
        "me": "me",
        "passwords": {"main": SECRET},
        "directory": str(root / "backups"),
        "binary": server.engine.binary,
        "user": ME,
    }
    common |= {"compression": "none", "load": False, "aof": False, "wait": 120, "primary": False, "drill": False}
    common |= {"period": 86400, "offset": 0, "keep": 0, "keep_days": 0, "rsync": "", "command": []}
    said: list[str] = []
    agent.Round(told, common, {}, time.time(), said.append).run_due_work()
    assert backups(root) == []
    return " ".join(said)
