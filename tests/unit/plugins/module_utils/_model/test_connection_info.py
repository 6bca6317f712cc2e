# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an application is told, from what the inventory declares."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._model.addresses import join_address, split_address
from ansible_collections.quorum.redis.plugins.module_utils._model.connection_info import connection_info
from ansible_collections.quorum.redis.plugins.plugin_utils.declared import declared_model

HOSTS = {"db1": "192.0.2.1", "db2": "2001:db8::2", "app1": "192.0.2.9"}
GROUPS = {"redis": ["db1", "db2"], "redis_sentinel": ["db1", "db2", "app1"], "redis_endpoint": ["app1"]}
TLS = {"redis_tls": "only", **{f"redis_tls_{part}_file": f"/tls/{part}" for part in ("ca", "cert", "key")}}


def info(host: str = "app1", name: str = "main", sets: Any = None, **variables: Any) -> dict[str, Any]:
    shared = {**variables, **({"redis_instances": sets} if sets else {})}
    hostvars = {one: {"ansible_host": address, **shared} for one, address in HOSTS.items()}
    return connection_info(declared_model(host, "redis", GROUPS, hostvars), name)


def test_with_sentinels() -> None:
    assert info() == {
        "name": "main",
        "sentinels": ["192.0.2.9:26379", "192.0.2.1:26379", "[2001:db8::2]:26379"],
        "members": ["192.0.2.1:6379", "[2001:db8::2]:6379"],
        "tls": {"enabled": False, "ca_file": ""},
        "endpoint": {},
        "environment": {
            "REDIS_NAME": "main",
            "REDIS_SENTINELS": "192.0.2.9:26379,192.0.2.1:26379,2001:db8::2:26379",
        },
        "urls": {
            "celery": "sentinel://192.0.2.9:26379/0;sentinel://192.0.2.1:26379/0;sentinel://[2001:db8::2]:26379/0",
            "django_redis": "redis://main/0",
            "lettuce": "redis-sentinel://192.0.2.9:26379,192.0.2.1:26379,[2001:db8::2]:26379/0?sentinelMasterId=main",
            "redis_sentinel": "redis+sentinel://192.0.2.9:26379,192.0.2.1:26379,[2001:db8::2]:26379/main/0",
            "symfony": "redis:?host[192.0.2.9:26379]&host[192.0.2.1:26379]&host[[2001:db8::2]:26379]"
            "&redis_sentinel=main",
        },
    }


def test_with_tls() -> None:
    found = info(**TLS)
    assert found["tls"] == {"enabled": True, "ca_file": "/tls/ca"}
    assert found["environment"]["REDIS_CA"] == "/tls/ca"
    assert found["members"][0] == "192.0.2.1:16379" and found["sentinels"][0] == "192.0.2.9:36379"
    assert found["urls"]["lettuce"].startswith("rediss-sentinel://") and found["urls"]["symfony"].startswith("rediss:")


def test_without_sentinel() -> None:
    found = info(name="cache", sets=[{"name": "cache", "sentinel": False}])
    assert (found["sentinels"], found["environment"], found["urls"]) == ([], {}, {})
    assert found["members"] == ["192.0.2.1:6379", "[2001:db8::2]:6379"]


def test_the_endpoint_is_there_for_those_who_reach_it() -> None:
    local = [{"name": "main", "endpoint": {"port": 7379, "read_port": 7380}}]
    found = info(sets=local)
    assert found["endpoint"] == {"local": True, "address": "127.0.0.1", "port": 7379, "read_port": 7380, "tls": "off"}
    assert found["urls"]["endpoint"] == "redis://127.0.0.1:7379/0"
    assert found["urls"]["endpoint_read"] == "redis://127.0.0.1:7380/0"
    assert info("db1", sets=local)["endpoint"] == {}
    far = [{"name": "main", "endpoint": {"port": 7379, "address": "192.0.2.100"}}]
    assert info("db1", sets=far)["urls"]["endpoint"] == "redis://192.0.2.100:7379/0"
    assert "endpoint_read" not in info("db1", sets=far)["urls"]
    secure = [{"name": "main", "endpoint": {"port": 7379, "address": "192.0.2.100", "tls": "passthrough"}}]
    files = {f"redis_tls_{part}_file": f"/{part}" for part in ("ca", "cert", "key")}
    assert info("db1", sets=secure, redis_tls="dual", **files)["urls"]["endpoint"] == "rediss://192.0.2.100:7379/0"


def test_no_secret_is_read() -> None:
    class Guarded(dict[str, Any]):
        def __getitem__(self, key: str) -> Any:
            assert "password" not in key and "users" not in key
            return super().__getitem__(key)

    secrets = {"redis_password": "p", "redis_sentinel_password": "s", "redis_acl_users": [{"passwords": ["u"]}]}
    hostvars = {one: Guarded(ansible_host=address, **secrets) for one, address in HOSTS.items()}
    found = connection_info(declared_model("app1", "redis", GROUPS, hostvars), "main")
    assert found["name"] == "main"


def test_a_name_may_hold_a_dash() -> None:
    """Which is no part of a password that was not read."""
    assert info(name="replica-cache", sets=[{"name": "replica-cache"}])["name"] == "replica-cache"


def test_what_is_not_there_is_said() -> None:
    with pytest.raises(ValueError, match=r"no data set 'nix'; it has main\."):
        info(name="nix")
    with pytest.raises(ValueError, match="no host in the group 'nobody'"):
        declared_model("app1", "nobody", GROUPS, {})


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("db1", ("db1", 6379)),
        ("db1:7000", ("db1", 7000)),
        ("192.0.2.1:7000", ("192.0.2.1", 7000)),
        ("2001:db8::1", ("2001:db8::1", 6379)),
        ("[2001:db8::1]", ("2001:db8::1", 6379)),
        ("[2001:db8::1]:7000", ("2001:db8::1", 7000)),
        ({"host": "db1", "port": "7000"}, ("db1", 7000)),
    ],
)
def test_addresses_are_read(given: Any, expected: tuple[str, int]) -> None:
    assert split_address(given, 6379) == expected
    assert split_address(join_address(*expected), 1) == expected


@pytest.mark.parametrize("given", ["", ":7000", "db1:", "db1:http", "db1:0", "[2001:db8::1]:x", {"port": 1}])
def test_what_is_no_address_is_refused(given: Any) -> None:
    with pytest.raises(ValueError, match="is no address"):
        split_address(given, 6379)
