# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Slots that the engine moves in a model of Redis 8.6.3: what a job that fails is followed by."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._cluster import job_mover
from ansible_collections.quorum.redis.plugins.module_utils._cluster.job_mover import JobMover
from ansible_collections.quorum.redis.plugins.module_utils._cluster.mover import Moved
from ansible_collections.quorum.redis.plugins.module_utils._core.errors import CommandFailed, QuorumError
from ansible_collections.quorum.redis.plugins.module_utils._model.cluster_slots import ranges_of, slots_of

IDS = ("a" * 40, "b" * 40)
FAILED, CANCELED, COMPLETED = "failed", "canceled", "completed"


def write_slots(slots: set[int]) -> str:
    """Return slots as the engine shows them."""
    return " ".join(f"{first}-{last}" for first, last in ranges_of(slots))


class Pair:
    """Two primaries; each job ends as it is told, and one that has failed is there until somebody cancels it."""

    def __init__(self, slots: int, *ends: str) -> None:
        """Give the first one all slots, and tell how jobs end; those after them are completed."""
        self.slots, self.ends = [set(range(slots)), set(range(16000, 16384))], list(ends)
        self.jobs: list[dict[str, Any]] = []
        self.sizes: list[int] = []
        self.moved, self.where = Moved(), "cluster cart"
        self.members = [SimpleNamespace(name=f"c{side + 1}", id=IDS[side]) for side in (0, 1)]

    def copy_libraries(self, source: int, target: int) -> None:
        """There are none."""

    def get_client(self, side: int) -> Any:
        """Return a connection."""

        def call(*words: Any) -> Any:
            return self.do(side, *words[1:])

        return SimpleNamespace(call=call, send_together=lambda commands: [1] * len(commands))

    def do(self, side: int, *words: Any) -> Any:
        """Do what a command says."""
        if words == ("NODES",):
            shown = write_slots(self.slots[side])
            return f"{IDS[side]} 192.0.2.{side + 1}:7000@17000 myself,master - 0 0 1 connected {shown}\n"
        if words[1] == "STATUS":
            return [self.row(side, job) for job in self.jobs]
        if words[1] == "CANCEL":
            ended = [job for job in self.jobs if job["id"] == words[3] and side == 1]
            for job in ended:
                job["state"] = CANCELED
            return len(ended)
        assert words[1] == "IMPORT" and side == 1
        slots = slots_of(list(zip(words[2::2], words[3::2], strict=True)))
        if any(job["state"] == FAILED and slots & job["slots"] for job in self.jobs):
            raise CommandFailed("overlapping import exists")
        state = self.ends.pop(0) if self.ends else COMPLETED
        self.jobs.append({"id": f"{len(self.jobs):040x}", "slots": slots, "state": state})
        self.sizes.append(len(slots))
        if state == COMPLETED:
            self.slots = [self.slots[0] - slots, self.slots[1] | slots]
        return self.jobs[-1]["id"]

    def row(self, side: int, job: dict[str, Any]) -> list[Any]:
        """Return what one side tells of a job."""
        operation, error = (("migrate", "no memory"), ("import", "channel lost"))[side]
        error = error if job["state"] == FAILED or side == 0 else ""
        shown = {
            "id": job["id"],
            "slots": write_slots(job["slots"]),
            "source": IDS[0],
            "dest": IDS[1],
            "operation": operation,
        }
        return [word for pair in {**shown, "state": job["state"], "last_error": error}.items() for word in pair]


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return how long was slept, without the polls."""
    found: list[float] = []

    def sleep(seconds: float) -> None:
        if seconds != job_mover.POLL:
            found.append(seconds)

    monkeypatch.setattr(job_mover, "time", SimpleNamespace(sleep=sleep, monotonic=time.monotonic))
    return found


def mover(pair: Pair) -> JobMover:
    """Return what moves the slots of the model."""
    subject: Any = pair
    return JobMover(subject, "redis", 0, 1, list)


def test_a_failed_import_is_cancelled_and_jobs_grow_again(pauses: list[float]) -> None:
    pair = Pair(4000, FAILED, FAILED)
    ahead = set(range(4000))
    assert mover(pair).move_slots([(0, 3999)], ahead) == []
    assert pair.sizes == [1000, 500, 250, 500, 1000, 1000, 1000, 250] and pauses == [0.5, 1]
    assert [job["state"] for job in pair.jobs[:2]] == [CANCELED] * 2
    assert (pair.moved.slots, pair.moved.key_count, pair.moved.jobs, ahead) == (4000, 4000, 6, set())


def test_after_five_failures_what_is_left_is_given_back_with_the_words_of_both_sides(pauses: list[float]) -> None:
    pair = Pair(800, *[FAILED] * 5)
    subject = mover(pair)
    assert subject.move_slots([(0, 799)], set(range(800))) == [(0, 799)]
    assert pair.sizes == [800, 400, 200, 100, 50] and pauses == [0.5, 1, 2, 4]
    assert {job["state"] for job in pair.jobs} == {CANCELED}, "nothing goes on behind the run"
    assert subject.why.endswith("from c1 to c2: channel lost; c1: no memory"), subject.why
    assert pair.moved.slots == 0


def test_what_was_in_the_way_and_passes_costs_a_pause(pauses: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    pair = Pair(100)
    real, answers = pair.do, [CommandFailed("a trim is running")] * 3

    def do(side: int, *words: Any) -> Any:
        if words[1:2] == ("IMPORT",) and answers:
            raise answers.pop()
        return real(side, *words)

    monkeypatch.setattr(pair, "do", do)
    assert mover(pair).move_slots([(0, 99)], set(range(100))) == []
    assert pair.sizes == [12, 24, 48, 16] and pauses == [0.5, 1, 2]


def test_a_failed_import_of_before_gets_its_time_and_is_cancelled_then(monkeypatch: pytest.MonkeyPatch) -> None:
    pair = Pair(1000)
    pair.jobs = [{"id": "f" * 40, "slots": set(range(1000)), "state": FAILED}]
    now = iter(range(10**6))
    monkeypatch.setattr(job_mover, "time", SimpleNamespace(sleep=abs, monotonic=lambda: next(now)))
    assert mover(pair).move_slots([(0, 999)], set(range(1000))) == []
    assert [job["state"] for job in pair.jobs] == [CANCELED, COMPLETED] and next(now) > job_mover.CALM


def test_a_job_that_somebody_cancels_ends_the_run() -> None:
    pair = Pair(10, CANCELED)
    with pytest.raises(QuorumError, match="Somebody has cancelled the move of 10 slots"):
        mover(pair).move_slots([(0, 9)], set(range(10)))


def test_what_the_engine_has_finished_between_two_tries_is_counted() -> None:
    pair = Pair(1000)
    pair.slots = [set(range(400)), set(range(400, 1000))]
    assert mover(pair).move_slots([(0, 999)], set(range(1000))) == []
    assert (pair.moved.slots, pair.moved.jobs) == (1000, 1)
