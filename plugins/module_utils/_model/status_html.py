# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The status as one HTML file: what the text page says, drawn. No script, no reference to elsewhere. Pure."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any, Collection, List, Mapping, Sequence

from .client_page import describe_connection
from .cluster_status import SHARDS_HEAD, ClusterStatus, judge_clusters
from .markup import Child, make_table, make_tag, mark_moving, serialise_page, show_time
from .status_crosscheck import GONE, build_crosscheck
from .status_drawing import DRAWING_STYLE, drawing_of, size_of
from .status_endpoints import ENDPOINTS_HEAD, declared_endpoint, judge_endpoints
from .status_facts import facts_by_host, show_facts
from .status_moves import MOVES_HEAD, last_moves
from .status_page import (
    REFUSED_HEAD,
    SENTINELS_HEAD,
    health_of,
    members_of,
    note_cluster,
    observers_of,
    opinion_of,
    passwords_open,
    refused_of,
    title_of,
)
from .status_shards import draw_shards
from .status_style import PAGE_STYLE, PRINT_STYLE
from .status_verdict import DISK, SetStatus, State, judge_sets

MEMBERS = ("member", "address", "role", "state", "behind", "keys", "memory", "version", "up since", "priority", "disk")
MANY = 9  # columns of names, above which they stand upright
SIGNS = {"bad": "\u2716", "part": "\u25d0", "good": "\u2714"}
POLICY = "default-src 'none'; style-src 'unsafe-inline'"
NOT_SEEN = (
    "Not on this page, because status does not look at them: moves that the journals of the hosts "
    "no longer have, and where the hosts write no facts for Prometheus, backups and certificates."
)


def render_html(
    model: Mapping[str, Any],
    servers: Mapping[str, Mapping[str, State]],
    sentinels: Mapping[str, State],
    run: Collection[str] | None,
    now: float,
    fronts: Mapping[str, Mapping[str, Any]] | None = None,
) -> str:
    """Return the page; the same judgement as that of the text page, for the same arguments."""
    sets, left = judge_sets(model, servers, sentinels, run)
    judgements = judge_clusters(model, servers, run), judge_endpoints(sets, fronts or {})
    return serialise_page(page_of(model, sets, left, run, now, *judgements))


def page_of(
    model: Mapping[str, Any],
    sets: Sequence[SetStatus],
    left: Sequence[str],
    run: Collection[str] | None,
    now: float,
    clusters: Sequence[ClusterStatus] = (),
    leading: Mapping[str, Sequence[Sequence[Child]]] | None = None,
) -> ET.Element:
    """Return the page as elements."""
    count = (
        sum(len(status.problems) for status in sets) + sum(len(cluster.problems) for cluster in clusters) + len(left)
    )
    sentence = f"{model.get('deployment', 'redis')}: {_counted(count)}"
    lines = [
        (f"{SIGNS[_kind(status)]} {status.declared['name']}: {_verdict(status, run)}", f"#set-{number}")
        for number, status in enumerate(sets, 1)
    ]
    lines += [
        (
            f"{SIGNS[_kind_of_cluster(cluster)]} {cluster.declared['name']}: {_verdict_of_cluster(cluster)}",
            f"#cluster-{number}",
        )
        for number, cluster in enumerate(clusters, 1)
    ]
    index = [make_tag("li", make_tag("a", text, href=href)) for text, href in lines]
    return make_tag(
        "html",
        make_tag(
            "head",
            make_tag("meta", charset="utf-8"),
            make_tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
            make_tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
            make_tag("title", sentence),
            make_tag("style", PAGE_STYLE + DRAWING_STYLE + PRINT_STYLE),
        ),
        make_tag(
            "body",
            make_tag(
                "header",
                make_tag("h1", sentence),
                make_tag(
                    "p", "As seen at ", mark_moving(show_time(now)), ". Nothing here updates itself.", class_="when"
                ),
                *_problems(left),
                *([make_tag("ul", *index)] if len(index) > 1 else []),
            ),
            *(_section(number, status, model, run, now, leading or {}) for number, status in enumerate(sets, 1)),
            *(_cluster(number, cluster) for number, cluster in enumerate(clusters, 1)),
            make_tag("p", NOT_SEEN, class_="note"),
        ),
        lang="en",
    )


def _counted(count: int) -> str:
    return "no problem" if not count else "1 PROBLEM" if count == 1 else f"{count} PROBLEMS"


def _kind(status: SetStatus) -> str:
    partly = any(state.get("outside") for state in status.seen.values())
    return "bad" if status.problems else "part" if partly else "good"


def _verdict(status: SetStatus, run: Collection[str] | None) -> str:
    return _counted(len(status.problems)) if status.problems else f"healthy, {health_of(status.declared, run)}"


def _kind_of_cluster(cluster: ClusterStatus) -> str:
    return "bad" if cluster.problems else "good" if cluster.asked else "part"


def _verdict_of_cluster(cluster: ClusterStatus) -> str:
    return _counted(len(cluster.problems)) if cluster.problems else f"healthy, {cluster.health}"


def _problems(sentences: Sequence[str]) -> List[ET.Element]:
    return [make_tag("ul", *(make_tag("li", text) for text in sentences), class_="problems")] if sentences else []


