# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What exporters are told, what Prometheus is told, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.quorum.redis.plugins.filter.monitoring import FilterModule
from ansible_collections.quorum.redis.plugins.module_utils._model.acl_users import assign_logins
from ansible_collections.quorum.redis.plugins.module_utils._model.masking import json_sides

monitoring = FilterModule().filters()["monitoring"]
USER = {"name": "exporter", "job": "monitoring", "passwords": ["new"], "passwords_previous": ["old"]}
OPTIONS = {
    "redis_auth": True,
    "redis_monitoring_address": "127.0.0.1",
    "redis_monitoring_port": 9121,
    "redis_monitoring_sentinel_port": 9122,
    "redis_tls_clients": "no",
    "redis_tls_cert_file": "/tls/host.crt",
    "redis_tls_key_file": "/tls/host.key",
    "redis_backup_sets": [],
    "redis_backup_period": 24,
    "redis_backup_load": True,
    "redis_backup_directory": "/var/backups/redis",
}
HOSTS = {"a": "192.0.2.1", "b": "2001:db8::2"}
NO_TLS: dict[str, Any] = {"on": False, "ca": "", "cert": "", "key": ""}
TLS: dict[str, Any] = {"on": True, "ca": "/tls/ca.crt", "cert": "/tls/host.crt", "key": "/tls/host.key"}


def model(port: int, **more: Any) -> dict[str, Any]:
    members = [{"host": host, "address": address, "port": port} for host, address in HOSTS.items()]
    return {"port": port, "members": members, "local": True, **more}


def topology(*names: str, tls: dict[str, Any] | None = None, **options: Any) -> dict[str, Any]:
    instances = [model(6379 + number, name=name, sentinel=True) for number, name in enumerate(names or ("main",))]
    return {
        "deployment": "redis",
        "instances": instances,
        "sentinel": model(26379, name="sentinel"),
        "tls": tls or NO_TLS,
        "options": {**OPTIONS, **options},
    }


def logins(**users: dict[str, Any]) -> dict[str, Any]:
    entries = [{"name": name, "acl_users": [user]} for name, user in users.items()]
    return assign_logins(entries, [], "default-password", True)


def look(found: dict[str, Any], host: str = "a", sentinel: Any = None, **users: dict[str, Any]) -> dict[str, Any]:
    told = sentinel or {"password": "watch", "clients": []}
    options = dict.fromkeys(HOSTS, found["options"])
    result: dict[str, Any] = monitoring(found, options, logins(**(users or {"main": USER})), told, host, timer=True)
    return result


def test_the_servers_and_the_sentinel_have_an_exporter_each_with_the_new_password_by_address() -> None:
    servers, sentinel = look(topology("main", "other"), main=USER, other=USER)["processes"]
    assert servers["passwords"] == {
        "redis://192.0.2.1:6379": "new",
        "redis://exporter@192.0.2.1:6379": "new",
        "redis://192.0.2.1:6380": "new",
        "redis://exporter@192.0.2.1:6380": "new",
    }
    assert "-redis.user=exporter" in servers["arguments"]
    assert "-web.listen-address=127.0.0.1:9121" in servers["arguments"]
    assert sentinel["passwords"] == {"redis://192.0.2.1:26379": "watch"}
    assert not [word for word in sentinel["arguments"] if word.startswith("-redis.user")]


def test_a_sentinel_is_asked_as_its_user_that_can_only_ask_when_there_is_one() -> None:
    told = {"password": "watch", "clients": ["first", "second"]}
    sentinel = look(topology(), sentinel=told)["processes"][1]
    assert set(sentinel["passwords"].values()) == {"first"} and "-redis.user=client" in sentinel["arguments"]


def test_no_argument_holds_a_password() -> None:
    for found in look(topology(tls=TLS, redis_tls_clients="yes"))["processes"]:
        assert not [word for word in found["arguments"] if "new" in word or "watch" in word]


def test_an_address_with_colons_and_a_strange_name_are_spelled_as_the_exporter_does() -> None:
    odd = {**USER, "name": "a/b%$"}
    servers = look(topology(), host="b", main=odd)["processes"][0]
    assert list(servers["passwords"]) == ["redis://[2001:db8::2]:6379", "redis://a%2Fb%25$@[2001:db8::2]:6379"]
    assert "-redis.user=a/b%%$$" in servers["arguments"]


