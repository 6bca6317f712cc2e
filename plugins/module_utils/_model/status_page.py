# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The topology as it is, compared with what is declared: a page for people and a list of problems. Pure."""

from __future__ import annotations

from typing import Any, Callable, Collection, Mapping, Sequence

from .client_page import describe_connection
from .cluster_status import SHARDS_HEAD, ClusterStatus, judge_clusters
from .status_endpoints import ENDPOINTS_HEAD, judge_endpoints
from .status_verdict import SetStatus, State, judge_sets, primaries_of
from .tables import count_of
from .typed_by_hand import note_users

Row = Sequence[str]
REFUSED_ROWS = 10
# The hours are those that the role redis_status asks for.
REFUSED_HEAD = ("refused in the last 24 hours", "what", "times", "last", "at")
MEMBERS_HEAD = ("member", "role", "state", "behind", "keys")
SENTINELS_HEAD = ("sentinel", "names as primary", "state")


def render_page(
    model: Mapping[str, Any],
    servers: Mapping[str, Mapping[str, State]],
    sentinels: Mapping[str, State],
    run: Collection[str] | None = None,
    fronts: Mapping[str, Mapping[str, Any]] | None = None,
) -> tuple[list[str], list[str]]:
    """Return the page, line by line, and what is wrong, one sentence each; see `judge_sets` and `judge_endpoints`."""
    sets, left = judge_sets(model, servers, sentinels, run)
    leading = judge_endpoints(sets, fronts or {})
    page: list[str] = []
    for status in sets:
        title = title_of(status)
        page += [title, "=" * len(title), *_table(MEMBERS_HEAD, members_of(status.seen))]
        if status.declared["sentinel"]:
            rows = [[host, *opinion_of(status.declared, view)] for host, view in status.watching.items()]
            page += ["", *_table(SENTINELS_HEAD, rows)]
        rows = leading.get(status.declared["name"], [])
        page += ["", *_table(ENDPOINTS_HEAD, rows)] if rows else []
        page += [f"  {line}" for line in [*passwords_open(status), *status.notes]]
        page += _refused(observers_of(status))
        page += ["", *(f"  PROBLEM  {problem}" for problem in status.problems)]
        page += [] if status.problems else [f"  healthy: {health_of(status.declared, run)}"]
        page += [
            f"  connect: {' '.join(values)}" for values in [describe_connection(status.declared, model)] if values
        ] + [""]
    clusters = judge_clusters(model, servers, run)
    for cluster in clusters:
        page += [cluster.title, "=" * len(cluster.title), *_table(SHARDS_HEAD, cluster.list_rows())]
        page += [f"  {line}" for line in note_cluster(cluster)]
        page += _refused(cluster.registered)
        page += ["", *(f"  PROBLEM  {problem}" for problem in cluster.problems)]
        page += [] if cluster.problems else [f"  healthy: {cluster.health}"]
        page += [""]
    page += [*(f"  PROBLEM  {problem}" for problem in left), ""] if left else []
    # Text and nothing else: Ansible takes no other kind of it.
    problems = [problem for status in sets for problem in status.problems]
    problems += [problem for cluster in clusters for problem in cluster.problems]
    return page, [str(problem) for problem in [*problems, *left]]


def passwords_open(status: SetStatus) -> list[str]:
    """Return a line for whoever has two passwords: that is no problem, and it is to come to an end."""
    lines = []
    for what, seen in (("The Sentinels", status.watching), (status.declared["name"], status.seen)):
        lines += _two(what, {host: state["rotating"] for host, state in seen.items() if state.get("rotating")})
    return lines


def note_cluster(cluster: ClusterStatus) -> list[str]:
    """Return the same line of a cluster, and one for users that are not declared."""
    declared = cluster.declared
    users = note_users(declared["name"], declared.get("acl") or {}, cluster.registered)
    return [*_two(declared["name"], cluster.rotating), *users]


def _two(what: str, where: Mapping[str, list[str]]) -> list[str]:
    users = ", ".join(sorted({user for names in where.values() for user in names}))
    return [f"{what}: two passwords open for {users} at {', '.join(where)}; rotate.yml ends that"] if where else []


