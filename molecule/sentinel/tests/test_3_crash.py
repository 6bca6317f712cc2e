# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold, 3: no crash makes two primaries, and none loses what was there."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from deployment import DataSet, until
from lab import Lab

PID = "systemctl show --property MainPID --value redis-server@main"


def test_killed_primary_returns_as_replica(lab: Lab, main: DataSet) -> None:
    main.fill(1000)
    old = main.settled()
    with main.watched() as roles:
        lab.sh(old, f"kill -9 $({PID})")
        until(lab, "Sentinel promotes another member", lambda: set(main.primaries()) - {old})
        new = main.settled()
    assert new != old
    roles.expect_one_primary()
    main.holds(1000)
    lab.run_playbook("site").expect(changed=0)
    assert main.settled() == new


def test_primary_that_lost_power_returns_as_replica(lab: Lab, main: DataSet) -> None:
    main.fill(1000, "before")
    old = main.settled()
    with main.watched() as roles:
        lab.kill(old)
        until(lab, "Sentinel promotes another member", lambda: set(main.primaries()) - {old})
        lab.start(old)
        new = main.settled()
    assert new != old
    roles.expect_one_primary()
    main.holds(1000, "before")
    lab.run_playbook("site").expect(changed=0)
    assert main.settled() == new


def set_down_after(main: DataSet, milliseconds: int) -> None:
    """Let the Sentinels take a silent server for down after so long."""
    for host in main.sentinels:
        main.ask_sentinel(host, "SENTINEL", "SET", main.name, "down-after-milliseconds", str(milliseconds))


def test_all_hosts_stop_and_start_together(lab: Lab, main: DataSet) -> None:
    """The same one is the primary again, when it is there before the Sentinels take it for down."""
    main.fill(1000, "night")
    old = main.settled()
    # A Sentinel counts from its own start. On a busy machine a boot takes longer than the two seconds of this scenario.
    set_down_after(main, 30_000)
    with main.watched() as roles, ThreadPoolExecutor(len(main.hosts)) as pool:
        list(pool.map(lab.kill, main.hosts))
        assert main.primaries() == []
        list(pool.map(lab.start, main.hosts))
        assert main.settled() == old
    roles.expect_one_primary()
    main.holds(1000, "night")
    set_down_after(main, 2000)
    lab.run_playbook("site").expect(changed=0)


def test_emptied_primary_wipes_nobody(lab: Lab, main: DataSet) -> None:
    main.fill(1000, "kept")
    old = main.settled()
    with main.watched() as roles, ThreadPoolExecutor(len(main.hosts)) as pool:
        list(pool.map(lambda host: lab.sh(host, "systemctl stop redis-server@main"), main.hosts))
        lab.sh(old, "rm -r /var/lib/redis/main/*")
        list(pool.map(lambda host: lab.sh(host, "systemctl start --no-block redis-server@main"), main.hosts))
        new = main.settled()
    assert new != old
    roles.expect_one_primary()
    main.holds(1000, "kept")
    lab.run_playbook("site").expect(changed=0)