def test_with_tls_a_certificate_is_shown_only_where_clients_must() -> None:
    plain = look(topology(tls=TLS))["processes"][0]
    assert plain["copies"] == {} and "-tls-ca-cert-file=/tls/ca.crt" in plain["arguments"]
    assert all(address.startswith("rediss://") for address in plain["passwords"])
    shown = look(topology(tls=TLS, redis_tls_clients="yes"))["processes"][0]
    assert shown["copies"] == {
        "/tls/host.crt": "/run/redis-exporter/cert",
        "/tls/host.key": "/run/redis-exporter/key",
    }
    assert "-tls-client-key-file=/run/redis-exporter/key" in shown["arguments"]


def test_without_passwords_nobody_logs_in() -> None:
    told = {"password": "", "clients": []}
    found = look(topology(redis_auth=False), sentinel=told, main={"name": "default"})
    assert found["problems"] == [] and [entry["passwords"] for entry in found["processes"]] == [{}, {}]


def test_a_host_with_a_sentinel_alone_has_one_exporter() -> None:
    found = topology()
    found["instances"][0]["local"] = False
    assert [entry["name"] for entry in look(found)["processes"]] == ["redis-exporter-sentinel"]


@pytest.mark.parametrize("user", [{"name": "exporter", "job": "monitoring", "hashes": ["0" * 64]}, {"name": "app"}])
def test_the_default_user_is_no_user_for_an_exporter(user: dict[str, Any]) -> None:
    found = look(topology(), main=user)
    assert found["processes"] == []
    assert "main: no ACL user with the job monitoring has a password" in found["problems"][0]


def test_one_name_for_all_servers_of_a_host() -> None:
    found = look(topology("main", "other"), main=USER, other={**USER, "name": "metrics"})
    assert found["processes"] == [] and "are exporter, metrics" in found["problems"][0]


def test_targets_say_who_is_asked_by_which_exporter() -> None:
    found = look(topology())["targets"]
    assert [entry["targets"] for entry in found] == [["127.0.0.1:9121"]] * 2 + [["127.0.0.1:9122"]] * 2
    assert found[1]["labels"] == {
        "job": "redis",
        "deployment": "redis",
        "set": "main",
        "host": "b",
        "addr": "[2001:db8::2]:6379",
        "instance": "[2001:db8::2]:6379",
        "__metrics_path__": "/scrape",
        "__param_target": "redis://[2001:db8::2]:6379",
    }
    assert found[2]["labels"]["job"] == "redis_sentinel" and "set" not in found[2]["labels"]


def test_prometheus_takes_no_host_without_an_exporter_for_a_dead_one() -> None:
    """Half of a deployment is refused where Prometheus is told; without it each host is as it is told to be."""
    mixed = {"a": {**OPTIONS, "redis_exporter": False}, "b": {**OPTIONS, "redis_exporter": True}}
    problem, *more = monitoring(topology(), mixed, prometheus=["b"])["problems"]
    assert "redis_exporter is false on a and not on the others" in problem and not any("false" in one for one in more)
    assert monitoring(topology(), mixed)["problems"] == []
    for same in (True, False):
        told = {**OPTIONS, "redis_exporter": same, "redis_monitoring_address": "192.0.2.2"}
        options = {"a": told, "b": told}
        assert monitoring(topology(), options, prometheus=["b"])["problems"] == []


def test_prometheus_elsewhere_cannot_reach_loopback() -> None:
    options = {"a": OPTIONS, "b": {**OPTIONS, "redis_monitoring_address": "192.0.2.2"}}
    assert monitoring(topology(), options, prometheus=["a"])["problems"] == []
    (problem,) = monitoring(topology(), options, prometheus=["watcher"])["problems"]
    assert "Prometheus on watcher cannot reach the exporters of a," in problem


def test_endpoints_are_targets_where_they_tell_their_metrics() -> None:
    fronts = [["app", "192.0.2.7", "9123"], ["quiet", "", 9123], ["far", "2001:db8::7", 9124]]
    found = monitoring(topology(), dict.fromkeys(HOSTS, OPTIONS), fronts=fronts)
    told = [one for one in found["targets"] if one["labels"]["job"] == "redis_endpoint"]
    assert [one["targets"] for one in told] == [["192.0.2.7:9123"], ["[2001:db8::7]:9124"]]
    assert told[0]["labels"] == {
        "job": "redis_endpoint",
        "deployment": "redis",
        "host": "app",
        "addr": "192.0.2.7:9123",
        "instance": "192.0.2.7:9123",
    }


def test_an_endpoint_on_loopback_is_refused_where_prometheus_is_elsewhere() -> None:
    options = {host: {**OPTIONS, "redis_monitoring_address": "192.0.2.2"} for host in HOSTS}
    fronts = [["app", "127.0.0.1", 9123], ["quiet", "", 9123]]
    (problem,) = monitoring(topology(), options, prometheus=["watcher"], fronts=fronts)["problems"]
    assert "cannot reach the endpoints of app on loopback" in problem
    assert monitoring(topology(), options, prometheus=["app"], fronts=fronts)["problems"] == []


