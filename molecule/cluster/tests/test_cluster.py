# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold: a cluster is deployed, left alone, shown, moved, survives a crash, and is taken away again."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

from deployment import DataSet, given, until
from deployment.sharded import ShardedSet
from lab import Lab

NEW = "find /etc/redis /etc/systemd/system /var/lib/redis -newer /run/before -not -type d 2>/dev/null || true"
CART: dict[str, Any] = {"name": "cart", "mode": "cluster", "ports": [7000, 7001], "replicas": 1}
PLACED = {f"k{number}:7000": [f"k{number % 3 + 1}:7001"] for number in (1, 2, 3)}
PID = "systemctl show --property MainPID --value"


def test_fresh_hosts_are_predicted_and_a_layout_that_does_not_survive_is_refused(lab: Lab, cart: ShardedSet) -> None:
    for host in lab.hosts:
        lab.sh(host, "touch /run/before")
    instances = [{"name": "main"}, {**CART, "replicas": 2}]
    refused = lab.run_playbook("site", *given(redis_instances=instances))
    assert not refused.ok and refused.changed == 0
    said = " ".join(refused.stdout.split())
    assert "6 members make 2 primaries" in said and "What fits 3 zones" in said and "Nothing was changed." in said
    run = lab.run_playbook("site", "--check", "--diff").expect()
    for predicted in ("/etc/redis/cart-7001.conf", "cluster-enabled yes", "start redis-server@cart-7000.service"):
        assert predicted in run.stdout
    assert {host: lab.sh(host, NEW) for host in lab.hosts} == dict.fromkeys(lab.hosts, "")


def test_first_run_deploys_and_the_second_changes_nothing(lab: Lab, main: DataSet, cart: ShardedSet) -> None:
    lab.run_playbook("site").expect()
    assert main.settled() == "k1"
    assert cart.settled() == PLACED
    processes = [main.run_ids(), cart.run_ids()]
    lab.run_playbook("site").expect(changed=0)
    lab.run_playbook("site", "--check", "--diff").expect(changed=0)
    assert [main.run_ids(), cart.run_ids()] == processes and cart.settled() == PLACED
    shown = lab.run_playbook("status").expect().stdout
    assert "healthy: 3 shards, 1 replica each in sync, every member agrees" in shown
    assert "healthy: one primary, 2 replicas in sync" in shown


def test_a_backup_has_every_shard_of_one_moment(lab: Lab, cart: ShardedSet) -> None:
    with cart.written("cluster: a backup"):
        lab.run_playbook("backup", *given(redis_backup_sets=["cart"])).expect()
    place = "/var/backups/redis/cart"
    wholes = {host: lab.sh(host, f"cat {place}/*.json") for host in lab.hosts}  # one file, on each host
    whole = json.loads(wholes["k1"])
    assert {json.loads(one)["name"] for one in wholes.values()} == {whole["name"]}
    assert sum(shard["slot_count"] for shard in whole["shards"]) == 16384 and whole["key_count"] > 0
    assert {shard["source"]["member"] for shard in whole["shards"]} == {"k1:7001", "k2:7001", "k3:7001"}
    assert {shard["verified"]["load"] for shard in whole["shards"]} == {"passed"}
    for shard in whole["shards"]:
        files = lab.sh(shard["host"], f"ls {place}/{shard['backup']}").split()
        assert files == ["dump.rdb", "manifest.json", "redis.conf"]


def looked(lab: Lab) -> set[int]:
    """Let the timers of all hosts look at one time, as their clocks do, and return how they ended."""
    lab.wait_until("a good time to look", lambda: 5 < time.time() % 60 < 30)  # all begin at the next full minute
    for host in lab.hosts:
        lab.run(host, "systemctl start --no-block redis-backup.service")
    state = "systemctl show --property ActiveState --value redis-backup.service"
    lab.wait_until("all have looked", lambda: all("activ" not in lab.sh(host, state)[:5] for host in lab.hosts))
    result = "systemctl show --property ExecMainStatus --value redis-backup.service"
    return {int(lab.sh(host, result)) for host in lab.hosts}


