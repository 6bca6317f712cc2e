# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""TLS of a connection: what redis-py must be told, and why a handshake failed. The certificate is always verified."""

from __future__ import annotations

import re
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Mapping, Optional, Sequence

from .._core.errors import BadConfig, Unreachable

_EXPIRED, _NOT_YET = 10, 9
UNKNOWN_CA = (2, 18, 19, 20, 21)
THREE_ROUNDS = (
    "Bring the same file to all hosts; a change of the CA takes three rounds: both CAs in it, then the new "
    "certificates, then the new CA alone"
)
_NAME = (62, 64)
_PURPOSE = 26
_CUT = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ConnectionResetError, BrokenPipeError)
_ALERTS = (  # what the other side says of the certificate of this one
    (r"alert certificate[_ ]required|peer did not return a certificate", "The server asks for a client certificate"),
    (r"alert unknown ca", "The server does not know the CA of the client certificate"),
    (r"alert certificate expired", "The client certificate has expired"),
    (
        r"alert (bad|unsupported|unknown) ?certificate|alert certificate unknown",
        "The server refuses the client certificate",
    ),
)


@dataclass(frozen=True)
class Tls:
    """By which CA the other side is proved, and with which certificate this one proves itself."""

    ca: Optional[str] = None
    cert: Optional[str] = None
    key: Optional[str] = None
    named: ClassVar[bool] = True  # the certificate must have the address


@dataclass(frozen=True)
class Through(Tls):
    """The way through somebody who leads on: the address does not tell whose certificate it is."""

    named: ClassVar[bool] = False


def tls_from_params(params: Mapping[str, Any]) -> Optional[Tls]:
    """Return what the connection options say of TLS; None without it. BadConfig: a file that cannot be used."""
    if not params.get("tls"):
        return None
    tls = Tls(*(params.get(f"tls_{part}_file") or None for part in ("ca", "cert", "key")))
    if bool(tls.cert) != bool(tls.key):
        given, missing = ("tls_cert_file", "tls_key_file") if tls.cert else ("tls_key_file", "tls_cert_file")
        raise BadConfig(f"{given} is given without {missing}", "", "Give both, or none")
    for path in (tls.ca, tls.cert, tls.key):
        try:
            if path:
                Path(path).read_bytes()
        except OSError as problem:
            todo = "Bring the file to the host, or correct the path"
            raise BadConfig(f"A file of TLS cannot be read: {problem.strerror}", path or "", todo) from problem
    return tls


def secure_connection(plain: Any, tls: Tls) -> Any:
    """Return redis-py's class of a plain connection, over TLS, which trusts the declared CA alone.

    Its own class trusts all CAs of the machine beside it, and reads them anew for each connection.
    """
    context = build_context(tls)

    def connect(own: Any) -> ssl.SSLSocket:
        line = plain._connect(own)
        try:
            return context.wrap_socket(line, server_hostname=own.host)
        except OSError:
            line.close()
            raise

    return type("Secured", (plain,), {"_connect": connect})


def explain_unproved(problem: ssl.SSLCertVerificationError) -> tuple[str, str]:
    """Return why a certificate was not accepted, and what to do."""
    code, reason = problem.verify_code, str(problem.verify_message).rstrip(".")
    if code == _EXPIRED:
        return "The certificate has expired", "Renew it; see also that the clock of this host is right"
    if code == _NOT_YET:
        return "The certificate is not valid yet", "See that the clocks of both hosts are right"
    if code in _NAME:
        return (
            f"The certificate is of somebody else: {reason}",
            "Issue one with this address among its alternative names",
        )
    if code in UNKNOWN_CA:
        return (
            f"The certificate is not of the known CA: {reason}",
            f"Correct tls_ca_file, or the certificate of the server. {THREE_ROUNDS}",
        )
    if code == _PURPOSE:
        return "The certificate may not be used for this purpose", "Issue one for both serverAuth and clientAuth"
    return f"The certificate is not accepted: {reason}", "Issue another one"


