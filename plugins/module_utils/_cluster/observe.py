# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask every member of a cluster at once what it is and whom it knows."""

from __future__ import annotations

from typing import Collection, List, Sequence

from .._core.errors import AuthFailed, QuorumError
from .._model.cluster_nodes import parse_nodes
from .._model.cluster_open import list_open
from .._model.cluster_view import ClusterMember
from .._model.observed import Observed
from .._redis.client import Client
from .._redis.endpoint import Endpoint
from .._redis.observe import Place, ask_nodes, kind_of, look_at_all, resolve_name
from .._redis.replies import apply_info, parse_number
from .._redis.slot_jobs import ask_jobs

ALONE = "standalone"  # why a server has no place in a cluster


def _look(endpoint: Endpoint, host: str, jobs: bool) -> ClusterMember:
    """Look at one member; that it does not answer is a finding."""
    server = Observed(host=host, address=endpoint.address, port=endpoint.port, aliases=resolve_name(endpoint.address))
    member = ClusterMember(server)
    try:
        with Client(endpoint) as client:
            apply_info(server, client.call("INFO"))
            if server.mode != "cluster":
                server.error, server.error_kind = "does not run in cluster mode", ALONE
                return member
            answer = ask_nodes(client)
            member.state, member.nodes = answer["state"], parse_nodes(answer["nodes"])
            try:
                member.jobs = ask_jobs(client, server) if jobs else []
            except AuthFailed as problem:
                member.unread = problem.what
    except QuorumError as problem:
        server.error, server.error_kind, server.reachable = str(problem), kind_of(problem), False
    return member


def observe_cluster(places: Sequence[Place], zones: Sequence[str], jobs: bool = True) -> List[ClusterMember]:
    """Look at all members at once; without the jobs that move slots nothing is asked that a backup may not ask."""
    members = look_at_all(lambda endpoint, host: _look(endpoint, host, jobs), places)
    for member, zone in zip(members, zones):
        member.zone = zone
    return members


def count_open_keys(places: Sequence[Place], members: Sequence[ClusterMember]) -> None:
    """Ask every primary how many keys it has of the slots that are open."""
    count_keys(places, members, list_open(members))


def count_keys(places: Sequence[Place], members: Sequence[ClusterMember], slots: Collection[int]) -> None:
    """Ask every primary how many keys it has of these slots."""
    ordered = sorted(slots)
    for (_name, endpoint), member in zip(places, members):
        if ordered and member.id and not member.own.is_replica:
            try:
                with Client(endpoint) as client:
                    counts = client.send_together([("CLUSTER", "COUNTKEYSINSLOT", slot) for slot in ordered])
                    member.slot_keys = {slot: parse_number(count) for slot, count in zip(ordered, counts)}
            except QuorumError as problem:
                member.server.error, member.server.error_kind = str(problem), kind_of(problem)
                member.nodes = []
