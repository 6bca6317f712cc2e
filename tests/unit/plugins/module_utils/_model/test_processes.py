# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules config, acl and instance_info are told of the servers and the Sentinel of a host."""

from __future__ import annotations

from typing import Any

from ansible_collections.quorum.redis.plugins.module_utils._model.acl_users import assign_logins
from ansible_collections.quorum.redis.plugins.module_utils._model.processes import (
    local_instances,
    server_acls,
    server_processes,
)

SENTINELS = [{"host": "a", "address": "192.0.2.1", "port": 26379}]
GUARD = {"host": "a", "address": "192.0.2.1", "policy": "wait", "wait": 15}


def instance(name: str, port: int, **more: Any) -> dict[str, Any]:
    members = [{"host": host, "address": f"192.0.2.{number}", "port": port} for number, host in enumerate("ab", 1)]
    known = {
        "name": name,
        "port": port,
        "members": members,
        "sentinel": True,
        "local": True,
        "parameters": {"port": port},
    }
    return {**known, "acl": {"managed": False, "absent": []}, **more}


def test_each_local_server_with_its_own_login_and_peers() -> None:
    instances = [
        instance("main", 6379),
        instance("other", 6380, sentinel=False, other_port=16380),
        instance("far", 6381, local=False),
    ]
    topology = {"servers": [one for one in instances if one["local"]], "sentinel": {"members": SENTINELS}}
    logins = assign_logins([{"name": "main"}, {"name": "other", "password": "own"}, {"name": "far"}], [], "word", True)
    main, other = server_processes(topology, logins, GUARD, "watch")
    assert (main["name"], main["path"], main["port"]) == ("main", "/etc/redis/main.conf", 6379)
    assert main["state_file"] == "/var/lib/redis/main/redis.conf"
    assert main["unit"] == "redis-server@main.service"
    assert main["secrets"] == {"requirepass": "word", "masterauth": "word"}
    assert [member["host"] for member in main["guard"]["members"]] == ["b"]
    assert main["guard"]["sentinels"] == SENTINELS
    assert main["guard_secrets"] == {"password": "word", "sentinel_password": "watch"}
    assert other["connection"] == {"username": "", "password": "own", "fallback_password": ""}
    assert other["guard"]["other_port"] == 16380
    assert other["guard"]["sentinels"] == []


def test_a_name_of_a_user_is_no_secret() -> None:
    """Ansible masks each text of a secret in what a module returns: the set lost its name there, and its restart."""
    users = [{"name": "replica", "job": "replication", "passwords": ["secret-of-replication"]}]
    topology = {"servers": [instance("replica-cache", 6379)], "sentinel": {"members": SENTINELS}}
    logins = assign_logins([{"name": "replica-cache"}], users, "word", True)
    (told,) = server_processes(topology, logins, GUARD, "watch")
    assert told["parameters"]["masteruser"] == told["guard"]["username"] == "replica"
    assert "replica" not in [*told["secrets"].values(), *told["guard_secrets"].values()]


def test_users_of_each_local_server_that_declares_some() -> None:
    managed = {"managed": True, "absent": []}
    servers = [instance("main", 6379, acl=managed), instance("other", 6380, acl=managed, sentinel=False)]
    servers.append(instance("bare", 6381))
    topology = {"servers": servers, "sentinel": {"members": SENTINELS}, "options": {"redis_acl_purge": True}}
    logins = assign_logins([{"name": name} for name in ("main", "other", "bare")], [], "word", True)
    main, other = server_acls(topology, logins, "a")
    assert (main["name"], main["path"], main["port"]) == ("main", "/etc/redis/main.acl", 6379)
    assert main["connection"]["password"] == "word" and main["purge"]
    assert [member["host"] for member in main["members"]] == ["b"]
    assert (main["sentinels"], other["sentinels"]) == (1, 0)
    assert set(main["logins"]) - set(other["logins"]) == {"sentinel"}


def test_a_host_with_two_servers_of_a_cluster_counts_the_other_one() -> None:
    members = [{"host": "a", "address": "192.0.2.1", "port": port} for port in (7000, 7001)]
    server = instance("cart-7000", 7000, acl={"managed": True, "absent": []}, members=members)
    topology = {"servers": [server], "sentinel": {"members": []}, "options": {"redis_acl_purge": False}}
    (found,) = server_acls(topology, assign_logins([{"name": "cart-7000"}], [], "word", True), "a")
    assert [member["port"] for member in found["members"]] == [7001]


def test_who_is_looked_at_on_a_host_and_how_to_log_in() -> None:
    servers = [instance("main", 6379), instance("other", 6380, sentinel=False)]
    sentinel = {"local": True, "name": "sentinel", "port": 26379}
    topology = {"servers": servers, "sentinel": sentinel}
    logins = assign_logins([{"name": "main"}, {"name": "other", "password": "own"}], [], "word", True)
    main, other, watcher = local_instances(topology, logins, {"password": ["new", "old"]})
    assert (main["kind"], main["port"], main["connection"]["password"]) == ("server", 6379, "word")
    assert (main["users_file"], main["journal"]) == ("/etc/redis/main.acl", None)
    assert (other["port"], other["connection"]["password"]) == (6380, "own")
    assert (watcher["kind"], watcher["port"], watcher["connection"]["password"]) == ("sentinel", 26379, ["new", "old"])
    assert watcher["users_file"] == "/etc/redis/sentinel.conf"
    journals = [one["journal"] for one in local_instances(topology, logins, {}, journals=True)]
    assert journals == ["redis-server@main.service", "redis-server@other.service", "redis-sentinel@sentinel.service"]
    sentinel["local"] = False
    assert [one["name"] for one in local_instances(topology, logins, {})] == ["main", "other"]
