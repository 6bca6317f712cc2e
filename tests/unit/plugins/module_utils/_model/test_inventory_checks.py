# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One sentence for every mistake in an inventory, and what is only warned of."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._model.directives import (
    OPENING,
    OWNED,
    OWNED_PREFIXES,
    SENTINEL_OWNED,
)
from ansible_collections.quorum.redis.plugins.module_utils._model.inventory import Inventory, TopologyError
from ansible_collections.quorum.redis.plugins.module_utils._model.topology import build_topology
from inventories import ADDRESSES, DEFAULTS, THREE, TLS, inventory, problems

# --- warnings ---


@pytest.mark.parametrize(
    ("changes", "warning"),
    [
        ({"sentinels": ["r1", "r2"]}, "2 Sentinels survive no more failures than 1: add one or remove one."),
        (
            {"sentinels": ["r1", "r2", "r3", "r4"]},
            "4 Sentinels survive no more failures than 3: add one or remove one.",
        ),
        (
            {"sentinels": ["r1"]},
            "One Sentinel cannot outvote anybody: its host's failure stops failovers. Use 3.",
        ),
        ({"hosts": ["r1"]}, "main has one member, r1: Sentinel has nobody to fail over to."),
        (
            {"redis_instances": [{"name": "main", "hosts": ["r2"]}]},
            "main has one member, r2: Sentinel has nobody to fail over to.",
        ),
    ],
)
def test_warnings(changes: dict[str, Any], warning: str) -> None:
    assert build_topology(inventory(**changes))["warnings"] == [warning]


def test_nothing_is_warned_of_sentinels_that_watch_nothing() -> None:
    changes: dict[str, Any] = {"sentinels": ["r1", "r2"], "redis_instances": [{"name": "main", "sentinel": False}]}
    assert build_topology(inventory(**changes))["warnings"] == []


# --- mistakes ---

