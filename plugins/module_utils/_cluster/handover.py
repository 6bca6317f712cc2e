# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A primary of a cluster hands over to a replica, and its clients that wait are cut off before."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Sequence

from .._core.errors import CommandFailed, QuorumError
from .._redis.client import Client
from .._redis.client_list import list_kills

# As long as the engine itself stops the writes for it; it ends by itself when this module is killed.
SECONDS = 5.0
# Commands that wait. A client whose write the pause holds back counts as waiting too, and is left alone.
_WRITERS = (
    *("blpop", "brpop", "blmove", "blmpop", "brpoplpush", "bzpopmin", "bzpopmax", "bzmpop"),
    *("xreadgroup", "wait", "waitaof"),
)
# What a pause of the writes does not keep from waiting.
_READERS = ("xread",)


def hand_over(old: Client, target: Client, command: Sequence[str]) -> None:
    """Let the target take over from its primary, as the command says.

    The engine would answer clients that wait with the error UNBLOCKED, which libraries do not try again; a closed
    connection they do. In the pause nobody begins to wait for a write.
    """
    try:
        old.call("CLIENT", "PAUSE", str(int(SECONDS * 1000)), "WRITE")
    except CommandFailed:
        target.call("PING")  # connected by now, so that nobody is back before the engine stops all
        _cut_off(old)
        target.call(*command)
        return
    try:
        _cut_off(old, (*_WRITERS, *_READERS))
        target.call(*command)
        with suppress(QuorumError):  # when it is gone, the caller waits for the target all the same
            _cut_off_readers(old)
    finally:
        _quietly(old, "CLIENT", "UNPAUSE")


def _cut_off_readers(old: Client) -> None:
    """Cut off who comes back to read, until the role is another one or the engine has given up."""
    over = time.monotonic() + SECONDS
    while old.call("ROLE")[0] == "master" and time.monotonic() < over:
        _cut_off(old, _READERS)
        time.sleep(0.002)


def _cut_off(client: Client, commands: Sequence[str] = ()) -> None:
    unblocks = list_kills(client.call("CLIENT", "LIST", "TYPE", "normal"), *commands)
    if unblocks:
        with suppress(QuorumError):  # one of them has gone by itself
            client.send_together(unblocks)


def _quietly(client: Client, *command: str) -> None:
    with suppress(QuorumError):  # it has gone by itself, or the pause ends by itself
        client.call(*command)
