# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep replicas from taking over while a slot of their primary is open, and undo that when this process is killed."""

from __future__ import annotations

import time
from typing import List, Sequence

from .._core.errors import QuorumError
from .._host.watchdog import Deadman
from .._model.cluster_view import ClusterMember
from .._redis.client import connect
from .._redis.endpoint import Endpoint

SETTING = "cluster-replica-no-failover"
LIFE = 7 * 86400


class NoFailover:
    """Redis does not tell a replica which slot is open: promoted, it would serve the slot as if no key had gone.

    The primary itself, started again, goes on where it was.
    """

    def __init__(self, endpoints: Sequence[Endpoint], members: Sequence[ClusterMember], shards: Sequence[int]) -> None:
        """Find the replicas of these primaries, where the engine needs that."""
        ids = {members[position].id for position in shards}
        self.replicas = [
            endpoints[position]
            for position, member in enumerate(members)
            if member.own.is_replica and member.own.primary_id in ids and member.server.engine != "valkey"
        ]
        self.held: List[Endpoint] = []
        self.deadman = Deadman(self._rescue, what="a move of slots", life=LIFE)

    def hold_back(self) -> None:
        """Hold the replicas back; one that somebody else holds back for good stays as it is."""
        self.held = [endpoint for endpoint in self.replicas if not _held(endpoint)]
        if self.held:
            self.deadman.start()
            self._say("yes")

    def let_go(self) -> List[str]:
        """Let them take over again; return where that could not be said."""
        failed = self._say("no")
        if self.held:
            self.deadman.stop()
        self.held = []
        return failed

    def _say(self, value: str) -> List[str]:
        failed = []
        for endpoint in self.held:
            try:
                with connect(endpoint) as client:
                    client.call("CONFIG", "SET", SETTING, value)
            except QuorumError as problem:
                failed.append(f"{endpoint}: {problem}")
        return failed

    def _rescue(self) -> str:
        failed = self._say("no")
        return (
            f"not all replicas may take over again: {'; '.join(failed)}" if failed else "replicas may take over again"
        )


def _held(endpoint: Endpoint) -> bool:
    """Return whether a replica is held back already; a run that was killed ends that within a second."""
    over = time.monotonic() + 2
    with connect(endpoint) as client:
        while "yes" in client.read_pairs("CONFIG", "GET", SETTING).values():
            if time.monotonic() > over:
                return True
            time.sleep(0.1)
    return False
