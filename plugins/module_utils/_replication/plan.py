# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who must follow the primary, and by which steps; pure. Where that would overwrite data it refuses."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, List, Set

from .._core.errors import (
    QuorumError,
    Refused,
    Unsettled,
)
from .._core.reconcile import Step
from .._model.observed import NOT_YET, Downstream, Observed, SentinelView
from .._model.tables import show_followed, show_place
from .._model.versions import cannot_read
from .election import Election
from .steps import Follow, ForgetSet, MemberStep, NamePrimary, Promote, Relink


@dataclass
class Plan:
    """The primary of the set, and what makes the set true."""

    primary: Observed
    steps: List[Step] = field(default_factory=list)
    warnings: List[str] = field(default_factory=list)


class Planner(Election):
    """Decides who must follow the primary of one data set."""

    def plan_steps(self, primary: Observed, overwrite: bool = False) -> List[Step]:
        """Return what makes the others follow the primary; refuse where that would overwrite data."""
        others = [member for member in self.seen if member is not primary]
        foreign = [
            member
            for member in others
            if not self.is_contained(member, primary) and (primary.empty or not self.is_following(member, primary))
        ]
        if foreign and not overwrite:
            self._refuse(
                f"{', '.join(f'{each.name} holds {each.key_count} keys' for each in foreign)} that are not those of "
                f"the primary {primary.name} and would be overwritten"
            )
        steps: List[Step] = []
        if primary.role != "primary":
            steps.append(Promote(f"{show_place(primary)}: become the primary", primary.name))
        for member in others:
            if not self.is_following(member, primary):
                was = "a primary" if member.role == "primary" else f"following {show_followed(member, self.members)}"
                text = f"{show_place(member)}: follow {show_place(primary)}, now {was}"
                steps.append(Follow(text, member.name, self._behind(member, primary)))
        steps += [
            Relink(
                f"{show_place(member)}: open the link to {primary.name} again, which lists it by a former address",
                member.name,
            )
            for member in others
            if self._renamed(member, primary)
        ]
        moves = any(isinstance(step, Follow) and step.linked for step in steps)
        return [*self._forgotten(primary, moves), *steps]

    def _renamed(self, member: Observed, primary: Observed) -> bool:
        """Return whether the primary lists a replica by a former address, which is told at the handshake only."""
        strange = [
            down
            for down in primary.replicas
            if not any(other.is_known_by(down.address, down.port) for other in self.members)
        ]
        listed = any(member.is_known_by(down.address, down.port) for down in primary.replicas)
        return bool(strange) and not listed and self.is_following(member, primary) and self._linked(member)

    @staticmethod
    def _behind(member: Observed, primary: Observed) -> bool:
        """Return whether a member follows this primary, by the port that peers are not to use any more."""
        return member.primary is not None and primary.is_behind(member.primary.address, member.primary.port)

    def _forgotten(self, primary: Observed, moves: bool) -> List[Step]:
        """Return the steps after which no Sentinel leads anybody back to the other port; all must be there for that."""
        stale = [view for view in self.views if view.reachable and self._stale(view, primary)]
        silent = [view.name for view in self.views if not view.reachable]
        if silent and (stale or moves):
            self._refuse(
                f"The members are to use another port among themselves, and {', '.join(silent)} cannot be told: a "
                "Sentinel that comes back with the old one would lead them back",
                "Bring every Sentinel back, then run again; no member was moved",
            )
        # All forget it before one is told anew, or the others would teach it the old port again. Redis 6.0 is told when
        # it speaks TLS: it stays with a connection that it has opened without a password.
        renewals = [self._told(view, primary) for view in stale if not view.version.startswith("6.0.")]
        return [*(self._forget(view) for view in stale), *renewals]

    def _forget(self, view: SentinelView) -> Step:
        text = f"Sentinel {view.name}: stop monitoring {self.wish.name} at the other port; nobody fails over meanwhile"
        commands = [["SENTINEL", "REMOVE", self.wish.name]]
        return ForgetSet(text, view.name, commands)

    def _told(self, view: SentinelView, primary: Observed) -> Step:
        """Let clients that ask be answered, before the Sentinel itself is restarted and can speak to that port.

        With its login at once: it sees the primary as soon as it is restarted, and some clients take it from no other.
        """
        name, known = self.wish.name, view.masters[self.wish.name]
        login = {"auth-user": self.wish.auth_user, "auth-pass": self.wish.auth_pass}
        options = {"down-after-milliseconds": str(NOT_YET), **{key: value for key, value in login.items() if value}}
        commands = [
            ["SENTINEL", "MONITOR", name, known.address, str(primary.port), str(known.quorum)],
            ["SENTINEL", "SET", name, *(word for pair in options.items() for word in pair)],
        ]
        text = f"Sentinel {view.name}: name {show_place(primary)} as the primary of {name}, and do not fail over yet"
        secrets = [self.wish.auth_pass] if self.wish.auth_pass else []
        return NamePrimary(text, view.name, commands, secrets)

    def _stale(self, view: SentinelView, primary: Observed) -> bool:
        ballot = view.masters.get(self.wish.name)
        return ballot is not None and primary.is_behind(ballot.address, ballot.port)

    def plan_trusted(self, problem: Refused) -> Plan:
        """Return the plan that the trusted member allows, in place of a refusal."""
        trusted = [member for member in self.seen if member.host == self.wish.trust and not member.loading]
        if not trusted:
            self._refuse(f"{self.wish.trust}, named by redis_trust, is no member that can be observed", problem.todo)
        if trusted[0].empty and any(not member.empty for member in self.seen):
            self._refuse(
                f"{self.wish.trust}, named by redis_trust, holds no key while others hold data",
                "Name a member that holds the data; nothing was changed",
            )
        return Plan(
            trusted[0],
            self.plan_steps(trusted[0], overwrite=True),
            [
                f"{self.wish.trust} is the primary because redis_trust says so: {problem.what}. "
                f"Remove redis_trust after this run."
            ],
        )

    def plan(self) -> Plan:
        """Return the whole plan."""
        self.check_members()
        try:
            primary = self.elect_primary()
            plan = Plan(primary, self.plan_steps(primary))
        except Refused as problem:
            moving = isinstance(problem, Unsettled) and problem.patient and self._moving()
            if not self.wish.trust or moving or self.find_contradiction():
                raise
            plan = self.plan_trusted(problem)
        self._readable(plan)
        plan.warnings += [
            f"{show_place(member)} was left out: {member.error}" for member in self.members if not member.reachable
        ]
        return plan

    def _readable(self, plan: Plan) -> None:
        """Refuse members that would wait for ever, because they cannot load what this primary sends them."""
        primary = plan.primary
        waiting = [
            member for member in self.seen if member.version and member is not primary and not self._linked(member)
        ]
        deaf = [
            member
            for member in waiting
            if primary.version and cannot_read(primary.engine, primary.version, member.engine, member.version)
        ]
        if self.wish.mixed:
            left = [member.name for member in deaf]
            plan.steps = [step for step in plan.steps if not (isinstance(step, MemberStep) and step.member in left)]
        elif deaf:
            named = ", ".join(f"{member.name} (its version is {member.engine} {member.version})" for member in deaf)
            self._refuse(
                f"{named} cannot load the data of the primary {primary.name}, {primary.engine} {primary.version}",
                "No member was moved. Bring all members to one version: the same release of the system or "
                "redis_version, and quorum.redis.upgrade for those that run",
            )

    @staticmethod
    def _linked(member: Observed) -> bool:
        return member.primary is not None and member.primary.link == "up"

    def _moving(self) -> bool:
        return any("failover_in_progress" in ballot.flags for ballot in self.ballots)


