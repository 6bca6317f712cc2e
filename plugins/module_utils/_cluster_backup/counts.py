# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What servers count, by which the hosts of a cluster know of each other."""

from __future__ import annotations

import time
from typing import Any, Dict, Sequence, Tuple

from .._core.errors import QuorumError
from .._redis.client import Client
from .._redis.endpoint import Endpoint
from .._redis.observe import Place, look_at_all
from .._redis.replies import count_calls, parse_info, parse_number
from .schedule import Seen

# It does nothing, and nobody sends it.
ACKNOWLEDGE = ("LOLWUT", "VERSION", 1)


def count_commands(places: Sequence[Place]) -> Tuple[Dict[str, Seen], Dict[str, Tuple[float, float]]]:
    """Return what each server that answers has counted, and how far its clock is from ours."""
    looks = look_at_all(_count_commands, places)
    answers = {name: look for (name, _endpoint), look in zip(places, looks) if look}
    return {name: look[0] for name, look in answers.items()}, {name: look[1] for name, look in answers.items()}


def _count_commands(endpoint: Endpoint, _name: str) -> Any:
    """Return what a server has counted, and its clock against ours with its doubt; nothing from a silent one."""
    try:
        with Client(endpoint) as client:
            info = parse_info(client.call("INFO", "commandstats"))
            run_id = parse_info(client.call("INFO", "server"))["run_id"]
            begin = time.time()
            clock: Sequence[Any] = client.call("TIME")
            end = time.time()
    except (QuorumError, KeyError):
        return None
    seen = Seen(run_id, count_calls(info, "bgsave"), count_calls(info, ACKNOWLEDGE[0].lower()))
    theirs = parse_number(clock[0]) + parse_number(clock[1]) / 1e6
    return seen, (theirs - (begin + end) / 2, (end - begin) / 2)


def acknowledge_part(endpoint: Endpoint, times: int = 1) -> None:
    """Let a server count that its part is there."""
    with Client(endpoint) as client:
        for _time in range(times):
            client.call(*ACKNOWLEDGE)
