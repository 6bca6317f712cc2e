# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who became primary, when, instead of whom and why, of all members together. Pure."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Sequence, Tuple

from .addresses import join_address
from .move_journal import match_switch

MOVES_HEAD = ("when", "became primary", "instead of", "why")
SHOWN = 5
Row = Tuple[float, str, str, str]


def last_moves(
    seen: Mapping[str, Mapping[str, Any]],
    watching: Mapping[str, Mapping[str, Any]],
    declared: Mapping[str, Any],
) -> List[Row]:
    """Return the newest moves, the newest first; what no journal tells is empty.

    A first deployment and a repair make a primary too, and a server that starts as the primary that it was is none.
    A move to a member that tells nothing any more is known from the Sentinels.
    """
    names = {join_address(entry["address"], int(entry["port"])): entry["host"] for entry in declared["members"]}
    places = {host: place for place, host in names.items()}
    switches = [
        entry for view in watching.values() for entry in view.get("moves") or [] if entry["set"] == declared["name"]
    ]
    rows: List[Row] = []
    for name, state in seen.items():
        for entry in state.get("promotions") or []:
            rows.append((entry["at"], name, *_cause(switches, names, places.get(name, ""), entry)))
    for entry in sorted(switches, key=lambda move: float(move["at"])):
        name = names.get(entry["to"], entry["to"])
        if not [row for row in rows if row[1] == name and match_switch([entry], entry["to"], row[0])]:
            rows.append((entry["at"], name, *_cause(switches, names, entry["to"], entry)))
    return sorted(rows, reverse=True)[:SHOWN]


def _cause(
    switches: Sequence[Mapping[str, Any]], names: Mapping[str, str], place: str, promotion: Mapping[str, Any]
) -> Tuple[str, str]:
    """Return instead of whom somebody became primary, and why."""
    move: Dict[str, Any] = match_switch(switches, place, promotion["at"]) or {}
    before = str(move.get("from", ""))
    return names.get(before, before), str(move.get("why") or promotion["why"])
