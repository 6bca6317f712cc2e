# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold, 7: data sets on the same hosts and deployments in the same inventory know nothing of each other."""

from __future__ import annotations

import subprocess

import pytest
import redis
from deployment import DataSet, given
from lab import ROOT, Lab, Run

PID = "systemctl show --property MainPID --value redis-server@{}"


def site(lab: Lab, *args: str, hosts: str = "shop:forum") -> Run:
    return lab.run_playbook("site", *given(redis_hosts=hosts), *args)


def test_each_data_set_has_its_own_primary_and_data(orders: DataSet, pages: DataSet, forum: DataSet) -> None:
    assert (orders.settled(), pages.settled(), forum.settled()) == ("m1", "m2", "n1")
    for number, data_set in enumerate((orders, pages, forum)):
        data_set.fill(500, f"set{number}")
    for number, data_set in enumerate((orders, pages, forum)):
        data_set.holds(500, f"set{number}")
        assert {data_set.count(host) for host in data_set.hosts} == {500}


def test_each_process_has_its_own_place(lab: Lab, orders: DataSet, pages: DataSet) -> None:
    units = ["redis-server@orders", "redis-server@pages", "redis-sentinel@sentinel"]
    for host in orders.hosts:
        pids = [lab.sh(host, f"systemctl show --property MainPID --value {unit}") for unit in units]
        assert len(set(pids)) == 3
        seen = [lab.sh(host, f"readlink /proc/{pid}/cwd") for pid in pids]
        assert seen == ["/var/lib/redis/orders", "/var/lib/redis/pages", "/var/lib/redis/sentinel"]
        open_files = [set(lab.sh(host, f"readlink /proc/{pid}/fd/* | grep ^/var || true").splitlines()) for pid in pids]
        assert not open_files[0] & open_files[1]


def test_sentinel_watches_only_what_it_shall(orders: DataSet) -> None:
    for host in orders.sentinels:
        reply: list[list[str]] = orders.ask_sentinel(host, "SENTINEL", "MASTERS")
        assert [one[one.index("name") + 1] for one in reply] == ["orders"]


def test_persistence_is_each_set_s_own(pages: DataSet, orders: DataSet) -> None:
    assert (pages.settings("save"), pages.settings("appendonly")) == ({""}, {"no"})
    assert (orders.settings("save"), orders.settings("appendonly")) == ({"3600 1 300 100 60 10000"}, {"yes"})


def test_password_of_one_deployment_does_not_open_the_other(lab: Lab, orders: DataSet, forum: DataSet) -> None:
    stranger = DataSet(lab, forum.hosts, orders.password, name="orders")
    with pytest.raises(redis.AuthenticationError):
        stranger.ask("n1", "PING")


def test_sentinel_at_a_stale_primary_is_put_right(lab: Lab, orders: DataSet) -> None:
    """No failover was there yet: the epochs are equal, so the other Sentinels do not correct this one themselves."""
    primary, said, processes = orders.settled(), orders.sentinel_views(), orders.run_ids()
    with orders.written():
        for command in (("REMOVE", "orders"), ("MONITOR", "orders", lab.host_ip("m2"), "6379", "2")):
            orders.ask_sentinel("m3", "SENTINEL", *command)
        assert orders.sentinel_view("m3").address == lab.host_ip("m2")
        run = site(lab).expect()
        assert orders.settled() == primary
    assert [host for host, counted in run.recap.items() if counted.changed] == ["m3"]
    assert orders.sentinel_views() == said
    assert orders.run_ids() == processes
    site(lab).expect(changed=0)


def test_failover_of_one_set_leaves_the_others_alone(lab: Lab, orders: DataSet, pages: DataSet, forum: DataSet) -> None:
    processes = [data_set.run_ids() for data_set in (orders, pages, forum)]
    chosen = orders.fail_over()
    site(lab).expect(changed=0)
    assert (orders.settled(), pages.settled(), forum.settled()) == (chosen, "m2", "n1")
    assert [data_set.run_ids() for data_set in (orders, pages, forum)] == processes


