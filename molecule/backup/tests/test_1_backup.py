# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A backup now: on a replica, proven, readable by nobody else, told what went wrong, and taken off the host."""

from __future__ import annotations

import json
import platform
from pathlib import Path
from typing import Any

from deployment import DataSet, given
from lab import Lab

HERE = "/var/backups/redis"
PID = "systemctl show --property MainPID --value redis-server@main"


def backups(lab: Lab, host: str, name: str = "main") -> list[str]:
    """Return all that is in the directory of a data set, hidden or not, but the lock and what is owed."""
    return sorted(set(lab.sh(host, f"ls -A {HERE}/{name} 2>/dev/null || true").split()) - {".lock", ".owed"})


def manifest(lab: Lab, host: str, backup: str, name: str = "main") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(lab.sh(host, f"cat {HERE}/{name}/{backup}/manifest.json"))
    return found


def everywhere(lab: Lab, name: str = "main") -> dict[str, list[str]]:
    return {host: backups(lab, host, name) for host in lab.hosts}


def test_check_mode_says_who_and_where_and_leaves_nothing(lab: Lab, main: DataSet) -> None:
    assert main.settled() == "b1"
    before = everywhere(lab)
    run = lab.run_playbook("backup", "--check").expect()
    words = " ".join(run.stdout.split())
    assert f"to {HERE}/main" in words and f"to {HERE}/other" in words
    assert "a replica in sync" in words and "main: b1" not in words
    assert everywhere(lab) == before


def test_a_replica_is_backed_up_proven_elsewhere_and_fetched(lab: Lab, main: DataSet, tmp_path: Path) -> None:
    main.fill(1000)
    more = given(redis_backup_fetch=str(tmp_path), redis_backup_sets=["main"], redis_backup_trial_host="b1")
    run = lab.run_playbook("backup", *more).expect()
    assert "backup-Rt5wQz" not in run.stdout
    (host,) = [host for host, found in everywhere(lab).items() if found]
    assert host in ("b2", "b3")
    assert everywhere(lab, "other") == {"b1": [], "b2": [], "b3": []}
    (name,) = backups(lab, host)
    told = manifest(lab, host, name)
    assert told["databases"] == {"0": {"key_count": 1000, "expires": 0}}
    assert (told["role"], told["compression"], told["rdb"]) == ("replica", "gzip", "dump.rdb.gz")
    assert [told["verified"][proof] for proof in ("file_check", "load")] == ["passed", "passed"]
    assert [(drill["result"], drill["by"]) for drill in told["drills"]] == [("passed", "b1")]
    assert (told["verified"]["load_by"], told["verified"]["by"] != "b1") == ("b1", True)
    assert [lab.sh(each, "ls /var/tmp | grep quorum-redis- || true") for each in lab.hosts] == [""] * len(lab.hosts)
    assert everywhere(lab)["b1"] == []
    fetched = tmp_path / "main" / name
    assert f"{fetched} on {platform.node()}, on which Ansible runs" in " ".join(run.stdout.split())
    assert sorted(path.name for path in fetched.iterdir()) == ["dump.rdb.gz", "manifest.json", "redis.conf"]
    assert {path.stat().st_mode & 0o777 for path in fetched.iterdir()} == {0o600}
    assert fetched.stat().st_mode & 0o777 == 0o700
    sums = lab.sh(host, f"cd {HERE}/main/{name} && sha256sum dump.rdb.gz manifest.json").split()
    assert sums[0] == told["files"]["dump.rdb.gz"]["sha256"]
    modes = set(lab.sh(host, f"stat -c '%U:%G %a' {HERE} {HERE}/main {HERE}/main/{name}").splitlines())
    assert modes == {"redis-backup:redis-backup 750"}
    files = lab.sh(host, f"stat -c '%U:%G %a' {HERE}/main/{name}/* {HERE}/main/.lock").splitlines()
    assert set(files) == {"redis-backup:redis-backup 640", "redis-backup:redis-backup 600"}
    for stranger in ("--reuid=nobody --clear-groups", "--reuid=redis --regid=redis --init-groups"):
        for attempt in (f"ls {HERE}", f"cat {HERE}/main/{name}/manifest.json", f"rm -r {HERE}/main/{name}"):
            assert "Permission denied" in lab.sh(host, f"setpriv {stranger} {attempt} 2>&1 || true")
    assert lab.run(host, f"grep -r -e backup-Rt5wQz -e backup-Lk8vYe {HERE}").returncode == 1


def test_zstd_and_the_aof(lab: Lab, main: DataSet) -> None:
    wish = given(redis_backup_sets=["main"], redis_backup_compression="zstd", redis_backup_aof=True)
    more = given(redis_backup_member="b2", redis_backup_drill=True)
    before = backups(lab, "b2")
    run = lab.run_playbook("backup", *wish, *more)
    assert not run.ok and "Install the package zstd" in " ".join(run.stdout.split())
    assert backups(lab, "b2") == before
    lab.sh("b2", "apt-get install --yes zstd")
    lab.run_playbook("backup", *wish, *more).expect()
    told = manifest(lab, "b2", backups(lab, "b2")[-1])
    assert (told["compression"], told["rdb"], told["aof"]) == ("zstd", "dump.rdb.zst", "appendonlydir")
    assert [name for name in told["files"] if name.endswith(".manifest")]
    assert [drill["result"] for drill in told["drills"]] == ["passed"]
    assert main.setting("b2", "auto-aof-rewrite-percentage") == "100"


def test_a_fork_that_is_refused_is_told_in_the_words_of_the_engine(lab: Lab, main: DataSet) -> None:
    before = everywhere(lab)
    lab.sh("b2", f"prlimit --pid $({PID}) --nproc=1:")
    run = lab.run_playbook("backup", *given(redis_backup_sets=["main"], redis_backup_member="b2"))
    lab.sh("b2", f"prlimit --pid $({PID}) --nproc=4096:")
    assert not run.ok
    words = " ".join(run.stdout.split())
    assert "Can't save in background: fork: Resource temporarily unavailable" in words
    assert everywhere(lab) == before
