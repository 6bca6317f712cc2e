# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The declared model for a host that is no member: read from the variables of the members, without their passwords."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Mapping, Sequence

from ansible.module_utils.common.yaml import yaml_load

from ..module_utils._model.inventory import Inventory, TopologyError
from ..module_utils._model.topology import build_topology
from .addresses import Addresses

DEFAULTS = Path(__file__).resolve().parents[2] / "roles" / "redis" / "defaults" / "main.yml"
# Variables whose value is a secret; the model only asks whether they are there, and whether they are part of a name.
SECRET = ("redis_password", "redis_sentinel_password")
UNREAD = "not read"
# Variables that the model is made of, for members and for others; those that are a password stand apart.
OPEN = (
    "redis_sentinel_group",
    "redis_instances",
    "redis_bind",
    "redis_firewall_clients",
    "redis_endpoint_group",
    "redis_endpoint_check_port",
    "redis_sentinel_name",
    "redis_sentinel_port",
    "redis_sentinel_config",
    "redis_sentinel_tls_port",
    "redis_tls",
    "redis_tls_ca_file",
    "redis_tls_cert_file",
    "redis_tls_key_file",
    "redis_tls_clients",
    "redis_fork_reserve",
)


def declared_model(host: str, group: str, groups: Mapping[str, Sequence[str]], hostvars: Any) -> Dict[str, Any]:
    """Return the model of this group's deployment, as this host sees it. TopologyError: one line for each mistake."""
    members = groups.get(group) or []
    if not members:
        raise TopologyError(f"The inventory has no host in the group {group!r}. Give the group of the members.")
    theirs = hostvars[members[0]]
    values = {**yaml_load(DEFAULTS.read_text(encoding="utf-8")), "redis_group": group}
    values.update({name: theirs[name] for name in OPEN if name in theirs})
    values.update(dict.fromkeys(SECRET, UNREAD), redis_endpoint_trusted=True)
    known = Addresses(hostvars)
    return build_topology(Inventory(host, groups, values, known, known.zone))
