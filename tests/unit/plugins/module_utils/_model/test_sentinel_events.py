# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Sentinel says, and shows, turned into events: once each, with their cause, from the host that is first."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._model.notification import Event
from ansible_collections.quorum.redis.plugins.module_utils._model.sentinel_events import (
    ABORTS,
    PATIENCE,
    Known,
    Watch,
    find_named,
    known_sets,
)

OLD, NEW, OTHER = "10.0.0.1:6379", "10.0.0.2:6379", "10.0.0.3:6379"
MAIN = "master main 10.0.0.1 6379"
BEFORE = {"main": Known(3, OLD)}
AFTER = {"main": Known(4, NEW)}


def watch(rank: int = 1, blind: bool = False, known: dict[str, Known] | None = None) -> Watch:
    found = Watch("redis", f"h{rank}", rank, BEFORE if known is None else known)
    if not blind:
        assert found.compare_look(BEFORE if known is None else known, {}, 0) == []
    return found


def say(found: Watch, *rows: str) -> list[Event]:
    """Let the Sentinel say rows such as `+sdown master main 10.0.0.1 6379`, one each second."""
    parts = [row.partition(" ") for row in rows]
    return [
        event for now, (channel, _, text) in enumerate(parts) for event in found.hear_message(channel, text, float(now))
    ]


def moves(found: Watch, after: dict[str, Known] = AFTER, lost: Any = (), now: float = 9) -> list[Event]:
    return found.compare_look(after, {"main": set(lost)} if lost else {}, now)


def test_a_primary_that_failed_and_was_replaced_by_this_sentinel() -> None:
    leader = watch()
    began = (f"+sdown {MAIN}", f"+odown {MAIN} #quorum 2/2", f"+try-failover {MAIN}", f"+elected-leader {MAIN}")
    assert say(leader, *began) == []
    (event,) = moves(leader)
    assert (event.kind, event.cause, event.old, event.new, event.epoch) == ("moved", "crash", OLD, NEW, 4)
    assert event.first and event.severity == "critical"
    assert moves(leader) == [] and leader.known == AFTER


def test_a_move_that_somebody_asked_for() -> None:
    leader = watch()
    say(leader, f"+try-failover {MAIN}", f"+elected-leader {MAIN}", f"+sdown {MAIN}", f"+odown {MAIN} #quorum 2/2")
    (event,) = moves(leader)
    assert (event.cause, event.first, event.severity) == ("planned", True, "info")


@pytest.mark.parametrize(("said", "cause"), [([f"+sdown {MAIN}"], "crash"), ([], "planned")])
@pytest.mark.parametrize("back", [False, True])
def test_those_who_did_not_lead_judge_by_what_they_saw_and_stand_by(said: list[str], cause: str, back: bool) -> None:
    other = watch()
    say(other, *said, *([f"-sdown {MAIN}"] if back else []))
    (event,) = moves(other)
    assert (event.cause, event.first) == ("planned" if back else cause, False)


@pytest.mark.parametrize(("rank", "first"), [(0, True), (1, False)])
@pytest.mark.parametrize(("lost", "cause", "severity"), [((), "unknown", "warning"), ((OLD,), "crash", "critical")])
def test_what_happened_while_nobody_listened_is_found(
    rank: int, first: bool, lost: Any, cause: str, severity: str
) -> None:
    (event,) = moves(watch(rank, blind=True), lost=lost)
    assert (event.cause, event.first, event.severity) == (cause, first, severity)


def test_two_moves_that_end_where_they_began_are_told() -> None:
    (event,) = moves(watch(blind=True), {"main": Known(5, OLD)})
    assert event.old == event.new == OLD and "again" in event.summary


@pytest.mark.parametrize(
    "after",
    [
        {"main": Known(3, OLD)},
        {"main": Known(0, OTHER)},  # declared anew, with another port say
        {"main": Known(3, NEW)},
        {"main": Known(4, OLD, frozenset({"master", "failover_in_progress"}))},  # promoted, and not named yet
        {},
    ],
)
def test_what_is_no_move(after: dict[str, Known]) -> None:
    assert moves(watch(), after) == []


def test_a_leader_that_has_raised_the_epoch_tells_the_move_when_it_names_the_primary() -> None:
    leader = watch()
    say(leader, f"+try-failover {MAIN}", f"+elected-leader {MAIN}")
    assert moves(leader, {"main": Known(4, OLD, frozenset({"failover_in_progress"}))}) == []
    (event,) = moves(leader)
    assert (event.epoch, event.first) == (4, True)


