# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CLUSTER NODES of real engines, and how views are put together."""

from __future__ import annotations

from itertools import pairwise

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._model.cluster_nodes import parse_node, parse_nodes
from ansible_collections.quorum.redis.plugins.module_utils._model.cluster_slots import (
    SLOTS,
    Range,
    count_slots,
    ranges_of,
    share_of,
    show_slots,
    slots_of,
)
from ansible_collections.quorum.redis.plugins.module_utils._model.cluster_view import (
    ClusterMember,
    list_clones,
    list_contested,
    list_disagreements,
    list_groups,
    list_strangers,
    list_unclaimed,
    open_slots,
    show_evidence,
)
from ansible_collections.quorum.redis.plugins.module_utils._model.observed import Observed

# Redis 7.0.15 with an open slot; a primary that was killed and replaced; nodes that have not met yet.
OPEN = """\
5af21b3977201c1cb2197d99c4925dc001f01f4a 127.0.0.1:7000@17000 myself,master - 0 1795939776000 1 connected 0-5460 \
[42->-ad84edf0239998a97ef66f34dc8057fcf35d2bb7]
6aa9a673b88cc60f7d292687813449dd28e0554c 127.0.0.1:7002@17002 master - 0 1795939776560 3 connected 10923-16383
9b4614654368c8ba74121cc617bc2753c426ae6d 127.0.0.1:7003@17003 slave 5af21b3977201c1cb2197d99c4925dc001f01f4a 0 \
1795939776660 1 connected
"""
KILLED = """\
5af21b3977201c1cb2197d99c4925dc001f01f4a 127.0.0.1:7000@17000,h.example myself,master - 0 1795939786000 1 connected \
0-5460
898219af22325675d89b28b3bd3f4aa3f73962b4 127.0.0.1:7004@17004 master - 0 1795939786601 6 connected 5461-10922
ad84edf0239998a97ef66f34dc8057fcf35d2bb7 127.0.0.1:7001@17001 master,fail - 1795939779120 1795939777588 2 connected
"""
MEETING = """\
8e5d6bf8c1c51c7858315a7a6eb3ed0f5360a5fc 127.0.0.1:7005@17005 handshake - 0 0 0 disconnected
bad06cb72cf4281d3f95522fe09236e68922e6f5 :7000@17000 myself,master - 0 0 0 connected
"""
IDS = {name: name.encode().hex().ljust(40, "0") for name in ("a", "b", "c", "d", "e", "f")}


def test_a_slot_on_its_way_is_told_by_its_owner() -> None:
    owner, _other, replica = parse_nodes(OPEN)
    assert (owner.address, owner.port, owner.bus_port, owner.epoch) == ("127.0.0.1", 7000, 17000, 1)
    assert owner.slots == [(0, 5460)] and owner.slot_count == 5461
    assert owner.migrating == {42: "ad84edf0239998a97ef66f34dc8057fcf35d2bb7"} and not owner.importing
    assert replica.is_replica and replica.primary_id == owner.id and not replica.slots


def test_host_names_and_failures_are_read() -> None:
    own, successor, dead = parse_nodes(KILLED)
    assert own.hostname == "h.example" and own.port == 7000
    assert dead.has_failed and not successor.has_failed and not dead.slots and successor.slots


def test_a_node_that_has_not_been_met_and_one_without_an_address() -> None:
    own, stranger = parse_nodes(MEETING)
    assert stranger.in_handshake and not stranger.linked
    assert (own.address, own.port, sorted(own.flags)) == ("", 7000, ["master", "myself"])


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("192.0.2.1:7000@17000", ("192.0.2.1", 7000, 17000, "")),
        ("2001:db8::1:7000@17000", ("2001:db8::1", 7000, 17000, "")),
        ("192.0.2.1:7000@17000,cache-1.example,shard-id=69bc", ("192.0.2.1", 7000, 17000, "cache-1.example")),
        ("192.0.2.1:7000@17000,,tls-port=0,shard-id=69bc", ("192.0.2.1", 7000, 17000, "")),
        (":0@0", ("", 0, 0, "")),
        ("192.0.2.1:7000", ("192.0.2.1", 7000, 0, "")),
    ],
)
def test_every_spelling_of_a_place(place: str, expected: tuple[str, int, int, str]) -> None:
    node = parse_node(f"{IDS['a']} {place} master,noaddr - 0 0 3 disconnected 1 3-5 [9-<-{IDS['b']}]")
    assert (node.address, node.port, node.bus_port, node.hostname) == expected
    assert node.is_lost and node.slots == [(1, 1), (3, 5)] and node.importing == {9: IDS["b"]}


def test_half_a_line_is_no_node() -> None:
    with pytest.raises(ValueError, match="no line of CLUSTER NODES"):
        parse_node("abc 127.0.0.1:7000")


def test_slots_as_ranges() -> None:
    assert ranges_of([5, 1, 2, 3, 9]) == [(1, 3), (5, 5), (9, 9)]
    assert slots_of([(1, 3), (5, 5)]) == {1, 2, 3, 5} and count_slots([(1, 3), (5, 5)]) == 4
    assert show_slots([(1, 3), (5, 5), (9, 9)], 2) == "1-3, 5, and 1 ranges more" and show_slots([]) == "none"


@pytest.mark.parametrize("primaries", [3, 5, 7, 100, 1000])
def test_shares_cover_every_slot_once(primaries: int) -> None:
    ranges = [share_of(position, primaries) for position in range(primaries)]
    assert ranges[0][0] == 0 and ranges[-1][1] == SLOTS - 1
    assert all(before[1] + 1 == after[0] for before, after in pairwise(ranges))
    assert max(count_slots([one]) for one in ranges) - min(count_slots([one]) for one in ranges) <= 1


