# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A model of servers in cluster mode: plans are carried out on it, cut short, and refused."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._cluster.forget import Leaving, find_leaving, may_still_run
from ansible_collections.quorum.redis.plugins.module_utils._cluster.pending import (
    list_pending,
    list_unmovable,
    list_unready,
)
from ansible_collections.quorum.redis.plugins.module_utils._cluster.plan import ClusterPlanner, moves_of, show_shards
from ansible_collections.quorum.redis.plugins.module_utils._cluster.prediction import assume_started
from ansible_collections.quorum.redis.plugins.module_utils._cluster.rebalance import after_moving
from ansible_collections.quorum.redis.plugins.module_utils._cluster.steps import MoveSlots, TakeOver, TellMember
from ansible_collections.quorum.redis.plugins.module_utils._core.errors import QuorumError, Refused, Unsettled
from ansible_collections.quorum.redis.plugins.module_utils._core.reconcile import Step
from ansible_collections.quorum.redis.plugins.module_utils._model.cluster_nodes import ClusterNode
from ansible_collections.quorum.redis.plugins.module_utils._model.cluster_slots import Range, ranges_of, slots_of
from ansible_collections.quorum.redis.plugins.module_utils._model.cluster_view import ClusterMember, observed_placement
from ansible_collections.quorum.redis.plugins.module_utils._model.observed import Observed, Upstream
from ansible_collections.quorum.redis.plugins.module_utils._model.slot_jobs import SlotJob


class Model:
    """Servers that do what they are told, and gossip at once."""

    def __init__(self, count: int, zones: int = 0) -> None:
        """Start so many fresh servers, in as many zones."""
        self.count, self.zones = count, zones or count
        self.moved_to: dict[int, int] = {}  # another zone
        self.ids = [f"{number:040x}" for number in range(1, count + 1)]
        self.slots: list[set[int]] = [set() for _ in range(count)]
        self.ranges: list[list[Range]] = []
        self.epochs = [0] * count
        self.follows: dict[int, int] = {}
        self.met: list[set[int]] = [{number} for number in range(count)]
        self.keys = [0] * count
        self.silent: set[int] = set()
        self.flags: dict[int, set[str]] = {}
        self.version = ["8.0.1"] * count
        self.open: dict[int, dict[int, str]] = {}

    def line(self, number: int, seen_by: int) -> ClusterNode:
        flags = {"slave" if number in self.follows else "master"} | ({"myself"} if number == seen_by else set())
        node = ClusterNode(self.ids[number], f"192.0.2.{number + 1}", 7000, 17000)
        node.flags = frozenset(flags | (self.flags.get(number, set()) if number != seen_by else set()))
        node.primary_id = self.ids[self.follows[number]] if number in self.follows else ""
        node.epoch, node.slots = self.epochs[number], self.ranges[number]
        node.migrating = self.open.get(number, {}) if number == seen_by else {}
        return node

    def look(self) -> list[ClusterMember]:
        found = []
        self.ranges = [ranges_of(slots) for slots in self.slots]
        for number in range(self.count):
            server = Observed(host=f"c{number + 1}", address=f"192.0.2.{number + 1}", port=7000, engine="valkey")
            server.version, server.key_count, server.role = self.version[number], self.keys[number], "primary"
            if number in self.follows:
                server.role, server.primary = "replica", Upstream("192.0.2.1", 7000, "up", False, 0)
            member = ClusterMember(server, f"z{self.moved_to.get(number, number % self.zones)}", "ok")
            if number in self.silent:
                server.error, server.error_kind = "Nothing listens there", "refused"
            else:
                member.nodes = [
                    self.line(other, number) for other in sorted(self.met[number], key=lambda other: other != number)
                ]
            found.append(member)
        return found

    def planner(self, replicas: int = 1, repair: bool = False) -> ClusterPlanner:
        return ClusterPlanner(self.look(), "cart", replicas, repair=repair)

    def do(self, step: Step) -> None:
        if isinstance(step, TakeOver):
            here, primary = step.member, self.follows.pop(step.member)
            self.follows = {one: here if up == primary else up for one, up in self.follows.items()} | {primary: here}
            self.slots[here], self.slots[primary] = self.slots[primary], set()
            return
        assert isinstance(step, TellMember)
        here, command = step.member, step.command
        assert command[0] == "CLUSTER"
        name, words = command[1], command[2:]
        if name == "SET-CONFIG-EPOCH":
            assert self.met[here] == {here} and not self.epochs[here] and words[0] not in self.epochs
            self.epochs[here] = words[0]
        elif name in ("ADDSLOTSRANGE", "ADDSLOTS"):
            wanted = slots_of(zip(words[::2], words[1::2], strict=True)) if name == "ADDSLOTSRANGE" else set(words)
            assert not wanted & set().union(*self.slots)
            self.slots[here] |= wanted
        elif name == "MEET":
            together = self.met[here] | self.met[int(words[0].rsplit(".", 1)[1]) - 1]
            for number in together:
                self.met[number] = together
        else:
            other = self.ids.index(words[0])
            assert name == "REPLICATE" and other in self.met[here] and not self.slots[here] and step.met
            if self.keys[here]:  # it loses them: another replica has them by then, or it was no help in its zone
                now, zones = self.follows[here], [member.zone for member in self.look()]
                assert step.linked and (zones[here] == zones[now] or list(self.follows.values()).count(now) > 1)
            self.follows[here] = other

    def run(self, replicas: int = 1, steps: int = 10**9, repair: bool = False) -> list[str]:
        found = self.planner(replicas, repair).plan().steps
        for step in found[:steps]:
            self.do(step)
        return [step.text for step in found]


