# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module cluster_repair does: look, say what is damaged and what it takes, do it when that is confirmed."""

from __future__ import annotations

import copy
import time
from typing import Any, Dict, List

from .._core.errors import QuorumError, Refused
from .._core.polling import until_done, until_settled
from .._core.reconcile import Module, Reconciler, Step
from .._model.cluster_open import list_open
from .._model.cluster_view import (
    by_id,
    list_answering,
    list_contested,
    list_disagreements,
    list_unclaimed,
    open_slots,
)
from .._redis.client import connect
from .census import Census
from .damage import Diagnosis, diagnose_cluster
from .observe import count_keys, observe_cluster
from .plan import ClusterPlanner, ip_of, list_pending, list_unmet
from .reconciler import REACH, SHORT, Cluster, tell_member
from .steps import FinishMove, ForceTakeOver, JoinAgain, TellMember
from .transfer import Transfer

STILL = 3.0  # seconds in which whoever moves slots by hand opens or closes one
AGAIN = "Run again without a confirmation: it shows what is left"


class Repairer(Reconciler[Census]):
    """One cluster with damage."""

    def __init__(self, module: Module) -> None:
        """Take the options."""
        super().__init__()
        self.params, self.check_mode = module.params, module.check_mode
        part = copy.copy(module)
        unasked = {"repair": False, "rebalance": False, "whole": False}
        part.params = {**module.params, **unasked, **{key: [] for key in ("promote", "avoid", "leave", "forget")}}
        cluster = Cluster(part)
        self.where, self.places, self.zones = cluster.where, cluster.places, cluster.zones
        self.transfer = Transfer([endpoint for _name, endpoint in self.places], self.where, self._planner)
        self.gone: List[str] = module.params["gone"]
        self.diagnosis = Diagnosis()

    def look_once(self) -> Census:
        """Look at everybody once, and count the keys of slots that are open or nobody's."""
        members = observe_cluster(self.places, self.zones)
        if list_answering(members):
            count_keys(self.places, members, list_open(members) | list_unclaimed(members))
        return Census(members, self.gone, self.params["replicas"], self.where)

    def _planner(self) -> ClusterPlanner:
        return ClusterPlanner(self.look_once().members, self.params["name"], self.params["replicas"])

    def observe(self) -> Census:
        """Look until what passes by itself has passed; slots that somebody moves now are left to that."""
        census = until_settled(self.look_once, diagnose_cluster, self.params["wait"], SHORT)
        over = time.monotonic() + STILL
        marks = open_slots(census.members)
        while marks and time.monotonic() < over:
            time.sleep(0.2)
            now = open_slots(self.look_once().members)
            if now != marks:
                shown = "; ".join([*marks, *now][:4])
                what = f"Somebody moves slots at this moment: {shown}"
                raise Refused(what, self.where, "Let that end, then run again")
        return census

    def plan(self, obs: Census) -> List[Step]:
        """Return the steps when they are confirmed; the word says what is given up."""
        self.diagnosis = diagnose_cluster(obs)
        wanted, given = self.diagnosis.word_for(self.params["name"]), self.params["confirm"]
        if wanted and given and given != wanted:
            what = f"{given} is not what is given up now: {self.diagnosis.damage[0].gives_up}"
            raise Refused(what, self.where, f"Nothing was changed. To go on, confirm with {wanted}", obs.table)
        self.warnings += self.diagnosis.rest
        return self.diagnosis.steps if given else []

    def apply(self, step: Step) -> None:
        """Do one step, on the cluster as it is by then."""
        if isinstance(step, ForceTakeOver):
            self._take_over(step)
        elif isinstance(step, FinishMove):
            self.transfer.carry_out(step, self.look_once().members)
        elif isinstance(step, JoinAgain):
            self._join(step)
        elif isinstance(step, TellMember):
            tell_member(self.places[step.member][1], step)

    def _take_over(self, step: ForceTakeOver) -> None:
        """Let one replica take over, and wait until everybody sees that: the next one gets a later epoch."""
        census = self.look_once()
        back = by_id(census.members).get(step.primary_id)
        if back:
            raise Refused(f"{back.name} answers again", self.where, AGAIN, census.table)
        missing = [each for each in census.owners if each.id == step.primary_id]
        if not missing:
            return  # with the ones before there was a majority, which has elected somebody
        census.refuse_living(missing[0])
        with connect(self.places[step.member][1]) as client:
            client.call("CLUSTER", "FAILOVER", "TAKEOVER")

        def lacking(seen: Census) -> List[str]:
            member = seen.members[step.member]
            if not member.slots or member.own.is_replica:
                return [f"{member.name} is a replica still"]
            return list_disagreements(seen.members)

        self._wait(lacking)

    def _join(self, step: JoinAgain) -> None:
        """Let a member join once it answers: the start guard held it back as long as the others knew who it was."""

        def absent(seen: Census) -> List[str]:
            member = seen.members[step.member]
            return [] if member.id else [f"{member.name} does not answer: {member.server.error}"]

        self.gone = []  # it comes back by now, as somebody else
        todo = "Nothing else is left to do. quorum.redis.site starts it and lets it join"
        census = self._wait(absent, todo)
        member, primary = census.members[step.member], by_id(census.members)[step.primary_id]
        if not member.is_blank and not member.peers:
            raise Refused(f"{member.name} is not empty", self.where, "Save what it holds elsewhere and empty it")
        if not member.peers:
            hub = census.members.index(primary)
            bus = [member.own.bus_port] if member.own.bus_port else []
            with connect(self.places[hub][1]) as client:
                client.call("CLUSTER", "MEET", ip_of(member), member.server.port, *bus)
        self._wait(lambda seen: list_unmet(self._as_planner(seen)))
        with connect(self.places[step.member][1]) as client:
            client.call("CLUSTER", "REPLICATE", step.primary_id)

    def _as_planner(self, seen: Census) -> ClusterPlanner:
        return ClusterPlanner(seen.members, self.params["name"], self.params["replicas"])

    def _wait(self, lacking: Any, todo: str = REACH) -> Census:
        return until_done(self.look_once, lacking, self.look_once(), min(self.params["wait"], SHORT), self.where, todo)

    def settle(self, before: Census, steps: List[Step]) -> Census:
        """Wait until all members that answer agree, and the cluster serves again where all slots have an owner."""
        if not steps:
            return before
        over = self.diagnosis.damage[0].kind == "majority"

        def lacking(seen: Census) -> List[str]:
            members = seen.members
            if over and list_unclaimed(members):
                return [*list_contested(members), *list_disagreements(members)]
            return [*list_pending(self._as_planner(seen)), *open_slots(members)]

        after = until_done(self.look_once, lacking, self.look_once(), self.params["wait"], self.where, AGAIN)
        self.warnings += self.transfer.warnings
        try:
            left = diagnose_cluster(after)
            self.warnings += [f"There is more to repair, run again: {each.what}" for each in left.damage] + left.rest
        except QuorumError as problem:
            self.warnings.append(f"There is more to repair, run again: {problem.what}")
        return after

    def result(self, obs: Census, steps: List[Step]) -> Dict[str, Any]:
        """Return what is damaged, what mends it, and the word that lets it be done."""
        return {
            "damage": [
                {
                    "kind": each.kind,
                    "what": each.what,
                    "gives_up": each.gives_up,
                    "steps": [step.text for step in each.steps],
                }
                for each in self.diagnosis.damage
            ],
            "confirmation": self.diagnosis.word_for(self.params["name"]),
            "moved_keys": self.transfer.moved.key_count,
        }
