# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which damage a cluster has that it does not mend by itself, what mends it, and what that gives up; pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import List, Sequence, Set, Tuple

from .._core.errors import QuorumError, Refused, Unsettled
from .._core.reconcile import Step
from .._model.cluster_open import Finisher, SlotMove, list_open, set_slot
from .._model.cluster_view import ClusterMember, list_answering, list_contested, open_slots
from .._model.tables import count_of, show_place
from .census import Census, Damage, Missing
from .forget import Leaving, forget_steps, refuse_forget
from .ownerless import find_lost_slots
from .preflight import Loads, refuse_strange
from .rebalance import finishing_steps
from .steps import ForceTakeOver, JoinAgain


@dataclass
class Diagnosis:
    """What is mended in one run, the first of the kinds that are there, and what comes after it."""

    damage: List[Damage] = field(default_factory=list)
    rest: List[str] = field(default_factory=list)  # what cannot be mended before, or what is nobody's decision

    @property
    def steps(self) -> List[Step]:
        """Return what one run does."""
        return self.damage[0].steps if self.damage else []

    def word_for(self, name: str) -> str:
        """Return the confirmation: which cluster, and what is given up."""
        return f"{name}:{self.damage[0].word}" if self.damage else ""


def diagnose_cluster(census: Census) -> Diagnosis:
    """Return the damage, or refuse: what passes by itself is waited for, what nobody can mend is said."""
    _refuse_unclear(census)
    diagnosis = Diagnosis()
    for check in (find_lost_majority, find_lost_slots, find_open, find_lost_identity):
        try:
            diagnosis.damage += check(census)
        except QuorumError as problem:
            if not diagnosis.damage:
                raise
            diagnosis.rest.append(f"Afterwards: {problem.what}")
    if not diagnosis.damage:
        diagnosis.rest += [
            f"{show_place(member.server)} does not answer: {member.server.error}. Start it; that needs no repair"
            for member in census.members
            if not member.id
        ]
    return diagnosis


def _refuse_unclear(census: Census) -> None:
    """Refuse what no repair can begin with."""
    members, where = census.members, census.where
    if not list_answering(members):
        shown = "; ".join(f"{member.name}: {member.server.error}" for member in members)
        raise Refused(f"No member answers: {shown}", where, "Start them: what they have on disk is all that is left")
    if not census.is_begun:
        raise Refused("There is no cluster yet", where, "quorum.redis.site makes one of these members")
    refuse_strange(members, where)
    loading = [show_place(member.server) for member in members if member.server.error_kind == "loading"]
    if loading:
        raise Loads(f"Data is still being loaded: {', '.join(loading)}", where, "Run again when it is")
    if list_contested(members):
        todo = "Decide which one keeps them: save the keys of the other one, and CLUSTER DELSLOTS there"
        raise Unsettled("; ".join(list_contested(members)), where, todo, census.table)


def find_lost_majority(census: Census) -> List[Damage]:
    """Return the shards whose primary is gone and whose replica nobody can elect."""
    held = [(missing, census.followers_of(missing)) for missing in census.owners]
    led = [(missing, followers) for missing, followers in held if followers]
    if not led:
        return []
    names = ", ".join(census.name_of(missing) for missing, _followers in led)
    if census.can_elect:
        todo = "Wait for it. When none is elected, read the logs of its replicas (cluster-replica-validity-factor)"
        what = f"{names} does not answer, and {census.voters} primaries can elect a replica"
        raise Unsettled(what, census.where, todo, census.table)
    steps: List[Step] = []
    for missing, followers in led:
        census.refuse_living(missing)
        best = _best_copy(census, missing, followers)
        server = census.members[best].server
        has = f"offset {server.offset} and {count_of(server.key_count, 'key')}"
        text = f"{show_place(server)}: take over from {census.name_of(missing)} without a vote, with {has}"
        steps.append(ForceTakeOver(text, best, missing.id))
    total = census.voters + len(census.owners)
    return [
        Damage(
            "majority",
            f"{census.voters} of {total} primaries answer, which are no majority: nobody can be elected for {names}",
            "What these primaries acknowledged and their replicas had not received yet; when one of them lives still, "
            "all that its clients write",
            count_of(len(steps), "primary").replace(" ", "-"),
            steps,
        )
    ]


def _best_copy(census: Census, missing: Missing, followers: Sequence[int]) -> int:
    """Return the replica that has received most; refuse where none has all data of one moment."""
    whole = [position for position in followers if _is_whole(census.members[position])]
    if not whole:
        names = ", ".join(show_place(census.members[position].server) for position in followers)
        todo = (
            f"Start {census.name_of(missing)}: it alone has the data. When it is gone for good, stop {names} and name "
            "all of them with redis_repair_gone: their slots are given to others then, and their keys are lost"
        )
        raise Refused(f"{names} had not got all data when the primary was lost", census.where, todo, census.table)
    return max(
        whole, key=lambda each: (census.members[each].server.offset, census.members[each].server.key_count, -each)
    )


def _is_whole(member: ClusterMember) -> bool:
    """Return whether a replica has the data of its primary: none comes in, and it got some, or read them from disk."""
    upstream = member.server.primary
    syncing = upstream is not None and upstream.sync_in_progress
    return not syncing and (member.server.offset > 1 or not member.server.empty)


def find_open(census: Census) -> List[Damage]:
    """Return the slots that somebody has opened and nobody ends."""
    members, where = census.members, census.where
    if not open_slots(members):
        return []
    census.refuse_silent("A slot is closed only when every member is there. Start them, or declare them gone")
    moves: List[SlotMove] = []
    for slot in sorted(list_open(members)):
        finisher = Finisher(members, slot)
        if len(finisher.owners) != 1:
            todo = "Run again when it has one"
            raise Unsettled(f"Slot {slot} is open and has no owner", where, todo, census.table)
        move = finisher.finish_move()
        moves += [move] if move else finisher.close_slot()
    moves += _stale_marks(members)
    return [
        Damage(
            "open",
            "; ".join(open_slots(members)[:6]),
            "Nothing: a key is never overwritten by another copy, and where two differ it ends and names them",
            "no-key",
            finishing_steps(moves),
        )
    ]


def _stale_marks(members: Sequence[ClusterMember]) -> List[SlotMove]:
    """Return how marks end that only a replica has: Valkey's primaries tell their replicas."""
    positions = {member.id: position for position, member in enumerate(members) if member.id}
    moves = []
    for member in list_answering(members):
        slots = {**member.own.migrating, **member.own.importing} if member.own.is_replica else {}
        for slot in sorted(set(slots) - list_open(members)):
            if member.own.primary_id in positions:
                after = [(positions[member.own.primary_id], set_slot(slot, "STABLE"))]
                text = f"close slot {slot}, which only {member.name} says is open"
                moves.append(SlotMove(slot, after=after, text=text))
    return moves


def find_lost_identity(census: Census) -> List[Damage]:
    """Return the members that came back as somebody else, or were declared gone and have nothing left."""
    members = census.members
    nobody: List[Missing] = []
    joining: Set[int] = set()
    for missing in (each for each in census.missing if not each.slots):
        here = [
            position
            for position, member in enumerate(members)
            if member.id and any(member.server.is_known_by(view.address, view.port) for view in missing.views)
        ]
        if here or missing.node.is_lost or missing.position in census.gone:
            nobody.append(missing)
            joining.update(here)
            if missing.position in census.gone and members[missing.position].server.error_kind == "refused":
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
