# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Groups and variables from what servers and Sentinels said."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._core.errors import (
    BadConfig,
    MissingLibrary,
    Refused,
    Unreachable,
)
from ansible_collections.quorum.redis.plugins.module_utils._inventory import observer, plan
from ansible_collections.quorum.redis.plugins.module_utils._model.observed import (
    Downstream,
    Observed,
    SentinelView,
    Upstream,
    WatchedMaster,
)

ONE, TWO, THREE = "10.0.0.1", "10.0.0.2", "10.0.0.3"
NOW = "2026-01-02T03:04:05Z"


def server(address: str, role: str = "replica", of: str = ONE, **more: Any) -> Observed:
    seen = Observed(address=address, port=6379, reachable=True, role=role, key_count=7, offset=100)
    seen.aliases, seen.run_id, seen.replication_id = [address], f"run of {address}", "a" * 40
    if role == "replica":
        seen.primary = Upstream(of, 6379, "up", False, 0)
    else:
        seen.replicas = [Downstream(other, 6379, "online", 90, 1) for other in (ONE, TWO, THREE) if other != address]
    for key, value in more.items():
        setattr(seen, key, value)
    return seen


def silent(address: str, kind: str = "refused") -> Observed:
    return Observed(address=address, port=6379, error=f"no answer ({address}:6379).", error_kind=kind)


def sentinel(address: str = ONE, names: str = ONE, flags: tuple[str, ...] = ("master",)) -> SentinelView:
    master = WatchedMaster(names, 6379, flags=list(flags))
    return SentinelView(address=address, port=26379, reachable=True, aliases=[address], masters={"main": master})


SENTINELS = [sentinel(ONE), sentinel(TWO), sentinel(THREE)]
HEALTHY = [server(ONE, "primary"), server(TWO, offset=90), server(THREE)]


def states(live: dict[str, Any]) -> list[str]:
    return [one["state"] for one in live["members"]]


@pytest.mark.parametrize(
    ("members", "views", "primary", "expected"),
    [
        pytest.param(HEALTHY, SENTINELS, ONE, ["primary", "replica", "replica"], id="healthy"),
        pytest.param(HEALTHY, [], ONE, ["primary", "replica", "replica"], id="without Sentinel"),
        pytest.param(
            [server(ONE, "primary"), silent(TWO), silent(THREE, "auth")],
            SENTINELS,
            ONE,
            ["primary", "unknown", "unknown"],
            id="one is down, one refuses the password",
        ),
        pytest.param(
            HEALTHY,
            [sentinel(ONE, TWO), *SENTINELS[1:]],
            ONE,
            ["primary", "replica", "replica"],
            id="one Sentinel is stale",
        ),
        pytest.param(
            HEALTHY, [sentinel(names=TWO)] * 3, "", ["disputed"] * 3, id="all Sentinels name one that is a replica"
        ),
        pytest.param(
            HEALTHY, [sentinel(ONE), sentinel(TWO, TWO)], "", ["disputed"] * 3, id="no majority of the Sentinels"
        ),
        pytest.param(
            [silent(ONE), server(TWO), server(THREE)],
            SENTINELS,
            "",
            ["unknown", "disputed", "disputed"],
            id="the primary is silent",
        ),
        pytest.param(
            HEALTHY, [sentinel(flags=("master", "o_down"))] * 3, "", ["disputed"] * 3, id="a failover is expected"
        ),
        pytest.param(
            [server(ONE, "primary"), server(TWO, "primary", replication_id="b" * 40), server(THREE)],
            [],
            "",
            ["disputed"] * 3,
            id="two primaries",
        ),
        pytest.param(
            [server(ONE, "primary", key_count=0, replicas=[]), server(TWO, "primary", key_count=0, replicas=[])],
            [],
            "",
            ["disputed"] * 2,
            id="two primaries without data",
        ),
        pytest.param(
            [server(ONE, "replica", "127.0.0.1", key_count=0), server(TWO, "replica", "127.0.0.1", key_count=0)],
            [],
            "",
            ["disputed"] * 2,
            id="a new set in which nobody is primary yet",
        ),
        pytest.param([silent(ONE), silent(TWO)], [], "", ["unknown"] * 2, id="nobody answers"),
        pytest.param([], [], "", [], id="nobody is known"),
        pytest.param(
            [*HEALTHY[:2], server(THREE, of="10.9.9.9")], SENTINELS, ONE, ["primary", "replica", "unknown"], id="astray"
        ),
        pytest.param(
            [*HEALTHY[:2], server(THREE, persistence={"loading": 1}, error="is loading", error_kind="loading")],
            SENTINELS,
            ONE,
            ["primary", "replica", "unknown"],
            id="a replica that loads says nothing",
        ),
        pytest.param(
            [server(ONE, "primary", mode="cluster"), server(TWO)], [], "", ["disputed"] * 2, id="no plain server"
        ),
    ],
)
def test_who_is_primary(members: list[Observed], views: list[SentinelView], primary: str, expected: list[str]) -> None:
    live = plan.judge_set("main", members, views, NOW)
    assert live["primary"] == (f"{primary}:6379" if primary else "")
    assert states(live) == expected
    assert live["disputed"] is ("disputed" in expected)
    assert bool(live["reason"]) is not bool(primary)
    said = "\n".join(plan.problems_of(live))
    assert ("main has no primary" in said and live["reason"] in said) is not bool(primary)
    assert ("replication id" in said) is live["disputed"]


