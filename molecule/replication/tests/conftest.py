# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The data set of this scenario."""

from __future__ import annotations

import pytest
from deployment import DataSet
from lab import Lab


@pytest.fixture(scope="module")
def main(lab: Lab) -> DataSet:
    """Return the data set as inventory.yml declares it."""
    return DataSet(lab, ["p1", "p2", "p3"], "server-Zp4vN8")