def is_blind(view: SentinelView, name: str) -> bool:
    """Return whether a Sentinel that answers watches nobody of a set, or was only told the primary."""
    watched = view.masters.get(name)
    return view.reachable and (watched is None or watched.down_after == NOT_YET)


def is_full(member: Observed) -> bool:
    """Return whether a member could not write to its disk: without room it cannot take a full synchronisation."""
    return any(member.persistence.get(key, "ok") != "ok" for key in ("rdb_last_bgsave_status", "aof_last_write_status"))


def list_unlinked(planner: Planner, chosen: Observed) -> Dict[str, str]:
    """Return who follows the primary and is not in sync with it: name and a sentence."""
    primary = planner.find_own(chosen)
    unlinked: Dict[str, str] = {}
    for member in planner.seen:
        there = not member.primary or (member.primary.link == "up" and not member.primary.sync_in_progress)
        if member is not primary and planner.is_following(member, primary) and not there:
            why = ", and could not write to its disk, which may be full or read-only" if is_full(member) else ""
            unlinked[member.name] = f"{member.name} has no link to {primary.name}{why}"
    return unlinked


def list_strangers(planner: Planner, primary: Observed) -> List[Downstream]:
    """Return the replicas of the primary that are no members."""
    return [
        down
        for down in primary.replicas
        if not any(member.is_known_by(down.address, down.port) for member in planner.members)
    ]


