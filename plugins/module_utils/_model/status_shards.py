# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shards of one cluster as SVG: a bar of all slots, under it a column for each primary and its replicas. Pure."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any, List, Mapping, Tuple

from .cluster_slots import SLOTS, ranges_of, show_slots
from .cluster_status import ClusterStatus
from .cluster_view import ClusterMember, list_unclaimed
from .markup import make_tag
from .status_drawing import EDGE, GAP, HEIGHT, NARROW, WIDTH, draw_box, size_of

COLUMNS = 4
BAR_TOP, BAR, HEAD = 24, 26, 24
NO_LINK = ("silent", "replica, NO LINK", "")
READABLE = 16  # pixels that a number in the bar needs


def draw_shards(cluster: ClusterStatus) -> ET.Element:
    """Return the drawing; shards are numbered, so that colour says nothing alone."""
    columns = min(max(len(cluster.shards), 1), COLUMNS)
    width = 2 * EDGE + columns * (WIDTH + GAP) - GAP
    members = {member.name: member for member in cluster.members}
    parts = [_legend(f"slots 0 to {SLOTS - 1}, by shard", EDGE, 14), _bar(cluster, members, width)]
    top = BAR_TOP + BAR + GAP
    for first in range(0, len(cluster.shards), columns):
        row = cluster.shards[first : first + columns]
        for column, shard in enumerate(row):
            parts += _column(first + column + 1, shard, members, (EDGE + column * (WIDTH + GAP), top))
        top += HEAD + max(1 + len(shard["replicas"]) for shard in row) * (HEIGHT + GAP)
    lost = _without_shard(cluster)
    if lost:
        parts.append(_legend("in no shard", EDGE, top + 14))
        for number, (member, kind, says) in enumerate(lost):
            down, across = divmod(number, columns)
            corner = (EDGE + across * (WIDTH + GAP), top + HEAD + down * (HEIGHT + GAP))
            parts.append(draw_box(corner, kind, member.name, says, _address(member)))
        top += HEAD + (1 + (len(lost) - 1) // columns) * (HEIGHT + GAP)
    return make_tag(
        "svg",
        *parts,
        viewBox=f"0 0 {width} {top}",
        width=width,
        height=top,
        role="img",
        style=f"min-width: {min(width, NARROW)}px",
        aria_label=_spoken(cluster),
    )


def _spoken(cluster: ClusterStatus) -> str:
    sentences = [
        f"shard {number}: {', '.join([shard['primary'], *(each['name'] for each in shard['replicas'])])}"
        for number, shard in enumerate(cluster.shards, 1)
    ]
    sentences += [f"{member.name}: {says}" for member, _kind, says in _without_shard(cluster)]
    return f"Shards of {cluster.declared['name']}. {'; '.join(sentences)}."


def _legend(text: str, x: float, y: float) -> ET.Element:
    return make_tag("text", text, x=f"{x:g}", y=f"{y:g}", class_="legend")


def _bar(cluster: ClusterStatus, members: Mapping[str, ClusterMember], width: int) -> ET.Element:
    """Return all slots as a bar; what nobody owns is red, dashed, and has an exclamation mark."""
    scale = (width - 2 * EDGE) / SLOTS
    owned = [
        (begin, end, str(number), "even" if number % 2 == 0 else "odd", f"shard {number}")
        for number, shard in enumerate(cluster.shards, 1)
        for begin, end in members[shard["primary"]].slots
    ]
    lacking = ranges_of(list_unclaimed(cluster.members)) if cluster.asked else []
    owned += [(begin, end, "!", "lost", "NO OWNER") for begin, end in lacking]
    parts: List[ET.Element] = []
    for begin, end, sign, kind, title in sorted(owned):
        x, wide = EDGE + begin * scale, (end - begin + 1) * scale
        label = make_tag("title", f"{title}: slots {show_slots([(begin, end)])}")
        frame = {"x": f"{x:.1f}", "y": BAR_TOP, "width": f"{max(wide, 1):.1f}", "height": BAR}
        parts.append(make_tag("rect", label, **frame, class_=kind))
        if wide >= READABLE:
            parts.append(make_tag("text", sign, x=f"{x + wide / 2:.1f}", y=BAR_TOP + 18, class_="name"))
    return make_tag("g", *parts, class_="bar")


def _column(
    number: int, shard: Mapping[str, Any], members: Mapping[str, ClusterMember], corner: Tuple[float, float]
) -> List[ET.Element]:
    """Return a shard: what it is, its primary, and its replicas below it."""
    x, top = corner
    parts = [_legend(f"shard {number}: {shard['slot_count']} slots", x, top + 14)]
    head = members[shard["primary"]]
    count = f"{shard['key_count']} keys"
    parts.append(draw_box((x, top + HEAD), "primary", head.name, "PRIMARY", _address(head), count))
    for place, replica in enumerate(shard["replicas"], 1):
        y, fine = top + HEAD + place * (HEIGHT + GAP), replica["state"] == "in sync"
        line = {"d": f"M{x + WIDTH / 2:g} {y - GAP:g} V{y:g}", "class_": "way"}
        parts.append(make_tag("g", make_tag("path", **line), class_="arrow up" if fine else "arrow down"))
        kind, says, now = ("replica", "replica", f"{size_of(replica['behind'])} behind") if fine else NO_LINK
        parts.append(draw_box((x, y), kind, replica["name"], says, _address(members[replica["name"]]), now))
    return parts


def _without_shard(cluster: ClusterStatus) -> List[Tuple[ClusterMember, str, str]]:
    """Return the members that stand in no column, with the kind of their box and what it says."""
    placed = {
        name for shard in cluster.shards for name in [shard["primary"], *(each["name"] for each in shard["replicas"])]
    }
    return [(member, *_alone(member)) for member in cluster.members if member.name not in placed]


def _alone(member: ClusterMember) -> Tuple[str, str]:
    """Return kind and words of a member that stands in no column."""
    if member.id:
        return "waiting", "replica without its primary" if member.own.is_replica else "owns no slots"
    return ("outside", "outside this run") if member.server.error_kind == "outside" else ("silent", "DOES NOT ANSWER")


def _address(member: ClusterMember) -> str:
    """Return where it listens, and its zone where that is not simply its host."""
    server = member.server
    zone = "" if server.host == f"{member.zone}:{server.port}" else f", zone {member.zone}"
    return f"{server.address}:{server.port}{zone}"
