# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The model: defaults, membership, and one sentence for every mistake in an inventory."""

from __future__ import annotations

import re
from typing import Any

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._model.directives import (
    OPENING,
    OWNED,
    OWNED_PREFIXES,
    SENTINEL_OWNED,
    known_to,
    size_of,
)
from ansible_collections.quorum.redis.plugins.module_utils._model.topology import (
    INSTANCE_DEFAULTS,
    Inventory,
    TopologyError,
    build,
)

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
        build(inventory(**changes))
    return str(error.value).splitlines()


def one(**entry: Any) -> dict[str, Any]:
    """Return the one data set of a model made with this entry."""
    found: dict[str, Any] = build(inventory(redis_instances=[{"name": "main", **entry}]))["instances"][0]
    return found


# --- what is right ---


def test_a_sound_inventory_has_no_warning_and_names_members_by_address() -> None:
    model = build(inventory())
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
        model = build(inventory(host=host, sentinels=["r1", "r2", "r4"]))
        for part in (*model["instances"], model["sentinel"]):
            part.pop("parameters", None)
            part.pop("local")
        model.pop("memory_needed")
        model.pop("servers")
        model.pop("listens")
        model["firewall"].pop("processes")
        return model

    assert common("r1") == common("r3") == common("r4") == common("r7")


def test_only_the_seed_depends_on_the_order_of_the_inventory() -> None:
    models = [
        build(inventory(hosts=hosts, sentinels=hosts[::-1])) for hosts in (["r2", "r10", "r1"], ["r1", "r2", "r10"])
    ]
    seeds = [model["instances"][0].pop("seed") for model in models]
    assert seeds == ["r2", "r1"]
    assert models[0] == models[1]
    assert [member["host"] for member in models[0]["instances"][0]["members"]] == ["r1", "r2", "r10"]


@pytest.mark.parametrize(
    ("host", "member", "watcher"), [("r1", True, True), ("r3", True, False), ("r4", False, True), ("r7", False, False)]
)
def test_parameters_are_there_where_a_process_runs(host: str, member: bool, watcher: bool) -> None:
    model = build(inventory(host=host, sentinels=["r1", "r2", "r4"]))
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
        ({"hosts": ["r1", "r1", "r2"]}, {"members": build(inventory())["instances"][0]["members"][:2]}),
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
    model = build(inventory(redis_instances=[{"name": "main", "primary": "r2", "password": "p3"}]))
    assert not {"replicaof", "slaveof", "requirepass", "masterauth"} & set(model["instances"][0]["parameters"])
    assert not [secret for secret in ("p1", "p2", "p3") if f"'{secret}'" in repr(model)]


def test_bind_and_no_authentication() -> None:
    model = build(
        inventory(
            redis_auth=False, redis_bind=["10.0.0.1", "127.0.0.1"], redis_password=None, redis_sentinel_password=None
        )
    )
    assert model["instances"][0]["parameters"]["bind"] == "10.0.0.1 127.0.0.1"
    assert model["instances"][0]["parameters"]["protected-mode"] is False
    assert model["sentinel"]["parameters"]["bind"] == "10.0.0.1 127.0.0.1"


def test_what_the_argument_spec_lets_through_as_text_is_read_as_it_reads_it() -> None:
    model = build(inventory(redis_auth="false", redis_bind="10.0.0.1,127.0.0.1", redis_password=None))
    assert model["instances"][0]["parameters"]["bind"] == "10.0.0.1 127.0.0.1"
    assert model["instances"][0]["parameters"]["protected-mode"] is False


def test_data_sets_may_be_typed() -> None:
    """As `-e` and surveys give them, and also what stands in an entry."""
    sets = '[{"name": "main", "port": "6380", "sentinel": "no", "appendonly": "", "hosts": "r1, r2", "config": "{}"}]'
    model = build(inventory(redis_instances=sets, redis_bind="10.0.0.1\n127.0.0.1", redis_sentinel_config=""))
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
        build(inventory(**changes))


def test_parameters_of_a_sentinel_hold_no_state() -> None:
    parameters = build(inventory(host="r2"))["sentinel"]["parameters"]
    assert parameters["sentinel"] == ["announce-ip 10.0.0.2", "announce-port 26379"]
    assert parameters["port"] == 26379
    assert parameters["dir"] == "/var/lib/redis/sentinel"


def test_several_sets_share_hosts_and_only_the_watched_ones_reach_sentinel() -> None:
    sets = [{"name": "main"}, {"name": "cache", "port": 6380, "sentinel": False, "hosts": ["r1", "r2"]}]
    model = build(inventory(redis_instances=sets))
    assert [len(found["members"]) for found in model["instances"]] == [3, 2]
    assert [master["name"] for master in model["sentinel"]["masters"]] == ["main"]


def test_another_deployment_is_another_group() -> None:
    groups = {"redis": THREE, "redis_sentinel": THREE, "shop": ["r5", "r6", "r7"]}
    variables = {**DEFAULTS, "redis_group": "shop", "redis_sentinel_group": "shop"}
    model = build(Inventory("r5", groups, variables, ADDRESSES.__getitem__))
    assert model["deployment"] == "shop"
    assert [member["host"] for member in model["instances"][0]["members"]] == ["r5", "r6", "r7"]
    assert [member["host"] for member in model["sentinel"]["members"]] == ["r5", "r6", "r7"]


def test_without_a_sentinel_group_nothing_is_watched_and_its_password_is_not_wanted() -> None:
    model = build(inventory(sentinels=[], redis_sentinel_password=None))
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
    model = build(inventory(redis_instances=sets, redis_fork_reserve=reserve))
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
    assert build(inventory(**changes))["warnings"] == [warning]


