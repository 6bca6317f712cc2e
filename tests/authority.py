# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small certificate authority for tests, made by openssl."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Optional


@dataclass
class Pair:
    """A certificate with its key."""

    cert: Path
    key: Path


def _openssl(*args: object) -> None:
    command = ["openssl", *map(str, args)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr


_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


class Authority:
    """One CA in a directory of its own."""

    def __init__(self, directory: Path, name: str = "ca") -> None:
        """Make key and certificate of the CA, unless they are there."""
        self.directory, self.name = directory, name
        directory.mkdir(exist_ok=True)
        self.ca, self.key = directory / f"{name}.crt", directory / f"{name}.key"
        if not self.ca.exists():
            use = ("-addext", "keyUsage=critical,keyCertSign,cRLSign")  # Python 3.13 asks for it
            _openssl(
                "req", "-x509", *_KEY, "-keyout", self.key, "-out", self.ca, "-subj", f"/CN={name}", "-days", 30, *use
            )

    def issue(self, name: str, names: str = "IP:127.0.0.1", days: int = 20, usage: Optional[str] = None) -> Pair:
        """Issue a certificate; a negative number of days makes one that has expired."""
        cert, key, request = (self.directory / f"{self.name}-{name}.{end}" for end in ("crt", "key", "csr"))
        extra = [word for text in (f"subjectAltName={names}",) if names for word in ("-addext", text)]
        extra += ["-addext", f"extendedKeyUsage={usage}"] if usage else []
        _openssl("req", *_KEY, "-keyout", key, "-out", request, "-subj", f"/CN={name}", *extra)
        sign = ("-CA", self.ca, "-CAkey", self.key, "-CAcreateserial", "-copy_extensions", "copy", "-days", days)
        _openssl("x509", "-req", "-in", request, *sign, "-out", cert)
        return Pair(cert, key)
