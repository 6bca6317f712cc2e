# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The topology as it is, compared with what is declared: a page for people and a list of problems. Pure."""

from __future__ import annotations

from typing import Any, Collection, Mapping, Sequence

from .client_page import connection

Row = Sequence[str]
REFUSED_HOURS, REFUSED_ROWS = 24, 10  # the hours are those that playbooks/status.yml asks for
NOTHING: Mapping[str, Any] = {"reachable": False, "error": "its host does not answer Ansible"}
OUTSIDE: Mapping[str, Any] = {"reachable": False, "outside": True, "error": "outside this run"}
DISK = {
    "rdb_last_bgsave_status": "its last snapshot could not be written",
    "aof_last_write_status": "its AOF could not be written",
    "aof_last_bgrewrite_status": "its last rewrite of the AOF failed",
}


def render(
    model: Mapping[str, Any],
    servers: Mapping[str, Mapping[str, Mapping[str, Any]]],
    sentinels: Mapping[str, Mapping[str, Any]],
    run: Collection[str] | None = None,
) -> tuple[list[str], list[str]]:
    """Return the page, line by line, and what is wrong, one sentence each.

    servers: by host, then by data set, the observed instance. sentinels: by host. A host that is missing
    there could not be reached, or was not asked: `run` has the hosts that were.
    """

    def missing(host: str) -> Mapping[str, Any]:
        return NOTHING if run is None or host in run else OUTSIDE

    page: list[str] = []
    problems: list[str] = []
    for declared in model["instances"]:
        seen = {
            m["host"]: servers.get(m["host"], {}).get(declared["name"], missing(m["host"])) for m in declared["members"]
        }
        found = _judge(declared, seen)
        page += _title(declared, seen) + _table(["member", "role", "state", "behind", "keys"], _members(seen))
        if declared["sentinel"]:
            watching = {m["host"]: sentinels.get(m["host"], missing(m["host"])) for m in model["sentinel"]["members"]}
            rows = [[host, *_opinion(declared, view)] for host, view in watching.items()]
            page += ["", *_table(["sentinel", "names as primary", "state"], rows)]
            found += _judge_sentinels(declared, seen, watching)
            found += _judge_memories(declared, watching, model["sentinel"]["members"])
            page += _rotating("The Sentinels", watching)
        page += _rotating(declared["name"], seen) + _refused(seen)
        page += ["", *(f"  PROBLEM  {problem}" for problem in found)]
        page += [] if found else [f"  healthy: {_count(declared, run)}"]
        page += [f"  connect: {' '.join(values)}" for values in [connection(declared, model)] if values] + [""]
        problems += found
    left = _undeclared([one["name"] for one in model["instances"]], sentinels)
    page += [*(f"  PROBLEM  {problem}" for problem in left), ""] if left else []
    return page, problems + left


