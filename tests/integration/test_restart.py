# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module restart against real servers; a script restarts them where systemd would."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from connection import fold_connection
from patience import LONG, allowed

from integration.conftest import PASSWORD, Lab, Server, wait_until
from integration.test_cluster import options as cluster_options
from integration.test_cluster import start

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET = "s3cret-of-the-test"


@pytest.fixture
def pair(lab: Lab) -> tuple[Server, Server]:
    primary = lab.server("primary", password=SECRET)
    replica = lab.server("replica", f"replicaof 127.0.0.1 {primary.port}", password=SECRET)
    wait_until("the link", lambda: replica.info()["master_link_status"] == "up")
    return primary, replica


def command(server: Server, tmp_path: Path) -> list[str]:
    """Return a command that restarts the server; the process that it starts is ended by `reap`."""
    script = tmp_path / f"restart-{server.port}"
    mode = "--sentinel" if server.sentinel else ""
    pid = server.process.pid if server.process else 0
    script.write_text(
        f"#!/bin/sh\nkill {pid} && while kill -0 {pid} 2>/dev/null && ! grep -q 'State:.Z' /proc/{pid}/status; do "
        f"sleep 0.05; done\n{server.engine.binary} {server.config} {mode} > {server.directory}/log2 2>&1 &\n"
        f"echo $! > {script}.pid\n"
    )
    script.chmod(0o755)
    return [str(script)]


@pytest.fixture(autouse=True)
def reap(tmp_path: Path) -> Iterator[None]:
    """End the processes that the scripts of this test have started, and only those."""
    yield
    for path in tmp_path.glob("restart-*.pid"):
        process = Path("/proc", path.read_text().strip())
        if process.exists() and process.joinpath("cwd").readlink().is_relative_to(tmp_path):
            os.kill(int(process.name), signal.SIGKILL)


def options(server: Server, tmp_path: Path, **more: Any) -> dict[str, Any]:
    return {
        "unit": "redis-server@main.service",
        "name": "main",
        "port": server.port,
        "password": SECRET,
        "command": command(server, tmp_path),
        "wait": 120,
        **more,
    }


def test_a_replica_is_restarted_and_in_sync_again(lab: Lab, pair: tuple[Server, Server], tmp_path: Path) -> None:
    primary, replica = pair
    for number in range(1000):
        primary.call("SET", f"key:{number}", "x" * 1000)
    before = replica.info()["run_id"]
    wish = options(replica, tmp_path)
    predicted = lab.run("restart", check=True, **wish)
    assert predicted.changed
    assert replica.info()["run_id"] == before
    done = lab.run("restart", **wish)
    assert not done.failed, done.text
    assert done["steps"] == predicted["steps"]
    assert done["progress"][-1].endswith("in sync")
    assert replica.info()["run_id"] != before
    assert replica.call("DBSIZE") == 1000
    assert SECRET not in done.text.replace(f'"password": "{SECRET}"', "")


def test_a_replica_that_writes_its_first_aof_is_restarted_after_that(
    lab: Lab, pair: tuple[Server, Server], tmp_path: Path
) -> None:
    """Until then the engine does not end: `Writing initial AOF, can't exit`."""
    primary, replica = pair
    primary.call("MSET", *(word for number in range(200) for word in (f"key:{number}", "x")))
    wait_until("the keys", lambda: replica.call("DBSIZE") == 200)
    replica.call("CONFIG", "SET", "rdb-key-save-delay", "5000")
    replica.call("CONFIG", "SET", "appendonly", "yes")
    replica.hold_child()
    done = lab.run("restart", **options(replica, tmp_path))
    assert not done.failed and done["progress"][0].endswith("waits for the rewrite of its AOF"), done.text
    assert done["progress"][-1].endswith("in sync") and "can't exit" not in replica.log, done.text


def test_a_primary_with_replicas_is_left_alone(lab: Lab, pair: tuple[Server, Server], tmp_path: Path) -> None:
    primary, _ = pair
    before = primary.info()["run_id"]
    answer = lab.run("restart", **options(primary, tmp_path))
    assert not answer.failed
    assert not answer.changed
    assert answer["skipped_primary"]
    assert "1 replica" in answer["why"]
    assert primary.info()["run_id"] == before


def test_a_restart_that_fails_or_never_syncs_says_so_in_time(
    lab: Lab, pair: tuple[Server, Server], tmp_path: Path
) -> None:
    primary, replica = pair
    failing = tmp_path / "failing"
    failing.write_text("#!/bin/sh\necho the unit says no >&2; exit 1\n")
    failing.chmod(0o755)
    answer = lab.run("restart", **options(replica, tmp_path, command=[str(failing)]))
    assert "does not restart: the unit says no" in answer.msg
    primary.stop(kill=True)
    begin = time.monotonic()
    answer = lab.run("restart", **options(replica, tmp_path, wait=2))
    assert time.monotonic() - begin < allowed(8)
    assert "is not in sync 2 s after the restart" in answer.msg
    assert f"link to 127.0.0.1:{primary.port} down" in answer.msg


