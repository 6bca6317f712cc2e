# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a primary may move, to whom and how, and what an interrupted move leaves behind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._core.errors import Refused, Unsettled
from ansible_collections.quorum.redis.plugins.module_utils._core.reconcile import Step
from ansible_collections.quorum.redis.plugins.module_utils._failover.preflight import Preflight
from ansible_collections.quorum.redis.plugins.module_utils._failover.steps import Move
from ansible_collections.quorum.redis.plugins.module_utils._model.observed import (
    Downstream,
    Observed,
    SentinelView,
    Upstream,
    WatchedMaster,
    is_newer,
)
from ansible_collections.quorum.redis.plugins.module_utils._replication.interrupted import (
    MARK,
    ResetSetting,
    find_headless,
    find_leftovers,
)

PORT = 6379
HEALTHY = {"aof_enabled": 0, "rdb_last_bgsave_status": "ok", "aof_last_write_status": "ok"}
SETTINGS = {"replica-priority": "100", "min-replicas-to-write": "0", "min-replicas-max-lag": "10"}


def address(host: str) -> str:
    return f"192.0.2.{host[1:]}"


def server(host: str, **more: Any) -> Observed:
    seen = Observed(
        host=host, address=address(host), port=PORT, reachable=True, run_id=f"run-{host}", mode="standalone",
        key_count=3, replication_id="A", offset=100, engine="redis", version="7.0.15", persistence=dict(HEALTHY),
        config=dict(SETTINGS),
    )  # fmt: skip
    return replace(seen, **more)


def primary(host: str, *replicas: str, **more: Any) -> Observed:
    found = [Downstream(address(name), PORT, "online", 100, 0) for name in replicas]
    return server(host, role="primary", replicas=found, **more)


def replica(host: str, of: str = "r1", link: str = "up", **more: Any) -> Observed:
    upstream = Upstream(address(of), PORT, link, sync_in_progress=False, last_io_seconds=1)
    return server(host, role="replica", primary=upstream, **more)


def parked(host: str, **more: Any) -> Observed:
    waiting = Upstream("127.0.0.1", 0, "down", sync_in_progress=False, last_io_seconds=-1)
    return server(host, role="replica", primary=waiting, **more)


def gone(host: str) -> Observed:
    return Observed(host=host, address=address(host), port=PORT, error="gone", error_kind="refused")


def trio(**of_r2: Any) -> list[Observed]:
    return [primary("r1", "r2", "r3"), replica("r2", **of_r2), replica("r3", offset=90)]


def view(host: str, names: str = "r1", tilt: bool = False, **more: Any) -> SentinelView:
    known = [
        {"address": address(one), "port": PORT, "run_id": "", "flags": ["slave"]}
        for one in ("r1", "r2", "r3")
        if one != names
    ]
    watched: dict[str, Any] = {
        "flags": ["master"], "down_after": 5000, "ckquorum": "OK 3 usable Sentinels", "replicas": known, **more
    }  # fmt: skip
    seen = SentinelView(host=host, reachable=True, engine="redis", version="7.0.15", tilt=tilt)
    return replace(seen, masters={"main": WatchedMaster(address(names), PORT, **watched)})


def silent(host: str) -> SentinelView:
    return SentinelView(host=host, error="gone", error_kind="timeout")


WATCHED = [view("r1"), view("r2"), view("r3")]


def plan(members: list[Observed], views: list[SentinelView] | None = None, **wish: Any) -> Any:
    preflight = Preflight(members, views or [], Move("main", **wish))
    return preflight.plan_unplanned() if wish.get("dead_primary") else preflight.plan()


def kinds(steps: Sequence[Step]) -> list[str]:
    """Return what is done, one class after the other."""
    return [type(step).__name__ for step in steps]


def refusal(members: list[Observed], views: list[SentinelView] | None = None, **wish: Any) -> str:
    with pytest.raises(Refused) as caught:
        plan(members, views, **wish)
    assert "nothing was changed" in str(caught.value).lower()
    return str(caught.value)


# --- who takes over ---


