# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An event has one identity on all hosts, and says what happened in each form."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._model.notification import (
    Event,
    build_alerts,
    build_mail,
    build_message,
    build_query,
    dump_event,
    load_event,
    read_deed,
    render_journal,
    write_deed,
)

MOVE = Event("moved", "redis", "h1", 1000.0, "main", "crash", "10.0.0.1:6379", "10.0.0.2:6379", 4)
STUCK = replace(MOVE, kind="stuck", new="10.0.0.1:6379", detail="no replica is fit to take over")
TEST = Event("test", "redis", "h1", 1000.0, detail="run-1")
ALL = [MOVE, replace(MOVE, cause="planned"), replace(MOVE, cause="unknown"), STUCK, Event("tilt", "redis", "h1", 1.0)]


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ({"host": "h2", "time": 1060.5, "cause": "planned", "first": False, "old": "x"}, True),
        ({"epoch": 5}, False),
        ({"new": "10.0.0.3:6379"}, False),
        ({"name": "cache"}, False),
        ({"deployment": "other"}, False),
        ({"kind": "stuck"}, False),
    ],
)
def test_the_identity_is_what_all_hosts_see(other: dict[str, Any], same: bool) -> None:
    assert (replace(MOVE, **other).id == MOVE.id) is same


@pytest.mark.parametrize("event", [*ALL, TEST], ids=lambda event: f"{event.kind}-{event.cause}")
def test_an_event_survives_the_spool_and_has_words(event: Event) -> None:
    assert load_event(dump_event(event)) == event
    assert event.summary and "\n" not in event.summary and event.description.endswith(".")
    assert build_message(event)["time"].startswith("1970-01-01T00:")


def test_what_a_playbook_does_is_told_with_who_runs_it() -> None:
    """It comes as the name of a file, which may have 255 letters."""
    name = write_deed("restore", "begun", "a.b-c_d" * 8, "Zoë" * 40, "1234abcd")
    assert len(f"{name}.deed") < 255 and "/" not in name
    event = read_deed(name, "redis", "h1", 1000.0)
    assert (event.kind, event.cause, event.name, event.severity) == ("restore", "begun", "a.b-c_d" * 8, "info")
    assert event.detail == ("Zoë" * 8) and event.detail in event.description
    assert replace(event, name="main").summary == "A restore of main (redis) has begun"
    rotation = read_deed(write_deed("rotation", "ended", "", "eve", "1234abcd"), "redis", "h1", 1001.5)
    assert rotation.summary == "A change of the passwords of redis has ended" and rotation.id != event.id
    assert load_event(dump_event(rotation)).id == rotation.id
    failed = read_deed(write_deed("restore", "failed", "main", "eve", "1234abcd"), "redis", "h1", 1002.0)
    assert (failed.summary, failed.severity) == ("A restore of main (redis) has failed", "warning")
    assert "Its run says why" in failed.description and len({failed.id, event.id, rotation.id}) == 3
    (alert,) = json.loads(build_alerts(rotation, {}, 1001.5, 60))
    assert (alert["labels"]["alertname"], alert["labels"]["cause"]) == ("RedisRotation", "ended")
    with pytest.raises(ValueError, match="is nothing that a playbook does"):
        read_deed(write_deed("moved", "begun", "", "eve", "x"), "redis", "h1", 1.0)
    for other in ("", "x", "W10="):
        with pytest.raises(ValueError):  # noqa: PT011
            read_deed(other, "redis", "h1", 1.0)


def test_the_words_tell_a_crash_from_a_move_that_was_asked_for() -> None:
    assert MOVE.summary == "main (redis) has a new primary: 10.0.0.1:6379 failed, 10.0.0.2:6379 took over"
    assert "as asked" in replace(MOVE, cause="planned").summary
    assert "instead of" in replace(MOVE, cause="unknown").summary
    assert "is down and is not replaced" in STUCK.summary and "No replica is fit" in STUCK.description


def test_the_spool_of_another_version_is_no_event() -> None:
    with pytest.raises(ValueError, match="unexpected"):
        load_event('{"kind": "moved", "colour": "red"}')


def test_an_alert_has_what_routes_need_and_ends_by_itself() -> None:
    (alert,) = json.loads(build_alerts(MOVE, {"team": "db", "set": "mine"}, 2000.0, 3600))
    assert alert["labels"] == {
        "alertname": "RedisPrimaryMoved",
        "deployment": "redis",
        "set": "main",
        "epoch": "4",
        "primary": "10.0.0.2:6379",
        "cause": "crash",
        "severity": "critical",
        "team": "db",
    }
    assert (alert["startsAt"], alert["endsAt"]) == ("1970-01-01T00:16:40Z", "1970-01-01T01:33:20Z")


def test_alertmanager_is_asked_for_what_does_not_depend_on_the_host() -> None:
    filters = [value for _name, value in parse_qsl(build_query(replace(MOVE, name='ma"in')))]
    assert 'set="ma\\"in"' in filters and 'epoch="4"' in filters
    assert not [one for one in filters if one.startswith(("cause", "severity", "host"))]


def test_a_mail_is_folded_by_its_id() -> None:
    first, second = (build_mail(replace(MOVE, host=host), "redis@x", ["a@x", "b@x"]) for host in ("h1", "h2"))
    assert first["Message-ID"] == second["Message-ID"] and MOVE.id in first["Message-ID"]
    assert first["Subject"].startswith("[critical] main (redis)") and first["To"] == "a@x, b@x"
    assert "epoch: 4" in first.get_content()


def test_the_journal_gets_fields() -> None:
    rows = render_journal(MOVE).split(b"\n")
    assert b"PRIORITY=2" in rows and b"QUORUM_SET=main" in rows and b"QUORUM_CAUSE=crash" in rows
    assert b"SYSLOG_IDENTIFIER=redis-notify" in rows
    lines = render_journal(replace(TEST, host="a\nb"))
    assert b"MESSAGE\n" in lines and b"a\nb" in lines
