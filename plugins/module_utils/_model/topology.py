# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From inventory data to the desired model. Pure: no connection, no clock, the same on every host.

The defaults of the sub-options of `redis_instances` live here and nowhere else: an argument spec checks
them but does not apply them, and role defaults are invisible in the variables of other hosts.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, Callable, Mapping, Sequence

from .acl_users import (
    acl_model,
    secrets_of,
    users_of,
)
from .cluster_set import (
    BUS,
    SECURE,
    check_layout,
    check_mode,
    cluster_model,
    cluster_parameters,
    is_cluster,
    local_servers,
    server_name,
)
from .directives import (
    OWNED,
    SENTINEL_OWNED,
    TLS_PEERS,
    check_config,
    check_opening,
    sentinel_parameters,
    server_parameters,
    size_of,
    tls_access,
    tls_mode,
)
from .endpoint import check_endpoints, endpoint_of
from .firewall import firewall_model
from .inventory import Inventory, TopologyError, natural_order, read_typed
from .inventory_checks import (
    PORTS,
    check_addresses,
    check_bind,
    check_counts,
    check_ports,
    check_secrets,
    check_sentinels,
    check_tls,
)

NAME = re.compile(r"[a-z0-9]([a-z0-9._-]*[a-z0-9])?")

INSTANCE_DEFAULTS: dict[str, Any] = {
    "mode": "replication",
    "ports": None,
    "replicas": 1,
    "port": 6379,
    "tls_port": None,
    "hosts": None,
    "primary": None,
    "sentinel": True,
    "quorum": None,
    "down_after": 5000,
    "failover_timeout": 60000,
    "parallel_syncs": 1,
    "save": "3600 1 300 100 60 10000",
    "appendonly": True,
    "appendfsync": "everysec",
    "config": {},
    "acl_users": None,
    "endpoint": None,
}
# The largest value of what must be at least 1.
RANGES = {"port": 65535, "down_after": 2**31 - 1, "failover_timeout": 2**31 - 1, "parallel_syncs": 2**31 - 1}


def build_topology(inventory: Inventory) -> dict[str, Any]:
    """Return the desired model of one deployment, seen from one host. Raises TopologyError."""
    inventory.variables = read_typed(inventory.variables, inventory.problems)
    get = inventory.variables.__getitem__
    group = str(get("redis_group"))
    everybody = list(inventory.groups.get(group, []))
    watchers = list(inventory.groups.get(str(get("redis_sentinel_group")), []))
    check_counts(inventory, {"redis_member_count": everybody, "redis_sentinel_count": watchers})
    hosts, sentinels = ([host for host in all_of if host not in inventory.without] for all_of in (everybody, watchers))
    if not everybody:
        inventory.problems.append(
            f"The inventory has no host in the group {group!r}. Put the members there, or set redis_group."
        )
    check_secrets(inventory, bool(sentinels))
    check_tls(inventory)
    check_bind(inventory, len({*hosts, *sentinels}))
    check_addresses(inventory, sorted({*hosts, *sentinels}, key=[*hosts, *sentinels].index))
    if inventory.problems:
        raise TopologyError("\n".join(inventory.problems))
    sentinel: dict[str, Any] = {
        "name": str(get("redis_sentinel_name")),
        **assign_ports(get, get("redis_sentinel_port"), get("redis_sentinel_tls_port")),
        "local": inventory.host in sentinels,
    }
    sentinel["members"] = inventory.list_members(sentinels, sentinel)
    entries = get("redis_instances")
    for entry in entries:
        check_mode(inventory.problems, entry)
    if inventory.problems:
        raise TopologyError("\n".join(inventory.problems))
    instances = [build_instance(inventory, entry, hosts, len(sentinels)) for entry in entries if not is_cluster(entry)]
    built = [build_cluster(inventory, entry, hosts) for entry in entries if is_cluster(entry)]
    clusters, nodes = [cluster for cluster, _nodes in built], [node for _cluster, theirs in built for node in theirs]
    check_config(inventory.problems, "redis_sentinel_config", get("redis_sentinel_config"), SENTINEL_OWNED)
    check_ports(inventory, [*instances, *nodes], sentinel, [cluster["name"] for cluster in clusters])
    check_sentinels(inventory, instances, sentinel)
    inventory.problems += check_endpoints(inventory.variables.get, instances, sentinel)
    inventory.problems += [
        problem
        for cluster in clusters
        for problem in check_layout(cluster["name"], cluster["places"], cluster["replicas"])
    ]
    fronts = endpoint_hosts(inventory, instances)
    if inventory.problems:
        raise TopologyError("\n".join(inventory.problems))
    allowed = {inventory.address_of(host) for host in {*hosts, *sentinels, *fronts}}
    firewall = firewall_model(get, [*instances, *nodes, sentinel], allowed, inventory.problems)
    if inventory.problems:
        raise TopologyError("\n".join(inventory.problems))
    keys = ("name", "members", "quorum", "down_after", "failover_timeout", "parallel_syncs")
    sentinel["masters"] = [{key: i[key] for key in keys} for i in instances if i["sentinel"]]
    if sentinel["local"]:
        sentinel["parameters"] = sentinel_parameters(sentinel, inventory.address_of(inventory.host), get)
    local = [i for i in instances if i["local"]]
    for cluster, theirs in built:
        local += local_servers(cluster, theirs)
    peers = [*sentinel["members"], *(member for data_set in [*instances, *clusters] for member in data_set["members"])]
    known = {*fronts, *(peer["host"] for peer in peers)}
    return {
        "deployment": group,
        "peers": peers,
        "address": inventory.address_of(inventory.host) if inventory.host in known else "",
        "instances": instances,
        "clusters": clusters,
        "servers": local,
        "sentinel": sentinel,
        "tls": tls_access(get),
        "firewall": firewall,
        "endpoint": {"hosts": fronts, "local": inventory.host in fronts},
        "listens": list_ports(local, sentinel),
        "bind": [str(address) for address in get("redis_bind") or []],
        "memory_needed": sum(i["maxmemory"] for i in local) * (100 + int(get("redis_fork_reserve"))) // 100,
        "sets": [{key: i[key] for key in ("name", "members", "sentinel")} for i in instances],
        "leaving": inventory.list_members(
            [host for host in dict.fromkeys(everybody + watchers) if host in inventory.without], {}
        ),
        "warnings": inventory.warnings,
    }


