# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The model: defaults, membership, and what each process is told."""

from __future__ import annotations

import re
from typing import Any

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._model.directives import (
    known_to,
    size_of,
)
from ansible_collections.quorum.redis.plugins.module_utils._model.inventory import Inventory, TopologyError
from ansible_collections.quorum.redis.plugins.module_utils._model.topology import INSTANCE_DEFAULTS, build_topology
from inventories import ADDRESSES, DEFAULTS, THREE, TLS, inventory, problems


def one(**entry: Any) -> dict[str, Any]:
    """Return the one data set of a model made with this entry."""
    found: dict[str, Any] = build_topology(inventory(redis_instances=[{"name": "main", **entry}]))["instances"][0]
    return found


# --- what is right ---


def test_a_sound_inventory_has_no_warning_and_names_members_by_address() -> None:
    model = build_topology(inventory())
    assert model["deployment"] == "redis"
    assert model["warnings"] == []
    main = model["instances"][0]
    assert main["members"] == [
        {"host": "r1", "address": "10.0.0.1", "port": 6379},
        {"host": "r2", "address": "10.0.0.2", "port": 6379},
        {"host": "r3", "address": "10.0.0.3", "port": 6379},
    ]
    assert (main["seed"], main["quorum"], main["local"], main["sentinel"]) == ("r1", 2, True, True)
    assert model["sentinel"]["masters"] == [
        {
            "name": "main",
            "members": main["members"],
            "quorum": 2,
            "down_after": 5000,
            "failover_timeout": 60000,
            "parallel_syncs": 1,
        }
    ]


def test_the_model_is_the_same_on_every_host_but_for_what_is_local() -> None:
    def common(host: str) -> dict[str, Any]:
        model = build_topology(inventory(host=host, sentinels=["r1", "r2", "r4"]))
        for part in (*model["instances"], model["sentinel"]):
            part.pop("parameters", None)
            part.pop("local")
        model.pop("memory_needed")
        model.pop("servers")
        model.pop("listens")
        model.pop("address")
        model["firewall"].pop("processes")
        return model

    assert common("r1") == common("r3") == common("r4") == common("r7")


def test_who_is_a_peer_and_what_the_own_address_is() -> None:
    found = {host: build_topology(inventory(host=host, sentinels=["r1", "r4"])) for host in ("r1", "r4", "r7")}
    assert [one["host"] for one in found["r1"]["peers"]] == ["r1", "r4", "r1", "r2", "r3"]
    addresses = {one["host"]: one["address"] for one in found["r1"]["peers"]}
    assert [found[host]["address"] for host in found] == [addresses["r1"], addresses["r4"], ""]


def test_only_the_seed_depends_on_the_order_of_the_inventory() -> None:
    models = [
        build_topology(inventory(hosts=hosts, sentinels=hosts[::-1]))
        for hosts in (["r2", "r10", "r1"], ["r1", "r2", "r10"])
    ]
    seeds = [model["instances"][0].pop("seed") for model in models]
    assert seeds == ["r2", "r1"]
    assert models[0] == models[1]
    assert [member["host"] for member in models[0]["instances"][0]["members"]] == ["r1", "r2", "r10"]