def test_a_refused_password_is_grave_and_names_its_option() -> None:
    live = plan.judge_set("main", [server(ONE, "primary"), silent(TWO, "auth"), silent(THREE)], SENTINELS, NOW)
    assert plan.problems_of(live) == [f"main: no answer ({TWO}:6379). The option is password."]
    assert plan.remarks_of(live) == [f"main: no answer ({THREE}:6379)."]
    assert "not observed (password refused)" in live["evidence"]
    shut = SentinelView(address=TWO, port=26379, error="refused.", error_kind="auth")
    (problem,) = plan.problems_of(plan.judge_set("main", HEALTHY, [*SENTINELS[:2], shut], NOW))
    assert problem == f"main ({TWO}:26379): refused. The option is sentinel_password."


def test_a_server_with_two_addresses_is_one() -> None:
    again = server("192.0.2.1", "primary", run_id="run of 10.0.0.1")
    live = plan.judge_set("main", [*HEALTHY, again], SENTINELS, NOW)
    assert states(live) == ["primary", "replica", "replica"]
    assert live["members"][0]["aliases"] == [ONE, "192.0.2.1"]


def test_what_hostvars_say() -> None:
    live = plan.judge_set("main", HEALTHY, SENTINELS, NOW)
    found = plan.set_vars(live, live["members"][1])
    assert found == {
        "port": 6379,
        "state": "replica",
        "role": "replica",
        "follows": f"{ONE}:6379",
        "link": "up",
        "lag_bytes": 10,
        "lag_seconds": 1,
        "priority": 100,
        "engine": "",
        "version": "",
        "memory": None,
        "error": "",
        "primary": f"{ONE}:6379",
        "disputed": False,
        "asked_at": NOW,
    }
    assert plan.set_vars(live, live["members"][0])["lag_bytes"] == 0
    assert plan.sentinel_vars(live["sentinels"][0]) == {
        "port": 26379,
        "names": f"{ONE}:6379",
        "flags": ["master"],
        "error": "",
    }


def test_a_host_is_found_by_any_address() -> None:
    place = {"address": "10.0.0.1", "port": 6379, "aliases": ["192.0.2.1"]}
    assert plan.host_of(place, {"192.0.2.1": ["db1"], "10.0.0.1": ["db1"], "10.0.0.2": ["db2"]}) == "db1"
    with pytest.raises(ValueError, match=r"^10\.0\.0\.1:6379 is no host of the inventory$"):
        plan.host_of(place, {"10.0.0.2": ["db2"]})
    with pytest.raises(ValueError, match="several hosts of the inventory: db1, db2"):
        plan.host_of(place, {"10.0.0.1": ["db1"], "192.0.2.1": ["db2"]})


def question(**given: Any) -> observer.Question:
    return observer.question_of({"timeout": 2, **given}.get)


