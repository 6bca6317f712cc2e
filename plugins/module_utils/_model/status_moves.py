# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who became primary and when, of all members together. Pure."""

from __future__ import annotations

from typing import Any, List, Mapping, Tuple

MOVES_HEAD = ("when", "became primary")
SHOWN = 5


def last_moves(seen: Mapping[str, Mapping[str, Any]]) -> List[Tuple[float, str]]:
    """Return the newest promotions of members by name, the newest first.

    A first deployment and a repair make a primary too, and a server that starts as the primary that it was is none.
    """
    found = [(when, name) for name, state in seen.items() for when in state.get("promotions") or []]
    return sorted(found, reverse=True)[:SHOWN]