@pytest.mark.parametrize(
    ("wish", "expected"),
    [
        ({}, "r2"),
        ({"to": "r3"}, "r3"),
        ({"avoid": ["r1", "r2"]}, "r3"),
        ({"zones": {"r1": "a", "r2": "a", "r3": "b"}}, "r3"),
        ({"zones": {"r1": "a", "r2": "b", "r3": "b"}}, "r2"),
    ],
)
def test_the_best_member_takes_over(wish: dict[str, Any], expected: str) -> None:
    assert plan(trio(), **wish).target.host == expected


def test_a_replica_of_somebody_else_is_named_before_the_sentinels_pick_it() -> None:
    """The move waited 25 s for Sentinels to prefer the target, which they never did, and did not say why."""

    def watched(priority: int, *flags: str) -> list[SentinelView]:
        stranger = {
            "address": address("r3"),
            "port": 7777,
            "run_id": "",
            "flags": ["slave", *flags],
            "priority": priority,
        }
        views = [view(host) for host in ("r1", "r2", "r3")]
        views[1].masters["main"].replicas.append(stranger)
        return views

    assert f"{address('r3')}:7777 is a replica of r1 and no member" in refusal(trio(), watched(100))
    for harmless in (watched(101), watched(0), watched(100, "s_down")):
        assert plan(trio(), harmless).target.host == "r2"


def test_who_has_no_room_for_a_synchronisation_is_told_and_not_waited_for() -> None:
    """The move was done, and went on waiting for it."""
    members = trio()
    members[2] = replica("r3", link="down", persistence={"aof_last_write_status": "err"})
    found = plan(members)
    assert found.target.host == "r2" and [each.host for each in found.full] == ["r3"]
    assert found.warnings == [
        "r3 (192.0.2.3:6379) has no link to r1, and could not write to its disk, which may be full or read-only. It "
        "is told to follow r2, and not waited for"
    ]


def test_who_comes_back_by_itself_is_waited_for() -> None:
    """One that is restarted, or whose dead primary is replaced, has no link either."""
    members = trio()
    members[2] = replica("r3", link="down")
    assert not plan(members).full


def test_a_lower_priority_counts_more_than_a_smaller_lag() -> None:
    members = trio()
    members[2].config["replica-priority"] = "10"
    assert plan(members).target.host == "r3"


@pytest.mark.parametrize("wish", [{"to": "r1"}, {"avoid": ["r2"]}, {"avoid": ["r9"]}])
def test_a_set_that_is_as_asked_for_is_left_alone(wish: dict[str, Any]) -> None:
    found = plan(trio(), **wish)
    assert (found.steps, found.method) == ([], "")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"config": {**SETTINGS, "replica-priority": "0"}}, "has replica-priority 0"),
        ({"offset": -20000000}, "is too far behind"),
        ({"version": "6.2.14"}, "runs redis 6.2.14, older than redis 7.0.15 of r1"),
        ({"version": "8.0.2"}, "runs redis 8.0.2, newer than r1, r3"),
        ({"engine": "valkey", "version": "8.1.1"}, "runs valkey 8.1.1, newer than r1, r3"),
        ({"engine": "valkey", "version": "7.0.15"}, "runs valkey 7.0.15, newer than r1, r3"),
        ({"persistence": {**HEALTHY, "rdb_last_bgsave_status": "err"}}, "could not write its last snapshot"),
        ({"persistence": {**HEALTHY, "aof_last_write_status": "err"}}, "could not write its last AOF write"),
        ({"config": {**SETTINGS, "min-replicas-to-write": "3"}}, "wants 3 replicas"),
        ({"link": "down"}, "has no link to r1"),
    ],
)
def test_a_member_that_cannot_take_over_is_refused(change: dict[str, Any], reason: str) -> None:
    text = refusal(trio(**change), to="r2")
    assert f"r2 cannot take over: it {reason}" in text
    assert plan(trio(**change)).target.host == "r3"


