# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every run of `site` in the scenarios finds groups and hosts in another order; who is in which group stays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lab
import pytest
import yaml
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.vars.manager import VariableManager

INVENTORIES = sorted((lab.ROOT / "molecule").glob("*/inventory.yml"))


def read(paths: list[Path]) -> tuple[dict[str, list[str]], dict[str, str]]:
    """Return what Ansible makes of it: the hosts of each group, in order, and the variables of each host as text."""
    loader = DataLoader()
    found = InventoryManager(loader, [str(path) for path in paths])
    variables = VariableManager(loader, found)
    own = ("inventory_file", "inventory_dir", "groups", "omit")
    told = {
        host.name: str(sorted(item for item in variables.get_vars(host=host).items() if item[0] not in own))
        for host in found.get_hosts()
    }
    return found.get_groups_dict(), told


@pytest.mark.parametrize("inventory", INVENTORIES, ids=[path.parent.name for path in INVENTORIES])
def test_groups_and_hosts_change_places(inventory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lab, "ROOT", tmp_path)
    before, variables = read([inventory])
    state = tmp_path / ".lab" / "x"
    state.mkdir(parents=True)
    hosts = "".join(f"    {host}: {{ansible_host: 192.0.2.1}}\n" for host in variables)
    (state / "inventory.yml").write_text(f"all:\n  hosts:\n{hosts}", encoding="utf-8")
    known = lab.Lab("x", [inventory])
    direct: dict[str, dict[str, Any]] = {}
    lab._collect(yaml.safe_load(inventory.read_text(encoding="utf-8")), direct)
    paths = [known.shuffled() for _each in range(3)]
    assert paths != [known.inventories] * 3
    orders, named = [], [name for name in before if name not in ("all", "ungrouped")]
    for found, told in map(read, paths):
        assert {name: sorted(hosts) for name, hosts in found.items()} == {
            name: sorted(hosts) for name, hosts in before.items()
        }
        assert told == read(list(known.inventories))[1]
        several = [name for name, hosts in direct.items() if len(hosts) > 1 and name != "all"]
        assert all(found[name] != before[name] for name in several), found
        orders.append([name for name in found if name in named])
    assert len(named) < 2 or any(order != named for order in orders)
