# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the members of one set and its Sentinels stand in a drawing, and what joins them. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional, Sequence

from .status_page import state_of
from .status_verdict import SetStatus, State, is_among

Place = Mapping[str, Any]


@dataclass
class Node:
    """A member, or a server that is none and that somebody names: what its box says and whom it follows."""

    label: str
    address: str
    kind: str  # primary, replica, waiting, silent, outside or stranger
    says: str
    parent: Optional[Node] = None
    link: str = ""  # up, down, copying or reported, which only the primary says
    offset: Optional[int] = None
    seconds: int = -1  # since the primary heard from it
    children: List[Node] = field(default_factory=list)
    wrong: bool = False  # a primary beside another one
    column: int = 0
    row: float = 0.0

    @property
    def behind(self) -> Optional[int]:
        """Return how many bytes it lacks of what the one that it follows has; None where one of them is unknown."""
        theirs = self.parent.offset if self.parent else None
        return None if theirs is None or self.offset is None else max(0, theirs - self.offset)


@dataclass
class Watcher:
    """A Sentinel, and whom it names as primary; nobody when that is not known."""

    label: str
    says: str
    names: Optional[Node] = None
    strays: bool = False


def draw_nodes(status: SetStatus, sentinels: Sequence[Place]) -> tuple[List[Node], List[Watcher]]:
    """Return everybody with the place where to draw it: a column for each step away from the primary."""
    members = status.declared["members"]
    names = short_names([place["host"] for place in [*members, *sentinels]])
    nodes = {_key(place): _node(names[place["host"]], _key(place), status.seen[place["host"]]) for place in members}

    heads = [node for node in nodes.values() if node.kind == "primary"]
    for number, node in enumerate(heads if len(heads) > 1 else [], 1):
        node.says, node.wrong = node.says.replace("PRIMARY", f"PRIMARY {number} OF {len(heads)}"), True

    def of(address: str, port: int) -> Node:
        places = [place for place in members if is_among({"address": address, "port": port}, [place])]
        key = _key(places[0]) if places else f"{address}:{port}"
        return nodes.setdefault(key, Node(key, key, "stranger", "no member"))

    for place in members:
        _join_upstream(nodes[_key(place)], status.seen[place["host"]], of)
    for place in members:
        _join_reported(nodes[_key(place)], status.seen[place["host"]], of)
    watchers = [
        _watcher(status, place["host"], names[place["host"]], of)
        for place in sentinels
        if place["host"] in status.watching
    ]
    _mark_strays(watchers)
    everybody = list(nodes.values())
    for node in everybody:
        if node.parent and not _loops(node):
            node.parent.children.append(node)
    _arrange(everybody)
    return everybody, watchers


def short_names(hosts: Sequence[str]) -> Dict[str, str]:
    """Return what to call hosts where there is little room: their names without domain, unless two get the same."""
    first = {host: host.split(".")[0] for host in hosts}
    unlike = len(set(first.values())) == len(first) and not any(name.isdecimal() for name in first.values())
    return first if unlike else {host: host for host in first}


def _key(place: Place) -> str:
    return f"{place['address']}:{place['port']}"


def _node(name: str, address: str, state: State) -> Node:
    if state.get("outside"):
        return Node(name, address, "outside", "not asked in this run")
    if not state["reachable"]:
        return Node(name, address, "silent", "DOES NOT ANSWER")
    if state["parked"]:
        return Node(name, address, "waiting", "new, follows nobody yet")
    role = state["role"]
    says = f"{'PRIMARY' if role == 'primary' else 'replica'}, {_short(state)}"
    return Node(name, address, role, says, offset=int(state["offset"]))


def _short(state: State) -> str:
    return "no link" if state_of(state).startswith("no link") else state_of(state).replace("synchronisation", "copy")


def _join_upstream(node: Node, state: State, of: Any) -> None:
    """Draw what a replica says itself."""
    follows = state["primary"] if state["reachable"] and state["role"] == "replica" and not state["parked"] else None
    if follows:
        node.parent = of(follows["address"], follows["port"])
        copying = "copying" if follows["sync_in_progress"] else "down"
        node.link = "up" if follows["link"] == "up" else copying


def _join_reported(node: Node, state: State, of: Any) -> None:
    """Draw what a primary says: how far each replica is, and replicas that nobody else heard of."""
    for reported in state["replicas"] if state["reachable"] else []:
        replica = of(reported["address"], reported["port"])
        if replica.parent is None and replica.kind in ("silent", "outside", "stranger"):
            replica.parent, replica.link, replica.offset = node, "reported", int(reported["offset"])
        if replica.parent is node:
            replica.seconds = int(reported["lag"])


def _watcher(status: SetStatus, host: str, name: str, of: Any) -> Watcher:
    view = status.watching[host]
    if not view["reachable"]:
        return Watcher(name, "not asked in this run" if view.get("outside") else "DOES NOT ANSWER")
    master = view["masters"].get(status.declared["name"])
    if master is None:
        return Watcher(name, "does not watch it")
    named = of(master["address"], master["port"])
    flags = [flag for flag in master["flags"] if flag != "master"]
    says = f"names {named.label}" + (f", {', '.join(flags)}" if flags else "")
    return Watcher(name, says, named)


def _mark_strays(watchers: Sequence[Watcher]) -> None:
    """Mark who names somebody who is no primary, or somebody else than most Sentinels do."""
    named = [id(watcher.names) for watcher in watchers if watcher.names]
    counts = sorted(((named.count(key), key) for key in set(named)), reverse=True)
    most = counts[0][1] if counts and (len(counts) == 1 or counts[0][0] > counts[1][0]) else None
    for watcher in watchers:
        if watcher.names:
            wrong = watcher.names.kind not in ("primary", "silent", "outside")
            watcher.strays = wrong or (most is not None and id(watcher.names) != most)


def _loops(node: Node) -> bool:
    """Return whether following leads back here; then the arrow that would close the ring is left out."""
    at, met = node.parent, [id(node)]
    while at is not None:
        if id(at) in met:
            return id(at) == id(node) and node.address == min(_ring(node))
        met.append(id(at))
        at = at.parent
    return False


def _ring(node: Node) -> List[str]:
    ring, at = [node.address], node.parent
    while at is not None and at is not node:
        ring.append(at.address)
        at = at.parent
    return ring


def _arrange(nodes: Sequence[Node]) -> None:
    """Give each node a column and a row: a primary stands in the middle of those that follow it."""
    heads = [node for node in nodes if not any(node in other.children for other in nodes)]
    order = {"primary": 0, "outside": 2, "silent": 2, "waiting": 2}
    row = 0.0
    for head in sorted(heads, key=lambda node: order.get(node.kind, 1)):
        # Who has no place in the tree stands among the replicas, with no arrow.
        alone = not head.children and head.kind in ("silent", "outside", "waiting")
        row = _place(head, 1 if alone else 0, row)


def _place(node: Node, column: int, row: float) -> float:
    node.column, start = column, row
    for child in node.children:
        row = _place(child, column + 1, row)
    row = max(row, start + 1)
    node.row = (node.children[0].row + node.children[-1].row) / 2 if node.children else start
    return row
