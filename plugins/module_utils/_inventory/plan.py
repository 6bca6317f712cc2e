# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was observed of a data set, as an inventory says it: who is primary, who is in which group. Pure.

The judgement is that of quorum.redis.replication. Where it would refuse, there is no primary here.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from .._core.errors import Refused
from .._model.addresses import join_address
from .._model.observed import Observed, SentinelView
from .._model.tables import show_evidence
from .._replication.election import Wish
from .._replication.plan import Planner

REFUSED = "password refused"
STATES = ("primary", "replica", "unknown", "disputed")
Live = Dict[str, Any]


def merge_twins(members: Sequence[Observed]) -> List[Observed]:
    """Return each server once: Sentinels may know one by several addresses."""
    servers: List[Observed] = []
    runs: Dict[str, Observed] = {}
    for member in members:
        first = runs.setdefault(member.run_id, member) if member.run_id else member
        if first is member:
            servers.append(member)
        else:
            first.aliases = sorted({*first.aliases, member.address, *member.aliases})
    return servers


def judge_set(name: str, members: Sequence[Observed], views: Sequence[SentinelView], asked_at: str) -> Live:
    """Return one data set as data for a cache and for hostvars; nothing in it is a secret."""
    members = merge_twins(members)
    planner = Planner([_silent(member) for member in members], [_shut(view) for view in views], Wish(name))
    chosen, reason = _elect(planner)
    named = next((member for member, seen in zip(members, planner.members) if seen is chosen), None)
    answered = any(seen.reachable for seen in planner.members)
    return {
        "name": name,
        "asked_at": asked_at,
        "primary": join_address(named.address, named.port) if named else "",
        "disputed": named is None and answered,
        "reason": reason,
        "evidence": show_evidence(planner.members, views, name),
        "members": [
            _member(member, _state(planner, seen, chosen), named) for member, seen in zip(members, planner.members)
        ],
        "sentinels": [_sentinel(view, name) for view in views],
    }


def _silent(member: Observed) -> Observed:
    """Return what counts of a member: one that refuses the password or still loads as a replica says nothing."""
    if member.error_kind == "auth":
        return replace(member, error_kind=REFUSED)
    if member.loading and member.role == "replica":
        return replace(member, reachable=False)
    return replace(member)


def _shut(view: SentinelView) -> SentinelView:
    """Return what counts of a Sentinel: one that refuses the password is one more that is silent."""
    return replace(view, error_kind=REFUSED) if view.error_kind == "auth" else view


def _elect(planner: Planner) -> Tuple[Optional[Observed], str]:
    """Return the primary, or why there is none."""
    if not planner.members:
        return None, "no Sentinel monitors it"
    if not planner.seen:
        return None, "no member answers"
    try:
        planner.check_members()
        chosen = planner.elect_primary()
    except Refused as problem:
        return None, problem.what
    if chosen.role != "primary":
        return None, "no member is a primary, and none holds data"
    rivals = [member.name for member in planner.seen if member.role == "primary" and member is not chosen]
    if rivals and not planner.ballots and not (chosen.key_count or chosen.replicas):
        return None, f"Two primaries without data: {' and '.join([chosen.name, *rivals])}"
    return chosen, ""


def _state(planner: Planner, member: Observed, chosen: Optional[Observed]) -> str:
    """Return the group of a member: where nobody is known to be primary, what it says itself does not count."""
    if not member.reachable:
        return "unknown"
    if chosen is None:
        return "disputed"
    if member is chosen:
        return "primary"
    return "replica" if member.role == "replica" and planner.is_following(member, chosen) else "unknown"


def _member(member: Observed, state: str, primary: Optional[Observed]) -> Live:
    upstream = member.primary
    listed = primary.replicas if primary else []
    lag = next((down.lag for down in listed if member.is_at(down.address, down.port)), None)
    behind = max(0, primary.offset - member.offset) if primary and state == "replica" else None
    return {
        "address": member.address,
        "aliases": member.aliases,
        "port": member.port,
        "state": state,
        "role": member.role,
        "follows": join_address(upstream.address, upstream.port) if upstream and not member.parked else "",
        "link": upstream.link if upstream else "",
        "lag_bytes": 0 if state == "primary" else behind,
        "lag_seconds": 0 if state == "primary" else lag,
        "priority": member.priority if member.reachable else None,
        "engine": member.engine,
        "version": member.version,
        "memory": member.memory.get("used_memory"),
        "error": member.error,
        "error_kind": member.error_kind,
    }