def test_a_replica_being_filled_is_refused() -> None:
    members = trio()
    members[1].primary = Upstream(address("r1"), PORT, "down", sync_in_progress=True, last_io_seconds=0)
    assert "is still being filled" in refusal(members, to="r2")


def test_a_replica_that_its_primary_has_not_heard_of_is_refused() -> None:
    members = trio()
    members[0].replicas = [Downstream(address("r2"), PORT, "online", 100, 9)]
    assert "r2 cannot take over: it was last heard of 9 s ago by r1" in refusal(members, to="r2")
    assert "r3 cannot take over: it is not online" in refusal(members, to="r3")


def test_what_a_primary_has_not_seen_yet_is_waited_for() -> None:
    members = trio()
    members[0].replicas = [
        Downstream(address("r2"), PORT, "online", 100, 9),
        Downstream(address("r3"), PORT, "wait_bgsave", 100, 0),
    ]
    for to in ("r2", "r3", ""):
        with pytest.raises(Unsettled):
            plan(members, to=to)


def test_nobody_left_names_every_reason() -> None:
    text = refusal(trio(version="6.0.16"), avoid=["r1", "r3"])
    assert "r2 runs redis 6.0.16" in text
    assert "r3 shall be avoided" in text


def test_a_silent_candidate_is_refused() -> None:
    members = [primary("r1", "r3"), gone("r2"), replica("r3")]
    assert "r2 cannot take over: it cannot be observed (refused)" in refusal(members, to="r2")


def test_a_host_that_is_no_member_is_refused() -> None:
    assert "r9 is no member" in refusal(trio(), to="r9")
    assert "Name one of r1, r2, r3; nothing was changed" in refusal(trio(), to="r9")


def test_the_last_step_of_an_upgrade_may_go_to_a_newer_version() -> None:
    members = [primary("r1", "r2", "r3"), replica("r2", version="8.0.2"), replica("r3", version="8.0.2")]
    assert "newer than r1" in refusal(members, to="r2")
    assert plan(members, to="r2", mixed=True).target.host == "r2"


def test_an_upgrade_that_goes_on_after_the_move_has_nothing_to_move() -> None:
    """The former primary cannot load what it is sent any more: that is why it comes next."""
    members = [primary("r1", "r3", version="8.0.2"), replica("r2", link="down"), replica("r3", version="8.0.2")]
    with pytest.raises(Refused, match="cannot load the data of the primary r1"):
        plan(members, avoid=["r2"])
    assert not plan(members, avoid=["r2"], mixed=True).steps


def test_an_aof_that_the_candidate_lacks_is_refused() -> None:
    members = [primary("r1", "r2", "r3", persistence={**HEALTHY, "aof_enabled": 1}), replica("r2"), replica("r3")]
    assert "writes no AOF" in refusal(members, to="r2")


def test_a_set_that_is_not_right_is_refused() -> None:
    assert "The set is not as it should be" in refusal([primary("r1", "r2"), replica("r2"), replica("r3", of="r2")])


@pytest.mark.parametrize(
    ("told", "lives"),
    [({"lag": 0}, True), ({"lag": 60}, False), ({"flags": ["slave"]}, True), ({"flags": ["slave", "s_down"]}, False)],
)
def test_who_lives_and_is_not_declared_stops_a_move(told: dict[str, Any], lives: bool) -> None:
    """Known to the primary, or to a Sentinel."""
    members, views = trio(), list(WATCHED)
    if "lag" in told:
        members[0].replicas.append(Downstream(address("r9"), PORT, "online", 100, told["lag"]))
    else:
        known = WATCHED[0].masters["main"].replicas
        views[0] = view("r1", replicas=[*known, {"address": address("r9"), "port": PORT, "run_id": "x", **told}])
    if lives:
        assert f"beside them there live the member {address('r9')}:{PORT}" in refusal(members, views, to="r2")
    else:
        assert plan(members, views, to="r2").target.host == "r2"


# --- Sentinels ---