def refused(model: Model, replicas: int = 1) -> str:
    with pytest.raises(Refused) as caught:
        model.planner(replicas).plan()
    return str(caught.value)


def shards(model: Model) -> list[tuple[int, list[Range], list[int]]]:
    placement = observed_placement(model.look())
    return [(one, ranges_of(model.slots[one]), placement.replicas_of(one)) for one in placement.primaries]


@pytest.fixture
def six() -> Model:
    """Return a healthy cluster of six with keys."""
    model = Model(6)
    model.run()
    model.keys = [5] * 6
    return model


def test_six_fresh_servers_become_three_shards() -> None:
    model = Model(6)
    steps = model.run()
    assert steps[0] == "c1 (192.0.2.1:7000): set config epoch 1"
    assert steps[3] == "c1 (192.0.2.1:7000): take slots 0-5460"
    assert steps[6] == "c1 (192.0.2.1:7000): meet c2 (192.0.2.2:7000)"
    assert steps[-1] == "c6 (192.0.2.6:7000): follow c3 (192.0.2.3:7000)" and len(steps) == 14
    assert shards(model) == [(0, [(0, 5460)], [3]), (1, [(5461, 10922)], [4]), (2, [(10923, 16383)], [5])]
    assert model.run() == [] and list_pending(model.planner()) == []
    plan = model.planner().plan()
    assert not plan.warnings and moves_of(plan.shards, model.planner().names) == []


@pytest.mark.parametrize("killed", range(15))
@pytest.mark.parametrize(("count", "zones", "replicas"), [(6, 6, 1), (6, 3, 1), (9, 3, 2), (3, 3, 0)])
def test_a_creation_cut_short_is_finished_as_it_would_have_been(
    killed: int, count: int, zones: int, replicas: int
) -> None:
    whole, cut = Model(count, zones), Model(count, zones)
    whole.run(replicas)
    cut.run(replicas, steps=killed)
    cut.run(replicas)
    assert (cut.slots, cut.follows, cut.met) == (whole.slots, whole.follows, whole.met)
    assert cut.run(replicas) == [] and list_pending(cut.planner(replicas)) == []


def test_what_check_mode_shows_is_what_comes_out() -> None:
    model = Model(9, 3)
    predicted = model.planner(2).plan().shards
    model.run(2)
    after = model.planner(2)
    assert show_shards(predicted, after.names) == show_shards(after.plan().shards, after.names)
    assert show_shards(predicted, after.names).startswith("c1: slots 0-5460, replicas ")


def test_a_hundred_servers_are_planned_at_once() -> None:
    model = Model(100, 20)
    start = time.process_time()
    model.run()
    assert model.run() == [] and list_pending(model.planner()) == []
    assert len(shards(model)) == 50 and time.process_time() - start < 20, "planning takes too long"


