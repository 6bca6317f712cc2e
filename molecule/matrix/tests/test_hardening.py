# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each engine and release makes of the sandbox: its rating, the modes of its files, what it lets clients do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from deployment import DataSet
from deployment.matrix import HOSTS
from deployment.outsider import is_shut_out
from lab import Lab
from measured import note

# One host of each Debian release carries the timer of the backups.
CARRIERS = {"11": "a2", "12": "b2", "13": "c2"}
BOUNDS = {"redis-server@main": 2.0, "redis-sentinel@sentinel": 2.0, "redis-backup": 2.0, "redis-backup-trial@1": 1.0}


@pytest.fixture
def one(lab: Lab, request: pytest.FixtureRequest, tmp_path: Path) -> DataSet:
    """Return the data set of the deployment that the test is about, as its operator sees it."""
    hosts = HOSTS[request.node.callspec.params["deployment"]]
    found = DataSet(lab, hosts, "server-Jd5hC7", hosts, "sentinel-Bq1wE9")
    if len(hosts) > 1:
        found.username, found.password = "our-operator", "operator-Pt4gN9"
    if hosts != ["f1"]:
        (tmp_path / "ca.crt").write_text(lab.sh("a1", "cat /etc/ssl/redis/ca.crt") + "\n")
        found.ca, found.port, found.sentinel_port = str(tmp_path / "ca.crt"), 16379, 36379
    return found


@pytest.mark.parametrize("release", CARRIERS)
def test_units_are_exposed_as_little_as_they_can(lab: Lab, release: str) -> None:
    host = CARRIERS[release]
    found = {}
    for unit, bound in BOUNDS.items():
        text = lab.sh(host, f"systemd-analyze security --no-pager {unit}.service | tail -1")
        exposure = re.search(r"([\d.]+) (OK|SAFE|PERFECT)", text)
        assert exposure and float(exposure[1]) < bound, f"{unit} on Debian {release}: {text}"
        found[unit] = exposure[1]
    note(f"exposure on Debian {release}", ", ".join(f"{unit} {exposure}" for unit, exposure in found.items()))


@pytest.mark.parametrize("release", CARRIERS)
def test_the_timer_backs_up_within_its_sandbox(lab: Lab, release: str) -> None:
    """A save by a user who is not root, and the engine's proofs in a unit with a user for that time."""
    host = CARRIERS[release]
    said = lab.run(host, "systemctl start redis-backup; journalctl -u redis-backup --no-pager -o cat").stdout
    assert "file check passed, trial load passed" in said, said
    assert lab.sh(host, "systemctl show --property Result --value redis-backup") == "success", said
    lab.wait_until("nothing is left", lambda: lab.sh(host, "ls -d /run/quorum-redis-trial* 2>/dev/null || true") == "")


@pytest.mark.parametrize("deployment", HOSTS)
def test_modes_stay_tight_when_the_engine_writes_its_files(lab: Lab, one: DataSet, deployment: str) -> None:
    for host in HOSTS[deployment]:
        one.ask(host, "CONFIG", "REWRITE")
        one.ask_sentinel(host, "SENTINEL", "FLUSHCONFIG")
        files = "/var/lib/redis/main/redis.conf /var/lib/redis/sentinel/redis.conf"
        assert set(lab.sh(host, f"stat -c '%U:%G %a' {files}").splitlines()) == {"redis:redis 600"}
        assert lab.sh(host, "find /var/lib/redis/*/ -perm /077") == ""
        assert lab.sh(host, "stat -c '%U:%G %a' /etc/redis /var/lib/redis").splitlines() == [
            "root:redis 750",
            "redis:redis 750",
        ]


@pytest.mark.parametrize("deployment", HOSTS)
def test_what_is_dangerous_is_off_and_strangers_are_shut_out(one: DataSet, deployment: str) -> None:
    for host in HOSTS[deployment] if deployment != "redis_6_0" else []:
        for key in ("enable-debug-command", "enable-module-command", "enable-protected-configs"):
            assert one.setting(host, key) == "no"
    assert one.settings("protected-mode") == {"yes"}
    is_shut_out(one)