def test_a_set_that_is_new_is_no_event_and_its_next_move_is() -> None:
    found = watch(known={})
    assert moves(found, BEFORE) == []
    assert [event.new for event in moves(found)] == [NEW]


def test_who_led_once_does_not_lead_the_next_time() -> None:
    found = watch()
    say(found, f"+elected-leader {MAIN}")
    moves(found)
    assert [event.first for event in moves(found, {"main": Known(5, OTHER)})] == [False]


def test_a_listener_that_comes_in_the_middle_takes_the_flags() -> None:
    found = watch(blind=True)
    down = frozenset({"master", "s_down", "o_down", "failover_in_progress"})
    assert moves(found, {"main": Known(3, OLD, down)}) == []
    (event,) = moves(found)
    assert (event.cause, event.first) == ("crash", True)


def test_a_lost_line_forgets_what_was_heard() -> None:
    found = watch()
    say(found, f"+sdown {MAIN}", f"+elected-leader {MAIN}")
    found.note_loss()
    (event,) = moves(found)
    assert (event.cause, event.first) == ("unknown", False)


@pytest.mark.parametrize("channel", ABORTS)
@pytest.mark.parametrize(("down", "cause"), [(True, "crash"), (False, "planned")])
def test_a_failover_that_was_given_up_is_told_once(channel: str, down: bool, cause: str) -> None:
    found = watch()
    odown = [f"+odown {MAIN} #quorum 2/2"] if down else []
    rows = [*odown, f"+try-failover {MAIN}", f"{channel} {MAIN}"]
    (event,) = say(found, *rows)
    assert (event.kind, event.cause, event.new, event.epoch, event.first) == ("stuck", cause, OLD, 3, True)
    assert len(say(found, *rows)) == (0 if down else 1)
    assert found.check_down(1000) == []


def test_a_primary_that_nobody_replaces_is_told_once_for_each_time_that_it_is_down() -> None:
    found = watch(rank=0)
    for begin in (0.0, 100.0):
        found.hear_message("+odown", f"{MAIN} #quorum 2/2", begin)
        found.hear_message("+odown", f"{MAIN} #quorum 3/2", begin + 5)
        assert found.check_down(begin + PATIENCE - 1) == []
        (event,) = found.check_down(begin + PATIENCE)
        assert (event.kind, event.cause, event.severity, event.first) == ("stuck", "crash", "critical", True)
        assert found.check_down(begin + 90) == []
        found.hear_message("-odown", MAIN, begin + 95)


def test_other_instances_are_no_news() -> None:
    found = watch()
    assert say(found, "+sdown slave 10.0.0.2:6379 10.0.0.2 6379 @ main 10.0.0.1 6379", "+sdown", "-tilt #tilt") == []
    assert found.traces["main"].silent is False


def test_tilt_is_told_by_each_host_once_an_hour() -> None:
    found = watch()
    events = [found.hear_message("+tilt", "#tilt mode entered", now)[0] for now in (10.0, 20.0, 4000.0)]
    assert len({event.id for event in events}) == 2 and events[0].severity == "warning"


def test_the_address_is_that_which_clients_are_given() -> None:
    row = {
        "name": "main",
        "ip": "10.0.0.1",
        "port": "6379",
        "config-epoch": "4",
        "flags": "master,failover_in_progress",
    }
    assert known_sets([row], {"main": OLD}) == {"main": Known(4, OLD, frozenset({"master", "failover_in_progress"}))}
    assert known_sets([row], {"main": NEW}) == {"main": Known(4, NEW, frozenset({"master"}))}
    six = {**row, "ip": "fd00::1"}
    assert known_sets([six], {})["main"].address == "[fd00::1]:6379"


@pytest.mark.parametrize(
    ("channel", "text", "name"),
    [
        ("+switch-master", "main 10.0.0.1 6379 10.0.0.2 6379", "main"),
        ("+promoted-slave", "slave 10.0.0.2:6379 10.0.0.2 6379 @ main 10.0.0.1 6379", "main"),
        ("+promoted-slave", "slave 10.0.0.2:6379 10.0.0.2 6379 @", ""),
        ("+odown", MAIN, ""),
        ("lost", "", ""),
    ],
)
def test_when_a_new_primary_is_named(channel: str, text: str, name: str) -> None:
    assert find_named(channel, text) == name
