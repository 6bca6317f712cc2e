# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said of certificates before a server has them, with a small CA made by openssl."""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._core.errors import BadConfig, QuorumError, Refused
from ansible_collections.quorum.redis.plugins.module_utils._host.certificates import (
    all_trust,
    check_bus,
    check_certificate,
    check_declared,
    check_tls_steps,
    digest_of_file,
    known_here,
    mode_of,
    one_step,
)
from ansible_collections.quorum.redis.plugins.module_utils._redis.tls import Tls, explain_handshake, tls_from_params
from authority import Authority, Pair

ADDRESS = "192.0.2.11"
NAMES = f"IP:{ADDRESS},DNS:db1.example"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Return a CA."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def good(authority: Authority) -> Pair:
    """Return what is right."""
    return authority.issue("good", NAMES, days=90)


def files(authority: Authority, pair: Pair, **changes: Any) -> Tls:
    return Tls(**{"ca": str(authority.ca), "cert": str(pair.cert), "key": str(pair.key), **changes})


def test_what_is_right_passes_without_a_word(authority: Authority, good: Pair) -> None:
    assert check_certificate(files(authority, good), ADDRESS, "redis main") == ""
    parameters = {"tls-ca-cert-file": authority.ca, "tls-cert-file": good.cert, "tls-key-file": good.key}
    assert check_declared(parameters, ADDRESS, "redis main") == []
    assert check_declared({}, ADDRESS, "redis main") == []


def test_a_certificate_that_ends_soon_is_a_warning(authority: Authority, good: Pair) -> None:
    said = check_certificate(files(authority, good), ADDRESS, "redis main", time.time() + 70 * 86400)
    assert said == f"{good.cert} ends in 19 days; renew it"


@pytest.mark.parametrize(
    ("made", "words"),
    [
        ({"days": -1}, "The certificate has expired"),
        ({"names": "IP:192.0.2.12"}, "The certificate is of somebody else"),
        ({"names": "DNS:db1.example"}, "The certificate is of somebody else"),
        ({"usage": "serverAuth"}, "The certificate may not be used for this purpose"),
        ({"usage": "clientAuth"}, "The certificate may not be used for this purpose"),
    ],
)
def test_a_certificate_that_will_not_do_is_refused(authority: Authority, made: dict[str, Any], words: str) -> None:
    pair = authority.issue("bad", **{"names": NAMES, **made})
    with pytest.raises(BadConfig) as error:
        check_certificate(files(authority, pair), ADDRESS, "redis main")
    assert str(error.value).startswith(f"redis main: {words}")
    assert str(pair.cert) in error.value.where
    assert "Nothing was changed" in str(error.value)


def test_files_that_do_not_belong_together_are_refused(authority: Authority, good: Pair, tmp_path: Path) -> None:
    other = Authority(tmp_path / "other", "other")
    stranger = other.issue("x", NAMES)
    (tmp_path / "text").write_text("no certificate")
    for changes, words in (
        ({"key": str(stranger.key)}, "Certificate and key do not belong together"),
        ({"ca": str(other.ca)}, "The certificate is not of the known CA"),
        ({"key": str(tmp_path / "none")}, "a file of TLS cannot be read: No such file or directory"),
        ({"cert": str(tmp_path / "text")}, "One is no certificate, key or CA"),
        ({"ca": str(tmp_path / "text")}, "One is no certificate, key or CA"),
    ):
        with pytest.raises(BadConfig) as error:
            check_certificate(files(authority, good, **changes), ADDRESS, "redis main")
        assert words in str(error.value)


MODES: dict[str, dict[str, Any]] = {
    "off": {"port": "6379"},
    "dual": {"port": "6379", "tls-port": "16379", "tls-replication": "no"},
    "peers": {"port": 6379, "tls-port": 16379, "tls-replication": True},
    "only": {"port": "0", "tls-port": "16379", "tls-replication": "yes"},
}


@pytest.mark.parametrize(
    ("running", "wanted", "next_one"),
    [
        ("off", "off", ""),
        ("off", "dual", ""),
        ("off", "peers", "dual"),
        ("off", "only", "dual"),
        ("dual", "off", ""),
        ("dual", "peers", ""),
        ("dual", "only", "peers"),
        ("peers", "only", ""),
        ("peers", "off", "dual"),
        ("only", "peers", ""),
        ("only", "dual", "peers"),
        ("only", "off", "peers"),
    ],
)
def test_the_way_to_tls_only_is_taken_step_by_step(running: str, wanted: str, next_one: str) -> None:
    assert [mode_of(MODES[name]) for name in (running, wanted)] == [running, wanted]
    if not next_one:
        one_step("redis main", "/f", MODES[running], MODES[wanted])
        return
    with pytest.raises(Refused, match=f"Run with redis_tls: {next_one} first"):
        one_step("redis main", "/f", MODES[running], MODES[wanted])


