# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which replica takes over its shard, gracefully, and what has to hold before it is asked to; pure."""

from __future__ import annotations

from typing import Dict, List, Sequence, Tuple

from .._core.errors import QuorumError, Refused, Unsettled
from .._core.reconcile import Step
from .._model.cluster_layout import Placement
from .._model.cluster_view import ClusterMember, evidence
from .._model.tables import place
from .._model.versions import parse_version
from .preflight import refuse_open, refuse_silent

# The primary stops its writes until the replica has the last one: what is far behind would stop them for long.
BEHIND = 1_000_000


def _named(members: Sequence[ClusterMember], wanted: str, where: str) -> int:
    """Return the member that is called so: by its host, or by host and port."""
    found = [
        position
        for position, member in enumerate(members)
        if wanted in (member.name, f"{member.name}:{member.server.port}")
    ]
    if len(found) != 1:
        names = ", ".join(member.name for member in members)
        raise QuorumError(f"No member is called {wanted}", where, f"Use one of {names}")
    return found[0]


def _moves(members: Sequence[ClusterMember], placement: Placement, wanted: Sequence[str], where: str) -> Dict[int, int]:
    """Return which replica takes over from which primary; nothing for those that are primaries."""
    moves: Dict[int, int] = {}
    for name in wanted:
        target = _named(members, name, where)
        primary = placement.follows.get(target)
        if primary is None and target not in placement.primaries:
            raise Refused(f"{place(members[target].server)} follows nobody that answers", where, "Bring its shard back")
        if primary is not None:
            moves[target] = primary
    shared = [members[target].name for target in moves if list(moves.values()).count(moves[target]) > 1]
    if shared:
        raise QuorumError(f"{' and '.join(shared)} are of one shard, which has one primary", where, "Name one of them")
    return moves


def _refuse_move(members: Sequence[ClusterMember], target: ClusterMember, primary: ClusterMember, where: str) -> None:
    """Refuse to move a primary to a member that could lose writes or stop them for long."""
    table = evidence(members)
    upstream = target.server.primary
    if upstream is None or upstream.link != "up" or upstream.sync_in_progress:
        todo = "Read its log (masterauth, network, disk)"
        raise Unsettled(f"{place(target.server)} has no link to its primary", where, todo, table)
    behind = primary.server.offset - target.server.offset
    if behind > BEHIND:
        raise Unsettled(f"{place(target.server)} is {behind} bytes behind its primary", where, "Wait, then run again")
    if target.server.engine == primary.server.engine and parse_version(target.server.version) < parse_version(
        primary.server.version
    ):
        todo = "Upgrade it first: its primary could not follow it"
        raise Refused(f"{place(target.server)} runs an older version than its primary", where, todo)


def promotion_steps(
    members: Sequence[ClusterMember], placement: Placement, wanted: Sequence[str], where: str
) -> Tuple[List[Step], Placement]:
    """Return the steps that make these members the primaries of their shards, and the places afterwards."""
    moves = _moves(members, placement, wanted, where)
    if not moves:
        return [], placement
    refuse_silent(members, where, "A primary is moved only when every member is there")
    refuse_open(members, where)
    steps = []
    after = Placement(list(placement.primaries), dict(placement.follows))
    for target, primary in moves.items():
        _refuse_move(members, members[target], members[primary], where)
        text = f"{place(members[target].server)}: take over from {place(members[primary].server)}"
        steps.append(Step(text, {"member": target, "command": ["CLUSTER", "FAILOVER"], "takes_over": True}))
        after.primaries[after.primaries.index(primary)] = target
        del after.follows[target]
        after.follows.update(dict.fromkeys([*after.replicas_of(primary), primary], target))
    after.primaries.sort()
    return steps, after