def observers_of(status: SetStatus) -> dict[str, State]:
    """Return the members of a set and the Sentinels that watch it: each refuses what its users may not."""
    watching = status.watching if status.declared["sentinel"] else {}
    return {**status.seen, **{f"Sentinel of {host}": view for host, view in watching.items()}}


def _refused(seen: Mapping[str, State]) -> list[str]:
    rows = refused_of(seen, lambda what: f"{what['kind']} {str(what['object'])[:60]!r}")
    return ["", *_table(REFUSED_HEAD, rows)] if rows else []


def refused_of(seen: Mapping[str, State], shown: Callable[[State], str]) -> list[Row]:
    """Return what users were refused of late: that is no problem of the set, and perhaps one of an application."""
    rows: dict[tuple[str, str], tuple[int, int, list[str]]] = {}
    for host, state in seen.items():
        for refusal in state.get("refused") or []:
            what = (refusal["user"], shown(refusal))
            times, age, hosts = rows.get(what, (0, refusal["age"], []))
            rows[what] = (
                times + refusal["times"],
                min(age, refusal["age"]),
                [*hosts, *([] if host in hosts else [host])],
            )
    latest = sorted(rows.items(), key=lambda row: row[1][1])[:REFUSED_ROWS]
    more = len(rows) - len(latest)
    table: list[Row] = [
        [user, what, str(times), f"{age // 60} min ago", ", ".join(hosts)]
        for (user, what), (times, age, hosts) in latest
    ]
    return [*table, ["and more", f"{more} of older date, in ACL LOG", "", "", ""]] if more else table


def title_of(status: SetStatus) -> str:
    """Return the name of a set with its engine and port."""
    versions = sorted({f"{state['engine']} {state['version']}" for state in status.seen.values() if state["reachable"]})
    return f"{status.declared['name']}: {' and '.join(versions) or 'nothing answers'}, port {status.declared['port']}"


def members_of(seen: Mapping[str, State]) -> list[Row]:
    """Return host, role, state, bytes behind the one primary, and keys of each member."""
    primaries = primaries_of(seen)
    offset = seen[primaries[0]]["offset"] if len(primaries) == 1 else None
    rows: list[Row] = []
    for host, state in seen.items():
        if not state["reachable"]:
            rows.append([host, "?", state["error"], "", ""])
            continue
        behind = "" if offset is None or state["role"] == "primary" else f"{max(0, offset - state['offset'])} bytes"
        rows.append([host, state["role"], state_of(state), behind, str(state["key_count"])])
    return rows


def state_of(state: State) -> str:
    """Return how the replication of a member goes."""
    if state["role"] == "primary":
        return count_of(len(state["replicas"]), "replica")
    follows = state["primary"]
    if state["parked"]:
        return "parked: new, follows nobody yet"
    if follows["sync_in_progress"]:
        return "full synchronisation running"
    return "in sync" if follows["link"] == "up" else f"no link to {follows['address']}:{follows['port']}"


def opinion_of(declared: Mapping[str, Any], view: State) -> Row:
    """Return whom a Sentinel names as primary, and what it says of it."""
    if not view["reachable"]:
        return ["?", view["error"]]
    master = view["masters"].get(declared["name"])
    if master is None:
        return ["-", "does not watch it"]
    hosts = {member["address"]: member["host"] for member in declared["members"]}
    named = f"{hosts.get(master['address'], '?')} ({master['address']}:{master['port']})"
    flags = [flag for flag in master["flags"] if flag != "master"]
    return [named, ", ".join(flags) or f"ok, knows {count_of(len(master['replicas']), 'replica')}"]


def health_of(declared: Mapping[str, Any], run: Collection[str] | None) -> str:
    """Return what is right with a set that has no problem."""
    members = [member["host"] for member in declared["members"]]
    if run is not None and not set(members) <= set(run):
        asked = ", ".join(host for host in members if host in run) or "no member"
        return f"as far as this run goes: {asked}"
    return f"one primary, {count_of(len(declared['members']) - 1, 'replica')} in sync" + (
        ", every Sentinel agrees" if declared["sentinel"] else ""
    )


def _table(head: Row, rows: Sequence[Row]) -> list[str]:
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    return ["  " + "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths)).rstrip() for row in [head, *rows]]
