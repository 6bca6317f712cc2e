# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster in an inventory: its servers, what contradicts itself, and what each verb does with it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._model.acl_users import assign_logins
from ansible_collections.quorum.redis.plugins.module_utils._model.cluster_verbs import judge_verb
from ansible_collections.quorum.redis.plugins.module_utils._model.inventory import Inventory, TopologyError
from ansible_collections.quorum.redis.plugins.module_utils._model.processes import server_processes
from ansible_collections.quorum.redis.plugins.module_utils._model.topology import build_topology
from inventories import DEFAULTS, THREE

VARIABLES: dict[str, Any] = {**DEFAULTS, **{f"redis_tls_{part}_file": f"/{part}" for part in ("ca", "cert", "key")}}
CART = {"name": "cart", "mode": "cluster", "ports": "7000, 7001"}


def inventory(
    *entries: dict[str, Any],
    hosts: list[str] | None = None,
    zones: dict[str, str] | None = None,
    without: tuple[str, ...] = (),
    **more: Any,
) -> Inventory:
    return Inventory(
        "r1",
        {"redis": hosts or THREE, "redis_sentinel": THREE},
        {**VARIABLES, "redis_instances": list(entries), **more},
        lambda host: f"10.0.0.{host[1:]}",
        lambda host: (zones or {}).get(host, host),
        without=without,
    )


def problems(*entries: dict[str, Any], **more: Any) -> list[str]:
    with pytest.raises(TopologyError) as error:
        build_topology(inventory(*entries, **more))
    return str(error.value).splitlines()


def test_a_server_for_each_port_on_each_host_beside_a_replicated_set() -> None:
    model = build_topology(inventory({"name": "main"}, CART))
    assert [one["name"] for one in model["instances"]] == ["main"]
    assert [one["name"] for one in model["servers"]] == ["main", "cart-7000", "cart-7001"]
    (cart,) = model["clusters"]
    assert [(one["host"], one["port"]) for one in cart["members"]] == [
        (host, port) for port in (7000, 7001) for host in THREE
    ]
    assert cart["replicas"] == 1 and not cart["sentinel"] and cart["local"]
    assert [one["zone"] for one in cart["places"]] == THREE * 2
    said = model["servers"][2]["parameters"]
    assert said["port"] == 7001 and said["dir"] == "/var/lib/redis/cart-7001"
    assert {key: said[key] for key in said if key.startswith("cluster")} == {
        "cluster-enabled": True,
        "cluster-config-file": "nodes.conf",
        "cluster-node-timeout": 5000,
        "cluster-announce-ip": "10.0.0.1",
        "cluster-port": 17001,
        "cluster-allow-replica-migration": False,
    }
    assert "tls-cluster" not in said
    assert not [key for key in model["servers"][0]["parameters"] if key.startswith("cluster")]
    # Sentinels watch it not, membership does not ask it, the bus is part of what listens and of the firewall.
    assert [one["name"] for one in model["sentinel"]["masters"]] == ["main"]
    assert [one["name"] for one in model["sets"]] == ["main"]
    assert model["listens"]["redis-server@cart-7000.service"] == [7000, 17000]
    walls = {one["name"]: one["ports"] for one in model["firewall"]["processes"]}
    assert walls["cart-7001"] == [7001, 17001] and walls["main"] == [6379]


def test_with_a_port_for_tls_members_go_on_in_plain_until_peers_speak_it() -> None:
    dual, peers = (build_topology(inventory(CART, redis_tls=mode)) for mode in ("dual", "peers"))
    said = dual["servers"][0]["parameters"]
    assert (said["port"], said["tls-port"], said["cluster-port"]) == (7000, 27000, 17000) and "tls-cluster" not in said
    assert dual["clusters"][0]["members"][0]["port"] == 7000
    assert dual["listens"]["redis-server@cart-7000.service"] == [7000, 17000, 27000]
    said = peers["servers"][0]["parameters"]
    assert said["tls-cluster"] and (said["port"], said["tls-port"], said["cluster-port"]) == (7000, 27000, 17000)
    assert peers["clusters"][0]["members"][0]["port"] == 27000
    # The modules of clusters know one port of a member.
    assert {tuple(place) for place in dual["clusters"][0]["places"]} == {("host", "address", "port", "zone")}


