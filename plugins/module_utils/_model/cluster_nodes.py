# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What CLUSTER NODES says, in one shape for every engine and version; pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Dict, FrozenSet, List, Tuple

from .cluster_slots import Range, count_slots

# ip:port@busport,hostname,name=value: old engines leave out what comes after the port.
_PLACE = re.compile(r"(?P<address>.*):(?P<port>\d+)(?:@(?P<bus>\d+))?(?:,(?P<hostname>[^,=]*))?(?:,.*)?")
_OPEN = re.compile(r"\[(\d+)-([<>])-(\w+)\]")
# A primary's slots stay with it until another one has been elected in its place.
FAILED = frozenset({"fail", "fail?"})


@dataclass
class ClusterNode:
    """One line of CLUSTER NODES: a node as one member sees it."""

    id: str
    address: str = ""
    port: int = 0
    bus_port: int = 0
    hostname: str = ""
    flags: FrozenSet[str] = frozenset()
    primary_id: str = ""
    epoch: int = 0
    linked: bool = False
    slots: List[Range] = field(default_factory=list)
    migrating: Dict[int, str] = field(default_factory=dict)
    importing: Dict[int, str] = field(default_factory=dict)

    @property
    def is_replica(self) -> bool:
        """Return whether it follows another node; the engines say slave."""
        return "slave" in self.flags

    @property
    def in_handshake(self) -> bool:
        """Return whether the two have not met yet; until then its id is made up."""
        return "handshake" in self.flags

    @property
    def is_lost(self) -> bool:
        """Return whether nobody knows its address any more."""
        return "noaddr" in self.flags

    @property
    def has_failed(self) -> bool:
        """Return whether it does not answer, for this member or for the majority."""
        return bool(self.flags & FAILED)

    @property
    def slot_count(self) -> int:
        """Return how many slots it has."""
        return count_slots(self.slots)


def _place(text: str) -> Tuple[str, int, int, str]:
    parts = _PLACE.fullmatch(text)
    if parts is None:
        return "", 0, 0, ""
    return parts["address"], int(parts["port"]), int(parts["bus"] or 0), parts["hostname"] or ""


def parse_node(line: str) -> ClusterNode:
    """Return one line of CLUSTER NODES."""
    words = line.split()
    if len(words) < 8:
        raise ValueError(f"no line of CLUSTER NODES: {line!r}")
    node = ClusterNode(words[0], *_place(words[1]))
    node.flags = frozenset(flag for flag in words[2].split(",") if flag != "noflags")
    node.primary_id = "" if words[3] == "-" else words[3]
    node.epoch, node.linked = int(words[6]), words[7] == "connected"
    for word in words[8:]:
        opened = _OPEN.fullmatch(word)
        if opened:
            (node.migrating if opened[2] == ">" else node.importing)[int(opened[1])] = opened[3]
        else:
            first, _dash, last = word.partition("-")
            node.slots.append((int(first), int(last or first)))
    return node


def parse_nodes(text: str) -> List[ClusterNode]:
    """Return what CLUSTER NODES says, a node for each line, the own one first."""
    nodes = [parse_node(line) for line in text.splitlines() if line.strip()]
    return sorted(nodes, key=lambda node: "myself" not in node.flags)
