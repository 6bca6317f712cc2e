# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The topology of one set as SVG: Sentinels left, then the primary, then who follows it. Pure."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any, List, Mapping, Sequence

from .markup import Child, make_tag, mark_moving
from .status_layout import Node, Watcher, draw_nodes
from .status_verdict import SetStatus

WIDTH, HEIGHT, GAP, EDGE, TOP = 240, 66, 20, 4, 26
ARROW, WATCH, REACH, CAP = 175, 210, 90, 46
NARROW = 700  # pixels below which a drawing scrolls rather than shrinks
LABELS = {"down": "NO LINK", "copying": "full copy", "reported": "primary sees it"}
DRAWING_STYLE = """
svg { display: block; max-width: 100%; height: auto; font-family: system-ui, sans-serif; }
.box { fill: #fff; stroke: #333; stroke-width: 1.5; }
.inner { fill: none; stroke: #0b5d34; stroke-width: 1.5; }
.primary .box { fill: #e6f4ec; stroke: #0b5d34; stroke-width: 2.5; }
.wrong .box { fill: #fbe9e9; stroke: #a30000; }
.wrong .inner { stroke: #a30000; }
.replica .box { fill: #f4f7fb; }
.silent .box { fill: #fbe9e9; stroke: #a30000; stroke-width: 2.5; stroke-dasharray: 8 5; }
.stranger .box { fill: #fff4dc; stroke: #7a4b00; stroke-width: 2.5; stroke-dasharray: 3 3; }
.outside .box, .waiting .box { stroke: #666; stroke-dasharray: 2 4; }
.name { font-size: 15px; font-weight: 700; }
.says { font-size: 13px; }
.address { font-size: 11.5px; fill: #444; }
.legend { font-size: 13px; fill: #444; }
.link { font-size: 13px; font-weight: 600; }
.way { fill: none; stroke: #333; stroke-width: 2; }
.tip { fill: #333; }
.down .way { stroke: #a30000; stroke-dasharray: 6 5; }
.down .tip, .down .link { fill: #a30000; }
.copying .way { stroke-width: 6; }
.reported .way { stroke-dasharray: 2 4; }
.watch line { stroke: #777; stroke-width: 1; }
.stray line { stroke: #a30000; stroke-width: 2.5; stroke-dasharray: 9 5; }
.bar rect { fill: #e6f4ec; stroke: #0b5d34; stroke-width: 1; }
.bar .even { fill: #c9dcf2; }
.bar .lost { fill: #fbe9e9; stroke: #a30000; stroke-width: 2.5; stroke-dasharray: 6 4; }
.bar .name { font-size: 13px; text-anchor: middle; }
"""
UNITS = ((10**9, "GB"), (10**6, "MB"), (10**4, "kB"))


def drawing_of(status: SetStatus, sentinels: Sequence[Mapping[str, Any]]) -> ET.Element:
    """Return the drawing; whatever it says by colour or by line it says in words too."""
    nodes, watchers = draw_nodes(status, sentinels)
    left = EDGE + (WATCH + REACH if watchers else 0)
    rows = max([node.row + 1 for node in nodes] + [len(watchers) * (CAP + GAP) / (HEIGHT + GAP)])
    width = left + max(node.column for node in nodes) * (WIDTH + ARROW) + WIDTH + EDGE
    height = int(TOP + rows * (HEIGHT + GAP) + EDGE)
    middle = TOP + rows * (HEIGHT + GAP) / 2
    first = middle - len(watchers) * (CAP + GAP) / 2
    at = [first + number * (CAP + GAP) + GAP / 2 for number in range(len(watchers))]
    heads = [*([("Sentinels", EDGE)] if watchers else []), ("replication: primary \u2192 replicas", left)]
    return make_tag(
        "svg",
        *(make_tag("text", text, x=x, y=16, class_="legend") for text, x in heads),
        *(_watch(watcher, y, left) for watcher, y in zip(watchers, at)),
        *(_arrow(node, child, left) for node in nodes for child in node.children),
        *(_box(node, left) for node in nodes),
        *(_sentinel(watcher, y) for watcher, y in zip(watchers, at)),
        viewBox=f"0 0 {width} {height}",
        width=width,
        height=height,
        role="img",
        style=f"min-width: {min(width, NARROW)}px",
        aria_label=_spoken(status.declared["name"], nodes, watchers),
    )


def _spoken(name: str, nodes: Sequence[Node], watchers: Sequence[Watcher]) -> str:
    sentences = [
        f"{node.label}: {node.says}" + (f", follows {node.parent.label}" if node.parent else "") for node in nodes
    ]
    sentences += [f"Sentinel {watcher.label}: {watcher.says}" for watcher in watchers]
    return f"Topology of {name}. {'; '.join(sentences)}."