def test_with_tls_alone_bus_and_clients_use_it() -> None:
    model = build_topology(inventory(CART, redis_tls="only"))
    said = model["servers"][0]["parameters"]
    assert said["tls-cluster"] and said["port"] == 0 and said["tls-port"] == 27000 and said["cluster-port"] == 17000
    assert model["clusters"][0]["members"][0]["port"] == 27000
    assert model["listens"]["redis-server@cart-7000.service"] == [17000, 27000]


def test_the_memory_of_all_servers_of_a_host_counts() -> None:
    assert build_topology(inventory({**CART, "config": {"maxmemory": "100b"}}))["memory_needed"] == 250


def test_a_server_is_told_all_others_and_logs_in_as_its_cluster_does() -> None:
    entries = [{"name": "main"}, {**CART, "password": "own"}]
    model = build_topology(inventory(*entries))
    logins = assign_logins(entries, [], "word", True)
    assert set(logins) == {"main", "cart", "cart-7000", "cart-7001"}
    guard = {"host": "r1", "address": "10.0.0.1", "policy": "wait", "wait": 15}
    _main, first, second = server_processes(model, logins, guard, "")
    assert (first["name"], first["path"]) == ("cart-7000", "/etc/redis/cart-7000.conf")
    assert first["secrets"]["masterauth"] == "own" and first["guard"]["cluster"]
    told = [(one["host"], one["port"]) for one in second["guard"]["members"]]
    assert len(told) == 5 and ("r1", 7000) in told and ("r1", 7001) not in told


def test_users_with_jobs_get_the_rights_that_a_cluster_takes() -> None:
    user = {"name": "ops", "job": "operator", "passwords": ["w"]}
    found = assign_logins([{"name": "main"}, CART], [user], "word", True)
    assert found["cart-7000"]["users"] == [{**user, "cluster": True}] and found["main"]["users"] == [user]


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({**CART, "mode": "shards"}, "mode shards is unknown; use replication or cluster."),
        ({"name": "cart", "mode": "cluster"}, "a cluster needs `ports:`"),
        ({**CART, "ports": [7000, 7000]}, "port 7000 is there twice."),
        ({**CART, "ports": [50000]}, "port 50000 is out of range; use 1 to 45535"),
        ({**CART, "port": 7000}, "port has no meaning in a cluster"),
        ({**CART, "sentinel": True, "primary": "r1"}, "primary has no meaning in a cluster"),
        ({**CART, "down_after": 1000}, "down_after 1000 is too short for a cluster; use 2000."),
        ({**CART, "replicas": -1}, "replicas -1 is less than 0."),
        ({"name": "cart", "replicas": 1}, "replicas belongs to `mode: cluster`"),
        ({**CART, "config": {"cluster-port": 1}}, "must not set cluster-port; use `mode: cluster`"),
        ({**CART, "hosts": ["r9"]}, "r9 in `hosts:` is not in the group"),
    ],
)
def test_mistakes_are_named_once(entry: dict[str, Any], said: str) -> None:
    found = [text for text in problems(entry) if said in text]
    assert len(found) == 1 and found[0].startswith("redis_instances cart:")


def test_names_and_ports_of_other_sets_are_not_taken() -> None:
    assert any("name cart is already" in text for text in problems(CART, {"name": "cart"}))
    assert any("name cart-7000 is already" in text for text in problems(CART, {"name": "cart-7000"}))
    assert any("both want port 17000 on r1, r2, r3" in text for text in problems(CART, {"name": "x", "port": 17000}))


def test_a_layout_that_does_not_survive_is_refused_with_those_that_fit() -> None:
    (said,) = problems(CART, hosts=["r1", "r2"])
    assert "2 zones" in said and "What fits 3 zones" in said and "Nothing was changed." in said
    (said,) = problems(CART, zones={"r1": "a", "r2": "a", "r3": "b"})
    assert "2 zones (a, b)" in said
    (said,) = problems({**CART, "ports": [7000, 7001, 7002, 7003], "replicas": 2})
    assert "What fits" in said
    assert build_topology(inventory({**CART, "ports": [7000], "replicas": 0}))["clusters"][0]["replicas"] == 0


