# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is left to do with a slot that a move has left open: decided from what all members say about it; pure.

A move opens one slot at a time, on the target first, and its keys go over while the source says MIGRATING. So:
where the owner still says that, its copy of a key is the one that clients see and write. Where it does not, because a
replica without that mark was elected in its place, both sides may hold writes that the other one lacks: then keys go
back to the owner, and none takes the place of another.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Dict, List, Optional, Sequence, Set, Tuple

from .cluster_view import ClusterMember, list_answering, list_claims

Command = Tuple[int, List[object]]  # which member is told what


@dataclass
class SlotMove:
    """The keys of a slot go from one member to another: what is said before, what after."""

    slot: int
    source: int = -1  # nobody: there are no keys to move
    target: int = -1
    before: List[Command] = field(default_factory=list)
    after: List[Command] = field(default_factory=list)
    newest: bool = False  # a key of the source takes the place of its copy on the target
    text: str = ""


def set_slot(slot: int, *words: object) -> List[object]:
    """Return the command that says something about a slot."""
    return ["CLUSTER", "SETSLOT", slot, *words]


def list_open(members: Sequence[ClusterMember]) -> Set[int]:
    """Return the slots that a primary says are open; replicas repeat it on some engines."""
    primaries = [member for member in list_answering(members) if not member.own.is_replica]
    return {slot for member in primaries for slot in {**member.own.migrating, **member.own.importing}}


def keep_marks(members: Sequence[ClusterMember], slot: int) -> List[ClusterMember]:
    """Return the members as they are with no other slot open than this one."""

    def marks_of(marks: Dict[int, str]) -> Dict[int, str]:
        return {each: other for each, other in marks.items() if each == slot}

    return [
        replace(
            member,
            nodes=[
                replace(node, migrating=marks_of(node.migrating), importing=marks_of(node.importing))
                for node in member.nodes
            ],
        )
        for member in members
    ]


def plan_forward(members: Sequence[ClusterMember], slot: int, source: int, target: int) -> SlotMove:
    """Return how a slot goes to another primary: IMPORTING comes first, or clients are sent round and round."""
    ids = [member.id for member in members]
    others = [
        position
        for position, member in enumerate(members)
        if member.peers and not member.own.is_replica and position not in (source, target)
    ]
    return SlotMove(
        slot,
        source,
        target,
        [(target, set_slot(slot, "IMPORTING", ids[source])), (source, set_slot(slot, "MIGRATING", ids[target]))],
        [(position, set_slot(slot, "NODE", ids[target])) for position in (target, source, *others)],
        newest=True,
    )


