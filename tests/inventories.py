# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An inventory of three hosts under Sentinel, changed where a test says so, and what is wrong with it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._model.inventory import Inventory, TopologyError
from ansible_collections.quorum.redis.plugins.module_utils._model.topology import build_topology

ADDRESSES = {f"r{number}": f"10.0.0.{number}" for number in range(1, 11)}
DEFAULTS: dict[str, Any] = {
    "redis_group": "redis",
    "redis_sentinel_group": "redis_sentinel",
    "redis_instances": [{"name": "main"}],
    "redis_auth": True,
    "redis_bind": [],
    "redis_firewall_clients": [],
    "redis_password": "p1",
    "redis_sentinel_password": "p2",
    "redis_sentinel_name": "sentinel",
    "redis_sentinel_port": 26379,
    "redis_sentinel_config": {},
    "redis_fork_reserve": 25,
    "redis_sentinel_tls_port": 36379,
    "redis_tls": "off",
    "redis_tls_ca_file": "",
    "redis_tls_cert_file": "",
    "redis_tls_key_file": "",
    "redis_tls_clients": "no",
}
THREE = ["r1", "r2", "r3"]


def inventory(
    host: str = "r1",
    hosts: list[str] | None = None,
    sentinels: list[str] | None = None,
    addresses: dict[str, str] | None = None,
    **variables: Any,
) -> Inventory:
    """Return an inventory of three hosts with Sentinel, changed where a test says so."""
    groups = {"redis": THREE if hosts is None else hosts, "redis_sentinel": THREE if sentinels is None else sentinels}
    known = {**ADDRESSES, **(addresses or {})}
    return Inventory(host, groups, {**DEFAULTS, **variables}, known.__getitem__)


def problems(**changes: Any) -> list[str]:
    with pytest.raises(TopologyError) as error:
        build_topology(inventory(**changes))
    return str(error.value).splitlines()


TLS: dict[str, Any] = {f"redis_tls_{part}_file": f"/etc/tls/{part}" for part in ("ca", "cert", "key")}
