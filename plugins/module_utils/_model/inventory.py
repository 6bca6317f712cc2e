# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the model of a deployment is made from: the inventory as one host sees it, read as people type it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Callable, Mapping, Optional, Sequence, Tuple

from .options import convert_value

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
    # The deployment of a host and whether its variables have an endpoint; None where they cannot be read.
    endpoint_seen: Callable[[str], Optional[Tuple[str, bool]]] = lambda _host: None
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    without: Sequence[str] = ()  # hosts that are being retired

    def list_members(self, hosts: Sequence[str], known: Mapping[str, int]) -> list[dict[str, Any]]:
        """Hosts as endpoints, with the second port where there is one; the order of the inventory does not count."""
        ports = {key: known[key] for key in ("port", "other_port") if key in known}
        return [{"host": host, "address": self.address_of(host), **ports} for host in sorted(hosts, key=natural_order)]


def natural_order(name: str) -> list[tuple[int, str]]:
    """Return what sorts db2 before db10."""
    return [(int(part), "") if part.isdecimal() else (0, part) for part in re.split(r"(\d+)", name)]


def read_typed(variables: Mapping[str, Any], problems: list[str]) -> dict[str, Any]:
    """Read values as people type them: `"no"`, `a,b`, a list as JSON. What has no sense is a problem."""

    def read(values: Mapping[str, Any], kinds: Mapping[str, str], where: str) -> dict[str, Any]:
        typed = dict(values)
        for key in [key for key in kinds if key in values]:
            try:
                typed[key] = convert_value(values[key], *kinds[key].split())
            except ValueError as problem:
                problems.append(f"{where}{key} {problem}.")
                typed[key] = None
        return typed

    typed = read(variables, KINDS, "")
    if not typed["redis_instances"] and not problems:
        problems.append("redis_instances names no data set. Leave it out for one that is named main.")
    entries = [
        read(entry, ENTRY_KINDS, f"redis_instances {entry.get('name')}: ") for entry in typed["redis_instances"] or []
    ]
    clients = typed.get("redis_tls_clients")
    return {
        **typed,
        "redis_instances": entries,
        "redis_sentinel_config": typed.get("redis_sentinel_config") or {},
        "redis_tls_clients": {"True": "yes", "False": "no"}.get(str(clients), clients),
    }
