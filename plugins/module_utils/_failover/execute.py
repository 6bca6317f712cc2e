# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carry out a move of the primary: read-only first, promote second, and undo everything when a step fails."""

from __future__ import annotations

import time
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Tuple, Type

from .._core.errors import CommandFailed, QuorumError
from .._core.reconcile import Step
from .._model.observed import PARKED
from .._redis.client import Client
from .._redis.client_list import EVERYBODY, list_kills
from .._redis.connections import call_quietly, rewrite_config
from .._redis.replies import as_dict, parse_info, parse_master, parse_number, parse_replicas
from .._replication.interrupted import FENCE, FENCE_LAG, MARK, PRIORITY, read_setting
from .operation import MoveOperation
from .steps import (
    AwaitChoice,
    Coordinate,
    Elect,
    Finish,
    Follow,
    LowerPriority,
    Park,
    Promote,
    RaisePriority,
    ReplaceDead,
    StopWrites,
)

# Sentinel looks at a replica each second during a failover, and needs up to 0.3 s to promote it: when its last look
# is this many milliseconds old, the next one comes just after the promotion, and the failover takes 0.4 s, not 1.2 s.
FRESH = (540, 620)
PROMOTION = 5.0
# As long as a Sentinel is at it, more: nobody accepts writes meanwhile, and the old primary can be taken back. It ends
# before the dead man's switch takes this process, and a Sentinel the old primary, for dead: both after 20 s.
SLOW_PROMOTION = 12.0