def list_pending(planner: Planner, chosen: Observed) -> List[str]:
    """Return who is not there yet, a sentence for each; members that cannot be observed do not count."""
    primary, broken = planner.find_own(chosen), list_unlinked(planner, chosen)
    waits = [] if primary.role == "primary" else [f"{primary.name} is not primary"]
    for member in planner.seen:
        if member is primary:
            continue
        if not planner.is_following(member, primary):
            waits.append(f"{member.name} does not follow {primary.name}")
        elif member.name in broken:
            waits.append(broken[member.name])
    return waits


def list_silenced(planner: Planner, answered: Set[str]) -> List[str]:
    """Return who does not answer any more, of the hosts that did in another look, a sentence for each."""
    silent = [member for member in planner.members if member.host in answered and not member.reachable]
    return [f"{member.name} does not answer any more" for member in silent]


def list_syncing(planner: Planner, before: Set[str]) -> Set[str]:
    """Return the hosts that were in a synchronisation when they answered last; `before` is what that was then."""
    now = {member.host for member in planner.seen if member.primary and member.primary.sync_in_progress}
    return now | (before - {member.host for member in planner.seen})


def is_stuck(planner: Planner, chosen: Observed, syncing_last: Set[str]) -> bool:
    """Return whether nobody is in sight who comes in sync: who is missing cannot write to its disk, or is silent.

    One that drops its old data before it loads the new is silent, too; and one may wait for the primary to begin.
    """
    primary, broken = planner.find_own(chosen), list_unlinked(planner, chosen)
    missing = [member for member in planner.seen if member is not primary and not planner.is_following(member, primary)]
    waiting = [member for member in planner.seen if member.name in broken]
    syncing = [member for member in waiting if member.primary and member.primary.sync_in_progress]
    syncing += [each for each in planner.members if each.error_kind == "timeout" and each.host in syncing_last]
    queue = [down for down in primary.replicas if down.state == "wait_bgsave"]
    syncing += [each for each in waiting if any(each.is_known_by(down.address, down.port) for down in queue)]
    return primary.role == "primary" and not missing and not syncing and all(is_full(member) for member in waiting)


def is_converged(planner: Planner) -> bool:
    """Return whether a set can be left alone: all answer, and nothing is to be done, awaited or warned of."""
    answering = all(member.reachable for member in planner.members) and all(view.reachable for view in planner.views)
    if not (planner.members and answering):
        return False
    try:
        plan = planner.plan()
    except QuorumError:
        return False
    blind = [view for view in planner.views if is_blind(view, planner.wish.name)]
    waits, surplus = list_pending(planner, plan.primary), list_strangers(planner, plan.primary)
    return not (blind or waits or surplus or plan.steps or plan.warnings)