@pytest.mark.parametrize(
    ("host", "member", "watcher"), [("r1", True, True), ("r3", True, False), ("r4", False, True), ("r7", False, False)]
)
def test_parameters_are_there_where_a_process_runs(host: str, member: bool, watcher: bool) -> None:
    model = build_topology(inventory(host=host, sentinels=["r1", "r2", "r4"]))
    assert model["instances"][0]["local"] is member
    assert ("parameters" in model["instances"][0]) is member
    assert model["sentinel"]["local"] is watcher
    assert ("parameters" in model["sentinel"]) is watcher


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({}, {"port": 6379, "down_after": 5000, "failover_timeout": 60000, "parallel_syncs": 1, "quorum": 2}),
        ({"port": None, "quorum": None, "config": None}, {"port": 6379, "quorum": 2, "maxmemory": 0}),
        ({"port": 7000}, {"port": 7000}),
        ({"port": "7000"}, {"port": 7000}),
        ({"quorum": 1}, {"quorum": 1}),
        ({"quorum": 3}, {"quorum": 3}),
        ({"down_after": 9000}, {"down_after": 9000}),
        ({"failover_timeout": 9000}, {"failover_timeout": 9000}),
        ({"parallel_syncs": 2}, {"parallel_syncs": 2}),
        ({"primary": "r3"}, {"seed": "r3"}),
        ({"hosts": ["r3", "r2"]}, {"seed": "r3", "local": False}),
        ({"hosts": ["r1", "r1", "r2"]}, {"members": build_topology(inventory())["instances"][0]["members"][:2]}),
        ({"sentinel": False}, {"sentinel": False}),
        ({"sentinel": "no"}, {"sentinel": False}),
        ({"hosts": "r3,r2"}, {"seed": "r3", "local": False}),
        ({"config": {"maxmemory": "1gb"}}, {"maxmemory": 2**30}),
        ({"config": {"maxclients": 50}}, {"maxclients": 50}),
        ({}, {"maxclients": 10000}),
    ],
)
def test_sub_options_and_their_defaults(entry: dict[str, Any], expected: dict[str, Any]) -> None:
    model = one(**entry)
    assert {key: model[key] for key in expected} == expected


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({}, {"save": "3600 1 300 100 60 10000", "appendonly": True, "appendfsync": "everysec"}),
        ({"save": ""}, {"save": ""}),
        ({"appendonly": False}, {"appendonly": False}),
        ({"appendonly": "no"}, {"appendonly": False}),
        ({"appendfsync": "always"}, {"appendfsync": "always"}),
        ({"config": {"maxmemory-policy": "allkeys-lru"}}, {"maxmemory-policy": "allkeys-lru"}),
        ({"config": {"repl-backlog-size": "1gb"}}, {"repl-backlog-size": "1gb"}),
        ({}, {"port": 6379, "dir": "/var/lib/redis/main", "supervised": "systemd", "daemonize": False}),
        ({}, {"replica-ignore-disk-write-errors": True}),
        (
            {"config": {"replica-ignore-disk-write-errors": "no"}},
            {"replica-ignore-disk-write-errors": "no"},
        ),
        ({}, {"replica-announce-ip": "10.0.0.1", "replica-announce-port": 6379, "protected-mode": True}),
    ],
)
def test_parameters_of_a_server(entry: dict[str, Any], expected: dict[str, Any]) -> None:
    parameters = one(**entry)["parameters"]
    assert {key: parameters[key] for key in expected} == expected


@pytest.mark.parametrize(("version", "known"), [("6.0.16", False), ("7.0.15", True), ("8.1.1", True)])
def test_an_old_engine_is_not_told_what_it_does_not_know(version: str, known: bool) -> None:
    kept = known_to(one()["parameters"], version)
    assert ("replica-ignore-disk-write-errors" in kept) is known
    assert "repl-backlog-size" in kept


def test_no_parameter_says_who_is_primary_or_what_the_password_is() -> None:
    model = build_topology(inventory(redis_instances=[{"name": "main", "primary": "r2", "password": "p3"}]))
    assert not {"replicaof", "slaveof", "requirepass", "masterauth"} & set(model["instances"][0]["parameters"])
    assert not [secret for secret in ("p1", "p2", "p3") if f"'{secret}'" in repr(model)]


def test_bind_and_no_authentication() -> None:
    model = build_topology(
        inventory(
            redis_auth=False, redis_bind=["10.0.0.1", "127.0.0.1"], redis_password=None, redis_sentinel_password=None
        )
    )
    assert model["instances"][0]["parameters"]["bind"] == "10.0.0.1 127.0.0.1"
    assert model["instances"][0]["parameters"]["protected-mode"] is False
    assert model["sentinel"]["parameters"]["bind"] == "10.0.0.1 127.0.0.1"


def test_what_the_argument_spec_lets_through_as_text_is_read_as_it_reads_it() -> None:
    model = build_topology(inventory(redis_auth="false", redis_bind="10.0.0.1,127.0.0.1", redis_password=None))
    assert model["instances"][0]["parameters"]["bind"] == "10.0.0.1 127.0.0.1"
    assert model["instances"][0]["parameters"]["protected-mode"] is False


