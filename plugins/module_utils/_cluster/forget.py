# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes that leave a cluster: who they are, when they may be forgotten, and how it looks without them; pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Dict, List, Sequence

from .._core.errors import Refused
from .._core.reconcile import Step
from .._model.cluster_nodes import ClusterNode
from .._model.cluster_slots import show_slots
from .._model.cluster_view import ClusterMember, by_id, list_answering, show_evidence
from .._model.tables import show_place
from .preflight import refuse_open, refuse_silent
from .steps import TellMember


@dataclass
class Leaving:
    """The nodes to be forgotten, and which of them still run."""

    nodes: List[ClusterNode] = field(default_factory=list)
    running: List[str] = field(default_factory=list)
    predicted: bool = False  # check mode: those that run are taken for stopped, after a replica has taken over

    @property
    def ids(self) -> List[str]:
        """Return their identities."""
        return [node.id for node in self.nodes]


def find_leaving(members: Sequence[ClusterMember], addresses: Sequence[str]) -> List[ClusterNode]:
    """Return the nodes at these addresses that are no members that answer, each once, with all slots told of it."""
    ours = by_id(members)
    nodes: Dict[str, ClusterNode] = {}
    for node in (node for member in list_answering(members) for node in member.peers):
        if node.address in addresses and node.id not in ours and not node.in_handshake:
            known = nodes.setdefault(node.id, node)
            if node.slots and not known.slots:
                nodes[node.id] = node
    return list(nodes.values())


def drop_nodes(members: Sequence[ClusterMember], leaving: Leaving) -> List[ClusterMember]:
    """Return the members as they will be when nobody knows these nodes any more."""
    gone = set(leaving.ids)
    return [replace(member, nodes=[node for node in member.nodes if node.id not in gone]) for member in members]


def to_move_first(members: Sequence[ClusterMember], leaving: Leaving) -> bool:
    """Return whether a run would let these nodes lose slots or followers before; then only that can be predicted."""
    followed = {member.own.primary_id for member in list_answering(members)}
    return leaving.predicted and any(
        node.id in followed or (node.slots and not node.has_failed) for node in leaving.nodes
    )


def may_still_run(node: ClusterNode, error_kind: str, members: Sequence[ClusterMember]) -> bool:
    """Return whether a node may still run: nothing refuses at its port, and somebody has not missed it."""
    views = [other for member in list_answering(members) for other in member.peers if other.id == node.id]
    missed = error_kind in ("timeout", "dns") and all(view.has_failed for view in views)
    return error_kind != "refused" and not missed


def refuse_forget(members: Sequence[ClusterMember], leaving: Leaving, where: str) -> None:
    """Refuse to forget who has slots, is followed or still runs, and while a member could bring it back."""
    table = show_evidence(members)
    for node in leaving.nodes:
        name = _name_node(node)
        if node.slots:
            todo = "Let a replica take over, or move them, first"
            raise Refused(f"{name} is to be forgotten and has slots {show_slots(node.slots, 4)}", where, todo, table)
        followers = [member.name for member in list_answering(members) if member.own.primary_id == node.id]
        if followers:
            todo = "Let them follow another primary first"
            raise Refused(f"{name} is to be forgotten and {', '.join(followers)} follow it", where, todo, table)
    if leaving.running:
        todo = "Stop these servers first, for good: a node that runs could come back"
        raise Refused(f"To be forgotten and still running: {', '.join(leaving.running)}", where, todo, table)
    if leaving.nodes:
        stay = [member for member in members if not any(_is_at(member, node) for node in leaving.nodes)]
        refuse_silent(stay, where, "A node is forgotten only when every member is there to forget it")
        refuse_open(stay, where)


def _name_node(node: ClusterNode) -> str:
    return f"{node.address}:{node.port} ({node.id[:8]})" if node.address else f"the node {node.id[:8]}"


def _is_at(member: ClusterMember, node: ClusterNode) -> bool:
    """Return whether a silent member is at the place of a node: it waits to take that."""
    return not member.id and member.server.is_known_by(node.address, node.port)


def forget_steps(members: Sequence[ClusterMember], leaving: Leaving) -> List[Step]:
    """Return the steps after which no member knows these nodes; within a minute, or the others would tell it again."""
    return [
        TellMember(
            f"{show_place(member.server)}: forget {_name_node(node)}",
            position,
            ["CLUSTER", "FORGET", node.id],
        )
        for node in leaving.nodes
        for position, member in enumerate(members)
        if node.id in {peer.id for peer in member.peers}
    ]
