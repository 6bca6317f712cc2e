# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was made is taken away again, and the backups stay."""

from __future__ import annotations

from deployment import given
from lab import Lab

MADE = (
    "/etc/quorum-redis /var/lib/quorum-redis /usr/local/lib/quorum-redis /etc/systemd/system/redis-backup* "
    "/run/redis-backup-trial.sock"
)


def test_a_host_that_leaves_the_group_carries_no_timer(lab: Lab) -> None:
    run = lab.run_playbook("site", *given(redis_backup_group="nobody")).expect()
    assert run.recap["b1"].changed == 0
    assert lab.run("b2", "ls /etc/quorum-redis/backup.json").returncode != 0
    lab.sh("b2", "systemctl start redis-backup.service")


def test_backups_outlive_the_rest(lab: Lab) -> None:
    before = lab.sh("b2", "find /var/backups/redis -name manifest.json | sort")
    assert before
    lab.run_playbook("remove", *given(redis_remove_confirm="redis")).expect()
    assert lab.sh("b2", "find /var/backups/redis -name manifest.json | sort") == before
    assert lab.sh("b2", "find /var/backups/redis ! -user root -o ! -group root -o -perm /077") == ""
    assert "No such file" in lab.sh("b2", f"ls -d {MADE} 2>&1 || true")
    assert lab.sh("b2", f"ls -d {MADE} 2>/dev/null || true") == ""
    assert "redis-backup" not in lab.sh("b2", "systemctl list-timers --all --no-pager")
    assert lab.run("b2", "getent passwd redis redis-backup").stdout == ""
    lab.run_playbook("remove", *given(redis_remove_confirm="redis", redis_remove_backups=True)).expect()
    assert lab.run("b2", "ls /var/backups/redis").returncode != 0
