# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is the primary, from what members and Sentinels say; pure. Where they disagree it refuses."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import List, NoReturn, Optional, Sequence, Set, Tuple

from .._core.errors import (
    AuthFailed,
    QuorumError,
    Refused,
    Unsettled,
)
from .._model.observed import Observed, SentinelView, WatchedMaster
from .._model.tables import show_evidence, show_place
from .contradiction import find_contradiction

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


class Election:
    """Decides who is the primary of one data set; holds what was observed."""

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
            todo or self.find_contradiction() or decide,
            show_evidence(self.members, self.views, self.wish.name),
        )
        if isinstance(problem, Unsettled):
            problem.patient = patient
        raise problem

    def find_contradiction(self) -> str:
        """Return what is declared against what is observed: then there is nobody to trust."""
        called = {(ballot.address, ballot.port) for ballot in self.ballots if self.find_named(ballot)}
        return find_contradiction(self.members, called)

    def check_members(self) -> None:
        """Stop at what no plan can heal: wrong credentials, one server under two names, no plain server."""
        for what, variable in ((self.members, "redis_password"), (self.views, "redis_sentinel_password")):
            for observed in what:
                if observed.error_kind == "auth":
                    raise AuthFailed(
                        f"{observed.name} refuses the password of {variable}",
                        observed.error.rstrip("."),
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
                    f"{show_place(member)} runs in mode {member.mode}, not as a plain server",
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

    def find_named(self, ballot: WatchedMaster) -> Optional[Observed]:
        """Return the member that a Sentinel names: by address, else by run id (it may know another address)."""
        for member in self.members:
            if member.is_known_by(ballot.address, ballot.port):
                return member
        return next((other for other in self.seen if ballot.run_id and other.run_id == ballot.run_id), None)

    def find_own(self, member: Observed) -> Observed:
        """Return this planner's finding about a member that another look has found."""
        return next((own for own in self.members if (own.name, own.port) == (member.name, member.port)), member)

    def is_following(self, member: Observed, primary: Observed) -> bool:
        """Return whether a member is told to follow that primary, by any address that it is known under."""
        if member.primary is None:
            return False
        target = (member.primary.address, member.primary.port)
        if primary.is_behind(*target):
            return False
        called = {(ballot.address, ballot.port) for ballot in self.ballots if self.find_named(ballot) is primary}
        return primary.is_at(*target) or target in called

    def is_contained(self, member: Observed, primary: Observed) -> bool:
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
        named = self.find_named(ballot)
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
            f"{named.host}/{named.address}:{named.port}" if named else f"{ballot.address}:{ballot.port}"
            for ballot in self.ballots
            for named in [self.find_named(ballot)]
        )
        winner, count = names.most_common(1)[0]
        if count * 2 <= len(self.ballots):
            self._refuse("The Sentinels name different primaries", kind=Unsettled)
        chosen = next((each for each in self.members if f"{each.host}/{each.address}:{each.port}" == winner), None)
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
        targets = [member.primary for member in self.seen if member.primary]
        lost = [
            member
            for member in self.members
            if not member.reachable and any(member.is_at(t.address, t.port) for t in targets)
        ]
        if not lost:
            return ""
        gone = "bring a majority of the Sentinels back"
        if not self.views:
            gone = "run quorum.redis.failover with redis_failover_dead_primary=true"
        return (
            f"Nothing was changed. {lost[0].name} may live and only be out of reach: bring it back, or the way to it. "
            f"If it is dead, {gone}"
        )

    def elect_primary(self) -> Observed:
        """Return the primary, or refuse."""
        real = [member for member in self.seen if member.role == "primary" and (member.key_count or member.replicas)]
        if self.ballots:
            chosen = self._elected()
            rivals = [member.name for member in real if member is not chosen and not self.is_contained(member, chosen)]
            if rivals:
                self._refuse(
                    f"Two primaries: the Sentinels name {chosen.name}, but {', '.join(rivals)} is one too",
                    kind=Unsettled,
                )
            return chosen
        heads = [
            head for head in real if not any(self.is_contained(head, other) for other in real if other is not head)
        ]
        heads = heads or real
        if len(heads) > 1:
            self._refuse(f"Two primaries: {' and '.join(member.name for member in heads)}")
        return heads[0] if heads else self._seeded()
