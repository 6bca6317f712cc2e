# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All members of a cluster as they see themselves and each other, and where these views disagree; pure.

What a node says about itself counts: who has a slot is told by the own lines, the others only repeat it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, FrozenSet, Iterable, List, Sequence, Set

from .cluster_layout import Placement
from .cluster_nodes import ClusterNode
from .cluster_slots import SLOTS, Range, ranges_of, show_slots, slots_of
from .observed import Observed
from .slot_jobs import SlotJob
from .tables import align_rows


@dataclass
class ClusterMember:
    """One member: the server, and what it says about the nodes that it knows."""

    server: Observed
    zone: str = ""
    state: str = ""
    nodes: List[ClusterNode] = field(default_factory=list)
    slot_keys: Dict[int, int] = field(default_factory=dict)  # of the slots that somebody says are open
    jobs: List[SlotJob] = field(default_factory=list)  # with which its engine moves slots, or has moved
    unread: str = ""  # why it did not tell of them

    @property
    def name(self) -> str:
        """Return what to call it in a sentence."""
        return self.server.name

    @property
    def own(self) -> ClusterNode:
        """Return its own line, which comes first; an empty one where nothing is known."""
        return next((node for node in self.nodes if "myself" in node.flags), ClusterNode(""))

    @property
    def id(self) -> str:
        """Return its identity; empty where nothing is known."""
        return self.own.id

    @property
    def slots(self) -> List[Range]:
        """Return the slots that it says are its own."""
        return self.own.slots

    @property
    def peers(self) -> List[ClusterNode]:
        """Return the other nodes that it knows."""
        return [node for node in self.nodes if "myself" not in node.flags]

    @property
    def is_blank(self) -> bool:
        """Return whether it knows nobody and has neither slots nor keys, so that it can join."""
        return bool(self.id) and not self.peers and not self.slots and self.server.empty and not self.own.is_replica

    @property
    def is_spare(self) -> bool:
        """Return whether it has neither slots nor keys nor a primary, so that it can become anything."""
        return bool(self.id) and not self.slots and self.server.empty and not self.own.is_replica

    @property
    def met(self) -> Set[str]:
        """Return the identities of the nodes that it has met, its own one too."""
        return {node.id for node in self.nodes if not node.in_handshake}


def list_answering(members: Iterable[ClusterMember]) -> List[ClusterMember]:
    """Return the members that could be asked."""
    return [member for member in members if member.id]


def by_id(members: Iterable[ClusterMember]) -> Dict[str, ClusterMember]:
    """Return the members that could be asked by their identities."""
    return {member.id: member for member in list_answering(members)}


def is_known(member: ClusterMember, members: Iterable[ClusterMember]) -> bool:
    """Return whether a member knows others, or one of them knows a node at its place."""
    known = (node for other in list_answering(members) for node in other.peers)
    return bool(member.peers) or any(member.server.is_known_by(node.address, node.port) for node in known)


def list_claims(members: Iterable[ClusterMember]) -> Dict[int, List[ClusterMember]]:
    """Return for each slot the members that say it is theirs."""
    claims: Dict[int, List[ClusterMember]] = {}
    for member in list_answering(members):
        for slot in slots_of(member.slots):
            claims.setdefault(slot, []).append(member)
    return claims


def list_unclaimed(members: Iterable[ClusterMember]) -> Set[int]:
    """Return the slots that no member says are its own."""
    left = set(range(SLOTS))
    for member in list_answering(members):
        left -= slots_of(member.slots)
    return left


def list_clones(members: Iterable[ClusterMember]) -> List[str]:
    """Return a sentence for each identity that two members have: one has a copy of the other's nodes.conf."""
    seen: Dict[str, List[str]] = {}
    for member in list_answering(members):
        seen.setdefault(member.id, []).append(member.name)
    return [f"{' and '.join(names)} have the same identity" for names in seen.values() if len(names) > 1]


def list_strangers(members: Sequence[ClusterMember]) -> List[ClusterNode]:
    """Return the nodes that members know and that are none of the members, each once.

    A silent member is known by its address; a node that nobody has met yet has no identity of its own.
    """
    silent = [member.server for member in members if not member.id]
    known: Dict[str, ClusterNode] = {}
    ours = by_id(members)
    for member in list_answering(members):
        for node in member.peers:
            theirs = any(server.is_known_by(node.address, node.port) for server in silent)
            if node.id not in ours and not node.in_handshake and not theirs:
                known.setdefault(node.id, node)
    return list(known.values())


def list_groups(members: Sequence[ClusterMember]) -> List[List[ClusterMember]]:
    """Return the members that know each other, directly or through others, blank ones left out; the largest first."""
    left = [member for member in list_answering(members) if not member.is_blank]
    groups: List[List[ClusterMember]] = []
    while left:
        ids: Set[str] = set()
        group, more = [], left[:1]
        while more:
            group += more
            ids |= {node.id for member in more for node in member.nodes}
            left = [member for member in left if all(member is not other for other in more)]
            more = [member for member in left if not ids.isdisjoint({node.id for node in member.nodes})]
        groups.append([member for member in members if any(member is other for other in group)])
    return sorted(groups, key=len, reverse=True)


