# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One operation at a time on a data set: the lock is the name of a connection, and goes when its process goes."""

from __future__ import annotations

from typing import Dict, List, NoReturn, Sequence

from .._core.errors import Refused
from .._redis.client_list import parse_client_list
from .._redis.connections import Talk
from .._redis.observe import Place

LOCK = "quorum.redis:failover"


def list_holders(listed: str) -> List[Dict[str, str]]:
    """Return the connections of operations that are at work, of those that CLIENT LIST has."""
    return [row for row in parse_client_list(listed) if row.get("name") == LOCK]


def refuse_busy(name: str, holder: Dict[str, str], where: str) -> NoReturn:
    """Say that another one is at work."""
    what = f"Another failover or restore of {name} is at work, from {holder.get('addr', '?')}"
    raise Refused(what, where, "Run again when it is over; nothing was changed")


def take_lock(talk: Talk, name: str, host: str) -> None:
    """Take the lock.

    Looking and taking are one transaction, so of two at once the second sees the first.
    """
    listed = talk.ask_member(
        host, lambda client: client.run_transaction([("CLIENT", "LIST"), ("CLIENT", "SETNAME", LOCK)])
    )[0]
    for holder in list_holders(listed):
        refuse_busy(name, holder, host)
    talk.label = LOCK


def check_lock(places: Sequence[Place], name: str) -> None:
    """Refuse when an operation is at work on one of these members."""
    talk = Talk(dict(places))
    try:
        for host, _place in places:
            for holder in list_holders(talk.call(host, "CLIENT", "LIST")):
                refuse_busy(name, holder, host)
    finally:
        talk.close()
