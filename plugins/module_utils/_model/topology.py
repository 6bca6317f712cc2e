# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From inventory data to the desired model. Pure: no connection, no clock, the same on every host.

The defaults of the sub-options of `redis_instances` live here and nowhere else: an argument spec checks
them but does not apply them, and role defaults are invisible in the variables of other hosts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any, Callable, Mapping, Sequence

from .acl_users import (
    acl_model,
    clients_problems,
    rules_default,
    secrets_of,
    users_of,
)
from .cluster_set import (
    BUS,
    SECURE,
    check_mode,
    check_tls_step,
    cluster_model,
    cluster_parameters,
    is_cluster,
    layout,
    local_servers,
    server_name,
)
from .directives import (
    OWNED,
    SENTINEL_OWNED,
    TLS_MODES,
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
from .options import convert

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
# What may come as text, of the variables and of an entry of redis_instances. The second word: what a list holds.
KINDS = {
    "redis_instances": "list dict",
    "redis_acl_users": "list dict",
    "redis_auth": "bool",
    "redis_bind": "list str",
    "redis_firewall_clients": "list str",
    "redis_sentinel_config": "dict",
}
ENTRY_KINDS = {
    **dict.fromkeys(("port", "tls_port", "quorum", "down_after", "failover_timeout", "parallel_syncs"), "int"),
    "replicas": "int",
    "ports": "list int",
    "sentinel": "bool",
    "appendonly": "bool",
    "hosts": "list str",
    "config": "dict",
    "endpoint": "dict",
    "acl_users": "list dict",
}
PORTS = ("port", "tls_port", "other_port", "bus_port")
SECRETS = ("redis_password", "redis_sentinel_password")
# The largest value of what must be at least 1.
RANGES = {"port": 65535, "down_after": 2**31 - 1, "failover_timeout": 2**31 - 1, "parallel_syncs": 2**31 - 1}


class TopologyError(ValueError):
    """The inventory contradicts itself; one sentence for each mistake."""


@dataclass
class Inventory:
    """What the model is made from: the view of one host."""

    host: str
    groups: Mapping[str, Sequence[str]]
    variables: Mapping[str, Any]
    address_of: Callable[[str], str]
    zone_of: Callable[[str], str] = str  # what fails at once with a host, by default itself
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    without: Sequence[str] = ()  # hosts that are being retired

    def members(self, hosts: Sequence[str], known: Mapping[str, int]) -> list[dict[str, Any]]:
        """Hosts as endpoints, with the second port where there is one; the order of the inventory does not count."""
        ports = {key: known[key] for key in ("port", "other_port") if key in known}
        return [{"host": host, "address": self.address_of(host), **ports} for host in sorted(hosts, key=_natural)]


def build(inventory: Inventory) -> dict[str, Any]:
    """Return the desired model of one deployment, seen from one host. Raises TopologyError."""
    inventory.variables = typed(inventory.variables, inventory.problems)
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
        **ports(get, get("redis_sentinel_port"), get("redis_sentinel_tls_port")),
        "local": inventory.host in sentinels,
    }
    sentinel["members"] = inventory.members(sentinels, sentinel)
    entries = get("redis_instances")
    for entry in entries:
        check_mode(inventory.problems, entry)
    if inventory.problems:
        raise TopologyError("\n".join(inventory.problems))
    instances = [instance(inventory, entry, hosts, len(sentinels)) for entry in entries if not is_cluster(entry)]
    found = [cluster(inventory, entry, hosts) for entry in entries if is_cluster(entry)]
    clusters, nodes = [one for one, _nodes in found], [node for _one, theirs in found for node in theirs]
    check_config(inventory.problems, "redis_sentinel_config", get("redis_sentinel_config"), SENTINEL_OWNED)
    check_ports(inventory, [*instances, *nodes], sentinel, [one["name"] for one in clusters])
    check_sentinels(inventory, instances, sentinel)
    inventory.problems += check_endpoints(inventory.variables.get, instances, sentinel)
    inventory.problems += [said for one in clusters for said in layout(one["name"], one["places"], one["replicas"])]
    fronts = endpoint_hosts(inventory, instances)
    if inventory.problems:
        raise TopologyError("\n".join(inventory.problems))
    peers = {inventory.address_of(host) for host in {*hosts, *sentinels, *fronts}}
    firewall = firewall_model(get, [*instances, *nodes, sentinel], peers, inventory.problems)
    if inventory.problems:
        raise TopologyError("\n".join(inventory.problems))
    keys = ("name", "members", "quorum", "down_after", "failover_timeout", "parallel_syncs")
    sentinel["masters"] = [{key: i[key] for key in keys} for i in instances if i["sentinel"]]
    if sentinel["local"]:
        sentinel["parameters"] = sentinel_parameters(sentinel, inventory.address_of(inventory.host), get)
    local = [i for i in instances if i["local"]]
    for one, theirs in found:
        local += local_servers(one, theirs)
    return {
        "deployment": group,
        "instances": instances,
        "clusters": clusters,
        "servers": local,
        "sentinel": sentinel,
        "tls": tls_access(get),
        "firewall": firewall,
        "endpoint": {
            "hosts": fronts,
            "local": inventory.host in fronts,
            "address": inventory.address_of(inventory.host) if inventory.host in fronts else "",
        },
        "listens": listens(local, sentinel),
        "bind": [str(address) for address in get("redis_bind") or []],
        "memory_needed": sum(i["maxmemory"] for i in local) * (100 + int(get("redis_fork_reserve"))) // 100,
        "sets": [{key: i[key] for key in ("name", "members", "sentinel")} for i in instances],
        "leaving": inventory.members(
            [host for host in dict.fromkeys(everybody + watchers) if host in inventory.without], {}
        ),
        "warnings": inventory.warnings,
    }


