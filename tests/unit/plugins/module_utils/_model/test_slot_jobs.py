# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which engines move slots by themselves, how they are told, and what Valkey 9.1.2 and Redis 8.6.3 say of it."""

from __future__ import annotations

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._model.slot_jobs import (
    begin_job,
    cancel_job,
    choose_engine,
    first_part,
    has_jobs,
    parse_jobs,
)

ONE, OTHER = "41c3d8c96ab9ae0ca402cb67a2af6cbacc6e8c3d", "d71df066e891f43722971e60804b96020fcd22bb"


@pytest.mark.parametrize(
    ("engine", "version", "has"),
    [
        ("valkey", "8.1.1", False),
        ("valkey", "9.0.0", True),
        ("valkey", "9.1.2", True),
        ("redis", "7.0.15", False),
        ("redis", "8.2.1", False),
        ("redis", "8.4.0", True),
        ("redis", "8.6.3", True),
        ("keydb", "9.9", False),
    ],
)
def test_an_engine_moves_slots_by_itself_from_a_version_on(engine: str, version: str, has: bool) -> None:
    assert has_jobs(engine, version) is has


def test_all_primaries_are_of_one_engine_that_can_or_keys_go_one_by_one() -> None:
    assert choose_engine([("valkey", "9.0.0"), ("valkey", "9.1.2")]) == "valkey"
    assert choose_engine([("redis", "8.4.0"), ("redis", "8.6.3")]) == "redis"
    assert choose_engine([("valkey", "9.1.2"), ("valkey", "8.1.1")]) == ""
    assert choose_engine([("valkey", "9.1.2"), ("redis", "8.6.3")]) == ""
    assert choose_engine([]) == ""


def test_one_job_has_the_first_slots_and_no_more() -> None:
    assert first_part([(0, 4), (10, 20)], 1000) == [(0, 4), (10, 20)]
    assert first_part([(10, 20), (0, 4)], 7) == [(0, 4), (10, 11)]
    assert first_part([(0, 16383)], 1000) == [(0, 999)]


def test_valkey_is_told_at_the_source_and_redis_at_the_target() -> None:
    told = begin_job("valkey", [(0, 9), (20, 20)], OTHER)
    assert told == ["CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", 0, 9, 20, 20, "NODE", OTHER]
    assert begin_job("redis", [(0, 9), (20, 20)], OTHER) == ["CLUSTER", "MIGRATION", "IMPORT", 0, 9, 20, 20]


def valkey(state: str, message: str = "", **more: str) -> list[object]:
    row = {"name": "a" * 40, "operation": "EXPORT", "slot_ranges": "8000-8499 8600-8700", **more, "state": state}
    return [word for pair in {**row, "message": message, "cow_size": 0}.items() for word in pair]


def test_jobs_of_both_engines_have_one_shape() -> None:
    sides = {"target_node": OTHER, "source_node": ONE}
    job = parse_jobs([valkey("failed", "Connection lost to target", **sides)])[0]
    assert (job.source, job.target, job.ranges) == (ONE, OTHER, [(8000, 8499), (8600, 8700)])
    assert job.message == "Connection lost to target" and not (job.is_running or job.is_done or job.is_cancelled)
    assert parse_jobs([valkey("success")]) == []  # what a replica of the target tells
    row = ["id", "b" * 40, "slots", "7", "source", ONE, "dest", OTHER, "operation", "import", "state", "stream-eof"]
    redis = parse_jobs([[*row, "last_error", "", "retries", 0]])[0]
    assert redis.is_running and redis.ranges == [(7, 7)] and (redis.source, redis.target) == (ONE, OTHER)


def test_a_failed_import_of_redis_goes_on_until_it_is_cancelled() -> None:
    row = ["id", "b" * 40, "slots", "7", "source", ONE, "dest", OTHER, "last_error", "lost", "state", "failed"]
    target, source = parse_jobs([[*row, "operation", "import"], [*row, "operation", "migrate"]])
    assert target.is_tried_again and target.is_running and not source.is_tried_again and not source.is_running
    valkeys = [valkey("failed", target_node=OTHER, source_node=ONE, operation=side) for side in ("IMPORT", "EXPORT")]
    assert not any(job.is_running for job in parse_jobs(valkeys))
    assert cancel_job(target.name) == ["CLUSTER", "MIGRATION", "CANCEL", "ID", "b" * 40]


@pytest.mark.parametrize(
    ("state", "running", "done", "cancelled"),
    [
        ("waiting-to-snapshot", True, False, False),
        ("failover-granted", True, False, False),
        ("success", False, True, False),
        ("completed", False, True, False),
        ("cancelled", False, False, True),
        ("canceled", False, False, True),
        ("failed", False, False, False),
    ],
)
def test_a_job_runs_until_it_has_ended_in_one_of_three_ways(
    state: str, running: bool, done: bool, cancelled: bool
) -> None:
    job = parse_jobs([valkey(state, target_node=OTHER, source_node=ONE)])[0]
    assert (job.is_running, job.is_done, job.is_cancelled) == (running, done, cancelled)