def _corner(node: Node, left: float) -> tuple[float, float]:
    return left + node.column * (WIDTH + ARROW), TOP + node.row * (HEIGHT + GAP) + GAP / 2


def _short(text: str, letters: int) -> str:
    """Return what a box has room for: the ends of a name say more than its middle."""
    return text if len(text) <= letters else f"{text[: letters - letters // 2 - 1]}\u2026{text[-(letters // 2) :]}"


def _text(text: Child, x: float, y: float, kind: str) -> ET.Element:
    return make_tag("text", text, x=f"{x:g}", y=f"{y:g}", class_=kind)


def _box(node: Node, left: float) -> ET.Element:
    kind = f"{node.kind} wrong" if node.wrong else node.kind
    return draw_box(_corner(node, left), kind, node.label, node.says, node.address)


def draw_box(corner: tuple[float, float], kind: str, label: str, says: str, address: str, now: str = "") -> ET.Element:
    """Return a server as a box; a primary has a double frame. `now` is what it says that moves by itself."""
    x, y = corner
    frame = {"x": f"{x:g}", "y": f"{y:g}", "width": WIDTH, "height": HEIGHT, "rx": 6}
    says_now: List[Child] = [f"{says}, ", mark_moving(now, "tspan")] if now else [_short(says, 28)]
    inner = {"x": f"{x + 4:g}", "y": f"{y + 4:g}", "width": WIDTH - 8, "height": HEIGHT - 8, "rx": 4}
    return make_tag(
        "g",
        make_tag("title", f"{label} ({address}): {says}"),
        make_tag("rect", **frame, class_="box"),
        *([make_tag("rect", **inner, class_="inner")] if kind.startswith("primary") else []),
        _text(_short(label, 21), x + 14, y + 24, "name"),
        make_tag("text", *says_now, x=f"{x + 14:g}", y=f"{y + 41:g}", class_="says"),
        _text(_short(address, 30), x + 14, y + 56, "address"),
        class_=kind,
    )


def _arrow(parent: Node, node: Node, left: float) -> ET.Element:
    """Draw the way of the data, from the one who is followed to the one who follows."""
    (px, py), (x, y) = _corner(parent, left), _corner(node, left)
    start, end, down, across = px + WIDTH, x - 2, py + HEIGHT / 2, y + HEIGHT / 2
    turn = start + 22
    way = f"M{start:g} {down:g} H{turn:g} V{across:g} H{end - 8:g}"
    tip = f"{end:g},{across:g} {end - 11:g},{across - 6:g} {end - 11:g},{across + 6:g}"
    words: List[ET.Element] = []
    if node.link in LABELS:
        words.append(_text(LABELS[node.link], turn + 8, across - 7, "link"))
    elif node.behind is not None:
        words.append(_text(mark_moving(f"{size_of(node.behind)} behind", "tspan"), turn + 8, across - 7, "link"))
    if node.seconds >= 0 and node.link in ("up", "reported"):
        words.append(_text(mark_moving(f"heard {node.seconds} s ago", "tspan"), turn + 8, across + 16, "address"))
    return make_tag(
        "g",
        make_tag("path", d=way, class_="way"),
        make_tag("polygon", points=tip, class_="tip"),
        *words,
        class_=f"arrow {node.link}",
    )


def size_of(count: int) -> str:
    """Return a number of bytes in few letters."""
    return next((f"{count / unit:.1f} {name}" for unit, name in UNITS if count >= unit), f"{count} bytes")


def _watch(watcher: Watcher, y: float, left: float) -> ET.Element:
    if watcher.names is None:
        return make_tag("g", class_="watch")
    x, top = _corner(watcher.names, left)
    start, middle = EDGE + WATCH, y + CAP / 2
    target = top + HEIGHT * (0.75 if watcher.strays else 0.5)
    line = {"x1": start, "y1": f"{middle:g}", "x2": f"{x:g}", "y2": f"{target:g}"}
    return make_tag("g", make_tag("line", **line), class_="watch stray" if watcher.strays else "watch")


def _sentinel(watcher: Watcher, y: float) -> ET.Element:
    kind = "silent" if watcher.names is None else "stranger" if watcher.strays else "sentinel"
    return make_tag(
        "g",
        make_tag("title", f"Sentinel {watcher.label}: {watcher.says}"),
        make_tag("rect", x=EDGE, y=f"{y:g}", width=WATCH, height=f"{CAP:g}", rx=22, class_="box"),
        _text(_short(watcher.label, 17), EDGE + 18, y + 20, "name"),
        _text(_short(watcher.says, 22), EDGE + 18, y + 36, "says"),
        class_=kind,
    )