def test_data_sets_may_be_typed() -> None:
    """As `-e` and surveys give them, and also what stands in an entry."""
    sets = '[{"name": "main", "port": "6380", "sentinel": "no", "appendonly": "", "hosts": "r1, r2", "config": "{}"}]'
    model = build_topology(inventory(redis_instances=sets, redis_bind="10.0.0.1\n127.0.0.1", redis_sentinel_config=""))
    found = model["instances"][0]
    assert (found["port"], found["sentinel"], [member["host"] for member in found["members"]]) == (
        6380,
        False,
        ["r1", "r2"],
    )
    assert found["parameters"]["appendonly"] is True and model["bind"] == ["10.0.0.1", "127.0.0.1"]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"redis_instances": "main"}, "redis_instances has an entry that is no dictionary"),
        ({"redis_instances": ""}, "redis_instances names no data set. Leave it out for one that is named main."),
        ({"redis_instances": []}, "redis_instances names no data set. Leave it out for one that is named main."),
        (
            {"redis_instances": [{"name": "main", "sentinel": "perhaps", "port": "many"}]},
            "redis_instances main: port is 'many'; give a number.\n"
            "redis_instances main: sentinel is 'perhaps'; give true or false.",
        ),
        ({"redis_sentinel_config": "x"}, "redis_sentinel_config is no JSON that can be read; give a dictionary"),
    ],
)
def test_what_has_no_sense_is_refused(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(TopologyError, match=re.escape(sentence)):
        build_topology(inventory(**changes))


def test_parameters_of_a_sentinel_hold_no_state() -> None:
    parameters = build_topology(inventory(host="r2"))["sentinel"]["parameters"]
    assert parameters["sentinel"] == ["announce-ip 10.0.0.2", "announce-port 26379"]
    assert parameters["port"] == 26379
    assert parameters["dir"] == "/var/lib/redis/sentinel"


def test_several_sets_share_hosts_and_only_the_watched_ones_reach_sentinel() -> None:
    sets = [{"name": "main"}, {"name": "cache", "port": 6380, "sentinel": False, "hosts": ["r1", "r2"]}]
    model = build_topology(inventory(redis_instances=sets))
    assert [len(found["members"]) for found in model["instances"]] == [3, 2]
    assert [master["name"] for master in model["sentinel"]["masters"]] == ["main"]


def test_another_deployment_is_another_group() -> None:
    groups = {"redis": THREE, "redis_sentinel": THREE, "shop": ["r5", "r6", "r7"]}
    variables = {**DEFAULTS, "redis_group": "shop", "redis_sentinel_group": "shop"}
    model = build_topology(Inventory("r5", groups, variables, ADDRESSES.__getitem__))
    assert model["deployment"] == "shop"
    assert [member["host"] for member in model["instances"][0]["members"]] == ["r5", "r6", "r7"]
    assert [member["host"] for member in model["sentinel"]["members"]] == ["r5", "r6", "r7"]


def test_without_a_sentinel_group_nothing_is_watched_and_its_password_is_not_wanted() -> None:
    model = build_topology(inventory(sentinels=[], redis_sentinel_password=None))
    assert model["instances"][0]["sentinel"] is False
    assert model["sentinel"]["masters"] == []
    assert model["warnings"] == []


@pytest.mark.parametrize(
    ("configs", "reserve", "expected"),
    [
        ([{}], 25, 0),
        ([{"maxmemory": "1gb"}], 25, 2**30 * 125 // 100),
        ([{"maxmemory": "1gb"}], 0, 2**30),
        ([{"maxmemory": "1gb"}, {"maxmemory": "512mb"}], 100, 2 * (2**30 + 2**29)),
        ([{"maxmemory": 1000}], 50, 1500),
    ],
)
def test_memory_needed_counts_local_sets_and_the_reserve(
    configs: list[dict[str, Any]], reserve: int, expected: int
) -> None:
    sets = [{"name": f"set{n}", "port": 7000 + n, "config": config} for n, config in enumerate(configs)]
    sets.append(
        {"name": "elsewhere", "port": 8000, "hosts": ["r2"], "config": {"maxmemory": "64gb"}, "sentinel": False}
    )
    model = build_topology(inventory(redis_instances=sets, redis_fork_reserve=reserve))
    assert model["memory_needed"] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (0, 0),
        (1048576, 2**20),
        ("100", 100),
        ("1k", 1000),
        ("1kb", 1024),
        ("2M", 2_000_000),
        ("2MB", 2 * 2**20),
        ("1g", 10**9),
        ("1Gb", 2**30),
        ("10b", 10),
        ("1gib", None),
        ("1.5gb", None),
        ("-1", None),
        ("", None),
        ("75%", None),
    ],
)
def test_sizes_are_read_as_the_engine_reads_them(text: Any, expected: int | None) -> None:
    assert size_of(text) == expected


def test_a_retired_host_is_in_no_part_of_the_model() -> None:
    def model(hosts: list[str], without: tuple[str, ...] = ()) -> dict[str, Any]:
        entries: list[dict[str, Any]] = [
            {"name": "main", "primary": "r4"},
            {"name": "second", "port": 6380, "hosts": hosts},
        ]
        entries[0].pop("primary") if without == () else None
        found = inventory(hosts=hosts, sentinels=hosts, redis_instances=entries)
        found.without = without
        return build_topology(found)

    shrunk, small = model([*THREE, "r4"], ("r4",)), model(THREE)
    assert shrunk.pop("leaving") == [{"host": "r4", "address": "10.0.0.4"}]
    assert small.pop("leaving") == []
    shrunk["instances"][0].pop("seed"), small["instances"][0].pop("seed")
    assert shrunk == small
    assert shrunk["instances"][0]["quorum"] == 2


