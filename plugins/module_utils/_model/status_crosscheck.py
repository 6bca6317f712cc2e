# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who sees whom in one set: each observer, and what it says of each member and each Sentinel. Pure."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from .status_layout import short_names
from .status_verdict import DOWN, SetStatus, State, is_among

Place = Mapping[str, Any]
OK, GONE, SELF, UNKNOWN, SILENT = "ok", "DOWN", "self", "?", ""


def build_crosscheck(status: SetStatus, sentinels: Sequence[Place]) -> tuple[list[str], list[list[str]]]:
    """Return the title of the table and its rows: who looks, then what it says of each.

    `?` is an observer that was not heard, and nothing is what it cannot know: a replica knows its primary alone.
    """
    members = status.declared["members"]
    watchers = [place for place in sentinels if place["host"] in status.watching]
    names = short_names([place["host"] for place in [*members, *sentinels]])
    watching = [f"Sentinel {names[place['host']]}" for place in watchers]
    head = ["who looks", *(names[place["host"]] for place in members), *watching]
    seen = [status.seen[place["host"]] for place in members] + [status.watching[place["host"]] for place in watchers]
    rows = [["this run", *map(_reached, seen)]]
    for place in members:
        state = status.seen[place["host"]]
        cells = [SELF if other is place else _of_member(state, other) for other in members]
        rows.append(
            [names[place["host"]], *(cells if state["reachable"] else _unheard(cells)), *[SILENT] * len(watchers)]
        )
    for place, who in zip(watchers, watching):
        view = status.watching[place["host"]]
        master = view["masters"].get(status.declared["name"]) if view["reachable"] else None
        cells = [_of_sentinel(master, other) for other in members]
        cells += [SELF if other is place else _entry(master and master["sentinels"], other) for other in watchers]
        rows.append([who, *(cells if view["reachable"] else _unheard(cells))])
    return head, rows


def _unheard(cells: Sequence[str]) -> list[str]:
    return [SELF if cell == SELF else UNKNOWN for cell in cells]


def _reached(state: State) -> str:
    return OK if state["reachable"] else "not asked" if state.get("outside") else GONE


def _of_member(state: State, other: Place) -> str:
    """Return what a server says of another: of the one that it follows, or of one that follows it."""
    if not state["reachable"]:
        return UNKNOWN
    follows = state["primary"]
    if follows and is_among(follows, [other]):
        return OK if follows["link"] == "up" else "copying" if follows["sync_in_progress"] else GONE
    replicas = [replica for replica in state["replicas"] if is_among(replica, [other])]
    return SILENT if not replicas else OK if replicas[0]["state"] == "online" else replicas[0]["state"] or UNKNOWN


def _of_sentinel(master: Any, other: Place) -> str:
    if master is None:
        return SILENT
    if is_among(master, [other]):
        return GONE if DOWN & set(master["flags"]) else "primary"
    return _entry(master["replicas"], other)


def _entry(known: Any, other: Place) -> str:
    entries = [entry for entry in known or [] if is_among(entry, [other])]
    return SILENT if not entries else GONE if DOWN & set(entries[0]["flags"]) else OK
