# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Move slots with their keys between primaries while clients write: slot after slot, a batch of keys at a time."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

from .._core.errors import CommandFailed, QuorumError, Refused
from .._model.cluster_open import Command, SlotMove, plan_forward, set_slot
from .._model.cluster_slots import Range, slots_of
from .._model.cluster_view import ClusterMember
from .._model.tables import count_of
from .._redis.client import Client, connect
from .._redis.client_list import parse_client_list
from .._redis.endpoint import Endpoint
from .._redis.replies import parse_number

LABEL = "quorum-rebalance"
BATCH, BATCH_BYTES = 100, 4_000_000  # both sides stand still while a batch goes over
LOOKED_AT = 100_000  # keys of one slot whose size is asked for
PACE = 25_000_000  # bytes of one key in a second, measured
PATIENCE = 60  # seconds that the engine gives a batch
GONE = 5  # seconds until a server has noticed that the connection of a dead run is none any more
DOWN = ("CLUSTERDOWN", "The cluster is down", "The cluster state is")  # redis-py takes the word before it away


class Interrupted(QuorumError):
    """One of the two sides was lost in the middle."""


@dataclass
class Moved:
    """What has gone over."""

    slots: int = 0
    key_count: int = 0
    bytes: int = 0
    jobs: int = 0  # with which the engine has moved slots by itself
    too_large: List[str] = field(default_factory=list)


