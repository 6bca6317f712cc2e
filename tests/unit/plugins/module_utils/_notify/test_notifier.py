# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When sinks are told, what a sink that fails makes of it, and what outlives the process."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._model.notification import Event
from ansible_collections.quorum.redis.plugins.module_utils._notify import agent, schedule
from ansible_collections.quorum.redis.plugins.module_utils._notify.messenger import Messenger
from ansible_collections.quorum.redis.plugins.module_utils._notify.sinks import (
    Command,
    NotTaken,
    Sink,
    make_sinks,
    send_request,
)
from ansible_collections.quorum.redis.plugins.module_utils._notify.spool import Spool, remove_undeclared

ROOT = Path(__file__).resolve().parents[5]
MOVE = Event("moved", "redis", "h1", 1000.0, "main", "crash", "10.0.0.1:6379", "10.0.0.2:6379", 4)
STANDBY = replace(MOVE, first=False)
SETTINGS = {"rank": 1, "standby": 60, "keep": 86400}


@pytest.mark.parametrize(
    ("event", "rank", "folds", "begin"),
    [
        (MOVE, 2, True, 1000),
        (MOVE, 2, False, 1000),
        (STANDBY, 0, True, 1003),
        (STANDBY, 2, True, 1009),
        (STANDBY, 0, False, 1060),
        (STANDBY, 2, False, 1180),
    ],
)
def test_the_first_host_tells_at_once_and_the_others_after_it(
    event: Event, rank: int, folds: bool, begin: float
) -> None:
    assert schedule.begin_time(event, rank, folds, 60) == begin


def test_tries_become_rarer_and_never_stop() -> None:
    waits = [schedule.retry_delay(tries, 0) for tries in (1, 2, 3, 4, 5, 6, 5000)]
    assert waits == [1, 2, 4, 8, 15, 15, 15]
    assert len({schedule.retry_delay(3, rank) for rank in range(3)}) == 3
    assert [tries for tries in range(1, 40) if schedule.is_worth_a_line(tries)] == [1, 2, 4, 8, 16, 32]


def test_an_event_waits_on_disk_until_it_is_taken(tmp_path: Path) -> None:
    late, early = replace(MOVE, epoch=5, time=2000.0), MOVE
    for event in (late, early, early):
        Spool(tmp_path, "webhook").keep_event(event)
    found = Spool(tmp_path, "webhook")
    assert found.list_waiting() == [early, late]
    (found.folder / "older").write_text("{}", encoding="utf-8")
    (found.folder / ".draft").write_text("half", encoding="utf-8")
    found.forget_event(early)
    assert found.list_waiting() == [late]
    assert remove_undeclared(tmp_path, ["webhook"]) == []
    assert remove_undeclared(tmp_path, ["mail"]) == [("webhook", 2)] and not found.folder.exists()


class Fake(Sink):
    """Fails as often as told, and may say that it has an event already."""

    def __init__(self, failures: int = 0, has: bool = False, folds: bool = False) -> None:
        """Begin with nothing sent."""
        super().__init__({})
        self.failures, self.known, self.folds, self.sent = failures, has, folds, 0
        self.marks: list[str] = []

    def has_event(self, event: Event) -> bool:
        return self.known

    def knows_mark(self, event: Event, name: str) -> bool:
        return name in self.marks

    def leave_mark(self, event: Event, name: str) -> bool:
        self.marks += [name] if self.known else []
        return self.known

    def send_event(self, event: Event, now: float) -> str:
        if self.failures:
            self.failures -= 1
            raise NotTaken("not now")
        self.sent += 1
        return "there"


def messenger(tmp_path: Path, sink: Sink, event: Event, *others: Sink, **more: Any) -> Messenger:
    found = Messenger("fake", sink, others, {**SETTINGS, **more}, tmp_path)
    found.spool.keep_event(event)
    return found


def test_what_is_not_taken_is_tried_again(tmp_path: Path) -> None:
    sink = Fake(failures=2)
    one = messenger(tmp_path, sink, MOVE)
    for _each in range(2):
        wait = one._deliver(MOVE, 1000.0)
        assert wait > 0 and one.spool.list_waiting() == [MOVE]
        assert one._deliver(MOVE, 1000.0) > 0 and not sink.sent  # it is not time yet
        one.tries[MOVE.id] = (one.tries[MOVE.id][0], 0.0)
    one._deliver(MOVE, 1000.0)
    assert sink.sent == 1 and one.spool.list_waiting() == [] and one.tries == {}


