# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a cluster still lacks, and is waited for: from what all members say; pure."""

from __future__ import annotations

from typing import FrozenSet, List

from .._model.cluster_slots import ranges_of, show_slots
from .._model.cluster_view import (
    list_answering,
    list_contested,
    list_disagreements,
    list_marks,
    list_unclaimed,
    open_slots,
)
from .._model.tables import show_place as named
from .plan import ClusterPlanner
from .preflight import list_silent


def list_unmet(planner: ClusterPlanner) -> List[str]:
    """Return who does not know whom yet, a sentence for each member."""
    there = list_answering(planner.members)
    missing = {}
    for member in there:
        met = member.met
        missing[member.name] = [other.name for other in there if other.id not in met]
        missing[member.name] += [f"{node.address}:{node.port}" for node in member.peers if node.in_handshake]
    return [f"{name} has not met {', '.join(others)}" for name, others in missing.items() if others]


def list_unanswered(planner: ClusterPlanner) -> List[str]:
    """Return who does not answer, a sentence each; before the first step all did."""
    return [f"{named(member.server)} does not answer" for member in list_silent(planner.members)]


def list_pending(planner: ClusterPlanner, apart: FrozenSet[int] = frozenset()) -> List[str]:
    """Return what the cluster still lacks, a sentence each; silent members do not count, nor do slots set apart."""
    there = list_answering(planner.members)
    lacking = ranges_of(list_unclaimed(there))
    pending = [*list_unmet(planner), *list_contested(there), *list_disagreements(there, apart)]
    pending += [f"slots {show_slots(lacking, 4)} have no owner"] if lacking else []
    for member in there:
        upstream = member.server.primary
        if member.own.is_replica and (upstream is None or upstream.link != "up"):
            pending.append(f"{member.name} has no link to its primary")
        if member.state != "ok":
            pending.append(f"{member.name} says that the state of the cluster is {member.state}")
    return pending


def list_unready(planner: ClusterPlanner) -> List[str]:
    """Return what is to be waited for, moves of slots too, a sentence each."""
    return [*list_unanswered(planner), *list_pending(planner), *open_slots(planner.members)]


def list_unmovable(planner: ClusterPlanner) -> List[str]:
    """Return why no slot can be moved yet, a sentence each; a job that runs is waited for by whoever moves them."""
    return [*list_unanswered(planner), *list_pending(planner), *list_marks(planner.members)]
