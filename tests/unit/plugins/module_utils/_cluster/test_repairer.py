# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A modelled cluster is repaired step by step, and changes in between."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._cluster import repairer
from ansible_collections.quorum.redis.plugins.module_utils._cluster.census import Census
from ansible_collections.quorum.redis.plugins.module_utils._cluster.repairer import Repairer
from ansible_collections.quorum.redis.plugins.module_utils._cluster.steps import ForceTakeOver, JoinAgain, TakeOver
from ansible_collections.quorum.redis.plugins.module_utils._core.errors import QuorumError, Refused
from ansible_collections.quorum.redis.plugins.module_utils._model.cluster_open import plan_forward
from ansible_collections.quorum.redis.plugins.module_utils._model.tables import count_of

from .test_cluster_plan import Model
from .test_damage import cluster, kill


class Modelled(Repairer):
    """Looks at a model."""

    def __init__(self, model: Model, **more: Any) -> None:
        """Take all members of a model."""
        given = {
            "name": "cart",
            "replicas": 1,
            "gone": [],
            "confirm": "",
            "wait": 0,
            **more,
            "connection": {"timeout": 1},
        }
        given["members"] = [
            {"host": f"c{number}", "address": f"192.0.2.{number}", "port": 7000, "zone": None}
            for number in range(1, model.count + 1)
        ]
        module: Any = SimpleNamespace(params=given, check_mode=False)
        super().__init__(module)
        self.model = model

    def look_once(self) -> Census:
        """Look at the model."""
        return Census(self.model.look(), self.params["gone"], 1, self.where)


@pytest.fixture
def six() -> Model:
    """Return a healthy cluster of six with keys."""
    return cluster()


@pytest.fixture
def sent(six: Model, monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """Return what members are sent; a takeover is only begun by it."""
    commands: list[tuple[Any, ...]] = []

    class Connection:
        def __init__(self, endpoint: Any) -> None:
            self.address = endpoint.address

        def __enter__(self) -> Connection:
            return self

        def __exit__(self, *_error: object) -> None: ...

        def call(self, *words: Any) -> None:
            commands.append((self.address, *words))

    monkeypatch.setattr(repairer, "connect", Connection)
    return commands


def test_a_takeover_that_was_sent_is_done_and_waited_for_before_the_next(six: Model, sent: list[Any]) -> None:
    kill(six, 0, 1)
    subject = Modelled(six, confirm="cart:2-primaries")
    steps = subject.plan(subject.look_once())
    subject.apply(steps[0])
    assert sent == [("192.0.2.4", "CLUSTER", "FAILOVER", "TAKEOVER")]
    with pytest.raises(QuorumError, match="c4 is a replica still"):
        subject.apply(steps[1])
    six.do(TakeOver("", 3, 0))
    subject.apply(steps[1])
    assert len(sent) == 2
    with pytest.raises(QuorumError, match="c5 is a replica still"):
        subject.settle(subject.look_once(), steps)


def test_an_open_slot_does_not_hold_up_a_takeover(six: Model, sent: list[Any]) -> None:
    kill(six, 0, 1)
    six.open = {2: {16000: six.ids[5]}}
    subject = Modelled(six, confirm="cart:2-primaries")
    steps = subject.plan(subject.look_once())
    for step, (replica, primary) in zip(steps, ((3, 0), (4, 1)), strict=True):
        subject.apply(step)
        six.do(TakeOver("", replica, primary))
    assert subject.settle(subject.look_once(), steps).voters == 3
    assert any("There is more to repair" in text for text in subject.warnings), subject.warnings


def test_who_follows_somebody_else_by_now_does_not_take_over(six: Model, sent: list[Any]) -> None:
    kill(six, 0, 1)
    six.follows[3] = 2
    with pytest.raises(Refused, match=r"c4 does not follow c1 \(192.0.2.1:7000\) any more"):
        Modelled(six).apply(ForceTakeOver("", 3, six.ids[0]))
    assert sent == []


def test_a_primary_that_may_live_by_now_ends_the_takeovers(six: Model, sent: list[Any]) -> None:
    kill(six, 0, 1)
    six.flags[1] = set()  # somebody sees it again
    with pytest.raises(Refused, match="has not missed c2"):
        Modelled(six).apply(ForceTakeOver("", 3, six.ids[0]))
    assert sent == []


def test_who_does_not_come_to_join_is_named_and_the_rest_goes_on(six: Model, sent: list[Any]) -> None:
    kill(six, 3)
    subject = Modelled(six, gone=["c4"])
    subject.apply(JoinAgain("", 3, six.ids[0]))
    assert sent == [] and "c4 does not answer" in subject.warnings[0]
    assert "quorum.redis.site starts it and lets it join" in subject.warnings[0]


def test_who_is_to_join_and_is_not_new_or_has_nobody_to_follow(six: Model, sent: list[Any]) -> None:
    six.met = [{0, 1, 2, 4, 5} if number != 3 else set(range(6)) for number in range(6)]
    with pytest.raises(Refused, match="c4 is back as it was, and the others have forgotten it"):
        Modelled(six).apply(JoinAgain("", 3, six.ids[0]))
    kill(six, 0)
    with pytest.raises(Refused, match="The primary that c4 was to follow does not answer any more"):
        Modelled(six).apply(JoinAgain("", 3, six.ids[0]))
    assert sent == []


def test_a_new_host_does_not_keep_another_one_from_joining(six: Model, sent: list[Any]) -> None:
    eight = Model(8)
    eight.slots[:6], eight.follows, eight.keys[:6] = six.slots, six.follows, six.keys
    eight.met[:6] = [set(range(6)) for _number in range(6)]
    subject = Modelled(eight)
    with pytest.raises(QuorumError, match="has not met c8") as caught:
        subject.apply(JoinAgain("", 7, eight.ids[0]))
    assert "c7" not in str(caught.value) and sent[0][:3] == ("192.0.2.1", "CLUSTER", "MEET")


def test_a_new_host_is_told_nothing_of_slots(six: Model) -> None:
    seven = Model(7)
    seven.slots[:6], seven.follows, seven.keys[:6], seven.met[:6] = six.slots, six.follows, six.keys, six.met
    assert {position for position, _command in plan_forward(seven.look(), 5, 0, 1).after} == {0, 1, 2}


def test_a_move_that_was_cut_short_is_resumed_whatever_else_is_open(six: Model) -> None:
    six.open = {0: {5: six.ids[1], 6: six.ids[2]}}
    subject = Modelled(six)
    subject.closing = 5
    (move,) = subject.transfer.look().left_open()
    assert move.slot == 5 and move.text.startswith("finish the move of slot 5 from c1 to c2")
    assert "rebalance" not in subject.transfer.todo and "quorum.redis.repair" in subject.transfer.todo


def test_one_key_two_keys() -> None:
    assert [count_of(number, "key") for number in (1, 2)] == ["1 key", "2 keys"]
    assert [count_of(2, what) for what in ("primary", "identity", "slot")] == ["2 primaries", "2 identities", "2 slots"]
