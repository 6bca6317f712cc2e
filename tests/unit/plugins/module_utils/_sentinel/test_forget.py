# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which Sentinels remember who is gone, and when they can be made to forget that."""

from __future__ import annotations

from ansible_collections.quorum.redis.plugins.module_utils._model.observed import (
    Downstream,
    Observed,
    SentinelView,
    Upstream,
    WatchedMaster,
)
from ansible_collections.quorum.redis.plugins.module_utils._replication.election import Wish
from ansible_collections.quorum.redis.plugins.module_utils._replication.plan import Planner
from ansible_collections.quorum.redis.plugins.module_utils._sentinel.forget import (
    find_memories,
    missing_after_forget,
    plan_forget,
    undeclared_replicas,
)


def members() -> list[Observed]:
    head = Observed("r1", "10.0.0.1", 6379, reachable=True, role="primary", run_id="run1")
    head.replicas = [Downstream("10.0.0.2", 6379, "online", 1, 0)]
    follower = Observed("r2", "10.0.0.2", 6379, reachable=True, role="replica", run_id="run2")
    follower.primary = Upstream("10.0.0.1", 6379, "up", False, 0)
    return [head, follower]


def view(number: int, replicas: dict[int, tuple[str, str]], sentinels: dict[int, str]) -> SentinelView:
    watched = WatchedMaster("10.0.0.1", 6379, "run1", ["master"], quorum=2, ckquorum="OK 2 usable Sentinels")
    watched.replicas = [
        {"address": f"10.0.0.{one}", "port": 6379, "run_id": run_id, "flags": flags.split(",")}
        for one, (run_id, flags) in replicas.items()
    ]
    watched.sentinels = [
        {"address": f"10.0.0.{one}", "port": 26379, "myid": f"id{one}", "flags": flags.split(",")}
        for one, flags in sentinels.items()
    ]
    masters = {"main": watched}
    return SentinelView(f"r{number}", f"10.0.0.{number}", 26379, reachable=True, myid=f"id{number}", masters=masters)


SOUND = {2: ("run2", "slave")}


def planner(views: list[SentinelView]) -> Planner:
    return Planner(members(), views, Wish("main"))


def steps(views: list[SentinelView]) -> tuple[list[str], list[str]]:
    plan = planner(views)
    found, warnings = plan_forget("main", plan, views, plan.members[0])
    return [step.text for step in found], warnings


def test_nothing_is_forgotten_where_all_are_declared() -> None:
    assert steps([view(1, SOUND, {2: "sentinel"}), view(2, SOUND, {1: "sentinel"})]) == ([], [])


def test_each_sentinel_that_remembers_the_dead_forgets_them() -> None:
    dead = {**SOUND, 4: ("run4", "s_down,slave")}
    views = [view(1, dead, {2: "sentinel", 4: "s_down,sentinel"}), view(2, SOUND, {1: "sentinel"})]
    assert steps(views) == (
        ["main: let the Sentinel of r1 forget the replica 10.0.0.4:6379, the Sentinel 10.0.0.4:26379"],
        [],
    )


def test_who_lives_is_not_forgotten_unless_it_is_leaving() -> None:
    views = [view(1, {**SOUND, 4: ("run4", "slave")}, {})]
    assert find_memories("main", planner(views), views) == {}
    assert find_memories("main", planner(views), views, ["10.0.0.4"]) == {"r1": ["the replica 10.0.0.4:6379"]}


def test_a_former_address_of_a_member_is_forgotten() -> None:
    views = [view(1, {**SOUND, 9: ("run2", "s_down,slave")}, {})]
    assert find_memories("main", planner(views), views) == {"r1": ["the former address 10.0.0.9:6379"]}


def test_what_is_missing_to_forget_safely_is_said() -> None:
    views = [view(1, SOUND, {2: "sentinel", 4: "s_down,sentinel"}), SentinelView("r2", "10.0.0.2", 26379)]
    found, (warning,) = steps(views)
    assert found == []
    assert "count the Sentinel 10.0.0.4:26379, which is not there" in warning
    assert "the Sentinel of r2 does not answer" in warning


def test_a_sentinel_that_has_forgotten_is_awaited() -> None:
    views = [view(1, SOUND, {})]
    assert missing_after_forget("main", views[0]) == []
    views[0].masters["main"].ckquorum = "NOQUORUM 1 usable Sentinels"
    assert missing_after_forget("main", views[0]) == ["the Sentinel of r1 has no quorum yet"]


def test_whom_the_primary_lists_is_awaited_because_it_would_be_learnt_again() -> None:
    plan = planner([])
    assert undeclared_replicas(plan, plan.members[0]) == []
    plan.members[0].replicas.append(Downstream("10.0.0.4", 6379, "online", 1, 50))
    assert undeclared_replicas(plan, plan.members[0]) == ["r1 still lists the replica 10.0.0.4:6379"]