def test_a_long_wait_is_told_while_it_lasts(
    lab: Lab, pair: tuple[Server, Server], tmp_path: Path, collections_path: Path
) -> None:
    """The module comes back and goes on; the run shows what is waited for; there is one restart."""
    primary, replica = pair
    primary.call("CONFIG", "SET", "repl-diskless-sync", "yes")
    primary.call("CONFIG", "SET", "repl-diskless-sync-delay", "3")
    primary.call("SET", "key", "value")
    (replica.directory / "dump.rdb").unlink(missing_ok=True)  # what it would ask to continue from
    task = {"quorum.redis.restart": {**fold_connection(options(replica, tmp_path)), "patience": 1}, "register": "done"}
    show = {"ansible.builtin.debug": {"var": "done"}}
    play = [{"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": [task, show]}]
    (tmp_path / "play.yml").write_text(json.dumps(play), encoding="utf-8")
    run = subprocess.run(
        [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "localhost,", str(tmp_path / "play.yml"),
         "-e", f"ansible_python_interpreter={sys.executable}"],
        env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(collections_path), "ANSIBLE_NOCOLOR": "1"},
        capture_output=True, text=True, timeout=LONG, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    told = [line for line in run.stdout.splitlines() if line.startswith("  main at localhost: ")]
    assert any(line.endswith(" s by now") for line in told), run.stdout
    assert "resume:" not in run.stdout and "s in sync" in run.stdout
    assert len(list(tmp_path.glob("restart-*.pid"))) == 1
    assert replica.call("GET", "key") == "value"
    assert SECRET not in run.stdout


def test_a_stopped_server_is_started(lab: Lab, pair: tuple[Server, Server], tmp_path: Path) -> None:
    _, replica = pair
    wish = options(replica, tmp_path)
    replica.stop()
    script = Path(wish["command"][0])
    script.write_text("#!/bin/sh\n" + "\n".join(script.read_text().splitlines()[2:]) + "\n")
    assert lab.run("restart", **wish).changed
    assert replica.info()["master_link_status"] == "up"


def test_a_sentinel_watches_again_what_it_watched(lab: Lab, tmp_path: Path) -> None:
    server = lab.server("main")
    sentinel = lab.sentinel("watch", f"sentinel monitor main 127.0.0.1 {server.port} 1")
    wait_until("the Sentinel watches", lambda: sentinel.call("SENTINEL", "MASTERS"))
    before = sentinel.info()["run_id"]
    wish = {**options(sentinel, tmp_path), "kind": "sentinel", "password": None}
    answer = lab.run("restart", **wish)
    assert not answer.failed, answer.text
    assert answer["progress"][-1].endswith("in sync")
    assert sentinel.info()["run_id"] != before


def test_a_member_of_a_cluster_is_restarted_when_it_is_no_primary(lab: Lab, tmp_path: Path) -> None:
    """A primary is left alone, hands over, and is restarted as a replica; the cluster is whole again after each."""
    six = [start(lab, f"c{count}") for count in range(1, 7)]
    assert not lab.run("cluster", **cluster_options(six)).failed
    members = cluster_options(six)["members"]
    answer = lab.run("restart", **options(six[0], tmp_path, password=PASSWORD, members=members))
    assert not answer.changed and answer["why"] == "it is the primary of its shard", answer.text
    handed = lab.run("cluster", **cluster_options(six, avoid=["c1"]))
    assert handed["steps"][0].endswith(f"take over from c1 (127.0.0.1:{six[0].port})"), handed.text
    before = six[0].info()["run_id"]
    done = lab.run("restart", **options(six[0], tmp_path, password=PASSWORD, members=members))
    assert not done.failed and done["progress"][-1].endswith("in sync"), done.text
    assert six[0].info()["run_id"] != before and six[0].info()["role"] == "slave"
    assert "fail" not in "".join(one.call("CLUSTER", "NODES") for one in six)
    kept = lab.run("cluster", **cluster_options(six, avoid=["c1"]))
    assert not kept.failed and not kept.changed, kept.text
    six[1].stop()
    answer = lab.run("restart", **options(six[5], tmp_path, password=PASSWORD, members=members, wait=3))
    assert f"127.0.0.1:{six[1].port} does not answer" in answer.msg, answer.text
