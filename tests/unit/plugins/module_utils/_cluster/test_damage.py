# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A modelled cluster is damaged: what is seen, what mends it, and what is refused."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._cluster.census import Census
from ansible_collections.quorum.redis.plugins.module_utils._cluster.damage import Diagnosis, diagnose_cluster
from ansible_collections.quorum.redis.plugins.module_utils._cluster.steps import (
    FinishMove,
    ForceTakeOver,
    JoinAgain,
    TellMember,
)
from ansible_collections.quorum.redis.plugins.module_utils._core.errors import QuorumError, Refused, Unsettled
from ansible_collections.quorum.redis.plugins.module_utils._model.cluster_slots import ranges_of
from ansible_collections.quorum.redis.plugins.module_utils._model.cluster_view import ClusterMember

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
    assert "which is not the same" in refused(members, "c2:7000")


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
    assert "is said to be gone and answers" in refused(six.look(), "c1")


def test_a_shard_without_copies_is_given_away_when_all_are_declared_gone(six: Model) -> None:
    kill(six, 0, 3)
    for gone in ([], ["c1:7000"], ["c4"]):
        said = refused(six.look(), *gone)
        assert "5461 slots (0-5460) have no living copy" in said and "redis_repair_gone=c1:7000,c4:7000" in said
    diagnosis = judge(six.look(), "c1", "c4")
    assert diagnosis.word_for("cart") == "cart:5461-slots"
    assert diagnosis.damage[0].gives_up.startswith("All keys in 5461 slots of 16384")
    commands = [step.command for step in diagnosis.steps if isinstance(step, TellMember)]
    assert [command[1] for command in commands] == ["FORGET"] * 8 + ["ADDSLOTSRANGE"] * 2
    # As even as can be: 8192 each.
    assert [command[2:] for command in commands[8:]] == [[0, 2729], [2730, 5460]]


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
        ["ADDSLOTSRANGE", 6000, 6000]
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
