# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the hosts of a set or a cluster have written down of backups and certificates, as tables. Pure."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Dict, List, Mapping, Sequence

from .cluster_status import ClusterStatus
from .facts_text import BACKUPS, CERTIFICATES, list_moments
from .markup import Child, make_table, make_tag, mark_moving, show_time
from .status_verdict import State

TABLES = (
    ("Backups", ("made", "proven", "copied away", "restore drill"), BACKUPS),
    ("Certificates", ("in the file until", "shown to clients until"), CERTIFICATES),
)


def show_facts(seen: Mapping[str, State]) -> List[ET.Element]:
    """Return what is known by host, and when it was written down; nothing where nobody knows anything."""
    known = {host: state["facts"] for host, state in seen.items() if state.get("facts")}
    elements = []
    for caption, head, names in TABLES:
        rows: List[Sequence[Child]] = [
            [host, *(mark_moving("" if when is None else show_time(when)[:16]) for when in moments)]
            for host, moments in list_moments(known, names)
        ]
        elements += [make_table(("member", *head), rows, caption)] if rows else []
    oldest = min((facts["facts"] for facts in known.values() if "facts" in facts), default=None)
    if elements and oldest is not None:
        elements.append(make_tag("p", "Written down at ", mark_moving(show_time(oldest)), " or later.", class_="note"))
    return elements


def facts_by_host(cluster: ClusterStatus) -> Dict[str, State]:
    """Return the members of a cluster by host: what is written down is of all that are there."""
    pairs = zip(cluster.declared["places"], cluster.registered.values())
    return {place["host"]: state for place, state in pairs if state.get("facts")}
