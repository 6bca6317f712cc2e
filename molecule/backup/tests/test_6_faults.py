# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes wrong on hosts while a backup is made: the disk of the data is full, the primary dies."""

from __future__ import annotations

import json

from deployment import DataSet, given, until
from lab import Lab
from patience import LONG

HERE = "/var/backups/redis/main"
DATA = "/var/lib/redis/main"
UNIT = "redis-server@main"


def backups(lab: Lab, host: str) -> list[str]:
    return lab.sh(host, f"ls -A {HERE} 2>/dev/null | grep -v '^[.]' || true").split()


def a_replica(main: DataSet) -> str:
    return next(host for host in main.hosts if host != main.settled())


def given_up(info: dict[str, str]) -> bool:
    return (info["aof_rewrites_consecutive_failures"], info["aof_rewrite_scheduled"]) == ("3", "1")


def test_full_disk_of_the_data_is_told_and_harms_nobody(lab: Lab, main: DataSet) -> None:
    main.fill(500)
    host = a_replica(main)
    move = f"mount -t tmpfs -o size=8m,mode=0750,uid=redis,gid=redis tmpfs {DATA} && cp -a /root/kept/. {DATA}/"
    lab.sh(host, f"systemctl stop {UNIT} && cp -a {DATA} /root/kept && {move} && systemctl start {UNIT}")
    main.settled()
    before, process = backups(lab, host), main.run_ids()[host]
    wish = given(redis_backup_sets=["main"], redis_backup_member=host)
    # The AOF waits for a rewrite meanwhile, which the engine puts off by minutes: the backup does not wait for that.
    main.ask(host, "CONFIG", "SET", "appendonly", "no")
    lab.sh(host, f"dd if=/dev/zero of={DATA}/filler bs=4k 2>&1 | grep -q 'No space left'")
    main.ask(host, "CONFIG", "SET", "appendonly", "yes")
    until(lab, "the engine gives up for a minute", lambda: given_up(main.info(host)))
    run = lab.run_playbook("backup", *wish)
    assert not run.ok and "No space left on device" in " ".join(run.stdout.split()), run.stdout
    assert backups(lab, host) == before
    told = lab.run_playbook("status")
    assert f"main at {host}: its last rewrite of the AOF failed" in told.stdout, told.stdout
    lab.sh(host, f"rm {DATA}/filler")
    lab.run_playbook("backup", *wish).expect()
    assert len(backups(lab, host)) == len(before) + 1
    assert main.run_ids()[host] == process
    lab.sh(host, f"systemctl stop {UNIT} && umount {DATA} && systemctl start {UNIT} && rm -r /root/kept")
    main.settled()
    main.holds(500)
    lab.run_playbook("site").expect(changed=0)


def test_primary_that_is_killed_meanwhile_harms_no_backup(lab: Lab, main: DataSet) -> None:
    """The engine is told to take 10 ms for each key, so that there is a meanwhile."""
    main.fill(500)
    old, host = main.settled(), a_replica(main)
    before = backups(lab, host)
    main.ask(host, "CONFIG", "SET", "rdb-key-save-delay", "10000")
    process = lab.begin_playbook("backup", *given(redis_backup_sets=["main"], redis_backup_member=host))
    until(lab, "the save goes on", lambda: main.info(host)["rdb_bgsave_in_progress"] == "1")
    lab.sh(old, f"systemctl kill --signal=KILL {UNIT}")
    output = process.communicate(timeout=LONG)[0]
    # Sentinel cuts off the clients of the member that it makes the primary.
    until(lab, f"Sentinel replaces {old}", lambda: main.primaries() not in ([old], []))
    until(lab, "the engine saves at full speed", lambda: main.ask(host, "CONFIG", "SET", "rdb-key-save-delay", "0"))
    assert process.returncode == 0, output
    (new,) = set(backups(lab, host)) - set(before)
    told = json.loads(lab.sh(host, f"cat {HERE}/{new}/manifest.json"))
    assert told["verified"]["load"] == "passed"
    main.settled()
    assert told["databases"]["0"]["key_count"] == main.count(host)
    main.holds(500)
    lab.run_playbook("site").expect(changed=0)