class Finisher:
    """One open slot, and who says what about it."""

    def __init__(self, members: Sequence[ClusterMember], slot: int) -> None:
        """Find out who says what."""
        self.members, self.slot = members, slot
        primaries = [position for position, member in enumerate(members) if member.id and not member.own.is_replica]
        self.migrating = {
            each: members[each].own.migrating[slot] for each in primaries if slot in members[each].own.migrating
        }
        self.importing = {
            each: members[each].own.importing[slot] for each in primaries if slot in members[each].own.importing
        }
        self.holders = {each for each in primaries if members[each].slot_keys.get(slot)}
        self.owners = [
            position for position, member in enumerate(members) if member in list_claims(members).get(slot, [])
        ]
        self.place = self._places()

    def _places(self) -> Dict[str, int]:
        """Return where the members are by their identities; others know that of a silent one."""
        positions = {member.id: position for position, member in enumerate(self.members) if member.id}
        for position, member in enumerate(self.members):
            if not member.id:
                for node in (node for other in list_answering(self.members) for node in other.peers):
                    if member.server.is_known_by(node.address, node.port):
                        positions.setdefault(node.id, position)
        return positions

    def finish_move(self) -> Optional[SlotMove]:
        """Return what is left to do; None where this is no state that a move of ours leaves."""
        if len(self.owners) != 1 or not self._is_ours():
            return None
        owner = self.owners[0]
        if owner in self.importing or self.holders - {owner, *self.importing, *self._successors(owner)}:
            return None
        if owner in self.migrating:
            return self._go_on(owner)
        if self.importing and not self.migrating:
            return self._go_back(owner, next(iter(self.importing)))
        if self.migrating and not self.importing:
            source = next(iter(self.migrating))
            return (
                None if source in self.holders else self._clear(source, f"the move ended; {self._name(owner)} has it")
            )
        return None

    def _is_ours(self) -> bool:
        """Return whether at most one gives and one takes, and all that are named are members."""
        named = {*self.migrating.values(), *self.importing.values()}
        return len(self.migrating) <= 1 and len(self.importing) <= 1 and named <= set(self.place)

    def _name(self, position: int) -> str:
        return self.members[position].name

    def _successors(self, owner: int) -> Set[int]:
        """Return who may be in the place of the target: whom it follows now, or who holds what it took."""
        target = self.place.get(self.migrating.get(owner, ""), -1)
        if target < 0 or target in self.importing or self.importing:
            return set()
        member = self.members[target]
        if not member.id:
            return self.holders - {owner}
        return {self.place.get(member.own.primary_id, -1) if member.own.is_replica else target}

    def _go_on(self, owner: int) -> Optional[SlotMove]:
        """Return how the owner, which gives its keys away, goes on: to its target, or to whoever took its place."""
        named = self.place[self.migrating[owner]]
        target = self._taker(owner, named)
        if target is None:
            return None
        move = plan_forward(self.members, self.slot, owner, target)
        if self.importing.get(target) == self.members[owner].id:
            move.before = move.before[1:]
        if target == named:
            move.before = move.before[:-1]
        server = self.members[owner].server
        # Valkey tells replicas what is open: one that was promoted goes on, perhaps with keys that had gone already.
        move.newest = server.engine != "valkey" or not server.replication_id2
        move.text = f"finish the move of slot {self.slot} from {self._name(owner)} to {self._name(target)}"
        return move

    def _taker(self, owner: int, named: int) -> Optional[int]:
        """Return who gets the keys; None where that cannot be known yet."""
        candidates = set(self.importing) or self._successors(owner)
        if named in candidates:
            return named
        member = self.members[named]
        if not member.id and self.members[owner].server.engine == "valkey":
            return None  # when it comes back it would take the slot from its successor, and wipe that
        if len(candidates) != 1:
            return None
        target = candidates.pop()
        followed = not member.id or self.place.get(member.own.primary_id) == target
        return target if target >= 0 and followed else None

    def _go_back(self, owner: int, target: int) -> SlotMove:
        """Return how the owner gets back what had gone to a target; it may have been elected since."""
        ids = [member.id for member in self.members]
        knows = next((node for node in self.members[target].peers if node.id == ids[owner]), None)
        agreed = knows is not None and any(first <= self.slot <= last for first, last in knows.slots)
        accept: List[Command] = [] if agreed else [(target, set_slot(self.slot, "NODE", ids[owner]))]
        if target not in self.holders:
            move = self._clear(target, f"it stays with {self._name(owner)}, no key has left it")
            move.before = accept
            return move
        if not agreed or self.importing.get(target) != ids[owner]:
            accept.append((target, set_slot(self.slot, "IMPORTING", ids[owner])))
        text = f"bring the keys of slot {self.slot} back from {self._name(target)} to {self._name(owner)}"
        return SlotMove(self.slot, target, owner, accept, [(target, set_slot(self.slot, "STABLE"))], False, text)

    def close_slot(self) -> List[SlotMove]:
        """Return how the only owner keeps the slot, whatever others have begun: keys that they hold come back."""
        owner = self.owners[0]
        marked = [each for each in (*self.migrating, *self.importing) if each == owner or each not in self.holders]
        moves = [self._clear(each, f"it stays with {self._name(owner)}") for each in marked]
        return [*moves, *(self._go_back(owner, each) for each in sorted(self.holders - {owner}))]

    def _clear(self, position: int, why: str) -> SlotMove:
        """Return how a mark without a meaning is taken away."""
        text = f"close slot {self.slot} on {self._name(position)}: {why}"
        return SlotMove(self.slot, after=[(position, set_slot(self.slot, "STABLE"))], text=text)
