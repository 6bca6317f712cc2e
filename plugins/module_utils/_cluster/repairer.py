# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module cluster_repair does: look, say what is damaged and what it takes, do it when that is confirmed."""

from __future__ import annotations

import copy
import time
from typing import Any, Dict, List

from .._core.errors import CommandFailed, QuorumError, Refused
from .._core.polling import until_done, until_settled
from .._core.reconcile import Module, Reconciler, Step
from .._model.cluster_open import keep_marks, list_open
from .._model.cluster_view import by_id, list_answering, list_disagreements, list_unclaimed, open_slots
from .._redis.client import connect
from .census import Census
from .damage import Diagnosis, decide_run, diagnose_cluster, list_named, list_unmended
from .observe import count_keys, observe_cluster
from .pending import list_unmet
from .plan import ClusterPlanner, ip_of
from .reconciler import REACH, SHORT, Cluster, tell_member
from .steps import FinishMove, ForceTakeOver, JoinAgain, TellMember
from .transfer import Transfer

STILL = 3.0  # seconds in which whoever moves slots by hand opens or closes one
AGAIN = "Run again without a confirmation: it shows what is left"
CUT_SHORT = "The slot is open still. Run quorum.redis.repair again when its shard has a primary: it goes on from there"


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
        self.transfer = Transfer([endpoint for _name, endpoint in self.places], self.where, self._planner, CUT_SHORT)
        self.diagnosis = Diagnosis()
        self.closing = -1  # the slot that is being closed
        self.taken = -1  # who was told to take over last

    def look_once(self) -> Census:
        """Look at everybody once, and count the keys of slots that are open or nobody's."""
        members = observe_cluster(self.places, self.zones)
        if list_answering(members):
            count_keys(self.places, members, list_open(members) | list_unclaimed(members))
        return Census(members, self.params["gone"], self.params["replicas"], self.where)

    def _planner(self) -> ClusterPlanner:
        """Return what lets a move that was cut short be resumed: that of one slot, whatever else is open."""
        members = keep_marks(self.look_once().members, self.closing)
        return ClusterPlanner(members, self.params["name"], self.params["replicas"], rebalance=True)

    def _decide(self, seen: Census) -> Diagnosis:
        return decide_run(seen, self.params["name"], self.params["confirm"])

    def observe(self) -> Census:
        """Look until what passes by itself has passed; slots that somebody moves now are left to that."""
        census = until_settled(self.look_once, self._decide, self.params["wait"], SHORT)
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
        self.diagnosis = self._decide(obs)
        self.warnings += self.diagnosis.rest
        return self.diagnosis.steps if self.params["confirm"] else []

    def apply(self, step: Step) -> None:
        """Do one step, on the cluster as it is by then."""
        self._await_taken()
        if isinstance(step, ForceTakeOver):
            self._take_over(step)
        elif isinstance(step, FinishMove):
            self.closing = step.move.slot
            self.transfer.carry_out(step, self.look_once().members)
        elif isinstance(step, JoinAgain):
            self._join(step)
        elif isinstance(step, TellMember):
            tell_member(self.places[step.member][1], step)

    def _take_over(self, step: ForceTakeOver) -> None:
        """Let one replica take over."""
        census = self.look_once()
        back = by_id(census.members).get(step.primary_id)
        if back:
            raise Refused(f"{back.name} answers again", self.where, AGAIN, census.table)
        missing = [each for each in census.owners if each.id == step.primary_id]
        if not missing:
            return  # with the ones before there was a majority, which has elected somebody
        census.refuse_living(census.absent)
        if step.member not in census.followers_of(missing[0]):
            what = f"{census.members[step.member].name} does not follow {census.name_of(missing[0])} any more"
            raise Refused(what, self.where, AGAIN, census.table)
        with connect(self.places[step.member][1]) as client:
            try:
                client.call("CLUSTER", "FAILOVER", "TAKEOVER")
            except CommandFailed as problem:
                if "to a replica" not in problem.text:  # else it was elected in this moment
                    raise
        self.taken = step.member

    def _await_taken(self) -> None:
        """Wait until everybody sees who has taken over: the next one gets a later epoch."""
        position, self.taken = self.taken, -1

        def lacking(seen: Census) -> List[str]:
            member = seen.members[position]
            if not member.slots or member.own.is_replica:
                return [f"{member.name} is a replica still"]
            return list_disagreements(seen.members, frozenset(list_open(seen.members)))

        if position >= 0:
            self._wait(lacking)

    def _join(self, step: JoinAgain) -> None:
        """Let a member join once it answers: the start guard held it back as long as the others knew who it was."""

        def absent(seen: Census) -> List[str]:
            member = seen.members[step.member]
            return [] if member.id else [f"{member.name} does not answer: {member.server.error}"]

        try:
            census = self._wait(absent)
        except QuorumError as problem:
            self.warnings.append(f"{problem.what}. It has not joined: quorum.redis.site starts it and lets it join")
            return
        member, primary = census.members[step.member], by_id(census.members).get(step.primary_id)
        if primary is None:
            what = f"The primary that {member.name} was to follow does not answer any more"
            raise Refused(what, self.where, "Run again when it does, or when it has a successor")
        if not member.is_blank and not member.peers:
            raise Refused(f"{member.name} is not empty", self.where, "Save what it holds elsewhere and empty it")
        if member.peers and not any(node.id == member.id for node in primary.peers):
            todo = "Stop it, empty its data directory, and run quorum.redis.site: it joins as somebody else then"
            raise Refused(f"{member.name} is back as it was, and the others have forgotten it", self.where, todo)
        if not member.peers:
            hub = census.members.index(primary)
            bus = [member.own.bus_port] if member.own.bus_port else []
            with connect(self.places[hub][1]) as client:
                client.call("CLUSTER", "MEET", ip_of(member), member.server.port, *bus)
        self._wait(lambda seen: list_unmet(self._those_with(seen, step.member)))
        with connect(self.places[step.member][1]) as client:
            client.call("CLUSTER", "REPLICATE", step.primary_id)

    def _those_with(self, seen: Census, joining: int) -> ClusterPlanner:
        """Return the members without those that have not joined, and are not joining."""
        inside = [each for position, each in enumerate(seen.members) if position == joining or not each.is_blank]
        return ClusterPlanner(inside, self.params["name"], self.params["replicas"])

    def _wait(self, lacking: Any, todo: str = REACH) -> Census:
        return until_done(self.look_once, lacking, self.look_once(), min(self.params["wait"], SHORT), self.where, todo)

    def settle(self, before: Census, steps: List[Step]) -> Census:
        """Wait until all members that answer agree, and the cluster serves again where all slots have an owner."""
        if not steps:
            return before
        self._await_taken()
        kind = self.diagnosis.damage[0].kind
        joined = {step.member for step in steps if isinstance(step, JoinAgain)}

        def lacking(seen: Census) -> List[str]:
            return list_unmended(seen, kind, joined)

        after = until_done(self.look_once, lacking, self.look_once(), self.params["wait"], self.where, AGAIN)
        self.warnings += self.transfer.warnings + list_named(after, joined)
        try:
            left = diagnose_cluster(after, asked=False)
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
