# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes that are nobody any more: a member came back as somebody else, or is to be forgotten; pure."""

from __future__ import annotations

from dataclasses import replace
from typing import List, Sequence, Set, Tuple

from .._core.reconcile import Step
from .._model.cluster_view import list_answering
from .._model.tables import count_of, show_place
from .census import Census, Damage, Missing
from .forget import Leaving, forget_steps, refuse_forget
from .steps import JoinAgain


def find_lost_identity(census: Census, asked: bool = True) -> List[Damage]:
    """Return the members that came back as somebody else, or, where that is asked for, are gone and have no slots."""
    members, gone = census.members, census.gone if asked else []
    nobody: List[Missing] = []
    joining: Set[int] = set()
    for missing in (each for each in census.missing if not each.slots):
        here = [
            position
            for position, member in enumerate(members)
            if member.id and any(member.server.is_known_by(view.address, view.port) for view in missing.views)
        ]
        if here or missing.node.is_lost or missing.position in gone:
            nobody.append(missing)
            joining.update(here)
            if not here and not missing.node.is_lost:
                census.refuse_living([missing])
            if missing.position in gone and members[missing.position].server.error_kind == "refused":
                joining.add(missing.position)
    if not nobody:
        return []
    blank = [position for position, member in enumerate(members) if member.is_blank]
    if len(blank) <= sum(missing.node.is_lost for missing in nobody):  # else some of them are new ones
        joining.update(blank)
    census.refuse_silent("A node is forgotten only when every member is there to forget it", sorted(joining))
    stay = [member for position, member in enumerate(members) if position not in census.gone]
    # Whether its address is known still changes from one moment to the next.
    leaving = Leaving([replace(missing.node, address="", port=0, slots=[]) for missing in nobody])
    refuse_forget(stay, leaving, census.where)
    alone = sorted(position for position in joining if not members[position].peers)
    who = ", ".join(show_place(members[position].server) for position in alone)
    shown = ", ".join(f"the node {missing.id[:8]}" for missing in nobody)
    return [
        Damage(
            "identity",
            f"The others know {shown}, which there is no more" + (f"; {who} can join anew" if who else ""),
            f"What {shown} alone held; whoever joins anew gets the data of its primary",
            count_of(len(nobody), "identity").replace(" ", "-"),
            [*forget_steps(members, leaving), *_join_steps(census, alone)],
        )
    ]


def _join_steps(census: Census, joining: Sequence[int]) -> List[Step]:
    """Return how members join again: as replicas where one is lacking, in another zone where that can be."""
    members = census.members
    count = {
        primary: sum(1 for member in list_answering(members) if member.own.primary_id == members[primary].id)
        for primary in census.primaries
    }
    steps: List[Step] = []
    for position in joining:
        zone = members[position].zone

        def cost(primary: int, zone: str = zone) -> Tuple[bool, bool, int, int]:
            full = count[primary] >= census.replicas
            return full, members[primary].zone == zone, count[primary], primary

        if count:
            primary = min(count, key=cost)
            count[primary] += 1
            text = f"{show_place(members[position].server)}: join again, as a replica of {members[primary].name}"
            steps.append(JoinAgain(text, position, members[primary].id))
    return steps
