# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an inventory must not say: each check adds one sentence for each mistake."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from .acl_users import (
    clients_problems,
    rules_default,
    secrets_of,
    users_of,
)
from .cluster_set import server_names
from .directives import (
    TLS_MODES,
    tls_mode,
)
from .inventory import Inventory, natural_order

PORTS = ("port", "tls_port", "other_port", "bus_port")

SECRETS = ("redis_password", "redis_sentinel_password")


def check_counts(inventory: Inventory, groups: Mapping[str, Sequence[str]]) -> None:
    """Compare declared numbers: a part of an inventory, as a slice of a job has, does not tell that it is one."""
    for name, hosts in groups.items():
        listed = ", ".join(sorted(hosts, key=natural_order)) or "none"
        count = inventory.variables.get(name)
        if count is not None and int(count) != len(hosts):
            inventory.problems.append(
                f"{name} is {count} and the inventory has {len(hosts)} ({listed}). "
                f"Run on the whole inventory, not on a slice of it, or correct {name}."
            )
    strangers = sorted(
        set(inventory.without) - {host for hosts in groups.values() for host in hosts}, key=natural_order
    )
    if strangers:
        inventory.problems.append(f"redis_retire_hosts: {', '.join(strangers)} is no host of this deployment.")


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
    units = [f"redis-server@{name}.service" for entry in entries for name in server_names(entry)]
    units.append(f"redis-sentinel@{get('redis_sentinel_name')}.service")
    words = [get(name) for name in SECRETS] + [entry.get("password") for entry in entries]
    clients = get("redis_sentinel_clients_passwords")
    words += clients if isinstance(clients, list) else []
    words += [word for e in entries for user in users_of(e, users) for word in user.get("passwords") or []]
    if get("redis_auth") and any(str(word) in name for word in words if word for name in units):
        inventory.problems.append(
            "A password is a part of the name of a data set, or of the names of our units, such as redis, server or "
            "sentinel. Ansible would mask it there, so that a restart could be left out. Choose a longer password."
        )
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