def _sentinel(view: SentinelView, name: str) -> Live:
    ballot = view.masters.get(name)
    return {
        "address": view.address,
        "aliases": view.aliases,
        "port": view.port,
        "names": join_address(ballot.address, ballot.port) if ballot else "",
        "flags": list(ballot.flags) if ballot else [],
        "error": view.error or ("" if ballot else f"does not monitor {name}"),
        "error_kind": view.error_kind,
    }


def problems_of(live: Live) -> List[str]:
    """Return why nobody can rely on what is known of a set; strict fails on these."""
    problems = []
    if live["disputed"]:
        problems = [f"{live['name']} has no primary that is beyond dispute: {live['reason']}.\n{live['evidence']}"]
    elif not live["primary"]:
        problems = [f"{live['name']} has no primary: {live['reason']}."]
    return problems + [text for text, grave in _errors(live) if grave]


def remarks_of(live: Live) -> List[str]:
    """Return who could not be observed for a reason that may pass by itself."""
    return [text for text, grave in _errors(live) if not grave]


def _errors(live: Live) -> List[Tuple[str, bool]]:
    """Return a sentence for each that could not be observed, and whether somebody must correct something."""
    errors = []
    for kind, option in (("members", "password"), ("sentinels", "sentinel_password")):
        for process in live[kind]:
            address = join_address(process["address"], process["port"])
            where = "" if f":{process['port']})" in process["error"] else f" ({address})"
            todo = f" The option is {option}." if process["error_kind"] == "auth" else ""
            grave = process["error_kind"] in ("auth", "tls")
            errors += [(f"{live['name']}{where}: {process['error']}{todo}", grave)] if process["error"] else []
    return errors


def prefixes_of(names: Sequence[str]) -> Dict[str, str]:
    """Return what the groups of each set begin with, without what no group may have in its name.

    Refused: sets that would share their groups. A play for the primary of one would reach that of the other, too.
    """
    prefixes: Dict[str, str] = {}
    for name in sorted(set(names)):
        prefix = "redis_" + re.sub(r"\W", "_", name)
        twin = next((other for other, taken in prefixes.items() if taken == prefix), None)
        if twin is not None:
            raise Refused(
                f"The data sets {twin} and {name} would have the same groups, {prefix}_primary and so on.",
                todo="Name one of them in `sets`, or rename one.",
            )
        prefixes[name] = prefix
    return prefixes


def host_of(place: Mapping[str, Any], hosts: Mapping[str, Sequence[str]]) -> str:
    """Return the host of the inventory that has this address. ValueError: none has, or several do; a clause."""
    where = join_address(place["address"], place["port"])
    names = {host: None for key in (place["address"], *place["aliases"]) for host in hosts.get(key, ())}
    if len(names) > 1:
        raise ValueError(f"{where} is the address of several hosts of the inventory: {', '.join(names)}")
    if not names:
        raise ValueError(f"{where} is no host of the inventory")
    return next(iter(names))


def set_vars(live: Live, place: Mapping[str, Any]) -> Live:
    """Return what the variable redis_live says of a member of this set."""
    keys = ("port", "state", "role", "follows", "link", "lag_bytes", "lag_seconds", "priority", "engine", "version")
    return {**{key: place[key] for key in (*keys, "memory", "error")}, **shared_vars(live)}


def sentinel_vars(place: Mapping[str, Any]) -> Live:
    """Return what the variable redis_live says of the Sentinel of a host."""
    return {key: place[key] for key in ("port", "names", "flags", "error")}


def shared_vars(live: Live) -> Live:
    """Return what is the same on all hosts of a set."""
    return {"primary": live["primary"], "disputed": live["disputed"], "asked_at": live["asked_at"]}