def test_new_members_join_with_a_replica_and_the_slots_stay(six: Model) -> None:
    bigger = Model(8)
    bigger.slots[:6], bigger.follows, bigger.keys[:6], bigger.epochs[:6] = six.slots, six.follows, six.keys, six.epochs
    bigger.met[:6] = six.met
    assert bigger.run() == [
        "c1 (192.0.2.1:7000): meet c7 (192.0.2.7:7000)",
        "c1 (192.0.2.1:7000): meet c8 (192.0.2.8:7000)",
        "c8 (192.0.2.8:7000): follow c7 (192.0.2.7:7000)",
    ]
    assert bigger.slots[:6] == six.slots and bigger.run() == []
    planner = bigger.planner()
    moves = moves_of(planner.plan().shards, planner.names)
    assert len(moves) == 3 and all(text.endswith("to c7") for text in moves)


@pytest.mark.parametrize("killed", range(4))
def test_a_join_cut_short_is_finished(six: Model, killed: int) -> None:
    bigger = Model(8)
    bigger.slots[:6], bigger.follows, bigger.keys[:6], bigger.epochs[:6] = six.slots, six.follows, six.keys, six.epochs
    bigger.met[:6] = six.met
    bigger.run(steps=killed)
    assert len(bigger.run()) == 3 - killed and bigger.follows[7] == 6 and bigger.run() == []


@pytest.fixture
def grown() -> Model:
    """Return three hosts with two servers each, with keys, and a fourth host with two fresh ones."""
    small = Model(6, zones=3)
    small.run()
    grown = Model(8)
    grown.zones, grown.moved_to = 3, {6: 3, 7: 3}
    grown.slots[:6], grown.follows, grown.epochs[:6] = small.slots, small.follows, small.epochs
    grown.keys[:6] = [5] * 6
    grown.met[:6] = small.met
    return grown


def test_two_servers_of_one_new_host_are_two_shards_and_a_replica_goes_over(grown: Model) -> None:
    steps = grown.run()
    assert steps[2:] == [
        "c8 (192.0.2.8:7000): follow c3 (192.0.2.3:7000)",
        "c4 (192.0.2.4:7000): follow c7 (192.0.2.7:7000)",
    ], steps
    assert grown.planner().plan().warnings == [] and grown.run() == []


@pytest.mark.parametrize("killed", range(4))
def test_a_new_host_that_joined_in_part_joins_wholly_in_the_next_run(grown: Model, killed: int) -> None:
    grown.run(steps=killed)
    assert grown.run() and grown.planner().plan().warnings == [] and grown.run() == []


def test_a_replica_beside_its_primary_changes_places_where_places_are_repaired(grown: Model) -> None:
    """What a person did, or a version that did not know better."""
    grown.moved_to[7] = 4
    grown.run()
    assert grown.follows[7] == 6
    grown.moved_to[7], grown.keys = 3, [5] * 8
    assert grown.run() == [] and len(grown.planner().plan().warnings) == 1
    steps = grown.run(repair=True)
    assert len(steps) == 2 and grown.planner(repair=True).plan().warnings == [] and grown.run(repair=True) == []


@pytest.mark.parametrize("hinder", ["silent", "versions"])
def test_what_cannot_be_spread_is_named_and_left(grown: Model, hinder: str) -> None:
    grown.moved_to[7] = 4
    grown.run()
    grown.moved_to[7], grown.keys = 3, [5] * 8
    if hinder == "silent":
        grown.silent, grown.flags = {5}, {5: {"fail"}}
    else:
        grown.version[5] = "9.0.0"
    plan = grown.planner(repair=True).plan()
    assert plan.steps == [] and "c8 follows c7, and both are in zone z3" in plan.warnings


def test_after_a_failover_nothing_is_done_and_the_missing_replica_is_named(six: Model) -> None:
    six.silent, six.flags = {1}, {1: {"fail"}}
    six.slots[4], six.slots[1] = six.slots[1], set()
    del six.follows[4]
    plan = six.planner().plan()
    assert plan.steps == [] and list_pending(six.planner()) == []
    assert "c2 (192.0.2.2:7000) does not answer and was left alone: Nothing listens there" in plan.warnings
    assert "c5 has 0 replicas, 1 are declared" in plan.warnings
    six.silent, six.flags, six.follows[1] = set(), {}, 4
    assert six.planner().plan().warnings == []


def test_a_primary_that_died_is_waited_for(six: Model) -> None:
    six.silent = {1}
    with pytest.raises(Unsettled, match="Slots 5461-10922 have no living owner") as caught:
        six.planner().plan()
    assert "Start what does not answer: c2 (192.0.2.2:7000)" in str(caught.value)
    six.keys = [0] * 6  # an empty cluster is one too: its slots are not given to others
    with pytest.raises(Unsettled):
        six.planner().plan()


