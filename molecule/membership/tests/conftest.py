# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Data sets of these hosts, and inventories that name some of them."""

from __future__ import annotations

import pytest
import yaml
from deployment import DataSet
from deployment.partial import Among, Of
from lab import Lab


@pytest.fixture(scope="module")
def of(lab: Lab) -> Of:
    """Return what makes a data set of these hosts."""

    def make(*hosts: str) -> DataSet:
        return DataSet(lab, hosts, "server-Jb6rWy", hosts, "sentinel-Xm2kPa")

    return make


@pytest.fixture(scope="module")
def among(lab: Lab) -> Among:
    """Return what makes the same lab with an inventory that names only these hosts, and one with a Sentinel only."""

    def make(*hosts: str, watching: str = "") -> Lab:
        told = yaml.safe_load(lab.inventories[0].read_text(encoding="utf-8"))
        for group in told["all"]["children"].values():
            group["hosts"] = dict.fromkeys(hosts)
        if watching:
            told["all"]["children"]["redis_sentinel"]["hosts"][watching] = None
            told["all"]["children"]["redis_backup"] = {"hosts": {watching: None}}
        path = lab.state / f"{'-'.join(hosts)}{watching and f'-and-{watching}'}.yml"
        path.write_text(yaml.safe_dump(told), encoding="utf-8")
        return Lab(lab.prefix, [path])

    return make
