# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carry out a step that moves slots: with replicas held back, once more when a member is lost and comes back."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Callable, List, Optional, Sequence, Tuple, TypeVar, Union

from .._core.errors import AuthFailed, QuorumError, Unreachable, Unsettled
from .._core.polling import until_settled
from .._model.cluster_open import SlotMove
from .._model.cluster_slots import Range, count_slots, slots_of
from .._model.cluster_view import ClusterMember, list_answering
from .._model.slot_jobs import FAILURES, choose_engine
from .._model.tables import count_of
from .._redis.endpoint import Endpoint
from .job_mover import JobMover
from .mover import Interrupted, Moved, Mover
from .no_failover import NoFailover
from .pending import list_pending, list_unanswered
from .plan import ClusterPlanner
from .steps import FinishMove, MoveSlots

TODO = "At most one slot is open. Run again with rebalance when its shard has a primary: it goes on from there"
RUN_AGAIN = "No slot is open. Run again with rebalance when all members are there: it goes on from there"
TRIES = 3
RETURN = 30  # seconds for a service that is started again by its host; then a replica shall take over

Look = Callable[[], ClusterPlanner]
SlotStep = Union[FinishMove, MoveSlots]
View = Tuple[Sequence[ClusterMember], Optional[SlotMove]]
Done = TypeVar("Done")


class Transfer:
    """What has been moved in this run."""

    def __init__(self, endpoints: Sequence[Endpoint], where: str, look: Look, todo: str = TODO) -> None:
        """Take where the members are, how to look at them again, and what is to be done about a move cut short."""
        self.endpoints, self.where, self.look, self.todo = endpoints, where, look, todo
        self.moved = Moved()
        self.seconds = 0.0
        self.warnings: List[str] = []

    def carry_out(self, step: SlotStep, members: Sequence[ClusterMember]) -> None:
        """Move slots, or finish a move that was cut short."""
        start = time.monotonic()
        primaries = [member.server for member in list_answering(members) if not member.own.is_replica]
        engine = choose_engine((server.engine, server.version) for server in primaries)
        try:
            if isinstance(step, MoveSlots) and engine:
                step, members = self._let_engine(engine, step, members)
            if isinstance(step, FinishMove) or step.ranges:
                self._move_keys(step, members)
        finally:
            self.seconds += time.monotonic() - start

    def _let_engine(
        self, engine: str, step: MoveSlots, members: Sequence[ClusterMember]
    ) -> Tuple[MoveSlots, Sequence[ClusterMember]]:
        """Let the engine move slots; return what it could not move, and the members as they are then."""

        def lacking() -> List[str]:
            seen = self.look()
            return [*list_unanswered(seen), *list_pending(seen)]

        ahead = slots_of(step.ranges)

        def work(mover: Mover, _rest: Optional[SlotMove]) -> List[Range]:
            jobs = JobMover(mover, engine, step.source, step.target, lacking)
            try:
                left = jobs.move_slots(step.ranges, ahead)
                why = f"{jobs.why}; so it was {FAILURES} times"
            except AuthFailed as problem:  # before the first job, as whoever may not begin one, or see it
                left, why = list(step.ranges), f"The engine was not let move slots: {problem.what}"
            if left:
                self.warnings.append(f"{why}, and {count_of(count_slots(left), 'slot')} went key by key")
            return left

        left = self._try(work, members, None, RUN_AGAIN)
        return replace(step, ranges=left), self.look().members if left else members

    def _move_keys(self, step: SlotStep, members: Sequence[ClusterMember]) -> None:
        """Move slots key by key; no replica takes over meanwhile where it would not know of the move."""
        move = step.move if isinstance(step, FinishMove) else step
        sides = [position for position in (move.source, move.target) if position >= 0]
        guard = NoFailover(self.endpoints, members, sides)

        def work(mover: Mover, rest: Optional[SlotMove]) -> None:
            if rest:
                mover.do_move(rest)
                mover.members = self.look().members
            if isinstance(step, MoveSlots):
                mover.move_slots(step.source, step.target, step.ranges)

        try:
            guard.hold_back()
            self._try(work, members, step.move if isinstance(step, FinishMove) else None, self.todo)
        finally:
            self.warnings += [f"A replica may not take over still, {text}" for text in guard.let_go()]

    def _try(
        self,
        work: Callable[[Mover, Optional[SlotMove]], Done],
        members: Sequence[ClusterMember],
        rest: Optional[SlotMove],
        todo: str,
    ) -> Done:
        """Do something; when a member is lost and comes back, once more."""
        for left in reversed(range(TRIES)):
            mover = Mover(self.endpoints, members, self.where, self.moved)
            try:
                mover.take_lock()
                return work(mover, rest)
            except (Interrupted, Unreachable) as problem:
                lost: QuorumError = problem
            finally:
                mover.close()
            members, rest = self._await_return(lost, left, todo)
        raise lost

    def _await_return(self, lost: QuorumError, left: int, todo: str) -> View:
        """Wait until everybody is there again, and return what is left of the slot that was open."""

        def judge(seen: ClusterPlanner) -> None:
            if list_unanswered(seen):
                raise Unsettled("; ".join(list_unanswered(seen)))
            seen.left_open()

        try:
            if not left:
                raise lost
            seen = until_settled(self.look, judge, RETURN, RETURN)
            rest = seen.left_open()
        except QuorumError as problem:
            then = "" if problem is lost else f" ({lost.where}), and then: {problem.what}"
            what = f"The move of slots was cut short: {lost.what}{then}"
            raise QuorumError(what, self.where, todo, problem.table) from None
        return seen.members, rest[0] if rest else None