def test_a_member_with_keys_is_refused() -> None:
    model = Model(6)
    model.keys[5] = 3
    assert "c6 (192.0.2.6:7000) holds 3 keys, and no node of the cluster" in refused(model)


def test_a_member_of_another_cluster_is_refused() -> None:
    model = Model(7)
    model.met[5] = model.met[6] = {5, 6}
    planner = ClusterPlanner(model.look()[:6], "cart", 1)
    with pytest.raises(Refused, match="c6 belong to a cluster with nodes that are no members"):
        planner.plan()


@pytest.mark.parametrize("keys", [0, 5])
def test_two_clusters_are_never_merged(keys: int) -> None:
    model = Model(12)
    for first in (0, 6):
        group = set(range(first, first + 6))
        for number in group:
            model.met[number] = group
        model.slots[first] = set(range(16384))
    model.keys = [keys] * 12
    assert "There are 2 clusters: c1, c2, c3, c4, c5, c6; c7, c8" in refused(model)


def test_a_stranger_in_a_healthy_cluster_is_named_and_left(six: Model) -> None:
    planner = ClusterPlanner(six.look()[:5], "cart", 0)
    plan = planner.plan()
    assert plan.steps == [] and any("192.0.2.6:7000" in text and "no member" in text for text in plan.warnings)


def test_a_silent_member_stops_changes() -> None:
    model = Model(6)
    model.silent = {3}
    assert "Members do not answer: c4: Nothing listens there" in refused(model)


def test_layouts_are_refused_before_anything_and_only_named_for_what_runs(six: Model) -> None:
    assert "the members are in 2 zones (z0, z1)" in refused(Model(6, 2)) and "What fits" in refused(Model(6, 2))
    six.zones = 2
    plan = six.planner().plan()
    assert plan.steps == [] and any("the members are in 2 zones" in text for text in plan.warnings)
    odd = Model(7)
    odd.met[:6], odd.slots[:6], odd.follows = six.met, six.slots, six.follows
    assert "7 members make no whole shards" in refused(odd)


def test_without_replicas_there_is_a_warning() -> None:
    plan = Model(3).planner(0).plan()
    assert len(plan.steps) == 3 + 3 + 2 and any("Without replicas" in text for text in plan.warnings)


def test_a_copied_identity_is_refused() -> None:
    model = Model(6)
    model.ids[4] = model.ids[1]
    assert "c2 and c5 have the same identity" in refused(model)


def test_a_lost_identity_is_refused(six: Model) -> None:
    members = six.look()
    members[1].nodes = [ClusterNode("f" * 40, "192.0.2.2", 7000, 17000, flags=frozenset({"myself", "master"}))]
    members[1].server.key_count = 0
    with pytest.raises(Refused, match="c2 has lost its identity: c1 knows another node at its address, with slots"):
        ClusterPlanner(members, "cart", 1).plan()
    members = six.look()[:5]
    for node in (node for member in members for node in member.nodes if node.id == six.ids[5]):
        node.flags, node.slots, node.address = frozenset({"noaddr", "master"}), [(0, 1)], ""
    with pytest.raises(Refused, match="an owner of slots 0-1 that has no address any more"):
        ClusterPlanner(members, "cart", 0).plan()


def test_an_open_slot_stops_changes_and_is_named_else(six: Model) -> None:
    six.open = {0: {7: six.ids[1]}}
    assert "slot 7 of c1 is migrating to c2; it was left alone" in six.planner().plan().warnings
    del six.follows[5]
    six.keys[5] = 0
    assert "slot 7 of c1 is migrating to c2" in refused(six)


def test_versions_are_not_mixed_by_a_join() -> None:
    model = Model(6)
    model.version[2] = "8.1.1"
    assert "valkey 8.0.1, valkey 8.1.1" in refused(model)


def test_old_redis_takes_slots_one_by_one() -> None:
    model = Model(3)
    model.version = ["6.2.1"] * 3
    first = next(step for step in model.planner(0).plan().steps if "take slots" in step.text)
    assert isinstance(first, TellMember)
    assert first.command[:3] == ["CLUSTER", "ADDSLOTS", 0] and len(first.command) == 2 + 5461


