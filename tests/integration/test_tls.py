# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections over TLS: the certificate is verified, and what is wrong with it is said."""

from __future__ import annotations

import getpass
import grp
import json
import os
import socket
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List

import pytest
from authority import Authority, Pair
from patience import LONG, allowed
from start_guard import PROGRAM

from .conftest import PASSWORD, Lab, Server, free_port, wait_until

# What is wrong -> how the certificate of the server is made, and what the module says.
WRONG: Dict[str, Any] = {
    "expired": ({"days": -1}, "The certificate has expired"),
    "of another name": ({"names": "DNS:db1.example,IP:192.0.2.1"}, "The certificate is of somebody else"),
    "without a name": ({"names": ""}, "The certificate is of somebody else"),
    "only for clients": ({"usage": "clientAuth"}, "The certificate may not be used for this purpose"),
}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Return a CA."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def pair(authority: Authority) -> Pair:
    """Return a certificate for this machine."""
    return authority.issue("server")


def secure(lab: Lab, name: str, authority: Authority, pair: Pair, *lines: str, **kwargs: Any) -> Server:
    """Start a server or Sentinel whose only port speaks TLS."""
    start = lab.sentinel if kwargs.pop("sentinel", False) else lab.server
    return start(name, *lines, password=PASSWORD, ca=authority.ca, own=pair, **kwargs)