def test_the_timers_of_all_hosts_make_one_backup_and_it_comes_back(lab: Lab, cart: ShardedSet) -> None:
    """Each host saves its servers when all others do, and knows afterwards that all parts are there."""
    status = "/usr/local/lib/quorum-redis/backup status"
    with cart.written("cluster: a backup by the timers"):
        pass
    before = cart.content()
    assert len(before) > 100 and looked(lab) == {0}
    ids = set()
    for host in lab.hosts:
        lab.sh(host, "systemctl start redis-backup.service")  # nothing is due: each sees what the others have stored
        shown = lab.sh(host, status)
        ids.update(re.findall(r"ok: cart: (\w+) is whole, newest here \1-", shown))
        assert " is whole, " in shown, shown
    (made,) = ids
    parts = [lab.sh(host, f"cat /var/backups/redis/cart/{made}-*/manifest.json") for host in lab.hosts]
    assert sum(json.loads(part)["part"]["slot_count"] for part in parts) == 16384
    assert all(json.loads(part)["part"]["whole"] for part in parts)
    with cart.written("cluster: after the backup by the timers"):
        pass
    assert len(cart.content()) > len(before)
    wanted = {"redis_restore_instance": "cart", "redis_restore_confirm": "cart"}
    shown = lab.run_playbook("restore", *given(**wanted)).expect().stdout
    assert f"cart: {made} of cart, begun" in " ".join(shown.split())
    assert cart.settled() == PLACED and cart.content() == before


def test_a_killed_primary_is_replaced_without_losing_a_write(lab: Lab, cart: ShardedSet) -> None:
    with cart.written("cluster: kill -9 of a primary", replicated=True):
        unit = "redis-server@cart-7000"
        lab.sh("k1", f"kill -9 $({PID} {unit}); systemctl stop {unit}")
        until(lab, "its replica is promoted", lambda: cart.ask(("k2", 7001), "ROLE")[0] == "master")
        shown = lab.run_playbook("status", *given(redis_status_fail=False)).expect().stdout
        assert "cart at k1:7000:" in shown and "k2:7001 has 0 replicas, 1 are declared" in shown
        run = lab.run_playbook("site", "--diff").expect(changed=2)  # it is started, and gets its shard back
        assert "k1:7000: slots 0-5460, replicas k2:7001" in run.stdout
    assert cart.settled() == PLACED


def test_after_a_failover_only_the_placement_is_repaired(lab: Lab, cart: ShardedSet, tmp_path: Path) -> None:
    with cart.written("cluster: planned move"):
        to = given(redis_failover_instance="cart", redis_failover_to="k3:7001")
        lab.run_playbook("failover", *to).expect(changed=1)
    assert set(cart.settled()) == {"k1:7000", "k3:7000", "k3:7001"}
    shown = lab.run_playbook("status", *given(redis_status_html=f"{tmp_path}/status.html"))
    moves = (tmp_path / "status.html").read_text(encoding="utf-8").rpartition("Last moves")[2].partition("</table>")[0]
    assert re.findall(r"k\d:700\d", moves)[:2] == ["k3:7001", "k1:7000"], "this move, and when k1 got its shard back"
    assert not shown.ok and "zone k3 holds 2 of 3 primaries; its loss leaves no majority" in shown.stdout
    processes = cart.run_ids()
    with cart.written("cluster: repaired placement"):
        for arguments in (["--check", "--diff"], ["--diff"]):
            run = lab.run_playbook("site", *arguments).expect(changed=1)
            assert "+k2:7000: slots 5461-10922, replicas k3:7001" in run.stdout
    assert cart.settled() == PLACED and cart.run_ids() == processes
    lab.run_playbook("site").expect(changed=0)


def test_what_needs_a_restart_gets_it_one_at_a_time(lab: Lab, main: DataSet, cart: ShardedSet) -> None:
    wish = given(redis_instances=[{"name": "main"}, {**CART, "down_after": 6000, "config": {"tcp-backlog": 256}}])
    others, before = main.run_ids(), cart.run_ids()
    with cart.written("cluster: rolling restart of six servers"):
        lab.run_playbook("site", *wish).expect(changed=3 + 3)  # files; replicas, shards handed over, former primaries
    moved = {replica: [primary] for primary, (replica,) in PLACED.items()}
    assert cart.settled() == moved and not set(before) & set(cart.run_ids()) and main.run_ids() == others
    assert {cart.ask(place, "CONFIG", "GET", "tcp-backlog")[1] for place in cart.places} == {"256"}

    # One that an interrupted restart has left is restarted, and nobody else. Its shard is away only meanwhile, as
    # another host would hold two primaries without it.
    before = cart.run_ids()
    lab.sh("k2", "touch /var/lib/redis/cart-7001/restart-wanted")
    run = lab.run_playbook("restart", *given(redis_instances=[{**CART, "down_after": 6000}])).expect(changed=3)
    assert len(set(before) & set(cart.run_ids())) == 5, run.stdout
    assert cart.settled() == moved


def test_an_emptied_primary_wipes_nobody(lab: Lab, cart: ShardedSet) -> None:
    keys, unit = cart.count(), "redis-server@cart-7001"
    assert keys > 0
    files = "/var/lib/redis/cart-7001/appendonlydir /var/lib/redis/cart-7001/dump.rdb"
    lab.sh("k3", f"systemctl stop {unit}; rm -rf {files}; systemctl start --no-block {unit}")
    until(lab, "it follows its successor", lambda: cart.ask(("k3", 7001), "ROLE")[0] == "slave")
    assert "k2:7000" in cart.settled()
    assert cart.count() == keys


