# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold, 8: removal asks first, keeps the data unless told otherwise, and leaves nothing of ours."""

from __future__ import annotations

import testinfra
from deployment import DataSet, given
from lab import Lab

FIND = (
    "find / -xdev \\( -path /proc -o -path /sys -o -path '/usr/share' -o -path '/usr/lib/python3' \\) -prune -o "
    "\\( -iname '*quorum*' -o -name 'redis*' -path '/etc/*' -o -path '/var/lib/redis*' \\) -print"
)


def left_by_us(lab: Lab, host: str) -> list[str]:
    """Return what is left that no package brought."""
    return [path for path in lab.sh(host, FIND).splitlines() if lab.run(host, f"dpkg --search {path}").returncode]


def test_removal_asks_first(lab: Lab, main: DataSet) -> None:
    main.fill(1000)
    processes = main.run_ids()
    run = lab.run_playbook("remove")
    assert not run.ok
    assert "redis_remove_confirm" in run.stdout
    assert run.changed == 0
    assert main.run_ids() == processes


def test_removal_keeps_the_data_for_root(lab: Lab, main: DataSet, hosts: dict[str, testinfra.host.Host]) -> None:
    lab.run_playbook("remove", *given(redis_remove_confirm="redis")).expect()
    for host in main.hosts:
        assert not lab.run(host, "pgrep -l 'redis|valkey'").stdout
        assert not lab.run(host, "systemctl list-unit-files --no-legend 'redis*' 'valkey*'").stdout
        assert not lab.run(host, "systemctl list-units --all --no-legend 'redis*' 'valkey*'").stdout
        assert not hosts[host].user("redis").exists and not hosts[host].group("redis").exists
        assert [path for path in left_by_us(lab, host) if not path.startswith("/var/lib/redis")] == []
        assert lab.sh(host, "find /var/lib/redis -name '*.aof' -size +0")
        assert lab.sh(host, "find /var/lib/redis -not -user root") == ""


def test_kept_data_is_found_again(lab: Lab, main: DataSet) -> None:
    lab.run_playbook("site").expect()
    main.settled()
    main.holds(1000)


def test_removal_of_everything_leaves_nothing(lab: Lab, main: DataSet) -> None:
    gone = given(redis_remove_confirm="redis", redis_remove_data=True)
    lab.run_playbook("remove", *gone).expect()
    for host in main.hosts:
        assert left_by_us(lab, host) == []
    lab.run_playbook("remove", *gone).expect(changed=0)
