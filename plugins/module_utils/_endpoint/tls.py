# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""TLS of the endpoints: the files of this host, copied for HAProxy alone, and how the module itself connects."""

from __future__ import annotations

import hashlib
import socket
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Mapping, Optional, Sequence

from .._core.errors import BadConfig
from .._host import certificates
from .._model import haproxy
from .._redis.tls import Through, Tls, build_context, explain_unproved, tls_from_params

TODO = "Nothing was changed. Bring it to the endpoint host too, or correct its variable"


@dataclass
class Files:
    """What HAProxy reads, by path; nothing without TLS."""

    tls: Optional[Tls] = None
    content: dict[str, bytes] = field(default_factory=dict)
    digest: str = ""  # tells contents apart, without the key
    warnings: list[str] = field(default_factory=list)

    def reach_members(self, data_set: Mapping[str, Any]) -> Optional[Tls]:
        """Return how the members of a set are reached."""
        return self.tls if data_set["secure"] else None

    def reach_endpoint(self, data_set: Mapping[str, Any]) -> Optional[Tls]:
        """Return how the endpoint itself is: whose certificate its clients see is in nobody's hand here."""
        known = self.tls if data_set["tls"] != "off" else None
        return Through(known.ca, known.cert, known.key) if known else None


def read_files(sets: Sequence[Mapping[str, Any]], params: Mapping[str, Any]) -> Files:
    """Read the files that the sets need. BadConfig: they will not do."""
    if not any(data_set["secure"] for data_set in sets):
        return Files()
    own = any(haproxy.wants_own(data_set) for data_set in sets)
    given = {f"tls_{part}_file": params[f"tls_{part}_file"] for part in (("ca", "cert", "key") if own else ("ca",))}
    for name, path in given.items():
        if not path or not Path(path).is_file():
            raise BadConfig(f"redis_{name} is not on {params['name']}, and its endpoints need it", path or "", TODO)
    tls = tls_from_params({"tls": True, **given}) or Tls()
    files = Files(tls)
    if own:
        warning = certificates.check_certificate(
            tls, params["own_address"] or "127.0.0.1", f"The endpoints of {params['name']}"
        )
        files.warnings += [warning] if warning else []
    try:
        build_context(tls)
    except (OSError, ValueError) as problem:
        raise BadConfig(f"The CA of the endpoints is none: {problem}", tls.ca or "", TODO) from problem
    files.content[haproxy.CA] = _pem(tls.ca)
    shown = _pem(tls.cert) if own else b""
    if own:
        files.content[haproxy.OWN] = shown + _pem(tls.key)
    files.digest = hashlib.sha256(files.content[haproxy.CA] + shown).hexdigest()
    return files


def _pem(path: Optional[str]) -> bytes:
    return Path(path or "").read_bytes().rstrip(b"\n") + b"\n"


def warn_of_names(data_set: Mapping[str, Any], tls: Tls, names: Sequence[str]) -> list[str]:
    """Return a warning for each member whose certificate has no name by which clients reach this endpoint."""
    warnings = []
    for member in data_set["members"] if data_set["tls"] == "passthrough" else []:
        refusals = [_refused(tls, member, name) for name in names]
        if all(refusals):
            warnings.append(
                f"{member['host']} of {data_set['name']}: {refusals[0]}. Clients of its endpoint that compare names "
                f"with {' or '.join(names)} refuse it; add one of them to its certificate, or use tls: reencrypt"
            )
    return warnings


def _refused(tls: Tls, member: Mapping[str, Any], name: str) -> str:
    """Return why a client would not believe that this member has a name; empty where it would, or is silent."""
    place = (member["address"], int(member["connect"]))
    try:
        with socket.create_connection(place, 2) as raw:
            build_context(tls).wrap_socket(raw, server_hostname=name).close()
    except ssl.SSLCertVerificationError as problem:
        return explain_unproved(problem)[0]
    except (OSError, ValueError):
        return ""
    return ""
