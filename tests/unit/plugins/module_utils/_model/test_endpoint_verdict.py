# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether an endpoint has followed a primary that moved."""

from __future__ import annotations

from typing import Any

from ansible_collections.quorum.redis.plugins.module_utils._model.endpoint_verdict import judge_following

MEMBERS = [{"host": f"r{number}", "address": f"10.0.0.{number}", "port": 6379} for number in (1, 2)]
SETS = [{"name": "main", "members": MEMBERS}]


def judged(primary: str, sets: Any = None, **states: str) -> tuple[list[str], list[str]]:
    rows = [f"main_primary,10.0.0.{server[1:]}-6379,{state}," for server, state in states.items()]
    table = "\n".join(["# pxname,svname,status,", "main_writes,FRONTEND,OPEN,", *rows, "main_primary,BACKEND,UP,"])
    return judge_following("app", sets or SETS, {"main": primary}, table)


def test_one_that_leads_to_the_primary_has_followed() -> None:
    assert judged("r2", r1="DOWN", r2="UP") == (["main: the endpoint on app leads writes to r2"], [])
    assert judged("", r1="UP", r2="DOWN") == (["main: the endpoint on app leads writes to r1"], [])


def test_one_that_does_not_is_named() -> None:
    assert judged("r2", r1="UP", r2="DOWN")[1] == ["main: the endpoint on app leads writes to r1, and r2 is primary"]
    assert judged("r2", r1="DOWN", r2="DOWN")[1] == ["main: the endpoint on app refuses writes, and r2 is primary"]
    assert judged("", r1="UP", r2="UP")[1] == [
        "main: the endpoint on app leads writes to r1 and r2, and nobody knows the primary"
    ]


def test_a_member_is_known_by_either_port_while_tls_is_introduced() -> None:
    later = [{**member, "port": 16379, "other_port": 6379} for member in MEMBERS]
    assert judged("r2", [{"name": "main", "members": later}], r1="DOWN", r2="UP")[1] == []


def test_one_that_is_not_there_yet_is_no_reason_to_stop_and_one_that_does_not_answer_is() -> None:
    """`site` restarts members before it brings the endpoints."""
    none = ["main: there is no endpoint on app yet"]
    assert judge_following("app", SETS, {"main": "r1"}, None) == (none, [])
    assert judge_following("app", SETS, {"main": "r1"}, "# pxname,svname,status,\nother_primary,BACKEND,UP,") == (
        none,
        [],
    )
    assert judge_following("app", SETS, {"main": "r1"}, "")[1] == [
        "main: the endpoint on app refuses writes, and r1 is primary"
    ]
