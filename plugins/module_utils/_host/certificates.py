# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether certificate, key and CA will do, before a server has them: two ends shake hands in memory."""

from __future__ import annotations

import hashlib
import re
import socket
import ssl
import time
from pathlib import Path
from typing import Any, Mapping, Optional, Sequence

from .._core.errors import BadConfig, Refused, Unreachable
from .._model.directives import TLS_MODES, TLS_PEERS
from .._redis.tls import THREE_ROUNDS, UNKNOWN_CA, Tls, build_context, explain_handshake, read_certificate

WARN_DAYS = 30
NOTE = "CA certificates: sha256:"
STALE = {"key": "tls-cert-file", "why": "the certificate was renewed, and a Sentinel reads it only at a start"}
TODO = "Nothing was changed. "


def declared_tls(parameters: Mapping[str, Any]) -> Optional[Tls]:
    """Return the files that a configuration names; None without TLS."""
    keys = ("tls-ca-cert-file", "tls-cert-file", "tls-key-file")
    return Tls(*(str(parameters[key]) for key in keys)) if all(parameters.get(key) for key in keys) else None


def format_authorities(parameters: Mapping[str, Any]) -> str:
    """Return a line that tells one content of the CA file from another; a process does not tell which one it read."""
    digest = digest_of_file(str(parameters.get("tls-ca-cert-file") or ""))
    return f"\n{NOTE}{digest}" if digest else ""


def digest_of_file(path: str) -> str:
    """Return what tells one content of a file from another; empty when it cannot be read."""
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except OSError:
        return ""


def parse_authorities(text: str) -> str:
    """Return what such a line in a file says, empty without one."""
    match = re.search(rf"^# {NOTE}(\w+)$", text, re.MULTILINE)
    return match.group(1) if match else ""


def check_declared(parameters: Mapping[str, Any], address: str, label: str) -> list[str]:
    """Return warnings about the files of a configuration. BadConfig: they will not do."""
    tls = declared_tls(parameters)
    warning = check_certificate(tls, address, label) if tls is not None else ""
    return [warning] if warning else []


def mode_of(parameters: Mapping[str, Any]) -> str:
    """Return which of TLS_MODES a configuration is."""
    if str(parameters.get("tls-port") or "0") == "0":
        return "off"
    if str(parameters.get("port", "")) == "0":
        return "only"
    return "peers" if parameters.get("tls-replication") in (True, "yes") else "dual"