def test_only_the_declared_ca_is_trusted(
    lab: Lab, authority: Authority, pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the machine trusts beside it is no proof; without a declared CA it is."""
    given = secure(lab, "s", authority, pair).endpoint()
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca))  # the CAs of the machine
    assert lab.run("instance_info", **{**given, "tls_ca_file": None})["instance"]["role"] == "primary"
    stranger = Authority(tmp_path / "other", "other")
    refused = lab.run("instance_info", **{**given, "tls_ca_file": str(stranger.ca)})
    assert not refused["instance"]["reachable"] and "The certificate is not of the known CA" in refused.text


def test_a_module_speaks_tls_and_says_what_is_wrong(lab: Lab, authority: Authority, pair: Pair, tmp_path: Path) -> None:
    server = secure(lab, "s", authority, pair)
    given = server.endpoint()
    found = lab.run("instance_info", **given)
    assert not found.failed
    assert found["instance"]["role"] == "primary"

    def refused(words: str, **options: Any) -> None:
        answer = lab.run("instance_info", **{**given, **options})
        assert answer.failed or not answer["instance"]["reachable"]
        assert words in answer.text, answer.text

    # The server asks for a certificate: its default.
    refused("The server asks for a client certificate", tls_cert_file=None, tls_key_file=None)
    stranger = Authority(tmp_path / "other", "other")
    foreign = stranger.issue("client")
    refused("The certificate is not of the known CA", tls_ca_file=str(stranger.ca))
    refused(
        "The server does not know the CA of the client certificate",
        tls_cert_file=str(foreign.cert),
        tls_key_file=str(foreign.key),
    )
    refused("What answers there wants TLS", tls=False)
    plain = lab.server("plain", password=PASSWORD)
    refused("What answers there speaks no TLS", port=plain.port)
    refused("tls_cert_file is given without tls_key_file", tls_key_file=None)
    refused("A file of TLS cannot be read", tls_ca_file=str(tmp_path / "none.crt"))
    refused("Certificate and key do not belong together", tls_key_file=str(foreign.key))


@pytest.mark.parametrize("kind", ["server", "sentinel"])
def test_a_stranger_comes_as_far_as_its_certificate(lab: Lab, authority: Authority, pair: Pair, kind: str) -> None:
    """Without one the server ends the line before it reads a command; with one a password is asked for."""
    answering = secure(lab, "s", authority, pair, "tls-auth-clients yes", sentinel=kind == "sentinel")

    def ping(own: Pair | None) -> bytes:
        trial = ssl.create_default_context(cafile=str(authority.ca))
        # Up to 1.2 the client hears of the refusal within the handshake, from 1.3 on as the first answer.
        trial.maximum_version = ssl.TLSVersion.TLSv1_2
        if own:
            trial.load_cert_chain(own.cert, own.key)
        raw = socket.create_connection(("127.0.0.1", answering.port), LONG)
        with raw, trial.wrap_socket(raw, server_hostname="127.0.0.1") as line:
            line.sendall(b"PING\r\n")
            return line.recv(100)

    with pytest.raises(ssl.SSLError, match=r"(?i)handshake"):
        ping(None)
    assert ping(pair).startswith(b"-NOAUTH")


@pytest.mark.parametrize("what", WRONG)
def test_a_certificate_that_does_not_prove_the_server_is_refused(
    lab: Lab, authority: Authority, pair: Pair, what: str
) -> None:
    made, words = WRONG[what]
    server = lab.server("s", password=PASSWORD)
    odd = authority.issue(what.replace(" ", "-"), **made)
    port = free_port()
    lines = {"tls-ca-cert-file": authority.ca, "tls-cert-file": odd.cert, "tls-key-file": odd.key, "tls-port": port}
    server.stop()
    server.config.write_text(server.config.read_text() + "".join(f"{key} {value}\n" for key, value in lines.items()))
    server.start()
    server.ca, server.own = authority.ca, pair
    answer = lab.run("instance_info", **{**server.endpoint(), "port": port})
    assert words in answer.text, answer.text


def test_the_start_guard_asks_over_tls(lab: Lab, authority: Authority, pair: Pair, tmp_path: Path) -> None:
    primary = secure(lab, "p", authority, pair)
    watcher = secure(lab, "w", authority, pair, sentinel=True)
    primary.call("SET", "k", "v")
    etc, data = tmp_path / "etc", tmp_path / "lib" / "main"
    etc.mkdir()
    data.mkdir(parents=True)
    (etc / "main.conf").write_text("port 1\n")

    def guard(**changes: Any) -> str:
        place = {"host": "x", "address": "127.0.0.1"}
        facts = {
            "name": "main",
            "address": "127.0.0.1",
            "port": 1,
            "policy": "wait",
            "wait": 0,
            "acl": False,
            "members": [{**place, "port": primary.port}],
            "sentinels": [{**place, "port": watcher.port}],
            "password": PASSWORD,
            "sentinel_password": PASSWORD,
            "tls": {"ca": str(authority.ca), "cert": str(pair.cert), "key": str(pair.key)},
        }
        (etc / "main.json").write_text(json.dumps({**facts, **changes}))
        (data / "redis.conf").write_text(
            "# quorum.redis: assembled from sha256:0\n# quorum.redis: end of assembled part\n"
        )
        env = {"QUORUM_REDIS_ETC": str(etc), "QUORUM_REDIS_LIB": str(tmp_path / "lib")}
        done = subprocess.run([sys.executable, str(PROGRAM), "server", "main"], env=env, capture_output=True, text=True)
        return done.stderr

    # It was the primary and its data is gone: the peer, which is asked over TLS, has some.
    assert f"start as replica of 127.0.0.1:{primary.port}: this member has no data" in guard(sentinels=[], wait=60)
    assert "not all of its peers answer" in guard(sentinels=[], tls=None)
    watcher.call("SENTINEL", "MONITOR", "main", "127.0.0.1", primary.port, 1)
    assert f"start as replica of 127.0.0.1:{primary.port}: the Sentinels name" in guard(wait=60)
    assert "no majority of the Sentinels answers" in guard(tls=None, members=[])
    stranger = Authority(tmp_path / "other", "other")
    other = {"ca": str(stranger.ca), "cert": str(pair.cert), "key": str(pair.key)}
    said = guard(tls=other)
    assert f"no TLS with 127.0.0.1:{watcher.port}: " in said
    assert "certificate verify failed" in said
    assert "start as" not in said
    assert "a file of TLS cannot be used" in guard(tls={**other, "key": str(tmp_path / "none")})


def test_replicas_and_sentinels_are_led_over_tls(lab: Lab, authority: Authority, pair: Pair) -> None:
    """Join, watch and move the primary, all by modules that speak TLS to processes that speak nothing else."""
    servers = [secure(lab, f"m{number}", authority, pair, parked=True) for number in range(2)]
    watchers = [secure(lab, f"w{number}", authority, pair, sentinel=True) for number in range(3)]
    places = [
        [{"host": f"{kind}{number}", "address": "127.0.0.1", "port": one.port} for number, one in enumerate(found)]
        for kind, found in (("m", servers), ("w", watchers))
    ]
    common = {"name": "main", "members": places[0], "sentinels": places[1], **servers[0].tls()}
    common.update(password=PASSWORD, sentinel_password=PASSWORD)
    first = lab.run("replication", **common, seed="m0")
    assert not first.failed, first.msg
    master = {"name": "main", "members": places[0], "quorum": 2}
    for watcher in watchers:
        found = lab.run(
            "sentinel",
            **watcher.endpoint(),
            sentinels=places[1],
            masters=[{**master, "down_after": 60000, "failover_timeout": 60000, "parallel_syncs": 1}],
            passwords={"main": PASSWORD},
        )
        assert not found.failed, found.msg
    again = lab.run("replication", **common)
    assert (again.failed, again.changed) == (False, False), again.msg
    servers[0].call("SET", "k", "v")

    def known() -> bool:
        line = [watcher.call("SENTINEL", "CKQUORUM", "main") for watcher in watchers]
        return all("3 usable" in str(said) for said in line)

    wait_until("the Sentinels know each other", known)
    moved = lab.run("failover", **common, to="m1", limit=20000)  # a busy machine needs its time for the handshakes
    assert not moved.failed, moved.msg
    assert servers[1].follows()[0] == "master"
    wait_until("the old primary follows", lambda: servers[0].follows() == ("slave", f"127.0.0.1:{servers[1].port}"))


@pytest.mark.parametrize("tls", [True, False], ids=["to TLS", "back"])
def test_sentinels_name_the_new_port_before_they_can_speak_to_it(
    lab: Lab, authority: Authority, pair: Pair, tls: bool
) -> None:
    """Between `dual` and `peers`: who asks a Sentinel is answered all the time.

    Each one sees the primary as soon as it is restarted: some clients take no other's word.
    """
    user, odd = "guardian", "it/#@:\\é"
    files = {"ca-cert-file": authority.ca, "cert-file": pair.cert, "key-file": pair.key, "auth-clients": "no"}
    ports = {f"{kind}{number}": free_port() for kind in "mw" for number in range(3)}
    says = {True: "tls-replication yes", False: "tls-replication no"}

    def started(start: Any, name: str) -> Server:
        lines = [f"tls-{key} {value}" for key, value in {"port": ports[name], **files}.items()]
        found: Server = start(name, *lines, says[not tls], password=PASSWORD)
        return found

    def port(one: Server, secure: bool) -> int:
        return ports[one.directory.name] if secure else one.port

    def places(found: Any, secure: bool) -> Any:
        return [
            {"host": one.directory.name, "address": "127.0.0.1", "port": port(one, secure)}
            | {"other_port": port(one, not secure)}
            for one in found
        ]

    def access(secure: bool) -> Dict[str, Any]:
        return {"password": PASSWORD, **({"tls": True, "tls_ca_file": str(authority.ca)} if secure else {})}

    servers = [started(lab.server, f"m{number}") for number in range(3)]
    watchers = [started(lab.sentinel, f"w{number}") for number in range(3)]
    for one in servers:
        one.call("ACL", "SETUSER", user, "on", f">{odd}", "~*", "&*", "+@all")
    for one in servers[1:]:
        one.call("REPLICAOF", "127.0.0.1", port(servers[0], not tls))

    def watch(watcher: Server, secure: bool) -> Any:
        found = lab.run(
            "sentinel",
            host=watcher.address,
            port=port(watcher, secure),
            state_file=str(watcher.config),
            sentinels=places(watchers, secure),
            masters=[{"name": "main", "members": places(servers, secure), "quorum": 2, "down_after": 60000}],
            users={"main": user},
            passwords={"main": odd},
            logins=[{"name": "main", "password": PASSWORD}],
            **access(secure),
        )
        assert not found.failed, found.msg
        return found

    def seen(watcher: Server) -> Dict[str, str]:
        reply = watcher.call("SENTINEL", "MASTER", "main")
        return dict(zip(reply[::2], reply[1::2], strict=True))

    def hears(watcher: Server) -> None:
        wait_until(f"{watcher.directory.name} sees the primary", lambda: seen(watcher)["runid"], allowed(5))
        assert seen(watcher)["flags"] == "master"

    def named() -> List[int]:
        return [int(watcher.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "main")[1]) for watcher in watchers]

    def join() -> Any:
        return lab.run(
            "replication",
            name="main",
            members=places(servers, tls),
            sentinels=places(watchers, tls),
            sentinel_password=PASSWORD,
            auth_user=user,
            auth_pass=odd,
            **access(tls),
        )

    for watcher in watchers:
        watch(watcher, not tls)
    for one in servers:
        one.call("CONFIG", "SET", *says[tls].split())
    moved = join()
    assert not moved.failed, moved.msg
    assert odd not in moved.text
    assert moved["blind_sentinels"] == ["w0", "w1", "w2"]
    new = port(servers[0], tls)
    assert named() == [new] * 3
    assert {one.follows()[1] for one in servers[1:]} == {f"127.0.0.1:{new}"}
    for watcher in watchers:
        watcher.stop()
        with watcher.config.open("a", encoding="utf-8") as config:
            config.write(f"\n{says[tls]}\n")
        watcher.start()
        assert named() == [new] * 3
        hears(watcher)
    for watcher in watchers:
        told = watch(watcher, tls)
        # It need not begin anew, which clients would notice.
        assert told["steps"] == ["main: set down-after-milliseconds 3600000 -> 60000"]
        assert (int(seen(watcher)["port"]), seen(watcher)["down-after-milliseconds"]) == (new, "60000")
        assert "+sdown" not in watcher.log, watcher.log
    again = join()
    assert (again["steps"], again["blind_sentinels"]) == ([], [])
    assert servers[0].follows()[0] == "master"


def declared(lab: Lab, server: Server, pair: Pair, authority: Authority, **parameters: Any) -> Dict[str, Any]:
    """Return the options of the module config for a server that has these files."""
    files = {"tls-ca-cert-file": authority.ca, "tls-cert-file": pair.cert, "tls-key-file": pair.key}
    tls = {"tls-port": server.port, "tls-replication": True, "tls-auth-clients": "yes"}
    base = {"bind": "127.0.0.1", "dir": str(server.directory), "save": "", "appendonly": False, "port": 0}
    return {
        "name": "main",
        "path": str(lab.root / "main.conf"),
        "binary": server.engine.binary,
        "owner": getpass.getuser(),
        "group": grp.getgrgid(os.getegid()).gr_name,
        "user": getpass.getuser(),
        "parameters": {
            **base,
            "repl-diskless-sync-delay": 0,
            "repl-timeout": 10,
            "repl-ping-replica-period": 3,
            **tls,
            **{key: str(path) for key, path in files.items()},
            **parameters,
        },
        "secrets": {"requirepass": PASSWORD, "masterauth": PASSWORD},
        "state_file": str(server.config),
        **server.endpoint(),
    }


def served(port: int, pair: Pair) -> str:
    """Return the certificate that a server shows, as text."""
    trial = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trial.check_hostname, trial.verify_mode = False, ssl.CERT_NONE
    trial.load_cert_chain(pair.cert, pair.key)
    with socket.create_connection(("127.0.0.1", port), LONG) as raw, trial.wrap_socket(raw) as line:
        return ssl.DER_cert_to_PEM_cert(line.getpeercert(binary_form=True) or b"")


def test_a_renewed_certificate_is_taken_over_while_it_runs(lab: Lab, authority: Authority) -> None:
    pair = authority.issue("renewed")
    server = secure(lab, "s", authority, pair)
    replica = secure(lab, "r", authority, pair, f"replicaof 127.0.0.1 {server.port}")
    server.call("SET", "k", "v")
    wait_until("the replica holds the key", lambda: replica.call("GET", "k") == "v")
    options = declared(lab, server, pair, authority)
    assert not (first := lab.run("config", **options)).failed, first.msg
    again = lab.run("config", **options)
    assert (again.failed, again.changed, again["restart"]) == (False, False, []), again.text
    run_id, before = server.info()["run_id"], pair.cert.read_text()
    authority.issue("renewed")
    assert served(server.port, pair) == before
    dry = lab.run("config", check=True, **options)
    assert dry["steps"] == [f"redis main: read the renewed certificates again, {pair.cert} and its neighbours"]
    assert served(server.port, pair) == before
    done = lab.run("config", **options)
    assert (done["steps"], done["restart"]) == (dry["steps"], [])
    assert served(server.port, pair) == pair.cert.read_text() != before
    assert server.info()["run_id"] == run_id
    assert replica.info()["master_link_status"] == "up"
    assert not lab.run("config", **options).changed


def test_bad_files_are_refused_before_anything_is_changed(lab: Lab, authority: Authority, pair: Pair) -> None:
    server = secure(lab, "s", authority, pair)
    old = authority.issue("old", days=-1)
    files = {"tls-cert-file": str(old.cert), "tls-key-file": str(old.key)}
    answer = lab.run("config", **declared(lab, server, pair, authority, **files))
    assert answer.msg.startswith("redis main: The certificate has expired")
    soon = authority.issue("soon", days=5)
    files = {"tls-cert-file": str(soon.cert), "tls-key-file": str(soon.key)}
    warned = lab.run("config", check=True, **declared(lab, server, pair, authority, **files))
    assert f"{soon.cert} ends in 4 days; renew it" in warned.text
    # The plan would leave the plain port: peers and Sentinels know the set by it.
    plain = lab.server("plain", password=PASSWORD)
    plain.config.write_text(f"# quorum.redis: assembled from sha256:{'0' * 64}\nport {plain.port}\n")
    options = declared(lab, server, pair, authority)
    options.update(state_file=str(plain.config), port=free_port())
    assert "runs as redis_tls: off and is declared only" in lab.run("config", **options).msg
    assert not (lab.root / "main.conf").exists()


def test_a_port_for_tls_comes_and_goes_with_a_restart(lab: Lab, authority: Authority, pair: Pair) -> None:
    """From off to dual and back: the plain port stays, and the module says what the restart is for."""
    server = lab.server("s", password=PASSWORD)
    port = free_port()
    plain = {"port": server.port, "tls-port": port, "tls-replication": False, "tls-auth-clients": "no"}
    options = {**declared(lab, server, pair, authority, **plain), **server.endpoint()}
    done = lab.run("config", **options)
    assert not done.failed, done.msg
    assert "tls-port" in [item["key"] for item in done["restart"]]
    assert not [key for key in done["live"] if key.startswith("tls-")]
    own = f"dir {server.directory}\n"
    server.stop()
    server.config.write_text((lab.root / "main.conf").read_text() + own)
    server.start()
    again = lab.run("config", **options)
    assert (again.failed, again.changed, again["restart"]) == (False, False, []), again.text
    seen = lab.run("instance_info", **{**server.endpoint(), "port": port}, tls=True, tls_ca_file=str(authority.ca))
    assert seen["instance"]["reachable"], seen.text
    without = {key: value for key, value in options["parameters"].items() if not key.startswith("tls-")}
    back = lab.run("config", **{**options, "parameters": without})
    assert not back.failed, back.msg
    assert "tls-port" in [item["key"] for item in back["restart"]]
    assert "tls-" not in (lab.root / "main.conf").read_text()
