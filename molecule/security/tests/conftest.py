# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The data set of this scenario, and its secrets, which no file of the scenario holds in clear."""

from __future__ import annotations

from typing import Any

import pytest
from deployment import DataSet
from deployment.traces import Traces
from deployment.vault import Secret, write
from lab import Lab

JOBS = ("operator", "replication", "sentinel", "monitoring", "backup", "endpoint")
KEY = "vault-Gz7uK8"


@pytest.fixture(scope="module")
def secrets() -> dict[str, str]:
    """Return all passwords by who uses them, hard to write down; `mistaken` is the one that somebody mistypes."""
    who = (*JOBS, "app", "sentinels", "mistaken", "clients")
    return {name: f'Gz7uK{number}-{name} "y" \'\\ d\u00e9\u20ac #1' for number, name in enumerate(who)}


@pytest.fixture(scope="module")
def main(lab: Lab, secrets: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> DataSet:
    """Return the data set as its operator sees it; from here on every playbook of the lab has the vault."""
    hosts = ["s1", "s2", "s3"]
    users: list[dict[str, Any]] = [
        {"name": "default", "enabled": False},
        {"name": "app", "passwords": [Secret(secrets["app"])], "keys": ["*"]},
        *({"name": f"our-{job}", "job": job, "passwords": [Secret(secrets[job])]} for job in JOBS),
    ]
    told: dict[str, Any] = {"redis_acl_users": users, "redis_sentinel_password": Secret(secrets["sentinels"])}
    told["redis_sentinel_clients_passwords"] = [Secret(secrets["clients"])]
    # Peers read this one from the variables of another host.
    inventory = {"all": {"vars": told, "hosts": {"s2": {"redis_address": Secret(lab.host_ip("s2"))}}}}
    vault = write(tmp_path_factory.mktemp("vault") / "secrets.yml", KEY, inventory)
    assert not [secret for secret in secrets.values() if secret in vault.read_text(encoding="utf-8")]
    lab.inventories.append(vault)
    found = DataSet(lab, hosts, secrets["operator"], hosts, secrets["sentinels"])
    found.username = "our-operator"
    return found


@pytest.fixture(scope="module")
def traces(lab: Lab, main: DataSet, secrets: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Traces:
    """Return what searches for all of them."""
    key = tmp_path_factory.mktemp("key") / "vault.key"
    key.write_text(KEY, encoding="utf-8")
    return Traces(lab, main.hosts, [*secrets.values(), KEY], tmp_path_factory.mktemp("cache"), key)
