# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold, 6: a run meets a fault, says so or puts it right, and the set keeps accepting writes."""

from __future__ import annotations

from deployment import DataSet, given, until
from lab import Lab

INSTANCE = {"name": "main", "down_after": 2000, "failover_timeout": 10000}


def replica(main: DataSet) -> str:
    """Return a replica that is neither first nor last in the inventory, or else the last."""
    primary = main.settled()
    return next(host for host in [*main.hosts[1:], main.hosts[0]] if host != primary)


def test_host_out_of_reach_in_the_middle(lab: Lab, main: DataSet) -> None:
    lost = replica(main)
    change = given(redis_instances=[{**INSTANCE, "config": {"maxmemory": "96mb"}}])
    processes = main.run_ids()
    rest = [host for host in main.hosts if host != lost]
    with main.written():
        lab.pause(lost)
        run = lab.run_playbook("site", *change)
        assert not run.ok
        assert run.recap[lost].unreachable == 1
        assert not any(run.recap[host].unreachable for host in rest)
        assert "Connection timed out" in run.stdout or "timed out" in run.stdout
        assert {main.setting(host, "maxmemory") for host in rest} == {str(96 << 20)}
        lab.unpause(lost)
        main.settled()
        assert main.setting(lost, "maxmemory") == "0"
        again = lab.run_playbook("site", *change).expect()
    assert again.recap[lost].changed and not any(again.recap[host].changed for host in rest)
    assert main.settings("maxmemory") == {str(96 << 20)}
    assert main.run_ids() == processes
    lab.run_playbook("site").expect()
    assert main.settings("maxmemory") == {"0"}


def test_sentinel_that_is_down_is_started(lab: Lab, main: DataSet) -> None:
    said, processes = main.sentinel_views(), main.run_ids()
    with main.written():
        lab.sh("r3", "systemctl stop redis-sentinel@sentinel")
        lab.run_playbook("site").expect(changed=1)
        main.settled()
    assert main.sentinel_views() == said
    assert main.run_ids() == processes


def test_sentinel_that_hangs_is_named(lab: Lab, main: DataSet) -> None:
    said = main.sentinel_views()
    with main.written():
        lab.sh("r3", "systemctl kill --signal=STOP redis-sentinel@sentinel")
        run = lab.run_playbook("site")
        lab.sh("r3", "systemctl kill --signal=CONT redis-sentinel@sentinel")
    assert run.recap["r3"].failed == 1
    assert f"{lab.host_ip('r3')}:26379" in run.stdout and "Traceback" not in run.stdout
    until(lab, "the Sentinels are of one mind again", lambda: main.sentinel_views() == said)
    lab.run_playbook("site").expect(changed=0)


def test_wrong_password_changes_nothing(lab: Lab, main: DataSet) -> None:
    processes = main.run_ids()
    with main.written():
        run = lab.run_playbook("site", *given(redis_password="typo"))
        assert not run.ok
    assert "redis_password" in run.stdout
    assert run.changed == 0
    assert main.run_ids() == processes
    lab.run_playbook("site").expect(changed=0)
