# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A modelled cluster is damaged: what is seen, what mends it, and what is refused."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._cluster.census import Census
from ansible_collections.quorum.redis.plugins.module_utils._cluster.damage import (
    Diagnosis,
    decide_run,
    diagnose_cluster,
    list_unmended,
)
from ansible_collections.quorum.redis.plugins.module_utils._cluster.steps import (
    FinishMove,
    ForceTakeOver,
    JoinAgain,
    TakeOver,
    TellMember,
)
from ansible_collections.quorum.redis.plugins.module_utils._core.errors import QuorumError, Refused, Unsettled
from ansible_collections.quorum.redis.plugins.module_utils._model.cluster_slots import ranges_of, slots_of
from ansible_collections.quorum.redis.plugins.module_utils._model.cluster_view import ClusterMember
from ansible_collections.quorum.redis.plugins.module_utils._model.slot_jobs import SlotJob

from .test_cluster_plan import Model

FAIL = {"fail?"}


@pytest.fixture
def six() -> Model:
    """Return a healthy cluster of six with keys."""
    return cluster()


def cluster(count: int = 6, replicas: int = 1) -> Model:
    model = Model(count)
    model.run(replicas)
    model.keys = [5] * count
    return model


def kill(model: Model, *numbers: int) -> None:
    for number in numbers:
        model.silent.add(number)
        model.flags[number] = FAIL


def judge(members: Sequence[ClusterMember], *gone: str, replicas: int = 1) -> Diagnosis:
    return diagnose_cluster(Census(members, gone, replicas, "cluster cart"))


def refused(members: Sequence[ClusterMember], *gone: str, kind: type[QuorumError] = Refused) -> str:
    with pytest.raises(kind) as caught:
        judge(members, *gone)
    return str(caught.value)


def test_a_healthy_cluster_has_no_damage(six: Model) -> None:
    assert judge(six.look()) == Diagnosis() and judge(six.look()).word_for("cart") == ""


def test_who_is_silent_and_has_no_slots_is_no_damage(six: Model) -> None:
    kill(six, 3)
    assert judge(six.look()).damage == []
    assert "that needs no repair" in judge(six.look()).rest[0]


def test_with_a_majority_the_cluster_elects_by_itself(six: Model) -> None:
    kill(six, 0)
    assert "2 primaries can elect a replica" in refused(six.look(), kind=Unsettled)


def test_a_lost_majority_is_taken_over_one_after_the_other(six: Model) -> None:
    kill(six, 0, 1)
    diagnosis = judge(six.look())
    assert diagnosis.word_for("cart") == "cart:2-primaries" and diagnosis.damage[0].kind == "majority"
    steps = [(step.member, step.primary_id) for step in diagnosis.steps if isinstance(step, ForceTakeOver)]
    assert steps == [(3, six.ids[0]), (4, six.ids[1])] and len(diagnosis.steps) == 2
    assert "1 of 3 primaries answer" in diagnosis.damage[0].what


def test_the_replica_that_has_received_most_takes_over() -> None:
    model = cluster(9, 2)
    kill(model, 0, 1)
    members = model.look()
    ours = [number for number, primary in model.follows.items() if primary == 0]
    for number, offset in zip(ours, (100, 200), strict=True):
        members[number].server.offset = offset
    assert ours[1] in [step.member for step in judge(members).steps if isinstance(step, ForceTakeOver)]
    upstream = members[ours[1]].server.primary
    assert upstream is not None
    upstream.sync_in_progress = True
    assert ours[0] in [step.member for step in judge(members).steps if isinstance(step, ForceTakeOver)]


def test_a_replica_without_data_does_not_take_over(six: Model) -> None:
    kill(six, 0, 1)
    six.keys[3] = 0
    assert "had not got all data" in refused(six.look())


@pytest.mark.parametrize("error", ["auth", "loading", "other", "tls"])
def test_a_primary_that_says_anything_is_never_replaced(six: Model, error: str) -> None:
    kill(six, 0, 1)
    members = six.look()
    members[1].server.error_kind = error
    said = refused(members, kind=Refused)
    assert ("lives and cannot be asked" in said) or ("still being loaded" in said)


def test_a_primary_that_somebody_sees_is_not_replaced_yet(six: Model) -> None:
    kill(six, 0, 1)
    six.flags[1] = set()
    assert "has not missed c2" in refused(six.look(), kind=Unsettled)


