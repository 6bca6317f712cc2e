# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab keeps what it promises to the other scenarios."""

from __future__ import annotations

import pytest
import testinfra
from lab import Lab

SANDBOX = "systemd-run --quiet --wait --pipe --property=User=nobody"


def ping(lab: Lab, one: str, other: str) -> bool:
    probe = f"timeout 1 bash -c '</dev/tcp/{lab.host_ip(other)}/22'"
    return lab.run(one, probe).returncode == 0


def test_each_host_runs_its_release(hosts: dict[str, testinfra.host.Host]) -> None:
    assert {name: host.system_info.codename for name, host in hosts.items()} == {name: name for name in hosts}


def test_systemd_is_whole(lab: Lab) -> None:
    assert {lab.sh(host, "systemctl is-system-running") for host in lab.hosts} == {"running"}


@pytest.mark.parametrize("release", ["bullseye", "bookworm", "trixie"])
def test_sandboxes_are_real(lab: Lab, release: str) -> None:
    assert "Read-only" in lab.run(release, "systemd-run -q --wait -P -p ProtectSystem=strict touch /usr/x").stderr
    own, private = lab.sh(
        release, f"readlink /proc/1/ns/mnt; {SANDBOX} -p PrivateTmp=yes readlink /proc/self/ns/mnt"
    ).split()
    assert own != private
    lab.sh(release, f"{SANDBOX} -p DynamicUser=yes -p PrivateUsers=yes -p ProtectProc=invisible true")
    assert lab.run(release, f"{SANDBOX} -p SystemCallFilter=~uname uname").returncode != 0


@pytest.mark.parametrize("release", ["bullseye", "bookworm", "trixie"])
def test_packages_install_at_once(lab: Lab, release: str) -> None:
    lab.sh(release, "apt-get install --yes redis-server 2>/dev/null")
    assert lab.sh(release, "redis-cli ping") == "PONG"


def test_extras_of_a_host_reach_the_engine(lab: Lab) -> None:
    assert lab.sh("bookworm", "df --output=size --block-size=1M /data | tail -1") == "8"


def test_partition_and_heal(lab: Lab) -> None:
    assert ping(lab, "bookworm", "trixie")
    lab.partition("bookworm", "trixie")
    assert not ping(lab, "bookworm", "trixie")
    assert ping(lab, "bookworm", "bullseye")
    lab.heal()
    assert ping(lab, "bookworm", "trixie")


def test_one_way_partition(lab: Lab) -> None:
    lab.partition("bookworm", "trixie", both=False)
    assert not ping(lab, "trixie", "bookworm")


def test_unplugged_host_comes_back_with_its_address(lab: Lab) -> None:
    lab.unplug("trixie")
    assert not ping(lab, "bookworm", "trixie")
    assert lab.inside("trixie", "hostname") == "trixie"
    lab.heal()
    lab.wait_until("trixie is back", lambda: ping(lab, "bookworm", "trixie"))


def test_power_loss_and_boot(lab: Lab) -> None:
    lab.sh("bookworm", "echo kept > /root/kept; sync")
    lab.kill("bookworm")
    assert not ping(lab, "trixie", "bookworm")
    lab.start("bookworm")
    assert lab.sh("bookworm", "cat /root/kept") == "kept"
    assert lab.host_ip("bookworm") in lab.sh("bookworm", "hostname -I")


def test_paused_host_is_silent(lab: Lab) -> None:
    lab.pause("trixie")
    lab.unpause("trixie")
    assert lab.sh("trixie", "hostname") == "trixie"