def explain_handshake(problem: BaseException, where: str) -> Optional[Unreachable]:
    """Return why a handshake failed; None when this is no matter of TLS."""
    if isinstance(problem, ssl.SSLCertVerificationError):
        what, todo = explain_unproved(problem)
        return Unreachable(what, where, todo, kind="tls")
    if not isinstance(problem, ssl.SSLError):
        return None
    reason = str(problem)
    for pattern, what in _ALERTS:
        if re.search(pattern, reason, re.IGNORECASE):
            return Unreachable(what, where, "Correct tls_cert_file and tls_key_file", kind="tls")
    if re.search(r"wrong.version.number|unknown.protocol|http.request", reason, re.IGNORECASE):
        return refuse_plain(where)
    if re.search(r"KEY_VALUES_MISMATCH", reason):
        return Unreachable("Certificate and key do not belong together", where, "Correct tls_key_file", kind="tls")
    text = re.sub(r"\s*\(_ssl\.c:\d+\)$", "", reason)
    return Unreachable(f"TLS failed: {text}", where, "See that both sides have a TLS version in common", kind="tls")


def build_context(tls: Tls) -> ssl.SSLContext:
    """Return what verifies the other side, with the own certificate in it."""
    context = ssl.create_default_context(cafile=tls.ca)
    context.check_hostname = tls.named
    if tls.cert:
        context.load_cert_chain(tls.cert, tls.key)
    return context


def read_certificate(tls: Tls, address: str, port: int, timeout: float) -> bytes:
    """Return the certificate that a server shows, proved or not; nothing is said there."""
    trial = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trial.check_hostname, trial.verify_mode = False, ssl.CERT_NONE
    if tls.cert:
        trial.load_cert_chain(tls.cert, tls.key)
    with socket.create_connection((address, port), timeout) as raw, trial.wrap_socket(raw) as line:
        return line.getpeercert(binary_form=True) or b""


def explain_failure(
    causes: Sequence[BaseException], tls: Optional[Tls], address: str, port: int, timeout: float
) -> Optional[Unreachable]:
    """Return why a connection failed when that is a matter of TLS; None otherwise."""
    where = f"{address}:{port}"
    if tls is None:
        cut = any(isinstance(cause, _CUT) for cause in causes)
        return refuse_secured(where) if cut and _wants_tls(address, port) else None
    for cause in causes:
        if isinstance(cause, socket.timeout) and "handshake" in str(cause):
            return refuse_plain(where)  # an engine takes it for a line that has not ended
        if isinstance(cause, _CUT):
            return _inquire(tls, address, port, timeout)
        explained = explain_handshake(cause, where)
        if explained:
            return explained
    return None


def _inquire(tls: Tls, address: str, port: int, timeout: float) -> Optional[Unreachable]:
    """Ask once more why a server ended a connection: one that writes nothing gets to read the reason."""
    try:
        with socket.create_connection((address, port), timeout) as raw, build_context(tls).wrap_socket(
            raw, server_hostname=address
        ) as line:
            line.settimeout(min(timeout, 0.5))
            line.recv(1)
    except OSError as problem:
        return None if isinstance(problem, _CUT) else explain_handshake(problem, f"{address}:{port}")
    return None


def _wants_tls(address: str, port: int) -> bool:
    """Return whether a port that has ended a plain connection answers to TLS; nothing secret is said there."""
    try:
        return bool(read_certificate(Tls(), address, port, 0.2))
    except OSError:
        return False


def refuse_plain(where: str) -> Unreachable:
    """Return the error for a port that is spoken to with TLS and has none."""
    return Unreachable(
        "What answers there speaks no TLS", where, "Correct the port, or connect without TLS", kind="tls"
    )


def refuse_secured(where: str) -> Unreachable:
    """Return the error for a port that is spoken to in plain and wants TLS."""
    return Unreachable("What answers there wants TLS", where, "Connect with TLS, or correct the port", kind="tls")
