# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a certificate ends."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._model.certificate import not_after
from authority import Authority


@pytest.mark.parametrize("days", [20, -1, 36500])  # the last one ends after 2050, which is written in another way
def test_the_end_is_that_which_openssl_reads(tmp_path: Path, days: int) -> None:
    pair = Authority(tmp_path).issue("one", days=days)
    command = ["openssl", "x509", "-in", str(pair.cert), "-noout", "-enddate"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.partition("=")[2]
    assert not_after(ssl.PEM_cert_to_DER_cert(pair.cert.read_text())) == ssl.cert_time_to_seconds(said.strip())


@pytest.mark.parametrize("der", [b"", b"\x30", b"\x30\x03\x02\x01\x00", b"no certificate", bytes(40)])
def test_anything_else_is_no_certificate(der: bytes) -> None:
    with pytest.raises(ValueError, match=r"no certificate"):
        not_after(der)
