# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration of the endpoints, judged by the installed HAProxy and led by it to real servers."""

from __future__ import annotations

import csv
import socket
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import redis
from ansible_collections.quorum.redis.plugins.module_utils._core.errors import BadConfig
from ansible_collections.quorum.redis.plugins.module_utils._endpoint import tls
from ansible_collections.quorum.redis.plugins.module_utils._model import haproxy
from ansible_collections.quorum.redis.plugins.module_utils._redis.tls import Tls, read_certificate
from authority import Authority, Pair
from ledger.scene import NAME, Scene

from .conftest import Lab, Server, free_port, wait_until

HAPROXY = "/usr/sbin/haproxy"
ODD = "a \"b' #\\ $x %[y] é"


def places(servers: list[Server]) -> list[dict[str, Any]]:
    return [{"host": one.directory.name, "address": one.address, "port": one.port} for one in servers]


def one(members: list[Server], sentinels: list[Server], **more: Any) -> dict[str, Any]:
    """Return one set as the module gets it, with both ports on loopback."""
    given = {"name": "main", "members": places(members), "sentinels": places(sentinels), "down_after": 5000}
    return {**given, "port": free_port(), "read_port": free_port(), "address": "127.0.0.1", **more}


@contextmanager
def running(
    tmp_path: Path, *sets: dict[str, Any], metrics: int = 0, pem: dict[str, bytes] | None = None
) -> Iterator[None]:
    """Run HAProxy with the configuration of these sets; with a port for `metrics` it tells them; `pem`: its files."""
    path = tmp_path / "haproxy.cfg"
    for place, content in (pem or {}).items():
        (tmp_path / Path(place).name).write_bytes(content)
    told = ("127.0.0.1" if metrics else "", metrics)
    text = haproxy.render_configuration("redis", sets, free_port(), run=str(tmp_path), metrics=told)
    path.write_text(text.replace(haproxy.FOLDER, str(tmp_path)), encoding="utf-8")
    with (tmp_path / "haproxy.log").open("wb") as log:
        process = subprocess.Popen([HAPROXY, "-db", "-f", str(path)], stdout=log, stderr=log)
        try:
            yield
            assert process.poll() is None
        finally:
            process.terminate()
            process.wait(60)


def ask(port: int, *command: str, **login: Any) -> Any:
    """Send one command over a new connection to an endpoint."""
    with redis.Redis("127.0.0.1", port, protocol=2, driver_info=None, socket_timeout=5, **login) as client:
        client.response_callbacks.clear()
        return client.execute_command(*command)


def serves(port: int, server: Server, **login: Any) -> bool:
    """Return whether an endpoint leads to this server."""
    text = ask(port, "INFO", "server", **login).decode()
    return f"tcp_port:{server.port}\r" in text


def shows(port: int, pair: Pair) -> bool:
    """Return whether an endpoint shows this certificate."""
    own = ssl.PEM_cert_to_DER_cert(pair.cert.read_text())
    return read_certificate(Tls(), "127.0.0.1", port, 5) == own


def refuses(port: int, **login: Any) -> bool:
    """Return whether a new connection is ended at once."""
    try:
        ask(port, "PING", **login)
    except redis.exceptions.ConnectionError:
        return True
    return False


