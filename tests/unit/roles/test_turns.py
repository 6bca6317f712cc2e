# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which host restarts which Sentinels: one after the other, or most of them at once where none sees anything."""

from __future__ import annotations

from inspect import signature
from pathlib import Path
from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

ROOT = Path(__file__).resolve().parents[3]
HOSTS = ["a", "b", "c", "d"]
Joined = dict[str, Any]
BLIND: Joined = {"results": [{"blind_sentinels": HOSTS}, {"skipped": True}, {"members": []}]}
HALF: Joined = {"results": [{"blind_sentinels": HOSTS}, {"blind_sentinels": HOSTS[1:]}]}


def read_variables(path: Path) -> dict[str, Any]:
    """Return the variables of a role; ansible-core 2.19 and later must be told that they are templates."""
    loader = DataLoader()
    known = signature(loader.load_from_file).parameters
    trust = {key: True for key in ("trusted_as_template",) if key in known}
    found: dict[str, Any] = loader.load_from_file(str(path), **trust)
    return found


def turns(needy: list[str], joined: Joined | None) -> dict[str, list[str]]:
    """Return by host what it restarts."""
    variables = read_variables(ROOT / "roles/redis_sentinel/vars/main.yml")
    config = {host: {"redis_config": {"to_restart": ["sentinel"]}, "inventory_hostname": host} for host in needy}
    hostvars = {host: {"redis_server_joined": joined} if host == "a" and joined else {} for host in HOSTS}
    told = {
        "ansible_play_hosts": HOSTS,
        "hostvars": hostvars,
        "redis_topology": {"sentinel": {"name": "sentinel"}},
        "__redis_peers_to_restart": list(config.values()),
    }
    found = {}
    for host in HOSTS:
        templar = Templar(loader=DataLoader(), variables={**variables, **told, "inventory_hostname": host})
        found[host] = templar.template(variables["__redis_sentinel_turn"])
    return {host: hosts for host, hosts in found.items() if hosts}


@pytest.mark.parametrize("joined", [None, HALF, {"results": [{"blind_sentinels": []}]}])
def test_the_first_restarts_all_of_them(joined: Joined | None) -> None:
    assert turns(HOSTS, joined) == {"a": HOSTS}
    assert turns(["c", "b"], joined) == {"c": ["c", "b"]}
    assert turns([], joined) == {}


def test_most_of_them_at_once_where_none_sees_anything() -> None:
    assert turns(HOSTS, BLIND) == {"a": ["a", "d"], "b": ["b"], "c": ["c"]}
    assert turns(["b", "c"], BLIND) == {"b": ["b", "c"]}
    assert turns(["c"], BLIND) == {"c": ["c"]}
    assert turns([], BLIND) == {}
