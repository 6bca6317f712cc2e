# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is known and not declared, alive or gone, and what must be left when a host leaves."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._core.errors import Refused
from ansible_collections.quorum.redis.plugins.module_utils._membership.plan import (
    Leaving,
    Membership,
    check_leaving,
    explain_refusal,
    find_unwatched,
)
from ansible_collections.quorum.redis.plugins.module_utils._model.observed import (
    Downstream,
    Observed,
    SentinelView,
    Upstream,
    WatchedMaster,
)


def primary(number: int, replicas: tuple[int, ...] = (), lag: int = 0) -> Observed:
    listed = [Downstream(f"10.0.0.{one}", 6379, "online", 5, lag) for one in replicas]
    return Observed(
        f"r{number}", f"10.0.0.{number}", 6379, reachable=True, role="primary", run_id=f"run{number}", replicas=listed
    )


def replica(number: int, of: int = 1, link: str = "up") -> Observed:
    up = Upstream(f"10.0.0.{of}", 6379, link, False, 0)
    return Observed(
        f"r{number}", f"10.0.0.{number}", 6379, reachable=True, role="replica", run_id=f"run{number}", primary=up
    )


def silent(number: int) -> Observed:
    return Observed(f"r{number}", f"10.0.0.{number}", 6379, error_kind="timeout")


def view(number: int, replicas: dict[int, str] | None = None, sentinels: dict[int, str] | None = None) -> SentinelView:
    watched = WatchedMaster("10.0.0.1", 6379, "run1", ["master"], quorum=2)
    watched.replicas = [
        {"address": f"10.0.0.{one}", "port": 6379, "run_id": f"run{one}", "flags": flags.split(",")}
        for one, flags in (replicas or {}).items()
    ]
    watched.sentinels = [
        {"address": f"10.0.0.{one}", "port": 26379, "myid": f"id{one}", "flags": flags.split(",")}
        for one, flags in (sentinels or {}).items()
    ]
    return SentinelView(
        f"r{number}", f"10.0.0.{number}", 26379, reachable=True, myid=f"id{number}", masters={"main": watched}
    )


def found(members: list[Observed], views: list[SentinelView] | None = None) -> list[tuple[str, str, bool]]:
    strangers = Membership("main", members, views or [], {}).list_strangers()
    return [(one.kind, f"{one.address}:{one.port}", one.lives) for one in strangers]


@pytest.mark.parametrize(
    ("members", "views", "expected"),
    [
        (
            [primary(1, (2,)), replica(2)],
            [view(1, {2: "slave"}, {2: "sentinel"}), view(2, {2: "slave"}, {1: "sentinel"})],
            [],
        ),
        ([primary(1, (2, 3))], [], [("member", "10.0.0.2:6379", True), ("member", "10.0.0.3:6379", True)]),
        ([primary(1, (2,), lag=40)], [], [("member", "10.0.0.2:6379", False)]),
        ([replica(2)], [], [("member", "10.0.0.1:6379", True)]),
        ([replica(2, link="down")], [], [("member", "10.0.0.1:6379", False)]),
        ([replica(2), silent(1)], [], []),
        ([primary(1)], [view(1, {3: "slave"})], [("member", "10.0.0.3:6379", True)]),
        ([primary(1)], [view(1, {3: "s_down,slave"})], [("member", "10.0.0.3:6379", False)]),
        ([primary(1)], [view(1, {}, {4: "sentinel"})], [("Sentinel", "10.0.0.4:26379", True)]),
        ([primary(1)], [view(1, {}, {4: "s_down,sentinel"})], [("Sentinel", "10.0.0.4:26379", False)]),
        (
            [primary(1)],
            [view(1, {}, {4: "s_down,sentinel"}), view(2, {}, {4: "sentinel"})],
            [("Sentinel", "10.0.0.4:26379", True)],
        ),
    ],
    ids=str,
)
def test_who_is_known_and_not_declared(
    members: list[Observed], views: list[SentinelView], expected: list[tuple[str, str, bool]]
) -> None:
    assert found(members, views) == expected


def test_a_member_with_a_corrected_address_is_no_stranger() -> None:
    """Its primary lists it by the old address until it connects again, its Sentinels know its run id."""
    moved = replica(2)
    moved.address = "10.0.0.20"
    assert found([primary(1, (2,)), moved], [view(1, {2: "slave"})]) == []