def change_views(six: Model, what: str) -> list[ClusterMember]:
    members = six.look()
    node = members[0].nodes[1]
    if what == "meet":
        node.flags = frozenset({"handshake"})
    elif what == "lag":
        node.slots = []
    elif what == "fail":
        node.flags |= {"fail?"}
    elif what == "load":
        members[0].server.error_kind, members[0].nodes = "loading", []
    else:
        members[0].own.slots = [(0, 6000)]
    return members


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("meet", "Members wait for nodes that they have not met yet: c1"),
        ("lag", "c1 says that c2 has slots none, c2 itself says 5461-10922"),
        ("fail", "c1 says that c2 has failed"),
        ("load", "Data is still being loaded: c1"),
        ("claim", r"c1 \(epoch 1\) and c2 \(epoch 2\) both claim slots 5461-6000"),
    ],
)
def test_what_passes_by_itself_is_waited_for(six: Model, what: str, says: str) -> None:
    with pytest.raises(Unsettled, match=says) as caught:
        ClusterPlanner(change_views(six, what), "cart", 1).plan()
    assert caught.value.patient == (what == "load")


def test_what_is_missing_at_the_end_is_named(six: Model) -> None:
    members = six.look()
    members[0].nodes = [node for node in members[0].nodes if node.id != six.ids[1]]
    members[3].server.primary = Upstream("192.0.2.1", 7000, "down", True, -1)
    members[2].state = "fail"
    missing: list[Any] = list_pending(ClusterPlanner(members, "cart", 1))
    assert missing == [
        "c1 has not met c2",
        "c3 says that the state of the cluster is fail",
        "c4 has no link to its primary",
    ]


# --- moves of primaries ---


def asked(six: Model, *names: str) -> ClusterPlanner:
    return ClusterPlanner(six.look(), "cart", 1, names)


def test_a_replica_takes_over_and_asked_again_nothing_is_done(six: Model) -> None:
    plan = asked(six, "c4", "c5:7000", "c3").plan()
    assert [step.text for step in plan.steps] == [
        "c4 (192.0.2.4:7000): take over from c1 (192.0.2.1:7000)",
        "c5 (192.0.2.5:7000): take over from c2 (192.0.2.2:7000)",
    ]
    for step in plan.steps:
        six.do(step)
    after = asked(six, "c4", "c5").plan()
    assert after.steps == [] and after.shards == plan.shards and list_pending(asked(six)) == []
    assert show_shards(after.shards, asked(six).names).splitlines() == [
        "c3: slots 10923-16383, replicas c6",
        "c4: slots 0-5460, replicas c1",
        "c5: slots 5461-10922, replicas c2",
    ]


def test_all_replicas_of_a_shard_follow_the_new_primary_and_a_crowded_zone_is_named() -> None:
    model = Model(9, 3)
    model.run(2)
    plan = ClusterPlanner(
        model.look(), "cart", 2, [f"c{observed_placement(model.look()).replicas_of(0)[1] + 1}"]
    ).plan()
    shard = next(shard for shard in plan.shards if 0 in shard.replicas)
    assert len(shard.replicas) == 2 and shard.slots == [(0, 5460)]
    assert plan.warnings == ["zone z2 holds 2 of 3 primaries; its loss leaves no majority"]


def test_a_move_that_could_lose_writes_is_refused(six: Model) -> None:
    def told(members: list[ClusterMember], *names: str) -> str:
        with pytest.raises(QuorumError) as caught:
            ClusterPlanner(members, "cart", 1, names or ("c4",)).plan()
        return str(caught.value)

    members = six.look()
    members[3].server.primary = Upstream("192.0.2.1", 7000, "down", False, -1)
    assert "c4 (192.0.2.4:7000) has no link to its primary" in told(members)
    members = six.look()
    members[0].server.offset = 5_000_000
    assert "c4 (192.0.2.4:7000) is 5000000 bytes behind its primary" in told(members)
    members = six.look()
    members[0].server.version = "8.1.0"
    assert "c4 (192.0.2.4:7000) runs an older version than its primary" in told(members)
    assert "No member is called c9" in told(six.look(), "c9")
    six.open = {1: {7: six.ids[2]}}
    assert "slot 7 of c2 is migrating to c3" in told(six.look())
    six.open, six.silent = {}, {5}
    assert "Members do not answer: c6" in told(six.look())
    assert "The cluster is not whole yet; c1 (192.0.2.1:7000): set config epoch 1 comes first" in told(Model(6).look())


