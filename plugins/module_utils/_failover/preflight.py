# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the primary may move, to whom and how; pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, List, NoReturn, Sequence, Type

from .._core.errors import Refused, Unsettled
from .._membership.plan import Membership, explain_refusal
from .._model.observed import Downstream, Observed, SentinelView
from .._model.tables import show_evidence, show_place
from .._model.versions import major_minor
from .._replication.election import Wish
from .._replication.interrupted import FENCE, MARK, PRIORITY, read_setting
from .._replication.plan import Planner
from .steps import Plan, ReplaceDead, list_afterwards, list_steps

STALE = 3  # seconds since a replica's last acknowledgement; it sends one each second


@dataclass
class Move:
    """What is asked for."""

    name: str
    to: str = ""
    avoid: Sequence[str] = ()
    zones: Dict[str, str] = field(default_factory=dict)
    max_lag: int = 10485760
    limit: int = 3000
    method: str = "auto"
    mixed: bool = False
    dead_primary: bool = False
    sentinels: int = 0


def is_newer(one: Observed, other: Observed) -> bool:
    """Return whether one must not feed replication to other: a newer version, or Valkey to Redis."""
    if one.engine != other.engine:
        return one.engine == "valkey"
    return major_minor(one.version) > major_minor(other.version)


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
        said = {(view.masters[name].address, view.masters[name].port) for view in self.awake}
        if len(said) > 1:
            self.refuse_move("The Sentinels name different primaries", "Run site.yml first")

    def check_declared(self) -> None:
        """Refuse while somebody lives who is not declared: it would be elected, or be left behind."""
        alive = [one for one in Membership(self.move.name, self.members, self.views, {}).list_strangers() if one.lives]
        todo = (
            "Run on the whole inventory; who shall leave for good is retired while it is declared, quorum.redis.retire"
        )
        for problem in explain_refusal(self.move.name, alive, self.members, len(self.views)):
            self.refuse_move(problem, todo)

    def find_objection(self, one: Observed, primary: Observed) -> str:
        """Return why a member cannot take over, empty when it can."""
        if not one.reachable:
            return f"cannot be observed ({one.error_kind})"
        if one.role != "replica" or one.primary is None or not primary.is_at(one.primary.address, one.primary.port):
            return f"does not follow {primary.name}"
        if one.primary.sync_in_progress or one.loading:
            return "is still being filled by a full sync"
        if one.primary.link != "up":
            return f"has no link to {primary.name}"
        if read_setting(one, PRIORITY) == 0:
            return "has replica-priority 0, so it shall never be a primary"
        listed: List[Downstream] = [down for down in primary.replicas if one.is_at(down.address, down.port)]
        if not listed or listed[0].state != "online":
            return f"is not online in the eyes of {primary.name}"
        behind = primary.offset - one.offset
        if behind > self.move.max_lag:
            return f"is too far behind: {behind} bytes"
        if listed[0].lag > STALE:
            return f"was last heard of {listed[0].lag} s ago by {primary.name}"
        return self._unfit(one, primary) or self._unseen(one)

    def _unfit(self, one: Observed, primary: Observed) -> str:
        """Return why version or persistence of a member do not fit."""
        if is_newer(primary, one):
            return f"runs {one.engine} {one.version}, older than {primary.engine} {primary.version} of {primary.name}"
        fed = [other for other in self.members if other.reachable and not is_newer(primary, other)]
        older = [other for other in fed if is_newer(one, other)]
        if older and not self.move.mixed:
            return f"runs {one.engine} {one.version}, newer than {', '.join(other.name for other in older)}"
        if one.persistence.get("aof_enabled") == 0 and primary.persistence.get("aof_enabled") == 1:
            return f"writes no AOF, {primary.name} does"
        for key, what in (("rdb_last_bgsave_status", "snapshot"), ("aof_last_write_status", "AOF write")):
            if one.persistence.get(key, "ok") != "ok":
                return f"could not write its last {what} to disk"
        rest = sum(1 for other in self.members if other.reachable and other is not one)
        needed = read_setting(one, FENCE) % MARK
        return f"wants {needed} replicas to accept writes, but would have {rest}" if needed > rest else ""

    def _unseen(self, one: Observed) -> str:
        """Return which Sentinel does not see a member as a good replica."""
        for view in self.awake:
            known = [item for item in view.masters[self.move.name].replicas if one.is_at(item["address"], item["port"])]
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
            found = self.find_member(self.move.to)
            reason = self.find_objection(found, primary)
            if reason:
                what, todo = f"{found.name} cannot take over: it {reason}", "Name another member, or repair this one"
                self.refuse_move(what, todo, self._kind([reason]))
            return found
        others = [one for one in self.members if one is not primary]
        reasons = {
            one.name: "shall be avoided" if one.host in self.move.avoid else self.find_objection(one, primary)
            for one in others
        }
        fit = [one for one in others if not reasons[one.name]]
        if not fit:
            said = "; ".join(f"{name} {reason}" for name, reason in reasons.items()) or "there is no other member"
            kind = self._kind(list(reasons.values()))
            self.refuse_move(f"Nobody can take over: {said}", "Repair one of them, or run site.yml", kind)
        here = self.move.zones.get(primary.host)
        return min(
            fit,
            key=lambda one: (
                here is not None and self.move.zones.get(one.host) == here,
                read_setting(one, PRIORITY) % MARK,
                primary.offset - one.offset,
                others.index(one),
            ),
        )

    def choose_method(self, old: Observed, target: Observed) -> str:
        """Return how to move: with the engine's and Sentinel's best means."""
        asked = self.move.method
        can_pause = major_minor(old.version) >= (6, 2)
        runs = [(one.engine, one.version) for one in (old, target)] + [(one.engine, one.version) for one in self.awake]
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
        found = planner.plan()
        if found.steps:
            self.refuse_move(f"The set is not as it should be: {found.steps[0].text}", "Run site.yml first")
        self.check_declared()
        return found.primary

    def plan(self) -> Plan:
        """Return the plan, or refuse."""
        primary = self.find_settled()
        if self.move.to:
            self.find_member(self.move.to)
        done = self.move.to == primary.host if self.move.to else primary.host not in (self.move.avoid or [primary.host])
        found = Plan(primary)
        found.warnings = [f"{show_place(one)} was left out: {one.error}" for one in self.members if not one.reachable]
        found.warnings += [
            f"The Sentinel of {one.name} was left out: {one.error}" for one in self.views if not one.reachable
        ]
        if done:
            return found
        target = self.choose_target(primary)
        down_after = [view.masters[self.move.name].down_after for view in self.awake]
        found.target, found.method = target, self.choose_method(primary, target)
        found.pause = min([self.move.limit] + [each // 2 for each in down_after])
        found.others = [one for one in self.members if one.reachable and one not in (primary, target)]
        mine = read_setting(target, PRIORITY) % MARK
        found.raised = [one for one in found.others if self.views and 0 < read_setting(one, PRIORITY) % MARK <= mine]
        found.steps = list_steps(found, self.move.name, bool(self.views))
        return found

    def plan_unplanned(self) -> Plan:
        """Return the plan for a dead primary without Sentinels: the replica that knows most takes over."""
        if self.views:
            self.refuse_move(
                "dead_primary is for sets without Sentinels: these replace a dead primary by themselves",
                "Bring a majority of the Sentinels back",
            )
        alive = [one for one in self.members if one.reachable]
        serving = [one for one in alive if one.role == "primary"]
        if serving:
            return Plan(serving[0], warnings=[f"{serving[0].name} is alive and the primary, nothing to do"])
        dead = [
            one
            for one in self.members
            if not one.reachable
            and any(other.primary and one.is_at(other.primary.address, other.primary.port) for other in alive)
        ]
        if len(dead) != 1:
            self.refuse_move(
                "No dead primary is to be seen: the members that answer do not follow one that is silent",
                "Run site.yml",
            )
        known = [one for one in alive if one.primary and dead[0].is_at(one.primary.address, one.primary.port)]
        lost = ", ".join(one.name for one in self.members if not one.reachable and one is not dead[0])
        if lost and not self.move.to:
            self.refuse_move(
                f"{lost} cannot be observed and may know more than those that answer",
                f"Bring {lost} back, or name the member that shall take over",
            )
        ranked = [one for one in known if read_setting(one, PRIORITY)]
        fit = [self.find_member(self.move.to)] if self.move.to else ranked
        if not fit or fit[0] not in known or fit[0].loading or (fit[0].primary and fit[0].primary.sync_in_progress):
            self.refuse_move(
                f"{self.move.to or 'None of the members that answer'} is no complete replica of {dead[0].name}",
                "Name another member",
            )
        target = max(fit, key=lambda one: one.offset)
        behind = max(one.offset for one in known) - target.offset
        found = Plan(dead[0], target, "unplanned", others=[one for one in alive if one is not target])
        found.warnings.append(
            f"{dead[0].name} must not serve clients any more. What it acknowledged after the offset {target.offset} "
            "is lost."
        )
        if behind:
            found.warnings.append(f"{target.name} is {behind} bytes behind the replica that knows most.")
        found.steps = [
            ReplaceDead(
                f"{show_place(target)}: become the primary at offset {target.offset}, in place of "
                f"{show_place(dead[0])}, which does not answer"
            ),
            *list_afterwards(found, False),
        ]
        return found
