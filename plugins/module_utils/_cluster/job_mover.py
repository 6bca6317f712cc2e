# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Let the engine move slots: job after job, until the source has none of them; what fails is tried with fewer slots."""

from __future__ import annotations

import time
from typing import Callable, List, Optional, Sequence

from .._core.errors import CommandFailed, QuorumError, Refused
from .._model.cluster_nodes import parse_nodes
from .._model.cluster_slots import Range, count_slots, ranges_of, show_slots, slots_of
from .._model.slot_jobs import ASKED, FAILURES, MOST, SlotJob, begin_job, first_part, parse_jobs
from .._model.tables import count_of
from .._redis.replies import parse_number
from .mover import Interrupted, Mover

POLL = 0.05
LONGEST = 3600  # seconds of one job; it ends by itself when the other side is gone, and not when clients write too fast
CALM = 5  # seconds for members to agree again after a job has failed


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

    def move_slots(self, ranges: Sequence[Range]) -> List[Range]:
        """Move the slots that the source has still; return those that the engine could not move."""
        self._await_others()
        self.mover.copy_libraries(self.source, self.target)
        most, failures = MOST, 0
        while True:
            left = slots_of(ranges) & slots_of(self._owned())
            if not left:
                return []
            part = first_part(ranges_of(left), most)
            self.why = self._run_job(part)
            failures = failures + 1 if self.why else 0
            if failures == FAILURES:
                return ranges_of(left)
            if failures:
                most = max(1, count_slots(part) // 2)

    def _owned(self) -> List[Range]:
        """Return the slots that the source has; both sides must be primaries still."""
        nodes = [parse_nodes(self.mover.get_client(side).call("CLUSTER", "NODES"))[0] for side in self._sides()]
        if any(node.is_replica for node in nodes):
            what = f"{self.names[0]} and {self.names[1]} are not both primaries any more"
            raise Refused(what, self.mover.where, "Run again: it plans anew")
        return nodes[0].slots

    def _sides(self) -> List[int]:
        return [self.source, self.target]

    def _jobs(self, side: int) -> List[SlotJob]:
        return parse_jobs(self.mover.get_client(side).call(*ASKED[self.engine]))

    def _await_others(self) -> None:
        """Wait until a job has ended that a run before, or somebody else, has begun: one at a time."""
        over = time.monotonic() + LONGEST
        while True:
            running = [job for side in self._sides() for job in self._jobs(side) if job.is_running]
            if not running:
                return
            self._check_time(running[0], over)
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
        while True:
            job = next((each for each in self._jobs(self.teller) if each.name not in before), None)
            if job is None or not job.is_running:
                return self._end(part, job)
            self._check_time(job, over)
            time.sleep(POLL)

    def _end(self, part: Sequence[Range], job: Optional[SlotJob]) -> str:
        """Count what has gone over; return why nothing has."""
        if job is None:
            raise Interrupted(f"{self.names[self.teller != self.source]} knows nothing of its job any more", self.place)
        if job.is_cancelled:
            what = f"Somebody has cancelled the move of {self._shown(part)}"
            raise QuorumError(f"{what}{self._said(job.message)}", self.place, "No slot is open. Run again to go on")
        if not job.is_done:
            return self._judge_failure(part, job.message)
        client, moved = self.mover.get_client(self.target), self.mover.moved
        counts = client.send_together([("CLUSTER", "COUNTKEYSINSLOT", slot) for slot in sorted(slots_of(part))])
        moved.key_count += sum(parse_number(count) for count in counts)
        moved.slots += count_slots(part)
        moved.jobs += 1
        return ""

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

    def _judge_failure(self, part: Sequence[Range], message: str) -> str:
        """Return why a job failed in a cluster that is whole; in another one it is waited for."""
        what = f"The engine has not moved {self._shown(part)}{self._said(message)}"
        over = time.monotonic() + CALM
        while True:
            lacking = self.list_lacking()
            if not lacking:
                return what
            if time.monotonic() > over:
                raise Interrupted(f"{what}; {lacking[0]}", self.place)
            time.sleep(POLL)
