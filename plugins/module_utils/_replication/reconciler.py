# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module replication does with one data set: look, plan, give roles, wait until in sync."""

from __future__ import annotations

import time
from typing import Any, Dict, List, Optional, Set, Union

from .._core.errors import CommandFailed, QuorumError, Refused
from .._core.polling import until_done, until_settled
from .._core.reconcile import Module, Reconciler, Step
from .._model.observed import Observed
from .._model.tables import show_roles
from .._redis.client import connect
from .._redis.client_list import follow_server
from .._redis.observe import observe_all, observe_sentinels, read_places
from .election import Wish
from .interrupted import Repair, explain_restore, find_leftovers
from .plan import (
    Plan,
    Planner,
    is_blind,
    is_stuck,
    list_pending,
    list_silenced,
    list_strangers,
    list_syncing,
    list_unlinked,
)
from .prediction import assume_started, predict_members
from .repair import repair_member
from .steps import Follow, LookAgain, Promote, Relink, SentinelStep

SHORT = 30
STUCK = 60


class Replication(Reconciler[Planner]):
    """One data set."""

    def __init__(self, module: Module) -> None:
        """Take the options."""
        super().__init__()
        self.params: Dict[str, Any] = module.params
        self.check_mode = module.check_mode
        given = self.params
        if not given["members"]:
            raise QuorumError("No members are named", f"data set {given['name']}", "Name at least one in members")
        self.wish = Wish(
            given["name"],
            given["seed"] or given["members"][0]["host"],
            given["trust"] or "",
            given["mixed"],
            given["auth_user"] or "",
            given["auth_pass"] or "",
        )
        self.places, self.watchers = read_places(given)
        self.planned = Plan(Observed())
        self.repairs: List[Repair] = []

    def look_once(self) -> Planner:
        """Look at everybody once."""
        seen = observe_all(self.places)
        for member, given in zip(seen, self.params["members"]):
            member.other_port = given["other_port"] or 0
        views = observe_sentinels(self.watchers)
        return Planner(assume_started(seen) if self.check_mode else seen, views, self.wish)

    def observe(self) -> Planner:
        """Look until what passes by itself has passed; what a move that was cut short has left does not."""
        try:
            return until_settled(self.look_once, Planner.plan, self.params["wait"], SHORT)
        except Refused as problem:
            seen = self.look_once()
            explained = explain_restore(problem, seen.members, seen.views, self.wish.name)
            self.repairs = [] if explained is not problem else find_leftovers(seen.members, seen.views, self.wish.name)
            if not self.repairs:
                raise explained from None
            return seen

    def plan(self, obs: Planner) -> List[Step]:
        """Return the steps, or refuse."""
        if self.repairs:
            again = LookAgain(f"data set {self.wish.name}: look again, and give every member its role")
            return [*self.repairs, again]
        self.planned = obs.plan()
        self.warnings += self.planned.warnings + self._strangers(obs)
        return self.planned.steps

    def _strangers(self, obs: Planner) -> List[str]:
        """Return a warning for each replica that the inventory does not know: it may be a stale one."""
        # One whose address was corrected is listed by its former one, until its link is opened again.
        corrected = sum(isinstance(step, Relink) for step in self.planned.steps)
        return [
            f"{down.address}:{down.port} is a replica of {self.wish.name} and no member by the inventory; it was left "
            "alone. Declare it, or retire it"
            for down in list_strangers(obs, self.planned.primary)
        ][corrected:]

    def apply(self, step: Step) -> None:
        """Give one member its role, and let its file remember that."""
        if isinstance(step, Repair):
            with connect(dict(self.places)[step.member]) as client:
                repair_member(client, step)
        elif isinstance(step, LookAgain):
            self.repairs = []
            for each in self.plan(self.observe()):
                self.apply(each)
        elif isinstance(step, SentinelStep):
            with connect(dict(self.watchers)[step.sentinel]) as client:
                client.secrets += step.secrets
                client.send_together(step.commands)
        elif isinstance(step, Relink):
            with connect(dict(self.places)[step.member]) as client:
                client.call("CLIENT", "KILL", "TYPE", "master")
            self._await_link(step.member)
        elif isinstance(step, (Promote, Follow)):
            self._give_role(step)

    def _give_role(self, step: Union[Promote, Follow]) -> None:
        primary = self.planned.primary
        place = dict(self.places)[step.member]
        with connect(place) as client:
            if isinstance(step, Promote):
                client.call("REPLICAOF", "NO", "ONE")
            else:
                follow_server(client, primary.address, primary.port)
            try:
                client.call("CONFIG", "REWRITE")
            except CommandFailed as problem:
                raise QuorumError(
                    f"{step.member} has its new role but cannot write it down: {problem.text}",
                    str(place),
                    "Make its configuration file writable, then run again",
                ) from None
        if isinstance(step, Follow) and step.linked:  # one after the other, so that there is always one in sync
            self._await_link(step.member)

    def _await_link(self, name: str) -> None:
        def missing(seen: Planner) -> List[str]:
            return [why for host, why in list_unlinked(seen, self.planned.primary).items() if host == name]

        todo = "Read its log (certificate, network), then run again; the other members were not moved"
        until_done(self.look_once, missing, self.look_once(), self.params["wait"], f"data set {self.wish.name}", todo)

    def settle(self, before: Planner, steps: List[Step]) -> Planner:
        """Wait until every replica that could be observed is in sync, not for long where nothing comes of it."""
        where, todo = (
            f"data set {self.wish.name}",
            "Read the log of these members (masterauth, network, disk), then run again",
        )
        hope, answered = time.monotonic(), {member.host for member in before.seen}
        syncing: Set[str] = set()

        def missing(seen: Planner) -> List[str]:
            nonlocal hope, syncing
            syncing = list_syncing(seen, syncing)
            answered.update(member.host for member in seen.seen)
            waits = list_pending(seen, self.planned.primary) + list_silenced(seen, answered)
            if not is_stuck(seen, self.planned.primary, syncing):
                hope = time.monotonic()
            elif waits and time.monotonic() - hope > STUCK:
                raise QuorumError(f"After {STUCK} s: {'; '.join(waits)}", where, todo)
            return waits

        return until_done(
            self.look_once, missing, self.look_once() if steps else before, self.params["wait"], where, todo
        )

    def result(self, obs: Planner, steps: List[Step]) -> Dict[str, Any]:
        """Return the set as it is."""
        chosen = self.planned.primary
        then = predict_members(obs.members, self.planned) if self.check_mode else obs.members
        predicted = Planner(then, obs.views, self.wish)
        return {
            "primary": {"host": chosen.host, "address": chosen.address, "port": chosen.port},
            "members": [member.to_dict() for member in obs.members],
            "silent_members": [member.name for member in obs.members if not member.reachable],
            "waiting": list_pending(predicted, chosen),
            "silent_sentinels": [view.name for view in obs.views if not view.reachable],
            **self._blind(obs),
        }

    def _blind(self, obs: Planner) -> Dict[str, List[str]]:
        """Return the Sentinels of which nobody has to wait for another when they are restarted."""
        blind = [view.name for view in obs.views if is_blind(view, self.wish.name)]
        return {"blind_sentinels": blind} if self.watchers else {}

    def diff(self, before: Planner, after: Optional[Planner], steps: List[Step]) -> List[Dict[str, str]]:
        """Return the roles before and after."""
        then = after.members if after else predict_members(before.members, self.planned)
        return [{"before": show_roles(before.members), "after": show_roles(then)}] if steps else []
