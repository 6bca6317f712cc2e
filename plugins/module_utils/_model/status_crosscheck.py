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


def build_crosscheck(one: SetStatus, sentinels: Sequence[Place]) -> tuple[list[str], list[list[str]]]:
    """Return the title of the table and its rows: who looks, then what it says of each.

    `?` is an observer that was not heard, and nothing is what it cannot know: a replica knows its primary alone.
    """
    members = one.declared["members"]
    watchers = [place for place in sentinels if place["host"] in one.watching]
    names = short_names([place["host"] for place in [*members, *sentinels]])
    watching = [f"Sentinel {names[place['host']]}" for place in watchers]
    head = ["who looks", *(names[place["host"]] for place in members), *watching]
    seen = [one.seen[place["host"]] for place in members] + [one.watching[place["host"]] for place in watchers]
    rows = [["this run", *map(_reached, seen)]]
    for place in members:
        state = one.seen[place["host"]]
        said = [SELF if other is place else _of_member(state, other) for other in members]
        rows.append(
            [names[place["host"]], *(said if state["reachable"] else _unheard(said)), *[SILENT] * len(watchers)]
        )
    for place, who in zip(watchers, watching):
        view = one.watching[place["host"]]
        master = view["masters"].get(one.declared["name"]) if view["reachable"] else None
        said = [_of_sentinel(master, other) for other in members]
        said += [SELF if other is place else _entry(master and master["sentinels"], other) for other in watchers]
        rows.append([who, *(said if view["reachable"] else _unheard(said))])
    return head, rows


def _unheard(said: Sequence[str]) -> list[str]:
    return [SELF if one == SELF else UNKNOWN for one in said]


def _reached(state: State) -> str:
    return OK if state["reachable"] else "not asked" if state.get("outside") else GONE


def _of_member(state: State, other: Place) -> str:
    """Return what a server says of another: of the one that it follows, or of one that follows it."""
    if not state["reachable"]:
        return UNKNOWN
    follows = state["primary"]
    if follows and is_among(follows, [other]):
        return OK if follows["link"] == "up" else "copying" if follows["sync_in_progress"] else GONE
    found = [one for one in state["replicas"] if is_among(one, [other])]
    return SILENT if not found else OK if found[0]["state"] == "online" else found[0]["state"] or UNKNOWN


def _of_sentinel(master: Any, other: Place) -> str:
    if master is None:
        return SILENT
    if is_among(master, [other]):
        return GONE if DOWN & set(master["flags"]) else "primary"
    return _entry(master["replicas"], other)


def _entry(known: Any, other: Place) -> str:
    found = [one for one in known or [] if is_among(one, [other])]
    return SILENT if not found else GONE if DOWN & set(found[0]["flags"]) else OK
