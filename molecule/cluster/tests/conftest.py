# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cluster of this scenario, and the replicated set beside it."""

from __future__ import annotations

import pytest
from deployment import DataSet
from deployment.sharded import ShardedSet
from lab import Lab

HOSTS = ["k1", "k2", "k3"]
PASSWORD = "server-Kw7tQ2"


@pytest.fixture(scope="module")
def main(lab: Lab) -> DataSet:
    """Return the replicated set as inventory.yml declares it."""
    return DataSet(lab, HOSTS, PASSWORD)


@pytest.fixture(scope="module")
def cart(lab: Lab) -> ShardedSet:
    """Return the cluster as inventory.yml declares it."""
    return ShardedSet(lab, HOSTS, [7000, 7001], PASSWORD)
