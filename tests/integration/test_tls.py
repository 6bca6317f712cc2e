# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections over TLS: the certificate is verified, and what is wrong with it is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict

import pytest
from authority import Authority, Pair

from .conftest import PASSWORD, Lab, Server

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


@pytest.mark.parametrize("what", WRONG)
def test_a_certificate_that_does_not_prove_the_server_is_refused(
    lab: Lab, authority: Authority, pair: Pair, what: str
) -> None:
    made, words = WRONG[what]
    server = lab.server("s", password=PASSWORD)
    odd = authority.issue(what.replace(" ", "-"), **made)
    port = server.port + 3000
    lines = {"tls-ca-cert-file": authority.ca, "tls-cert-file": odd.cert, "tls-key-file": odd.key, "tls-port": port}
    server.stop()
    server.config.write_text(server.config.read_text() + "".join(f"{key} {value}\n" for key, value in lines.items()))
    server.start()
    server.ca, server.own = authority.ca, pair
    answer = lab.run("instance_info", **{**server.endpoint(), "port": port})
    assert words in answer.text, answer.text