def test_a_diff_of_a_password_file_shows_addresses_and_no_password() -> None:
    for tls in (NO_TLS, TLS):
        for found in look(topology(tls=tls))["processes"]:
            shown = "".join(json_sides("", json.dumps(found["passwords"])))
            assert "192.0.2.1" in shown and "new" not in shown.replace("(new value)", "") and "watch" not in shown


def facts(found: dict[str, Any], **more: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    told = look(found, **more)["facts"]
    return told["settings"], told["secrets"]


def test_the_facts_of_a_host_are_asked_with_the_logins_of_the_exporters() -> None:
    settings, secrets = facts(topology("main", "other"), main=USER, other=USER)
    assert secrets == {"passwords": {"main": "new", "other": "new"}, "sentinel_password": "watch"}
    # No secrets: of a user `exporter` Ansible would mask this word in all names and texts of the run.
    assert (settings["users"], settings["sentinel_user"]) == ({"main": "exporter", "other": "exporter"}, "")
    assert json_sides("", json.dumps(secrets))[1].count("new") == 0
    assert "new" not in json.dumps(settings) and "watch" not in json.dumps(settings)
    assert [one["name"] for one in settings["sets"]] == settings["declared"] == ["main", "other"]
    assert [one["addr"] for one in settings["processes"]] == ["192.0.2.1:6379", "192.0.2.1:6380", "192.0.2.1:26379"]
    assert settings["backup"]["sets"] == ["main", "other"] and settings["backup"]["period"] == 86400
    settings, secrets = facts(topology(), sentinel={"password": "watch", "clients": ["first", "second"]})
    assert (settings["sentinel_user"], secrets["sentinel_password"]) == ("client", "first")


def test_a_host_judges_the_sets_in_which_it_takes_part() -> None:
    found = topology("main", "other", "alone")
    for one in found["instances"]:
        one["local"] = False
    found["instances"][2]["sentinel"] = False
    users = dict.fromkeys(("main", "other", "alone"), USER)
    settings, _secrets = facts(found, **users)
    assert [one["name"] for one in settings["sets"]] == ["main", "other"]
    assert settings["declared"] == ["main", "other", "alone"]
    assert [one["set"] for one in settings["processes"]] == [""] and settings["backup"]["sets"] == []


def test_without_sentinels_nobody_asks_them() -> None:
    found = topology()
    found["instances"][0]["sentinel"] = found["sentinel"]["local"] = False
    settings, _secrets = facts(found)
    assert settings["sentinels"] == [] and [one["set"] for one in settings["processes"]] == ["main"]


def test_a_certificate_counts_where_some_port_speaks_tls() -> None:
    assert facts(topology())[0]["certificate"] == ""
    found = topology()  # redis_tls: dual, where the members do not use it
    found["instances"][0]["tls_port"] = 16379
    settings, _secrets = facts(found)
    assert (settings["tls"], settings["certificate"], settings["key"]) == (False, "/tls/host.crt", "")
    assert [one["tls_port"] for one in settings["processes"]] == [16379, 0]
    found["options"]["redis_tls_clients"] = "yes"
    assert facts(found)[0]["key"] == "/tls/host.key"


def test_exporters_speak_tls_to_those_who_show_a_certificate() -> None:
    found = look(topology(tls=TLS, redis_monitoring_tls=True))
    for one in found["processes"]:
        served = [word for word in one["arguments"] if word.startswith("-tls-server")]
        assert served == [
            f"-tls-server-cert-file=/run/{one['name']}/cert",
            f"-tls-server-key-file=/run/{one['name']}/key",
            "-tls-server-ca-cert-file=/tls/ca.crt",
        ]
        assert one["copies"] == {
            "/tls/host.crt": f"/run/{one['name']}/cert",
            "/tls/host.key": f"/run/{one['name']}/key",
        }
    assert {target["labels"]["__scheme__"] for target in found["targets"]} == {"https"}
    plain = look(topology(tls=TLS))
    assert not [word for one in plain["processes"] for word in one["arguments"] if word.startswith("-tls-server")]
    assert not [target for target in plain["targets"] if "__scheme__" in target["labels"]]


def test_exporters_without_a_certificate_cannot_speak_tls() -> None:
    found = look(topology(redis_monitoring_tls=True))
    assert "redis_tls is not peers or only" in found["problems"][0] and not found["processes"]