# --- views ---


def member(name: str, own: str = "", *others: str, keys: int = 0) -> ClusterMember:
    """Return a member; own is what stands behind its own flags, others are whole lines without place."""
    port = 7000 + ord(name)
    lines = [f"{IDS[name]} 192.0.2.1:{port}@{port + 10000} myself,{own or 'master - 0 0 1 connected'}"]
    for line in others:
        other, rest = line.split(" ", 1)
        theirs = 7000 + ord(other)
        lines.append(f"{IDS[other]} 192.0.2.1:{theirs}@{theirs + 10000} {rest}")
    server = Observed(host=name, address="192.0.2.1", port=port, reachable=True, key_count=keys)
    return ClusterMember(server, name, "ok", parse_nodes("\n".join(lines)))


def owner(epoch: int, slots: str) -> str:
    return f"master - 0 0 {epoch} connected {slots}"


def test_who_says_what_is_put_together() -> None:
    a = member("a", owner(1, "0-8000"), f"b {owner(2, '8001-16383')}")
    b = member("b", owner(2, "8001-16383"), f"a {owner(1, '0-8000')}")
    assert not list_unclaimed([a, b]) and not list_contested([a, b]) and not list_disagreements([a, b])
    assert list_groups([a, b]) == [[a, b]] and not list_strangers([a, b]) and not list_clones([a, b])


def test_views_that_lag_are_named() -> None:
    a = member("a", owner(1, "0-8000"), f"b {owner(2, '9000-16383')}")
    b = member("b", owner(2, "8001-16383"), "a slave " + IDS["b"] + " 0 0 2 connected")
    first, second = list_disagreements([a, b])
    assert first == "a says that b has slots 9000-16383, b itself says 8001-16383"
    assert second == "b says that a has slots none, a itself says 0-8000"


def test_two_owners_of_a_slot_are_named_with_their_epochs() -> None:
    assert list_contested([member("a", owner(1, "0-99")), member("b", owner(7, "50-200"))]) == [
        "a (epoch 1) and b (epoch 7) both claim slots 50-99"
    ]


def test_slots_that_nobody_claims() -> None:
    assert ranges_of(list_unclaimed([member("a", owner(1, "0-99")), member("b", owner(2, "101-16382"))])) == [
        (100, 100),
        (16383, 16383),
    ]


def test_a_node_that_is_no_member_is_a_stranger_unless_it_is_a_silent_member() -> None:
    a = member("a", owner(1, "0-99"), f"b {owner(2, '100-200')}", "c handshake - 0 0 0 disconnected")
    assert [node.id for node in list_strangers([a])] == [IDS["b"]]
    silent = ClusterMember(Observed(host="b", address="192.0.2.1", port=7000 + ord("b")))
    assert list_strangers([a, silent]) == []


def test_members_that_know_each_other_only_through_a_third_are_one_group() -> None:
    line = "master - 0 0 0 connected"
    a, b, c = member("a", "", f"b {line}"), member("b"), member("c", "", f"b {line}")
    d, blank = member("d", "", f"e {line}"), member("f")
    assert list_groups([d, a, b, c, blank]) == [[a, c], [d]]
    b = member("b", "", f"a {line}")
    assert list_groups([a, b, c]) == [[a, b, c]]


def test_a_copied_identity_is_named() -> None:
    one, other = member("a"), member("a")
    other.server.host = "b"
    assert list_clones([one, other]) == ["a and b have the same identity"]


def test_open_slots_are_named_on_both_sides() -> None:
    a = member("a", owner(1, f"0-99 [7->-{IDS['b']}]"))
    b = member("b", owner(2, f"100-200 [7-<-{IDS['a']}] [8-<-{IDS['c']}]"))
    assert open_slots([a, b]) == [
        "slot 7 of a is migrating to b",
        "slot 7 of b is importing from a",
        f"slot 8 of b is importing from {IDS['c'][:8]}",
    ]


def test_the_table_shows_everybody() -> None:
    a = member("a", owner(1, "0-99"), keys=3)
    b = member("b", f"slave {IDS['a']} 0 0 1 connected")
    silent = ClusterMember(Observed(host="c", error_kind="refused"))
    title, first, second, third = show_evidence([a, b, silent]).splitlines()
    assert title.split() == ["member", "identity", "role", "knows", "slots", "keys", "epoch", "state"]
    assert first.split() == ["a", IDS["a"][:8], "primary", "0", "0-99", "3", "1", "ok"]
    assert "replica of a" in second and "not observed (refused)" in third


@pytest.mark.parametrize(
    ("found", "blank", "spare"),
    [
        (member("a"), True, True),
        (member("a", keys=1), False, False),
        (member("a", owner(1, "0-99")), False, False),
        (member("a", "", "b master - 0 0 0 connected"), False, True),
        (member("a", "", "b handshake - 0 0 0 disconnected"), False, True),
        (member("a", f"slave {IDS['b']} 0 0 1 connected"), False, False),
        (ClusterMember(Observed(host="a")), False, False),
    ],
)
def test_who_can_join_and_who_can_become_anything(found: ClusterMember, blank: bool, spare: bool) -> None:
    assert (found.is_blank, found.is_spare) == (blank, spare)


def test_the_own_slots_are_the_truth() -> None:
    a = member("a", owner(1, "0-99"))
    own: list[Range] = a.slots
    assert own == [(0, 99)] and a.met == {IDS["a"]}
