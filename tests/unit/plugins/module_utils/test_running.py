# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs on a host and what room it has, on a made-up /proc and /sys."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.quorum.redis.plugins.module_utils._host.services import (
    CGROUPS,
    Room,
    disk_free,
    memory_free,
    programs,
)

SAID = """MainPID=7
Id=redis-server@main.service

MainPID=8
Id=redis-sentinel@sentinel.service

MainPID=0
Id=redis-server@stopped.service
"""


def test_the_program_of_each_unit_that_runs(tmp_path: Path) -> None:
    for pid, target in (("7", "/usr/bin/redis-check-rdb (deleted)"), ("8", "/opt/x/bin/redis-server")):
        (tmp_path / pid).mkdir()
        (tmp_path / pid / "exe").symlink_to(target)
    found = programs(SAID, tmp_path)
    assert found == {
        "redis-server@main.service": "/usr/bin/redis-check-rdb",
        "redis-sentinel@sentinel.service": "/opt/x/bin/redis-server",
    }
    assert Room(found).others("/opt/x/bin/redis-server") == ["redis-server@main.service"]


def test_a_program_is_compared_by_its_file(tmp_path: Path) -> None:
    (tmp_path / "redis-server").symlink_to("redis-check-rdb")
    assert Room({"unit": str(tmp_path / "redis-check-rdb")}).others(str(tmp_path / "redis-server")) == []


def test_nothing_runs_where_there_is_no_systemd(tmp_path: Path) -> None:
    assert programs("", tmp_path) == {}


def test_free_memory_is_that_of_the_container(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/meminfo").write_text("MemTotal: 4096 kB\nMemAvailable: 2048 kB\n")
    assert memory_free(tmp_path) == 2048 * 1024
    most, used = (tmp_path / name for name in CGROUPS[0])
    most.parent.mkdir(parents=True)
    most.write_text("1000000\n")
    used.write_text("400000\n")
    assert memory_free(tmp_path) == 600000
    most.write_text("max\n")
    assert memory_free(tmp_path) == 2048 * 1024


def test_free_disk_of_a_directory_that_is_not_there_yet(tmp_path: Path) -> None:
    assert disk_free(str(tmp_path / "not" / "yet")) > 0
