# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""While a password takes the place of another: what is noted of it, and what to say of one that has not ended."""

from __future__ import annotations

import re
from typing import Any, Dict, Iterable, List, Mapping

from .._core.errors import Refused
from .acl_rules import password_digest

OPEN, PROVE, CLOSE = "open", "prove", "close"
_MARK = re.compile(r"^# (\S+): the new password opens beside the previous one since (\d+)$", re.MULTILINE)
GO_ON = "The previous passwords go on to open. {todo}, then run quorum.redis.rotate again"


def format_mark(name: str, since: int) -> str:
    """Return the comment in a file of users or of a Sentinel: since when (seconds) a user has two passwords."""
    return f"# {name}: the new password opens beside the previous one since {since}\n"


def parse_marks(text: str) -> Dict[str, int]:
    """Return user -> since when, of such comments."""
    return {name: int(since) for name, since in _MARK.findall(text)}


def previous_hashes(user: Mapping[str, Any], held: Iterable[str]) -> List[str]:
    """Return the hashes of previous passwords that open now."""
    there = set(held)
    return [
        rule for rule in (f"#{password_digest(word)}" for word in user.get("passwords_previous") or []) if rule in there
    ]


def refuse_unfinished_rotation(label: str, where: str, user: str, variable: str) -> Refused:
    """Return what to say of an inventory that knows nothing of the password that still opens."""
    return Refused(
        f"{label}: the user {user} has two passwords, because a rotation has not come to its end",
        where,
        f"Nothing was changed. Declare both, the previous one as {variable}, and run quorum.redis.rotate",
    )
