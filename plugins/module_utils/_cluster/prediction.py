# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What check mode sees of servers that a run would have started by then; pure."""

from __future__ import annotations

from dataclasses import replace
from typing import List, Sequence

from .._model.cluster_nodes import ClusterNode
from .._model.cluster_view import ClusterMember, list_answering


def assume_started(members: Sequence[ClusterMember]) -> List[ClusterMember]:
    """Return the members as check mode sees them: a server that nobody knows and that does not run would be new."""
    there = list_answering(members)
    known = [(node.address, node.port) for member in there for node in member.peers]
    predicted = []
    for position, member in enumerate(members):
        server = member.server
        if server.error_kind == "refused" and not any(server.is_known_by(*place) for place in known):
            like = there[0].server if there else replace(server, engine="redis", version="7.0.0")
            new = replace(
                server,
                reachable=True,
                error="",
                error_kind="",
                mode="cluster",
                engine=like.engine,
                version=like.version,
            )
            own = ClusterNode(f"new-{position}", server.address, server.port, flags=frozenset({"myself", "master"}))
            member = ClusterMember(new, member.zone, "ok", [own])
        predicted.append(member)
    return predicted
