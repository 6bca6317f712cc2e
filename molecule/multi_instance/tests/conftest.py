# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The data sets of this scenario."""

from __future__ import annotations

import pytest
from deployment import DataSet
from lab import Lab

SHOP = ["m1", "m2", "m3"]


@pytest.fixture(scope="module")
def orders(lab: Lab) -> DataSet:
    """Return the data set under Sentinel."""
    return DataSet(lab, SHOP, "shop-Tn4bR6", SHOP, "shop-sentinel-Hv2c", name="orders")


@pytest.fixture(scope="module")
def pages(lab: Lab) -> DataSet:
    """Return the cache beside it, which has neither Sentinel nor persistence."""
    return DataSet(lab, SHOP, "shop-Tn4bR6", name="pages", port=6380)


@pytest.fixture(scope="module")
def forum(lab: Lab) -> DataSet:
    """Return the data set of the other deployment, which has the same name as one of the first."""
    return DataSet(lab, ["n1", "n2"], "forum-Gk8sY1", name="orders")
