# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The data sets of this scenario."""

from __future__ import annotations

import pytest
from deployment import DataSet
from lab import Lab


@pytest.fixture(scope="module")
def main(lab: Lab) -> DataSet:
    """Return the watched data set as inventory.yml declares it."""
    hosts = ["b1", "b2", "b3"]
    return DataSet(lab, hosts, "backup-Rt5wQz", hosts, "backup-Lk8vYe")


@pytest.fixture(scope="module")
def other(lab: Lab) -> DataSet:
    """Return the data set without Sentinels."""
    return DataSet(lab, ["b1", "b2", "b3"], "backup-Rt5wQz", name="other", port=6380)