def test_a_primary_out_of_reach_is_declared_gone_first(six: Model) -> None:
    kill(six, 0, 1)
    members = six.look()
    members[1].server.error_kind = "timeout"
    assert "redis_repair_gone=c2:7000" in refused(members)
    for name in ("c2", "c2:7000", "192.0.2.2:7000"):
        assert judge(members, name).word_for("cart") == "cart:2-primaries"


def test_names_that_mean_nobody_or_somebody_who_answers_are_refused(six: Model) -> None:
    for name in ("c7", "c1:7001", ""):
        assert f"No member is called {name}" in refused(six.look(), name, kind=QuorumError)


def test_a_shard_without_copies_is_given_away_when_all_are_declared_gone(six: Model) -> None:
    kill(six, 0, 3)
    for gone in ([], ["c1:7000"], ["c4"]):
        said = refused(six.look(), *gone)
        assert "5461 slots (0-5460) have no living copy" in said and "redis_repair_gone=c1:7000,c4:7000" in said
    diagnosis = judge(six.look(), "c1", "c4")
    assert diagnosis.word_for("cart") == "cart:5461-slots"
    assert diagnosis.damage[0].gives_up.startswith("All keys in 5461 slots of 16384")
    commands = [step.command for step in diagnosis.steps if isinstance(step, TellMember)]
    # The epoch comes first: from the moment that it has the slots nobody who comes back has a later one.
    assert [command[1] for command in commands] == ["FORGET"] * 8 + ["BUMPEPOCH", "ADDSLOTSRANGE"] * 2
    # As even as can be: 8192 each.
    assert [command[2:] for command in commands[8:]] == [[], [0, 2729], [], [2730, 5460]]


def test_slots_are_not_given_away_while_another_member_is_silent(six: Model) -> None:
    kill(six, 0, 3, 5)
    assert "Members do not answer: c6" in refused(six.look(), "c1", "c4")


def test_the_rest_of_a_repair_that_was_cut_short_is_found(six: Model) -> None:
    kill(six, 0, 3)
    six.met = [{1, 2, 4, 5} for _number in range(6)]  # forgotten already
    six.slots[0] = set()
    assert judge(six.look(), "c1", "c4").word_for("cart") == "cart:5461-slots"


def test_a_slot_that_nobody_has_goes_to_who_holds_its_keys(six: Model) -> None:
    six.slots[1] -= {6000}
    members = six.look()
    assert judge(members).word_for("cart") == "cart:1-slot"
    members[2].slot_keys = {6000: 3}
    diagnosis = judge(members)
    assert diagnosis.word_for("cart") == "cart:no-key"
    assert [step.command[1:] for step in diagnosis.steps if isinstance(step, TellMember)] == [
        ["BUMPEPOCH"],
        ["ADDSLOTSRANGE", 6000, 6000],
    ]
    node = next(node for node in members[0].peers if node.id == six.ids[1])
    node.slots = [*node.slots, (6000, 6000)]
    assert "c3 holds the keys of slot 6000, which the others take for c2's" in refused(members)
    members[0].slot_keys = {6000: 1}
    assert "several members hold keys of it: c1 1, c3 3" in refused(members)


def test_an_open_slot_is_closed_without_moving_what_its_owner_has(six: Model) -> None:
    six.open = {0: {5: "f" * 40}}  # to nobody
    members = six.look()
    members[0].slot_keys = {5: 9}
    diagnosis = judge(members)
    assert diagnosis.word_for("cart") == "cart:no-key" and diagnosis.damage[0].kind == "open"
    moves = [step.move for step in diagnosis.steps if isinstance(step, FinishMove)]
    assert [(move.source, move.after) for move in moves] == [(-1, [(0, ["CLUSTER", "SETSLOT", 5, "STABLE"])])]


def test_slots_that_the_engine_moves_are_no_damage(six: Model) -> None:
    members = six.look()
    members[0].jobs = [SlotJob("a", six.ids[0], six.ids[1], "0-9", "replicating")]
    assert "slots 0-9 of c1 are on their way to c2" in refused(members, kind=Unsettled)
    members[0].jobs = [SlotJob("a", six.ids[0], six.ids[1], "0-9", "success")]
    assert judge(members).damage == []


