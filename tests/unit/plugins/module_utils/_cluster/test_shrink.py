# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Members leave a modelled cluster: which shards end, where their slots go, and what is refused."""

from __future__ import annotations

import time

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._cluster.forget import Leaving, find_leaving
from ansible_collections.quorum.redis.plugins.module_utils._cluster.plan import ClusterPlan, ClusterPlanner, show_shards
from ansible_collections.quorum.redis.plugins.module_utils._cluster.shrink import Shrink
from ansible_collections.quorum.redis.plugins.module_utils._cluster.steps import MoveSlots
from ansible_collections.quorum.redis.plugins.module_utils._core.errors import Refused
from ansible_collections.quorum.redis.plugins.module_utils._model.cluster_slots import slots_of
from ansible_collections.quorum.redis.plugins.module_utils._model.slot_jobs import SlotJob

from .test_cluster_plan import Model, shards


def planner(model: Model, *gone: int, replicas: int = 1) -> ClusterPlanner:
    """Return the plan for members that leave, by their positions."""
    seen = model.look()
    zones = [member.zone for number, member in enumerate(seen) if number not in gone]
    return ClusterPlanner(seen, "cart", replicas, shrink=Shrink([seen[one].name for one in gone], zones))


def carry_out(model: Model, plan: ClusterPlan, steps: int = 10**9) -> None:
    for step in plan.steps[:steps]:
        if isinstance(step, MoveSlots):
            moved = slots_of(step.ranges)
            assert moved <= model.slots[step.source]
            model.slots[step.source] -= moved
            model.slots[step.target] |= moved
        else:
            model.do(step)


def four_hosts(replicas: int = 1) -> Model:
    """Return a cluster of four hosts with as many servers each as a shard has, so four shards."""
    model = Model(4 * (1 + replicas), 4)
    model.run(replicas)
    assert len(shards(model)) == 4
    return model


def test_a_job_that_runs_still_is_waited_for_before_a_shard_ends() -> None:
    model = four_hosts()
    seen = model.look()
    for side in (0, 3):
        seen[side].jobs = [SlotJob("a", model.ids[3], model.ids[0], "15018-15999", "replicating")]
    zones = [member.zone for number, member in enumerate(seen) if number not in (3, 7)]
    shrink = Shrink([seen[one].name for one in (3, 7)], zones)
    steps = ClusterPlanner(seen, "cart", 1, shrink=shrink).plan().steps
    assert steps[0].text == "wait for 982 slots that go from c4 to c1 already: 15018-15999"
    model.slots[3] -= set(range(15018, 16000))
    model.slots[0] |= set(range(15018, 16000))
    assert [step.text for step in steps[1:]] == [step.text for step in planner(model, 3, 7).plan().steps]


def test_the_slots_of_one_shard_go_to_the_others_and_its_replica_to_another_primary() -> None:
    model = four_hosts()
    assert [(one, replicas) for one, _slots, replicas in shards(model)] == [(0, [5]), (1, [4]), (2, [7]), (3, [6])]
    plan = planner(model, 3, 7).plan()
    texts = [step.text for step in plan.steps]
    assert texts == [
        "move 1366 slots from c4 to c1: 15018-16383",
        "move 1365 slots from c4 to c2: 13653-15017",
        "move 1365 slots from c4 to c3: 12288-13652",
        # c7 and c3 are in one zone: c5 makes room, and goes when c7 is in its place.
        "c7 (192.0.2.7:7000): follow c2 (192.0.2.2:7000)",
        "c5 (192.0.2.5:7000): follow c3 (192.0.2.3:7000)",
    ]
    predicted = show_shards(plan.shards, planner(model, 3, 7).names)
    assert "c3: slots 8192-13652, replicas c5" in predicted and "c4" not in predicted
    carry_out(model, plan)
    assert planner(model, 3, 7).plan().steps == [] and planner(model, 3, 7).plan().warnings == []
    members = [member for number, member in enumerate(model.look()) if number not in (3, 7)]
    nodes = find_leaving(members, ["192.0.2.4", "192.0.2.8"])
    assert len(ClusterPlanner(members, "cart", 1, leaving=Leaving(nodes)).plan().steps) == 2 * 6


