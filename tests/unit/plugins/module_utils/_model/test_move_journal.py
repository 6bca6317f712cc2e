# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Journals of servers and Sentinels, as Redis 7.0 and Valkey 8.0 write them, and the moves that they tell of."""

from __future__ import annotations

import re
from typing import Any

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._model.move_journal import (
    DOWN,
    PLANNED,
    PROMOTED,
    SWITCHED,
    explain_promotions,
    explain_switches,
)
from ansible_collections.quorum.redis.plugins.module_utils._model.status_moves import last_moves

HEAD = "34:M 30 Nov 2026 01:33:33.250 * "
CLIENT = "id=4 addr=10.0.0.9:40000 laddr=10.0.0.2:6379 fd=8 name={} age=0 idle=0 user=default cmd=replicaof"
MEMBERS = [{"host": f"r{number}", "address": f"10.0.0.{number}", "port": 6379} for number in (1, 2, 3)]
MAIN = {"name": "main", "members": MEMBERS}


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
    assert bool(re.search(PROMOTED, line)) is is_one


def test_why_a_server_became_primary() -> None:
    said = [
        (10.0, f"MASTER MODE enabled (user request from '{CLIENT.format('sentinel-8f1e2a0c-cmd')}')"),
        (20.0, f"PRIMARY MODE enabled (user request from '{CLIENT.format('')}')"),
        (30.0, "MASTER MODE enabled"),
        (40.0, "Failover election won: I'm the new master."),
        (100.0, "Manual failover user request accepted (user request from 'id=9')."),
        (101.0, "Failover election won: I'm the new primary."),
        (200.0, "Taking over the master (user request)."),
    ]
    found = explain_promotions([(when, HEAD + text) for when, text in said])
    assert [(one["at"], one["why"]) for one in found] == [
        (10.0, "asked for by a Sentinel"),
        (20.0, "asked for from 10.0.0.9"),
        (30.0, ""),
        (40.0, "elected by the cluster"),
        (101.0, "asked for"),
        (200.0, "taken over by command"),
    ]


def switches(*said: str) -> list[dict[str, Any]]:
    """Return the moves of a Sentinel that said these, one second after the other."""
    assert all(re.search(SWITCHED, text) for text in said)
    return explain_switches([(float(when), f"9:X 30 Nov 2026 01:33:33.250 # {text}") for when, text in enumerate(said)])


OLD, NEW = "10.0.0.1 6379", "10.0.0.2 6379"


@pytest.mark.parametrize(
    ("before", "why"),
    [
        ((f"+odown master main {OLD} #quorum 2/2", f"+try-failover master main {OLD}"), DOWN),
        ((f"+odown master main {OLD} #quorum 2/2", f"-odown master main {OLD}"), ""),
        ((f"+try-failover master main {OLD}",), PLANNED),
        ((f"+odown master other {OLD} #quorum 2/2",), ""),
        ((), ""),
    ],
)
def test_a_sentinel_that_saw_it_knows_why(before: tuple[str, ...], why: str) -> None:
    (move,) = switches(*before, f"+switch-master main {OLD} {NEW}")
    assert (move["set"], move["from"], move["to"], move["why"]) == ("main", "10.0.0.1:6379", "10.0.0.2:6379", why)


def test_the_next_move_has_a_reason_of_its_own() -> None:
    moves = switches(
        f"+odown master main {OLD} #quorum 2/2",
        f"+switch-master main {OLD} {NEW}",
        f"+try-failover master main {NEW}",
        f"+switch-master main {NEW} {OLD}",
    )
    assert [one["why"] for one in moves] == [DOWN, PLANNED]


def test_moves_are_told_once_by_all_together() -> None:
    leader = switches(f"+odown master main {OLD} #quorum 2/2", f"+switch-master main {OLD} {NEW}")
    other = switches(f"+switch-master main {OLD} {NEW}", f"+switch-master other {OLD} {NEW}")
    late = [{**one, "at": 5000.0, "from": "10.0.0.2:6379", "to": "10.0.0.3:6379", "why": PLANNED} for one in leader]
    seen: dict[str, dict[str, Any]] = {
        "r1": {"promotions": [{"at": -900.0, "why": ""}]},
        "r2": {"promotions": [{"at": 0.5, "why": "asked for by a Sentinel"}]},
        "r3": {"promotions": None},  # it does not answer: only the Sentinels tell
    }
    rows = last_moves(seen, {"r1": {"moves": leader}, "r2": {"moves": [*other, *late]}, "r3": {}}, MAIN)
    assert rows == [
        (5000.0, "r3", "r2", PLANNED),
        (0.5, "r2", "r1", DOWN),
        (-900.0, "r1", "", ""),
    ]


def test_without_sentinels_the_member_says_why() -> None:
    seen = {"r2": {"promotions": [{"at": 1.0, "why": "asked for from 10.0.0.9"}]}}
    assert last_moves(seen, {}, MAIN) == [(1.0, "r2", "", "asked for from 10.0.0.9")]
