# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A save that was begun from elsewhere, with those of other servers, and how its file is known again; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, Sequence

from .._model.rdb_header import Header
from .._redis.replies import parse_number

TICK = 0.01  # seconds, of the slowest kernel
SLACK = 2  # seconds that a process which was forked may wait for a processor


@dataclass
class Save:
    """Under which name it is kept, when it was begun, by the server's clock, and INFO of the moment of the fork."""

    name: str
    began: int
    info: Dict[str, str]
    owed: bool = False  # stop-writes-on-bgsave-error was switched off for it
    until: int = 0  # the last second, by the same clock, that its file can bear


def stamp_of(clock: Sequence[str]) -> int:
    """Return the second that a file begun at this TIME bears at least: its stamp is of the last tick of the kernel."""
    return int(parse_number(clock[0]) + parse_number(clock[1]) / 1e6 - TICK)


def belongs_to_save(head: Header, save: Save) -> bool:
    """Return whether an RDB is that of a save: not begun before it, and at its place in the stream.

    A server that never had a replica writes no place: its file must not be of a later save.
    """
    offset, stamp = head.aux.get("repl-offset", ""), parse_number(head.aux.get("ctime"))
    if offset:
        return stamp >= save.began and offset == save.info.get("master_repl_offset", "")
    return save.began <= stamp <= (save.until or stamp)
