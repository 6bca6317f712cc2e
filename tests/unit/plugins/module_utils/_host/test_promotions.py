# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a journal is a promotion; on hosts the scenario `cluster` looks at it."""

from __future__ import annotations

import re

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._host import promotions

# As journalctl of Debian 12 has printed it.
ENTRY = '{"__REALTIME_TIMESTAMP":"1764466413250000","MESSAGE":"34:M 30 Nov 2026 01:33:33.250 * MASTER MODE enabled"}'


@pytest.mark.parametrize(
    ("said", "found"),
    [
        (f"{ENTRY}\n{ENTRY.replace('13250000', '14000000')}", [1764466413.25, 1764466414.0]),
        ("", []),
        ("No journal files were found.", []),
        (f'{ENTRY}\n{{"MESSAGE": "x"}}\n[1]', [1764466413.25]),
    ],
)
def test_moments_are_read(monkeypatch: pytest.MonkeyPatch, said: str, found: list[float]) -> None:
    asked: list[tuple[str, ...]] = []

    def run_command(*command: str) -> tuple[int, str]:
        asked.append(command)
        return 0, said

    monkeypatch.setattr(promotions, "run_command", run_command)
    assert promotions.read_promotions("redis-server@main.service", 5) == found
    assert asked[0][:3] == ("timeout", "10", "journalctl") and "redis-server@main.service" in asked[0]


@pytest.mark.parametrize(
    ("line", "is_one"),
    [
        ("MASTER MODE enabled (user request from 'id=4 addr=10.0.0.2:40000')", True),
        ("PRIMARY MODE enabled (failover request from 'id=4')", True),
        ("Failover election won: I'm the new master.", True),
        ("Taking over the primary (user request from 'id=4').", True),
        ("Connecting to MASTER 10.0.0.1:6379", False),
        ("Failover election in progress for old primary node", False),
    ],
)
def test_what_engines_write_for_it(line: str, is_one: bool) -> None:
    """As Redis 7.0 and Valkey 8.0 have these sentences in them."""
    assert bool(re.search(promotions.PROMOTED, line)) is is_one