@pytest.mark.parametrize(
    ("views", "reason"),
    [
        ([view("r1"), silent("r2"), silent("r3")], "Only 1 of 3 Sentinels answer, no answer from r2, r3"),
        ([silent("r1")], "Only 0 of 1 Sentinels answer"),
        ([view("r1", tilt=True), *WATCHED[1:]], "r1 is in TILT mode"),
        ([view("r1", flags=["master", "failover_in_progress"]), *WATCHED[1:]], "is moving main already"),
        ([view("r1", ckquorum="NOQUORUM 1 usable"), *WATCHED[1:]], "has no quorum: NOQUORUM"),
        ([view("r1", names="r2"), *WATCHED[1:]], "name different primaries"),
        ([replace(WATCHED[0], masters={}), *WATCHED[1:]], "does not watch main"),
        ([view("r1", replicas=[]), *WATCHED[1:]], "is unknown in the eyes of the Sentinel of r1"),
    ],
)
def test_sentinels_that_are_not_ready_are_refused(views: list[SentinelView], reason: str) -> None:
    assert reason in refusal(trio(), views, to="r2")


def test_a_sentinel_in_tilt_mode_is_waited_for_longer_than_others() -> None:
    with pytest.raises(Unsettled) as caught:
        plan(trio(), [view("r1", tilt=True), *WATCHED[1:]], to="r2")
    assert caught.value.patient
    with pytest.raises(Unsettled) as caught:
        plan(trio(), [view("r1", replicas=[]), *WATCHED[1:]], to="r2")
    assert not caught.value.patient


def test_one_silent_sentinel_is_a_warning() -> None:
    found = plan(trio(), [view("r1"), view("r2"), silent("r3")], to="r2")
    assert found.target.host == "r2"
    assert "The Sentinel of r3 was left out" in found.warnings[0]


def test_the_others_are_kept_from_being_picked() -> None:
    found = plan(trio(), WATCHED, to="r2")
    assert [one.host for one in found.raised] == ["r3"]
    assert kinds(found.steps) == [
        "RaisePriority", "AwaitChoice", "StopWrites", "Park", "Elect", "Follow", "Finish", "LowerPriority",
    ]  # fmt: skip
    assert "from 100 to 1000100" in found.steps[0].text
    assert "pause writes, for at most 2500 ms" in found.steps[2].text


def test_nobody_is_raised_where_sentinel_would_pick_the_right_one_anyway() -> None:
    members = trio()
    members[1].config["replica-priority"] = "10"
    assert plan(members, WATCHED, to="r2").raised == []
    members[1].config["replica-priority"], members[2].config["replica-priority"] = "100", "0"
    assert plan(members, WATCHED, to="r2").raised == []


# --- how ---


@pytest.mark.parametrize(
    ("running", "asked", "expected"),
    [
        ("6.0.16", "auto", "fence"),
        ("6.2.14", "auto", "pause"),
        ("8.0.2", "auto", "pause"),
        ("7.0.15", "fence", "fence"),
    ],
)
def test_the_method_follows_the_version(running: str, asked: str, expected: str) -> None:
    members = [replace(one, version=running) for one in trio()]
    found = plan(members, method=asked)
    assert found.method == expected
    assert kinds(found.steps) == ["StopWrites", "Park", "Promote", "Follow", "Finish"]


def test_coordinated_needs_valkey_9_everywhere() -> None:
    members = [replace(one, engine="valkey", version="9.1.2") for one in trio()]
    views = [replace(one, engine="valkey", version="9.1.2") for one in WATCHED]
    assert "needs Valkey 9" in refusal(members, WATCHED, method="coordinated")
    assert "needs Valkey 9" in refusal(members, method="coordinated")
    assert "Coordinate" in kinds(plan(members, views, method="coordinated").steps)


def test_pause_needs_redis_6_2() -> None:
    members = [replace(one, version="6.0.16") for one in trio()]
    assert "needs Redis 6.2" in refusal(members, method="pause")


def test_versions_are_compared_without_their_last_part() -> None:
    assert not is_newer(server("r1", version="7.0.15"), server("r2", version="7.0.4"))
    assert is_newer(server("r1", engine="valkey", version="8.0.1"), server("r2", version="7.0.15"))
    assert not is_newer(server("r1", version="7.2.4"), server("r2", engine="valkey", version="8.0.1"))


