# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which server of each shard is backed up, whether slots moved meanwhile, and what the manifest of all says; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Sequence, Union

from .._backup.schedule import find_flaw, measure_lag
from .._cluster.preflight import await_quiet, refuse_open, refuse_strange
from .._core.errors import Refused
from .._model.backup_manifest import FORMAT, PASSED, iso_time
from .._model.cluster_parts import describe_part
from .._model.cluster_slots import count_slots, show_slots
from .._model.cluster_view import ClusterMember, by_id, list_answering, show_evidence


@dataclass
class Source:
    """A shard, and the server that is backed up for it, by their positions in the members."""

    primary: int
    source: int
    why: str


def refuse_unquiet(members: Sequence[ClusterMember], where: str) -> None:
    """Refuse a cluster in which slots are open, contested or without a living owner."""
    refuse_strange(members, where)
    refuse_open(members, where, "Finish that move first (quorum.redis.rebalance), then back up")
    await_quiet(members, where)
    if not any(member.slots for member in members):
        raise Refused("No member that answers has slots", where, "Deploy the cluster first", show_evidence(members))


def choose_sources(
    members: Sequence[ClusterMember],
    where: str,
    here: Sequence[bool],
    replicas: int,
    primary_too: bool,
    alike: bool = False,
) -> List[Source]:
    """Return the server to back up of each shard: the replica in sync with the smallest lag, never the primary untold.

    `here` says which members are on hosts that take part. `alike`: the one with the lowest identity in place of the
    smallest lag, so that all who look choose the same one.
    """
    refuse_unquiet(members, where)
    sources, lacking = [], []
    for position, primary in enumerate(members):
        if not primary.slots:
            continue
        shard = [
            position,
            *(candidate for candidate in range(len(members)) if _follows(members, candidate) == primary.id),
        ]
        flaws = {candidate: _flaw(members[candidate], primary, here[candidate]) for candidate in shard}
        fit = [candidate for candidate in shard[1:] if not flaws[candidate]]
        if fit:
            best = min(fit, key=lambda candidate: _rank(members[candidate], primary, alike))
            behind = measure_lag(members[best].server, primary.server)
            sources.append(Source(position, best, f"a replica in sync, {behind} bytes behind"))
        elif not flaws[position] and (primary_too or not replicas):
            why = "the primary, as allowed, because no replica is in sync" if replicas else "the only one of its shard"
            sources.append(Source(position, position, why))
        else:
            reasons = [f"{members[candidate].name} {flaws[candidate] or 'is the primary'}" for candidate in shard]
            lacking.append(f"the shard of {primary.name} (slots {show_slots(primary.slots, 4)}): {', '.join(reasons)}")
    if lacking:
        todo = "Repair a replica, or let primaries be backed up with redis_backup_primary=true"
        raise Refused(f"Nobody can be backed up for {'; '.join(lacking)}", where, todo, show_evidence(members))
    return sources


def _rank(member: ClusterMember, primary: ClusterMember, alike: bool) -> Union[int, str]:
    return member.id if alike else measure_lag(member.server, primary.server)


def _follows(members: Sequence[ClusterMember], position: int) -> str:
    """Return the identity of whom a member follows; the others tell of one that is silent."""
    member = members[position]
    nodes = (node for other in list_answering(members) for node in other.peers if not member.id)
    theirs = (node.primary_id for node in nodes if member.server.is_known_by(node.address, node.port))
    return member.own.primary_id or next(theirs, "")


def _flaw(member: ClusterMember, primary: ClusterMember, here: bool) -> str:
    return find_flaw(member.server, primary.server) or ("" if here else "is on a host that takes no part in this run")


def map_of(members: Sequence[ClusterMember]) -> Dict[str, str]:
    """Return the slots of every primary by its identity."""
    return {member.id: show_slots(member.slots) for member in list_answering(members) if member.slots}