def test_one_shard_has_one_primary() -> None:
    model = Model(9, 3)
    model.run(2)
    one, other = observed_placement(model.look()).replicas_of(0)
    with pytest.raises(QuorumError, match="are of one shard, which has one primary"):
        ClusterPlanner(model.look(), "cart", 2, [f"c{one + 1}", f"c{other + 1}"]).plan()


def balanced(members: list[ClusterMember]) -> ClusterPlanner:
    return ClusterPlanner(members, "cart", 1, rebalance=True)


@pytest.fixture
def eight(six: Model) -> list[ClusterMember]:
    """Return what is seen of a cluster of three shards and two new members."""
    new = Model(8).look()[6:]
    return [*six.look(), *new]


def test_new_members_join_and_get_their_share(eight: list[ClusterMember]) -> None:
    plan = balanced(eight).plan()
    assert [step.text for step in plan.steps[3:]] == [
        "move 1366 slots from c2 to c7: 9557-10922",
        "move 1365 slots from c1 to c7: 4096-5460",
        "move 1365 slots from c3 to c7: 15019-16383",
    ]
    assert len(plan.moves) == 3 and [len(slots_of(shard.slots)) for shard in plan.shards] == [4096] * 4
    before = ClusterPlanner(eight, "cart", 1).plan()
    assert before.moves == plan.moves and before.steps == plan.steps[:3]
    assert "c7: slots 4096-5460, 9557-10922, 15019-16383, replicas c8" in show_shards(
        plan.shards, balanced(eight).names
    )


def test_a_balanced_cluster_is_left_alone(six: Model) -> None:
    assert balanced(six.look()).plan().steps == []


def test_slots_are_not_moved_to_where_they_harm(eight: list[ClusterMember]) -> None:
    def told(members: list[ClusterMember]) -> str:
        with pytest.raises(Refused) as caught:
            balanced(members).plan()
        return str(caught.value)

    for member in eight:
        member.server.memory = {"used_memory": 900_000_000, "maxmemory": 1_000_000_000}
    eight[6].server.memory["used_memory"] = 2_000_000
    eight[6].server.memory["maxmemory"] = 600_000_000
    assert "c7 (192.0.2.7:7000) would hold about 677 MB, and may hold 600 MB" in told(eight)
    eight[6].server.memory["maxmemory"] = 0
    eight[1].server.persistence = {"rdb_bgsave_in_progress": 1}
    assert "A snapshot is being taken: c2 (192.0.2.2:7000)" in told(eight)
    eight[1].server.persistence = {}
    assert len(balanced(eight).plan().steps) == 6
    eight[3].zone = eight[0].zone
    assert "c4 follows c1, and both are in zone" in told(eight)


def test_what_was_cut_short_is_finished_before_anything_else(six: Model) -> None:
    members = six.look()
    members[0].own.migrating, members[1].own.importing = {7: six.ids[1]}, {7: six.ids[0]}
    plan = balanced(members).plan()
    assert [step.text for step in plan.steps] == ["finish the move of slot 7 from c1 to c2"]
    assert (7, 7) in plan.shards[1].slots and plan.warnings == []
    with pytest.raises(Refused, match="slot 7 of c1 is migrating to c2"):
        ClusterPlanner(members, "cart", 1, ["c4"]).plan()
    members[2].own.importing = {8: six.ids[0]}
    with pytest.raises(Refused, match="slot 8 of c3 is importing from c1"):
        balanced(members).plan()
    members[2].own.importing = {}
    members[5].nodes = []
    with pytest.raises(Unsettled, match=r"c6 \(192.0.2.6:7000\) does not answer"):  # Valkey: it might be the target
        balanced(members).plan()
    for member in members:
        member.server.engine = "redis"
    plan = balanced(members).plan()
    assert (
        len(plan.steps) == 1 and "Only the move that was cut short is finished; run again for the rest" in plan.warnings
    )