def list_contested(members: Sequence[ClusterMember]) -> List[str]:
    """Return a sentence for each pair of members that claim the same slots."""
    claimed = sum(member.own.slot_count for member in list_answering(members))
    if claimed == SLOTS - len(list_unclaimed(members)):
        return []
    rivals: Dict[str, List[int]] = {}
    for slot, owners in list_claims(members).items():
        if len(owners) > 1:
            rivals.setdefault(" and ".join(f"{owner.name} (epoch {owner.own.epoch})" for owner in owners), []).append(
                slot
            )
    return [f"{names} both claim slots {show_slots(ranges_of(slots), 4)}" for names, slots in rivals.items()]


def list_marks(members: Iterable[ClusterMember]) -> List[str]:
    """Return a sentence for each slot of which a member says that it is open."""
    known = by_id(members)
    open_ones = []
    for member in known.values():
        for word, slots in (("migrating to", member.own.migrating), ("importing from", member.own.importing)):
            for slot, other in sorted(slots.items()):
                name = known[other].name if other in known else other[:8]
                open_ones.append(f"slot {slot} of {member.name} is {word} {name}")
    return open_ones


def open_slots(members: Iterable[ClusterMember]) -> List[str]:
    """Return a sentence for each slot, or job with many, that is on its way from one node to another."""
    members = list(members)
    return [*list_marks(members), *(show_job(job, members) for job in list_running(members))]


def list_unread(members: Iterable[ClusterMember]) -> List[str]:
    """Return a sentence about members whose jobs are not seen, as the login lacks the right to ask."""
    unread = {member.name: member.unread for member in list_answering(members) if member.unread}
    why = next(iter(unread.values()), "")
    return [f"Slots that the engine of {', '.join(unread)} moves are not seen: {why}"] if unread else []


def list_running(members: Iterable[ClusterMember]) -> List[SlotJob]:
    """Return the jobs that move slots at this moment, each once."""
    primaries = [member for member in list_answering(members) if not member.own.is_replica]
    running = {job.name: job for member in primaries for job in member.jobs if job.is_running}
    return [running[name] for name in sorted(running)]


def show_job(job: SlotJob, members: Iterable[ClusterMember]) -> str:
    """Return a sentence about a job; nothing in it changes while it runs."""
    known = by_id(members)
    source, target = (known[node].name if node in known else node[:8] for node in (job.source, job.target))
    return f"slots {show_slots(job.ranges, 4)} of {source} are on their way to {target}"


def list_disagreements(members: Sequence[ClusterMember], apart: FrozenSet[int] = frozenset()) -> List[str]:
    """Return a sentence for each member that another one sees in another way than it sees itself.

    Where a slot is open nobody accepts a new owner by hearsay, so these may be set apart.
    """
    known = by_id(members)
    disagreements = []
    for member in known.values():
        for node in member.peers:
            other = known.get(node.id)
            if other is None or node.in_handshake:
                continue
            if node.slots != other.slots and (slots_of(node.slots) ^ slots_of(other.slots)) - apart:
                disagreements.append(
                    f"{member.name} says that {other.name} has slots {show_slots(node.slots, 4)}, {other.name} itself "
                    f"says {show_slots(other.slots, 4)}"
                )
            elif (node.is_replica, node.primary_id) != (other.own.is_replica, other.own.primary_id):
                disagreements.append(f"{member.name} and {other.name} disagree about whom {other.name} follows")
            elif node.is_lost:
                disagreements.append(f"{member.name} has no address of {other.name}")
    return disagreements


def observed_placement(members: Sequence[ClusterMember]) -> Placement:
    """Return who is primary, because it has slots or is followed, and who follows whom."""
    number = {member.id: position for position, member in enumerate(members) if member.id}
    follows = {
        position: number[member.own.primary_id]
        for position, member in enumerate(members)
        if member.own.is_replica and member.own.primary_id in number
    }
    # One that is given its first slot has nothing yet but that slot's keys.
    primaries = {position for position, member in enumerate(members) if member.slots or member.own.importing}
    primaries |= set(follows.values())
    return Placement(sorted(primaries - set(follows)), follows)


def show_evidence(members: Sequence[ClusterMember]) -> str:
    """Return who says what, as a table."""
    known = by_id(members)
    rows = [["member", "identity", "role", "knows", "slots", "keys", "epoch", "state"]]
    for member in members:
        own = member.own
        if not member.id:
            rows.append([member.name, "?", f"not observed ({member.server.error_kind or 'other'})", *"?????"])
            continue
        followed = known[own.primary_id].name if own.primary_id in known else own.primary_id[:8]
        role = f"replica of {followed}" if own.is_replica else "primary"
        cells = [str(len(member.peers)), show_slots(own.slots, 3), str(member.server.key_count), str(own.epoch)]
        rows.append([member.name, own.id[:8], role, *cells, member.state])
    return align_rows(rows)
