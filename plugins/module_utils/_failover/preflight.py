# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the primary may move, to whom and how; pure."""

from __future__ import annotations

from typing import Any, List, NoReturn, Sequence, Type

from .._core.errors import Refused, Unsettled
from .._membership.plan import Membership, explain_refusal
from .._model.observed import Downstream, Observed, SentinelView, is_newer, show_engine
from .._model.tables import show_evidence, show_place
from .._model.versions import major_minor
from .._replication.election import Wish
from .._replication.interrupted import FENCE, MARK, PRIORITY, read_setting
from .._replication.plan import Planner, is_full
from .steps import Move, Plan, ReplaceDead, list_afterwards, list_rivals, list_steps

STALE = 3  # seconds since a replica's last acknowledgement; it sends one each second


class Preflight:
    """Decides on one move; holds what was observed."""

    def __init__(self, members: Sequence[Observed], views: Sequence[SentinelView], move: Move) -> None:
        """Keep the evidence."""
        self.members, self.views, self.move = list(members), list(views), move
        self.awake = [view for view in views if view.reachable]

    def refuse_move(self, what: str, todo: str, kind: Type[Refused] = Refused) -> NoReturn:
        """Say no, and show who says what."""
        problem = kind(
            what,
            f"data set {self.move.name}",
            f"{todo.rstrip('.')}; nothing was changed",
            show_evidence(self.members, self.views, self.move.name),
        )
        if isinstance(problem, Unsettled):
            # TILT lasts 30 s (sentinel.c, SENTINEL_TILT_PERIOD): longer than what else passes by itself.
            problem.patient = any(view.tilt for view in self.awake)
        raise problem

    def find_member(self, host: str) -> Observed:
        """Return the member of that host."""
        for member in self.members:
            if member.host == host:
                return member
        known = ", ".join(member.name for member in self.members)
        return self.refuse_move(f"{host} is no member of this data set", f"Name one of {known}")

    def check_sentinels(self) -> None:
        """Refuse unless a majority of the Sentinels is there, of one mind and idle."""
        name = self.move.name
        if not self.views:
            return
        silent = ", ".join(view.name for view in self.views if not view.reachable)
        if len(self.awake) * 2 <= len(self.views):
            self.refuse_move(
                f"Only {len(self.awake)} of {len(self.views)} Sentinels answer, no answer from {silent}",
                "Bring a majority of them back first",
            )
        for view in self.awake:
            watched = view.masters.get(name)
            if watched is None:
                self.refuse_move(f"The Sentinel of {view.name} does not watch {name}", "Run site.yml first")
            if view.tilt:
                self.refuse_move(
                    f"The Sentinel of {view.name} is in TILT mode and acts on nothing",
                    "Check clock and load of that host, and try again in a minute",
                    Unsettled,
                )
            if "failover_in_progress" in watched.flags:
                self.refuse_move(f"The Sentinel of {view.name} is moving {name} already", "Run again when that is over")
            if not watched.ckquorum.startswith("OK"):
                self.refuse_move(f"The Sentinel of {view.name} has no quorum: {watched.ckquorum}", "Run site.yml first")
        named = {(view.masters[name].address, view.masters[name].port) for view in self.awake}
        if len(named) > 1:
            self.refuse_move("The Sentinels name different primaries", "Run site.yml first")

    def check_declared(self) -> None:
        """Refuse while somebody lives who is not declared: it would be elected, or be left behind."""
        strangers = Membership(self.move.name, self.members, self.views, {}).list_strangers()
        alive = [stranger for stranger in strangers if stranger.lives]
        todo = (
            "Run on the whole inventory; who shall leave for good is retired while it is declared, quorum.redis.retire"
        )
        for problem in explain_refusal(self.move.name, alive, self.members, len(self.views)):
            self.refuse_move(problem, todo)

    def find_objection(self, member: Observed, primary: Observed) -> str:
        """Return why a member cannot take over, empty when it can."""
        if not member.reachable:
            return f"cannot be observed ({member.error_kind})"
        link = member.primary
        if member.role != "replica" or link is None or not primary.is_at(link.address, link.port):
            return f"does not follow {primary.name}"
        if link.sync_in_progress or member.loading:
            return "is still being filled by a full sync"
        if link.link != "up":
            return f"has no link to {primary.name}"
        if read_setting(member, PRIORITY) == 0:
            return "has replica-priority 0, so it shall never be a primary"
        listed: List[Downstream] = [down for down in primary.replicas if member.is_at(down.address, down.port)]
        if not listed or listed[0].state != "online":
            return f"is not online in the eyes of {primary.name}"
        behind = primary.offset - member.offset
        if behind > self.move.max_lag:
            return f"is too far behind: {behind} bytes"
        if listed[0].lag > STALE:
            return f"was last heard of {listed[0].lag} s ago by {primary.name}"
        return self._unfit(member, primary) or self._unseen(member)

    def _unfit(self, member: Observed, primary: Observed) -> str:
        """Return why version or persistence of a member do not fit."""
        if is_newer(primary, member):
            return f"runs {show_engine(member)}, older than {show_engine(primary)} of {primary.name}"
        fed = [other for other in self.members if other.reachable and not is_newer(primary, other)]
        older = [other for other in fed if is_newer(member, other)]
        if older and not self.move.mixed:
            return f"runs {show_engine(member)}, newer than {', '.join(other.name for other in older)}"
        if member.persistence.get("aof_enabled") == 0 and primary.persistence.get("aof_enabled") == 1:
            return f"writes no AOF, {primary.name} does"
        for key, what in (("rdb_last_bgsave_status", "snapshot"), ("aof_last_write_status", "AOF write")):
            if member.persistence.get(key, "ok") != "ok":
                return f"could not write its last {what} to disk"
        rest = sum(1 for other in self.members if other.reachable and other is not member)
        needed = read_setting(member, FENCE) % MARK
        return f"wants {needed} replicas to accept writes, but would have {rest}" if needed > rest else ""

    def _unseen(self, member: Observed) -> str:
        """Return which Sentinel does not see a member as a good replica."""
        for view in self.awake:
            listed = view.masters[self.move.name].replicas
            known = [item for item in listed if member.is_at(item["address"], item["port"])]
            bad = {"s_down", "o_down", "disconnected"} & set(known[0]["flags"]) if known else {"unknown"}
            if bad:
                return f"is {', '.join(sorted(bad))} in the eyes of the Sentinel of {view.name}"
        return ""

    @staticmethod
    def _kind(reasons: Sequence[str]) -> Type[Refused]:
        """Tell what passes by itself.

        Sentinels need some seconds after a failover to see the old primary again, and a primary needs a moment after a
        full sync to call a replica online, which is in sync by then. On a busy host it hears of it late.
        """
        passing = (" in the eyes of ", "was last heard of ")
        return Unsettled if any(words in reason for reason in reasons for words in passing) else Refused

    def choose_target(self, primary: Observed) -> Observed:
        """Return the member that takes over: the named one, or the best."""
        if self.move.to:
            named = self.find_member(self.move.to)
            reason = self.find_objection(named, primary)
            if reason:
                what, todo = f"{named.name} cannot take over: it {reason}", "Name another member, or repair this one"
                self.refuse_move(what, todo, self._kind([reason]))
            return named
        others = [member for member in self.members if member is not primary]
        reasons = {
            member.name: "shall be avoided" if member.host in self.move.avoid else self.find_objection(member, primary)
            for member in others
        }
        fit = [member for member in others if not reasons[member.name]]
        if not fit:
            why = "; ".join(f"{name} {reason}" for name, reason in reasons.items()) or "there is no other member"
            kind = self._kind(list(reasons.values()))
            self.refuse_move(f"Nobody can take over: {why}", "Repair one of them, or run site.yml", kind)
        here = self.move.zones.get(primary.host)
        return min(
            fit,
            key=lambda member: (
                here is not None and self.move.zones.get(member.host) == here,
                read_setting(member, PRIORITY) % MARK,
                primary.offset - member.offset,
                others.index(member),
            ),
        )

    def choose_method(self, old: Observed, target: Observed) -> str:
        """Return how to move: with the engine's and Sentinel's best means."""
        asked = self.move.method
        can_pause = major_minor(old.version) >= (6, 2)
        everybody: List[Any] = [old, target, *self.awake]
        runs = [(each.engine, each.version) for each in everybody]
        coordinated = bool(self.views) and all(name == "valkey" and major_minor(text) >= (9, 0) for name, text in runs)
        if asked == "coordinated" and not coordinated:
            self.refuse_move("Method coordinated needs Valkey 9 on the servers and Sentinels", "Choose another method")
        if asked == "pause" and not can_pause:
            what = f"Method pause needs Redis 6.2, {old.name} runs {old.version}"
            self.refuse_move(what, "Choose method fence or auto")
        return asked if asked != "auto" else "pause" if can_pause else "fence"

    def find_settled(self) -> Observed:
        """Return the primary of a set on which all agree, and of which all are declared."""
        self.check_sentinels()
        planner = Planner(self.members, self.views, Wish(self.move.name, mixed=self.move.mixed))
        plan = planner.plan()
        if plan.steps:
            self.refuse_move(f"The set is not as it should be: {plan.steps[0].text}", "Run site.yml first")
        self.check_declared()
        return plan.primary

    def plan(self) -> Plan:
        """Return the plan, or refuse."""
        primary = self.find_settled()
        if self.move.to:
            self.find_member(self.move.to)
        done = self.move.to == primary.host if self.move.to else primary.host not in (self.move.avoid or [primary.host])
        plan = Plan(primary)
        silent = [member for member in self.members if not member.reachable]
        plan.warnings = [f"{show_place(member)} was left out: {member.error}" for member in silent]
        plan.warnings += [
            f"The Sentinel of {view.name} was left out: {view.error}" for view in self.views if not view.reachable
        ]
        if done:
            return plan
        target = self.choose_target(primary)
        down_after = [view.masters[self.move.name].down_after for view in self.awake]
        plan.target, plan.method = target, self.choose_method(primary, target)
        plan.pause = min([self.move.limit] + [each // 2 for each in down_after])
        plan.others = [member for member in self.members if member.reachable and member not in (primary, target)]
        mine = read_setting(target, PRIORITY) % MARK
        if rivals := list_rivals(self.awake, self.move.name, self.members, mine):
            self.refuse_move(
                f"{', '.join(rivals)} is a replica of {primary.name} and no member. Its replica-priority is not above "
                f"that of {target.name}, {mine}, so the Sentinels may pick it, and it takes no order from here",
                "Declare it, or give it replica-priority 0, or stop it and run site.yml, so that Sentinels forget it",
            )
        plan.raised = [each for each in plan.others if self.views and 0 < read_setting(each, PRIORITY) % MARK <= mine]
        plan.full = [each for each in plan.others if each.primary and each.primary.link != "up" and is_full(each)]
        plan.warnings += [
            f"{show_place(each)} has no link to {primary.name}, and could not write to its disk, which may be full "
            f"or read-only. It is told to follow {target.name}, and not waited for"
            for each in plan.full
        ]
        plan.steps = list_steps(plan, self.move.name, bool(self.views))
        return plan

    def plan_unplanned(self) -> Plan:
        """Return the plan for a dead primary without Sentinels: the replica that knows most takes over."""
        if self.views:
            self.refuse_move(
                "dead_primary is for sets without Sentinels: these replace a dead primary by themselves",
                "Bring a majority of the Sentinels back",
            )
        alive = [member for member in self.members if member.reachable]
        serving = [member for member in alive if member.role == "primary"]
        if serving:
            return Plan(serving[0], warnings=[f"{serving[0].name} is alive and the primary, nothing to do"])
        dead = [
            member
            for member in self.members
            if not member.reachable
            and any(other.primary and member.is_at(other.primary.address, other.primary.port) for other in alive)
        ]
        if len(dead) != 1:
            self.refuse_move(
                "No dead primary is to be seen: the members that answer do not follow one that is silent",
                "Run site.yml",
            )
        known = [
            member for member in alive if member.primary and dead[0].is_at(member.primary.address, member.primary.port)
        ]
        lost = ", ".join(member.name for member in self.members if not member.reachable and member is not dead[0])
        if lost and not self.move.to:
            self.refuse_move(
                f"{lost} cannot be observed and may know more than those that answer",
                f"Bring {lost} back, or name the member that shall take over",
            )
        ranked = [member for member in known if read_setting(member, PRIORITY)]
        fit = [self.find_member(self.move.to)] if self.move.to else ranked
        if not fit or fit[0] not in known or fit[0].loading or (fit[0].primary and fit[0].primary.sync_in_progress):
            self.refuse_move(
                f"{self.move.to or 'None of the members that answer'} is no complete replica of {dead[0].name}",
                "Name another member",
            )
        target = max(fit, key=lambda member: member.offset)
        behind = max(member.offset for member in known) - target.offset
        plan = Plan(dead[0], target, "unplanned", others=[member for member in alive if member is not target])
        plan.warnings.append(
            f"{dead[0].name} must not serve clients any more. What it acknowledged after the offset {target.offset} "
            "is lost."
        )
        if behind:
            plan.warnings.append(f"{target.name} is {behind} bytes behind the replica that knows most.")
        plan.steps = [
            ReplaceDead(
                f"{show_place(target)}: become the primary at offset {target.offset}, in place of "
                f"{show_place(dead[0])}, which does not answer"
            ),
            *list_afterwards(plan, False),
        ]
        return plan