MASKED = (
    "A password is a part of the name of a data set, or of the names of our units, such as redis, server or sentinel. "
    "Ansible would mask it there, so that a restart could be left out. Choose a longer password."
)
TWO = {"name": "other", "port": 6380}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"hosts": []},
            "The inventory has no host in the group 'redis'. Put the members there, or set redis_group.",
        ),
        (
            {"redis_group": "nowhere"},
            "The inventory has no host in the group 'nowhere'. Put the members there, or set redis_group.",
        ),
        (
            {"redis_password": None},
            "redis_password is not set. Put it into a vault, or switch authentication off with redis_auth: false.",
        ),
        (
            {"redis_password": ""},
            "redis_password is not set. Put it into a vault, or switch authentication off with redis_auth: false.",
        ),
        (
            {"redis_sentinel_password": None},
            "redis_sentinel_password is not set. Put it into a vault, or switch authentication off with"
            " redis_auth: false.",
        ),
        (
            {"redis_sentinel_clients_passwords": ["one-1", ""]},
            "redis_sentinel_clients_passwords is a list of passwords, none of them empty.",
        ),
        (
            {"redis_sentinel_clients_passwords": "a"},
            "redis_sentinel_clients_passwords is a list of passwords, none of them empty.",
        ),
        (
            {"redis_sentinel_clients_passwords": ["a"], "redis_auth": False},
            "redis_sentinel_clients_passwords: users need passwords; redis_auth is false. Set it to true.",
        ),
        (
            {"redis_password": None, "redis_instances": [{"name": "main", "password": "x"}, TWO]},
            "redis_password is not set. Put it into a vault, or switch authentication off with redis_auth: false.",
        ),
        ({"redis_sentinel_password": "sent"}, MASKED),
        ({"redis_password": "redis"}, MASKED),
        ({"redis_password": "watch", "redis_sentinel_name": "watch-eu"}, MASKED),
        ({"redis_sentinel_clients_passwords": ["enti"]}, MASKED),
        (
            {"redis_acl_users": [{"name": "app", "passwords": ["mai"], "keys": ["*"]}]},
            MASKED,
        ),
        (
            {"addresses": {"r3": "10.0.0.1"}},
            "r1 and r3 have the same address 10.0.0.1; set redis_address on one of them.",
        ),
        (
            {"addresses": {"r2": "127.0.0.1"}},
            "r2 has the address 127.0.0.1, loopback, which other members cannot reach. Set redis_address.",
        ),
        (
            {"sentinels": ["r1", "r2", "r4"], "addresses": {"r4": "10.0.0.2"}},
            "r2 and r4 have the same address 10.0.0.2; set redis_address on one of them.",
        ),
        (
            {"redis_bind": ["127.0.0.1", "-::1"]},
            "redis_bind 127.0.0.1 -::1 is loopback only, which other members cannot reach; add the host's address.",
        ),
        (
            {"redis_instances": [{"name": "main", "port": 99999}]},
            "redis_instances main: port 99999 is out of range; use 1 to 65535.",
        ),
        (
            {"redis_instances": [{"name": "main", "down_after": 0}]},
            "redis_instances main: down_after 0 is out of range; use 1 to 2147483647.",
        ),
        (
            {"redis_instances": [{"name": "main"}, {"name": "other"}]},
            "redis_instances other and main both want port 6379 on r1, r2, r3; give one of them another port.",
        ),
        (
            {"redis_instances": [{"name": "main", "hosts": ["r1", "r2"]}, {"name": "other", "hosts": ["r2", "r3"]}]},
            "redis_instances other and main both want port 6379 on r2; give one of them another port.",
        ),
        (
            {"redis_instances": [{"name": "main", "port": 26379}], "sentinels": ["r1", "r4", "r5"]},
            "redis_instances main and the Sentinel sentinel both want port 26379 on r1; give one of them another port.",
        ),
        (
            {"redis_instances": [{"name": "main"}, {"name": "main", "port": 6380}]},
            "redis_instances: the name main is already that of another entry.",
        ),
        (
            {"redis_instances": [{"name": "sentinel"}]},
            "redis_instances: the name sentinel is already that of the Sentinel (redis_sentinel_name).",
        ),
        (
            {"redis_instances": [{"name": "Main"}]},
            "redis_instances: the name 'Main' may have lower case letters, digits, '.', '_' and '-'.",
        ),
        (
            {"redis_instances": [{"name": "a/../b"}]},
            "redis_instances: the name 'a/../b' may have lower case letters, digits, '.', '_' and '-'.",
        ),
        (
            {"redis_instances": [{"name": "main", "primary": "r4"}]},
            "redis_instances main: the wished primary 'r4' is no member (r1, r2, r3).",
        ),
        (
            {"redis_instances": [{"name": "main", "hosts": ["r1", "r2"], "primary": "r3"}]},
            "redis_instances main: the wished primary 'r3' is no member (r1, r2).",
        ),
        (
            {"redis_instances": [{"name": "main", "hosts": ["r1", "r9"]}]},
            "redis_instances main: r9 in `hosts:` is not in the group; add it there or remove it.",
        ),
        (
            {"redis_instances": [{"name": "main", "config": {"maxmemory": "1gib"}}]},
            "redis_instances main: maxmemory '1gib' is no size; write 100mb, 2gb or bytes.",
        ),
        (
            {"redis_instances": [{"name": "main", "config": {"maxclients": "many"}}]},
            "redis_instances main: maxclients 'many' is no number.",
        ),
        (
            {"redis_instances": [{"name": "main", "quorum": 4}]},
            "redis_instances main: quorum 4 cannot be reached by 3 Sentinels; use 1 to 3, best 2.",
        ),
        (
            {"redis_instances": [{"name": "main", "quorum": 0}]},
            "redis_instances main: quorum 0 cannot be reached by 3 Sentinels; use 1 to 3, best 2.",
        ),
        (
            {"redis_instances": [{"name": "main", "quorum": 2}], "sentinels": ["r1"]},
            "redis_instances main: quorum 2 cannot be reached by 1 Sentinel; use 1.",
        ),
    ],
)
def test_each_mistake_is_one_sentence(changes: dict[str, Any], sentence: str) -> None:
    assert problems(**changes) == [sentence]


def test_a_password_of_its_own_in_every_entry_is_enough() -> None:
    sets = [{"name": "main", "password": "x"}, {**TWO, "password": "y"}]
    assert build_topology(inventory(redis_instances=sets, redis_password=None))


@pytest.mark.parametrize("key", sorted(OPENING))
def test_what_opens_the_host_is_refused_and_for_the_host_itself_warned_of(key: str) -> None:
    def entry(value: Any) -> dict[str, Any]:
        return {"redis_instances": [{"name": "main", "config": {key: value}}]}

    (problem,) = problems(**entry(True))
    assert problem.startswith(f"redis_instances main: {key} True lets clients ") and "use local" in problem
    (warning,) = build_topology(inventory(**entry("local")))["warnings"]
    assert f"{key} local lets clients on the host itself" in warning
    assert build_topology(inventory(**entry(False)))["warnings"] == []