def test_verbs_that_reach_no_host_of_a_set_say_so(lab: Lab, tmp_path: Path) -> None:
    dead = tmp_path / "ssh"
    dead.write_text("#!/bin/sh\nexit 255\n", encoding="utf-8")
    dead.chmod(0o755)
    of_cart = {"redis_failover_instance": "cart", "redis_failover_to": "k2:7001"}
    for verb, options in (("failover", {}), ("failover", of_cart), ("rebalance", {}), ("repair", {})):
        run = lab.run_playbook(verb, *given(ansible_ssh_executable=str(dead), **options))
        said = " ".join(run.stdout.split())
        name = "cart" if options or verb != "failover" else "main"
        assert not run.ok and run.changed == 0
        assert f"{name} is asked from the host of one of its members, and none is reachable: k1, k2, k3" in said, said
        assert "evaluating conditional" not in said


def test_a_lost_majority_is_repaired_when_that_is_confirmed(lab: Lab, cart: ShardedSet) -> None:
    keys, gone = cart.count(), [cart.owner(name) for name in sorted(cart.settled())[:2]]
    mistakes: list[dict[str, Any]] = [
        {"redis_repair_instance": "card"},
        {"redis_repair_gone": "k1:7999"},
        {"redis_repair_gone": "k1:7000"},
        {"redis_repair_confrim": "cart:2-primaries"},
    ]
    for mistake in mistakes:
        refused = lab.run_playbook("repair", *given(**mistake))
        assert not refused.ok and refused.changed == 0, refused.stdout
    lab.run_playbook("repair", *given(redis_repair_instance="cart")).expect(changed=0)

    for host, port in gone:
        lab.sh(host, f"systemctl stop redis-server@cart-{port}")
    shown = lab.run_playbook("repair", *given(redis_repair_instance="cart"))
    assert not shown.ok and shown.changed == 0 and "-e redis_repair_confirm=cart:2-primaries" in shown.stdout
    wrong = lab.run_playbook("repair", *given(redis_repair_confirm="cart"))
    assert not wrong.ok and wrong.changed == 0, wrong.stdout
    wish = given(redis_repair_instance="cart", redis_repair_confirm="cart:2-primaries")
    lab.run_playbook("repair", "--check", *wish).expect(changed=1)
    lab.run_playbook("repair", *wish).expect(changed=1)
    lab.run_playbook("repair", *wish).expect(changed=0)
    for host, port in gone:
        lab.sh(host, f"systemctl start redis-server@cart-{port}")
    assert cart.count() == keys


def test_it_gets_a_new_password_while_clients_write(lab: Lab, main: DataSet, cart: ShardedSet) -> None:
    told = {**CART, "down_after": 6000, "config": {"tcp-backlog": 256}, "password": "server-Nq4vB9"}
    both = [{"name": "main"}, {**told, "password_previous": cart.password}]
    wish = given(redis_instances=both, redis_rotate_ignore_clients=True)
    one, other = map(cart.owner, sorted(cart.settled())[:2])
    own = next(row for row in cart.ask(one, "CLUSTER", "NODES").splitlines() if "myself" in row)
    slot = own.split()[8].split("-")[0]
    cart.ask(one, "CLUSTER", "SETSLOT", slot, "MIGRATING", cart.ask(other, "CLUSTER", "MYID"))
    refused = lab.run_playbook("rotate", *wish)
    assert not refused.ok and refused.changed == 0 and f"slot {slot} of" in refused.stdout
    cart.ask(one, "CLUSTER", "SETSLOT", slot, "STABLE")

    processes = [main.run_ids(), cart.run_ids()]
    with cart.written("cluster: new password"):
        lab.run_playbook("rotate", *wish).expect()
        cart.password = str(told["password"])
    assert [main.run_ids(), cart.run_ids()] == processes


def test_the_cluster_is_removed_and_the_set_beside_it_stays(lab: Lab, main: DataSet) -> None:
    processes = main.run_ids()
    only = {"redis_instances": [{"name": "main"}], "redis_remove_set": "cart", "redis_remove_confirm": "cart"}
    lab.run_playbook("remove", *given(**only)).expect()
    for host in lab.hosts:
        assert lab.sh(host, "ls /etc/redis | grep cart || true; ss -tlnH | grep -E ':1?700[01] ' || true") == ""
        assert lab.sh(host, "ls -A /var/lib/redis/cart-7000 | grep nodes.conf") == "nodes.conf"
    assert main.run_ids() == processes