def test_what_the_options_mean() -> None:
    asked = question(sentinels=["10.0.0.1", "[2001:db8::1]:5000", {"host": "db3"}], password="s3cret", sets=["main"])
    assert asked.sentinels == [("10.0.0.1", 26379), ("2001:db8::1", 5000), ("db3", 26379)]
    assert (asked.server.password, asked.sentinel.password) == ("s3cret", None)
    assert "s3cret" not in repr(asked)
    assert question(members=["db1"]).members == [("db1", 6379)]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "Nobody is named"),
        ({"sentinels": ["db1:x"]}, "'db1:x' is no address"),
        ({"sentinels": ["db1"], "tls": True, "tls_cert_file": "/x"}, "tls_cert_file is given without tls_key_file"),
    ],
)
def test_options_without_sense(given: dict[str, Any], words: str) -> None:
    with pytest.raises(BadConfig, match=words):
        question(**given)


def answer(monkeypatch: pytest.MonkeyPatch, views: list[SentinelView], members: list[Observed]) -> list[list[str]]:
    """Let these answer, and return who is asked in which round."""
    rounds: list[list[str]] = []

    def ask(known: list[Any]) -> Any:
        def asked(places: Any) -> list[Any]:
            rounds.append([str(place) for _host, place in places])
            found = {f"{one.address}:{one.port}": one for one in known}
            return [found[str(place)] for _host, place in places]

        return asked

    monkeypatch.setattr(observer, "observe_sentinels", ask(views))
    monkeypatch.setattr(observer, "observe_all", ask(members))
    return rounds


def test_sentinels_name_whom_else_to_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    first = sentinel(ONE)
    first.masters["main"].replicas = [{"address": TWO, "port": 6379}]
    first.masters["main"].sentinels = [{"address": address, "port": 26379} for address in (TWO, THREE)]
    first.masters["other"] = WatchedMaster("10.0.1.1", 6379)
    rounds = answer(monkeypatch, [first, sentinel(TWO), sentinel(THREE, TWO)], HEALTHY)
    (live,) = observer.ask_sets(question(sentinels=[ONE, TWO], sets=["main"]))
    assert rounds[0] == [f"{ONE}:26379", f"{TWO}:26379"]
    assert sorted(rounds[1:]) == [[f"{ONE}:6379", f"{TWO}:6379"], [f"{THREE}:26379"]]
    assert live["primary"] == f"{ONE}:6379" and len(live["sentinels"]) == 3
    assert live["asked_at"].endswith("Z")


def test_a_set_that_no_sentinel_monitors_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, [sentinel(ONE)], HEALTHY)
    (live,) = observer.ask_sets(question(sentinels=[ONE], sets=["nix"]))
    assert plan.problems_of(live) == ["nix has no primary: no Sentinel monitors it."]
    assert not live["disputed"]


def test_no_sentinel_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    views = [
        SentinelView(address=ONE, port=26379, error=f"Refused ({ONE}:26379). Do this.", error_kind="refused"),
        SentinelView(address=TWO, port=26379, error=f"WRONGPASS ({TWO}:26379). Do that.", error_kind="auth"),
    ]
    answer(monkeypatch, views, HEALTHY)
    with pytest.raises(Unreachable) as caught:
        observer.ask_sets(question(sentinels=[ONE, TWO]))
    text = f"No Sentinel answers: Refused ({ONE}:26379); WRONGPASS ({TWO}:26379). Correct sentinel_password."
    assert (str(caught.value), caught.value.kind) == (text, "auth")


def test_without_the_library_it_is_said_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise MissingLibrary("not there")

    monkeypatch.setattr(observer, "require_library", missing)
    with pytest.raises(MissingLibrary, match="on the controller"):
        observer.ask_sets(question(sentinels=[ONE]))


def test_groups_are_named_for_their_set() -> None:
    assert plan.prefixes_of(["main", "main", "shop.é-1"]) == {"main": "redis_main", "shop.é-1": "redis_shop_é_1"}


@pytest.mark.parametrize("names", [["a-b", "a_b"], ["main", "a.b", "x", "a-b"]])
def test_sets_that_would_share_their_groups_are_refused(names: list[str]) -> None:
    with pytest.raises(Refused, match=r"would have the same groups, redis_a_b_primary"):
        plan.prefixes_of(names)
