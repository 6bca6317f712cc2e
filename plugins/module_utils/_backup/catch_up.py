# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wait until a replica has all that its primary had when the run looked: replication is asynchronous."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Callable, Mapping, Optional

from .._core.errors import QuorumError
from .._model.observed import Observed
from .._redis.client import Client
from .._redis.replies import parse_info, parse_number

PAUSE = 0.1
LIMIT = 60.0  # seconds; a replica that needs longer is not in sync


@dataclass
class Point:
    """A place in a primary's stream. What clients were told is written is before it."""

    replication_id: str
    offset: int


def point_of(primary: Optional[Observed]) -> Optional[Point]:
    """Return how far a primary was when it was looked at; None when there is none."""
    return Point(primary.replication_id, primary.offset) if primary is not None else None


def count_missing(info: Mapping[str, str], point: Point) -> int:
    """Return how many bytes up to a place a server has not received; none when it has another history; pure."""
    same = point.replication_id in (info.get("master_replid"), info.get("master_replid2"))
    if info.get("role") != "slave" or not same:
        return 0
    return max(0, point.offset - parse_number(info.get("slave_repl_offset")))


def catch_up(client: Client, point: Optional[Point], wait: float, tell: Callable[[str], None]) -> None:
    """Wait until the server has what is before the place, so that a save that begins now has it."""
    limit, start = min(wait, LIMIT), time.monotonic()
    if point is None:
        return
    while True:
        lacks = count_missing(parse_info(client.call("INFO", "replication")), point)
        if not lacks:
            return
        if time.monotonic() - start >= limit:
            raise QuorumError(
                f"After {limit:g} s the replica has not received {lacks} bytes that its primary had when the run began",
                str(client.endpoint),
                "No backup was made. Look why it lags, or back up another member",
            )
        if time.monotonic() - start < PAUSE:
            tell(f"waiting for {lacks} bytes that the replica has not received")
        time.sleep(PAUSE)