def test_an_alert_that_is_there_already_is_not_told_again(tmp_path: Path) -> None:
    sink = Fake(has=True, folds=True)
    one = messenger(tmp_path, sink, STANDBY)
    one._deliver(STANDBY, 2000.0)
    assert sink.sent == 0 and one.spool.list_waiting() == []


def test_who_waits_for_its_turn_sees_that_the_first_host_was_there(tmp_path: Path) -> None:
    sink = Fake(folds=True)
    one = messenger(tmp_path, sink, STANDBY)
    assert one._deliver(STANDBY, 1001.0) == 0.5 and one.spool.list_waiting() == [STANDBY]
    sink.known = True
    one._deliver(STANDBY, 1002.0)
    assert sink.sent == 0 and one.spool.list_waiting() == []


@pytest.mark.parametrize(("event", "known", "sent"), [(STANDBY, True, 0), (STANDBY, False, 1), (MOVE, True, 1)])
def test_who_stands_by_tells_only_what_nobody_has_told(tmp_path: Path, event: Event, known: bool, sent: int) -> None:
    sink, alertmanager = Fake(), Fake(has=True, folds=True)
    alertmanager.marks += ["fake"] if known else []
    one = messenger(tmp_path, sink, event, alertmanager)
    assert one._deliver(replace(event, first=False), 1010.0) == 5
    assert one._deliver(replace(event, first=False), 1119.0) == 1
    one._deliver(event, 1200.0)
    assert sink.sent == sent and one.spool.list_waiting() == []


def test_those_who_stand_by_are_let_know_when_the_alert_is_there(tmp_path: Path) -> None:
    alertmanager = Fake(folds=True)
    one = messenger(tmp_path, Fake(), MOVE, alertmanager)
    one._deliver(MOVE, 1000.0)
    one._mark(1001.0)
    assert one.unmarked == [MOVE]  # the alert is not there yet
    alertmanager.known = True
    one._mark(1002.0)
    assert one.unmarked == [] and alertmanager.marks == ["fake"]
    alertmanager.known, one.unmarked = False, [MOVE]
    one._mark(1061.0)
    assert one.unmarked == []  # they have told it by now


def test_what_is_a_day_old_is_given_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sink = Fake(failures=1)
    one = messenger(tmp_path, sink, MOVE)
    one._deliver(MOVE, 1000.0 + 86401)
    assert sink.failures == 1 and one.spool.list_waiting() == [] and "given up" in capsys.readouterr().out


def test_only_what_is_declared_is_a_sink() -> None:
    assert make_sinks({}, {}) == {}
    told = {"alertmanager": {"urls": ["http://a:9093", "http://b:9093"]}, "webhook": {"ca_file": ""}, "mail": None}
    assert list(make_sinks({**told, "command": ["/bin/true"]}, {"webhook": "http://c", "headers": {}})) == [
        "alertmanager-1",
        "alertmanager-2",
        "webhook",
        "command",
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [(["/bin/false"], "ends with 1"), (["/nowhere"], "No such file"), (["/bin/sleep", "9"], "takes longer")],
)
def test_a_command_that_fails_is_named(words: list[str], said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{make_sinks.__module__}.COMMAND_SECONDS", 0.1 if "sleep" in words[0] else 10)
    with pytest.raises(NotTaken, match=said):
        Command({"argv": words}).send_event(MOVE, 0)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/tok3n", "http://127.0.0.1:1/tok3n with space", "http://[x/tok3n"])
def test_an_error_says_no_token(url: str) -> None:
    with pytest.raises(NotTaken) as raised:
        send_request(url, {}, b"")
    assert "tok3n" not in str(raised.value)


def test_a_restart_remembers_what_it_saw(tmp_path: Path) -> None:
    told = {"deployment": "redis", "host": "h1", "sinks": {"command": ["/bin/true"]}, "passwords": {}, **SETTINGS}
    (tmp_path / "seen.json").write_text(json.dumps({"main": [3, "10.0.0.1:6379"]}), encoding="utf-8")
    found = agent.Notifier(json.dumps(told), tmp_path)
    assert found.watch.known["main"].epoch == 3 and found.watch.blind
    found._tell([MOVE])
    assert Spool(tmp_path, "command").list_waiting() == [MOVE]
