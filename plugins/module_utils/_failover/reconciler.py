# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module failover does with one data set: look, plan, repair what is left of another move, move."""

from __future__ import annotations

import time
from typing import Any, Dict, List, Optional

from .._core.errors import QuorumError, Refused, Unsettled
from .._core.polling import until_settled
from .._core.reconcile import Module, Reconciler, Step
from .._model.observed import Observed
from .._model.tables import show_roles
from .._model.verdicts import tell_verdict
from .._redis.client import connect
from .._redis.observe import (
    observe_all,
    observe_sentinels,
    read_places,
)
from .._replication.interrupted import Repair, ResetSetting, find_leftovers
from .._replication.lock import check_lock
from .._replication.repair import repair_member
from .execute import Mover
from .preflight import Preflight
from .steps import Move, MoveLater, Plan

SHORT = 20


class Failover(Reconciler[Preflight]):
    """One data set."""

    def __init__(self, module: Module) -> None:
        """Take the options."""
        super().__init__()
        given: Dict[str, Any] = module.params
        self.wait: int = given["wait"]
        asked = ("name", "avoid", "zones", "max_lag", "limit", "method", "mixed", "dead_primary")
        self.move = Move(to=given["to"] or "", **{key: given[key] for key in asked})
        self.places, self.watchers = read_places(given)
        self.planned: Optional[Plan] = None
        self.mover: Optional[Mover] = None
        self.refused = False

    def observe(self) -> Preflight:
        """Look at everybody, and again while what stands in the way passes by itself.

        What is refused may be the middle of a move of somebody else, which is over by now: that is looked at again.
        """
        seen = until_settled(self.look_once, self.judge_look, self.wait, SHORT)
        if self.refused:
            self.refuse_others(seen)
            seen = self.look_once()
        return seen

    def refuse_others(self, obs: Preflight) -> None:
        """Refuse when another operation is at work on a member."""
        check_lock([place for place, member in zip(self.places, obs.members) if member.reachable], self.move.name)

    def judge_look(self, obs: Preflight) -> None:
        """Say whether it is worth looking again; every other refusal belongs to the plan."""
        if self.move.dead_primary or find_leftovers(obs.members, obs.views, self.move.name):
            return
        try:
            obs.plan()
        except Unsettled:
            raise
        except QuorumError:
            self.refused = True

    def look_once(self) -> Preflight:
        """Look at everybody once."""
        seen = observe_all(self.places, config=True)
        return Preflight(seen, observe_sentinels(self.watchers), self.move)

    def plan(self, obs: Preflight) -> List[Step]:
        """Return the steps, or refuse."""
        self.refuse_others(obs)
        repairs = find_leftovers(obs.members, obs.views, self.move.name)
        if any(not isinstance(step, ResetSetting) for step in repairs):
            return [*repairs, MoveLater(f"data set {self.move.name}: look again, then move as asked for")]
        return [*repairs, *self.decide_move(obs)]

    def decide_move(self, obs: Preflight) -> List[Step]:
        """Return the steps of the move, and get ready for them."""
        self.planned = obs.plan_unplanned() if self.move.dead_primary else obs.plan()
        self.warnings += self.planned.warnings
        awake = [place for place, view in zip(self.watchers, obs.views) if view.reachable]
        if self.planned.method:
            self.mover = Mover(self.planned, self.move.name, self.places, awake, self.wait)
        return self.planned.steps

    def apply(self, step: Step) -> None:
        """Do one step: of a repair, of the move, or the move after a repair."""
        if isinstance(step, Repair):
            with connect(dict(self.places)[step.member]) as client:
                repair_member(client, step)
        elif isinstance(step, MoveLater):
            for each in self._again():
                self.apply(each)
        elif self.mover is not None and self.planned is not None:
            self.mover.do_step(step, step is self.planned.steps[-1])

    def _again(self) -> List[Step]:
        """Return the steps of the move once what was repaired has come to rest."""
        over = time.monotonic() + min(self.wait, SHORT)
        while True:
            try:
                return self.decide_move(self.look_once())
            except Refused:
                if time.monotonic() > over:
                    raise
            time.sleep(0.5)

    def result(self, obs: Preflight, steps: List[Step]) -> Dict[str, Any]:
        """Return who was and is the primary, and how the move went."""
        if self.planned is None:
            return {}
        now = self.planned.target if self.planned.method else self.planned.old
        answer: Dict[str, Any] = {
            "primary": _named(now),
            "old_primary": _named(self.planned.old),
            "method": self.planned.method,
        }
        if self.mover and self.mover.timings:
            self.warnings += self.mover.warnings
            answer.update(timings=self.mover.timings, offsets=self.mover.offsets, **self.mover.measure_gaps())
        if self.mover is None or self.mover.timings:  # else it is check mode
            verdict = {"moved": self.mover is not None, "from": self.planned.old.host, "to": now.host}
            verdict.update({"gap_ms": answer["gap_ms"]} if "gap_ms" in answer else {})
            answer.update(tell_verdict("redis_moved", {self.move.name: verdict}))
        return answer

    def diff(self, before: Preflight, after: Optional[Preflight], steps: List[Step]) -> List[Dict[str, str]]:
        """Return the roles before and after."""
        then = show_roles(after.members) if after else "".join(step.text + "\n" for step in steps)
        return [{"before": show_roles(before.members), "after": then}] if steps else []


def _named(member: Observed) -> Dict[str, Any]:
    return {"host": member.host, "address": member.address, "port": member.port}
