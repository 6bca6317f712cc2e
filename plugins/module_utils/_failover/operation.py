# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A move of the primary as an operation: its Sentinels, how it is rolled back, what it measures."""

from __future__ import annotations

from typing import Dict, List, Sequence, Tuple

from .._host.watchdog import Deadman
from .._redis.client import Client, connect
from .._redis.observe import Place
from .._redis.replies import parse_number
from .._replication.operation import Operation
from .rollback import Rescue
from .steps import Plan


class MoveOperation(Operation):
    """One move, without its steps."""

    def __init__(self, plan: Plan, name: str, places: Sequence[Place], watchers: Sequence[Place], wait: float) -> None:
        """Take the plan; nothing happens yet."""
        reachable = {member.host for member in [plan.old, plan.target, *plan.others] if member.reachable}
        self.seen = [host for host, _endpoint in places if host in reachable]
        members = {host: endpoint for host, endpoint in places if host in reachable}
        self.rescue = Rescue(name, members, plan.old.host, plan.target.host, list(watchers))
        self.primary_gone = plan.method == "unplanned"
        holder = plan.target.host if self.primary_gone else plan.old.host
        title = f"The move of {name} to {plan.target.name}"
        super().__init__(name, title, holder, places, Deadman(self.rescue.undo_move))
        self.plan, self.wait, self.watchers = plan, wait, list(watchers)
        self.sentinels: List[Tuple[str, Client]] = []
        self.offsets: Dict[str, int] = {}
        self.ordered = False  # whether the target may have got orders that it has not answered
        self.warnings: List[str] = []
        self.fenced, self.writable, self.named = 0.0, 0.0, 0.0

    def get_ready(self) -> None:
        """Connect to the Sentinels."""
        self.sentinels = [(host, connect(place)) for host, place in self.watchers]

    def let_go(self) -> None:
        """Let go of them."""
        for _host, client in self.sentinels:
            client.close()
        self.sentinels = []

    def roll_back(self) -> str:
        """Undo everything, and say who is the primary."""
        self.rescue.sure = not self.ordered
        outcome = self.rescue.undo_move()
        target = self.clients.pop(self.plan.target.host, None) if self.rescue.serves else None
        if target:
            target.close()  # it is cut off; what is left in it are the replies to the orders
            self.ordered = False
        return f"{outcome}; temporary settings are undone"

    def catch_up(self, offset: int, seconds: float) -> None:
        """Wait until the target has everything up to an offset."""
        host = self.plan.target.host

        def enough() -> bool:
            self.offsets["target"] = parse_number(self.read_info(host).get("slave_repl_offset"))
            return self.offsets["target"] >= offset

        self.wait_until(f"{self.plan.target.name} did not reach offset {offset}, waiting", enough, seconds, 0.002)

    def measure_gaps(self) -> Dict[str, int]:
        """Return how long writes were not possible, and how long Sentinels named the old primary."""
        if not self.fenced:
            return {}
        gaps = {"gap_ms": round((self.writable - self.fenced) * 1000)}
        if self.watchers:
            gaps["named_ms"] = round((self.named - self.fenced) * 1000)
        return gaps
