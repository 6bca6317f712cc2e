# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Damage of a cluster: its shape, and the nodes that cannot be asked, as those that answer know them; pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, List, Sequence, Set

from .._core.errors import QuorumError, Refused, Unsettled
from .._core.reconcile import Step
from .._model.cluster_nodes import ClusterNode
from .._model.cluster_slots import SLOTS, slots_of
from .._model.cluster_view import ClusterMember, by_id, list_answering, list_unclaimed, show_evidence
from .._model.tables import show_place

SILENT = ("refused", "timeout", "dns")  # nobody is there; whatever else is said, somebody says it


@dataclass
class Damage:
    """One kind of damage: what is seen, what mends it, what that gives up, and how it is confirmed."""

    kind: str
    what: str
    gives_up: str
    word: str
    steps: List[Step] = field(default_factory=list)


@dataclass
class Missing:
    """A node that is no member that answers: who it was, and what it had that nobody else claims."""

    id: str
    views: List[ClusterNode]
    position: int = -1  # of the silent member at its place
    slots: Set[int] = field(default_factory=set)

    @property
    def node(self) -> ClusterNode:
        """Return it as somebody sees it who knows its address, where there is one."""
        return next((view for view in self.views if not view.is_lost), self.views[0])


class Census:
    """All members, those that are declared gone, and the nodes that cannot be asked."""

    def __init__(self, members: Sequence[ClusterMember], gone: Sequence[str], replicas: int, where: str) -> None:
        """Gather what is told of each node; refuse names that mean nobody."""
        self.members, self.replicas, self.where = members, replicas, where
        named = [self._declared(name) for name in gone]
        self.back = [each for each in named if members[each].id or members[each].server.error_kind not in SILENT]
        self.gone = [position for position in named if position not in self.back]
        self.table = show_evidence(members)
        ours, unclaimed = by_id(members), list_unclaimed(members)
        views: Dict[str, List[ClusterNode]] = {}
        for node in (node for member in list_answering(members) for node in member.peers):
            if node.id not in ours and not node.in_handshake:
                views.setdefault(node.id, []).append(node)
        self.missing = [self._missing(identity, nodes, unclaimed) for identity, nodes in sorted(views.items())]

    def _declared(self, name: str) -> int:
        """Return which member is declared gone for good."""
        names = [{member.name, f"{member.server.address}:{member.server.port}"} for member in self.members]
        names = [each | {f"{member.name}:{member.server.port}"} for each, member in zip(names, self.members)]
        positions = [position for position, each in enumerate(names) if name in each]
        if len(positions) != 1:
            known = ", ".join(_full_name(member) for member in self.members)
            raise QuorumError(f"No member is called {name}", self.where, f"Nothing was changed. Use some of {known}")
        return positions[0]

    def refuse_back(self) -> None:
        """Refuse to begin when somebody was named as gone who is there."""
        for member in (self.members[position] for position in self.back):
            why = "answers" if member.id else f"cannot be asked ({member.server.error}), which is not the same"
            todo = "Nothing was changed. Stop it for good first, or do not name it"
            raise Refused(f"{show_place(member.server)} is said to be gone and {why}", self.where, todo)

    def _missing(self, identity: str, views: List[ClusterNode], unclaimed: Set[int]) -> Missing:
        here = [
            position
            for position, member in enumerate(self.members)
            if not member.id and any(member.server.is_known_by(view.address, view.port) for view in views)
        ]
        slots = {slot for view in views for slot in slots_of(view.slots)} & unclaimed
        return Missing(identity, views, here[0] if here else -1, slots)

    @property
    def voters(self) -> int:
        """Return how many primaries with slots answer."""
        return len(self.primaries)

    @property
    def owners(self) -> List[Missing]:
        """Return the nodes that are missing and have slots still."""
        return [missing for missing in self.missing if missing.slots]

    @property
    def absent(self) -> List[Missing]:
        """Return the missing owners, and the silent members beside them: one may have been elected elsewhere."""
        others = [missing for missing in self.missing if missing.position >= 0 and not missing.slots]
        return [*self.owners, *others]

    @property
    def can_elect(self) -> bool:
        """Return whether the primaries that answer are a majority, so that a replica could be elected."""
        return self.voters * 2 > self.voters + len(self.owners)

    @property
    def primaries(self) -> List[int]:
        """Return the primaries that answer and have slots."""
        return [
            position
            for position, member in enumerate(self.members)
            if member.id and member.slots and not member.own.is_replica
        ]

    @property
    def is_begun(self) -> bool:
        """Return whether there is a cluster at all."""
        return any(member.slots or member.own.is_replica for member in list_answering(self.members)) or bool(
            len(list_unclaimed(self.members)) < SLOTS or self.owners
        )

    def name_of(self, missing: Missing) -> str:
        """Return what to call a missing node in a sentence."""
        if missing.position >= 0:
            return show_place(self.members[missing.position].server)
        place = "a node without an address" if missing.node.is_lost else f"{missing.node.address}:{missing.node.port}"
        return f"{place} ({missing.id[:8]})"

    def followers_of(self, missing: Missing) -> List[int]:
        """Return the members that answer and follow a missing node."""
        return [
            position
            for position, member in enumerate(self.members)
            if member.id and member.own.is_replica and member.own.primary_id == missing.id
        ]

    def copies_of(self, missing: Missing) -> List[Missing]:
        """Return the missing nodes that followed another missing node."""
        return [each for each in self.missing if any(view.primary_id == missing.id for view in each.views)]

    def list_undeclared(self, nodes: Sequence[Missing]) -> List[Missing]:
        """Return those of these nodes that are silent members, and that nobody has declared gone."""
        return [each for each in nodes if each.position >= 0 and each.position not in self.gone]

    def type_gone(self, nodes: Sequence[Missing]) -> str:
        """Return what declares these nodes gone, beside those that are."""
        positions = sorted({*self.gone, *(each.position for each in nodes)})
        return f"redis_repair_gone={','.join(_full_name(self.members[position]) for position in positions)}"

    def silent_but(self, positions: Sequence[int]) -> List[ClusterMember]:
        """Return the members that could not be asked, without these."""
        return [
            member
            for position, member in enumerate(self.members)
            if not member.id and position not in (*self.gone, *positions)
        ]

    def refuse_silent(self, todo: str, but: Sequence[int] = ()) -> None:
        """Refuse while a member could not be asked that nobody has declared gone."""
        silent = self.silent_but(but)
        if silent:
            shown = "; ".join(f"{member.name}: {member.server.error}" for member in silent)
            raise Refused(f"Members do not answer: {shown}", self.where, todo, self.table)

    def refuse_strangers(self, nodes: Sequence[Missing]) -> None:
        """Refuse to count on the end of a node that is no member: nobody asks it whether it lives."""
        for missing in nodes:
            if missing.position < 0 and not missing.node.is_lost:
                todo = "Declare it, or start it: who is no member cannot be declared gone"
                what = f"{self.name_of(missing)} is a node and no member by the inventory"
                raise Refused(what, self.where, todo, self.table)

    def refuse_living(self, nodes: Sequence[Missing]) -> None:
        """Refuse to replace nodes that may live: asked they say something, others see them, or they are not reached."""
        for missing in nodes:
            self._refuse_seen(missing)
        away = [
            each for each in self.list_undeclared(nodes) if self.members[each.position].server.error_kind != "refused"
        ]
        if away:
            shown = "; ".join(
                f"{self.name_of(each)} is out of reach, and may live: {self.members[each.position].server.error}"
                for each in away
            )
            todo = (
                f"Start {'it' if len(away) == 1 else 'them'}. When its server is off for certain, add "
                f"{self.type_gone(away)}: a primary that lives with its clients would lose what they write"
            )
            raise Refused(shown, self.where, todo, self.table)

    def _refuse_seen(self, missing: Missing) -> None:
        name = self.name_of(missing)
        if missing.position < 0:
            todo = "Declare it, or start it: who is no member cannot be asked whether it lives"
            raise Refused(f"{name} has slots and is no member by the inventory", self.where, todo, self.table)
        server = self.members[missing.position].server
        if server.error_kind not in SILENT:
            todo = "Find out why, or stop it for good"
            raise Refused(f"{name} lives and cannot be asked: {server.error}", self.where, todo, self.table)
        seen = [
            member.name
            for member in list_answering(self.members)
            for node in member.peers
            if node.id == missing.id and not node.has_failed
        ]
        if seen:
            todo = "Wait for cluster-node-timeout, then run again; a primary that lives is never replaced"
            raise Unsettled(f"{', '.join(seen)} has not missed {name} yet", self.where, todo, self.table)


def _full_name(member: ClusterMember) -> str:
    tail = f":{member.server.port}"
    return member.name if member.name.endswith(tail) else f"{member.name}{tail}"