# --- a dead primary ---


def test_the_replica_that_knows_most_replaces_a_dead_primary() -> None:
    found = plan([gone("r1"), replica("r2", offset=50, link="down"), replica("r3", link="down")], dead_primary=True)
    assert (found.target.host, found.old.host, found.method) == ("r3", "r1", "unplanned")
    assert "offset 100" in found.steps[0].text
    assert "after the offset 100 is lost" in found.warnings[0]


def test_a_named_replica_that_knows_less_is_a_warning() -> None:
    members = [gone("r1"), replica("r2", offset=50, link="down"), replica("r3", link="down")]
    found = plan(members, dead_primary=True, to="r2")
    assert found.target.host == "r2"
    assert "r2 is 50 bytes behind" in found.warnings[1]


@pytest.mark.parametrize(
    ("members", "views", "reason"),
    [
        ([gone("r1"), replica("r2"), replica("r3")], WATCHED, "for sets without Sentinels"),
        ([gone("r1"), gone("r2"), replica("r3")], [], "r2 cannot be observed and may know more"),
        ([gone("r1"), parked("r2", offset=0), parked("r3", offset=0)], [], "No dead primary is to be seen"),
    ],
)
def test_a_primary_that_is_not_surely_dead_is_not_replaced(
    members: list[Observed], views: list[SentinelView], reason: str
) -> None:
    assert reason in refusal(members, views, dead_primary=True)


def test_a_living_primary_is_left_alone() -> None:
    found = plan(trio(), dead_primary=True)
    assert (found.method, found.steps, found.old.host) == ("", [], "r1")


# --- what an interrupted move leaves behind ---


def test_a_set_without_leftovers_needs_nothing() -> None:
    assert find_leftovers(trio(), WATCHED, "main") == []


def test_temporary_values_say_what_they_were() -> None:
    members = trio()
    members[0].config["min-replicas-to-write"] = str(MARK + 1)
    members[0].config["min-replicas-max-lag"] = str(MARK)
    members[2].config["replica-priority"] = str(MARK + 70)
    found = find_leftovers(members, [], "main")
    assert [(step.member, step.key, step.value) for step in found if isinstance(step, ResetSetting)] == [
        ("r1", "min-replicas-to-write", 1),
        ("r1", "min-replicas-max-lag", 0),
        ("r3", "replica-priority", 70),
    ]
    assert len(found) == 3


def test_a_temporary_priority_counts_as_what_it_was() -> None:
    members = trio()
    members[2].config["replica-priority"] = str(MARK + 10)
    assert plan(members).target.host == "r3"


def test_a_move_that_stopped_between_two_primaries_goes_back() -> None:
    members = [parked("r1"), replica("r2", link="down"), replica("r3", link="down", offset=90)]
    assert find_headless(members) is members[0]
    assert kinds(find_leftovers(members, WATCHED, "main")) == ["PromoteAgain"]
    moving = [view("r1", flags=["master", "failover_in_progress"])]
    assert find_leftovers(members, moving, "main") == []


@pytest.mark.parametrize(
    "members",
    [
        [parked("r1"), replica("r2", link="down"), gone("r3")],
        [parked("r1"), replica("r2", link="down", offset=101), replica("r3", link="down")],
        [parked("r1"), replica("r2", link="down", replication_id="B"), replica("r3", link="down")],
        [parked("r1"), parked("r2"), replica("r3", link="down")],
        [parked("r1"), primary("r2", "r3"), replica("r3", of="r2")],
        [parked("r1", offset=0), parked("r2", offset=0), parked("r3", offset=0)],
    ],
)
def test_in_doubt_nobody_is_promoted(members: list[Observed]) -> None:
    assert find_headless(members) is None


def test_a_failover_that_hangs_is_ended() -> None:
    members = trio()
    members[0].failover_state = "failover-in-progress"
    assert kinds(find_leftovers(members, WATCHED, "main")) == ["AbortFailover"]
