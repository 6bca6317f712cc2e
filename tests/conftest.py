# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes this checkout importable as ansible_collections.quorum.redis, wherever it was cloned to."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import measured
import pytest

pytest_runtest_makereport = measured.pytest_runtest_makereport
pytest_terminal_summary = measured.pytest_terminal_summary

ROOT = Path(__file__).resolve().parents[1]


# Where this checkout lies in a collections tree already, that tree counts; else the link that the checkout carries.
COLLECTIONS = ROOT.parents[2] if ROOT.parts[-3:] == ("ansible_collections", "quorum", "redis") else ROOT / "collections"
sys.path.insert(0, str(COLLECTIONS))
os.environ["ANSIBLE_COLLECTIONS_PATH"] = str(COLLECTIONS)


@pytest.fixture(scope="session")
def collections_path() -> Path:
    """Return the directory to put on PYTHONPATH and ANSIBLE_COLLECTIONS_PATH of child processes."""
    return COLLECTIONS