def test_a_host_of_a_cluster_leaves_only_what_survives() -> None:
    six = [*THREE, "r4", "r5", "r6"]
    left = build_topology(inventory(CART, hosts=six, without=("r6",)))
    assert len(left["clusters"][0]["members"]) == 10 and [one["host"] for one in left["leaving"]] == ["r6"]
    (said,) = problems(CART, hosts=THREE, without=(THREE[2],))
    assert "zones" in said and "Nothing was changed." in said


CARTS = {"name": "cart", "members": [{"host": "k1"}, {"host": "k2"}, {"host": "k1"}]}
BOTH = {"clusters": [CARTS], "instances": [{"name": "main"}]}
ALONE = {"clusters": [CARTS], "instances": []}


@pytest.mark.parametrize(
    ("verb", "options", "model", "refused", "left"),
    [
        ("upgrade", {}, {"clusters": [], "instances": [{"name": "main"}]}, "", ""),
        ("status", {}, BOTH, "", ""),
        ("remove", {}, BOTH, "", ""),
        ("", {}, BOTH, "", ""),
        (
            "",
            {"redis_backup_timed": ["k1", "k9"]},
            BOTH,
            "",
            "cart: the timer of the backups runs on some of its hosts, not on k2",
        ),
        ("", {"redis_backup_timed": ["k1"], "redis_backup_sets": ["main"]}, BOTH, "", ""),
        ("", {"redis_backup_timed": ["k1", "k2"]}, BOTH, "", ""),
        ("", {"redis_backup_timed": ["k9"]}, BOTH, "", ""),
        ("status", {"redis_backup_timed": ["k1"]}, BOTH, "", ""),
        ("monitoring", {}, BOTH, "", ""),
        ("monitoring", {}, ALONE, "", ""),
        ("restart", {}, BOTH, "", ""),
        ("restart", {}, ALONE, "", ""),
        ("upgrade", {}, BOTH, "", ""),
        ("rotate", {}, BOTH, "", ""),
        ("backup", {}, BOTH, "", ""),
        ("backup", {"redis_backup_member": "k1"}, BOTH, "with redis_backup_sets=main", ""),
        ("backup", {"redis_backup_trial_host": "p1"}, ALONE, "redis_backup_trial_host cannot be used for cart", ""),
        ("backup", {"redis_backup_fresh": 60}, BOTH, "", "cart, a cluster, is backed up anew"),
        ("backup", {"redis_backup_aof": True}, BOTH, "", "The AOF of cart"),
        ("backup", {"redis_backup_aof": True, "redis_backup_sets": ["main"]}, BOTH, "", ""),
        ("backup", {"redis_backup_sets": ["main"]}, BOTH, "", ""),
        ("backup", {"redis_backup_sets": ["cart", "main"]}, BOTH, "", ""),
        ("restore", {}, BOTH, "", ""),
        ("restore", {"redis_restore_instance": "cart"}, BOTH, "", ""),
        ("restore", {}, ALONE, "", ""),
        ("failover", {}, BOTH, "", "redis_failover_instance=cart"),
        ("failover", {"redis_failover_instance": "main"}, BOTH, "", ""),
        ("failover", {"redis_failover_instance": "cart"}, BOTH, "redis_failover_to=HOST", ""),
        ("failover", {}, ALONE, "redis_failover_to=HOST", ""),
        ("failover", {"redis_failover_to": "r2"}, ALONE, "", ""),
        ("failover", {"redis_failover_to": "r2", "redis_failover_avoid": ["r1"]}, ALONE, "avoid has no meaning", ""),
    ],
)
def test_what_a_verb_does_not_do_is_said_before(
    verb: str, options: dict[str, Any], model: dict[str, Any], refused: str, left: str
) -> None:
    said, warned = judge_verb(verb, options, model)
    assert bool(said) == bool(refused) and refused in " ".join(said)
    assert bool(warned) == bool(left) and left in " ".join(warned)
    assert all("Nothing was changed." in text for text in said)