def test_run_on_one_deployment_leaves_the_other_alone(lab: Lab, orders: DataSet, forum: DataSet) -> None:
    processes = orders.run_ids()
    change = given(redis_instances=[{"name": "orders", "config": {"maxmemory": "80mb"}}])
    run = site(lab, *change, hosts="forum").expect(changed=2)
    assert set(run.recap) == set(forum.hosts)
    assert (forum.settings("maxmemory"), orders.settings("maxmemory")) == ({str(80 << 20)}, {"0"})
    assert orders.run_ids() == processes
    site(lab).expect(changed=2)
    assert forum.settings("maxmemory") == {"0"}


def test_oldest_supported_ansible_finds_nothing_to_do(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """What its templates, its checks of arguments and its results do not accept would show here."""
    oldest = subprocess.run([ROOT / "tools" / "oldest_ansible"], stdout=subprocess.PIPE, text=True, check=True)
    monkeypatch.setattr(lab, "program", oldest.stdout.strip())
    site(lab).expect(changed=0)
    site(lab, "--check").expect(changed=0)
    for group in ("shop", "forum"):
        lab.run_playbook("status", *given(redis_hosts=group)).expect(changed=0)
    forum = given(redis_instances=[{"name": "orders", "config": {"databases": 20}}])
    site(lab, *forum, hosts="forum").expect()
    site(lab, hosts="forum").expect()
    site(lab).expect(changed=0)


def test_lost_cache_is_not_copied_over_its_replicas(lab: Lab, orders: DataSet, pages: DataSet) -> None:
    """The primary of a set without persistence crashes: it comes back empty, and its replicas hold the data."""
    old = pages.settled()
    rest = [host for host in pages.hosts if host != old]
    count = pages.count(rest[0])
    assert count
    processes = orders.run_ids()
    lab.sh(old, f"kill -9 $({PID.format('pages')})")
    unit = "systemctl show --property ActiveState,SubState,NRestarts --value redis-server@pages"
    lab.wait_until("the guard has seen the empty start", lambda: "activating" in lab.sh(old, unit))
    refused = site(lab, hosts="shop")
    assert not refused.ok
    assert [pages.count(host) for host in rest] == [count, count]
    assert "would be wiped" in lab.sh(old, "journalctl --no-pager --unit redis-server@pages")

    site(lab, *given(redis_trust=rest[0]), hosts="shop")
    assert pages.settled() == rest[0]
    assert {pages.count(host) for host in pages.hosts} == {count}
    assert orders.run_ids() == processes
    site(lab).expect(changed=0)


def test_a_set_that_left_the_inventory_is_named_and_removed_alone(lab: Lab, orders: DataSet, pages: DataSet) -> None:
    kept = {"name": "pages", "port": 6380, "sentinel": False, "primary": "m2", "save": "", "appendonly": False}
    kept["config"] = {"maxmemory": "64mb", "maxmemory-policy": "allkeys-lru"}
    only, before = given(redis_instances=[kept]), [orders.run_ids(), pages.run_ids()]
    said = " ".join(site(lab, *only, hosts="shop").expect(changed=0).stdout.split())
    assert "The Sentinels of m1, m2, m3 watch orders, which is no data set of this inventory" in said, said
    assert "orders runs here and is not in the inventory" in said, said
    shown = lab.run_playbook("status", *given(redis_hosts="shop"), *only)
    assert not shown.ok and "redis_remove_set=orders" in " ".join(shown.stdout.split()), shown.stdout
    assert [orders.run_ids(), pages.run_ids()] == before

    away = given(redis_hosts="shop", redis_remove_set="orders", redis_remove_confirm="orders")
    lab.run_playbook("remove", *away, *only).expect()
    for host in orders.hosts:
        assert orders.ask_sentinel(host, "SENTINEL", "MASTERS") == []
        assert lab.run(host, "systemctl is-active redis-server@orders").stdout.strip() == "inactive"
        assert lab.sh(host, "stat -c '%U %a' /var/lib/redis/orders") == "root 700"
    assert pages.run_ids() == before[1]
    said = site(lab, *only, hosts="shop").expect(changed=0).stdout
    assert "orders" not in said, said
    lab.run_playbook("status", *given(redis_hosts="shop"), *only).expect(changed=0)
