# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The addresses and zones of the hosts of an inventory, as Ansible reads them, also where they are made from facts."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.vars.hostvars import HostVars
from ansible.vars.manager import VariableManager
from ansible_collections.quorum.redis.plugins.plugin_utils.addresses import Addresses

HOSTS = """\
redis:
  hosts:
    db1: {ansible_host: 192.0.2.1}
    db2: {ansible_host: 192.0.2.2, redis_address: "{{ ansible_facts.default_ipv4.address }}"}
    db3: {redis_address: "2001:DB8:0::1", redis_zone: "{{ ansible_facts.rack }}"}
    db4: {redis_address: "{{ nobody_said_that }}"}
"""


@pytest.fixture
def addresses(tmp_path: Path) -> Addresses:
    """Return those of an inventory of which no facts are gathered."""
    (tmp_path / "hosts.yml").write_text(HOSTS, encoding="utf-8")
    loader = DataLoader()
    found = InventoryManager(loader=loader, sources=[str(tmp_path / "hosts.yml")])
    return Addresses(HostVars(found, VariableManager(loader=loader, inventory=found), loader))


def test_an_address_is_that_of_the_peers_before_that_of_ansible(addresses: Addresses) -> None:
    assert (addresses("db1"), addresses("db3")) == ("192.0.2.1", "2001:db8::1")
    assert addresses.zone("db1") == "db1"


def test_what_is_made_from_facts_is_one_sentence_with_the_host(addresses: Addresses) -> None:
    """Also of a host that is outside of the --limit."""
    for ask, host, name in ((addresses, "db2", "redis_address"), (addresses.zone, "db3", "redis_zone")):
        with pytest.raises(ValueError, match=f"^{host}: {name} is made from facts, which are not gathered: ") as said:
            ask(host)
        assert "Gather those of all members in a play before this one" in str(said.value)
    with pytest.raises(ValueError, match=r"^db4: redis_address has no value: "):
        addresses("db4")
