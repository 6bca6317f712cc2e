# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Versions as numbers."""

from __future__ import annotations

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._model.directives import known_to
from ansible_collections.quorum.redis.plugins.module_utils._model.versions import (
    Version,
    major_minor,
    parse_version,
    upstream_version,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("7.0.15", (7, 0, 15)),
        ("9.1", (9, 1, 0)),
        ("8", (8, 0, 0)),
        ("8.2-m01", (8, 2, 0)),
        ("5:7.0.15-1~deb12u5", (7, 0, 15)),
        ("", (0, 0, 0)),
        ("unstable", (0, 0, 0)),
    ],
)
def test_every_spelling_of_a_version_has_numbers(text: str, expected: Version) -> None:
    assert parse_version(text) == expected
    assert major_minor(text) == expected[:2]


def test_the_engine_has_its_own_part_of_a_package_version() -> None:
    assert [upstream_version(text) for text in ("5:7.0.15-1~deb12u5", "8.2-m01", "")] == ["7.0.15", "8.2", ""]


def test_what_a_milestone_reads_is_what_its_number_says() -> None:
    assert known_to({"replicaof": "h 1"}, "8.2-m01") == {"replicaof": "h 1"}
