# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which damage a cluster has that it does not mend by itself, what mends it, and what that gives up; pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import partial
from typing import Callable, Collection, Dict, List, Sequence

from .._core.errors import QuorumError, Refused, Unsettled
from .._core.reconcile import Step
from .._model.cluster_open import Finisher, SlotMove, list_open, set_slot
from .._model.cluster_slots import ranges_of, show_slots, slots_of
from .._model.cluster_view import (
    ClusterMember,
    list_answering,
    list_contested,
    list_disagreements,
    list_running,
    list_unclaimed,
    open_slots,
)
from .._model.tables import count_of, show_place
from .census import Census, Damage, Missing
from .identity import find_lost_identity
from .ownerless import find_lost_slots
from .pending import list_pending
from .plan import ClusterPlanner
from .preflight import Loads, refuse_strange
from .rebalance import finishing_steps
from .steps import ForceTakeOver


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


def decide_run(census: Census, name: str, confirm: str) -> Diagnosis:
    """Return what is done once it is confirmed; refuse a word that is not what is given up now.

    With the word of another kind nobody asks to forget who is gone: a repair is repeated with all that it was given.
    """
    repeated = re.fullmatch(rf"{re.escape(name)}:(no-key|[1-9]\d*-(primary|primaries|slots?))", confirm)
    try:
        diagnosis = diagnose_cluster(census, asked=not repeated)
    except Unsettled:
        raise
    except QuorumError:
        census.refuse_back()
        raise
    if diagnosis.damage or not confirm:
        census.refuse_back()
    if diagnosis.damage and confirm and confirm != diagnosis.word_for(name):
        diagnosis = diagnose_cluster(census)
        what = f"{confirm} is not what is given up now: {diagnosis.damage[0].gives_up}"
        todo = f"Nothing was changed. To go on, confirm with {diagnosis.word_for(name)}"
        raise Refused(what, census.where, todo, census.table)
    if not diagnosis.damage:
        diagnosis.rest += list_named(census)
    return diagnosis


def list_named(census: Census, joined: Collection[int] = ()) -> List[str]:
    """Return what became of those that were named as gone, unless it has been decided."""
    back = [census.members[position] for position in census.back if position not in joined]
    others = [member for member in list_answering(census.members) if member not in back]
    met = {node.id for member in others for node in member.peers}
    known = [census.members[each.position].server for each in census.missing if each.position in census.gone]
    return [
        f"{show_place(member.server)} was named as gone and is back"
        + ("" if not member.id or member.id in met else ", and the others do not know it: stop it and empty it")
        for member in back
    ] + [
        f"{show_place(server)} was named as gone, and the others know it still. To have it forgotten, run again "
        "without a confirmation"
        for server in known
    ]


def diagnose_cluster(census: Census, asked: bool = True) -> Diagnosis:
    """Return the damage, or refuse: what passes by itself is waited for, what nobody can mend is said."""
    _refuse_unclear(census)
    diagnosis = Diagnosis()
    identity = partial(find_lost_identity, asked=asked)
    checks: List[Callable[[Census], List[Damage]]] = [find_lost_majority, find_lost_slots, find_open, identity]
    for check in checks:
        try:
            diagnosis.damage += check(census)
        except QuorumError as problem:
            if not diagnosis.damage:
                raise
            diagnosis.rest.append(f"Afterwards: {problem.what}")
    if not diagnosis.damage:
        diagnosis.rest += [
            f"{show_place(member.server)} does not answer: {member.server.error}. Start it; that needs no repair"
            for member in census.silent_but(())
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
        stands = ", ".join(show_place(census.members[each].server) for _missing, there in led for each in there)
        todo = (
            f"Wait for it. When none is elected, the log of {stands} says why. Where its data is too old, CONFIG SET "
            "cluster-replica-validity-factor 0 there lets it stand: what it had not received is lost. When its primary "
            "is there again, set it back to what it was"
        )
        what = f"{names} does not answer, and {census.voters} primaries can elect a replica"
        raise Unsettled(what, census.where, todo, census.table)
    census.refuse_living(census.absent)
    unseen = _refuse_fuller(census, [missing for missing, _followers in led])
    steps: List[Step] = []
    for missing, followers in led:
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
            "What these primaries acknowledged and their replicas had not received yet"
            + (f", and what only {unseen} had received" if unseen else "")
            + "; when one of them lives still, all that its clients write",
            count_of(len(steps), "primary").replace(" ", "-"),
            steps,
        )
    ]


