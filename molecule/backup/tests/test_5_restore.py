# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything is deleted, and comes back from a backup that a replica made under load; then it becomes another set."""

from __future__ import annotations

import json
import os
import re
import signal
import threading
import time
from pathlib import Path

import redis
from deployment import DataSet, given, until
from lab import STOP_MODULES, Lab, Run
from patience import LONG

HERE = "/var/backups/redis"
WRITERS = 3


class Numbers(threading.Thread):
    """Writes increasing numbers to the primary, each on three keys in turn, and notes what was acknowledged when."""

    def __init__(self, main: DataSet) -> None:
        """Begin at once."""
        super().__init__(daemon=True)
        self.main, self.over = main, threading.Event()
        self.acknowledged: list[tuple[float, int]] = []
        self.start()

    def run(self) -> None:
        """Write until told to stop; a write that is refused is not acknowledged."""
        client, number = self.main.client(self.main.primaries()[0]), 0
        while not self.over.wait(0.005):
            number += 1
            try:
                client.sadd(f"numbers:{number % WRITERS}", number)
            except redis.RedisError:
                continue
            self.acknowledged.append((time.time(), number))
        client.close()

    def stop(self) -> None:
        """End."""
        self.over.set()
        self.join()


def confirmed(name: str, **variables: object) -> tuple[str, ...]:
    """Return the variables of a restore with its confirmation."""
    return given(redis_restore_instance=name, redis_restore_confirm=name, **variables)


def restore(lab: Lab, name: str, *args: str, **variables: object) -> Run:
    """Run the playbook with its confirmation."""
    return lab.run_playbook("restore", *args, *confirmed(name, **variables))


def newest(lab: Lab) -> tuple[str, str]:
    """Return host and name of the newest backup of main."""
    found = {host: lab.sh(host, f"ls {HERE}/main 2>/dev/null | tail -1") for host in lab.hosts}
    return max(((host, name) for host, name in found.items() if name), key=lambda each: each[1])


def numbers(main: DataSet, host: str) -> set[int]:
    """Return the numbers that a member holds."""
    with main.client(host) as client:
        return {int(each) for key in range(WRITERS) for each in client.smembers(f"numbers:{key}")}


def test_everything_deleted_comes_back(lab: Lab, main: DataSet, tmp_path: Path) -> None:
    primary = main.settled()
    with main.client(primary) as client:
        client.flushall()
    writer = Numbers(main)
    lab.wait_until("there is something to back up", lambda: len(writer.acknowledged) > 200)
    begun = time.time()
    lab.run_playbook("backup", *given(redis_backup_sets=["main"], redis_backup_fetch=str(tmp_path))).expect()
    host, name = newest(lab)
    assert host != primary
    covered = {number for when, number in writer.acknowledged if when < begun}
    with main.client(primary) as client:
        client.flushall()
    run = lab.run_playbook("restore", *given(redis_restore_instance="main"))
    assert not run.ok, "no confirmation was given"
    assert "add -e redis_restore_confirm=main" in " ".join(run.stdout.split())
    plan = restore(lab, "main", "--check").expect(changed=1)
    assert f"load {name}" in " ".join(plan.stdout.split())
    assert not covered & numbers(main, primary)
    with main.watched() as roles:
        done = restore(lab, "main").expect(changed=1)
    writer.stop()
    roles.expect_one_primary()
    assert main.settled() == primary
    for each in main.hosts:
        assert covered <= numbers(main, each), f"{each} lacks acknowledged writes that the backup covers"
    late = {number for when, number in writer.acknowledged if when > time.time() - 0.5}
    assert late <= numbers(main, primary), "writes go on"
    assert lab.run(primary, "ls -d /var/lib/redis/main/restore*").returncode, "nothing is left"
    assert {main.setting(each, "appendonly") for each in main.hosts} == {"yes"}
    lab.run_playbook("site").expect(changed=0)
    assert "backup-Rt5wQz" not in done.stdout + plan.stdout
    # What was kept is a backup, and the command that brings it back is told.
    found = re.search(r"redis_restore_from=(\S+)", " ".join(done.stdout.split()))
    assert found and json.loads(lab.sh(primary, f"cat {found[1]}/manifest.json"))["data_set"] == "main"


def in_the_middle(lab: Lab, host: str, name: str, sign: str, then: str = "true") -> None:
    """Wait until a restore has come so far that its note has this sign, and run a command there at once."""
    look = f"grep -q '{sign}' /var/lib/redis/{name}/restore.json 2>/dev/null"
    lab.sh(host, f"for i in $(seq 20000); do {look} && {then} && exit 0; sleep 0.01; done; exit 1")


def test_a_backup_becomes_another_set_though_the_controller_dies(
    lab: Lab, main: DataSet, other: DataSet, tmp_path: Path
) -> None:
    """From the controller, where it was fetched to, into a set without Sentinels on another port."""
    expected = numbers(main, "b1")
    lab.run_playbook("backup", *given(redis_backup_sets=["main"], redis_backup_fetch=str(tmp_path))).expect()
    (fetched,) = (tmp_path / "main").iterdir()
    process = lab.begin_playbook(
        "restore", *confirmed("other", redis_restore_from=str(fetched), redis_restore_on="controller")
    )
    in_the_middle(lab, other.settled(), "other", "sha256")
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    everywhere = [expected] * len(other.hosts)
    until(lab, "all have the data", lambda: [numbers(other, each) for each in other.hosts] == everywhere)
    assert other.settled()


def test_the_host_of_the_primary_loses_its_power_in_the_middle(lab: Lab, main: DataSet) -> None:
    """Its start guard starts it as the primary with one data or the other; it is ended, and then begun anew."""
    primary = main.settled()
    host, name = newest(lab)
    main.fill(20000, "since")
    process = lab.begin_playbook("restore", *confirmed("main", redis_restore_from=name, redis_restore_on=host))
    # Nothing but the engine goes on until the power is away: a busy machine may take longer than the restore for it.
    in_the_middle(lab, primary, "main", '"databases": {', STOP_MODULES)
    lab.kill(primary)
    process.communicate(timeout=LONG)
    lab.start(primary)
    lab.wait_until("it is the primary again", lambda: main.primaries() == [primary])
    ended = restore(lab, "main", redis_restore_end=True).expect(changed=1)
    assert "A restore had been cut short; " in " ".join(ended.stdout.split())
    restore(lab, "main", redis_restore_from=name, redis_restore_on=host).expect()
    assert main.settled() == primary
    expected = numbers(main, primary)
    assert expected
    for each in main.hosts:
        assert numbers(main, each) == expected
        with main.client(each) as client:
            assert not client.exists("since:1")
    assert lab.run(primary, "ls -d /var/lib/redis/main/restore*").returncode, "nothing is left"
    lab.run_playbook("site").expect(changed=0)
