# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One cluster of an inventory: its servers, one for each port on each host, and what their configuration says; pure."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Sequence

from .cluster_layout import layout_problems, layouts_that_fit
from .options import convert_value

CLUSTER, MODES = "cluster", ("replication", "cluster")
# What is added to the port of a server. The bus keeps its port whatever the port for TLS is.
BUS, SECURE = 10000, 20000
SHORTEST = 2000  # ms; a MIGRATE or a fork alone can take one second
OF_CLUSTERS = ("ports", "replicas")
OF_REPLICATION = ("port", "tls_port", "primary", "sentinel", "quorum", "failover_timeout", "parallel_syncs", "endpoint")


def is_cluster(entry: Mapping[str, Any]) -> bool:
    """Return whether an entry of redis_instances is a cluster."""
    return entry.get("mode") == CLUSTER


def server_name(cluster: str, port: int) -> str:
    """Return the name of a server: of its unit, its files and its directory."""
    return f"{cluster}-{port}"


def server_names(entry: Mapping[str, Any]) -> List[str]:
    """Return the names under which the logins of an entry are looked up: its own, and those of its servers."""
    name = str(entry["name"])
    if not is_cluster(entry):
        return [name]
    return [name, *(server_name(name, int(port)) for port in convert_value(entry.get("ports"), "list", "int") or [])]


def check_mode(problems: List[str], entry: Mapping[str, Any]) -> None:
    """Refuse what has no meaning in the mode of an entry, and a cluster without ports."""
    where, mode = f"redis_instances {entry.get('name')}:", entry.get("mode") or MODES[0]
    given = {key for key, value in entry.items() if value is not None}
    if mode not in MODES:
        problems.append(f"{where} mode {mode} is unknown; use {' or '.join(MODES)}.")
    elif mode == CLUSTER:
        problems += [f"{where} {key} has no meaning in a cluster; remove it." for key in OF_REPLICATION if key in given]
        _check_ports(problems, where, entry.get("ports") or [])
        if "down_after" in given and int(entry["down_after"]) < SHORTEST:
            problems.append(f"{where} down_after {entry['down_after']} is too short for a cluster; use {SHORTEST}.")
        if int(entry.get("replicas") or 0) < 0:
            problems.append(f"{where} replicas {entry['replicas']} is less than 0.")
    else:
        problems += [f"{where} {key} belongs to `mode: cluster`; remove it." for key in OF_CLUSTERS if key in given]


def _check_ports(problems: List[str], where: str, ports: Sequence[int]) -> None:
    if not ports:
        problems.append(f"{where} a cluster needs `ports:`, one for each of its servers on a host, as [7000].")
    for port in sorted({port for port in ports if ports.count(port) > 1}):
        problems.append(f"{where} port {port} is there twice.")
    most = 65535 - SECURE
    for port in ports:
        if not 1 <= port <= most:
            problems.append(f"{where} port {port} is out of range; use 1 to {most}, the bus and TLS need ports above.")


def check_layout(name: str, members: Sequence[Mapping[str, Any]], replicas: int) -> List[str]:
    """Return why a cluster of these members would not survive the loss of a zone, and what would."""
    zones = [str(member["zone"]) for member in members]
    faults = layout_problems(zones, replicas)
    if not faults:
        return []
    fit = layouts_that_fit(len(zones), len(set(zones)), replicas)
    return [f"redis_instances {name}: {'; '.join(faults)}. {fit}. Nothing was changed."]


def cluster_parameters(plain_port: int, node_timeout: int, address: str, tls: bool) -> Dict[str, Any]:
    """Return what redis.conf of a member of a cluster says of it."""
    return {
        "cluster-enabled": True,
        "cluster-config-file": "nodes.conf",
        "cluster-node-timeout": node_timeout,
        "cluster-announce-ip": address,
        "cluster-port": plain_port + BUS,
        # Who follows whom is decided with the zones in mind, by the module cluster.
        "cluster-allow-replica-migration": False,
        **({"tls-cluster": True} if tls else {}),
    }


def cluster_model(
    entry: Mapping[str, Any], nodes: Sequence[Mapping[str, Any]], zones: Mapping[str, str], replicas: int
) -> Dict[str, Any]:
    """Return a cluster from its servers, `nodes` having one for each port with the hosts on which it is."""
    members = [member for node in nodes for member in node["members"]]
    return {
        "name": str(entry["name"]),
        "mode": CLUSTER,
        "members": members,
        "places": [
            {**{key: member[key] for key in ("host", "address", "port")}, "zone": zones[member["host"]]}
            for member in members
        ],
        "replicas": replicas,
        "servers": [{"name": node["name"], "port": node["port"]} for node in nodes],
        "port": nodes[0]["port"] if nodes else 0,
        "acl": nodes[0]["acl"] if nodes else {},
        "sentinel": False,
        "endpoint": None,
        "local": any(node["local"] for node in nodes),
    }


def local_servers(cluster: Mapping[str, Any], nodes: Sequence[Mapping[str, Any]]) -> List[Dict[str, Any]]:
    """Return the servers of this host, each knowing all members of its cluster."""
    return [{**node, "members": cluster["members"]} for node in nodes if node["local"]]