class Mover:
    """A connection to every primary, named so that two runs see each other."""

    def __init__(
        self, endpoints: Sequence[Endpoint], members: Sequence[ClusterMember], where: str, moved: Moved
    ) -> None:
        """Take who is there; nothing is opened yet."""
        self.endpoints, self.members, self.where, self.moved = endpoints, members, where, moved
        self.clients: Dict[int, Client] = {}

    def close(self) -> None:
        """Close the connections."""
        for client in self.clients.values():
            client.close()
        self.clients = {}

    def get_client(self, position: int) -> Client:
        """Return the connection to a member; it waits as long as a batch may take."""
        if position not in self.clients:
            client = connect(replace(self.endpoints[position], timeout=2.0 * PATIENCE))
            self.clients[position] = client
            client.call("CLIENT", "SETNAME", LABEL)
        return self.clients[position]

    def take_lock(self) -> None:
        """Refuse while somebody else moves slots; a name on each connection is a lock that ends with its owner."""
        for position, member in enumerate(self.members):
            if not member.id or member.own.is_replica:
                continue
            over = time.monotonic() + GONE
            row = self._rival(position)
            while row and time.monotonic() < over:
                time.sleep(0.1)
                row = self._rival(position)
            if row:
                raise Refused(
                    f"{row.get('addr')} moves slots of {member.name} at this moment",
                    self.where,
                    f"Wait for its end. When it is dead, CLIENT KILL ID {row.get('id')} there ends its connection",
                )

    def _rival(self, position: int) -> Dict[str, str]:
        """Return who else moves slots of a member: a run that came before, or somebody with another client."""
        client = self.get_client(position)
        mine = parse_number(client.call("CLIENT", "ID"))
        for row in parse_client_list(client.call("CLIENT", "LIST")):
            ours = row.get("name") == LABEL
            if (ours and parse_number(row.get("id")) < mine) or (row.get("cmd") == "migrate" and not ours):
                return row
        return {}

    def _say(self, position: int, command: Sequence[object]) -> None:
        """Say something about a slot; Valkey tells the replicas first, and one that has just joined may be slow."""
        over = time.monotonic() + PATIENCE
        while True:
            try:
                self.get_client(position).call(*command)
            except CommandFailed as problem:
                if not problem.text.startswith("NOREPLICAS") or time.monotonic() > over:
                    raise
                time.sleep(0.05)
            else:
                return

    def _say_all(self, commands: Sequence[Command]) -> None:
        for position, command in commands:
            self._say(position, command)

    def do_move(self, move: SlotMove) -> None:
        """Do one move of one slot, or what is left of it."""
        self._say_all(move.before)
        if move.source >= 0:
            self._drain(move, {})
        self._say_all(move.after)
        self.moved.slots += move.source >= 0

    def move_slots(self, source: int, target: int, ranges: Sequence[Range]) -> None:
        """Move the slots that the source has still."""
        here, there = self.members[source], self.members[target]
        if not here.slots or there.own.is_replica:
            raise Refused(
                f"{here.name} and {there.name} are not both primaries any more", self.where, "Run again: it plans anew"
            )
        self.copy_libraries(source, target)
        settings = self.get_client(source).read_pairs("CONFIG", "GET", "cluster-node-timeout")
        limit = (
            PACE * parse_number(settings.get("cluster-node-timeout")) // 2000
        )  # half of it, which is in milliseconds
        for slot in sorted(slots_of(ranges) & slots_of(here.slots)):
            sizes = self._sizes(source, slot)
            largest = max(sizes, key=lambda key: sizes[key], default="")
            if sizes and sizes[largest] > limit:
                self.moved.too_large.append(
                    f"slot {slot} stays with {here.name}: {largest!r} has {sizes[largest] / 1e6:.0f} MB"
                )
                continue
            self._move_slot(plan_forward(self.members, slot, source, target), sizes)

    def _move_slot(self, move: SlotMove, sizes: Dict[str, int]) -> None:
        """Move one slot from the beginning; what fails before a key has gone is taken back."""
        self._say_all(move.before)
        try:
            self._drain(move, sizes)
        except CommandFailed as problem:
            raise self._take_back(move, problem) from None
        self._say_all(move.after)
        self.moved.slots += 1

    def _sizes(self, source: int, slot: int) -> Dict[str, int]:
        """Return how many bytes the keys of a slot have."""
        client = self.get_client(source)
        keys = client.call("CLUSTER", "GETKEYSINSLOT", slot, LOOKED_AT)
        bytes_of: Dict[str, int] = {}
        for part in _parts(keys, 1000):
            sizes = client.send_together([("MEMORY", "USAGE", key) for key in part])
            bytes_of.update({key: parse_number(size) for key, size in zip(part, sizes)})
        return bytes_of

    def _drain(self, move: SlotMove, sizes: Dict[str, int]) -> None:
        """Move keys until the source has none of the slot."""
        client = self.get_client(move.source)
        while True:
            keys = client.call("CLUSTER", "GETKEYSINSLOT", move.slot, BATCH)
            if not keys:
                return
            batch = _light(keys, sizes)
            if self._migrate(move, batch, move.newest) is not None:
                self._one_by_one(move, batch)
            self.moved.bytes += sum(sizes.get(key, 0) for key in batch)

    def _migrate(self, move: SlotMove, keys: Sequence[str], newest: bool) -> Optional[CommandFailed]:
        """Let the source send keys; return the error when the target has some of them already."""
        client = self.get_client(move.source)
        words = ["MIGRATE", *self._place(move.source, move.target), "", 0, PATIENCE * 1000]
        words += [*(["REPLACE"] if newest else []), *self._login(client, move.target), "KEYS", *keys]
        over = time.monotonic() + PATIENCE
        while True:
            try:
                client.call(*words)
            except CommandFailed as problem:
                if "BUSYKEY" in problem.text:
                    return problem
                if problem.text.startswith("IOERR"):
                    names = f"{self.members[move.source].name} and {self.members[move.target].name}"
                    raise Interrupted(f"The connection between {names} broke: {problem.text}", self.where) from None
                # One that was started again, or has just accepted a new owner, takes a moment.
                if not any(word in problem.text for word in DOWN) or time.monotonic() > over:
                    raise
                time.sleep(0.05)
            else:
                self.moved.key_count += len(keys)
                return None

    def _one_by_one(self, move: SlotMove, keys: Sequence[str]) -> None:
        """Move keys of which some are on both sides; a copy that is not the same is left to a decision."""
        different = []
        for key in keys:
            if self._migrate(move, [key], False) is None:
                continue
            if self._dump(move.source, key) == self._dump(move.target, key):
                self._migrate(move, [key], True)
            else:
                different.append(key)
        if different:
            here, there = (self.members[side].name for side in (move.source, move.target))
            raise Refused(
                f"Copies of {count_of(len(different), 'key')} of slot {move.slot} differ between {here} and {there}, "
                f"since a replica was promoted in the middle of a move: {', '.join(map(repr, different[:5]))}",
                self.where,
                "Both copies hold acknowledged writes. Decide for each which one stays, delete the other one "
                f"(on {there} after ASKING), and run again",
            )

    def _dump(self, position: int, key: str) -> Any:
        return self.get_client(position).send_together([("ASKING",), ("DUMP", key)])[1]

    def _place(self, source: int, target: int) -> Tuple[str, int]:
        """Return where the source knows the target."""
        wanted = self.members[target]
        node = next((node for node in self.members[source].peers if node.id == wanted.id), None)
        return (node.address, node.port) if node else (wanted.server.address, wanted.server.port)

    def _login(self, client: Client, target: int) -> List[str]:
        """Return how the source logs in to the target; no message of it carries that."""
        place = self.get_client(target).endpoint
        if not place.password:
            return []
        if place.password not in client.secrets:
            client.secrets.append(place.password)
        return ["AUTH2", place.username, place.password] if place.username else ["AUTH", place.password]

    def _take_back(self, move: SlotMove, problem: CommandFailed) -> QuorumError:
        """Close a slot of which no key has gone; say why, and what is left."""
        here, there = self.members[move.source].name, self.members[move.target].name
        what = f"Slot {move.slot} cannot go from {here} to {there}: {problem.text}"
        if "BUSYKEY" not in problem.text and not self.get_client(move.target).call(
            "CLUSTER", "COUNTKEYSINSLOT", move.slot
        ):
            self._say(move.source, set_slot(move.slot, "STABLE"))
            if not self.get_client(move.target).call("CLUSTER", "COUNTKEYSINSLOT", move.slot):
                self._say(move.target, set_slot(move.slot, "STABLE"))
                return QuorumError(what, self.where, f"It stays with {here}. Mend that, then run again")
            self._say(move.source, set_slot(move.slot, "MIGRATING", self.members[move.target].id))
        return QuorumError(what, self.where, "The slot is open still. Mend that, then run again: it is finished first")

    def copy_libraries(self, source: int, target: int) -> None:
        """Give the target the function libraries that it lacks: they have to be where their keys are."""
        try:
            rows = self.get_client(source).call("FUNCTION", "LIST", "WITHCODE")
        except CommandFailed as problem:
            if "unknown command" in problem.text.lower():  # before Redis 7.0
                return
            raise
        libraries = [dict(zip(row[::2], row[1::2])) for row in rows]
        has = {row[row.index("library_name") + 1] for row in self.get_client(target).call("FUNCTION", "LIST")}
        for library in libraries:
            if library["library_name"] not in has:
                self.get_client(target).call("FUNCTION", "LOAD", library["library_code"])


def _parts(items: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for first in range(0, len(items), size):
        yield items[first : first + size]


def _light(keys: Sequence[str], sizes: Dict[str, int]) -> List[str]:
    """Return the first keys that are not too much at once; one at least."""
    batch: List[str] = []
    left = BATCH_BYTES
    for key in keys:
        left -= sizes.get(key, 0)
        if batch and left < 0:
            break
        batch.append(key)
    return batch
