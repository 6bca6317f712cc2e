# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold, 1: the first run has deployed, and no later run finds anything to do."""

from __future__ import annotations

import pytest
import testinfra
from deployment import DataSet, given
from lab import Lab

UNITS = ["redis-server@main", "redis-sentinel@sentinel"]


@pytest.mark.parametrize("unit", UNITS)
def test_units_run_and_start_at_boot(hosts: dict[str, testinfra.host.Host], main: DataSet, unit: str) -> None:
    states = {host: (hosts[host].service(unit).is_running, hosts[host].service(unit).is_enabled) for host in main.hosts}
    assert states == dict.fromkeys(main.hosts, (True, True))


@pytest.mark.parametrize("unit", ["redis-server", "redis-sentinel"])
def test_packaged_units_are_masked(hosts: dict[str, testinfra.host.Host], main: DataSet, unit: str) -> None:
    assert all(hosts[host].service(unit).is_masked for host in main.hosts)
    assert not any(hosts[host].service(unit).is_running for host in main.hosts)


@pytest.mark.parametrize("unit", UNITS)
def test_units_are_sandboxed(lab: Lab, unit: str) -> None:
    verdict = lab.sh("r1", f"systemd-analyze security --no-pager {unit} | tail -1")
    score = float(verdict.split(":")[1].split()[0])
    assert score <= 1.5, verdict


@pytest.mark.parametrize("path", ["/etc/redis/main.conf", "/etc/redis/main.json", "/etc/redis/sentinel.conf"])
def test_files_are_for_the_service_only(hosts: dict[str, testinfra.host.Host], path: str) -> None:
    file = hosts["r2"].file(path)
    assert (file.user, file.group, file.mode) == ("root", "redis", 0o640)


def test_directory_of_the_files_is_not_the_service_s(hosts: dict[str, testinfra.host.Host]) -> None:
    """The package brings it writable for the service."""
    directory = hosts["r2"].file("/etc/redis")
    assert (directory.user, directory.group, directory.mode) == ("root", "redis", 0o750)


def test_first_host_is_primary_and_all_replicate(main: DataSet) -> None:
    assert main.settled() == "r1"
    main.fill(1000)
    main.holds(1000)


def test_check_mode_finds_nothing_in_any_order_of_the_inventory(lab: Lab) -> None:
    lab.run_playbook("site", "--check", "--diff").expect(changed=0)


def test_status_agrees(lab: Lab, main: DataSet) -> None:
    """It ends with how an application connects, and with its code where that is asked for, without a password."""
    shown = lab.run_playbook("status", *given(redis_status_client="python")).expect(changed=0).stdout
    assert all(host in shown for host in main.hosts)
    places = ",".join(f"{lab.host_ip(host)}:26379" for host in main.hosts)
    assert f"connect: REDIS_NAME=main REDIS_SENTINELS={places}" in shown
    assert f"export REDIS_SENTINELS={places}" in shown and "# redis_set.py" in shown
    assert main.password and main.sentinel_password
    assert main.password not in shown and main.sentinel_password not in shown


def test_who_was_not_asked_is_outside_the_run(lab: Lab, main: DataSet) -> None:
    shown = " ".join(lab.run_playbook("status", "--limit", "r1").expect(changed=0).stdout.split())
    assert "healthy: as far as this run goes: r1" in shown
    assert shown.count("outside this run") == 4 and "does not answer" not in shown, shown
