# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which replica takes over its shard, gracefully, and what has to hold before it is asked to; pure."""

from __future__ import annotations

from typing import Dict, List, Sequence, Tuple

from .._core.errors import QuorumError, Refused, Unsettled
from .._core.reconcile import Step
from .._model.cluster_layout import Placement, list_crowded
from .._model.cluster_spread import spread_primaries
from .._model.cluster_view import ClusterMember, list_strangers, open_slots, show_evidence
from .._model.tables import show_place
from .._model.versions import parse_version
from .preflight import list_silent, refuse_open, refuse_silent
from .steps import TakeOver

# The primary stops its writes until the replica has the last one: what is far behind would stop them for long.
BEHIND = 1_000_000

Moves = Dict[int, int]  # who takes over, and from whom


class Syncs(Unsettled):
    """A replica gets its data, which may take long."""

    patient = True


def _named(members: Sequence[ClusterMember], wanted: str, where: str) -> int:
    """Return the member that is called so: by its host, or by host and port."""
    positions = [
        position
        for position, member in enumerate(members)
        if wanted in (member.name, f"{member.name}:{member.server.port}")
    ]
    if len(positions) != 1:
        names = ", ".join(member.name for member in members)
        raise QuorumError(f"No member is called {wanted}", where, f"Use one of {names}")
    return positions[0]


def asked_moves(members: Sequence[ClusterMember], placement: Placement, wanted: Sequence[str], where: str) -> Moves:
    """Return which replica takes over from which primary; nothing for those that are primaries."""
    moves: Moves = {}
    for name in wanted:
        target = _named(members, name, where)
        primary = placement.follows.get(target)
        if primary is None and target not in placement.primaries:
            raise Refused(
                f"{show_place(members[target].server)} follows nobody that answers", where, "Bring its shard back"
            )
        if primary is not None:
            moves[target] = primary
    shared = [members[target].name for target in moves if list(moves.values()).count(moves[target]) > 1]
    if shared:
        raise QuorumError(f"{' and '.join(shared)} are of one shard, which has one primary", where, "Name one of them")
    return moves


def _is_ready(member: ClusterMember, primary: ClusterMember) -> bool:
    """Return whether a replica could take over now."""
    upstream = member.server.primary
    linked = upstream is not None and upstream.link == "up" and not upstream.sync_in_progress
    return linked and primary.server.offset - member.server.offset <= BEHIND


def seats_of(members: Sequence[ClusterMember], placement: Placement) -> Dict[int, List[int]]:
    """Return for each primary its replicas: those that are ready first, then those in other zones."""

    def cost(seat: int) -> Tuple[bool, bool, int]:
        primary = members[placement.follows[seat]]
        return not _is_ready(members[seat], primary), members[seat].zone == primary.zone, seat

    return {primary: sorted(placement.replicas_of(primary), key=cost) for primary in placement.primaries}


def handover_moves(members: Sequence[ClusterMember], placement: Placement, avoid: Sequence[str], where: str) -> Moves:
    """Return who takes over from the primaries that shall be none."""
    avoided = {_named(members, name, where) for name in avoid}
    seats = {}
    for primary, replicas in seats_of(members, placement).items():
        left = [seat for seat in replicas if seat not in avoided]
        ready = [seat for seat in left if _is_ready(members[seat], members[primary])]
        seats[primary] = (ready or left) if primary in avoided else [primary]
        if not seats[primary]:
            todo = "Give it one; without, its slots are not served while it is away, so choose the moment yourself"
            raise Refused(f"{show_place(members[primary].server)} has no replica that could take over", where, todo)
    chosen = spread_primaries([member.zone for member in members], seats)
    return {seat: primary for primary, seat in chosen.items() if seat != primary}


def repair_moves(members: Sequence[ClusterMember], placement: Placement) -> Moves:
    """Return who takes over so that no zone holds too many primaries; nothing in a cluster that is not whole."""
    zones = [member.zone for member in members]
    versions = {(member.server.engine, member.server.version) for member in members}
    if not list_crowded(placement, zones) or list_silent(members) or list_strangers(members) or open_slots(members):
        return {}
    if len(versions) > 1:
        return {}
    chosen = spread_primaries(
        zones, {primary: [primary, *seats] for primary, seats in seats_of(members, placement).items()}
    )
    return {seat: primary for primary, seat in chosen.items() if seat != primary}


def _refuse_move(members: Sequence[ClusterMember], target: ClusterMember, primary: ClusterMember, where: str) -> None:
    """Refuse to move a primary to a member that could lose writes or stop them for long."""
    table = show_evidence(members)
    upstream = target.server.primary
    if upstream is None or upstream.link != "up" or upstream.sync_in_progress:
        todo = "Read its log (masterauth, network, disk)"
        raise Syncs(f"{show_place(target.server)} has no link to its primary", where, todo, table)
    behind = primary.server.offset - target.server.offset
    if behind > BEHIND:
        raise Unsettled(
            f"{show_place(target.server)} is {behind} bytes behind its primary", where, "Wait, then run again"
        )
    if target.server.engine == primary.server.engine and parse_version(target.server.version) < parse_version(
        primary.server.version
    ):
        todo = "Upgrade it first: its primary could not follow it"
        raise Refused(f"{show_place(target.server)} runs an older version than its primary", where, todo)


def promotion_steps(
    members: Sequence[ClusterMember], placement: Placement, moves: Moves, where: str, why: str = ""
) -> Tuple[List[Step], Placement]:
    """Return the steps of these moves, and the places afterwards."""
    if not moves:
        return [], placement
    refuse_silent(members, where, "A primary is moved only when every member is there")
    refuse_open(members, where)
    unwell = [member.name for member in members if member.state != "ok"]
    if unwell:
        todo = "Run again when status shows no other problem"
        raise Unsettled(
            f"The state of the cluster is not ok by {', '.join(unwell)}", where, todo, show_evidence(members)
        )
    steps: List[Step] = []
    after = Placement(list(placement.primaries), dict(placement.follows))
    for target, primary in moves.items():
        _refuse_move(members, members[target], members[primary], where)
        text = f"{show_place(members[target].server)}: take over from {show_place(members[primary].server)}{why}"
        steps.append(TakeOver(text, target, primary))
        after.primaries[after.primaries.index(primary)] = target
        del after.follows[target]
        after.follows.update(dict.fromkeys([*after.replicas_of(primary), primary], target))
    after.primaries.sort()
    return steps, after
