# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Slots that nobody has and nobody will get by himself: who gets them, and which keys are lost; pure."""

from __future__ import annotations

from typing import Dict, List, Sequence, Set, Tuple

from .._core.errors import Refused
from .._core.reconcile import Step
from .._model.cluster_slots import SLOTS, count_slots, ranges_of, show_slots, slots_of
from .._model.cluster_view import list_answering, list_unclaimed
from .._model.tables import count_of
from .census import Census, Damage, Missing
from .forget import Leaving, forget_steps
from .steps import add_slots, bump_epoch


def find_lost_slots(census: Census) -> List[Damage]:
    """Return the slots that nobody has and nobody will get: their shard is gone, or somebody has taken them away."""
    members = census.members
    dead = [missing for missing in census.owners if not census.followers_of(missing)]
    # Those of a shard that still has a replica are taken over, not given away.
    kept = {slot for missing in census.owners if missing not in dead for slot in missing.slots}
    lacking = list_unclaimed(members) - kept
    if not lacking:
        return []
    full = any(not member.server.empty for member in list_answering(members))
    if not full and not dead and all(member.id for member in members):
        todo = "Run quorum.redis.site: it finishes the creation"
        raise Refused(f"{count_of(len(lacking), 'slot')} have no owner, and there is no key yet", census.where, todo)
    forgotten = [copy for missing in dead for copy in (missing, *census.copies_of(missing))]
    _refuse_undeclared(census, dead, forgotten)
    census.refuse_silent("Start them, or declare them gone: slots are given away only when all others agree")
    if not census.primaries:
        todo = "Restore a backup with quorum.redis.restore"
        raise Refused("No primary with slots is left", census.where, todo, census.table)
    given, lost = _share_out(census, lacking, {slot for missing in dead for slot in missing.slots})
    # An owner forgets a move to a node that it forgets: what had gone there is lost, and nothing would show it.
    ids = {missing.id for missing in forgotten}
    owners = [census.members[position] for position in census.primaries]
    lost |= {slot for owner in owners for slot, other in owner.own.migrating.items() if other in ids}
    steps: List[Step] = forget_steps(members, Leaving([missing.node for missing in forgotten]))
    for position, slots in sorted(given.items()):
        # The epoch comes first: with the slots but the old epoch, a run that ends here would leave them to whoever
        # comes back with a later one.
        steps += [bump_epoch(members, position), add_slots(members, position, ranges_of(slots))]
    names = ", ".join(census.name_of(missing) for missing in forgotten)
    shown = f"{count_of(len(lacking), 'slot')} of {SLOTS} ({show_slots(ranges_of(lacking), 4)})"
    gives_up = f"All keys in {count_of(len(lost), 'slot')} of {SLOTS}" if lost else "Nothing: the keys are there"
    return [
        Damage(
            "slots",
            f"{shown} have no owner" + (f"; gone are {names}" if names else ""),
            gives_up + (f", and what {names} had, which must not come back with that" if names else ""),
            count_of(len(lost), "slot").replace(" ", "-") if lost else "no-key",
            steps,
        )
    ]


def _refuse_undeclared(census: Census, dead: Sequence[Missing], forgotten: Sequence[Missing]) -> None:
    """Refuse to give slots away while somebody may come back with their keys."""
    census.refuse_strangers(forgotten)
    left = census.list_undeclared(forgotten)
    if left:
        slots = {slot for missing in dead for slot in missing.slots}
        names = ", ".join(census.name_of(missing) for missing in left)
        todo = (
            f"Start one of them: it has the keys. When all are gone for good, add {census.type_gone(left)}: the slots "
            "are given to others then, and their keys are lost"
        )
        what = f"{count_of(len(slots), 'slot')} ({show_slots(ranges_of(slots), 4)}) have no living copy, and {names}"
        raise Refused(f"{what} {'does' if len(left) == 1 else 'do'} not answer", census.where, todo, census.table)
    census.refuse_living([missing for missing in forgotten if missing.position >= 0])


def _share_out(census: Census, lacking: Set[int], dead: Set[int]) -> Tuple[Dict[int, Set[int]], Set[int]]:
    """Return who gets which slots, and those that lose keys: who holds keys of a slot gets it.

    Of a slot whose owner is dead, others hold no more than what was moved before that.
    """
    given: Dict[int, Set[int]] = {}
    members = census.members
    holders = {slot: [each for each, member in enumerate(members) if member.slot_keys.get(slot)] for slot in lacking}
    torn = [slot for slot, positions in holders.items() if len(positions) > 1]
    if torn:
        counts = ", ".join(f"{members[each].name} {members[each].slot_keys[torn[0]]}" for each in holders[torn[0]])
        todo = f"Decide which one keeps it: move the keys away from the others, then CLUSTER ADDSLOTS {torn[0]} there"
        what = f"Slot {torn[0]} has no owner, and several members hold keys of it: {counts}"
        raise Refused(what, census.where, todo, census.table)
    shown = {
        slot: position
        for position in census.primaries
        for view in (node for member in list_answering(members) for node in member.peers)
        if view.id == members[position].id
        for slot in slots_of(view.slots)
    }
    bare = sorted(slot for slot in lacking if not holders[slot] and slot not in shown)
    for slot in sorted(lacking - set(bare)):
        owner = shown.get(slot, -1)  # has given it up, and the others do not know that
        holder = holders[slot][0] if holders[slot] else owner
        if owner not in (-1, holder):
            here, there = members[holder], members[owner]
            what = f"{here.name} holds the keys of slot {slot}, which the others take for {there.name}'s"
            todo = (
                f"CLUSTER ADDSLOTS {slot} on {there.name}, CLUSTER SETSLOT {slot} IMPORTING {there.id} on {here.name}, "
                "then run again: the keys go back to their owner"
            )
            raise Refused(what, census.where, todo, census.table)
        given.setdefault(holder, set()).add(slot)
    sizes = {each: count_slots(members[each].slots) + len(given.get(each, ())) for each in census.primaries}
    left = list(bare)
    for position, size in sorted(_level(sizes, len(left)).items()):
        part, left = left[:size], left[size:]
        if part:
            given.setdefault(position, set()).update(part)
    return given, {*bare, *(dead & lacking)}


def _level(sizes: Dict[int, int], more: int) -> Dict[int, int]:
    """Return how many more each gets so that all have as many as can be."""
    gets = dict.fromkeys(sizes, 0)
    order = sorted(sizes, key=lambda each: (sizes[each], each))
    while more and order:
        low = min(sizes[each] + gets[each] for each in order)
        lowest = [each for each in order if sizes[each] + gets[each] == low]
        above = [sizes[each] + gets[each] for each in order if each not in lowest]
        step = min(more // len(lowest), min(above) - low if above else more)
        for each in lowest[: len(lowest) if step else more]:
            gets[each] += step or 1
            more -= step or 1
    return gets