def test_keys_on_a_third_member_come_back_to_the_owner_and_replace_nothing(six: Model) -> None:
    six.open = {0: {5: "f" * 40}}
    members = six.look()
    members[0].slot_keys, members[2].slot_keys = {5: 9}, {5: 2}
    moves = [step.move for step in judge(members).steps if isinstance(step, FinishMove)]
    assert [(move.source, move.target, move.newest) for move in moves] == [(-1, -1, False), (2, 0, False)]
    assert moves[1].before == [(2, ["CLUSTER", "SETSLOT", 5, "IMPORTING", six.ids[0]])]
    assert moves[1].after == [(2, ["CLUSTER", "SETSLOT", 5, "STABLE"])]


def test_a_mark_that_only_a_replica_has_is_taken_away_by_its_primary(six: Model) -> None:
    six.open = {3: {5: six.ids[1]}}
    moves = [step.move for step in judge(six.look()).steps if isinstance(step, FinishMove)]
    assert [move.after for move in moves] == [[(0, ["CLUSTER", "SETSLOT", 5, "STABLE"])]]


def test_a_slot_is_not_closed_while_a_member_is_silent(six: Model) -> None:
    six.open = {0: {5: six.ids[1]}}
    kill(six, 4)
    assert "Members do not answer: c5" in refused(six.look())


def test_a_member_that_came_back_as_nobody_joins_again(six: Model) -> None:
    members = six.look()
    own = members[3].own
    members[3].nodes = [own]
    own.id, own.flags, own.primary_id = "e" * 40, frozenset({"myself", "master"}), ""
    members[3].server.key_count, members[3].server.primary = 0, None
    diagnosis = judge(members)
    assert diagnosis.word_for("cart") == "cart:1-identity"
    forget, join = diagnosis.steps[:-1], diagnosis.steps[-1]
    assert [step.command for step in forget if isinstance(step, TellMember)] == [["CLUSTER", "FORGET", six.ids[3]]] * 5
    assert isinstance(join, JoinAgain) and (join.member, join.primary_id) == (3, six.ids[0])


def test_a_member_without_slots_that_is_declared_gone_is_forgotten(six: Model) -> None:
    kill(six, 3)
    diagnosis = judge(six.look(), "c4")
    assert [type(step) for step in diagnosis.steps] == [TellMember] * 5 + [JoinAgain]
    assert [step.member for step in diagnosis.steps if isinstance(step, TellMember)] == [0, 1, 2, 4, 5]
    members = six.look()
    members[3].server.error_kind = "timeout"  # the host is not there: nobody will join from there
    assert [type(step) for step in judge(members, "c4").steps] == [TellMember] * 5


def test_one_kind_in_a_run_and_the_rest_is_named(six: Model) -> None:
    kill(six, 0, 1, 3)
    diagnosis = judge(six.look())
    assert [damage.kind for damage in diagnosis.damage] == ["majority"]
    assert diagnosis.rest[0].startswith("Afterwards: 5461 slots (0-5460) have no living copy")


def test_what_is_no_cluster_is_refused() -> None:
    assert "There is no cluster yet" in refused(Model(6).look())
    model = cluster()
    kill(model, *range(6))
    assert "No member answers" in refused(model.look())


def test_an_owner_that_lost_its_identity_is_refused(six: Model) -> None:
    members = six.look()
    own = members[0].own
    members[0].nodes = [own]
    own.id, own.slots = "e" * 40, ranges_of(())
    members[0].server.key_count = 0
    assert "has lost its identity" in refused(members)


def test_a_creation_that_was_cut_short_is_left_to_site() -> None:
    model = Model(6)
    model.run(steps=5)
    assert "it finishes the creation" in refused(model.look())


def decided(members: Sequence[ClusterMember], confirm: str, *gone: str, replicas: int = 1) -> Diagnosis:
    return decide_run(Census(members, gone, replicas, "cluster cart"), "cart", confirm)


def test_no_primary_that_is_only_out_of_reach_counts_as_a_lost_vote() -> None:
    model = cluster(9, 2)
    kill(model, *(number for number in range(9) if number != 3))
    members = model.look()
    for member in members[1:3] + members[4:]:
        member.server.error_kind, member.server.error = "timeout", "no answer"
    said = refused(members)
    assert "c2 (192.0.2.2:7000) is out of reach, and may live" in said and "c3 (192.0.2.3:7000) is out of" in said
    assert "redis_repair_gone=c2:7000,c3:7000" in said
    assert "c1 (192.0.2.1:7000) is out" not in said, "it is stopped: its host refuses connections"