def _refuse_fuller(census: Census, led: Sequence[Missing]) -> str:
    """Refuse while a silent replica may have received more than those that answer; return those that are given up."""
    copies = [copy for missing in led for copy in census.copies_of(missing)]
    census.refuse_strangers(copies)
    left = census.list_undeclared(copies)
    if left:
        names = ", ".join(census.name_of(copy) for copy in left)
        todo = f"Start it: who has received most takes over. When it is gone for good, add {census.type_gone(left)}"
        what = f"{names}, a replica of a primary that is lost, does not answer, and may have received more"
        raise Refused(what, census.where, todo, census.table)
    return ", ".join(census.name_of(copy) for copy in copies if not copy.node.is_lost)


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
    if list_running(members):
        raise Unsettled("; ".join(open_slots(members)[:6]), where, "Let that end, then run again", census.table)
    if not open_slots(members):
        return []
    census.refuse_silent("A slot is closed only when every member is there. Start them, or declare them gone")
    lost = _keys_gone(census)
    moves: List[SlotMove] = []
    for slot in sorted(list_open(members)):
        finisher = Finisher(members, slot)
        if len(finisher.owners) != 1:
            todo = "Run again when it has one"
            raise Unsettled(f"Slot {slot} is open and has no owner", where, todo, census.table)
        move = finisher.finish_move()
        moves += [move] if move else finisher.close_slot()
    moves += _stale_marks(members)
    there = ", ".join(
        member.name
        for member in list_answering(members)
        if any(member.slot_keys.get(slot) and slot not in slots_of(member.slots) for slot in lost)
    )
    return [
        Damage(
            "open",
            "; ".join(open_slots(members)[:6]),
            f"The keys of {count_of(len(lost), 'slot')} ({show_slots(ranges_of(lost), 4)}) that had gone already to "
            f"{', '.join(sorted(set(lost.values())))}" + (f", but those that {there} holds" if there else "")
            if lost
            else "Nothing: only the copy of an owner that is moving a key replaces another one; where two differ "
            "otherwise it ends and names them",
            count_of(len(lost), "slot").replace(" ", "-") if lost else "no-key",
            finishing_steps(moves),
        )
    ]


def _keys_gone(census: Census) -> Dict[int, str]:
    """Return the open slots whose owner was giving keys to a node that is gone; refuse while somebody has its copy."""
    missing = {each.id: each for each in census.missing}
    lost = {}
    for member in (each for each in list_answering(census.members) if each.slots and not each.own.is_replica):
        for slot, target in sorted(member.own.migrating.items()):
            if target not in missing:
                continue
            name = census.name_of(missing[target])
            followers = census.followers_of(missing[target])
            if followers:
                server = census.members[followers[0]].server
                todo = (
                    f"Start {name}. When it is gone for good, CLUSTER FAILOVER TAKEOVER on {show_place(server)}, then "
                    "run again: the keys come back from there"
                )
                what = f"Keys of slot {slot} have gone to {name}, which is gone; {show_place(server)} has a copy of it"
                raise Refused(what, census.where, todo, census.table)
            census.refuse_strangers([missing[target]])
            if missing[target].position >= 0:
                census.refuse_living([missing[target]])
            lost[slot] = name
    return lost


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


def list_unmended(census: Census, kind: str, joined: Collection[int] = ()) -> List[str]:
    """Return what a repair of this kind waits for still, a sentence each.

    Who has not joined does not count, nor who was named as gone and is back all the same, nor a slot that is open where
    that was not to be repaired.
    """
    members = [
        member
        for position, member in enumerate(census.members)
        if not member.is_blank and (position in joined or position not in census.back)
    ]
    apart = frozenset(list_open(members))
    if kind == "majority" and list_unclaimed(members):
        return [*list_contested(members), *list_disagreements(members, apart)]
    pending = list_pending(ClusterPlanner(members, "", census.replicas), apart)
    return [*pending, *(open_slots(members) if kind == "open" else [])]