def endpoint_hosts(inventory: Inventory, instances: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the hosts with endpoints, none when no data set has one."""
    group = str(inventory.variables.get("redis_endpoint_group") or "")
    hosts = list(inventory.groups.get(group, [])) if any(one["endpoint"] for one in instances) else []
    check_addresses(inventory, hosts)
    return hosts


def check_counts(inventory: Inventory, groups: Mapping[str, Sequence[str]]) -> None:
    """Compare declared numbers: a part of an inventory, as a slice of a job has, does not tell that it is one."""
    for name, hosts in groups.items():
        listed = ", ".join(sorted(hosts, key=_natural)) or "none"
        count = inventory.variables.get(name)
        if count is not None and int(count) != len(hosts):
            inventory.problems.append(
                f"{name} is {count} and the inventory has {len(hosts)} ({listed}). "
                f"Run on the whole inventory, not on a slice of it, or correct {name}."
            )
    strangers = sorted(set(inventory.without) - {host for hosts in groups.values() for host in hosts}, key=_natural)
    if strangers:
        inventory.problems.append(f"redis_retire_hosts: {', '.join(strangers)} is no host of this deployment.")


def _natural(name: str) -> list[tuple[int, str]]:
    """Return what sorts db2 before db10."""
    return [(int(part), "") if part.isdecimal() else (0, part) for part in re.split(r"(\d+)", name)]


def typed(variables: Mapping[str, Any], problems: list[str]) -> dict[str, Any]:
    """Read values as people type them: `"no"`, `a,b`, a list as JSON. What has no sense is a problem."""

    def read(values: Mapping[str, Any], kinds: Mapping[str, str], where: str) -> dict[str, Any]:
        found = dict(values)
        for key in [key for key in kinds if key in values]:
            try:
                found[key] = convert(values[key], *kinds[key].split())
            except ValueError as problem:
                problems.append(f"{where}{key} {problem}.")
                found[key] = None
        return found

    found = read(variables, KINDS, "")
    if not found["redis_instances"] and not problems:
        problems.append("redis_instances names no data set. Leave it out for one that is named main.")
    entries = [
        read(entry, ENTRY_KINDS, f"redis_instances {entry.get('name')}: ") for entry in found["redis_instances"] or []
    ]
    clients = found.get("redis_tls_clients")
    return {
        **found,
        "redis_instances": entries,
        "redis_sentinel_config": found.get("redis_sentinel_config") or {},
        "redis_tls_clients": {"True": "yes", "False": "no"}.get(str(clients), clients),
    }


def instance(inventory: Inventory, entry: Mapping[str, Any], hosts: list[str], sentinels: int) -> dict[str, Any]:
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
    known = ports(get, given["port"], given["tls_port"])
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
        "members": inventory.members(members, known),
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


def cluster(
    inventory: Inventory, entry: Mapping[str, Any], hosts: list[str]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """One cluster, and its servers as data sets, one for each port."""
    get = inventory.variables.__getitem__
    given = {**INSTANCE_DEFAULTS, **{key: value for key, value in entry.items() if value is not None}}
    name = str(given["name"])
    check_tls_step(inventory.problems, name, tls_mode(get))
    nodes, problems = [], []
    for port in given["ports"]:
        one = {**entry, "name": server_name(name, port), "port": port, "tls_port": port + SECURE}
        alone = replace(inventory, problems=[])
        node = instance(alone, one, hosts, 0)
        problems += [text.replace(f" {one['name']}:", f" {name}:") for text in alone.problems]
        node.update(cluster=name, bus_port=port + BUS)
        if node["local"]:
            address = inventory.address_of(inventory.host)
            node["parameters"].update(cluster_parameters(port, int(given["down_after"]), address, "tls_port" in node))
        nodes.append(node)
    inventory.problems += dict.fromkeys(problems)  # what is wrong with one is wrong with all
    zones = {member["host"]: inventory.zone_of(member["host"]) for node in nodes for member in node["members"]}
    return cluster_model(entry, nodes, zones, int(given["replicas"])), nodes


def ports(get: Callable[[str], Any], port: Any, tls_port: Any) -> dict[str, int]:
    """Return the port by which all know a process, the one for TLS, and the other one where there are both."""
    plain, secure = int(port), int(port) + 10000 if tls_port is None else int(tls_port)
    return {
        "off": {"port": plain},
        "dual": {"port": plain, "tls_port": secure, "other_port": secure},
        "peers": {"port": secure, "tls_port": secure, "other_port": plain},
    }.get(tls_mode(get), {"port": secure, "tls_port": secure})


def listens(local: Sequence[Mapping[str, Any]], sentinel: Mapping[str, Any]) -> dict[str, list[int]]:
    """Return the ports of each unit of this host."""
    units = {f"redis-server@{model['name']}.service": model for model in local}
    units.update({f"redis-sentinel@{sentinel['name']}.service": sentinel} if sentinel["local"] else {})
    return {unit: sorted({model[key] for key in PORTS if key in model}) for unit, model in units.items()}


def check_tls(inventory: Inventory) -> None:
    """TLS needs certificate, key and CA, as files on the hosts."""
    get = inventory.variables.__getitem__
    for key, words in (("redis_tls", TLS_MODES), ("redis_tls_clients", ("no", "optional", "yes"))):
        given = tls_mode(get) if key == "redis_tls" else get(key)
        if given not in words:
            inventory.problems.append(f"{key} {given} is unknown; use {', '.join(words)}.")
    if tls_mode(get) == "off":
        return
    for name in ("redis_tls_ca_file", "redis_tls_cert_file", "redis_tls_key_file"):
        if not str(get(name) or "").startswith("/"):
            inventory.problems.append(f"{name} is no path. Set it to a file on the hosts, or redis_tls to off.")


def check_secrets(inventory: Inventory, sentinels: bool) -> None:
    """No default password exists: a missing one is named."""
    users = inventory.variables.get("redis_acl_users")
    entries = inventory.variables["redis_instances"]
    shared = any(not (entry.get("password") or rules_default(users_of(entry, users))) for entry in entries)
    wanted = ["redis_password"] * shared + ["redis_sentinel_password"] * sentinels
    for name in wanted if inventory.variables["redis_auth"] else []:
        if not inventory.variables.get(name):
            inventory.problems.append(
                f"{name} is not set. Put it into a vault, or switch authentication off with redis_auth: false."
            )
    get = inventory.variables.get
    inventory.problems += clients_problems(get("redis_sentinel_clients_passwords"), bool(get("redis_auth")))
    pairs = [(f"redis_instances {e.get('name')}: password", *secrets_of(e, "", "")) for e in entries]
    for name, new, old in pairs + [(name, get(name), get(f"{name}_previous")) for name in SECRETS]:
        if old and new == old:
            inventory.problems.append(
                f"{name} and its previous one are the same. Put the new password into {name.rpartition(' ')[2]}."
            )


def check_bind(inventory: Inventory, hosts: int) -> None:
    """With more than one host, a server that only listens on loopback is lost to the others."""
    bind = [str(address) for address in inventory.variables["redis_bind"] or []]
    if hosts > 1 and bind and all(address.lstrip("-") in ("127.0.0.1", "::1", "localhost") for address in bind):
        inventory.problems.append(
            f"redis_bind {' '.join(bind)} is loopback only, which other members cannot reach; add the host's address."
        )


def check_addresses(inventory: Inventory, hosts: Sequence[str]) -> None:
    """Every member has an address of its own."""
    seen: dict[str, str] = {}
    for host in hosts:
        try:
            address = inventory.address_of(host)
        except ValueError as error:
            inventory.problems.append(str(error))
            continue
        if address in seen:
            inventory.problems.append(
                f"{seen[address]} and {host} have the same address {address}; set redis_address on one of them."
            )
        seen[address] = host
    inner = {address: host for address, host in seen.items() if address == "::1" or address.startswith("127.")}
    for address, host in inner.items() if len(inner) < len(seen) else []:
        inventory.problems.append(
            f"{host} has the address {address}, loopback, which other members cannot reach. Set redis_address."
        )


def check_ports(
    inventory: Inventory, instances: list[dict[str, Any]], sentinel: Mapping[str, Any], clusters: Sequence[str]
) -> None:
    """Names are unique, and no two processes of one host want the same port."""
    taken: dict[tuple[str, int], str] = {
        (member["host"], port): f"the Sentinel {sentinel['name']}"
        for member in sentinel["members"]
        for port in (sentinel.get(key) for key in PORTS)
        if port
    }
    names = {sentinel["name"]: "the Sentinel (redis_sentinel_name)"} if sentinel["members"] else {}
    for name in clusters:
        if name in names or name in [model["name"] for model in instances] or clusters.count(name) > 1:
            inventory.problems.append(f"redis_instances: the name {name} is already that of another entry.")
    for model in instances:
        if model["name"] in names:
            inventory.problems.append(
                f"redis_instances: the name {model['name']} is already that of {names[model['name']]}."
            )
        names[model["name"]] = "another entry"
        clashes: dict[tuple[str, int], list[str]] = {}
        wanted = dict.fromkeys(model[key] for key in PORTS if key in model)
        for member, port in ((member, port) for member in model["members"] for port in wanted):
            other = taken.setdefault((member["host"], port), model["name"])
            if other != model["name"]:
                clashes.setdefault((other, port), []).append(member["host"])
        for (other, port), where in clashes.items():
            inventory.problems.append(
                f"redis_instances {model['name']} and {other} both want port {port} on "
                f"{', '.join(where)}; give one of them another port."
            )


def check_sentinels(inventory: Inventory, instances: list[dict[str, Any]], sentinel: Mapping[str, Any]) -> None:
    """Enough Sentinels for a majority, and a quorum that can be reached."""
    count = len(sentinel["members"])
    watched = [model for model in instances if model["sentinel"]]
    for model in watched:
        if not 1 <= model["quorum"] <= count:
            who = f"{count} Sentinels; use 1 to {count}, best {count // 2 + 1}" if count > 1 else "1 Sentinel; use 1"
            inventory.problems.append(
                f"redis_instances {model['name']}: quorum {model['quorum']} cannot be reached by {who}."
            )
        if len(model["members"]) == 1:
            inventory.warnings.append(
                f"{model['name']} has one member, {model['seed']}: Sentinel has nobody to fail over to."
            )
    if watched and count == 1:
        inventory.warnings.append("One Sentinel cannot outvote anybody: its host's failure stops failovers. Use 3.")
    elif watched and count % 2 == 0:
        inventory.warnings.append(
            f"{count} Sentinels survive no more failures than {count - 1}: add one or remove one."
        )
