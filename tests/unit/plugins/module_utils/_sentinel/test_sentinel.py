# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Sentinel is told, by what it knows already."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._core.errors import QuorumError, Refused
from ansible_collections.quorum.redis.plugins.module_utils._model.observed import (
    NOT_YET,
    Observed,
    SentinelView,
    Upstream,
    WatchedMaster,
)
from ansible_collections.quorum.redis.plugins.module_utils._replication.election import Wish
from ansible_collections.quorum.redis.plugins.module_utils._replication.plan import Planner
from ansible_collections.quorum.redis.plugins.module_utils._sentinel.plan import (
    Watch,
    check_identity,
    find_primary,
    missing_in_view,
    parse_state,
    plan_absent,
    plan_watch,
    undeclared_in_view,
)

WANT = Watch("main", 2, 5000, 60000, 1, None, "s3cret")
STORED = {("auth-pass", "main"): "s3cret"}


def member(host: str, role: str = "replica") -> Observed:
    """Return r1 as primary, or a replica of it."""
    upstream = Upstream("192.0.2.1", 6379, "up", sync_in_progress=False, last_io_seconds=0)
    return Observed(
        host=host, address=f"192.0.2.{host[1:]}", port=6379, reachable=True, run_id=f"run-{host}", mode="standalone",
        role=role, key_count=3, replication_id="A", primary=None if role == "primary" else upstream,
    )  # fmt: skip


MEMBERS = [member("r1", "primary"), member("r2"), member("r3")]


def known(host: str, **more: Any) -> dict[str, Any]:
    """Return a replica or Sentinel as a Sentinel knows it."""
    return {"address": f"192.0.2.{host[1:]}", "port": 6379, "flags": ["slave"], "myid": f"id-{host}", **more}


def watched(host: str = "r1", **more: Any) -> WatchedMaster:
    """Return a data set as it should be seen."""
    found = WatchedMaster(f"192.0.2.{host[1:]}", 6379, "", ["master"], 2, 5000, 60000, 1)
    found.replicas = [known("r2"), known("r3")]
    found.sentinels = [known("r2", port=26379), known("r3", port=26379)]
    return replace(found, **more)


def view(host: str = "r1", **masters: WatchedMaster) -> SentinelView:
    """Return a Sentinel."""
    return SentinelView(host=host, address=f"192.0.2.{host[1:]}", port=26379, reachable=True, myid=f"id-{host}",
                        masters=masters)  # fmt: skip


def texts(own: SentinelView, want: Watch = WANT, stored: Any = STORED) -> list[str]:
    """Return the plan as text."""
    planner = Planner(MEMBERS, [own], Wish("main"))
    return [step.text for step in plan_watch(own, want, planner, MEMBERS[0], stored)]


NEW = "main: monitor r1 (192.0.2.1:6379), quorum 2"
FORGET = "main: forget 192.0.2.{}:6379, {}, "
STALE = "which is not the primary"
FULL = NEW + ", down-after-milliseconds 5000, failover-timeout 60000, parallel-syncs 1, auth-pass ********"


@pytest.mark.parametrize(
    ("own", "want", "stored", "expected"),
    [
        (view(main=watched()), WANT, STORED, []),
        (view(), WANT, {}, [FULL]),
        (view(), WANT, None, [FULL]),
        (view(), Watch("main"), {}, [NEW]),
        (view(other=watched()), Watch("main"), {}, [NEW]),
        (view(main=watched("r2")), WANT, STORED,
         [FORGET.format(2, STALE) + FULL[6:]]),
        (view(main=watched("r8")), Watch("main"), {}, [FORGET.format(8, STALE) + NEW[6:]]),
        (view(main=watched("r8", run_id="run-r1")), WANT, STORED, []),
        (view(main=watched(quorum=3)), WANT, STORED, ["main: set quorum 3 -> 2"]),
        (view(main=watched(down_after=1, parallel_syncs=9)), WANT, STORED,
         ["main: set down-after-milliseconds 1 -> 5000, parallel-syncs 9 -> 1"]),
        (view(main=watched(down_after=1)), replace(WANT, down_after=None), STORED, []),
        (view(main=watched()), WANT, {}, ["main: set auth-pass none -> ********"]),
        (view(main=watched()), WANT, {("auth-pass", "main"): "old"}, ["main: set auth-pass ******** -> ********"]),
        (view(main=watched()), replace(WANT, password=None), STORED, ["main: set auth-pass ******** -> none"]),
        (view(main=watched()), replace(WANT, username="watcher"), STORED, ["main: set auth-user none -> watcher"]),
        (view(main=watched()), WANT, None, []),
    ],
    ids=["right", "new", "new, no file", "new, defaults", "beside another", "stale", "stale at a stranger",
         "other address, same process", "quorum", "two settings", "undeclared setting", "password missing",
         "password differs", "password goes", "user", "password cannot be known"],
)  # fmt: skip
def test_plan(own: SentinelView, want: Watch, stored: Any, expected: list[str]) -> None:
    """Only what differs is sent, and no password is shown."""
    assert texts(own, want, stored) == expected


def test_commands() -> None:
    """What is sent for a new data set, all at once."""
    planner = Planner(MEMBERS, [], Wish("main"))
    (step,) = plan_watch(view(), replace(WANT, username="u"), planner, MEMBERS[0], {})
    assert step.commands == [
        ["SENTINEL", "MONITOR", "main", "192.0.2.1", "6379", "2"],
        ["SENTINEL", "SET", "main", "down-after-milliseconds", "5000", "failover-timeout", "60000",
         "parallel-syncs", "1", "auth-user", "u", "auth-pass", "s3cret"],
    ]  # fmt: skip
    assert step.secrets == ["s3cret"]


