# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carry out a step that moves slots: with replicas held back, once more when a member is lost and comes back."""

from __future__ import annotations

import time
from typing import Callable, List, Optional, Sequence, Tuple, Union

from .._core.errors import QuorumError, Unreachable, Unsettled
from .._core.polling import until_settled
from .._model.cluster_open import SlotMove
from .._model.cluster_view import ClusterMember
from .._redis.endpoint import Endpoint
from .mover import Interrupted, Moved, Mover
from .no_failover import NoFailover
from .plan import ClusterPlanner, list_unanswered
from .steps import FinishMove, MoveSlots

TODO = "At most one slot is open. Run again with rebalance when its shard has a primary: it goes on from there"
TRIES = 3
RETURN = 30  # seconds for a service that is started again by its host; then a replica shall take over

Look = Callable[[], ClusterPlanner]
SlotStep = Union[FinishMove, MoveSlots]
View = Tuple[Sequence[ClusterMember], Optional[SlotMove]]


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
        move = step.move if isinstance(step, FinishMove) else step
        guard = NoFailover(
            self.endpoints, members, [position for position in (move.source, move.target) if position >= 0]
        )
        start = time.monotonic()
        try:
            guard.hold_back()
            self._try(step, members)
        finally:
            self.warnings += [f"A replica may not take over still, {text}" for text in guard.let_go()]
            self.seconds += time.monotonic() - start

    def _try(self, step: SlotStep, members: Sequence[ClusterMember]) -> None:
        rest = step.move if isinstance(step, FinishMove) else None
        for left in reversed(range(TRIES)):
            mover = Mover(self.endpoints, members, self.where, self.moved)
            try:
                mover.take_lock()
                if rest:
                    mover.do_move(rest)
                    mover.members = self.look().members
                if isinstance(step, MoveSlots):
                    mover.move_slots(step.source, step.target, step.ranges)
                return
            except (Interrupted, Unreachable) as problem:
                lost: QuorumError = problem
            finally:
                mover.close()
            members, rest = self._await_return(lost, left)

    def _await_return(self, lost: QuorumError, left: int) -> View:
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
            raise QuorumError(what, self.where, self.todo, problem.table) from None
        return seen.members, rest[0] if rest else None
