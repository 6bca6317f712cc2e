# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of every scenario: the lab that it runs on, and its hosts as testinfra sees them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import measured
import pytest
import testinfra
from lab import Lab

pytest_runtest_makereport = measured.pytest_runtest_makereport
pytest_terminal_summary = measured.pytest_terminal_summary
HERE = Path(__file__).resolve().parent


@pytest.fixture(scope="module")
def lab(request: pytest.FixtureRequest) -> Lab:
    """Return the lab of the scenario that the test file lies in."""
    scenario = HERE / request.path.relative_to(HERE).parts[0]
    return Lab(os.environ.get("LAB_PREFIX", "") + scenario.name, [scenario / "inventory.yml"])


@pytest.fixture(scope="module")
def hosts(lab: Lab) -> dict[str, testinfra.host.Host]:
    """Return the hosts of the lab by name, for testinfra."""
    config = str(lab.state / "ssh_config")
    return {name: testinfra.get_host(f"ssh://{name}", ssh_config=config) for name in lab.hosts}


@pytest.fixture(autouse=True)
def mend(request: pytest.FixtureRequest) -> Iterator[None]:
    """Undo after each test the faults that it made."""
    yield
    if "lab" in request.fixturenames:
        request.getfixturevalue("lab").mend()