def test_a_job_that_runs_still_is_waited_for_and_counted_in(six: Model) -> None:
    six.slots[0] |= set(range(5461, 7461))
    six.slots[1] -= six.slots[0]
    members = six.look()
    job = SlotJob("a", six.ids[0], six.ids[1], "5461-6460", "snapshotting")
    for side in (0, 1):
        members[side].jobs = [job, replace(job, name="b", state="success"), replace(job, name="c", state="failed")]
    members[4].jobs = [replace(job, name="d", source="", target="")]  # a replica repeats what it has heard
    members[0].server.persistence = {"rdb_bgsave_in_progress": 1}  # the snapshot of the job
    plan = balanced(members).plan()
    assert [step.text for step in plan.steps] == [
        "wait for 1000 slots that go from c1 to c2 already: 5461-6460",
        "move 999 slots from c1 to c2: 6462-7460",
    ]
    assert plan.shards[1].slots == [(5461, 6460), (6462, 10922)] and plan.warnings == []
    on_way = "slots 5461-6460 of c1 are on their way to c2"
    assert f"{on_way}; it was left alone" in ClusterPlanner(members, "cart", 1).plan().warnings
    with pytest.raises(Refused, match=on_way):
        ClusterPlanner(members, "cart", 1, ["c4"]).plan()
    assert list_unmovable(balanced(members)) == [] and on_way in list_unready(balanced(members))
    members[1].jobs = [replace(job, target="f" * 40)]
    members[0].jobs = []
    with pytest.raises(Refused, match="are on their way to ffffffff"):
        balanced(members).plan()
    members[4].nodes = []
    with pytest.raises(Refused, match="c2 has 0 replicas, 1 are declared"):
        balanced(members).plan()


def test_members_that_do_not_tell_of_jobs_are_named(six: Model) -> None:
    members = six.look()
    members[1].unread = members[2].unread = "The server refuses access"
    warnings = ClusterPlanner(members, "cart", 1).plan().warnings
    assert warnings == ["Slots that the engine of c2, c3 moves are not seen: The server refuses access"]


def test_a_job_whose_source_is_no_primary_any_more_changes_no_share() -> None:
    owned: dict[int, list[Range]] = {0: [(0, 9)], 1: [(10, 19)]}
    assert after_moving(owned, [MoveSlots("", 5, 1, [(10, 19)]), MoveSlots("", 0, 5, [(0, 4)])]) == owned
    assert after_moving(owned, [MoveSlots("", 0, 1, [(5, 9)])]) == {0: [(0, 4)], 1: [(5, 19)]}


# --- what check mode sees ---


def test_what_does_not_run_yet_is_assumed_to_be_new_unless_somebody_knows_it(six: Model) -> None:
    fresh = Model(6)
    fresh.silent = set(range(6))
    wanted = ClusterPlanner(Model(6).look(), "cart", 1).plan()
    predicted = ClusterPlanner(assume_started(fresh.look()), "cart", 1).plan()
    assert [step.text for step in predicted.steps] == [step.text for step in wanted.steps]
    assert predicted.shards == wanted.shards
    # One that has stopped is no new one.
    six.silent = {4}
    seen = assume_started(six.look())
    assert not seen[4].id and ClusterPlanner(seen, "cart", 1).plan().steps == []


def three_hosts() -> Model:
    """Return a cluster of three hosts with two servers each; the primary of the first one has failed over."""
    model = Model(6, 3)
    model.run()
    assert shards(model) == [(0, [(0, 5460)], [4]), (1, [(5461, 10922)], [5]), (2, [(10923, 16383)], [3])]
    for step in ClusterPlanner(model.look(), "cart", 1, ["c5"]).plan().steps:
        model.do(step)
    return model


def repaired(members: list[ClusterMember]) -> ClusterPlanner:
    return ClusterPlanner(members, "cart", 1, repair=True)


def test_a_crowded_zone_is_relieved_and_then_nothing_is_done() -> None:
    model = three_hosts()
    plan = repaired(model.look()).plan()
    assert [step.text for step in plan.steps] == [
        "c1 (192.0.2.1:7000): take over from c5 (192.0.2.5:7000), because zone z1 holds 2 of 3 primaries"
    ]
    assert plan.warnings == [] and [shard.primary for shard in plan.shards] == [0, 1, 2]
    for step in plan.steps:
        model.do(step)
    after = repaired(model.look()).plan()
    assert after.steps == [] and after.shards == plan.shards and after.warnings == []


