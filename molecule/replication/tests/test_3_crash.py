# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold, 3, without Sentinel: a primary comes back as what it was, or waits for a human."""

from __future__ import annotations

from deployment import DataSet, given, until
from lab import Lab

PID = "systemctl show --property MainPID --value redis-server@main"


def test_killed_primary_is_primary_again(lab: Lab, main: DataSet) -> None:
    main.fill(1000)
    old, processes = main.settled(), main.run_ids()
    with main.watched() as roles:
        lab.sh(old, f"kill -9 $({PID})")
        until(lab, "it runs again", lambda: main.run_ids()[old] != processes[old])
        assert main.settled() == old
    roles.expect_one_primary()
    main.holds(1000)


def test_emptied_primary_wipes_nobody(lab: Lab, main: DataSet) -> None:
    main.fill(1000, "kept")
    old = main.settled()
    lab.sh(old, "systemctl stop redis-server@main; rm -r /var/lib/redis/main/*; systemctl start redis-server@main")
    rest = [host for host in main.hosts if host != old]
    assert main.primaries() == []
    run = lab.run_playbook("site")
    assert not run.ok
    assert "redis_trust" in run.stdout and all(host in run.stdout for host in rest)
    for host in rest:
        with main.client(host) as client:
            assert client.get("kept:999") == "999"

    lab.run_playbook("site", *given(redis_trust=rest[0])).expect()
    assert main.settled() == rest[0]
    main.holds(1000, "kept")
    lab.run_playbook("site").expect(changed=0)
