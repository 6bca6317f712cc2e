# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who waits for a restart, and what the next one of a cluster waits for."""

from __future__ import annotations

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._lifecycle.waiting import cluster_fault, members_to_restart

MAIN = {
    "name": "main",
    "members": [{"host": host, "address": f"192.0.2.{host[1]}", "port": 6379} for host in ("k1", "k2", "k3")],
}
CART = {
    "name": "cart",
    "servers": [{"name": "cart-7000", "port": 27000}, {"name": "cart-7001", "port": 27001}],
    "members": [
        {"host": host, "address": f"192.0.2.{host[1]}", "port": port}
        for port in (27000, 27001)
        for host in ("k1", "k2", "k3")
    ],
}


def test_those_that_wait_are_found_by_the_names_of_their_servers() -> None:
    wanted = {"k2": ["cart-7001", "main"], "k3": ["cart-7000"], "k9": ["main"]}
    assert [member["host"] for member in members_to_restart(MAIN, wanted)] == ["k2"]
    assert [(one["called"], one["server"], one["place"]) for one in members_to_restart(CART, wanted)] == [
        ("k3:27000", "cart-7000", "192.0.2.3:27000"),
        ("k2:27001", "cart-7001", "192.0.2.2:27001"),
    ]


def test_all_are_meant_only_where_nobody_of_the_set_waits() -> None:
    wanted = {"k1": ["cart-7000"], "k2": []}
    assert len(members_to_restart(MAIN, wanted, everybody=True)) == 3
    assert [one["called"] for one in members_to_restart(CART, wanted, everybody=True)] == ["k1:27000"]
    assert members_to_restart(MAIN, wanted) == []
    assert len(members_to_restart(CART, {}, everybody=True)) == 6


def nodes(*flags: str) -> str:
    return "".join(
        f"{number:040x} 192.0.2.{number}:7000@17000 {flag} - 0 0 {number} connected\n"
        for number, flag in enumerate(flags, 1)
    )


@pytest.mark.parametrize(
    ("state", "flags", "fault"),
    [
        ("ok", "slave", ""),
        ("ok", "slave,fail?", "192.0.2.1:7000 says that 192.0.2.2:7000 has failed"),
        ("fail", "slave", "192.0.2.1:7000 says that the state of the cluster is fail"),
    ],
)
def test_a_cluster_is_whole_when_every_member_says_so(state: str, flags: str, fault: str) -> None:
    told = {"192.0.2.1:7000": {"state": state, "nodes": nodes("myself,master", flags, "master,fail")}}
    both = {**told, "192.0.2.2:7000": {"state": "ok", "nodes": nodes("master", "myself,slave")}}
    assert cluster_fault(both) == fault  # the third one is no member
    assert cluster_fault({"192.0.2.2:7000": {}, **told}) == "192.0.2.2:7000 does not answer"
