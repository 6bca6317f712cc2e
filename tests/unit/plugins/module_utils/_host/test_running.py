# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs on a host and what room it has, on a made-up /proc and /sys."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._core.errors import BadConfig
from ansible_collections.quorum.redis.plugins.module_utils._host.services import (
    changed_units,
    check_version,
    disabled_in,
    other_programs,
    programs_of,
    undeclared_servers,
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
    found = programs_of(SAID, tmp_path)
    assert found == {
        "redis-server@main.service": "/usr/bin/redis-check-rdb",
        "redis-sentinel@sentinel.service": "/opt/x/bin/redis-server",
    }
    assert other_programs(found, "/opt/x/bin/redis-server") == ["redis-server@main.service"]


def test_what_does_not_start_at_the_next_boot() -> None:
    def said(unit: str, load: str, active: str, file: str) -> str:
        return f"Id={unit}\nLoadState={load}\nActiveState={active}\nUnitFileState={file}\n"

    found = disabled_in(
        "\n".join(
            [
                said("redis-server@main.service", "loaded", "active", "enabled"),
                said("redis-server@other.service", "loaded", "failed", "enabled-runtime"),
                said("redis-server@cache.service", "loaded", "active", "disabled"),
                said("redis-backup.timer", "masked", "active", "masked-runtime"),
                said("a.timer", "loaded", "inactive", "enabled"),
                said("b.timer", "not-found", "inactive", ""),
            ]
        )
    )
    assert {one["unit"]: one["state"] for one in found} == {
        "redis-server@other.service": "enabled-runtime",
        "redis-server@cache.service": "disabled",
        "redis-backup.timer": "masked",
        "a.timer": "inactive",
        "b.timer": "not-found",
    }


def test_a_program_is_compared_by_its_file(tmp_path: Path) -> None:
    (tmp_path / "redis-server").symlink_to("redis-check-rdb")
    assert other_programs({"unit": str(tmp_path / "redis-check-rdb")}, str(tmp_path / "redis-server")) == []


@pytest.mark.parametrize(
    ("programs", "kept", "refused"),
    [
        ({}, False, False),
        ({"redis-server@main.service": "/usr/bin/redis-server"}, True, False),
        ({"redis-server@main.service": "/usr/bin/redis-server"}, False, True),
        ({"redis-server@main.service": "/usr/bin/valkey-server"}, True, True),
    ],
)
def test_another_version_of_what_runs_is_left_to_upgrade(programs: dict[str, str], kept: bool, refused: bool) -> None:
    words = r"a runs redis-server@main.service with another version .* \(redis 7.0\). .* Run quorum.redis.upgrade"
    with pytest.raises(BadConfig, match=words) if refused else contextlib.nullcontext():
        check_version(programs, "/usr/bin/redis-server", kept, "a", "redis 7.0")


def test_nothing_runs_where_there_is_no_systemd(tmp_path: Path) -> None:
    assert programs_of("", tmp_path) == {}


def test_a_server_that_is_no_data_set_is_named_with_the_way_to_remove_it() -> None:
    programs = {
        "redis-server@main.service": "/usr/bin/redis-server",
        "redis-server@old.service": "/usr/bin/redis-server",
    }
    (warning,) = undeclared_servers(programs, ["redis-server@main.service", "redis-sentinel@sentinel.service"])
    assert warning.startswith("old runs here and is not in the inventory") and "redis_remove_set=old" in warning


def test_a_drop_in_that_changes_how_a_unit_starts_is_named(tmp_path: Path) -> None:
    decisive, harmless = tmp_path / "own.conf", tmp_path / "limits.conf"
    decisive.write_text("[Service]\nExecStartPre=\n ExecStart = /opt/redis-server\n#User=x\n")
    harmless.write_text("[Service]\nLimitNOFILE=100000\nEnvironment=ExecStart=no\n")
    table = (
        f"Id=redis-server@main.service\nMainPID=0\nDropInPaths={decisive} {harmless} {tmp_path}/gone.conf\n\n"
        f"Id=redis-server.service\nMainPID=0\nDropInPaths={decisive}\n\nId=redis-sentinel@sentinel.service\nDropInPaths="
    )
    (warning,) = changed_units(table)
    assert warning.startswith(
        f"{decisive} sets ExecStart, ExecStartPre of redis-server@main.service, so the start guard"
    )
