# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody has typed at a prompt beside what is declared, one sentence each: a part of the status. Pure."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from .sentinel_settings import list_altered

State = Mapping[str, Any]


def note_users(name: str, acl: Mapping[str, Any], seen: Mapping[str, State]) -> list[str]:
    """Return a line for ACL users that somebody has typed at a prompt: each server has its own."""
    by_names: dict[str, list[str]] = {}
    for host, state in seen.items():
        if users := sorted(set(state.get("users") or []) - set(acl.get("names") or [])):
            by_names.setdefault(", ".join(users), []).append(host)
    return [
        f"{name}: not declared: the ACL users {users} of {', '.join(hosts)}. Declare them in redis_acl_users, so that "
        "every member knows them, or ACL DELUSER them"
        for users, hosts in by_names.items()
    ]


def list_altered_sentinels(members: Sequence[Mapping[str, Any]], sentinels: Mapping[str, State]) -> list[str]:
    """Return which Sentinels somebody has told something else about themselves than their files say."""
    places = {m["host"]: {"announce-ip": m["address"], "announce-port": m["port"]} for m in members}
    return [
        f"Sentinel at {host}: {key} is {old or 'empty'} and declared is {new}. A change of the inventory is not "
        "applied yet, or somebody has typed SENTINEL CONFIG SET. Run site.yml, which sets it."
        for host, view in sentinels.items()
        if host in places
        for key, old, new in list_altered(view.get("settings") or {}, places[host])
    ]


def list_foreign_watchers(
    name: str, seen: Mapping[str, State], watching: Mapping[str, State], members: Sequence[Mapping[str, Any]]
) -> list[str]:
    """Return Sentinels that watch members of a set and are none of ours: such a one moves the primary on its own.

    Those that watch it under its own name are known to ours, and named with what they count for.
    """
    answering = [view for view in watching.values() if view["reachable"]]
    known = {view["myid"] for view in answering}
    masters = [view["masters"][name] for view in answering if name in view["masters"]]
    known |= {listed["myid"] for master in masters for listed in master["sentinels"]}
    ours = {myid[:8] for myid in known if myid}
    sure = {host for host, view in watching.items() if view["reachable"] and view["myid"]}
    unsure = {member["address"] for member in members if member["host"] not in sure}
    by_watcher: dict[tuple[str, str], list[str]] = {}
    for host, state in seen.items():
        for watcher in state.get("watchers") or []:
            if watcher["id"] not in ours and watcher["address"] not in unsure:
                by_watcher.setdefault((watcher["id"], watcher["address"]), []).append(host)
    name_of_it = ", under another name" if members else ""
    return [
        f"{name}: a Sentinel that is not declared watches {', '.join(hosts)} from {address} (its myid begins with "
        f"{myid}){name_of_it}. It may move the primary on its own: stop it, or let it forget this set by "
        "SENTINEL REMOVE."
        for (myid, address), hosts in by_watcher.items()
    ]


def _unit_advice(unit: State) -> str:
    run = "Run site.yml, which enables and starts it."
    if unit["state"] == "masked" and not unit["unit"].endswith(".timer"):
        return f"Somebody did that on purpose: systemctl unmask it when it may run again. {run}"
    return run


def list_disabled_units(servers: Mapping[str, Mapping[str, State]], sentinels: Mapping[str, State]) -> list[str]:
    """Return the units of each host that do not start at the next boot, or timers that do not run."""
    states = [(host, state) for host, of_host in servers.items() for state in of_host.values()]
    return list(
        dict.fromkeys(
            f"{unit['unit']} at {host} is {unit['state']}. {_unit_advice(unit)}"
            for host, state in [*states, *sentinels.items()]
            for unit in state.get("units") or []
        )
    )