def test_nothing_is_warned_of_sentinels_that_watch_nothing() -> None:
    changes: dict[str, Any] = {"sentinels": ["r1", "r2"], "redis_instances": [{"name": "main", "sentinel": False}]}
    assert build(inventory(**changes))["warnings"] == []


# --- mistakes ---

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
            {"redis_sentinel_clients_passwords": ["a", ""]},
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
    assert build(inventory(redis_instances=sets, redis_password=None))


@pytest.mark.parametrize("key", sorted(OPENING))
def test_what_opens_the_host_is_refused_and_for_the_host_itself_warned_of(key: str) -> None:
    def entry(value: Any) -> dict[str, Any]:
        return {"redis_instances": [{"name": "main", "config": {key: value}}]}

    (problem,) = problems(**entry(True))
    assert problem.startswith(f"redis_instances main: {key} True lets clients ") and "use local" in problem
    (warning,) = build(inventory(**entry("local")))["warnings"]
    assert f"{key} local lets clients on the host itself" in warning
    assert build(inventory(**entry(False)))["warnings"] == []


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
    model = build(inventory(redis_sentinel_config={"loglevel": "verbose"}))
    assert model["sentinel"]["parameters"]["loglevel"] == "verbose"


@pytest.mark.parametrize("key", ["tls-port", "TLS-cert-file", "cluster-enabled", "rename-command"])
def test_owned_prefixes(key: str) -> None:
    found = problems(redis_instances=[{"name": "main", "config": {key: "x"}}])
    assert len(found) == 1
    assert found[0].endswith(tuple(f"use {use}." for use in OWNED_PREFIXES.values()))


def test_a_declared_number_is_compared_with_the_inventory() -> None:
    build(inventory(redis_member_count=3, redis_sentinel_count="3"))
    said = problems(hosts=["r1"], sentinels=[], redis_member_count=3, redis_sentinel_count=3)
    assert (
        "redis_member_count is 3 and the inventory has 1 (r1). Run on the whole inventory, not on a slice of it, or "
        in said[0]
    )
    assert "redis_sentinel_count is 3 and the inventory has 0 (none)" in said[1]


def test_a_retired_host_is_in_no_part_of_the_model() -> None:
    def model(hosts: list[str], without: tuple[str, ...] = ()) -> dict[str, Any]:
        entries: list[dict[str, Any]] = [
            {"name": "main", "primary": "r4"},
            {"name": "second", "port": 6380, "hosts": hosts},
        ]
        entries[0].pop("primary") if without == () else None
        found = inventory(hosts=hosts, sentinels=hosts, redis_instances=entries)
        found.without = without
        return build(found)

    shrunk, small = model([*THREE, "r4"], ("r4",)), model(THREE)
    assert shrunk.pop("leaving") == [{"host": "r4", "address": "10.0.0.4"}]
    assert small.pop("leaving") == []
    shrunk["instances"][0].pop("seed"), small["instances"][0].pop("seed")
    assert shrunk == small
    assert shrunk["instances"][0]["quorum"] == 2


def test_who_is_retired_must_be_there() -> None:
    found = inventory()
    found.without = ["r9"]
    with pytest.raises(TopologyError, match="redis_retire_hosts: r9 is no host of this deployment"):
        build(found)


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
        build(broken)


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
    models = build(inventory(redis_instances=sets, redis_acl_users=shared))["instances"]
    assert [model["acl"]["declared"] for model in models] == [True, False, True]
    assert models[0]["acl"] == {
        "declared": True,
        "managed": True,
        "default": True,
        "absent": [],
        "operator": "our-operator",
        "replication": "",
        "sentinel": "",
    }
    assert "hidden" not in str(models)
    assert build(inventory(redis_acl_users=shared, redis_password=None))
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

TLS: dict[str, Any] = {f"redis_tls_{part}_file": f"/etc/tls/{part}" for part in ("ca", "cert", "key")}
FILES = {"tls-ca-cert-file": "/etc/tls/ca", "tls-cert-file": "/etc/tls/cert", "tls-key-file": "/etc/tls/key"}


def tls_of(parameters: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in parameters.items() if key.startswith("tls-")}


@pytest.mark.parametrize("off", ["off", False])
def test_without_tls_nothing_is_said_of_it(off: Any) -> None:
    model = build(inventory(redis_tls=off, **TLS))
    assert model["tls"] == {"on": False, "ca": "", "cert": "", "key": ""}
    for part in (model["instances"][0], model["sentinel"]):
        assert tls_of(part["parameters"]) == {}
        assert "tls_port" not in part


def test_dual_opens_a_port_beside_the_one_that_all_know() -> None:
    model = build(inventory(redis_tls="dual", redis_tls_clients=True, **TLS))
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
    model = build(inventory(redis_tls="peers", **TLS))
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
    model = build(inventory(redis_tls="only", redis_sentinel_tls_port=26379, redis_instances=[entry], **TLS))
    main, sentinel = model["instances"][0], model["sentinel"]
    common = {"port": 0, "tls-replication": True, "tls-auth-clients": "no", **FILES}
    assert {**common, "tls-port": 6379, "replica-announce-port": 6379}.items() <= main["parameters"].items()
    assert {**common, "tls-port": 26379}.items() <= sentinel["parameters"].items()
    assert "announce-port 26379" in sentinel["parameters"]["sentinel"]
    assert {one["port"] for one in [*main["members"], *sentinel["masters"][0]["members"]]} == {6379}
    assert {one["port"] for one in sentinel["members"]} == {26379}
    assert model["tls"] == {"on": True, "ca": "/etc/tls/ca", "cert": "/etc/tls/cert", "key": "/etc/tls/key"}


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