def refuse_moved(before: Mapping[str, str], members: Sequence[ClusterMember], where: str) -> None:
    """Refuse to call it one backup when slots or primaries are not where they were when the saves began."""
    refuse_unquiet(members, where)
    now = map_of(members)
    if dict(before) != now:
        names = {member.id: member.name for member in list_answering(members)}
        gone = [
            f"{names.get(id_, id_[:8])} had slots {slots}" for id_, slots in before.items() if now.get(id_) != slots
        ]
        came = [f"{names[id_]} has slots {slots}" for id_, slots in now.items() if before.get(id_) != slots]
        raise Refused(
            f"Slots or primaries moved while the shards were saved: {'; '.join([*gone, *came])}",
            where,
            "What was saved is no backup of the cluster. Run again",
        )


def describe_map(members: Sequence[ClusterMember]) -> Dict[str, Dict[str, Any]]:
    """Return the slots of every primary and since which epoch it has them, by its identity."""
    primaries = [member for member in list_answering(members) if member.slots]
    return {
        member.id: {"member": member.name, "slots": show_slots(member.slots), "epoch": member.own.epoch}
        for member in primaries
    }


def describe_nodes(members: Sequence[ClusterMember]) -> List[Dict[str, Any]]:
    """Return every member as the manifest names it."""
    known = by_id(members)
    return [
        {
            **_who(member),
            "role": "replica" if member.own.is_replica else "primary",
            "follows": known[member.own.primary_id].name if member.own.primary_id in known else "",
            "slots": show_slots(member.slots) if member.slots else "",
            "engine": member.server.engine,
            "version": member.server.version,
        }
        for member in list_answering(members)
    ]


def describe_shard(members: Sequence[ClusterMember], chosen: Source) -> Dict[str, Any]:
    """Return a shard as the manifest names it, without its backup."""
    primary = members[chosen.primary]
    return {
        "slots": show_slots(primary.slots),
        "slot_count": count_slots(primary.slots),
        "primary": {**_who(primary), "epoch": primary.own.epoch},
        "source": _who(members[chosen.source]),
    }


def name_members(given: Sequence[Mapping[str, Any]]) -> List[Dict[str, Any]]:
    """Return the members with names of their own: with the port where a host has several."""
    hosts = [item["host"] for item in given]
    return [
        {**item, "host": item["host"] if hosts.count(item["host"]) == 1 else f"{item['host']}:{item['port']}"}
        for item in given
    ]


def _who(member: ClusterMember) -> Dict[str, Any]:
    server = member.server
    return {"member": member.name, "address": server.address, "port": server.port, "id": member.id}


def write_manifest_of(
    name: str, begun: Mapping[str, Any], parts: Sequence[Mapping[str, Any]], now: float
) -> Dict[str, Any]:
    """Return the manifest of the whole backup from what was begun and the manifests of its parts."""
    by_name = {part["name"]: part for part in parts}
    missing = [shard["backup"] for shard in begun["shards"] if shard["backup"] not in by_name]
    if missing:
        raise Refused(f"There is no backup {', '.join(missing)}", f"cluster {name}", "Run again, with all hosts")
    shards = []
    for shard in begun["shards"]:
        kept = {key: value for key, value in shard.items() if key != "save"}
        shards.append({**kept, **describe_part(by_name[shard["backup"]])})
    return {
        "format": FORMAT,
        "cluster": name,
        "name": begun["name"],
        "began": begun["began"],
        "ended": iso_time(now),
        "spread_ms": begun["spread_ms"],
        "key_count": sum(shard["key_count"] for shard in shards),
        "shards": shards,
        "nodes": begun["nodes"],
    }


def is_good(manifest: Mapping[str, Any]) -> bool:
    """Return whether nothing that was tried spoke against any of the parts."""
    tried = [shard["verified"][proof] for shard in manifest["shards"] for proof in ("file_check", "load")]
    return all(text == PASSED or text.startswith("not done") for text in tried)
