# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sentinels that are held back by down-after-milliseconds while their primary says it is a replica."""

from __future__ import annotations

import time
from typing import Any, Callable, Sequence

from .._core.errors import QuorumError
from .._redis.client import Client, connect
from .._redis.observe import Place
from .._redis.replies import as_dict, parse_number
from .._replication.interrupted import RESTORE_MARK

SEEN_AGAIN = 25.0  # a Sentinel looks at the role of a server each 10 s
KEY = "down-after-milliseconds"


def raise_down_after(client: Client, name: str) -> None:
    """Let one Sentinel take its primary for alive; the value says what it was."""
    was = parse_number(as_dict(client.call("SENTINEL", "MASTER", name)).get(KEY))
    client.call("SENTINEL", "SET", name, KEY, was % RESTORE_MARK + RESTORE_MARK)


def hold_back(watchers: Sequence[Place], name: str) -> None:
    """Let no Sentinel that answers begin a failover."""
    for _host, place in watchers:
        try:
            with connect(place) as client:
                raise_down_after(client, name)
        except QuorumError:
            continue


def seen_as_primary(client: Any, name: str) -> bool:
    """Return whether a Sentinel has seen by now that the primary is one: else it would fail over at once.

    While it finishes a failover it names the new primary already, and MASTER describes the old one, a replica for good.
    """
    master = as_dict(client.call("SENTINEL", "MASTER", name))
    named = client.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", name)
    return master.get("role-reported") == "master" or (bool(named) and named != [master.get("ip"), master.get("port")])


def reset_down_after(watchers: Sequence[Place], name: str) -> None:
    """Give each Sentinel its own value back, once it has seen that the primary is one."""
    for _host, place in watchers:
        try:
            _reset_one(place, name)
        except QuorumError:
            continue


def _reset_one(place: Any, name: str) -> None:
    with connect(place) as client:
        value = parse_number(as_dict(client.call("SENTINEL", "MASTER", name)).get(KEY))
        if value >= RESTORE_MARK:
            wait_for(lambda: seen_as_primary(client, name), SEEN_AGAIN)
            client.call("SENTINEL", "SET", name, KEY, value % RESTORE_MARK)


def wait_for(ready: Callable[[], bool], seconds: float) -> bool:
    """Wait until something is true, or for so long."""
    over = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > over:
            return False
        time.sleep(0.1)
    return True
