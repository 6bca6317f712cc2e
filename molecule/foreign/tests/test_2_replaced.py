# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold, 2: who means it gets a set of ours, with the old data brought in, and the old files are kept."""

from __future__ import annotations

from estate import DataSet, given
from lab import Lab

BRING = (
    "redis-cli SAVE && mkdir -p /var/lib/redis/main && cp /var/lib/redis/dump.rdb /var/lib/redis/main/ && "
    "chown -R redis:redis /var/lib/redis/main"
)


def test_its_data_comes_in(lab: Lab, main: DataSet) -> None:
    lab.sh("x1", BRING)
    run = lab.run_playbook("site", *given(redis_replace_foreign="x1,x2", redis_trust="x1")).expect()
    assert run.recap["x1"].changed
    assert main.settled() == "x1"
    assert {host: main.ask(host, "GET", "precious") for host in main.hosts} == dict.fromkeys(main.hosts, b"42")


def test_the_old_ones_are_gone_and_their_files_are_kept(lab: Lab) -> None:
    lab.sh("x1", "grep -q precious /var/lib/redis/dump.rdb")
    lab.sh("x2", "grep -q other /srv/other/dump.rdb")
    assert lab.run("x2", "systemctl is-enabled redis_6379").stdout.strip() == "disabled"
    for host in lab.hosts:
        assert (
            lab.run(host, "systemctl is-active redis-server redis-sentinel redis_6379").stdout.split()
            == ["inactive"] * 3
        )


def test_another_run_has_nothing_to_do(lab: Lab) -> None:
    lab.run_playbook("site").expect(changed=0)
