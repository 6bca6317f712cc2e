# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a sink is given an event, and when it is tried again. Pure."""

from __future__ import annotations

from .._model.notification import Event

FIRST, LONGEST = 1.0, 15.0
STAGGER = 3.0  # seconds between two hosts, so that the second one sees what the first one has told


def begin_time(event: Event, rank: int, folds: bool, standby: float) -> float:
    """Return when this host gives the event to a sink.

    One that folds equal events may hear it from everybody, a little one after the other. Of the others only the host
    that was first gives it at once, and the rest should that one not be able to.
    """
    if event.first:
        return event.time
    return event.time + (STAGGER * (1 + rank) if folds else standby * (1 + rank))


def retry_delay(tries: int, rank: int) -> float:
    """Return after how many seconds the next try follows; hosts come one after the other there too."""
    return float(min(FIRST * 2 ** min(tries - 1, 10), LONGEST) + rank * STAGGER / 9)


def is_expired(event: Event, now: float, keep: float) -> bool:
    """Return whether the event is too old to be worth telling."""
    return now - event.time > keep


def is_worth_a_line(tries: int) -> bool:
    """Return whether a failed try is written to the journal: the first ones, and then ever fewer."""
    return tries & (tries - 1) == 0