def test_a_silent_replica_may_have_received_more() -> None:
    model = cluster(9, 2)
    ours = [number for number, primary in model.follows.items() if primary == 0]
    kill(model, 0, 1, ours[1])
    name = f"c{ours[1] + 1}"
    said = refused(model.look())
    assert f"{name} (192.0.2.{ours[1] + 1}:7000), a replica of a primary that is lost, does not answer" in said
    assert f"redis_repair_gone={name}:7000" in said
    diagnosis = judge(model.look(), name, replicas=2)
    assert diagnosis.word_for("cart") == "cart:2-primaries"
    assert f"and what only {name} (192.0.2.{ours[1] + 1}:7000) had received" in diagnosis.damage[0].gives_up


def test_keys_that_had_gone_to_who_is_gone_are_counted(six: Model) -> None:
    six.slots[1] |= six.slots[2]
    six.slots[2] = set()
    del six.follows[5]
    six.open = {0: {5: six.ids[2]}}  # a new primary without slots was to get it
    kill(six, 2)
    diagnosis = judge(six.look(), "c3")
    assert diagnosis.word_for("cart") == "cart:1-slot" and diagnosis.damage[0].kind == "open"
    assert diagnosis.damage[0].gives_up == "The keys of 1 slot (5) that had gone already to c3 (192.0.2.3:7000)"
    six.follows[5] = 2
    assert "c6 (192.0.2.6:7000) has a copy of it" in refused(six.look(), "c3")
    del six.follows[5]
    members = six.look()
    members[5].slot_keys = {5: 2}  # after its takeover
    members[2].server.error_kind = "timeout"
    assert judge(members, "c3").damage[0].gives_up.endswith("to c3 (192.0.2.3:7000), but those that c6 holds")
    moves = [step.move for step in judge(members, "c3").steps if isinstance(step, FinishMove)]
    assert (5, 0) in [(move.source, move.target) for move in moves]


def test_a_node_that_is_no_member_and_was_given_keys_is_not_given_up(six: Model) -> None:
    six.slots[1] |= six.slots[2]
    six.slots[2] = set()
    del six.follows[5]
    six.open = {0: {5: six.ids[2]}}
    members = six.look()
    assert "is a node and no member by the inventory" in refused([*members[:2], *members[3:]])


def test_a_slot_of_a_dead_owner_is_lost_though_some_of_its_keys_were_moved(six: Model) -> None:
    kill(six, 0, 3)
    members = six.look()
    members[2].slot_keys = {5: 2}
    diagnosis = judge(members, "c1", "c4")
    assert diagnosis.word_for("cart") == "cart:5461-slots"
    taken = [step.command for step in diagnosis.steps if isinstance(step, TellMember) and step.member == 2][-1]
    assert taken[1] == "ADDSLOTSRANGE" and 5 in slots_of(zip(taken[2::2], taken[3::2], strict=True))


def test_who_is_declared_gone_and_is_seen_is_not_forgotten(six: Model) -> None:
    kill(six, 3)
    six.flags[3] = set()
    assert "has not missed c4" in refused(six.look(), "c4", kind=Unsettled)


def test_an_open_slot_beside_a_lost_majority_is_not_waited_for(six: Model) -> None:
    six.slots[1].add(5)  # it was moved; c1 does not know that yet, and nobody takes an open slot by hearsay
    six.slots[0].discard(5)
    six.open = {1: {5: six.ids[0]}}
    members = six.look()
    seen = next(node for node in members[2].peers if node.id == six.ids[1])
    seen.slots = [(5461, 10922)]
    census = Census(members, [], 1, "cluster cart")
    assert list_unmended(census, "majority") == [] and list_unmended(census, "slots") == []
    assert "slot 5 of c2 is migrating to c1" in list_unmended(census, "open")


def test_who_has_not_joined_is_not_waited_for(six: Model) -> None:
    seven = Model(7)
    seven.slots[:6], seven.follows, seven.keys[:6], seven.met[:6] = six.slots, six.follows, six.keys, six.met
    members = seven.look()
    members[6].state = "fail"
    assert list_unmended(Census(members, [], 1, "cluster cart"), "majority") == []
    six.met[0] = {0}
    assert list_unmended(Census(six.look(), [], 1, "cluster cart"), "majority")
    assert list_unmended(Census(six.look(), ["c1"], 1, "cluster cart"), "slots", {0})


