# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which packages are missing and which cannot be had, on this very Debian."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._core.errors import BadConfig
from ansible_collections.quorum.redis.plugins.module_utils._host import packages
from ansible_collections.quorum.redis.plugins.module_utils._host.packages import (
    Pin,
    are_lists_empty,
    check_candidates,
    installed_versions,
    missing_packages,
    without_candidate,
)

POLICY = """redis-server:
  Installed: (none)
  Candidate: 5:7.0.15-1~deb12u5
  Version table:
valkey-server:
  Installed: (none)
  Candidate: (none)
  Version table:
"""


@pytest.mark.parametrize(
    ("said", "names", "expected"),
    [
        (POLICY, ["redis-server"], []),
        (POLICY, ["redis-server", "valkey-server"], ["valkey-server"]),
        (POLICY, ["never-heard-of"], ["never-heard-of"]),
        ("", ["redis-server"], ["redis-server"]),
        (None, ["redis"], []),
    ],
)
def test_candidates_from_the_policy(said: str | None, names: list[str], expected: list[str]) -> None:
    assert without_candidate(said, names) == expected


MADISON = """redis-server | 5:7.0.15-1~deb12u6 | http://deb.debian.org/debian bookworm/main amd64 Packages
redis-server | 5:7.0.15-1~deb12u5 | http://deb.debian.org/debian bookworm/main amd64 Packages
redis-server | 5:7.0.15-1~deb12u5 | http://deb.debian.org/debian bookworm/main Sources
"""
NEWEST, OLDER = "5:7.0.15-1~deb12u6", "5:7.0.15-1~deb12u5"


def test_an_installed_package_is_not_missing() -> None:
    wanted = ["dpkg", "no-such-package"]
    found = installed_versions(wanted)
    assert list(found or {}) == ["dpkg"]
    assert missing_packages(wanted, found, Pin("redis", [])) == ["no-such-package"]
    assert missing_packages(wanted, None, Pin("redis", [])) == wanted


@pytest.mark.parametrize(
    ("pinned", "version", "fits"),
    [
        ("7.0", NEWEST, True),
        ("7.0.15", NEWEST, True),
        ("7.0.1", NEWEST, False),
        ("7", "17.0.1", False),
        ("7.0", "7.0", True),
        ("7.0", "", False),
        ("", NEWEST, True),
        ("", "", False),
    ],
)
def test_a_pinned_version_is_whole_or_its_first_parts(pinned: str, version: str, fits: bool) -> None:
    assert Pin("redis", ["redis-server"], pinned).is_met(version) is fits


@pytest.mark.parametrize(
    ("found", "newest", "upgrade", "expected"),
    [
        ({}, "", False, ["redis-server", "nftables"]),
        ({}, NEWEST, False, [f"redis-server={NEWEST}", "nftables"]),
        ({"redis-server": OLDER, "nftables": "1"}, NEWEST, False, []),
        ({"redis-server": OLDER, "nftables": "1"}, NEWEST, True, [f"redis-server={NEWEST}"]),
        ({"redis-server": NEWEST, "nftables": "1"}, NEWEST, True, []),
        ({"redis-server": "5:6.0.16-1", "nftables": "1"}, NEWEST, False, [f"redis-server={NEWEST}"]),
        ({"redis-server": "5:6.0.16-1", "nftables": "1"}, "", True, []),
    ],
)
def test_only_an_upgrade_replaces_another_build(
    found: dict[str, str], newest: str, upgrade: bool, expected: list[str]
) -> None:
    pin = Pin("redis", ["redis-server"], "7.0" if newest else "", newest)
    assert missing_packages(["redis-server", "nftables"], found, pin, upgrade) == expected


def test_a_pin_is_looked_for_again_with_new_lists_and_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def ask(*command: str) -> str:
        asked.append(command[1])
        return MADISON if "update" in asked else ""

    monkeypatch.setattr(packages, "_ask", ask)
    pin = Pin("redis", ["redis-server"], "7.0")
    with pytest.raises(
        BadConfig, match=r"redis_version 7.0 of redis cannot be had on a; its package sources offer none"
    ):
        pin.find_candidate("a", update=False)
    pin.find_candidate("a", update=True)
    assert pin.newest == NEWEST
    assert asked == ["madison", "madison", "update", "madison"]
    with pytest.raises(BadConfig, match=f"sources offer {NEWEST}, {OLDER}. Nothing was changed. Pin one of these"):
        Pin("redis", ["redis-server"], "8.0").find_candidate("a", update=True)


def test_a_package_that_no_source_has_is_refused_with_what_to_do() -> None:
    with pytest.raises(BadConfig, match=r"no-such-package.*Nothing was changed"):
        check_candidates(["dpkg", "no-such-package"], update=False)


def test_a_fresh_image_has_no_package_lists(tmp_path: Path) -> None:
    assert not are_lists_empty(str(tmp_path / "no-apt"))
    (tmp_path / "partial").mkdir()
    assert are_lists_empty(str(tmp_path))
    (tmp_path / "deb.debian.org_debian_dists_trixie_main_binary-amd64_Packages.lz4").touch()
    assert not are_lists_empty(str(tmp_path))
