# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a cluster is left alone: what passes by itself, and what somebody has to decide; pure."""

from __future__ import annotations

from typing import FrozenSet, List, Optional, Sequence

from .._core.errors import Refused, Unsettled
from .._model.cluster_layout import layout_problems, layouts_that_fit
from .._model.cluster_slots import ranges_of, show_slots
from .._model.cluster_view import (
    ClusterMember,
    by_id,
    list_answering,
    list_clones,
    list_contested,
    list_disagreements,
    list_groups,
    list_strangers,
    list_unclaimed,
    open_slots,
    show_evidence,
)
from .._model.tables import show_place

OPEN = "Let that move end first. What a killed run with rebalance has left is finished by running with rebalance again"


class Loads(Unsettled):
    """A member reads its data, which may take long."""

    patient = True


def list_silent(members: Sequence[ClusterMember]) -> List[ClusterMember]:
    """Return the members that could not be asked."""
    return [member for member in members if not member.id]


def refuse_silent(members: Sequence[ClusterMember], where: str, todo: str) -> None:
    """Refuse while a member could not be asked."""
    if list_silent(members):
        shown = "; ".join(f"{member.name}: {member.server.error}" for member in list_silent(members))
        raise Refused(f"Members do not answer: {shown}", where, todo)


def refuse_strange(members: Sequence[ClusterMember], where: str) -> None:
    """Refuse what no plan can begin with; nothing of it passes by itself."""
    table = show_evidence(members)
    alone = [show_place(member.server) for member in members if member.server.error_kind == "standalone"]
    if alone:
        todo = "Set cluster-enabled to yes in the configuration and restart"
        raise Refused(f"No cluster mode: {', '.join(alone)}", where, todo)
    if list_clones(members):
        todo = "One has a copy of the other's nodes.conf: stop it, empty its data directory, and run again"
        raise Refused("; ".join(list_clones(members)), where, todo, table)
    known = by_id(members)
    for member in known.values():
        for node in member.peers:
            if node.in_handshake or not node.slots or node.id in known:
                continue
            here = [other for other in known.values() if other.server.is_at(node.address, node.port)]
            if here:
                raise Refused(
                    f"{here[0].name} has lost its identity: {member.name} knows another node at its address, "
                    f"with slots {show_slots(node.slots, 4)}",
                    where,
                    "Bring its nodes.conf back, or stop it: a replica takes over then, and quorum.redis.repair says "
                    "what is left to do",
                    table,
                )
            if node.is_lost:
                raise Refused(
                    f"{member.name} knows an owner of slots {show_slots(node.slots, 4)} that has no address any more",
                    where,
                    "Find out which member has lost its nodes.conf before anything else is changed",
                    table,
                )
    _refuse_merging(members, where, table)


def _refuse_merging(members: Sequence[ClusterMember], where: str, table: str) -> None:
    """Refuse to join what has data: of two owners of a slot one is wiped."""
    groups = list_groups(members)
    keys = [member for member in list_answering(members) if not member.server.empty]
    strays = [member for member in keys if not member.peers]
    if strays:
        shown = ", ".join(f"{show_place(member.server)} holds {member.server.key_count} keys" for member in strays)
        todo = "Save what they hold elsewhere and empty them, or take them out of the members"
        raise Refused(f"{shown}, and no node of the cluster: joining would wipe that", where, todo, table)
    if len(groups) > 1 and (keys or list_contested(members)):
        shown = "; ".join(", ".join(member.name for member in group) for group in groups)
        todo = (
            "Take the members of the other one out of the inventory: clusters are never merged, one side would be wiped"
        )
        raise Refused(f"There are {len(groups)} clusters: {shown}", where, todo, table)


def await_quiet(members: Sequence[ClusterMember], where: str, apart: FrozenSet[int] = frozenset()) -> None:
    """Wait for what passes by itself: data that is loaded, gossip, a failover; slots that are to be closed apart."""
    table = show_evidence(members)
    loading = [show_place(member.server) for member in members if member.server.error_kind == "loading"]
    if loading:
        raise Loads(f"Data is still being loaded: {', '.join(loading)}", where, "Run again when it is")
    known = by_id(members)
    meeting = [member.name for member in known.values() if any(node.in_handshake for node in member.peers)]
    if meeting:
        todo = "Check that every member reaches the cluster bus of every other one, port and TLS"
        raise Unsettled(f"Members wait for nodes that they have not met yet: {', '.join(meeting)}", where, todo, table)
    if list_contested(members):
        todo = "Decide which one keeps them before anything else is changed"
        raise Unsettled("; ".join(list_contested(members)), where, todo, table)
    if list_disagreements(members, apart):
        todo = "Check the cluster bus between these members, then run again"
        raise Unsettled("; ".join(list_disagreements(members, apart)[:6]), where, todo, table)
    failed = [
        f"{member.name} says that {known[node.id].name} has failed"
        for member in known.values()
        for node in member.peers
        if node.id in known and node.has_failed
    ]
    if failed:
        raise Unsettled(
            "; ".join(failed[:6]), where, "Check the cluster bus between these members, then run again", table
        )
    lacking = list_unclaimed(members)
    begun = any(member.slots or member.own.is_replica or not member.server.empty for member in known.values())
    full = any(not member.server.empty for member in known.values())
    if lacking and begun and (full or list_silent(members) or list_strangers(members)):
        shown = show_slots(ranges_of(lacking), 4)
        quiet = ", ".join(show_place(member.server) for member in list_silent(members))
        todo = (
            f"Start what does not answer: {quiet}" if quiet else "Run quorum.redis.repair: it says who holds their keys"
        )
        raise Unsettled(f"Slots {shown} have no living owner", where, todo, table)


def refuse_open(members: Sequence[ClusterMember], where: str, todo: str = OPEN) -> None:
    """Refuse while a slot is on its way from one node to another."""
    if open_slots(members):
        raise Refused("; ".join(open_slots(members)[:6]), where, todo, show_evidence(members))


def refuse_steps(
    members: Sequence[ClusterMember], replicas: int, where: str, after: Optional[Sequence[str]] = None
) -> None:
    """Refuse to change a cluster that is not whole, or into one that does not survive: of members in zones `after`."""
    table = show_evidence(members)
    zones = [member.zone for member in members] if after is None else after
    problems = layout_problems(zones, replicas)
    if problems:
        fit = layouts_that_fit(len(zones), len(set(zones)), replicas)
        raise Refused(f"This layout does not survive the loss of a zone: {'; '.join(problems)}", where, fit)
    refuse_silent(members, where, "A cluster is only changed when every member is there")
    if list_strangers(members):
        shown = ", ".join(f"{node.address}:{node.port} ({node.id[:8]})" for node in list_strangers(members))
        others = {node.id for node in list_strangers(members)}
        who = [member.name for member in list_answering(members) if member.met & others]
        todo = "Declare these nodes, forget them, or take the members of another cluster out of the inventory"
        raise Refused(
            f"{', '.join(who)} belong to a cluster with nodes that are no members: {shown}", where, todo, table
        )
    refuse_open(members, where)
    versions = sorted({f"{member.server.engine} {member.server.version}" for member in members})
    if len(versions) > 1:
        todo = "Bring them to one version before members are joined"
        raise Refused(f"The members are not of one version: {', '.join(versions)}", where, todo)
