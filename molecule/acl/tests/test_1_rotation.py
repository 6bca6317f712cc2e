# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one password and that of the Sentinels change and change back under load, while runs are killed at any moment."""

from __future__ import annotations

import os
import random
import signal
import time
from typing import Any

import pytest
from deployment import DataSet, given
from lab import KILL_MODULES, Lab
from ledger import Ledger
from measured import note
from rotating import Both, forced_anew, refuses
from trials import trials

HOSTS = ["u1", "u2", "u3"]
SERVER = ("server-Rk2mW8", "server-Jw5nE2")
SENTINEL = ("sentinel-Yh6tQ4", "sentinel-Cb3vU9")
KILLS = trials(2)  # each way: the controller alone, and with the modules on the hosts


def wish(to: int, **more: Any) -> tuple[str, str]:
    """Return the variables of a rotation to the first or the second pair of passwords."""
    return given(
        redis_password=SERVER[to],
        redis_password_previous=SERVER[1 - to],
        redis_sentinel_password=SENTINEL[to],
        redis_sentinel_password_previous=SENTINEL[1 - to],
        **more,
    )


@pytest.fixture(scope="module")
def main(lab: Lab) -> Both:
    return Both(lab, HOSTS, SERVER, SENTINEL)


def test_check_mode_shows_the_plan_and_no_secret(lab: Lab, main: Both) -> None:
    main.settled()
    run = lab.run_playbook("rotate", "--check", "--diff", *wish(1)).expect()
    assert run.changed > 0 and "+user default on " in run.stdout, run.stdout
    assert not [word for word in (*SERVER, *SENTINEL) if word in run.stdout]
    assert refuses(lab, HOSTS, SERVER[1], SENTINEL[1]) == [True] * 6
    run = lab.run_playbook("rotate")
    assert not run.ok and run.changed == 0 and "redis_password_previous" in run.stdout
    run = lab.run_playbook("rotate", "--limit", "u1,u2", *wish(1))
    assert not run.ok and run.changed == 0 and "u3" in run.stdout


def test_both_open_after_site_and_an_old_inventory_is_refused(lab: Lab, main: Both) -> None:
    processes = main.run_ids()
    lab.run_playbook("site", *wish(1)).expect()
    assert refuses(lab, HOSTS, SERVER[0], SENTINEL[0]) + refuses(lab, HOSTS, SERVER[1], SENTINEL[1]) == [False] * 12
    told = lab.run_playbook("status", *wish(1)).expect(changed=0).stdout
    assert "The Sentinels: two passwords open for default at u1, u2, u3;" in told, told
    assert "main: two passwords open for default at u1, u2, u3;" in told, told
    run = lab.run_playbook("site")
    assert not run.ok and run.changed == 0 and "rotation" in run.stdout, run.stdout
    assert main.run_ids() == processes


def test_killed_runs_lose_nothing_and_the_next_one_goes_on(lab: Lab, main: Both) -> None:
    """There and back. The client knows both passwords and logs in anew all the time; nobody is restarted or moved."""
    primary, processes = main.settled(), main.run_ids()
    ledger = Ledger(
        "main",
        [(lab.host_ip(host), 26379) for host in HOSTS],
        password=list(SERVER),
        sentinel_password=list(SENTINEL),
        threads=2,
        rate=100,
        anew=25,
    )
    took = 12.0
    with main.watched() as roles, ledger:
        for to in (1, 0):
            for number in range(KILLS):
                process = lab.begin_playbook("rotate", *wish(to, redis_rotate_ignore_clients=True))
                time.sleep(random.uniform(2.0, took))
                os.killpg(process.pid, signal.SIGKILL)
                for host in HOSTS if number % 2 else []:
                    lab.run(host, KILL_MODULES)
                process.communicate()
                assert main.settled() == primary
            started = time.monotonic()
            lab.run_playbook("rotate", *wish(to, redis_rotate_ignore_clients=True)).expect()
            took = time.monotonic() - started
            assert refuses(lab, HOSTS, SERVER[1 - to], SENTINEL[1 - to]) == [True] * 6
            assert refuses(lab, HOSTS, SERVER[to], SENTINEL[to]) == [False] * 6
    report = ledger.report()
    note(f"{2 * KILLS} killed runs of rotate.yml", report.in_a_line())
    assert report.acknowledged > 100 and report.lost == 0 and report.errors == 0, report
    assert main.settled() == primary and main.run_ids() == processes
    roles.expect_one_primary()


def test_everybody_comes_back_and_nothing_is_left_to_do(lab: Lab, main: Both) -> None:
    plain = DataSet(lab, HOSTS, SERVER[0], HOSTS, SENTINEL[0])
    primary = plain.settled()
    forced_anew(plain)
    assert plain.settled() == primary
    lab.sh("u1", "systemctl restart redis-sentinel@sentinel")
    replica = next(host for host in HOSTS if host != primary)
    lab.sh(replica, "systemctl restart redis-server@main")
    assert plain.settled() == primary
    lab.run_playbook("rotate", *wish(0)).expect(changed=0)
    lab.run_playbook("site").expect(changed=0)
    for host in HOSTS:
        assert lab.sh(host, "grep -rlF -e Jw5nE2 -e Cb3vU9 /etc/redis || true") == ""