def test_another_port_of_a_declared_host_that_is_silent_is_no_stranger() -> None:
    gone = SentinelView("r2", "10.0.0.2", 26380)
    assert found([primary(1)], [view(1, {}, {2: "sentinel"}), gone]) == []


def test_a_declared_host_on_its_other_port_is_no_stranger_while_it_lives() -> None:
    """Between two steps of TLS a run may ask at the port for TLS, and peers still use the plain one."""
    one, two = primary(1, (2,)), replica(2)
    one.port = two.port = 16379
    assert found([one, two], [view(1, {2: "slave"})]) == []


def test_the_refusal_says_who_lives_and_how_that_is_known() -> None:
    strangers = Membership("main", [primary(1, (2,))], [view(1, {2: "slave"})], {}).list_strangers()
    (text,) = explain_refusal("main", strangers, [primary(1, (2,))], 1)
    assert text == (
        "main: the inventory has 1 member and 1 Sentinel, and beside them there live the member 10.0.0.2:6379 "
        "(known to r1, the Sentinel of r1)"
    )
    assert explain_refusal("main", [], [primary(1)], 1) == []


def test_the_refusal_names_who_is_declared_where_nobody_answers() -> None:
    """A wrong redis_address makes the same picture as an inventory with a part of the hosts."""
    wrong = Observed("r1", "10.0.0.250", 6379)
    members = [wrong, replica(2), replica(3)]
    (text,) = explain_refusal("main", Membership("main", members, [], {}).list_strangers(), members, 0)
    assert "there live the member 10.0.0.1:6379" in text
    assert "r1 is declared at 10.0.0.250:6379 and does not answer there; if it is one of these, correct its" in text


def test_sets_that_are_watched_and_not_declared_are_named() -> None:
    assert find_unwatched([view(1), view(2)], ["main"]) == {}
    assert find_unwatched([view(1), view(2)], ["other"]) == {"main": ["r1", "r2"]}


def whole() -> tuple[list[Observed], list[SentinelView]]:
    return [primary(1, (2, 3)), replica(2), replica(3)], [view(1), view(2), view(3)]


def leave(members: list[Observed], views: list[SentinelView], *hosts: str) -> str:
    try:
        check_leaving("main", members, views, Leaving([{"host": host, "address": ""} for host in hosts], hosts))
    except Refused as problem:
        return str(problem)
    return ""


def test_one_of_three_may_leave_alive_or_dead() -> None:
    members, views = whole()
    assert leave(members, views, "r1") == ""
    assert leave(members, views, "r3") == ""
    assert leave([*members[:2], silent(3)], views, "r3") == ""


def test_who_lives_and_cannot_be_stopped_is_not_retired() -> None:
    members, views = whole()
    with pytest.raises(Refused, match="r3 cannot be reached by Ansible, and its server or Sentinel lives"):
        check_leaving("main", members, views, Leaving([{"host": "r3", "address": ""}]))


@pytest.mark.parametrize(
    ("change", "hosts", "words"),
    [
        ({}, ["r1", "r2", "r3"], "no member is left"),
        ({0: silent(1)}, ["r1"], "No member is primary"),
        ({1: silent(2)}, ["r3"], "r2 would be left and cannot be observed"),
        ({1: replica(2, link="down")}, ["r3"], "r2 would be left and is not in sync with r1"),
        ({1: primary(2)}, ["r3"], "R1 and r2 are primary"),
    ],
)
def test_what_must_be_left(change: dict[int, Any], hosts: list[str], words: str) -> None:
    members, views = whole()
    for place, one in change.items():
        members[place] = one
    said = leave(members, views, *hosts)
    assert words in said and "Nothing was changed" in said


def test_enough_replicas_must_be_left_for_a_write() -> None:
    members, views = whole()
    members[0].config = {"min-replicas-to-write": "2"}
    assert "min-replicas-to-write is 2, and without r3 there are 1 replica" in leave(members, views, "r3")


def test_sentinels_must_be_left() -> None:
    members, views = whole()
    assert "no Sentinel is left" in leave(members, views[2:], "r3")
    views[1].reachable = False
    assert "Sentinels of r2 would be left and do not watch it" in leave(members, views, "r3")