@pytest.mark.parametrize(
    ("running", "wanted", "refused"),
    [("off", "dual", False), ("dual", "peers", True), ("peers", "only", False), ("peers", "dual", True)],
)
def test_how_members_speak_changes_with_all_hosts_only(running: str, wanted: str, refused: bool) -> None:
    check_tls_steps("redis main", "/f", MODES[running], MODES[wanted], [])
    if not refused:
        check_tls_steps("redis main", "/f", MODES[running], MODES[wanted], ["db2"])
        return
    with pytest.raises(Refused, match="this one is without db2, db3"):
        check_tls_steps("redis main", "/f", MODES[running], MODES[wanted], ["db2", "db3"])


@pytest.mark.parametrize(
    ("running", "wanted", "refused"),
    [
        ("off", "dual", False),
        ("dual", "off", False),
        ("dual", "peers", True),
        ("peers", "dual", True),
        ("peers", "only", False),
        ("only", "peers", False),
    ],
)
def test_a_running_cluster_keeps_how_its_members_speak(running: str, wanted: str, refused: bool) -> None:
    check_bus("redis main", "/f", MODES[running], MODES[wanted])
    cluster = {**MODES[wanted], "cluster-enabled": True}
    if not refused:
        check_bus("redis cart-7000", "/f", MODES[running], cluster)
        return
    with pytest.raises(Refused, match=r"while all of them are stopped.*Nothing was changed.*systemctl stop"):
        check_bus("redis cart-7000", "/f", MODES[running], cluster)


def test_hosts_with_different_cas_are_named(tmp_path: Path) -> None:
    (tmp_path / "ca").write_text("A")
    own = digest_of_file(str(tmp_path / "ca"))
    assert own and digest_of_file(str(tmp_path / "none")) == ""
    all_trust("redis main", "/f", own, {"db1": own, "db2": "", "db3": own})
    with pytest.raises(Refused, match=r"the CA file of db2 is another one.*three rounds"):
        all_trust("redis main", "/f", own, {"db1": own, "db2": "other"})


def test_a_peer_that_shows_a_certificate_of_the_former_ca_is_named(authority: Authority, tmp_path: Path) -> None:
    """A real listener with TLS; one that is not there, or is of a known CA, is no reason to stop."""
    own = authority.issue("own", "IP:127.0.0.1")
    other = Authority(tmp_path / "other", "next")
    listener = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    listener.load_cert_chain(own.cert, own.key)
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(1) as pool:
        peer = {"host": "db2", "address": "127.0.0.1", "port": server.getsockname()[1]}

        def serve() -> None:
            for _turn in range(2):
                line, _address = server.accept()
                with contextlib.suppress(OSError):
                    listener.wrap_socket(line, server_side=True).close()

        pool.submit(serve)
        known_here("redis main", Tls(str(authority.ca)), [peer, {**peer, "port": 1}], 1.0)
        with pytest.raises(Refused, match=r"db2 .* shows a certificate of a CA that is not in the new file"):
            known_here("redis main", Tls(str(other.ca)), [peer], 1.0)


def test_the_options_of_a_connection(authority: Authority, good: Pair) -> None:
    given = {"tls": True, "tls_ca_file": str(authority.ca), "tls_cert_file": str(good.cert), "tls_key_file": ""}
    assert tls_from_params({**given, "tls": False}) is None
    assert tls_from_params({"name": "without these options"}) is None
    assert tls_from_params({**given, "tls_key_file": str(good.key)}) == files(authority, good)
    assert tls_from_params({**given, "tls_cert_file": ""}) == Tls(str(authority.ca))
    with pytest.raises(QuorumError, match="tls_cert_file is given without tls_key_file"):
        tls_from_params(given)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] tlsv13 alert certificate required", "asks for a client certificate"),
        ("[SSL: TLSV1_ALERT_UNKNOWN_CA] tlsv1 alert unknown ca (_ssl.c:1)", "does not know the CA of the client"),
        ("[SSL: SSLV3_ALERT_BAD_CERTIFICATE] sslv3 alert bad certificate", "refuses the client certificate"),
        ("[SSL: SSLV3_ALERT_CERTIFICATE_EXPIRED] sslv3 alert certificate expired", "client certificate has expired"),
        ("[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1006)", "speaks no TLS"),
        (
            "[SSL: NO_PROTOCOLS_AVAILABLE] no protocols available (_ssl.c:1)",
            "TLS failed: [SSL: NO_PROTOCOLS",
        ),
    ],
)
def test_what_the_other_side_says_of_a_handshake(said: str, words: str) -> None:
    found = explain_handshake(ssl.SSLError(1, said), "192.0.2.11:6379")
    assert found is not None
    assert words in str(found)
    assert "192.0.2.11:6379" in str(found)
    assert explain_handshake(OSError("x"), "y") is None