class Mover(MoveOperation):
    """One move: a method for each kind of step."""

    def carry_out(self, step: Step) -> None:
        """Do what the class of a step says."""
        if isinstance(step, RaisePriority):
            self.raise_priority(step.member)
        elif isinstance(step, LowerPriority):
            self.lower_priority(step.member)
        else:
            methods: Dict[Type[Step], Callable[[], None]] = {
                AwaitChoice: self.await_choice,
                StopWrites: self.stop_writes,
                Park: self.park_old,
                Elect: self.elect_target,
                Coordinate: self.coordinate_move,
                Promote: self.promote_target,
                ReplaceDead: self.replace_dead,
                Follow: self.point_others,
                Finish: self.finish_move,
            }
            methods[type(step)]()

    # The steps before the switch

    def raise_priority(self, member: str) -> None:
        """Keep Sentinels from picking this member."""
        was = next(read_setting(each, PRIORITY) for each in self.plan.raised if each.name == member)
        self.call(member, "CONFIG", "SET", PRIORITY, was % MARK + MARK)

    def await_choice(self) -> None:
        """Wait until every Sentinel would pick the target, then for the moment when one of them is quickest."""
        self.wait_until("For the Sentinels to see the priorities", lambda: self._all(self._prefers), 25, 0.1)
        over = time.monotonic() + 11
        while time.monotonic() < over:
            for index, age in self._ages():
                if FRESH[0] <= age <= FRESH[1]:
                    self.sentinels.insert(0, self.sentinels.pop(index))
                    return
            time.sleep(0.02)

    def _prefers(self, client: Client) -> bool:
        known = parse_replicas(client.call("SENTINEL", "REPLICAS", self.name))
        mine = [replica for replica in known if self.plan.target.is_at(replica["address"], replica["port"])]
        others = [
            replica["priority"]
            for replica in known
            if replica not in mine
            and replica["priority"]
            and not {"s_down", "o_down", "disconnected"} & set(replica["flags"])
        ]
        return bool(mine) and mine[0]["priority"] > 0 and all(mine[0]["priority"] < each for each in others)

    def _ages(self) -> Iterator[Tuple[int, int]]:
        for index, (_host, client) in enumerate(self.sentinels):
            for reply in client.call("SENTINEL", "REPLICAS", self.name):
                replica = as_dict(reply)
                if self.plan.target.is_at(replica["ip"], parse_number(replica["port"])):
                    yield index, parse_number(replica.get("info-refresh"))

    def stop_writes(self) -> None:
        """Stop the writes, without an end to that only where the engine has nothing better."""
        self.watchdog.set_urgent(True)
        commands: List[List[Any]] = [["CLIENT", "PAUSE", self.plan.pause, "WRITE"]]
        if self.plan.method == "fence":
            commands = [["CONFIG", "SET", FENCE, read_setting(self.plan.old, FENCE) % MARK + MARK]]
            if read_setting(self.plan.old, FENCE_LAG) % MARK == 0:
                commands.append(["CONFIG", "SET", FENCE_LAG, MARK])
        replies = self.get_client(self.plan.old.host).run_transaction([*commands, ["INFO", "replication"]])
        self.fenced = time.monotonic()
        self.offsets["fence"] = parse_number(parse_info(replies[-1]).get("master_repl_offset"))
        self.catch_up(self.offsets["fence"], self.plan.pause / 1000 * 0.7)

    def park_old(self) -> None:
        """Make the old primary a read-only member that follows nobody yet, so that it can still be taken back.

        Its clients are dropped before: to those that wait, in BLPOP say, REPLICAOF would answer with an error.
        """
        if time.monotonic() - self.fenced > self.plan.pause / 1000 * 0.8:
            raise QuorumError("The writes were stopped for too long")
        lift: List[List[Any]] = [["CLIENT", "UNPAUSE"]]
        if self.plan.method == "fence":
            lift = [["CONFIG", "SET", key, read_setting(self.plan.old, key) % MARK] for key in (FENCE, FENCE_LAG)]
        park: List[Sequence[Any]] = [EVERYBODY, ["REPLICAOF", *PARKED], *lift, ["INFO", "replication"]]
        replies = self.get_client(self.plan.old.host).run_transaction(park)
        self.offsets["old"] = parse_number(parse_info(replies[-1]).get("master_repl_offset"))
        self.catch_up(self.offsets["old"], 0.5)

    # The switch

    def elect_target(self) -> None:
        """Let Sentinel promote the target, and with that tell everybody."""
        refused: Optional[QuorumError] = None
        for _host, client in self.sentinels:
            try:
                client.call("SENTINEL", "FAILOVER", self.name)
                break
            except CommandFailed as problem:
                if problem.text.startswith("INPROG"):
                    break
                refused = problem
        else:
            raise refused or QuorumError("There is no Sentinel")
        self._promoted()

    def promote_target(self) -> None:
        """Promote the target; when it hangs it follows the old primary again as soon as it has obeyed."""
        old = self.places[self.plan.old.host]
        back = ("REPLICAOF", old.address, old.port)
        self.ordered = True
        self.get_client(self.plan.target.host).call_or_revoke(("REPLICAOF", "NO", "ONE"), back, PROMOTION)
        self.ordered = False
        self._promoted_alone()

    def replace_dead(self) -> None:
        """Promote the target in place of a dead primary."""
        self.offsets["target"] = parse_number(self.read_info(self.plan.target.host).get("slave_repl_offset"))
        self.call(self.plan.target.host, "REPLICAOF", "NO", "ONE")
        self._promoted_alone()

    def coordinate_move(self) -> None:
        """Let a Sentinel of Valkey 9 do it all, in a pause that begins before its own.

        The engine ends its failover with an error for those that wait. They are cut off before, and in the pause
        nobody begins to wait for a write. XREAD is none: who comes back to it is cut off again and again.
        """
        self.watchdog.set_urgent(True)
        pause: List[Sequence[Any]] = [["CLIENT", "PAUSE", self.plan.pause, "WRITE"], ["INFO", "replication"]]
        replies = self.get_client(self.plan.old.host).run_transaction(pause)
        self.fenced = time.monotonic()
        self.offsets["fence"] = parse_number(parse_info(replies[-1]).get("master_repl_offset"))
        self._cut_off()
        self.sentinels[0][1].call("SENTINEL", "FAILOVER", self.name, "COORDINATED")
        over = time.monotonic() + 2 * PROMOTION
        while self.read_role(self.plan.target.host) != "master":
            self._cut_off("xread")
            if time.monotonic() > over:
                raise QuorumError(f"{self.plan.target.name} was not promoted within {2 * PROMOTION:g} s")
            time.sleep(0.002)
        call_quietly(self.call, self.plan.old.host, "CLIENT", "UNPAUSE")
        self._promoted()

    def _cut_off(self, *commands: str) -> None:
        """Close the connections of those that wait at the old primary, in these commands or any."""
        for each in list_kills(self.call(self.plan.old.host, "CLIENT", "LIST"), *commands):
            call_quietly(self.call, self.plan.old.host, *each)

    def _promoted(self) -> None:
        """Wait until the target is primary, let the old one follow it, and see it accept writes."""
        target = self.plan.target
        slow = time.monotonic() + PROMOTION
        self.watchdog.set_urgent(True)

        def promoted() -> bool:
            if self.read_role(target.host) == "master":
                return True
            if time.monotonic() > slow and not any(self._moving(client) for _host, client in self.sentinels):
                raise QuorumError(f"{target.name} was not promoted within {PROMOTION:g} s")
            return False

        self.wait_until(f"The promotion of {target.name}", promoted, SLOW_PROMOTION)
        self.watchdog.set_urgent(True)  # anew: that may have taken most of its patience
        if self.plan.old.host in self.seen and self.plan.method != "coordinated":
            self._point(self.plan.old.host)

        def writable() -> bool:
            info = self.read_info(target.host)
            good = info.get("min_slaves_good_slaves")
            return good is None or parse_number(good) >= read_setting(target, FENCE) % MARK

        call_quietly(self.wait_until, "Accepting writes", writable, 2.0)
        self.writable = time.monotonic()
        self.watchdog.set_urgent(False)

    def _promoted_alone(self) -> None:
        """Without Sentinels nobody else has the role written down, and a later step may wait for long, or fail."""
        self._promoted()
        call_quietly(self.call, self.plan.target.host, "CONFIG", "REWRITE")

    def _moving(self, client: Client) -> bool:
        """Return whether a Sentinel is at it; one that does not answer does not count."""
        reply = call_quietly(client.call, "SENTINEL", "MASTER", self.name)
        return reply is not None and "failover_in_progress" in parse_master(reply)[1].flags

    def take_up(self, step: Step, problem: Exception) -> bool:
        """Go on where the target was promoted after all, later than it was waited for, and the others led to it."""
        promotes = isinstance(step, (Elect, Coordinate, Promote, ReplaceDead))
        if not promotes or not self.rescue.serves:
            return False
        call_quietly(self.get_ready)
        if len(self.sentinels) < len(self.watchers):
            return False
        self.writable = time.monotonic()
        why = getattr(problem, "what", str(problem))
        self.warnings.append(f"{self.plan.target.name} was promoted later than it should be, the move went on: {why}")
        return True

    # The steps after the switch

    def _point(self, host: str) -> None:
        place = self.places[self.plan.target.host]
        self.point_member(host, place.address, place.port)

    def point_others(self) -> None:
        """Without Sentinels, point the others to the new primary."""
        for member in self.plan.others if not self.sentinels else []:
            self._point(member.host)

    def finish_move(self) -> None:
        """Wait for everybody, then drop the connections of clients that still talk to the old primary."""
        self.wait_until("For the Sentinels to name the new primary", lambda: self._all(self._names), self.wait, 0.01)
        self.named = time.monotonic()
        if self.plan.old.host in self.seen:
            for kind in ("normal", "pubsub"):
                self.call(self.plan.old.host, "CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes")
        self.wait_until("For the Sentinels to be done", lambda: self._all(self._idle), self.wait, 0.05)
        call_quietly(self.wait_until, "For the Sentinels to see the replicas", lambda: self._all(self._knows), 15, 0.05)
        left_out = {member.host for member in [self.plan.target, *self.plan.full]}
        rest = [host for host in self.seen if host not in left_out]
        what = f"For {', '.join(rest)} to follow {self.plan.target.name}"
        self.wait_until(what, lambda: all(self._linked(host) for host in rest), self.wait, 0.05)
        for host in self.seen:
            self.read_role(host)
            problem = rewrite_config(self.get_client(host))
            if problem:
                self.warnings.append(f"{host} has its new role but cannot write it down: {problem}")

    def _all(self, ask: Callable[[Client], bool]) -> bool:
        return all(ask(client) for _host, client in self.sentinels)

    def _names(self, client: Client) -> bool:
        address = client.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self.name)
        return bool(address) and self.plan.target.is_at(address[0], parse_number(address[1]))

    def _idle(self, client: Client) -> bool:
        return self._names(client) and parse_master(client.call("SENTINEL", "MASTER", self.name))[1].flags == ["master"]

    def _knows(self, client: Client) -> bool:
        """Return whether a Sentinel sees every member that answers as a good replica, ready for the next move."""
        known = parse_replicas(client.call("SENTINEL", "REPLICAS", self.name))
        good = [member for member in known if member["flags"] == ["slave"]]
        rest = [member for member in [self.plan.old, *self.plan.others] if member.host in self.seen]
        return all(any(member.is_at(each["address"], each["port"]) for each in good) for member in rest)

    def _linked(self, host: str) -> bool:
        info = self.read_info(host)
        return (
            info.get("master_link_status") == "up"
            and info.get("master_sync_in_progress") == "0"
            and self.plan.target.is_at(info.get("master_host", ""), parse_number(info.get("master_port")))
        )

    def lower_priority(self, member: str) -> None:
        """Give a member its own priority again."""
        raised = next(each for each in self.plan.raised if each.name == member)
        self.call(member, "CONFIG", "SET", PRIORITY, read_setting(raised, PRIORITY) % MARK)
        call_quietly(self.call, member, "CONFIG", "REWRITE")
