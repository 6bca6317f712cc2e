# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Endpoints: what is refused, with what they log in, and what the configuration of HAProxy says."""

from __future__ import annotations

import re
from contextlib import nullcontext
from typing import Any

import inventories
import pytest
from ansible_collections.quorum.redis.plugins.module_utils._model import haproxy
from ansible_collections.quorum.redis.plugins.module_utils._model.acl_users import assign_logins
from ansible_collections.quorum.redis.plugins.module_utils._model.endpoint import endpoint_sets
from ansible_collections.quorum.redis.plugins.module_utils._model.haproxy_output import (
    deployment_of,
    digest_of,
    leads_to,
    without_secrets,
)
from ansible_collections.quorum.redis.plugins.module_utils._model.inventory import Inventory, TopologyError
from ansible_collections.quorum.redis.plugins.module_utils._model.topology import build_topology
from inventories import THREE

ADDRESSES = {**{f"r{number}": f"10.0.0.{number}" for number in range(1, 5)}, "app1": "10.0.1.1", "app2": "10.0.1.2"}
DEFAULTS: dict[str, Any] = {
    **inventories.DEFAULTS,
    "redis_endpoint_group": "redis_endpoint",
    "redis_sentinel_clients_passwords": ["p3"],
    **{f"redis_tls_{part}_file": f"/{part}" for part in ("ca", "cert", "key")},
}
PORT = {"port": 7379}


def model(endpoint: Any, host: str = "app1", sentinels: list[str] | None = None, **variables: Any) -> dict[str, Any]:
    """Return the model of a set with an endpoint; of several entries the first one has it."""
    groups = {"redis": THREE, "redis_sentinel": THREE if sentinels is None else sentinels}
    more = variables.pop("more", [])
    entry = {"name": "main", "endpoint": endpoint, **variables.pop("entry", {})}
    seen = variables.pop("endpoint_seen", lambda _host: None)
    fronts, without = variables.pop("fronts", ["app1", "app2"]), variables.pop("without", ())
    values = {**DEFAULTS, "redis_instances": [entry, *more], **variables}
    found = Inventory(host, {**groups, "redis_endpoint": fronts}, values, lambda host: ADDRESSES[host])
    found.without, found.endpoint_seen = without, seen
    return build_topology(found)


def test_an_endpoint_has_defaults_and_its_hosts_pass_the_firewall() -> None:
    found = model({"port": "7379", "tls": False})
    assert found["instances"][0]["endpoint"] == {
        **PORT,
        "read_port": None,
        "address": "127.0.0.1",
        "tls": "off",
    }
    assert found["endpoint"] == {"hosts": ["app1", "app2"], "local": True} and found["address"] == "10.0.1.1"
    assert not model(PORT, host="r1")["endpoint"]["local"]
    assert {"10.0.1.1", "10.0.1.2"} < set(found["firewall"]["peers"])
    assert found["warnings"] == []


def test_without_a_declaration_there_are_no_endpoint_hosts() -> None:
    found = model(None)
    assert found["instances"][0]["endpoint"] == {}
    assert found["endpoint"] == {"hosts": [], "local": False}
    assert "10.0.1.1" not in found["firewall"]["peers"]


def test_the_order_of_the_inventory_does_not_count() -> None:
    """The targets of Prometheus are written from it."""
    turned = model(PORT, fronts=["app2", "r3", "app1"])
    assert turned == model(PORT, fronts=["app1", "app2", "r3"])
    assert turned["endpoint"]["hosts"] == ["app1", "app2", "r3"]


def test_the_endpoint_of_a_retired_host_leaves_with_it() -> None:
    """A host that is gone is not waited for, and the firewall is at once what it is without that host."""
    told: dict[str, Any] = {"sentinels": ["r1", "r2", "r4"], "fronts": ["app1", "r3"]}
    whole, shrunk = model(PORT, **told), model(PORT, without=("r3",), **told)
    assert (whole["endpoint"]["hosts"], shrunk["endpoint"]["hosts"]) == (["app1", "r3"], ["app1"])
    assert "10.0.0.3" in whole["firewall"]["peers"] and "10.0.0.3" not in shrunk["firewall"]["peers"]