def test_deaf() -> None:
    """Redis 6.0 keeps a connection that was refused: with the right password it begins anew, later versions do not."""
    own = view(main=watched(flags=["master", "s_down"]))
    for version, expected in (
        ("6.0.16", FORGET.format(1, "whose connection was refused") + FULL[6:]),
        ("7.0.15", "main: set auth-pass none -> ********"),
    ):
        assert texts(replace(own, version=version), WANT, {}) == [expected]
    assert texts(replace(own, version="6.0.16"), WANT, STORED) == []


def test_told_only() -> None:
    """Who was told the primary and had no reply yet monitors it anew: it would take it for down if it waited less."""
    own = view(main=replace(watched(), down_after=NOT_YET))
    anew = [FORGET.format(1, "which it was told") + FULL[6:]]
    assert texts(own, WANT, {}) == anew
    lost = replace(watched(), down_after=NOT_YET, run_id="run-r1", flags=["disconnected", "master"])
    assert texts(view(main=lost), WANT, STORED) == anew
    assert texts(own, replace(WANT, down_after=NOT_YET), STORED) == []


def test_told_and_heard() -> None:
    """Who was told the primary with the login, and has had its reply, goes on: clients would notice a new beginning."""
    own = view(main=replace(watched(), down_after=NOT_YET, run_id="run-r1"))
    assert texts(own) == [f"main: set down-after-milliseconds {NOT_YET} -> 5000"]


def test_absent() -> None:
    """What is declared absent goes, once."""
    assert [step.commands for step in plan_absent(view(main=watched()), "main")] == [[["SENTINEL", "REMOVE", "main"]]]
    assert plan_absent(view(), "main") == []


@pytest.mark.parametrize(
    ("names", "expected"),
    [("r1 r1 r1", "r1"), ("r2 r1 r1", "r1"), ("r2 r1", "r1"), ("r2 r2 r2", "r1"), ("", "r1")],
    ids=["all right", "one stale", "split", "all stale", "none yet"],
)
def test_primary(names: str, expected: str) -> None:
    """The one primary that every member follows is found, whatever the Sentinels think."""
    views = [view(f"r{count}", main=watched(name)) for count, name in enumerate(names.split(), 1)]
    assert find_primary(Planner(MEMBERS, views, Wish("main"))).host == expected


def test_no_primary() -> None:
    """Two primaries are not decided here."""
    other = replace(member("r2", "primary"), replication_id="B")
    with pytest.raises(Refused, match="Two primaries"):
        find_primary(Planner([MEMBERS[0], other], [], Wish("main")))


@pytest.mark.parametrize(
    ("own", "others", "expected"),
    [
        (view(main=watched()), [view("r2", main=watched()), view("r3")], []),
        (view(), [], ["it does not monitor main at r1"]),
        (view(main=watched(flags=["master", "s_down"])), [], ["it sees r1 as master,s_down"]),
        (view(main=watched(replicas=[known("r2")])), [], ["it does not see the replica r3"]),
        (view(main=watched(replicas=[known("r2"), known("r3", flags=["s_down", "slave"])])), [],
         ["it does not see the replica r3"]),
        (view(main=watched(sentinels=[])), [view("r2", main=watched()), view("r3")],
         ["it does not know the Sentinel of r2"]),
        (view(main=watched(sentinels=[])), [view("r2", main=replace(watched(), down_after=NOT_YET))], []),
    ],
    ids=["all there", "nothing", "down", "replica missing", "replica down", "peer missing", "peer told only"],
)  # fmt: skip
def test_waits(own: SentinelView, others: list[SentinelView], expected: list[str]) -> None:
    """What a Sentinel does not see yet is named; nobody waits for a peer that does not monitor yet."""
    planner = Planner(MEMBERS, [own, *others], Wish("main"))
    assert missing_in_view(own, WANT, planner, MEMBERS[0]) == expected


def test_unexpected() -> None:
    """What it knows beside the declared is told."""
    own = view(main=watched(replicas=[known("r2"), known("r8")], sentinels=[known("r9", port=26379)]), old=watched())
    planner = Planner(MEMBERS, [own], Wish("main"))
    assert undeclared_in_view(own, ["main"], {"main": planner}, [own]) == [
        "old is monitored but not declared",
        "main: replica 192.0.2.8:6379 is no member",
        "main: Sentinel 192.0.2.9:26379 is not declared",
    ]


def test_identity() -> None:
    """Two Sentinels of one identity are named; those that do not tell theirs are not compared."""
    twin = replace(view("r2"), myid="id-r1")
    with pytest.raises(QuorumError, match="The Sentinels of r1 and r2 have the same identity"):
        check_identity([view("r1"), twin, view("r3")])
    check_identity([replace(view("r1"), myid=""), replace(view("r2"), myid="")])


def test_state() -> None:
    """Credentials are found in a state file however they are written."""
    text = "port 26379\nsentinel monitor main 192.0.2.1 6379 2\nsentinel auth-pass main pa ss\n"
    text += 'sentinel auth-user main "wat\\"cher"\nSENTINEL auth-pass "other" \'x\'\n'
    assert parse_state(text) == {
        ("auth-pass", "main"): "pa ss", ("auth-user", "main"): 'wat"cher', ("auth-pass", "other"): "x",
    }  # fmt: skip