@pytest.mark.parametrize("password", ["plain", ODD, "* ? [x] {y}", "''", '"'])
def test_haproxy_accepts_the_file(lab: Lab, tmp_path: Path, password: str) -> None:
    """No server is asked: HAProxy says itself whether it can read the file, without a warning."""
    members = [{"address": address, "port": 6379} for address in ("10.0.0.1", "10.0.0.10", "fd00::1")]
    given: dict[str, Any] = {"name": "a.b-c_d", "members": members, "sentinels": members, "down_after": 5000}
    given.update(port=7379, read_port=7380, address="::1", username="endpoint", password=password)
    alone = {**given, "name": "alone", "members": members[:1], "sentinels": [], "port": 7381, "read_port": None}
    path = tmp_path / "haproxy.cfg"
    text = haproxy.render_configuration("redis", [given, alone], 7378, metrics=("::1", 9123))
    path.write_text(text, encoding="utf-8")
    done = subprocess.run([HAPROXY, "-c", "-f", str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "WARNING" not in done.stdout + done.stderr, done.stdout + done.stderr


def test_it_logs_in_as_a_user_with_least_rights_and_an_odd_password(lab: Lab, tmp_path: Path) -> None:
    server = lab.server("m1")
    server.call("ACL", "SETUSER", "endpoint", "on", f">{ODD}", "+role", "+info")
    server.call("ACL", "SETUSER", "default", "resetpass", ">for-clients")
    server.password = "for-clients"
    login = {"password": "for-clients"}
    good = one([server], [], username="endpoint", password=ODD)
    wrong = one([server], [], name="wrong", username="endpoint", password="another")
    with running(tmp_path, good, wrong):
        wait_until("the endpoint leads to the server", lambda: serves(good["port"], server, **login))
        wait_until("reads go to the primary without a replica", lambda: serves(good["read_port"], server, **login))
        wait_until("nobody is believed who does not let it in", lambda: refuses(wrong["port"]))


def test_it_tells_prometheus_whom_it_leads_to_and_no_secret(lab: Lab, tmp_path: Path) -> None:
    """With the names that the alert rules read."""
    secret = "for-clients"
    server = lab.server("m1", password=secret)
    port, main = free_port(), one([server], [], password=secret)
    leads = f'haproxy_server_status{{proxy="main_primary",server="127.0.0.1-{server.port}",state="UP"}} 1'
    with running(tmp_path, main, metrics=port):

        def told() -> list[str]:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
                return str(answer.read().decode()).splitlines()

        wait_until("HAProxy leads to the server", lambda: serves(main["port"], server, password=secret))
        wait_until("it says so", lambda: leads in told())
        assert 'haproxy_backend_active_servers{proxy="main_primary"} 1' in told()
        assert not [line for line in told() if secret in line or secret.encode().hex() in line]
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=30)


def test_writes_follow_the_primary_and_reads_the_replicas(lab: Lab, tmp_path: Path) -> None:
    scene = Scene.build(lab)
    m1, m2, m3 = scene.members
    main = one(scene.members, scene.sentinels)
    with running(tmp_path, main):
        wait_until("writes go to the primary", lambda: serves(main["port"], m1))
        wait_until("reads go to a replica", lambda: not serves(main["read_port"], m1))
        held = redis.Redis(port=main["port"], protocol=2, driver_info=None, socket_timeout=5)
        assert held.set("x", "1")
        moved = scene.move()
        assert not moved.failed, moved.text
        new, other = (m2, m3) if m2.follows()[0] == "master" else (m3, m2)
        wait_until("writes go to the new primary", lambda: serves(main["port"], new))
        wait_until("a held session follows", lambda: held.set("x", "2"))
        assert new.call("GET", "x") == "2"
        # With all members in sight nobody needs a Sentinel.
        for one_of in scene.sentinels:
            one_of.stop(kill=True)
        other.call("PING")
        assert serves(main["port"], new) and held.get("x") == b"2"
        # With a member missing, and nobody to ask, a primary may have been replaced.
        other.stop(kill=True)
        wait_until("without a majority nobody is believed", lambda: refuses(main["port"]))
        for one_of in scene.sentinels[:2]:
            one_of.start()
        wait_until("a majority decides", lambda: serves(main["port"], new))
        held.close()
        # One that names a member that is dead is outvoted, until the others have told it better.
        stale = scene.sentinels[2]
        stale.start()
        stale.call("SENTINEL", "REMOVE", NAME)
        stale.call("SENTINEL", "MONITOR", NAME, "127.0.0.1", other.port, 5)
        seen = []
        while stale.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME) == ["127.0.0.1", str(other.port)]:
            seen.append(serves(main["port"], new))
        assert seen and all(seen)


def redispatched(folder: Path, backend: str) -> int:
    """Return how many connections a backend has given to another server, as their own refused them."""
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(str(folder / "haproxy.sock"))
        line.sendall(b"show stat\n")
        rows = csv.DictReader(line.makefile(encoding="utf-8"))
        return sum(int(row["wredis"]) for row in rows if (row["# pxname"], row["svname"]) == (backend, "BACKEND"))


def test_a_read_goes_on_to_another_replica_before_the_checks_have_missed_one(lab: Lab, tmp_path: Path) -> None:
    """At once: without that it waits a second for the one that has gone, longer than many clients do."""
    scene = Scene.build(lab, sentinels=0)
    primary, left, gone = scene.members
    main = one(scene.members, [])

    def goes_on() -> bool:
        gone.stop(kill=True)
        assert all(serves(main["read_port"], left) for _each in range(6))
        gone.start().call("REPLICAOF", primary.address, primary.port)
        return redispatched(tmp_path, "main_insync") > 0

    with running(tmp_path, main):

        def is_met() -> bool:
            wait_until("reads go to the other", partial(serves, main["read_port"], gone))
            return goes_on()

        wait_until("reads go to the one", partial(serves, main["read_port"], left))
        assert any(is_met() for _each in range(5))


