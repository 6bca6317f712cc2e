# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of a firewall, and who is connected who could not connect again."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._model.firewall import (
    count_connections,
    firewall_model,
    list_listening,
    mark_of,
    ports_of,
    read_networks,
    render_rules,
    shut_out,
)

# As the kernel of a little-endian machine writes them: established, listening, over loopback, mapped, of another port.
TCP = """  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0400580A:18EB 0900580A:C350 01 00000000:00000000 00:00000000 00000000   101        0 1 1 0
   1: 0400580A:18EB 0900580A:C351 01 00000000:00000000 00:00000000 00000000   101        0 2 1 0
   2: 0400580A:18EB 00000000:0000 0A 00000000:00000000 00:00000000 00000000   101        0 3 1 0
   3: 0100007F:18EB 0100007F:C352 01 00000000:00000000 00:00000000 00000000   101        0 4 1 0
   4: 0400580A:0016 0A00580A:C353 01 00000000:00000000 00:00000000 00000000   101        0 5 1 0
   5: 0400580A:18EB 0B00580A:C354 06 00000000:00000000 00:00000000 00000000   101        0 6 1 0
"""
TCP6 = """  sl  local_address                         remote_address                        st
   0: 0000000000000000FFFF00000400580A:18EB 0000000000000000FFFF00000C00580A:C355 01
   1: B80D0120000000000000000001000000:18EB B80D0120000000000000000002000000:C356 01
"""
INSIDE = ("6400580A:18EB", "0400580A:C357")


def test_connections_are_counted_by_address() -> None:
    assert count_connections([TCP, TCP6], [6379]) == {"10.88.0.9": 2, "10.88.0.12": 1, "2001:db8::2": 1}
    assert count_connections([TCP, TCP6], [26379]) == {}


def test_a_connection_of_this_host_to_its_other_address_is_nobody_s() -> None:
    """With a second address, 10.88.0.100, it comes from the first one; the rules let it in by its interface."""
    rows = [f"   {at}: {here} {there} 01" for at, (here, there) in enumerate([INSIDE, INSIDE[::-1]])]
    assert count_connections(["\n".join(["", *rows])], [6379]) == {}
    assert count_connections(["\n".join(["", rows[0]])], [6379]) == {"10.88.0.4": 1}


def test_who_listens() -> None:
    assert list_listening([TCP, TCP6]) == {6379}


def test_who_could_not_come_back() -> None:
    seen = {"10.88.0.9": 2, "10.89.0.1": 1, "127.0.0.1": 4, "2001:db8::2": 1}
    assert shut_out(seen, read_networks(["10.88.0.0/16"])) == {"10.89.0.1": 1, "2001:db8::2": 1}
    assert shut_out(seen, read_networks(["0.0.0.0/0", "::/0"])) == {}


def test_the_rules_name_their_ports_and_nothing_else() -> None:
    text = render_rules("main", [16379, 6379], read_networks(["10.0.0.1", "10.0.0.0/8", "2001:db8::/64"]))
    assert text.count("dport") == 1 and "tcp dport { 6379, 16379 } tcp flags & (syn | ack) == syn" in text
    assert "policy accept" in text and "drop" not in text
    assert "ip saddr { 10.0.0.0/8 } return" in text
    assert "ip6 saddr { 2001:db8::/64 } return" in text
    assert "delete table inet quorum-redis-main\n" in text and "flush" not in text


def test_without_anybody_all_are_strangers() -> None:
    text = render_rules("main", [6379], [])
    assert "saddr" not in text and "reject with tcp reset" in text


def test_the_mark_tells_rule_sets_apart_and_not_their_spelling() -> None:
    def mark(ports: list[int], *allowed: str) -> str:
        return mark_of(render_rules("main", ports, read_networks(allowed)))

    assert len(set(mark([6379], "10.0.0.1").split())) == 1 and len(mark([6379], "10.0.0.1").split()[0]) == 32
    assert mark([6379], "10.0.0.1", "10.0.0.2") == mark([6379], "10.0.0.2/32", "10.0.0.1")
    assert len({mark([6379], "10.0.0.1"), mark([6380], "10.0.0.1"), mark([6379], "10.0.0.2"), mark([6379])}) == 4
    assert mark_of("table inet quorum-redis-main {\n}") == ""


def test_a_rule_that_was_deleted_by_hand_is_missed() -> None:
    text = render_rules("main", [6379], read_networks(["10.0.0.1", "2001:db8::1"]))
    for word in ("jump", "ip saddr", "ip6 saddr", "reject"):
        left = [line for line in text.splitlines() if word not in line]
        assert mark_of("\n".join(left)) != mark_of(text), word


def test_the_ports_are_read_again() -> None:
    assert ports_of(render_rules("main", [16379, 6379], [])) == {6379, 16379}
    assert ports_of("") == ports_of("table inet mine {\n}") == set()


@pytest.mark.parametrize("wrong", ["10.0.0.0/33", "apps.example.com", "10.0.0", "", "10.0.0.1; flush ruleset"])
def test_what_is_no_network_is_named(wrong: str) -> None:
    problems: list[str] = []
    found: dict[str, Any] = {"redis_firewall_clients": ["10.0.0.0/8", wrong]}
    firewall_model(found.get, [], set(), problems)
    assert [repr(wrong) in problem for problem in problems] == [True]


def test_the_model_holds_what_this_host_listens_on() -> None:
    processes = [
        {"name": "main", "port": 16379, "tls_port": 16379, "other_port": 6379, "local": True},
        {"name": "away", "port": 6380, "local": False},
        {"name": "sentinel", "port": 26379, "local": True},
    ]
    found: dict[str, Any] = {"redis_firewall_clients": None}
    assert firewall_model(found.get, processes, {"10.0.0.2", "10.0.0.1"}, []) == {
        "processes": [{"name": "main", "ports": [6379, 16379]}, {"name": "sentinel", "ports": [26379]}],
        "peers": ["10.0.0.1", "10.0.0.2"],
    }