def _rotating(what: str, seen: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return a line when somebody has two passwords: that is no problem, and it is to come to an end."""
    where = {host: state["rotating"] for host, state in seen.items() if state.get("rotating")}
    users = ", ".join(sorted({user for found in where.values() for user in found}))
    return [f"  {what}: two passwords open for {users} at {', '.join(where)}; rotate.yml ends that"] if where else []


def _refused(seen: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return what users were refused of late: that is no problem of the set, and perhaps one of an application."""
    rows: dict[tuple[str, str], tuple[int, int, list[str]]] = {}
    for host, state in seen.items():
        for one in state.get("refused") or []:
            what = (one["user"], f"{one['kind']} {str(one['object'])[:60]!r}")
            times, age, hosts = rows.get(what, (0, one["age"], []))
            rows[what] = (times + one["times"], min(age, one["age"]), [*hosts, *([] if host in hosts else [host])])
    if not rows:
        return []
    latest = sorted(rows.items(), key=lambda row: row[1][1])[:REFUSED_ROWS]
    cells = [
        [user, what, str(times), f"{age // 60} min ago", ", ".join(hosts)]
        for (user, what), (times, age, hosts) in latest
    ]
    head = [f"refused in the last {REFUSED_HOURS} hours", "what", "times", "last", "at"]
    return ["", *_table(head, cells)]


def _primaries(seen: Mapping[str, Mapping[str, Any]]) -> list[str]:
    return [host for host, state in seen.items() if state["reachable"] and state["role"] == "primary"]


def _title(declared: Mapping[str, Any], seen: Mapping[str, Mapping[str, Any]]) -> list[str]:
    versions = sorted({f"{state['engine']} {state['version']}" for state in seen.values() if state["reachable"]})
    title = f"{declared['name']}: {' and '.join(versions) or 'nothing answers'}, port {declared['port']}"
    return [title, "=" * len(title)]


def _members(seen: Mapping[str, Mapping[str, Any]]) -> list[Row]:
    primaries = _primaries(seen)
    offset = seen[primaries[0]]["offset"] if len(primaries) == 1 else None
    rows: list[Row] = []
    for host, state in seen.items():
        if not state["reachable"]:
            rows.append([host, "?", state["error"], "", ""])
            continue
        behind = "" if offset is None or state["role"] == "primary" else f"{max(0, offset - state['offset'])} bytes"
        rows.append([host, state["role"], _state(state), behind, str(state["keys"])])
    return rows


def _state(state: Mapping[str, Any]) -> str:
    if state["role"] == "primary":
        return _replicas(len(state["replicas"]))
    follows = state["primary"]
    if state["parked"]:
        return "parked: new, follows nobody yet"
    if follows["sync_in_progress"]:
        return "full synchronisation running"
    return "in sync" if follows["link"] == "up" else f"no link to {follows['address']}:{follows['port']}"


def _opinion(declared: Mapping[str, Any], view: Mapping[str, Any]) -> Row:
    if not view["reachable"]:
        return ["?", view["error"]]
    master = view["masters"].get(declared["name"])
    if master is None:
        return ["-", "does not watch it"]
    hosts = {member["address"]: member["host"] for member in declared["members"]}
    named = f"{hosts.get(master['address'], '?')} ({master['address']}:{master['port']})"
    flags = [flag for flag in master["flags"] if flag != "master"]
    return [named, ", ".join(flags) or f"ok, knows {_replicas(len(master['replicas']))}"]


def _judge(declared: Mapping[str, Any], seen: Mapping[str, Mapping[str, Any]]) -> list[str]:
    name, primaries = declared["name"], _primaries(seen)
    problems = [
        f"{name} at {host}: {state['error']}. Look at the host; site.yml starts what is stopped."
        for host, state in seen.items()
        if not state["reachable"] and not state.get("outside")
    ]
    problems += [
        f"{name} at {host}: {what}. Look for a full disk; journalctl -u redis-server@{name} says why."
        for host, state in seen.items()
        if state["reachable"]
        for key, what in DISK.items()
        if state["persistence"].get(key, "ok") != "ok"
    ]
    outside = [host for host, state in seen.items() if state.get("outside")]
    followed = _followed(declared, seen)
    if not primaries and len(followed) == 1 and followed[0] in outside:
        primaries = followed  # all that were asked follow one that was not
    elif not primaries and len(outside) == len(seen):
        return problems
    if len(primaries) != 1:
        who = f"{' and '.join(primaries)} are" if primaries else "no member is"
        problems.append(f"{name}: {who} primary, one member is right. site.yml shows who says what.")
        return problems
    addresses = {(m["address"], m["port"]): m["host"] for m in declared["members"]}
    problems += [
        f"{name}: {one['address']}:{one['port']} is a replica of it, and no member by the inventory. Declare it or "
        "retire it."
        for one in seen[primaries[0]].get("replicas", [])
        if (one["address"], one["port"]) not in addresses
    ]
    for host, state in seen.items():
        if not state["reachable"] or state["role"] == "primary":
            continue
        target = (state["primary"]["address"], state["primary"]["port"])
        if addresses.get(target) != primaries[0]:
            problems.append(f"{name} at {host}: follows {target[0]}:{target[1]}, not {primaries[0]}. Run site.yml.")
        elif state["primary"]["link"] != "up":
            problems.append(
                f"{name} at {host}: its link to the primary is down. See journalctl -u redis-server@{name}."
            )
    return problems


def _judge_sentinels(
    declared: Mapping[str, Any],
    seen: Mapping[str, Mapping[str, Any]],
    watching: Mapping[str, Mapping[str, Any]],
) -> list[str]:
    name = declared["name"]
    primaries = _primaries(seen) or [host for host in _followed(declared, seen) if seen[host].get("outside")]
    right = {m["address"] for m in declared["members"] if m["host"] in primaries}
    problems = []
    for host, view in watching.items():
        where = f"Sentinel at {host}"
        if view.get("outside"):
            continue
        if not view["reachable"]:
            problems.append(f"{where}: {view['error']}. Look at the host; site.yml starts what is stopped.")
        elif name not in view["masters"]:
            problems.append(f"{where}: does not watch {name}. Run site.yml.")
        elif len(right) == 1 and view["masters"][name]["address"] not in right:
            other = view["masters"][name]["address"]
            problems.append(f"{where}: names {other} as the primary of {name}, not {primaries[0]}. Run site.yml.")
        elif view["masters"][name]["flags"] != ["master"]:
            flags = ", ".join(view["masters"][name]["flags"])
            problems.append(f"{where}: sees the primary of {name} as {flags}. Wait for it, or look at that host.")
    return problems


DOWN = {"s_down", "o_down", "disconnected"}


def _judge_memories(
    declared: Mapping[str, Any], watching: Mapping[str, Mapping[str, Any]], sentinels: Sequence[Mapping[str, Any]]
) -> list[str]:
    """Return what Sentinels know beside what is declared: the dead ones among them count for the majority."""
    name = declared["name"]
    ours = {view["myid"] for view in watching.values() if view["reachable"] and view["myid"]}
    told: dict[str, list[str]] = {}
    for host, view in watching.items():
        master = view["masters"].get(name) if view["reachable"] else None
        if master is None:
            continue
        strangers = [one for one in master["sentinels"] if one["myid"] not in ours and not _among(one, sentinels)]
        alive = 1 + sum(1 for one in master["sentinels"] if not DOWN & set(one["flags"]))
        known = 1 + len(master["sentinels"])
        needed = max(master["quorum"], known // 2 + 1)
        if strangers or alive < needed:
            who = "".join(f"; not declared: {_stranger(one)}" for one in strangers)
            told.setdefault(
                f"{known} Sentinels of {name}, {alive} of them alive; a failover takes quorum {master['quorum']} and "
                f"majority {known // 2 + 1}, so it survives the loss of {max(0, alive - needed)} more{who}",
                [],
            ).append(host)
        for one in master["replicas"]:
            if not _among(one, declared["members"]):
                told.setdefault(f"a replica of {name} that is no member: {_stranger(one)}", []).append(host)
    return [
        f"{name}: the Sentinels of {', '.join(hosts)} know {text}. Run site.yml, after which they forget who is gone; "
        "declare or retire who lives."
        for text, hosts in told.items()
    ]


def _among(one: Mapping[str, Any], places: Sequence[Mapping[str, Any]]) -> bool:
    ports = [(place["address"], place.get(key)) for place in places for key in ("port", "other_port")]
    return (one["address"], one["port"]) in ports


def _stranger(one: Mapping[str, Any]) -> str:
    return f"{one['address']}:{one['port']}, which {'is down' if DOWN & set(one['flags']) else 'lives'}"


def _undeclared(names: Sequence[str], sentinels: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the data sets that left the inventory and are still watched."""
    told: dict[str, list[str]] = {}
    for host, view in sentinels.items():
        for name in sorted(set(view["masters"]) - set(names)) if view["reachable"] else []:
            told.setdefault(name, []).append(host)
    return [
        f"{name}: the Sentinels of {', '.join(hosts)} watch it, and it is no data set of this inventory. Declare it, "
        f"or remove it with quorum.redis.remove -e redis_remove_set={name}."
        for name, hosts in told.items()
    ]


def _followed(declared: Mapping[str, Any], seen: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the members that replicas follow."""
    hosts = {(m["address"], m["port"]): m["host"] for m in declared["members"]}
    replicas = [state["primary"] for state in seen.values() if state["reachable"] and state["role"] != "primary"]
    targets = [hosts.get((target["address"], target["port"]), "") for target in replicas]
    return list(dict.fromkeys(filter(None, targets)))


def _count(declared: Mapping[str, Any], run: Collection[str] | None) -> str:
    members = [member["host"] for member in declared["members"]]
    if run is not None and not set(members) <= set(run):
        asked = ", ".join(host for host in members if host in run) or "no member"
        return f"as far as this run goes: {asked}"
    return f"one primary, {_replicas(len(declared['members']) - 1)} in sync" + (
        ", every Sentinel agrees" if declared["sentinel"] else ""
    )


def _replicas(count: int) -> str:
    return f"{count} replica{'' if count == 1 else 's'}"


def _table(head: Row, rows: Sequence[Row]) -> list[str]:
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    return ["  " + "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths)).rstrip() for row in [head, *rows]]