def endpoint_hosts(inventory: Inventory, instances: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the hosts with endpoints, none when no data set has one; the order of the inventory does not count."""
    group = str(inventory.variables.get("redis_endpoint_group") or "")
    hosts = inventory.groups.get(group, [])
    declared = any(data_set["endpoint"] for data_set in instances)
    inventory.problems += find_unlike(inventory, declared, hosts)
    hosts = hosts if declared else []
    fronts = sorted((host for host in hosts if host not in inventory.without), key=natural_order)
    check_addresses(inventory, fronts)
    return fronts


def find_unlike(inventory: Inventory, declared: bool, fronts: Sequence[str]) -> list[str]:
    """Return that endpoint hosts and members have unlike variables: one of both would do nothing, without a word."""
    own, mine = str(inventory.variables["redis_group"]), inventory.endpoint_seen(inventory.host)
    if mine is not None and mine[1] != declared:  # variables of a play are for all of its hosts, and not in hostvars
        return []
    members = [host for host in inventory.groups.get(own, []) if host not in inventory.without]
    others = members[:1] if inventory.host in fronts and inventory.host not in members else fronts
    seen = [(host, *(inventory.endpoint_seen(host) or ("", declared))) for host in others]
    unlike = sorted(host for host, group, theirs in seen if theirs != declared and (declared or group == own))
    if not unlike:
        return []
    have, lack = (inventory.host, ", ".join(unlike)) if declared else (", ".join(unlike), inventory.host)
    return [
        f"redis_instances has an `endpoint` for {have}, and none for {lack}: give it to members and endpoint hosts, as "
        f"a variable of all groups of the deployment, not of {own} alone."
    ]


def build_instance(inventory: Inventory, entry: Mapping[str, Any], hosts: list[str], sentinels: int) -> dict[str, Any]:
    """One data set: defaults applied, members named, the engine's parameters worked out."""
    given = {**INSTANCE_DEFAULTS, **{key: value for key, value in entry.items() if value is not None}}
    name = str(given["name"])
    members = [host for host in dict.fromkeys(given["hosts"] or hosts) if host not in inventory.without]
    problems, get = inventory.problems, inventory.variables.__getitem__
    if not NAME.fullmatch(name):
        problems.append(f"redis_instances: the name {name!r} may have lower case letters, digits, '.', '_' and '-'.")
    strangers = [host for host in members if host not in hosts]
    if strangers:
        unknown = ", ".join(strangers)
        problems.append(
            f"redis_instances {name}: {unknown} in `hosts:` is not in the group; add it there or remove it."
        )
        members = [host for host in members if host in hosts]
    if given["primary"] and given["primary"] not in [*members, *inventory.without]:
        problems.append(
            f"redis_instances {name}: the wished primary {given['primary']!r} is no member ({', '.join(members)})."
        )
    check_config(problems, f"redis_instances {name}: `config:`", given["config"], OWNED)
    check_opening(problems, inventory.warnings, f"redis_instances {name}:", given["config"])
    maxmemory = size_of(given["config"].get("maxmemory", 0))
    if maxmemory is None:
        problems.append(
            f"redis_instances {name}: maxmemory {given['config']['maxmemory']!r} is no size; write 100mb, 2gb or bytes."
        )
    known = assign_ports(get, given["port"], given["tls_port"])
    for key, most in {**RANGES, **dict.fromkeys(known.keys() - {"other_port"}, 65535)}.items():
        given.update(known)
        if not 1 <= int(given[key]) <= most:
            problems.append(f"redis_instances {name}: {key} {given[key]} is out of range; use 1 to {most}.")
    maxclients = str(given["config"].get("maxclients", 10000))
    if not maxclients.isdecimal():
        problems.append(f"redis_instances {name}: maxclients {maxclients!r} is no number.")
    under_sentinel = bool(given["sentinel"]) and sentinels > 0
    users = users_of(given, inventory.variables.get("redis_acl_users"))
    _new, old = secrets_of(entry, get("redis_password"), inventory.variables.get("redis_password_previous"))
    model = {
        "name": name,
        **known,
        "members": inventory.list_members(members, known),
        "seed": given["primary"] or (members[0] if members else ""),
        "sentinel": under_sentinel,
        "quorum": int(sentinels // 2 + 1 if given["quorum"] is None else given["quorum"]),
        "local": inventory.host in members,
        "acl": acl_model(f"redis_instances {name}: ACL users", users, bool(get("redis_auth")), problems, bool(old)),
        "endpoint": endpoint_of(name, given["endpoint"], sentinels if under_sentinel else 0, users, problems),
        "maxmemory": maxmemory or 0,
        "maxclients": int(maxclients) if maxclients.isdecimal() else 0,
        **{key: int(given[key]) for key in ("down_after", "failover_timeout", "parallel_syncs")},
    }
    if model["local"]:
        model["parameters"] = server_parameters(model, given, inventory.address_of(inventory.host), get)
    return model


def build_cluster(
    inventory: Inventory, entry: Mapping[str, Any], hosts: list[str]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """One cluster, and its servers as data sets, one for each port."""
    get = inventory.variables.__getitem__
    given = {**INSTANCE_DEFAULTS, **{key: value for key, value in entry.items() if value is not None}}
    name = str(given["name"])
    nodes, problems, secure = [], [], tls_mode(get) in TLS_PEERS
    for port in given["ports"]:
        server = {**entry, "name": server_name(name, port), "port": port, "tls_port": port + SECURE}
        alone = replace(inventory, problems=[])
        node = build_instance(alone, server, hosts, 0)
        problems += [text.replace(f" {server['name']}:", f" {name}:") for text in alone.problems]
        node.update(cluster=name, bus_port=port + BUS)
        if node["local"]:
            address = inventory.address_of(inventory.host)
            node["parameters"].update(cluster_parameters(port, int(given["down_after"]), address, secure))
        nodes.append(node)
    inventory.problems += dict.fromkeys(problems)  # what is wrong with one is wrong with all
    zones = {member["host"]: inventory.zone_of(member["host"]) for node in nodes for member in node["members"]}
    return cluster_model(entry, nodes, zones, int(given["replicas"])), nodes


def assign_ports(get: Callable[[str], Any], port: Any, tls_port: Any) -> dict[str, int]:
    """Return the port by which all know a process, the one for TLS, and the other one where there are both."""
    plain, secure = int(port), int(port) + 10000 if tls_port is None else int(tls_port)
    return {
        "off": {"port": plain},
        "dual": {"port": plain, "tls_port": secure, "other_port": secure},
        "peers": {"port": secure, "tls_port": secure, "other_port": plain},
    }.get(tls_mode(get), {"port": secure, "tls_port": secure})


def list_ports(local: Sequence[Mapping[str, Any]], sentinel: Mapping[str, Any]) -> dict[str, list[int]]:
    """Return the ports of each unit of this host."""
    units = {f"redis-server@{model['name']}.service": model for model in local}
    units.update({f"redis-sentinel@{sentinel['name']}.service": sentinel} if sentinel["local"] else {})
    return {unit: sorted({model[key] for key in PORTS if key in model}) for unit, model in units.items()}
