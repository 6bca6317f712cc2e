# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes this checkout importable as ansible_collections.quorum.redis, wherever it was cloned to."""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def _collections_path() -> Path:
    """Return a directory that holds ansible_collections/quorum/redis; a link to this checkout unless it lies in one."""
    if ROOT.parts[-3:] == ("ansible_collections", "quorum", "redis"):
        return ROOT.parents[2]
    base = Path(tempfile.mkdtemp(prefix="quorum-redis-"))
    atexit.register(shutil.rmtree, base, ignore_errors=True)
    (base / "ansible_collections" / "quorum").mkdir(parents=True)
    (base / "ansible_collections" / "quorum" / "redis").symlink_to(ROOT, target_is_directory=True)
    return base


COLLECTIONS = _collections_path()
sys.path.insert(0, str(COLLECTIONS))
os.environ["ANSIBLE_COLLECTIONS_PATH"] = str(COLLECTIONS)


@pytest.fixture(scope="session")
def collections_path() -> Path:
    """Return the directory to put on PYTHONPATH and ANSIBLE_COLLECTIONS_PATH of child processes."""
    return COLLECTIONS