def test_who_was_named_as_gone_and_is_back(six: Model) -> None:
    for members, confirm in ((six.look(), ""), (damaged(six), "cart:1-slot")):
        with pytest.raises(Refused, match="is said to be gone and answers"):
            decided(members, confirm, "c3")
    six.slots[1].add(6000)
    assert decided(six.look(), "cart:5461-slots", "c3").rest == ["c3 (192.0.2.3:7000) was named as gone and is back"]
    six.met = [{0, 1, 3, 4} if number not in (2, 5) else set(range(6)) for number in range(6)]
    six.slots[0], six.slots[2] = six.slots[0] | six.slots[2], set()
    back = decided(six.look(), "cart:5461-slots", "c3", "c6").rest
    assert [text.split(" and is ")[1] for text in back] == [
        "back, and the others do not know it: stop it and empty it"
    ] * 2
    six.met = [set(range(6)) for _number in range(6)]
    kill(six, 0, 1)
    members = six.look()
    members[1].server.error_kind = "auth"
    with pytest.raises(Refused, match="which is not the same"):
        decided(members, "", "c2")


def damaged(six: Model) -> list[ClusterMember]:
    six.slots[1].discard(6000)
    return six.look()


def test_a_repair_that_is_repeated_finds_nothing_left(six: Model) -> None:
    six.do(TakeOver("", 3, 0))
    six.do(TakeOver("", 4, 1))
    kill(six, 0, 1)
    # The second one is only stopped: nobody said that it is gone.
    diagnosis = decided(six.look(), "cart:2-primaries", "c1")
    assert diagnosis.damage == [] and diagnosis.rest == [
        "c2 (192.0.2.2:7000) does not answer: Nothing listens there. Start it; that needs no repair",
        "c1 (192.0.2.1:7000) was named as gone, and the others know it still. To have it forgotten, run again "
        "without a confirmation",
    ]
    for word in ("cart:no-key", "cart:1-slot", "cart:12-slots"):
        assert decided(six.look(), word, "c1", "c2").damage == []
    for word in ("cart:1-identity", "cart", "carts:2-primaries", "cart:0-slots", "cart:2-primaries "):
        with pytest.raises(Refused, match="confirm with cart:2-identities"):
            decided(six.look(), word, "c1", "c2")
    assert len(decided(six.look(), "cart:2-identities", "c1", "c2").damage) == 1


def test_without_an_election_the_way_out_is_named(six: Model) -> None:
    kill(six, 0)
    said = refused(six.look(), kind=Unsettled)
    assert "log of c4 (192.0.2.4:7000)" in said and "CONFIG SET cluster-replica-validity-factor 0 there" in said


@pytest.mark.parametrize("error", ["timeout", "auth"])
def test_a_silent_replica_may_have_been_elected_elsewhere(six: Model, error: str) -> None:
    kill(six, 0, 1, 5)
    members = six.look()
    members[5].server.error_kind = error
    why = {"timeout": "c6:7000 is out of reach, and may live", "auth": "c6:7000 lives and cannot be asked"}[error]
    assert why in refused(members, kind=QuorumError).replace("c6 (192.0.2.6:7000)", "c6:7000")
    if error == "timeout":
        assert judge(members, "c6").word_for("cart") == "cart:2-primaries"


def test_a_replica_that_is_no_member_may_have_received_more() -> None:
    model = cluster(9, 2)
    other = next(number for number, primary in model.follows.items() if primary == 0)
    kill(model, 0, 1)
    members = model.look()
    assert "is a node and no member by the inventory" in refused(members[:other] + members[other + 1 :])


def test_what_an_owner_had_moved_to_a_lost_shard_is_counted(six: Model) -> None:
    slot = next(iter(slots_of(six.look()[1].slots)))
    kill(six, 0, 3)
    members = six.look()
    assert judge(members, "c1", "c4").word_for("cart") == "cart:5461-slots"
    members[1].own.migrating[slot] = six.ids[0]
    assert judge(members, "c1", "c4").word_for("cart") == "cart:5462-slots"
