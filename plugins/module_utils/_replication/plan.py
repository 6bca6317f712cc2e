# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is primary and who must follow it, from what was observed; pure. Where the observers disagree it refuses."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Dict, List, NoReturn, Optional, Sequence, Set, Tuple

from .._core.errors import (
    AuthFailed,
    QuorumError,
    Refused,
    Unsettled,
)
from .._core.reconcile import Step
from .._model.observed import NOT_YET, Observed, SentinelView, WatchedMaster
from .._model.tables import evidence, following, place
from .._model.versions import cannot_read
from .contradiction import contradiction

Address = Tuple[str, int]


@dataclass
class Wish:
    """What is declared about one data set."""

    name: str
    seed: str = ""
    trust: str = ""
    mixed: bool = False  # leave those alone that cannot load the primary's data: an upgrade is about to reach them
    auth_user: str = ""  # with what the Sentinels log in to the members
    auth_pass: str = ""


@dataclass
class Plan:
    """The primary of the set, and what makes the set true."""

    primary: Observed
    steps: List[Step] = field(default_factory=list)
    warnings: List[str] = field(default_factory=list)


class Planner:
    """Decides for one data set; holds what was observed."""

    def __init__(self, members: Sequence[Observed], views: Sequence[SentinelView], wish: Wish) -> None:
        """Keep the evidence."""
        self.members, self.views, self.wish = list(members), list(views), wish
        self.seen = [member for member in members if member.reachable]
        self.ballots: List[WatchedMaster] = [
            view.masters[wish.name] for view in views if view.reachable and wish.name in view.masters
        ]
        self.known: Set[Address] = {
            (item["address"], item["port"]) for ballot in self.ballots for item in ballot.replicas
        }

    def _refuse(self, what: str, todo: str = "", kind: type = Refused, patient: bool = False) -> NoReturn:
        hosts = ", ".join(member.name for member in self.seen if not member.empty or member.role == "primary")
        decide = (
            f"Nothing was changed. Look at the members, then set redis_trust to the one whose data is right "
            f"({hosts or 'one of them'}): it becomes the primary, and what the others hold beside it is "
            f"overwritten"
        )
        problem: QuorumError = kind(
            what,
            f"data set {self.wish.name}",
            todo or self.contradiction() or decide,
            evidence(self.members, self.views, self.wish.name),
        )
        if isinstance(problem, Unsettled):
            problem.patient = patient
        raise problem

    def contradiction(self) -> str:
        """Return what is declared against what is observed: then there is nobody to trust."""
        called = {(ballot.address, ballot.port) for ballot in self.ballots if self.named(ballot)}
        return contradiction(self.members, called)

    def check(self) -> None:
        """Stop at what no plan can heal: wrong credentials, one server under two names, no plain server."""
        for what, variable in ((self.members, "redis_password"), (self.views, "redis_sentinel_password")):
            for one in what:
                if one.error_kind == "auth":
                    raise AuthFailed(
                        f"{one.name} refuses the password of {variable}",
                        one.error.rstrip("."),
                        f"Correct {variable}; nothing was changed",
                    )
        runs = Counter(member.run_id for member in self.seen if member.run_id)
        twins = [member.name for member in self.seen if runs[member.run_id] > 1]
        if twins:
            self._refuse(
                f"{' and '.join(twins)} are one and the same server",
                "Correct redis_address and port of these hosts; nothing was changed",
            )
        for member in self.seen:
            if member.mode not in ("", "standalone"):
                self._refuse(
                    f"{place(member)} runs in mode {member.mode}, not as a plain server",
                    "Correct address and port; nothing was changed",
                )
            if member.loading and not (member.primary and member.primary.sync_in_progress):
                self._refuse(
                    f"{member.name} is still loading its data set",
                    "Run again when it has loaded",
                    Unsettled,
                    patient=True,
                )
            if member.failover_state not in ("", "no-failover"):
                self._refuse(
                    f"{member.name} is in the middle of a failover ({member.failover_state})",
                    "Run again when it is over, or end it there with FAILOVER ABORT",
                    Unsettled,
                    patient=True,
                )

    def named(self, ballot: WatchedMaster) -> Optional[Observed]:
        """Return the member that a Sentinel names: by address, else by run id (it may know another address)."""
        for member in self.members:
            if member.is_known_by(ballot.address, ballot.port):
                return member
        return next((one for one in self.seen if ballot.run_id and one.run_id == ballot.run_id), None)

    def own(self, member: Observed) -> Observed:
        """Return this planner's finding about a member that another look has found."""
        return next((one for one in self.members if (one.name, one.port) == (member.name, member.port)), member)

    def follows(self, member: Observed, primary: Observed) -> bool:
        """Return whether a member is told to follow that primary, by any address that it is known under."""
        if member.primary is None:
            return False
        target = (member.primary.address, member.primary.port)
        if primary.is_behind(*target):
            return False
        called = {(ballot.address, ballot.port) for ballot in self.ballots if self.named(ballot) is primary}
        return primary.is_at(*target) or target in called

    def contained(self, member: Observed, primary: Observed) -> bool:
        """Return whether everything that a member holds is known to be the primary's already."""
        if member.empty:
            return True
        if member.role == "primary":
            return (
                bool(member.replication_id)
                and member.replication_id == primary.replication_id2
                and member.offset <= primary.second_offset
            )
        own = {primary.replication_id, primary.replication_id2} - {""}
        listed = any((address, member.port) in self.known for address in (member.address, *member.aliases))
        return member.replication_id in own or listed

    def _in_motion(self, ballot: WatchedMaster) -> bool:
        """Return whether a failover runs or must be expected; a Sentinel stuck at a replica expects one for ever."""
        named = self.named(ballot)
        stuck = named is not None and named.reachable and named.role == "replica"
        return ballot.in_failover and not (stuck and "failover_in_progress" not in ballot.flags)

    def _elected(self) -> Observed:
        """Return the member that the majority of the voting Sentinels names, confirmed by its own role."""
        blank = all(member.reachable and member.empty for member in self.members)
        if any(self._in_motion(ballot) for ballot in self.ballots) and not blank:
            self._refuse(
                "The Sentinels see the primary as down or are moving it",
                "Run again when the failover is over; nothing was changed",
                Unsettled,
                patient=True,
            )
        names = Counter(
            f"{one.host}/{one.address}:{one.port}" if one else f"{ballot.address}:{ballot.port}"
            for ballot in self.ballots
            for one in [self.named(ballot)]
        )
        winner, count = names.most_common(1)[0]
        if count * 2 <= len(self.ballots):
            self._refuse("The Sentinels name different primaries", kind=Unsettled)
        chosen = next((one for one in self.members if f"{one.host}/{one.address}:{one.port}" == winner), None)
        if chosen is None:
            self._refuse(f"The Sentinels name {winner}, which is no member of this data set")
        if not chosen.reachable:
            self._refuse(
                f"The Sentinels name {chosen.name}, which cannot be observed ({chosen.error.rstrip('.')})",
                f"Bring {chosen.name} back or let the Sentinels promote another one; nothing was changed",
                Unsettled,
                patient=True,
            )
        if chosen.role != "primary" and not blank:
            self._refuse(f"The Sentinels name {chosen.name}, but its role is replica", kind=Unsettled)
        return chosen

    def _seeded(self) -> Observed:
        """Return where an empty set begins: at a lone primary that is there already, else at the seed."""
        data = [member.name for member in self.seen if not member.empty]
        lost = [member.name for member in self.members if not member.reachable]
        if data:
            also = f" and {', '.join(lost)} cannot be observed" if lost else ""
            what = f"No member is a primary although {', '.join(data)} hold{'s' * (len(data) == 1)} data{also}"
            self._refuse(what, self._out_of_reach())
        if lost:
            self._refuse(
                f"The set cannot be started: whether {', '.join(lost)} hold{'s' * (len(lost) == 1)} data is unknown",
                f"Make {', '.join(lost)} reachable; nothing was changed",
            )
        alone = [member for member in self.seen if member.role == "primary"]
        seed = [member for member in self.seen if member.host == self.wish.seed]
        if len(alone) == 1:
            return alone[0]
        return (seed or self.seen)[0]

    def _out_of_reach(self) -> str:
        """Return what to do when members follow one that is silent here: it may live, so no other is to be trusted."""
        targets = [one.primary for one in self.seen if one.primary]
        lost = [one for one in self.members if not one.reachable and any(one.is_at(t.address, t.port) for t in targets)]
        if not lost:
            return ""
        gone = "bring a majority of the Sentinels back"
        if not self.views:
            gone = "run quorum.redis.failover with redis_failover_dead_primary=true"
        return (
            f"Nothing was changed. {lost[0].name} may live and only be out of reach: bring it back, or the way to it. "
            f"If it is dead, {gone}"
        )

    def elect(self) -> Observed:
        """Return the primary, or refuse."""
        real = [member for member in self.seen if member.role == "primary" and (member.keys or member.replicas)]
        if self.ballots:
            chosen = self._elected()
            rivals = [member.name for member in real if member is not chosen and not self.contained(member, chosen)]
            if rivals:
                self._refuse(
                    f"Two primaries: the Sentinels name {chosen.name}, but {', '.join(rivals)} is one too",
                    kind=Unsettled,
                )
            return chosen
        heads = [one for one in real if not any(self.contained(one, other) for other in real if other is not one)]
        heads = heads or real
        if len(heads) > 1:
            self._refuse(f"Two primaries: {' and '.join(member.name for member in heads)}")
        return heads[0] if heads else self._seeded()

    def steps(self, primary: Observed, overwrite: bool = False) -> List[Step]:
        """Return what makes the others follow the primary; refuse where that would overwrite data."""
        others = [member for member in self.seen if member is not primary]
        foreign = [
            member
            for member in others
            if not self.contained(member, primary) and (primary.empty or not self.follows(member, primary))
        ]
        if foreign and not overwrite:
            self._refuse(
                f"{', '.join(f'{one.name} holds {one.keys} keys' for one in foreign)} that are not those of "
                f"the primary {primary.name} and would be overwritten"
            )
        steps = []
        if primary.role != "primary":
            steps.append(Step(f"{place(primary)}: become the primary", {"action": "promote", "member": primary.name}))
        for member in others:
            if not self.follows(member, primary):
                was = "a primary" if member.role == "primary" else f"following {following(member, self.members)}"
                data = {"action": "follow", "member": member.name, "linked": self._behind(member, primary)}
                steps.append(Step(f"{place(member)}: follow {place(primary)}, now {was}", data))
        steps += [
            Step(
                f"{place(member)}: open the link to {primary.name} again, which lists it by a former address",
                {"action": "relink", "member": member.name, "linked": True},
            )
            for member in others
            if self._renamed(member, primary)
        ]
        return (
            self._forgotten(primary, any(step.data.get("linked") and step.data["action"] == "follow" for step in steps))
            + steps
        )

    def _renamed(self, member: Observed, primary: Observed) -> bool:
        """Return whether the primary lists a replica by a former address, which is told at the handshake only."""
        strange = [
            down
            for down in primary.replicas
            if not any(one.is_known_by(down.address, down.port) for one in self.members)
        ]
        listed = any(member.is_known_by(down.address, down.port) for down in primary.replicas)
        return bool(strange) and not listed and self.follows(member, primary) and self._linked(member)

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
        told = [self._told(view, primary) for view in stale if not view.version.startswith("6.0.")]
        return [self._forget(view) for view in stale] + told

    def _forget(self, view: SentinelView) -> Step:
        text = f"Sentinel {view.name}: stop monitoring {self.wish.name} at the other port; nobody fails over meanwhile"
        commands = [["SENTINEL", "REMOVE", self.wish.name]]
        return Step(text, {"action": "forget", "sentinel": view.name, "commands": commands})

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
        text = f"Sentinel {view.name}: name {place(primary)} as the primary of {name}, and do not fail over yet"
        secrets = [self.wish.auth_pass] if self.wish.auth_pass else []
        return Step(text, {"action": "tell", "sentinel": view.name, "commands": commands, "secrets": secrets})

    def _stale(self, view: SentinelView, primary: Observed) -> bool:
        ballot = view.masters.get(self.wish.name)
        return ballot is not None and primary.is_behind(ballot.address, ballot.port)

    def trusted(self, problem: Refused) -> Plan:
        """Return the plan that the trusted member allows, in place of a refusal."""
        found = [member for member in self.seen if member.host == self.wish.trust and not member.loading]
        if not found:
            self._refuse(f"{self.wish.trust}, named by redis_trust, is no member that can be observed", problem.todo)
        if found[0].empty and any(not member.empty for member in self.seen):
            self._refuse(
                f"{self.wish.trust}, named by redis_trust, holds no key while others hold data",
                "Name a member that holds the data; nothing was changed",
            )
        return Plan(
            found[0],
            self.steps(found[0], overwrite=True),
            [
                f"{self.wish.trust} is the primary because redis_trust says so: {problem.what}. "
                f"Remove redis_trust after this run."
            ],
        )

    def plan(self) -> Plan:
        """Return the whole plan."""
        self.check()
        try:
            primary = self.elect()
            found = Plan(primary, self.steps(primary))
        except Refused as problem:
            moving = isinstance(problem, Unsettled) and problem.patient and self._moving()
            if not self.wish.trust or moving or self.contradiction():
                raise
            found = self.trusted(problem)
        self._readable(found)
        found.warnings += [
            f"{place(member)} was left out: {member.error}" for member in self.members if not member.reachable
        ]
        return found

    def _readable(self, found: Plan) -> None:
        """Refuse members that would wait for ever, because they cannot load what this primary sends them."""
        primary = found.primary
        waiting = [one for one in self.seen if one.version and one is not primary and not self._linked(one)]
        deaf = [
            one
            for one in waiting
            if primary.version and cannot_read(primary.engine, primary.version, one.engine, one.version)
        ]
        if self.wish.mixed:
            left = [one.name for one in deaf]
            found.steps = [step for step in found.steps if step.data.get("member") not in left]
        elif deaf:
            named = ", ".join(f"{one.name} (its version is {one.engine} {one.version})" for one in deaf)
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


def unlinked(planner: Planner, chosen: Observed) -> Dict[str, str]:
    """Return who follows the primary and is not in sync with it: name and a sentence."""
    primary = planner.own(chosen)
    found: Dict[str, str] = {}
    for member in planner.seen:
        there = not member.primary or (member.primary.link == "up" and not member.primary.sync_in_progress)
        if member is not primary and planner.follows(member, primary) and not there:
            found[member.name] = f"{member.name} has no link to {primary.name}"
    return found


def pending(planner: Planner, chosen: Observed) -> List[str]:
    """Return who is not there yet, a sentence for each; members that cannot be observed do not count."""
    primary, broken = planner.own(chosen), unlinked(planner, chosen)
    waits = [] if primary.role == "primary" else [f"{primary.name} is not primary"]
    for member in planner.seen:
        if member is primary:
            continue
        if not planner.follows(member, primary):
            waits.append(f"{member.name} does not follow {primary.name}")
        elif member.name in broken:
            waits.append(broken[member.name])
    return waits