def test_a_primary_that_returns_is_not_believed(lab: Lab, tmp_path: Path) -> None:
    """It says master, as the engine alone does after a crash, until Sentinel makes it a replica."""
    scene = Scene.build(lab, down_after=2000)
    old = scene.members[0]
    main = one(scene.members, scene.sentinels, down_after=2000)
    with running(tmp_path, main):
        wait_until("writes go to the primary", lambda: serves(main["port"], old))
        old.stop(kill=True)
        wait_until("Sentinel moves the primary", lambda: any(m.follows()[0] == "master" for m in scene.members[1:]))
        new = next(member for member in scene.members[1:] if member.follows()[0] == "master")
        wait_until("writes go to the new primary", lambda: serves(main["port"], new))
        old.start()
        seen = set()
        while old.follows()[0] == "master":
            seen.add(serves(main["port"], new))
        assert seen <= {True}
        wait_until("the set is whole", scene.whole)
        assert serves(main["port"], new)


def test_without_sentinels_two_primaries_are_none(lab: Lab, tmp_path: Path) -> None:
    scene = Scene.build(lab, members=2, sentinels=0)
    main = one(scene.members, [])
    with running(tmp_path, main):
        wait_until("writes go to the primary", lambda: serves(main["port"], scene.members[0]))
        scene.members[1].call("REPLICAOF", "NO", "ONE")
        wait_until("two primaries are none", lambda: refuses(main["port"]))
        scene.members[0].stop(kill=True)
        wait_until("one that answers is one", lambda: serves(main["port"], scene.members[1]))


def test_another_host_stands_beside_a_dead_one_until_that_is_retired(lab: Lab, tmp_path: Path) -> None:
    """Four Sentinels are declared then, of which three answer: enough, and one more than without the dead one."""
    scene = Scene.build(lab, members=4, sentinels=4)
    first = scene.members[0]
    for gone in (scene.members[3], scene.sentinels[3]):
        gone.stop(kill=True)
    beside, retired = one(scene.members, scene.sentinels), one(scene.members[:3], scene.sentinels[:3])
    with running(tmp_path, beside):
        wait_until("three of four decide", lambda: serves(beside["port"], first))
        scene.sentinels[2].stop(kill=True)
        wait_until("two of four do not", lambda: refuses(beside["port"]))
    with running(tmp_path, retired):
        wait_until("without the dead one all is as before", lambda: serves(retired["port"], first))


# --- TLS ---


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Return a CA."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def front(authority: Authority) -> Pair:
    """Return the certificate of the endpoint host, whose name is not that of the servers."""
    return authority.issue("front", "DNS:app1,IP:192.0.2.9")


def secured(sets: list[dict[str, Any]], ca: Path, own: Pair, **params: Any) -> tls.Files:
    """Return what HAProxy reads, as the module does."""
    files = {"tls_ca_file": str(ca), "tls_cert_file": str(own.cert), "tls_key_file": str(own.key)}
    return tls.read_files(sets, {"name": "app1", "own_address": "192.0.2.9", **files, **params})


def test_every_way_leads_to_servers_that_speak_nothing_but_tls(
    lab: Lab, tmp_path: Path, authority: Authority, front: Pair
) -> None:
    """They ask for certificates, too. Plain clients, TLS that ends at the server, and TLS that ends here."""
    server = authority.issue("server")
    scene = Scene.build(lab, password="p1", down_after=2000, ca=authority.ca, own=server)
    login: dict[str, Any] = {"password": "p1"}
    proof = {"ssl": True, "ssl_ca_certs": str(authority.ca), **scene.members[0].shown()}
    given = {"secure": True, "tls_clients": "yes", "sentinel_password": "p1", "down_after": 2000, **login}
    ways = {
        word: one(scene.members, scene.sentinels, tls=word, **given) for word in ("off", "passthrough", "reencrypt")
    }
    logins = {
        "off": login,
        "passthrough": {**login, **proof},
        # Who looks for the name of the endpoint finds it in its own certificate.
        "reencrypt": {**login, **proof, "ssl_check_hostname": False},
    }
    stranger = Authority(tmp_path / "stranger", "stranger")
    other = one(scene.members, scene.sentinels, tls="off", **given)
    with ExitStack() as stack:
        for number, (way, ca) in enumerate([*((way, authority.ca) for way in ways.values()), (other, stranger.ca)]):
            (tmp_path / str(number)).mkdir()
            pem = secured([way], authority.ca, front).content
            pem[haproxy.CA] = ca.read_bytes()
            stack.enter_context(running(tmp_path / str(number), way, pem=pem))
        old = scene.members[0]
        for word, way in ways.items():
            wait_until(f"{word} leads to the primary", lambda: serves(way["port"], old, **logins[word]))  # noqa: B023
            wait_until(f"{word} reads", lambda: not serves(way["read_port"], old, **logins[word]))  # noqa: B023
        assert refuses(other["port"], **login), "the CA of somebody else proves nobody"
        for word, own in (("passthrough", server), ("reencrypt", front)):
            wait_until(f"{word} shows its certificate", lambda: shows(ways[word]["port"], own))  # noqa: B023
        assert refuses(ways["reencrypt"]["port"], **{**login, "ssl": True, "ssl_cert_reqs": "none"}), "no certificate"
        old.stop(kill=True)
        wait_until("Sentinel moves the primary", lambda: any(m.follows()[0] == "master" for m in scene.members[1:]))
        new = next(member for member in scene.members[1:] if member.follows()[0] == "master")
        for word, way in ways.items():
            wait_until(f"{word} follows", lambda: serves(way["port"], new, **logins[word]))  # noqa: B023
        assert refuses(other["port"], **login)


