# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The facts of a host as metrics: the verdict of the status, and what is not known left out."""

from __future__ import annotations

from typing import Any

from ansible_collections.quorum.redis.plugins.module_utils._model.facts import Observations, Process, collect_facts
from ansible_collections.quorum.redis.plugins.module_utils._model.status_page import render_page
from ansible_collections.quorum.redis.plugins.module_utils._model.status_verdict import judge_sets
from observed_sets import gone, model, primary, replica, sentinel, sentinels, servers, unwritten

AGREED = sentinels(sentinel(), sentinel(), sentinel())
HEALTHY = servers(primary(), replica(90), replica())


def settings(**more: Any) -> dict[str, Any]:
    found = model()
    names = [one["name"] for one in found["instances"]]
    told = {"sets": found["instances"], "declared": names, "sentinels": found["sentinel"]["members"]}
    return {"me": "r1", "deployment": "redis", **told, "backup": {"sets": [], "period": 86400}, **more}


def told(found: Observations, **more: Any) -> dict[str, float]:
    text = collect_facts(settings(**more), found, 1000.0)
    rows = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
    return {name.replace('deployment="redis",', "").replace("quorum_redis_", ""): float(row) for name, _, row in rows}


def test_a_healthy_set() -> None:
    assert told(Observations(HEALTHY, AGREED)) == {
        'facts_timestamp_seconds{host="r1"}': 1000,
        'declared_members{host="r1",set="main"}': 3,
        'declared_sentinels{host="r1",set="main"}': 3,
        'healthy{host="r1",set="main"}': 1,
    }


def test_the_verdict_and_its_problems_are_those_of_the_status() -> None:
    for seen, watching in (
        (servers(primary(), replica(), gone()), AGREED),
        (servers(primary(), primary(), replica(of="10.0.0.2")), AGREED),
        (servers(replica(), replica(link="down"), unwritten("rdb_last_bgsave_status")), AGREED),
        (servers(gone(), gone(), gone()), sentinels(sentinel(flags=("s_down", "master")), None, sentinel("10.0.0.2"))),
        (HEALTHY, sentinels(sentinel(others={4: "s_down,sentinel"}, replicas={9: "slave"}), sentinel(), sentinel())),
        (HEALTHY, sentinels(sentinel(watching="old"), sentinel(), sentinel())),
    ):
        found = told(Observations(seen, watching))
        problems = render_page(model(), seen, watching)[1]
        assert sum(value for name, value in found.items() if name.startswith("problems{")) == len(problems) > 0
        ((one,), left) = judge_sets(model(), seen, watching)
        assert found['healthy{host="r1",set="main"}'] == (not one.problems)
        codes = {problem.code for problem in [*one.problems, *left]}
        assert {name.split('"')[1] for name in found if name.startswith("problems{")} == codes


def test_what_is_wrong_has_a_word_that_does_not_change() -> None:
    found = told(Observations(servers(primary(), primary(), gone()), AGREED))
    assert found['problems{code="several_primaries",host="r1",set="main"}'] == 1
    assert found['problems{code="member_unreachable",host="r1",set="main"}'] == 1
    assert found['healthy{host="r1",set="main"}'] == 0


def test_a_set_of_the_same_deployment_that_is_not_of_this_host_is_no_stranger() -> None:
    view = sentinel()
    view["masters"]["other"] = view["masters"]["main"]
    watching = sentinels(view, view, view)
    assert not [
        name for name in told(Observations(HEALTHY, watching), declared=["main", "other"]) if "problems" in name
    ]
    assert told(Observations(HEALTHY, watching))['problems{code="undeclared_set",host="r1"}'] == 1


def test_backups_certificates_passwords_and_restarts() -> None:
    process = Process({"set": "main", "addr": "a:1"}, True, 5000.0, {'o"dd\\': 7.0})
    found = Observations({}, {}, [process, Process({"addr": "a:2"})], {"main": {"success": 3.0, "proof": 2.0}}, 4000.0)
    rows = told(found, sets=[], backup={"sets": ["main"], "period": 3600})
    assert rows == {
        'facts_timestamp_seconds{host="r1"}': 1000,
        'backup_period_seconds{host="r1",set="main"}': 3600,
        'backup_last_success_timestamp_seconds{host="r1",set="main"}': 3,
        'backup_last_proof_timestamp_seconds{host="r1",set="main"}': 2,
        'certificate_not_after_timestamp_seconds{host="r1"}': 4000,
        'certificate_served_not_after_timestamp_seconds{addr="a:1",host="r1",set="main"}': 5000,
        'rotation_began_timestamp_seconds{addr="a:1",host="r1",set="main",user="o\\"dd\\\\"}': 7,
        'restart_wanted{addr="a:1",host="r1",set="main"}': 1,
    }


def test_a_time_keeps_its_seconds() -> None:
    assert " 1764000001.5\n" in collect_facts(settings(), Observations({}, {}), 1764000001.5)