@pytest.mark.parametrize("key", sorted(OWNED))
def test_owned_directives_name_what_to_use_instead(key: str) -> None:
    for spelling in (key, key.upper()):
        found = problems(redis_instances=[{"name": "main", "config": {spelling: "x"}}])
        assert found == [f"redis_instances main: `config:` must not set {spelling}; use {OWNED[key]}."]


@pytest.mark.parametrize(
    "config",
    [
        {"notification-script": "main /x"},
        {"client-reconfig-script": "main /x"},
        {"sentinel": ["notification-script main /x"]},
        {"sentinel client-reconfig-script main": "/x"},
    ],
)
def test_scripts_of_sentinel_are_refused_with_the_reason(config: dict[str, Any]) -> None:
    for found in (
        problems(redis_sentinel_config=config),
        problems(redis_instances=[{"name": "main", "config": config}]),
    ):
        assert len(found) == 1 and "use redis_notify (docs/notify.md): a script that is gone keeps" in found[0]


@pytest.mark.parametrize("key", sorted(SENTINEL_OWNED))
def test_the_file_of_a_sentinel_has_owned_directives_too(key: str) -> None:
    found = problems(redis_sentinel_config={key: "x"})
    assert found == [f"redis_sentinel_config must not set {key}; use {SENTINEL_OWNED[key]}."]


def test_what_is_free_in_the_file_of_a_sentinel_gets_there() -> None:
    model = build_topology(inventory(redis_sentinel_config={"loglevel": "verbose"}))
    assert model["sentinel"]["parameters"]["loglevel"] == "verbose"


@pytest.mark.parametrize("key", ["tls-port", "TLS-cert-file", "cluster-enabled", "rename-command"])
def test_owned_prefixes(key: str) -> None:
    found = problems(redis_instances=[{"name": "main", "config": {key: "x"}}])
    assert len(found) == 1
    assert found[0].endswith(tuple(f"use {use}." for use in OWNED_PREFIXES.values()))


def test_a_declared_number_is_compared_with_the_inventory() -> None:
    build_topology(inventory(redis_member_count=3, redis_sentinel_count="3"))
    said = problems(hosts=["r1"], sentinels=[], redis_member_count=3, redis_sentinel_count=3)
    assert (
        "redis_member_count is 3 and the inventory has 1 (r1). Run on the whole inventory, not on a slice of it, or "
        in said[0]
    )
    assert "redis_sentinel_count is 3 and the inventory has 0 (none)" in said[1]


def test_who_is_retired_must_be_there() -> None:
    found = inventory()
    found.without = ["r9"]
    with pytest.raises(TopologyError, match="redis_retire_hosts: r9 is no host of this deployment"):
        build_topology(found)


def test_all_mistakes_are_said_at_once() -> None:
    found = problems(
        redis_instances=[
            {"name": "main", "quorum": 9, "primary": "r9", "config": {"port": 1, "dir": "/tmp"}},  # noqa: S108
            {"name": "other", "hosts": ["r1", "r8"]},
        ]
    )
    assert len(found) == 6


def test_an_address_that_does_not_resolve_is_a_sentence_too() -> None:
    def address_of(host: str) -> str:
        if host == "r2":
            raise ValueError("r2: the address 'r2' does not resolve on the controller (unknown). Set redis_address.")
        return ADDRESSES[host]

    broken = Inventory("r1", {"redis": THREE, "redis_sentinel": THREE}, DEFAULTS, address_of)
    with pytest.raises(TopologyError, match=r"^r2: the address 'r2' does not resolve .* Set redis_address\.$"):
        build_topology(broken)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"redis_tls": "some"}, "redis_tls some is unknown; use off, dual, peers, only."),
        ({"redis_tls_clients": "maybe"}, "redis_tls_clients maybe is unknown; use no, optional, yes."),
        ({"redis_tls_key_file": ""}, "redis_tls_key_file is no path."),
        ({"redis_instances": [{"name": "main", "tls_port": 26379}]}, "both want port 26379"),
        ({"redis_sentinel_tls_port": 6379}, "both want port 6379"),
        ({"redis_instances": [{"name": "main"}, {"name": "b", "port": 1, "tls_port": 6379}]}, "both want port 6379"),
        ({"redis_instances": [{"name": "main", "port": 60000}]}, "tls_port 70000 is out of range"),
        ({"redis_tls": "peers", "redis_sentinel_tls_port": 6379}, "both want port 6379"),
    ],
)
def test_mistakes_about_tls(changes: dict[str, Any], words: str) -> None:
    found = problems(**{"redis_tls": "dual", **TLS, **changes})
    assert len(found) == 1
    assert words in found[0]