def test_a_certificate_is_renewed_by_a_file_that_differs(lab: Lab, authority: Authority, front: Pair) -> None:
    way = one([], [], secure=True, tls="reencrypt", tls_clients="no")
    before, after = (
        secured([way], authority.ca, front),
        secured([way], authority.ca, authority.issue("next", "IP:192.0.2.9")),
    )
    assert before.digest != after.digest and before.content[haproxy.CA] == after.content[haproxy.CA]
    assert front.key.read_bytes() in before.content[haproxy.OWN]
    # Nobody needs the key where the endpoint shows no certificate.
    assert list(secured([{**way, "tls": "off"}], authority.ca, front).content) == [haproxy.CA]
    assert secured([{**way, "tls": "off", "secure": False}], authority.ca, front).content == {}


def test_files_that_will_not_do_are_refused(lab: Lab, tmp_path: Path, authority: Authority, front: Pair) -> None:
    way = one([], [], secure=True, tls="reencrypt", tls_clients="no")
    with pytest.raises(BadConfig, match=r"redis_tls_ca_file is not on app1.*Nothing was changed"):
        secured([way], tmp_path / "none.pem", front)
    with pytest.raises(BadConfig, match="redis_tls_key_file is not on app1"):
        secured([way], authority.ca, front, tls_key_file=None)
    with pytest.raises(BadConfig, match=r"The certificate is of somebody else.*Nothing was changed"):
        secured([way], authority.ca, front, own_address="192.0.2.10")
    with pytest.raises(BadConfig, match="Certificate and key do not belong together"):
        secured([way], authority.ca, Pair(front.cert, authority.issue("x").key))
    with pytest.raises(BadConfig, match="The CA of the endpoints is none"):
        secured([{**way, "tls": "off"}], front.key, front)


def test_a_server_without_the_name_of_the_endpoint_is_named(lab: Lab, authority: Authority) -> None:
    """With TLS that ends at the server its certificate is what clients compare."""
    server = authority.issue("named", "IP:127.0.0.1,DNS:app1")
    member = lab.server("m1", ca=authority.ca, own=server)
    way = one([member], [], tls="passthrough")
    way["members"][0]["connect"] = member.port
    trust = Tls(str(authority.ca), str(server.cert), str(server.key))
    assert tls.warn_of_names(way, trust, ["192.0.2.9", "app1"]) == []
    (said,) = tls.warn_of_names(way, trust, ["192.0.2.9", "app2"])
    assert said.startswith("m1 of main: The certificate is of somebody else: ")
    assert "Clients of its endpoint that compare names with 192.0.2.9 or app2 refuse it" in said
    assert tls.warn_of_names({**way, "tls": "reencrypt"}, trust, ["app2"]) == []


def test_clients_change_to_tls_while_the_others_stay(lab: Lab, tmp_path: Path, authority: Authority) -> None:
    """As with redis_tls: dual. The endpoint is named by the plain port, and goes to that for TLS."""
    pair, secure = authority.issue("server"), free_port()
    files = f"tls-ca-cert-file {authority.ca}", f"tls-cert-file {pair.cert}", f"tls-key-file {pair.key}"
    server = lab.server("m1", f"tls-port {secure}", *files, "tls-auth-clients no")
    way = one([server], [], tls="passthrough", secure=True, tls_clients="no")
    way["members"][0].update(other_port=secure, connect=secure)
    plain = one([server], [], name="plain")
    with running(tmp_path, way, plain, pem=secured([way], authority.ca, pair).content):
        wait_until("plain clients", lambda: serves(plain["port"], server))
        wait_until("clients with TLS", lambda: serves(way["port"], server, ssl=True, ssl_ca_certs=str(authority.ca)))
        assert refuses(way["port"])