def test_acl_users_are_shared_or_of_one_set_and_hold_no_secret() -> None:
    shared = [
        {"name": "our-operator", "job": "operator", "passwords": ["hidden"]},
        {"name": "default", "enabled": False},
    ]
    sets = [
        {"name": "main"},
        {"name": "none", "port": 1, "acl_users": []},
        {"name": "null", "port": 2, "acl_users": None},
    ]
    models = build_topology(inventory(redis_instances=sets, redis_acl_users=shared))["instances"]
    assert [model["acl"]["declared"] for model in models] == [True, False, True]
    assert models[0]["acl"] == {
        "declared": True,
        "managed": True,
        "default": True,
        "names": ["our-operator", "default"],
        "absent": [],
        "operator": "our-operator",
        "replication": "",
        "sentinel": "",
    }
    assert "hidden" not in str(models)
    assert build_topology(inventory(redis_acl_users=shared, redis_password=None))
    assert "redis_password is not set" in problems(redis_acl_users=shared[:1], redis_password=None)[0]
    assert problems(redis_acl_users=[{"name": "a"}]) == [
        "redis_instances main: ACL users: the user a needs passwords or hashes, or `nopass: true`."
    ]


def test_every_default_is_used() -> None:
    assert set(INSTANCE_DEFAULTS) == {
        *("port", "hosts", "primary", "sentinel", "quorum", "down_after", "failover_timeout", "parallel_syncs"),
        *("save", "appendonly", "appendfsync", "config", "acl_users", "tls_port", "endpoint"),
        *("mode", "ports", "replicas"),
    }


# --- TLS ---

FILES = {"tls-ca-cert-file": "/etc/tls/ca", "tls-cert-file": "/etc/tls/cert", "tls-key-file": "/etc/tls/key"}


def tls_of(parameters: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in parameters.items() if key.startswith("tls-")}


@pytest.mark.parametrize("off", ["off", False])
def test_without_tls_nothing_is_said_of_it(off: Any) -> None:
    model = build_topology(inventory(redis_tls=off, **TLS))
    assert model["tls"] == {"on": False, "ca": "", "cert": "", "key": ""}
    for part in (model["instances"][0], model["sentinel"]):
        assert tls_of(part["parameters"]) == {}
        assert "tls_port" not in part


def test_dual_opens_a_port_beside_the_one_that_all_know() -> None:
    model = build_topology(inventory(redis_tls="dual", redis_tls_clients=True, **TLS))
    main, sentinel = model["instances"][0], model["sentinel"]
    common = {"tls-replication": False, "tls-auth-clients": "yes", **FILES}
    assert tls_of(main["parameters"]) == {"tls-port": 16379, **common}
    assert tls_of(sentinel["parameters"]) == {"tls-port": 36379, **common}
    assert (main["parameters"]["port"], main["parameters"]["replica-announce-port"]) == (6379, 6379)
    assert {one["port"] for one in main["members"]} == {6379}
    assert {one["port"] for one in sentinel["members"]} == {26379}
    assert {one["other_port"] for one in main["members"]} == {16379}
    assert model["tls"]["on"] is False


def test_peers_know_each_other_by_the_port_for_tls_and_clients_keep_the_plain_one() -> None:
    model = build_topology(inventory(redis_tls="peers", **TLS))
    main, sentinel = model["instances"][0], model["sentinel"]
    common = {"tls-replication": True, "tls-auth-clients": "no", **FILES}
    wanted = {"port": 6379, "tls-port": 16379, "replica-announce-port": 16379, **common}
    assert wanted.items() <= main["parameters"].items()
    assert {"port": 26379, "tls-port": 36379, **common}.items() <= sentinel["parameters"].items()
    assert {(one["port"], one["other_port"]) for one in main["members"]} == {(16379, 6379)}
    assert {(one["port"], one["other_port"]) for one in sentinel["members"]} == {(36379, 26379)}
    assert model["tls"]["on"] is True


def test_tls_only_is_known_by_its_port_for_tls() -> None:
    entry = {"name": "main", "tls_port": 6379}
    model = build_topology(inventory(redis_tls="only", redis_sentinel_tls_port=26379, redis_instances=[entry], **TLS))
    main, sentinel = model["instances"][0], model["sentinel"]
    common = {"port": 0, "tls-replication": True, "tls-auth-clients": "no", **FILES}
    assert {**common, "tls-port": 6379, "replica-announce-port": 6379}.items() <= main["parameters"].items()
    assert {**common, "tls-port": 26379}.items() <= sentinel["parameters"].items()
    assert "announce-port 26379" in sentinel["parameters"]["sentinel"]
    assert {one["port"] for one in [*main["members"], *sentinel["masters"][0]["members"]]} == {6379}
    assert {one["port"] for one in sentinel["members"]} == {26379}
    assert model["tls"] == {"on": True, "ca": "/etc/tls/ca", "cert": "/etc/tls/cert", "key": "/etc/tls/key"}