def test_only_a_whole_cluster_is_repaired_and_its_crowded_zone_is_named_else() -> None:
    crowd = "zone z1 holds 2 of 3 primaries; its loss leaves no majority"
    model = three_hosts()
    plan = ClusterPlanner(model.look(), "cart", 1).plan()
    assert plan.steps == [] and plan.warnings == [crowd]
    versions = model.look()
    versions[3].server.version = "8.1.0"
    model.silent = {3}
    silent = model.look()
    model.silent, model.open = set(), {1: {7: model.ids[2]}}
    for members in (versions, silent, model.look()):
        plan = repaired(members).plan()
        assert plan.steps == [] and crowd in plan.warnings
    model.open = {}
    members = model.look()
    members[0].server.primary = Upstream("192.0.2.5", 7000, "down", True, -1)
    with pytest.raises(Unsettled, match=r"c1 .* has no link to its primary") as caught:
        repaired(members).plan()
    assert caught.value.patient  # what is loading is waited for
    members = model.look()
    members[2].state = "fail"
    with pytest.raises(Unsettled, match="The state of the cluster is not ok by c3"):
        repaired(members).plan()


def test_primaries_are_handed_over_to_replicas_in_sync_so_that_no_zone_is_crowded() -> None:
    model = Model(6, 3)
    model.run()
    plan = ClusterPlanner(model.look(), "cart", 1, avoid=["c1", "c2", "c3", "c3:7000"]).plan()
    assert [step.member for step in plan.steps if isinstance(step, TakeOver)] == [4, 5, 3] and plan.warnings == []
    assert len(plan.steps) == 3
    for step in plan.steps:
        model.do(step)
    assert ClusterPlanner(model.look(), "cart", 1, avoid=["c1", "c2", "c3"]).plan().steps == []
    with pytest.raises(Refused, match=r"c5 \(192.0.2.5:7000\) has no replica that could take over"):
        ClusterPlanner(model.look(), "cart", 1, avoid=["c1", "c5"]).plan()

    model = Model(9, 3)
    model.run(2)
    one, other = observed_placement(model.look()).replicas_of(0)
    members = model.look()
    members[one].server.primary = Upstream("192.0.2.1", 7000, "down", True, -1)
    plan = ClusterPlanner(members, "cart", 2, avoid=["c1"]).plan()
    assert [step.member for step in plan.steps if isinstance(step, TakeOver)] == [other] and len(plan.steps) == 1
    members[other].server.primary = None
    with pytest.raises(Unsettled, match="has no link to its primary"):
        ClusterPlanner(members, "cart", 2, avoid=["c1"]).plan()


def leaving(model: Model, gone: int, **more: Any) -> ClusterPlanner:
    """Return the plan of the members but one, whose node is to be forgotten."""
    members = [member for number, member in enumerate(model.look()) if number != gone]
    found = Leaving(find_leaving(members, [f"192.0.2.{gone + 1}"]), **more)
    return ClusterPlanner(members, "cart", 1, leaving=found)


def test_a_node_is_forgotten_by_all_and_a_new_member_takes_its_place() -> None:
    model = Model(6)
    model.run()
    model.count += 1
    model.ids, model.slots, model.epochs = [*model.ids, f"{7:040x}"], [*model.slots, set()], [*model.epochs, 0]
    model.met, model.keys, model.version = [*model.met, {6}], [*model.keys, 0], [*model.version, "8.0.1"]
    texts = [step.text for step in leaving(model, 5).plan().steps]
    assert [text.split(": ", 1)[1].split(" (")[0] for text in texts[:5]] == ["forget 192.0.2.6:7000"] * 5
    assert len(texts) == 7 and "meet c7" in texts[5] and texts[6].startswith("c7 (192.0.2.7:7000): follow c3")

    for number, said in ((2, "has slots 10923-16383"), (1, "has slots 5461-10922")):
        with pytest.raises(Refused, match=said):
            leaving(model, number).plan()
    assert len(leaving(model, 2, predicted=True).plan().steps) == 5
    with pytest.raises(Refused, match="still running: c6"):
        leaving(model, 5, running=["c6"]).plan()
    model.silent = {0}
    with pytest.raises(Refused, match="Members do not answer: c1"):
        leaving(model, 5).plan()


@pytest.mark.parametrize(
    ("kind", "flags", "said"),
    [
        ("", {"fail"}, True),
        ("auth", {"fail"}, True),
        ("refused", set(), False),
        ("timeout", set(), True),
        ("timeout", {"fail"}, False),
    ],
)
def test_who_may_still_run_is_told_by_its_port_and_by_the_others(kind: str, flags: set[str], said: bool) -> None:
    model = Model(6)
    model.run()
    model.flags[5] = flags
    members = model.look()[:5]
    assert may_still_run(find_leaving(members, ["192.0.2.6"])[0], kind, members) is said
