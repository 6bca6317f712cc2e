# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the journals of servers and Sentinels say of moves: when, from whom, to whom, and why. Pure."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from .addresses import join_address

# What Redis 6.0 to 8 and Valkey write for REPLICAOF NO ONE, an election of a cluster and a takeover.
PROMOTED = "(MASTER|PRIMARY) MODE enabled|Failover election won|Taking over the (master|primary)"
MANUAL = "Manual failover user request accepted"  # before such an election
SWITCHED = r"\+switch-master |[+-]odown master |\+try-failover master "
BY_SENTINEL, ELECTED, ASKED, TAKEN = "a Sentinel", "elected by the cluster", "asked for", "taken over by command"
DOWN, PLANNED = "the previous one was down", "asked for, the previous one was not down"
SOON = 60.0  # seconds between a request and the election that it leads to

Entry = Tuple[float, str]
Moves = List[Dict[str, Any]]


def explain_promotions(entries: Sequence[Entry]) -> Moves:
    """Return when a server became primary, and why as far as it says so."""
    promotions: Moves = []
    asked = -SOON
    for when, text in entries:
        if MANUAL in text:
            asked = when
        elif "election won" in text:
            promotions.append({"at": when, "why": ASKED if when - asked < SOON else ELECTED})
        elif re.search(PROMOTED, text):
            promotions.append({"at": when, "why": TAKEN if "Taking over" in text else _asked_by(text)})
    return promotions


def _asked_by(text: str) -> str:
    """Return who let a server be primary: a Sentinel names its connection, others have an address."""
    if re.search(r"\bname=sentinel-", text):
        return f"asked for by {BY_SENTINEL}"
    place = re.search(r"\baddr=(\S+):\d+\b", text)
    return f"asked for from {place.group(1)}" if place else ""


def explain_switches(entries: Sequence[Entry]) -> Moves:
    """Return the moves that a Sentinel has named; one that led it or saw the primary down knows why."""
    switches: Moves = []
    down: Dict[str, bool] = {}  # whether the primary of a set is, once this Sentinel had a reason to say so
    for when, text in entries:
        words = re.sub(r"^.*?(?=[+-][a-z])", "", text).split()
        event, rest = words[0], words[1:]
        if event == "+switch-master" and len(rest) >= 5:
            name, old, old_port, new, port = rest[:5]
            why = {True: DOWN, False: PLANNED}.get(down.pop(name, None))  # type: ignore[arg-type]
            move = {"at": when, "set": name, "why": why or ""}
            switches.append({**move, "from": join_address(old, int(old_port)), "to": join_address(new, int(port))})
        elif event == "+try-failover" and len(rest) > 1:
            down.setdefault(rest[1], False)
        elif event in ("+odown", "-odown") and len(rest) > 1:
            if event == "+odown":
                down[rest[1]] = True
            else:
                down.pop(rest[1], None)
    return switches


def match_switch(switches: Sequence[Mapping[str, Any]], to: str, when: float) -> Optional[Dict[str, Any]]:
    """Return the move to an address at that time, with the reason of whichever Sentinel knew one."""
    near = [switch for switch in switches if switch["to"] == to and abs(switch["at"] - when) < SOON]
    if not near:
        return None
    why = {switch["why"] for switch in near}
    return {**near[0], "why": DOWN if DOWN in why else PLANNED if PLANNED in why else ""}
