# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inventories that name a part of the hosts of a lab, and what the fixtures of the scenario membership return."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import yaml
from lab import Lab

from deployment import DataSet

Among = Callable[..., Lab]
Of = Callable[..., DataSet]


def leaving_out(lab: Lab, *hosts: str) -> Lab:
    """Return the same lab with an inventory in which nobody has heard of some hosts."""
    told = yaml.safe_load(lab.inventories[0].read_text(encoding="utf-8"))
    for host in hosts:
        _forget(told, host)
    path = lab.state / f"without-{'-'.join(hosts)}.yml"
    path.write_text(yaml.safe_dump(told), encoding="utf-8")
    return Lab(lab.prefix, [path])


def _forget(groups: dict[str, Any], host: str) -> None:
    for group in filter(None, groups.values()):
        (group.get("hosts") or {}).pop(host, None)
        _forget(group.get("children") or {}, host)
