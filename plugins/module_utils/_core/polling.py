# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wait for a state, never for a time."""

from __future__ import annotations

import time
from typing import Any, Callable, List, TypeVar

from .errors import QuorumError, Unsettled

Seen = TypeVar("Seen")


def until_settled(look: Callable[[], Seen], judge: Callable[[Seen], Any], wait: float, short: float) -> Seen:
    """Look again while the judgement is that what is seen passes by itself; what takes long gets the whole time."""
    start = time.monotonic()
    while True:
        seen = look()
        try:
            judge(seen)
        except Unsettled as problem:
            if time.monotonic() - start >= (wait if problem.patient else min(wait, short)):
                raise
            time.sleep(0.5)
        else:
            return seen


def until_done(
    look: Callable[[], Seen], missing: Callable[[Seen], List[str]], seen: Seen, wait: float, where: str, todo: str
) -> Seen:
    """Look again while something is missing; say what, when the time is over."""
    start = time.monotonic()
    while missing(seen):
        if time.monotonic() - start >= wait:
            raise QuorumError(f"After {wait:g} s: {'; '.join(missing(seen))}", where, todo)
        time.sleep(0.2)
        seen = look()
    return seen
