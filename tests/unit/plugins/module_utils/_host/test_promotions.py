# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a journal is a move; on hosts the scenarios `cluster` and `sentinel` look at it."""

from __future__ import annotations

import json

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._host import promotions

# As journalctl of Debian 12 has printed it.
ENTRY = '{"__REALTIME_TIMESTAMP":"1764466413250000","MESSAGE":"34:M 30 Nov 2026 01:33:33.250 * MASTER MODE enabled"}'
SWITCH = "12:X 30 Nov 2026 01:33:34.000 # +switch-master main 10.0.0.1 6379 10.0.0.2 6379"


@pytest.mark.parametrize(
    ("said", "found"),
    [
        (f"{ENTRY}\n{ENTRY.replace('13250000', '14000000')}", [1764466413.25, 1764466414.0]),
        # As the journalctl of some releases has them.
        (f"{ENTRY.replace('13250000', '14000000')}\n{ENTRY}", [1764466413.25, 1764466414.0]),
        ("", []),
        ("No journal files were found.", []),
        (f'{ENTRY}\n{{"MESSAGE": "x"}}\n[1]', [1764466413.25]),
        (ENTRY.replace("34:M", "\\u001b"), [1764466413.25]),
        ("\n".join([ENTRY] * 7), [1764466413.25] * 5),
    ],
)
def test_moments_are_read(monkeypatch: pytest.MonkeyPatch, said: str, found: list[float]) -> None:
    asked: list[tuple[str, ...]] = []

    def run_command(*command: str) -> tuple[int, str]:
        asked.append(command)
        return 0, said

    monkeypatch.setattr(promotions, "run_command", run_command)
    assert [one["at"] for one in promotions.read_promotions("redis-server@main.service", 5)] == found
    assert asked[0][:3] == ("timeout", "10", "journalctl") and "redis-server@main.service" in asked[0]


def test_moves_of_a_sentinel_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    said = json.dumps({"__REALTIME_TIMESTAMP": "1764466414000000", "MESSAGE": SWITCH})
    monkeypatch.setattr(promotions, "run_command", lambda *_command: (0, said))
    (move,) = promotions.read_switches("redis-sentinel@sentinel.service", 5)
    assert (move["at"], move["set"], move["to"]) == (1764466414.0, "main", "10.0.0.2:6379")