@pytest.mark.parametrize("done", range(6))
def test_what_was_cut_short_goes_on_with_the_same_shard(done: int) -> None:
    model = four_hosts()
    carry_out(model, planner(model, 3, 7).plan(), done)
    model.slots[0].add(16383)  # in the middle of a step
    model.slots[3].discard(16383)
    carry_out(model, planner(model, 3, 7).plan())
    assert [(one, replicas) for one, _slots, replicas in shards(model)] == [(0, [5]), (1, [6]), (2, [4, 7])]
    assert {len(slots) for slots in model.slots} == {0, 5461, 5462}


def test_a_shard_of_which_nobody_stays_ends_and_check_mode_says_that_its_nodes_are_forgotten() -> None:
    model = Model(8)
    model.run()
    assert shards(model)[1][2] == [5]
    plan = planner(model, 1, 5).plan()
    assert [step.source for step in plan.steps if isinstance(step, MoveSlots)] == [1, 1, 1] and len(plan.steps) == 3
    members = [member for number, member in enumerate(model.look()) if number not in (1, 5)]
    predicted = Leaving(find_leaving(members, ["192.0.2.2", "192.0.2.6"]), predicted=True)
    assert len(ClusterPlanner(members, "cart", 1, leaving=predicted).plan().steps) == 2 * 6
    model.flags[1] = {"fail"}
    dead = Leaving(find_leaving([model.look()[0]], ["192.0.2.2"]), predicted=True)
    with pytest.raises(Refused, match="is to be forgotten and has slots"):
        ClusterPlanner(members, "cart", 1, leaving=dead).plan()


def test_as_many_shards_stay_where_others_take_the_places() -> None:
    model = four_hosts()
    plan = ClusterPlanner(model.look(), "cart", 1, shrink=Shrink(["c4"], ["z"] * 8)).plan()
    assert [step.text for step in plan.steps] == ["c7 (192.0.2.7:7000): take over from c4 (192.0.2.4:7000)"]


def test_one_primary_of_a_host_is_handed_over_and_the_other_one_s_shard_ends() -> None:
    model = Model(10, 5)
    model.run()
    replica = next(one for one, up in model.follows.items() if one % 5 == 4)
    carry_out(model, ClusterPlanner(model.look(), "cart", 1, [f"c{replica + 1}"]).plan())
    plan = planner(model, 4, 9).plan()
    words = [step.text.split(": ")[-1].split(" ")[0] for step in plan.steps if not isinstance(step, MoveSlots)]
    assert words[0] == "take" and set(words[1:]) == {"follow"}, words
    carry_out(model, plan)
    after = planner(model, 4, 9).plan()
    assert after.steps == [] and after.warnings == [] and not {4, 9} & {*after.placement.primaries}


def test_without_replicas_slots_go_all_the_same() -> None:
    alone = Model(4)
    alone.run(0)
    steps = planner(alone, 3, replicas=0).plan().steps
    assert [step.source for step in steps if isinstance(step, MoveSlots)] == [3, 3, 3] and len(steps) == 3


def test_what_is_refused() -> None:
    model = four_hosts()

    def told(*gone: int) -> str:
        with pytest.raises(Refused) as caught:
            planner(model, *gone).plan()
        return str(caught.value)

    assert "7 members make no whole shards" in told(3)
    assert "make 0 primaries" in told(*range(8))
    model.silent = {7}
    assert "Members do not answer: c8" in told(3, 7) and "The shards of c4 are to end" in told(3, 7)
    model.silent = set()
    model.version[0] = "8.0.2"
    assert "not of one version" in told(3, 7)
    model.version[0] = "8.0.1"
    model.follows.pop(6)
    assert "Slots are moved only between whole shards" in told(3, 7)
    apart = Model(8)
    apart.run()
    seen, zones = apart.look(), ["a", "b", "c", "d", "e", "f"]
    with pytest.raises(Refused, match="c1, c2 have no replica that stays, and 3 shards would be left of 4"):
        ClusterPlanner(seen, "cart", 1, shrink=Shrink(["c1", "c5", "c2", "c6"], zones)).plan()


def test_shards_are_chosen_at_once_among_a_hundred_servers() -> None:
    model = Model(100, 20)
    model.run()
    start = time.monotonic()
    plan = planner(model, *range(19, 100, 20), 18, 38, 58, 78, 98).plan()
    assert time.monotonic() - start < 20
    assert len(plan.placement.primaries) == 45 and len(plan.placement.follows) == 45
