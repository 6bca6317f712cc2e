# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who belongs to a running set and is not declared, alive or gone, from what its members and Sentinels say; pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Sequence, Tuple

from .._core.errors import Refused
from .._model.observed import PARKED, Observed, SentinelView, WatchedMaster
from .._model.tables import count_of

DOWN = {"s_down", "o_down", "disconnected"}
SILENT = 10  # seconds after which a replica that says nothing to its primary does not count as alive
Address = Tuple[str, int]


@dataclass
class Stranger:
    """Somebody who is known to a set and not declared."""

    kind: str  # member or Sentinel
    address: str
    port: int
    lives: bool = False
    told_by: List[str] = field(default_factory=list)

    def __str__(self) -> str:
        """Say who it is and how it is known."""
        return f"the {self.kind} {self.address}:{self.port} (known to {', '.join(self.told_by)})"


class Membership:
    """One data set: who is declared, as observed, and the Sentinels that are to watch it."""

    def __init__(
        self,
        name: str,
        members: Sequence[Observed],
        views: Sequence[SentinelView],
        other_ports: Mapping[Address, int],
    ) -> None:
        """Keep what was observed; `other_ports` by address and port of a Sentinel."""
        self.name, self.members, self.views, self.other_ports = name, members, views, other_ports
        self.strangers: Dict[Tuple[str, Address], Stranger] = {}

    def list_strangers(self) -> List[Stranger]:
        """Return everybody who is known and not declared, in the order of their addresses."""
        for member in self.members:
            if member.reachable:
                self._ask_member(member)
        for view in self.views:
            self.seen_by(view)
        return self._sorted()

    def seen_by(self, view: SentinelView) -> List[Stranger]:
        """Return those of whom this Sentinel knows."""
        watched = view.masters.get(self.name)
        if view.reachable and watched is not None:
            self._ask_sentinel(view.name, watched)
        return self._sorted()

    def _sorted(self) -> List[Stranger]:
        return [self.strangers[key] for key in sorted(self.strangers, key=lambda key: (key[0] != "member", key[1]))]

    def _note(self, kind: str, place: Address, lives: bool, told_by: str) -> None:
        ours: Sequence[Any] = self.members if kind == "member" else self.views
        if lives and any(place[0] in {process.address, *process.aliases} for process in ours):
            return  # one of ours on its other port, as between two steps of TLS; those who compare ports say more
        stranger = self.strangers.setdefault((kind, place), Stranger(kind, *place))
        stranger.lives = stranger.lives or lives
        stranger.told_by += [] if told_by in stranger.told_by else [told_by]

    def _ask_member(self, member: Observed) -> None:
        if member.role == "replica" and member.primary:
            place = (member.primary.address, member.primary.port)
            if place != PARKED and not place[0].startswith("127.") and not self._declared(place, ""):
                self._note("member", place, member.primary.link == "up", member.name)
        listed = [replica for replica in member.replicas if not self._declared((replica.address, replica.port), "")]
        # A member whose address was corrected is listed by its old one until it connects again.
        moved = [other for other in self.members if other is not member and self._unlisted(other, member)]
        for replica in listed[len(moved) :]:
            self._note("member", (replica.address, replica.port), replica.lag <= SILENT, member.name)

    @staticmethod
    def _unlisted(member: Observed, primary: Observed) -> bool:
        """Return whether a member follows this primary, which lists it by none of its addresses."""
        return (
            member.reachable
            and member.primary is not None
            and member.primary.link == "up"
            and primary.is_known_by(member.primary.address, member.primary.port)
            and not any(member.is_known_by(down.address, down.port) for down in primary.replicas)
        )

    def _declared(self, place: Address, run_id: str) -> bool:
        """Return whether that is a member; one that does not answer may be behind any port of its address."""
        return any(
            member.is_known_by(*place)
            or (run_id and member.run_id == run_id)
            or (not member.reachable and place[0] in {member.address, *member.aliases})
            for member in self.members
        )

    def _declared_sentinel(self, place: Address, myid: str) -> bool:
        return any(
            (
                place[0] in {view.address, *view.aliases}
                and (place[1] in (view.port, self.other_ports.get((view.address, view.port))) or not view.reachable)
            )
            or (myid and view.myid == myid)
            for view in self.views
        )

    def _ask_sentinel(self, who: str, watched: WatchedMaster) -> None:
        place = (watched.address, watched.port)
        told_by = f"the Sentinel of {who}"
        if not self._declared(place, watched.run_id):
            self._note("member", place, _lives(watched.flags), told_by)
        for item in watched.replicas:
            if not self._declared((item["address"], item["port"]), item["run_id"]):
                self._note("member", (item["address"], item["port"]), _lives(item["flags"]), told_by)
        for item in watched.sentinels:
            if not self._declared_sentinel((item["address"], item["port"]), item["myid"]):
                self._note("Sentinel", (item["address"], item["port"]), _lives(item["flags"]), told_by)


