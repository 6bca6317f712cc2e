# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Sentinels of a set that is being restored: patient meanwhile, and as they were afterwards, in every case."""

from __future__ import annotations

from typing import Sequence

from .._core.errors import QuorumError
from .._failover.down_after import raise_down_after
from .._model.observed import Observed, WatchedMaster
from .._redis.client import Client, connect
from .._redis.observe import Place
from .._redis.replies import as_dict, parse_master
from .._replication.interrupted import RESTORE_MARK


class Watch:
    """All Sentinels that answer."""

    def __init__(self, watchers: Sequence[Place], name: str, primary: Observed) -> None:
        """Remember whom they shall name."""
        self.watchers, self.name, self.primary = list(watchers), name, primary

    def calm_all(self) -> None:
        """Let no Sentinel fail over; the value says what it was."""
        for _host, place in self.watchers:
            with connect(place) as client:
                self._ballot(client)
                raise_down_after(client, self.name)

    def check_primary(self) -> None:
        """Stop when one of them wants another primary."""
        for _host, place in self.watchers:
            with connect(place) as client:
                self._ballot(client)

    def _ballot(self, client: Client) -> WatchedMaster:
        seen = parse_master(client.call("SENTINEL", "MASTER", self.name))[1]
        if "failover_in_progress" in seen.flags or not self.primary.is_at(seen.address, seen.port):
            raise QuorumError("A Sentinel moves the primary meanwhile", str(client.endpoint))
        return seen

    def all_agree(self, replicas: int) -> bool:
        """Return whether all are as they were, and see so many good replicas."""
        for _host, place in self.watchers:
            with connect(place) as client:
                seen = parse_master(client.call("SENTINEL", "MASTER", self.name))[1]
                rows = [as_dict(row) for row in client.call("SENTINEL", "REPLICAS", self.name)]
            good = [row for row in rows if row.get("flags") == "slave" and row.get("master-link-status") == "ok"]
            if seen.flags != ["master"] or not self.primary.is_at(seen.address, seen.port):
                return False
            if seen.down_after >= RESTORE_MARK or len(good) < replicas:
                return False
        return True
