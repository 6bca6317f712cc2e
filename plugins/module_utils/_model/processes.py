# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules config, acl and instance_info are told of the servers and the Sentinel of a host; pure."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping


def server_processes(
    topology: Mapping[str, Any], access: Mapping[str, Any], guard: Mapping[str, Any], sentinel_password: str
) -> List[Dict[str, Any]]:
    """Return the options of each server. `guard`: the host, its address, and how its start guard behaves."""
    return [
        _server(item, access[item["name"]], topology["sentinel"]["members"], guard, sentinel_password)
        for item in topology["servers"]
    ]


def _server(
    item: Mapping[str, Any],
    access: Mapping[str, Any],
    sentinels: List[Any],
    guard: Mapping[str, Any],
    sentinel_password: str,
) -> Dict[str, Any]:
    name, replication = item["name"], access["logins"]["replication"]
    return {
        "name": name,
        "path": f"/etc/redis/{name}.conf",
        "state_file": f"/var/lib/redis/{name}/redis.conf",
        "unit": f"redis-server@{name}.service",
        "port": item["port"],
        "parameters": {**item["parameters"], **access["masteruser"]},
        "secrets": access["secrets"],
        "rotating": access["rotating"],
        "connection": access["connection"],
        # What the start guard must know of the others. Sentinel's quorum, its time-outs and so on are not its business.
        "guard": {
            "address": guard["address"],
            "other_port": item.get("other_port", 0),
            "members": [
                _place(peer)
                for peer in item["members"]
                if (peer["host"], peer["port"]) != (guard["host"], item["port"])
            ],
            "sentinels": [_place(member) for member in sentinels] if item["sentinel"] else [],
            "username": replication["username"],
            "acl": item["acl"]["managed"],
            "users_absent": item["acl"]["absent"],
            "policy": guard["policy"],
            "wait": guard["wait"],
            "cluster": "cluster" in item,
        },
        "guard_secrets": {"password": replication["password"], "sentinel_password": sentinel_password},
    }


def local_instances(
    topology: Mapping[str, Any], access: Mapping[str, Any], sentinel_connection: Any, journals: bool = False
) -> List[Dict[str, Any]]:
    """Return the options with which to look at each server and the Sentinel; with `journals` at their journals too."""
    instances = [
        {
            "name": item["name"],
            "kind": "server",
            "port": item["port"],
            "connection": access[item["name"]]["connection"],
            "users_file": f"/etc/redis/{item['name']}.acl",
            "journal": f"redis-server@{item['name']}.service" if journals else None,
            "unit": f"redis-server@{item['name']}.service",
        }
        for item in topology["servers"]
    ]
    sentinel = topology["sentinel"]
    if sentinel["local"]:
        instances.append(
            {
                "name": sentinel["name"],
                "kind": "sentinel",
                "port": sentinel["port"],
                "connection": sentinel_connection,
                "users_file": f"/etc/redis/{sentinel['name']}.conf",
                "journal": f"redis-sentinel@{sentinel['name']}.service" if journals else None,
                "unit": f"redis-sentinel@{sentinel['name']}.service",
            }
        )
    return instances


def server_acls(topology: Mapping[str, Any], access: Mapping[str, Any], host: str) -> List[Dict[str, Any]]:
    """Return the options of the module acl for each server whose users are declared."""
    return [_acl(item, access[item["name"]], topology, host) for item in topology["servers"] if item["acl"]["managed"]]


def _acl(item: Mapping[str, Any], access: Mapping[str, Any], topology: Mapping[str, Any], host: str) -> Dict[str, Any]:
    return {
        "name": item["name"],
        "path": f"/etc/redis/{item['name']}.acl",
        "parameters": item["parameters"],
        "port": item["port"],
        "connection": access["connection"],
        "users": access["users"],
        "purge": topology["options"]["redis_acl_purge"],
        "logins": {duty: login for duty, login in access["logins"].items() if item["sentinel"] or duty != "sentinel"},
        # Of a cluster, a host may have several.
        "members": [member for member in item["members"] if (member["host"], member["port"]) != (host, item["port"])],
        "sentinels": len(topology["sentinel"]["members"]) if item["sentinel"] else 0,
    }


def _place(member: Mapping[str, Any]) -> Dict[str, Any]:
    return {key: member[key] for key in ("host", "address", "port", "other_port") if key in member}