def _section(
    number: int,
    status: SetStatus,
    model: Mapping[str, Any],
    run: Collection[str] | None,
    now: float,
    leading: Mapping[str, Sequence[Sequence[Child]]],
) -> ET.Element:
    verdict = _verdict(status, run)
    kind = _kind(status)
    watchers = model["sentinel"]["members"]
    values = describe_connection(status.declared, model)
    return make_tag(
        "section",
        make_tag("h2", title_of(status)),
        make_tag("p", f"{SIGNS[kind]} {verdict[0].upper()}{verdict[1:]}", class_=f"verdict {kind}"),
        *_problems(status.problems),
        make_tag("div", drawing_of(status, watchers), class_="wide"),
        make_table(MEMBERS, _members(status, now), "Members"),
        *_sentinels(status),
        _crosscheck(status, watchers),
        *_moves(status.seen, status.watching, status.declared),
        *show_facts(status.seen),
        *(make_tag("p", line, class_="note") for line in [*passwords_open(status), *status.notes]),
        *_endpoints(status, model, leading.get(status.declared["name"], [])),
        *_refused(observers_of(status)),
        *([make_tag("h3", "How an application connects"), make_tag("pre", "\n".join(values))] if values else []),
        id=f"set-{number}",
    )


def _cluster(number: int, cluster: ClusterStatus) -> ET.Element:
    kind, verdict = _kind_of_cluster(cluster), _verdict_of_cluster(cluster)
    return make_tag(
        "section",
        make_tag("h2", cluster.title),
        make_tag("p", f"{SIGNS[kind]} {verdict[0].upper()}{verdict[1:]}", class_=f"verdict {kind}"),
        *_problems(cluster.problems),
        make_tag("div", draw_shards(cluster), class_="wide"),
        make_table(SHARDS_HEAD, [_shard(row) for row in cluster.list_rows()], "Shards"),
        *_moves(cluster.registered, {}, cluster.declared),
        *show_facts(facts_by_host(cluster)),
        *(make_tag("p", line, class_="note") for line in note_cluster(cluster)),
        *_refused(cluster.registered),
        id=f"cluster-{number}",
    )


def _shard(row: Sequence[str]) -> List[Child]:
    """Return the row of a shard; how far its replicas are behind, and its keys, move by themselves."""
    primary, replicas, slots, count, keys, zones = row
    return [primary, mark_moving(replicas), slots, count, mark_moving(keys), zones]


def _members(status: SetStatus, now: float) -> List[Sequence[Child]]:
    rows: List[Sequence[Child]] = []
    for place, (host, role, state, behind, keys) in zip(status.declared["members"], members_of(status.seen)):
        seen, address = status.seen[host], f"{place['address']}:{place['port']}"
        if not seen["reachable"]:
            rows.append([host, address, role, make_tag("span", state, class_="wrap"), *[""] * 7])
            continue
        since = show_time(now - seen["uptime"])[:16] if seen["uptime"] else ""
        rows.append(
            [
                host,
                address,
                role,
                state,
                mark_moving(behind),
                mark_moving(keys),
                mark_moving(_memory(seen["memory"])),
                seen["version"],
                mark_moving(since),
                str(seen["priority"]),
                _disk(seen["persistence"]),
            ]
        )
    return rows


def _memory(memory: Mapping[str, Any]) -> str:
    used, most = memory.get("used_memory"), memory.get("maxmemory")
    if used is None:
        return ""
    return f"{size_of(used)} of {size_of(most)}" if most else f"{size_of(used)}, no limit"


def _disk(persistence: Mapping[str, Any]) -> str:
    bad = [what for key, what in DISK.items() if persistence.get(key, "ok") != "ok"]
    known = {1: "AOF on", 0: "AOF off"}.get(persistence.get("aof_enabled", -1), "")
    return "; ".join(bad).upper() or known


def _sentinels(status: SetStatus) -> List[ET.Element]:
    rows = [[host, *opinion_of(status.declared, view)] for host, view in status.watching.items()]
    return [make_table(SENTINELS_HEAD, rows, "Sentinels")] if rows else []


def _crosscheck(status: SetStatus, watchers: Sequence[Mapping[str, Any]]) -> ET.Element:
    head, rows = build_crosscheck(status, watchers)
    cells = [[_marked(cell) for cell in row] for row in rows]
    return make_table(head, cells, "Who sees whom", "cross many" if len(head) > MANY else "cross")


def _marked(cell: str) -> Child:
    return make_tag("b", cell, class_="bad") if cell == GONE else cell


def _moves(seen: Mapping[str, State], watching: Mapping[str, State], declared: Mapping[str, Any]) -> List[ET.Element]:
    """Return who became primary, when, instead of whom and why, where the journals of the hosts tell it."""
    rows: List[Sequence[Child]] = [[show_time(when), *more] for when, *more in last_moves(seen, watching, declared)]
    return [make_table(MOVES_HEAD, rows, "Last moves")] if rows else []


def _endpoints(status: SetStatus, model: Mapping[str, Any], rows: Sequence[Sequence[Child]]) -> List[ET.Element]:
    """Return the fixed address of a set, where it has one, and where that leads as far as it was asked."""
    notes = [make_tag("p", line, class_="note") for line in declared_endpoint(status.declared, model)]
    return [*notes, *([make_table(ENDPOINTS_HEAD, rows, "Endpoints")] if rows else [])]


def _refused(seen: Mapping[str, State]) -> List[ET.Element]:
    """Return what users were refused. Names of keys stay on the screen: some applications put secrets into them."""
    rows = refused_of(seen, lambda what: f"command {what['object']}" if what["kind"] == "command" else what["kind"])
    cells: List[Sequence[Child]] = [
        [user, what, mark_moving(times), mark_moving(last), at] for user, what, times, last, at in rows
    ]
    return [make_table(REFUSED_HEAD, cells, "Refused, and no problem of the servers")] if rows else []