def _lives(flags: Sequence[str]) -> bool:
    return not DOWN & set(flags)


def explain_refusal(name: str, alive: Sequence[Stranger], members: Sequence[Observed], sentinels: int) -> List[str]:
    """Return what stops a run whose inventory leaves somebody out who lives, or declares somebody elsewhere."""
    if not alive:
        return []
    declared = count_of(len(members), "member") + (f" and {count_of(sentinels, 'Sentinel')}" if sentinels else "")
    sentences = [f"{name}: the inventory has {declared}, and beside them there live {', '.join(map(str, alive))}"]
    sentences += [
        f"{member.name} is declared at {member.address}:{member.port} and does not answer there; if it is one of "
        "these, correct its redis_address or its port"
        for member in members
        if not member.reachable
    ]
    return [". ".join(sentences)]


def find_unwatched(views: Sequence[SentinelView], names: Sequence[str]) -> Dict[str, List[str]]:
    """Return the data sets that Sentinels watch and the inventory does not have, with the hosts of these Sentinels."""
    watchers: Dict[str, List[str]] = {}
    for view in views:
        for name in sorted(set(view.masters) - set(names)):
            watchers.setdefault(name, []).append(view.name)
    return watchers


class Leaving:
    """The hosts that are about to leave."""

    def __init__(self, hosts: Sequence[Mapping[str, Any]], stoppable: Sequence[str] = ()) -> None:
        """Keep names and addresses, and whose processes can be stopped."""
        self.hosts = list(dict.fromkeys(str(place["host"]) for place in hosts))
        self.stoppable = list(stoppable)
        self.addresses = {str(place["address"]) for place in hosts}


def check_leaving(name: str, seen: Sequence[Observed], views: Sequence[SentinelView], leaving: Leaving) -> None:
    """Refuse to retire hosts when what is left is no set that works, with a quorum and enough replicas."""

    def refuse(what: str, todo: str) -> None:
        raise Refused(what, f"data set {name}", f"Nothing was changed. {todo}")

    gone = " and ".join(leaving.hosts)
    rest = [member for member in seen if member.host not in leaving.hosts]
    if not rest:
        refuse(f"Without {gone} no member is left", "Add a member first, or remove the set with quorum.redis.remove")
    alive = {member.host for member in seen if member.reachable} | {view.host for view in views if view.reachable}
    stuck = sorted((alive & set(leaving.hosts)) - set(leaving.stoppable))
    if stuck:
        refuse(
            f"{' and '.join(stuck)} cannot be reached by Ansible, and its server or Sentinel lives",
            "Make the host reachable, or switch it off",
        )
    heads = [member for member in seen if member.reachable and member.role == "primary"]
    if len(heads) != 1:
        who = f"{' and '.join(member.name for member in heads)} are" if heads else "no member is"
        refuse(
            f"{who[0].upper()}{who[1:]} primary",
            "Wait for the failover of the Sentinels, or move the dead primary with quorum.redis.failover "
            "-e redis_failover_dead_primary=true; site.yml shows who says what",
        )
    head = heads[0]
    silent = [member.name for member in rest if not member.reachable]
    if silent:
        refuse(f"{' and '.join(silent)} would be left and cannot be observed", "Repair them, or retire them too")
    late = [member.name for member in rest if member is not head and not _in_sync(member, head)]
    if late:
        refuse(f"{' and '.join(late)} would be left and is not in sync with {head.name}", "Run site.yml first")
    wanted = max(read_fence(member) for member in rest)
    if wanted > len(rest) - 1:
        refuse(
            f"min-replicas-to-write is {wanted}, and without {gone} there are {count_of(len(rest) - 1, 'replica')}: "
            "no write would be accepted",
            "Set min-replicas-to-write to less in `config:` and run site.yml, or add a member first",
        )
    if not views:
        return
    left = [view for view in views if view.host not in leaving.hosts]
    mute = [view.name for view in left if not view.reachable or name not in view.masters]
    if not left:
        refuse(f"Without {gone} no Sentinel is left", "Add Sentinels on other hosts first")
    if mute:
        refuse(f"The Sentinels of {' and '.join(mute)} would be left and do not watch it", "Run site.yml first")


def read_fence(server: Observed) -> int:
    """Return how many replicas a server wants before it accepts a write."""
    fence = server.config.get("min-replicas-to-write", server.config.get("min-slaves-to-write", "0"))
    return int(fence) if fence.isdecimal() else 0


def _in_sync(member: Observed, head: Observed) -> bool:
    upstream = member.primary
    return (
        upstream is not None
        and upstream.link == "up"
        and not upstream.sync_in_progress
        and head.is_known_by(upstream.address, upstream.port)
    )
