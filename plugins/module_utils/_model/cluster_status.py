# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster as `status` shows it: its shards, and what is not as declared, one sentence each. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, Collection, Dict, List, Mapping, Optional, Sequence

from .cluster_layout import list_violations
from .cluster_nodes import parse_nodes
from .cluster_slots import ranges_of, show_slots
from .cluster_view import (
    ClusterMember,
    list_answering,
    list_clones,
    list_contested,
    list_disagreements,
    list_strangers,
    list_unclaimed,
    observed_placement,
    open_slots,
)
from .observed import Observed, Upstream
from .slot_jobs import SlotJob
from .status_verdict import DISK, NOTHING, OUTSIDE, Problem, State, explain_silence

Row = Sequence[str]
SHARDS_HEAD = ("primary", "replicas", "slots", "count", "keys", "zones")


@dataclass
class ClusterStatus:
    """One cluster: what is declared, its shards as rows and as data, and what is wrong."""

    declared: Mapping[str, Any]
    members: List[ClusterMember]
    shards: List[Dict[str, Any]]
    problems: List[Problem]
    asked: bool = True  # whether all its hosts were
    rotating: Dict[str, List[str]] = field(default_factory=dict)  # member -> users with two passwords
    registered: Dict[str, State] = field(default_factory=dict)  # member -> what was registered of it

    @property
    def title(self) -> str:
        """Return its name with engine and ports."""
        seen = list_answering(self.members)
        versions = sorted({f"{member.server.engine} {member.server.version}" for member in seen})
        ports = ", ".join(str(port) for port in sorted({member["port"] for member in self.declared["members"]}))
        return f"{self.declared['name']}: {' and '.join(versions) or 'nothing answers'}, cluster, ports {ports}"

    @property
    def health(self) -> str:
        """Return what is right with a cluster that has no problem."""
        if not self.asked:
            return "as far as this run goes"
        return f"{len(self.shards)} shards, {self.declared['replicas']} replica each in sync, every member agrees"

    def list_rows(self) -> List[Row]:
        """Return a row for each shard."""
        return [
            [
                shard["primary"],
                ", ".join(
                    f"{replica['name']} ({replica['state']}, {replica['behind']} bytes behind)"
                    for replica in shard["replicas"]
                )
                or "none",
                shard["slots"],
                str(shard["slot_count"]),
                str(shard["key_count"]),
                ", ".join(shard["zones"]),
            ]
            for shard in self.shards
        ]


def judge_clusters(
    model: Mapping[str, Any],
    servers: Mapping[str, Mapping[str, State]],
    run: Optional[Collection[str]] = None,
) -> List[ClusterStatus]:
    """Return the clusters of a deployment; the arguments are those of `judge_sets`."""
    return [_judge(declared, servers, run) for declared in model.get("clusters") or []]


def _judge(
    declared: Mapping[str, Any], servers: Mapping[str, Mapping[str, State]], run: Optional[Collection[str]]
) -> ClusterStatus:
    seen, asked, rotating, registered = [], True, {}, {}
    names = {server["port"]: server["name"] for server in declared["servers"]}
    for place in declared["places"]:
        missing = NOTHING if run is None or place["host"] in run else OUTSIDE
        asked = asked and missing is NOTHING
        state = servers.get(place["host"], {}).get(names[place["port"]], missing)
        seen.append(_member(place, state))
        rotating.update({seen[-1].name: state["rotating"]} if state.get("rotating") else {})
        registered[seen[-1].name] = state
    status = ClusterStatus(declared, seen, _shards(seen), [], asked, rotating, registered)
    status.problems = [] if not list_answering(seen) and not asked else _problems(status, run)
    return status


def _member(place: Mapping[str, Any], state: State) -> ClusterMember:
    """Return a member from what was registered of it."""
    known = {field.name for field in fields(Observed)} - {"replicas"}
    server = Observed(**{key: value for key, value in state.items() if key in known})
    server.primary = Upstream(**state["primary"]) if state.get("primary") else None
    server.host, server.address, server.port = f"{place['host']}:{place['port']}", place["address"], place["port"]
    answer = state.get("cluster") or {}
    member = ClusterMember(server, place["zone"], answer.get("state", ""))
    member.nodes = parse_nodes(answer.get("nodes", "")) if server.reachable else []
    member.jobs = [SlotJob(**job) for job in answer.get("jobs", [])]
    if server.reachable and not member.nodes:
        server.error = "does not run in cluster mode"
    if state.get("outside"):
        server.error_kind = "outside"
    return member


def _shards(members: Sequence[ClusterMember]) -> List[Dict[str, Any]]:
    placement = observed_placement(members)
    shards = []
    for position in placement.primaries:
        primary = members[position]
        replicas = [members[number] for number in placement.replicas_of(position)]
        shards.append(
            {
                "primary": primary.name,
                "slots": show_slots(primary.slots, 4),
                "slot_count": primary.own.slot_count,
                "key_count": primary.server.key_count,
                "zones": [member.zone for member in [primary, *replicas]],
                "replicas": [
                    {
                        "name": member.name,
                        "state": "in sync"
                        if member.server.primary and member.server.primary.link == "up"
                        else "no link",
                        "behind": max(0, primary.server.offset - member.server.offset),
                    }
                    for member in replicas
                ],
            }
        )
    return shards


def _problems(status: ClusterStatus, run: Optional[Collection[str]]) -> List[Problem]:
    """Return what is wrong; what only a part of the members could tell is not judged in a limited run."""
    name, seen = status.declared["name"], status.members
    there = list_answering(seen)
    silent = [member for member in seen if not member.id and member.server.error_kind != "outside"]
    problems = [
        Problem(
            "member_unreachable",
            f"{name} at {member.name}: {explain_silence(member.server.error, member.server.error_kind)}",
        )
        for member in silent
    ]
    problems += [
        Problem(
            "disk_unwritten", f"{name} at {member.name}: {what}. The disk may be full or read-only; see the journal."
        )
        for member in there
        for key, what in DISK.items()
        if member.server.persistence.get(key, "ok") != "ok"
    ]
    findings = [
        ("cluster_state", f"{member.name} says that the state of the cluster is {member.state}")
        for member in there
        if member.state != "ok"
    ]
    findings += [("same_identity", text) for text in list_clones(seen)]
    findings += [("slots_contested", text) for text in list_contested(seen)]
    findings += [("slots_open", text) for text in open_slots(seen)]
    findings += [("views_differ", text) for text in list_disagreements(seen)]
    findings += [
        ("replica_link_down", f"{replica['name']} has no link to its primary {shard['primary']}")
        for shard in status.shards
        for replica in shard["replicas"]
        if replica["state"] != "in sync"
    ]
    if status.asked:
        lacking = ranges_of(list_unclaimed(seen))
        findings += [("slots_unowned", f"slots {show_slots(lacking, 4)} have no owner that answers")] if lacking else []
        findings += [
            ("undeclared_node", f"{node.address}:{node.port} ({node.id[:8]}) is known to members and is none of them")
            for node in list_strangers(seen)
        ]
        names = {position: member.name for position, member in enumerate(seen)}
        zones = [member.zone for member in seen]
        findings += [
            ("placement", text)
            for text in list_violations(observed_placement(seen), zones, status.declared["replicas"], names)
        ]
    todo = "docs/cluster.md says what to do."
    return problems + [Problem(code, f"{name}: {text}. {todo}") for code, text in dict.fromkeys(findings)]