def one_step(label: str, path: str, running: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Refuse to go further in one run than members and Sentinels can follow: they know each other by their ports."""
    was, will = (TLS_MODES.index(mode_of(parameters)) for parameters in (running, wanted))
    if abs(will - was) > 1:
        between = TLS_MODES[was + 1 if will > was else was - 1]
        raise Refused(
            f"{label}: runs as redis_tls: {TLS_MODES[was]} and is declared {TLS_MODES[will]}. Members and Sentinels "
            "would lose each other on the way",
            path,
            f"Nothing was changed. Run with redis_tls: {between} first; the way is {', '.join(TLS_MODES)}, and back",
        )


def check_bus(label: str, path: str, running: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Refuse that members of a cluster change one by one how they speak: they would take each other for dead."""
    was, will = mode_of(running), mode_of(wanted)
    if wanted.get("cluster-enabled") and (was in TLS_PEERS) != (will in TLS_PEERS):
        raise Refused(
            f"{label}: runs as redis_tls: {was} and is declared {will}. Members of a cluster lose each other when one "
            "after the other changes how they speak to each other, so this step is taken while all of them are stopped",
            path,
            f"{TODO}Stop the servers of this cluster on all hosts (systemctl stop), then run again: it starts them",
        )


def check_tls_steps(
    label: str, path: str, running: Mapping[str, Any], wanted: Mapping[str, Any], absent: Sequence[str]
) -> None:
    """Refuse that some change how members and Sentinels speak to each other while others do not take part."""
    was, will = mode_of(running), mode_of(wanted)
    if absent and (was in TLS_PEERS) != (will in TLS_PEERS):
        raise Refused(
            f"{label}: from redis_tls: {was} to {will} all hosts of the deployment go in one run, and this one is "
            f"without {', '.join(absent)}",
            path,
            TODO + "Correct what stopped them, and run for all hosts, without --limit",
        )


def all_trust(label: str, path: str, own: str, trusted: Mapping[str, str]) -> None:
    """Refuse when another host has other CAs in its file than this one: they may not know the next certificate."""
    others = [host for host, seen in trusted.items() if seen and own and seen != own]
    if others:
        raise Refused(
            f"{label}: the CA file of {', '.join(others)} is another one than here",
            path,
            TODO + THREE_ROUNDS,
        )


def known_here(label: str, tls: Tls, peers: Sequence[Mapping[str, Any]], timeout: float) -> None:
    """Refuse new CAs that do not know what a peer shows now; who does not answer with TLS is none of this."""
    for peer in peers:
        try:
            with socket.create_connection((peer["address"], int(peer["port"])), timeout) as raw:
                build_context(tls).wrap_socket(raw, server_hostname=peer["address"]).close()
        except ssl.SSLCertVerificationError as problem:
            if problem.verify_code not in UNKNOWN_CA:
                continue
            where = f"{peer['host']} ({peer['address']}:{peer['port']})"
            raise Refused(
                f"{label}: {where} shows a certificate of a CA that is not in the new file", tls.ca or "",
                TODO + THREE_ROUNDS,
            ) from problem  # fmt: skip
        except (OSError, ValueError):
            continue


def check_trust(label: str, parameters: Mapping[str, Any], before: str, now: str, params: Mapping[str, Any]) -> None:
    """See that other hosts have the same CAs, and that new ones know what peers show; both as the files note them."""
    tls = declared_tls(parameters)
    if tls is None or not now:
        return
    all_trust(label, tls.ca or "", now, params["trust"])
    if before not in ("", now):
        known_here(label, tls, params["peers"], params["connection"]["timeout"])


def check_certificate(tls: Tls, address: str, label: str, now: Optional[float] = None) -> str:
    """Return a warning, or nothing. BadConfig: these files will not do."""
    for path in (tls.ca, tls.cert, tls.key):
        try:
            Path(path or "").read_bytes()
        except OSError as problem:
            todo = TODO + "Bring the file to the host, or correct its variable"
            raise BadConfig(f"{label}: a file of TLS cannot be read: {problem.strerror}", path or "", todo) from problem
    try:
        certificate = rehearse_handshake(tls, address)
    except (OSError, ValueError) as problem:
        foreign = "PEM" in str(problem) or "no certificate" in str(problem)
        error = None if foreign else explain_handshake(problem, tls.cert or "")
        error = error or Unreachable(f"One is no certificate, key or CA: {problem}", todo="Correct the files")
        where = ", ".join(path for path in (tls.cert, tls.key, tls.ca) if path)
        raise BadConfig(f"{label}: {error.what}", where, TODO + error.todo) from problem
    return warn_of_expiry(certificate, tls.cert or "", time.time() if now is None else now)


def rehearse_handshake(tls: Tls, address: str) -> dict[str, Any]:
    """Let a server and a client that both have these files shake hands; return what the certificate says."""
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), build_context(tls)
    server.load_cert_chain(tls.cert or "", tls.key)
    server.load_verify_locations(tls.ca)
    server.verify_mode = ssl.CERT_REQUIRED
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [client.wrap_bio(down, up, server_hostname=address), server.wrap_bio(up, down, server_side=True)]
    for _turn in range(10):
        for end in list(ends):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            ends.remove(end)
            if end.server_side:
                return dict(end.getpeercert() or {})
    raise ssl.SSLError("the handshake does not end")


def warn_of_expiry(certificate: Mapping[str, Any], label: str, now: float) -> str:
    """Return the sentence for a certificate that ends soon; pure."""
    left = ssl.cert_time_to_seconds(str(certificate["notAfter"])) - now
    return f"{label} ends in {int(left // 86400)} days; renew it" if left < WARN_DAYS * 86400 else ""


def is_renewed(parameters: Mapping[str, Any], live: Mapping[str, str], options: Mapping[str, Any]) -> bool:
    """Return whether a process shows another certificate than its file has; no when it cannot be asked."""
    tls, port = declared_tls(parameters), str(parameters.get("tls-port"))
    if tls is None or live.get("tls-port", port) != port:
        return False
    try:
        pem = Path(tls.cert or "").read_text(encoding="ascii", errors="replace")
        first = pem[pem.index(ssl.PEM_HEADER) : pem.index(ssl.PEM_FOOTER) + len(ssl.PEM_FOOTER)]
        seen = read_certificate(tls, options["host"], int(port), options["connection"]["timeout"])
        return bool(seen) and seen != ssl.PEM_cert_to_DER_cert(first)
    except (OSError, ValueError):
        return False
