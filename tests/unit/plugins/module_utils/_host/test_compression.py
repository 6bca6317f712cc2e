# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files as they were before they were compressed."""

from __future__ import annotations

import gzip
import hashlib
import io
from pathlib import Path

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._core.errors import Damaged
from ansible_collections.quorum.redis.plugins.module_utils._host.compression import unpack_file

CONTENT = b"REDIS0011" * 1000


def test_a_file_is_unpacked_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "dump.rdb.gz").write_bytes(gzip.compress(CONTENT))
    target = io.BytesIO()
    unpack_file(str(tmp_path / "dump.rdb.gz"), "gzip", hashlib.sha256(CONTENT).hexdigest(), target)
    assert target.getvalue() == CONTENT


def test_another_content_is_damaged(tmp_path: Path) -> None:
    (tmp_path / "dump.rdb").write_bytes(CONTENT + b"x")
    with pytest.raises(Damaged, match="another check sum"):
        unpack_file(str(tmp_path / "dump.rdb"), "none", hashlib.sha256(CONTENT).hexdigest(), io.BytesIO())