@pytest.mark.parametrize(
    ("endpoint", "changes", "said"),
    [
        ("7379", {}, "redis_instances main: endpoint"),
        ({"prot": 7379}, {}, "endpoint has no key prot; use port, read_port, address, tls."),
        ({"read_port": 7380}, {}, "endpoint has no port; write endpoint: {port: 7379}."),
        ({"port": "x"}, {}, "endpoint: port"),
        ({"port": 700}, {}, "endpoint: port 700 is out of range; use 1025 to 65535."),
        ({**PORT, "read_port": 70000}, {}, "endpoint: read_port 70000 is out of range"),
        ({**PORT, "read_port": 7379}, {}, "endpoint has one port 7379 for writes and for reads"),
        ({**PORT, "address": "localhost"}, {}, "endpoint: 'localhost' is no address"),
        ({**PORT, "tls": "pass"}, {}, "endpoint: tls pass is unknown; use off, passthrough, reencrypt."),
        ({**PORT, "tls": "reencrypt"}, {}, "tls reencrypt needs members that speak TLS; set redis_tls to dual"),
        ({**PORT, "tls": "passthrough"}, {"redis_tls": False}, "tls passthrough needs members that speak TLS"),
        (
            {**PORT, "address": "10.0.1.1"},
            {"redis_tls": "only"},
            "endpoint would speak no TLS on 10.0.1.1 where redis_tls is only; use tls: passthrough or reencrypt",
        ),
        ({**PORT, "address": "::"}, {"redis_tls": "only"}, "endpoint would speak no TLS on ::"),
        (PORT, {"sentinels": ["r1", "r2"]}, "2 have none without the other; add one or remove one."),
        ({"port": 6379}, {}, "endpoint wants port 6379, which main has"),
        ({"port": 26379}, {}, "endpoint wants port 26379, which sentinel has"),
        ({"port": 6380}, {"more": [{"name": "b", "port": 6380}]}, "endpoint wants port 6380, which b has"),
        (PORT, {"more": [{"name": "b", "port": 6380, "endpoint": PORT}]}, "which the endpoint of main has"),
        ({"port": 7378}, {"redis_endpoint_check_port": 7378}, "which redis_endpoint_check_port has"),
        (
            {"port": 9123},
            {"redis_endpoint_metrics_address": "192.0.2.9", "redis_endpoint_metrics_port": 9123},
            "which redis_endpoint_metrics_port has",
        ),
        (PORT, {"redis_sentinel_clients_passwords": []}, "redis_endpoint_trusted: true."),
        (
            PORT,
            {"redis_acl_users": [{"name": "app", "passwords": ["x"]}]},
            "add one with `job: endpoint` and passwords.",
        ),
    ],
)
def test_a_mistake_is_one_sentence(endpoint: Any, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(TopologyError) as error:
        model(endpoint, **changes)
    lines = str(error.value).splitlines()
    assert len(lines) == 1 and said in lines[0]


@pytest.mark.parametrize(
    "changes",
    [
        {"redis_sentinel_clients_passwords": [], "redis_endpoint_trusted": True},
        {"redis_sentinel_clients_passwords": [], "redis_auth": False},
        {"redis_sentinel_clients_passwords": [], "sentinels": []},
        {"sentinels": ["r1", "r2"], "entry": {"sentinel": False}},
        pytest.param({"sentinels": ["r1", "r2", "r3", "r4"]}, id="one-of-them-dead"),
        {"redis_tls": "dual"},
        {"redis_tls": "peers"},
        {"redis_tls": "only"},
        {"redis_acl_users": [{"name": "our-endpoint", "job": "endpoint", "passwords": ["x"]}]},
    ],
)
def test_what_is_sound_passes(changes: dict[str, Any]) -> None:
    assert model(PORT, **changes)["endpoint"]["hosts"]


@pytest.mark.parametrize(
    ("host", "mine", "seen", "words"),
    [
        ("r1", PORT, ("redis", False), "an `endpoint` for r1, and none for app1, app2: give it to members"),
        ("app1", None, ("redis", True), "an `endpoint` for r1, and none for app1: give it to members"),
        ("r1", None, ("redis", True), "an `endpoint` for app1, app2, and none for r1"),
        ("r1", None, ("shop", True), ""),
        ("r1", PORT, ("redis", True), ""),
        ("app1", PORT, None, ""),
    ],
    ids=["member-has", "front-lacks", "front-has", "another-deployment", "alike", "unreadable"],
)
def test_members_and_endpoint_hosts_with_unlike_variables(host: str, mine: Any, seen: Any, words: str) -> None:
    """What a variable of the group redis alone leads to: the endpoints would not be deployed, without a word."""
    expected = pytest.raises(TopologyError, match=re.escape(words)) if words else nullcontext()
    with expected:
        model(mine, host=host, endpoint_seen=lambda other: None if other == host else seen)


def test_variables_of_a_play_are_for_members_and_endpoint_hosts_alike() -> None:
    """The variables of hosts do not have them, not those of the own host either."""
    for host in ("r1", "app1"):
        assert model(PORT, host=host, endpoint_seen=lambda _host: ("redis", False))["endpoint"]["hosts"]


def test_an_endpoint_logs_in_as_its_own_user_with_the_new_password() -> None:
    users = [{"name": "our-endpoint", "job": "endpoint", "passwords": ["new"], "passwords_previous": ["old"]}]
    assert assign_logins([{"name": "main"}], users, "p1", True)["main"]["endpoint"] == {
        "username": "our-endpoint",
        "password": "new",
    }
    assert assign_logins([{"name": "main"}], [], "p1", True, "p0")["main"]["endpoint"] == {
        "username": "",
        "password": "p1",
    }
    assert assign_logins([{"name": "main"}], [], "p1", False)["main"]["endpoint"] == {"username": "", "password": ""}


def test_the_module_is_told_who_takes_part_and_how_the_checks_log_in() -> None:
    plain: dict[str, Any] = {
        "name": "plain",
        "port": 6380,
        "sentinel": False,
        "endpoint": {"port": 7381, "read_port": 7382},
    }
    more: dict[str, Any] = {"more": [plain, {"name": "without", "port": 6381}]}
    logins = assign_logins([{"name": name} for name in ("main", "plain", "without")], [], "p1", True)
    sentinel = {"username": "client", "password": "p3"}
    first, second = endpoint_sets(optioned(PORT, **more), logins, sentinel)
    assert (first["port"], first["read_port"], first["address"], first["password"]) == (7379, None, "127.0.0.1", "p1")
    assert first["members"][0] == {"host": "r1", "address": "10.0.0.1", "port": 6379, "connect": 6379}
    assert (first["tls"], first["secure"]) == ("off", False)
    assert [one["port"] for one in first["sentinels"]] == [26379] * 3 and second["sentinels"] == []
    assert (first["sentinel_username"], first["sentinel_password"]) == ("client", "p3")
    assert (second["name"], second["port"], second["read_port"]) == ("plain", 7381, 7382)
    assert endpoint_sets(optioned(PORT, host="r1", **more), logins, sentinel) == []


def optioned(*args: Any, **variables: Any) -> dict[str, Any]:
    """Return the model as the action plugin does, with the options of the roles."""
    return {**model(*args, **variables), "options": {**DEFAULTS, **variables}}


@pytest.mark.parametrize(
    ("mode", "tls", "secure", "member", "sentinel"),
    [
        ("off", "off", False, {"port": 6379, "connect": 6379}, {"port": 26379, "connect": 26379}),
        # As the members reach each other, which is in plain.
        ("dual", "off", False, {"port": 6379, "other_port": 16379, "connect": 6379}, {"connect": 26379}),
        ("dual", "passthrough", True, {"port": 6379, "other_port": 16379, "connect": 16379}, {"connect": 36379}),
        ("peers", "off", True, {"port": 16379, "other_port": 6379, "connect": 16379}, {"connect": 36379}),
        ("peers", "reencrypt", True, {"port": 16379, "other_port": 6379, "connect": 16379}, {"connect": 36379}),
        ("only", "off", True, {"port": 16379, "connect": 16379}, {"port": 36379, "connect": 36379}),
    ],
)
def test_the_endpoint_takes_the_way_that_is_open_before_and_after_each_step(
    mode: str, tls: str, secure: bool, member: dict[str, int], sentinel: dict[str, int]
) -> None:
    logins = assign_logins([{"name": "main"}], [], "p1", True)
    given = optioned({**PORT, "tls": tls}, redis_tls=mode)
    (found,) = endpoint_sets(given, logins, {"username": "", "password": ""})
    assert found["secure"] is secure and found["tls_clients"] == "no"
    assert found["members"][0] == {"host": "r1", "address": "10.0.0.1", **member}
    assert sentinel.items() <= found["sentinels"][0].items()


# --- the configuration ---

MEMBERS = [{"address": f"10.0.0.{number}", "port": 6379} for number in (1, 2, 10)]
SENTINELS = [{**member, "port": 26379} for member in MEMBERS]
ODD = ["plain", "quote \" and '", "a b  c", "back\\slash \\n", "# $HOME %[src] ${x}", "Grüße", "*/"]


def one(**more: Any) -> dict[str, Any]:
    """Return what the module is given for one set."""
    given = {"name": "main", "members": MEMBERS, "sentinels": SENTINELS, "port": 7379, "read_port": None}
    return {**given, "address": "127.0.0.1", "down_after": 5000, **more}


def sections(text: str) -> dict[str, list[str]]:
    """Return the lines of each section."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        if re.match(r"[a-z]", line):
            found[line] = rows = []
        elif line.startswith("    "):
            rows.append(line.strip())
    return found


@pytest.mark.parametrize("password", ODD)
def test_a_password_is_in_the_file_in_hexadecimal_alone(password: str) -> None:
    text = haproxy.render_configuration(
        "redis", [one(username="e", password=password, sentinel_password=password)], 7378
    )
    assert password not in text or password == "*/"
    sent = [bytes.fromhex(word) for word in re.findall(r"send-binary ([0-9a-f]+)", text)]
    word = password.encode()
    assert sent and all(b"$%d\r\n%s\r\n" % (len(word), word) in command for command in sent)
    assert not re.search(r"send-binary [0-9a-f]", without_secrets(text))


def test_reply_and_address_are_matched_whole() -> None:
    found = sections(haproxy.render_configuration("redis", [one()], 7378))
    expected = [line for line in found["backend main_votes_10.0.0.1-6379"] if "expect" in line]
    pattern = re.search(r"rstring '(.*)'", expected[0])
    assert pattern
    reply = "*2\r\n$8\r\n10.0.0.1\r\n$4\r\n6379\r\n"
    assert re.match(pattern[1], reply)
    for other in (reply.replace("10.0.0.1", "10.0.0.10"), reply.replace("10.0.0.1", "10a0b0.1"), "*-1\r\n"):
        assert not re.match(pattern[1], other)


def test_a_replica_reads_while_its_link_is_up_and_fresh() -> None:
    found = sections(haproxy.render_configuration("redis", [one(read_port=7380, password="x")], 7378))
    pattern = re.search(r"rstring '(.*)'", next(line for line in found["backend main_insync"] if "expect" in line))
    assert pattern
    rule = pattern[1].replace("(?s)", "")  # of Python at the beginning alone
    text = (
        "+OK\r\n$500\r\n# Replication\r\nrole:slave\r\nmaster_host:10.0.0.1\r\nmaster_port:6379\r\n"
        "master_link_status:up\r\nmaster_last_io_seconds_ago:1\r\nmaster_sync_in_progress:0\r\nslave_repl_offset:5\r\n"
    )
    assert re.match(rule, text, re.DOTALL)
    for old, new in (
        ("status:up", "status:down"),
        ("ago:1", "ago:10"),
        ("ago:1", "ago:-1"),
        ("progress:0", "progress:1"),
        ("role:slave", "role:master"),
    ):
        assert not re.match(rule, text.replace(old, new), re.DOTALL), new


def test_every_member_can_be_elected_by_a_majority_that_names_no_other() -> None:
    rows = sections(haproxy.render_configuration("redis", [one()], 7378))["frontend verdict"]
    answers = [row for row in rows if "status 200" in row]
    assert len(answers) == 2 * len(MEMBERS) and rows[-1] == "http-request return status 503"
    seen, elected = answers[2:4]
    assert "{ path /main/10.0.0.2-6379 }" in seen and "{ path /main/10.0.0.2-6379 }" in elected
    assert "{ srv_is_up(main_primaries/10.0.0.2-6379) } { nbsrv(main_primaries) eq 1 }" in seen
    assert seen.endswith("{ srv_is_up(main_replicas/10.0.0.1-6379) } { srv_is_up(main_replicas/10.0.0.10-6379) }")
    assert " { nbsrv(main_votes_10.0.0.2-6379) ge 2 } !{ nbsrv(main_votes_10.0.0.1-6379) ge 2 }" in elected
    assert "!{ nbsrv(main_votes_10.0.0.10-6379) ge 2 }" in elected


def test_without_sentinels_the_only_primary_of_those_that_answer_is_believed() -> None:
    found = sections(haproxy.render_configuration("redis", [one(sentinels=[])], 7378))
    answers = [row for row in found["frontend verdict"] if "status 200" in row]
    assert len(answers) == len(MEMBERS) and not [row for row in answers if "votes" in row or "replicas" in row]
    assert not [name for name in found if "votes" in name]


TWO_PORTS = [{**member, "other_port": 16379, "connect": 16379} for member in MEMBERS]
PROVED = "check-ssl verify required ca-file /etc/redis-endpoint/ca.pem"


@pytest.mark.parametrize(
    ("tls", "line", "bind"),
    [
        ("off", f"default-server ssl {PROVED}", "bind 127.0.0.1:7379"),
        ("passthrough", f"default-server {PROVED}", "bind 127.0.0.1:7379"),
        ("reencrypt", f"default-server ssl {PROVED}", "bind 127.0.0.1:7379 ssl crt /etc/redis-endpoint/own.pem"),
    ],
)
def test_tls_is_verified_in_every_check_and_ends_where_it_is_declared(tls: str, line: str, bind: str) -> None:
    given = one(read_port=7380, members=TWO_PORTS, secure=True, tls=tls, tls_clients="no")
    text = haproxy.render_configuration("redis", [given], 7378, files="abc")
    found = sections(text)
    for name in ("backend main_primary", "backend main_insync"):
        assert line in found[name]
    checks = [rows for name, rows in found.items() if name.startswith("backend")]
    assert all("tcp-check connect ssl" in rows and any(PROVED in row for row in rows) for rows in checks)
    # The verdict is asked of this process, in plain.
    assert "tcp-check connect addr 127.0.0.1 port 7378" in found["backend main_primary"]
    assert bind in found["frontend main_writes"] and bind.replace("7379", "7380") in found["frontend main_reads"]
    # Named as everybody else names it, and reached by the port for TLS.
    assert any(row.startswith("server 10.0.0.1-6379 10.0.0.1:16379 check") for row in found["backend main_primary"])
    assert digest_of(text) != digest_of(haproxy.render_configuration("redis", [given], 7378, files="new"))


@pytest.mark.parametrize("clients", ["yes", "optional"])
def test_who_asks_for_certificates_gets_them(clients: str) -> None:
    """The members from the endpoint, and the endpoint from its clients where TLS ends at it."""
    given = one(members=TWO_PORTS, secure=True, tls="reencrypt", tls_clients=clients)
    found = sections(haproxy.render_configuration("redis", [given], 7378))
    verify = {"yes": "required", "optional": "optional"}[clients]
    assert f" ca-file /etc/redis-endpoint/ca.pem verify {verify}" in found["frontend main_writes"][0]
    shown = [row for rows in found.values() for row in rows if "default-server ssl" in row or "check-ssl" in row]
    assert shown and all((" crt /etc/redis-endpoint/own.pem" in row) == (clients == "yes") for row in shown)
    assert haproxy.wants_own(given)
    assert haproxy.wants_own({**given, "tls": "off"}) == (clients == "yes")
    assert not haproxy.wants_own({"tls": "off", "tls_clients": "yes"})


def test_a_sentinel_that_names_the_other_port_counts_as_well() -> None:
    found = sections(haproxy.render_configuration("redis", [one(members=TWO_PORTS)], 7378))
    expected = [line for line in found["backend main_votes_10.0.0.1-6379"] if "expect" in line]
    pattern = re.search(r"rstring '(.*)'", expected[0])
    assert pattern
    for length, port, good in ((4, "6379", True), (5, "16379", True), (4, "6378", False), (5, "6379", False)):
        reply = f"*2\r\n$8\r\n10.0.0.1\r\n${length}\r\n{port}\r\n"
        assert bool(re.match(pattern[1], reply)) is good, reply


def test_sessions_end_with_the_verdict_in_both_directions() -> None:
    found = sections(haproxy.render_configuration("redis", [one(read_port=7380)], 7378))
    for name in ("backend main_primary", "backend main_insync"):
        servers = [row for row in found[name] if row.startswith("server ")]
        assert len(servers) == 3 and all(row.endswith("on-marked-down shutdown-sessions") for row in servers)
    names = [name.split()[1] for name in found if " " in name]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("down_after", "hosts", "check", "inter"),
    [(5000, 1, 833, 200), (30000, 10, 1000, 200), (1000, 25, 166, 500), (5000, 30, 833, 600)],
)
def test_silence_is_given_time_and_many_hosts_ask_less_often(
    down_after: int, hosts: int, check: int, inter: int
) -> None:
    found = sections(haproxy.render_configuration("redis", [one(down_after=down_after)], 7378, hosts))[
        "backend main_primary"
    ]
    assert f"timeout check {check}ms" in found
    assert [row for row in found if f"check inter {inter}ms fastinter 20ms fall 3 " in row]
    secure = sections(haproxy.render_configuration("redis", [one(down_after=down_after, secure=True)], 7378, hosts))
    assert [row for row in secure["backend main_primary"] if f"check inter {2 * inter}ms fastinter 20ms fall 3 " in row]


def test_a_filter_ends_sessions_where_haproxy_knows_it() -> None:
    for version, there in (((2, 2), False), ((2, 6), False), ((2, 8), True), ((3, 0), True)):
        found = sections(haproxy.render_configuration("redis", [one(read_port=7380)], 7378, version=version))
        for name in ("frontend main_writes", "frontend main_reads"):
            told = [row.split()[0] for row in found[name] if "most" in row.split()]
            assert told == (["filter", "tcp-request"] if there else [])
            # HAProxy warns at each reload of rules for connections that stand after those for contents.
            assert not there or found[name].index(next(row for row in found[name] if "most" in row.split())) > max(
                position for position, row in enumerate(found[name]) if row.startswith("tcp-request connection")
            )


def test_the_file_tells_whose_endpoints_it_holds() -> None:
    text = haproxy.render_configuration("cards", [one(read_port=7380), one(name="other", port=7381)], 7378)
    assert re.fullmatch("[0-9a-f]{64}", digest_of(text))
    assert digest_of("Name: HAProxy\ndescription: abc\nnode: x\n") == "abc" and digest_of("") == ""
    assert digest_of(text) != digest_of(haproxy.render_configuration("cards", [one()], 7378))
    assert deployment_of(text) == "cards" and deployment_of("global\n") == ""
    assert haproxy.list_ports([one(read_port=7380), one(name="other", port=7381)]) == [7379, 7380, 7381]


def test_whom_writes_go_to_is_read_from_the_statistics() -> None:
    table = (
        "# pxname,svname,qcur,status\nmain_writes,FRONTEND,0,OPEN\nmain_primaries,10.0.0.1-6379,0,UP\n"
        "main_primary,10.0.0.1-6379,0,UP\nmain_primary,10.0.0.2-6379,0,DOWN\nmain_primary,BACKEND,0,UP\n"
    )
    assert leads_to(table, "main") == ["10.0.0.1-6379"]
    assert leads_to(table, "other") == [] and leads_to("", "main") == []
