# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Let the engine move slots: job after job, until the source has none of them; what fails is tried with fewer slots."""

from __future__ import annotations

import time
from typing import Callable, List, Optional, Sequence, Set

from .._core.errors import CommandFailed, QuorumError, Refused
from .._model.cluster_nodes import parse_nodes
from .._model.cluster_slots import Range, count_slots, ranges_of, show_slots, slots_of
from .._model.slot_jobs import ASKED, FAILURES, MOST, SlotJob, begin_job, cancel_job, first_part, parse_jobs
from .._model.tables import count_of
from .._redis.replies import parse_number
from .mover import Interrupted, Mover

POLL = 0.05
LONGEST = 3600  # seconds of one job; it ends by itself when the other side is gone, and not when clients write too fast
CALM = 5  # seconds for members to agree again after a job has failed, and for one of before to go on
PAUSE = 0.25  # seconds before the second try, and twice as many before each that follows: what is in its way may pass


class JobMover:
    """One source and one target, whose engine moves slots by itself."""

    def __init__(
        self, mover: Mover, engine: str, source: int, target: int, list_lacking: Callable[[], List[str]]
    ) -> None:
        """Take the connections, who moves slots to whom, and what tells whether the cluster is whole."""
        self.mover, self.engine, self.source, self.target = mover, engine, source, target
        self.list_lacking = list_lacking
        self.teller = source if engine == "valkey" else target  # who begins a job, and tells of it
        self.names = (mover.members[source].name, mover.members[target].name)
        self.why = ""  # a job failed last

    def move_slots(self, ranges: Sequence[Range], ahead: Set[int]) -> List[Range]:
        """Move the slots that the source has still; return those that the engine could not move.

        Those ahead are not counted yet, and are taken from there once the target has them.
        """
        self._await_others()
        self.mover.copy_libraries(self.source, self.target)
        most, failures = MOST, 0
        while True:
            left = slots_of(ranges) & self._look(ahead)
            if not left:
                return []
            part = first_part(ranges_of(left), most)
            self.why = self._run_job(part)
            if not self.why:
                most, failures = min(MOST, 2 * most), 0
                continue
            failures += 1
            if failures == FAILURES:
                return ranges_of(left)
            most = max(1, count_slots(part) // 2)
            time.sleep(PAUSE * 2**failures)

    def _look(self, ahead: Set[int]) -> Set[int]:
        """Return the slots that the source has, and count what the target has by now."""
        over = time.monotonic() + CALM
        source, target = self._owned()
        while source & target and time.monotonic() < over:  # the source has not heard of it yet
            time.sleep(POLL)
            source, target = self._owned()
        arrived = sorted(ahead & target - source)
        ahead -= set(arrived)
        ask = [("CLUSTER", "COUNTKEYSINSLOT", slot) for slot in arrived]
        counts = self.mover.get_client(self.target).send_together(ask) if arrived else []
        self.mover.moved.key_count += sum(parse_number(count) for count in counts)
        self.mover.moved.slots += len(arrived)
        return source

    def _owned(self) -> List[Set[int]]:
        """Return the slots that source and target have; both must be primaries still."""
        nodes = [parse_nodes(self.mover.get_client(side).call("CLUSTER", "NODES"))[0] for side in self._sides()]
        if any(node.is_replica for node in nodes):
            what = f"{self.names[0]} and {self.names[1]} are not both primaries any more"
            raise Refused(what, self.mover.where, "Run again: it plans anew")
        return [slots_of(node.slots) for node in nodes]

    def _sides(self) -> List[int]:
        return [self.source, self.target]

    def _jobs(self, side: int) -> List[SlotJob]:
        return parse_jobs(self.mover.get_client(side).call(*ASKED[self.engine]))

    def _await_others(self) -> None:
        """Wait until a job has ended that a run before, or somebody else, has begun: one at a time."""
        over, calm = time.monotonic() + LONGEST, time.monotonic() + CALM
        while True:
            running = [(side, job) for side in self._sides() for job in self._jobs(side) if job.is_running]
            if not running:
                return
            side, job = running[0]
            self._check_time(job, over)
            if not job.is_tried_again:
                calm = time.monotonic() + CALM
            elif time.monotonic() > calm:  # it fails again and again, and nothing else can be done about these slots
                self.mover.get_client(side).call(*cancel_job(job.name))
            time.sleep(POLL)

    def _check_time(self, job: SlotJob, over: float) -> None:
        if time.monotonic() > over:
            what = f"Slots {job.slots} are on their way still, {job.state} after {LONGEST} s"
            todo = (
                "Run again when it has ended, or when fewer clients write. Cancelled on both sides it leaves "
                "the slots where they are"
            )
            raise QuorumError(what, self.mover.where, todo)

    def _run_job(self, part: Sequence[Range]) -> str:
        """Let the engine move slots; return why it could not."""
        before = {job.name for job in self._jobs(self.teller)}
        target = self.mover.members[self.target].id
        over = time.monotonic() + LONGEST
        try:
            self.mover.get_client(self.teller).call(*begin_job(self.engine, part, target))
        except CommandFailed as problem:
            return self._judge_failure(part, problem.text)
        failure = ""
        while True:
            job = next((each for each in self._jobs(self.teller) if each.name not in before), None)
            if job is None or not job.is_running:
                return self._end(part, job, failure)
            self._check_time(job, over)
            if job.is_tried_again:
                failure = job.message or job.state
                self.mover.get_client(self.teller).call(*cancel_job(job.name))
            time.sleep(POLL)

    def _end(self, part: Sequence[Range], job: Optional[SlotJob], failure: str) -> str:
        """Return why nothing has gone over; a failure is one after which the job was cancelled here."""
        if job is None:
            raise Interrupted(f"{self.names[self.teller != self.source]} knows nothing of its job any more", self.place)
        if job.is_done:
            self.mover.moved.jobs += 1
            return ""
        if job.is_cancelled and not failure:
            what = f"Somebody has cancelled the move of {self._shown(part)}"
            raise QuorumError(f"{what}{self._said(job.message)}", self.place, "No slot is open. Run again to go on")
        return self._judge_failure(part, failure or job.message, job.name)

    @property
    def place(self) -> str:
        """Return where a message is from."""
        return self.mover.where

    def _shown(self, part: Sequence[Range]) -> str:
        slots = f"{count_of(count_slots(part), 'slot')} ({show_slots(part, 4)})"
        return f"{slots} from {self.names[0]} to {self.names[1]}"

    @staticmethod
    def _said(message: str) -> str:
        return f": {message}" if message else ""

    def _judge_failure(self, part: Sequence[Range], message: str, name: str = "") -> str:
        """Return why a job failed in a cluster that is whole; in another one it is waited for."""
        what = f"The engine has not moved {self._shown(part)}{self._said(message)}"
        over = time.monotonic() + CALM
        while True:
            lacking = self.list_lacking()
            if not lacking:
                return what + self._other_said(name, message)
            if time.monotonic() > over:
                raise Interrupted(f"{what}; {lacking[0]}", self.place)
            time.sleep(POLL)

    def _other_said(self, name: str, message: str) -> str:
        """Return what the other side says of a job: often it is the one that knows why it failed."""
        other = self.target if self.teller == self.source else self.source
        words = [job.message for job in self._jobs(other) if job.name == name and job.message not in ("", message)]
        return "".join(f"; {self.names[other != self.source]}: {each}" for each in words)
