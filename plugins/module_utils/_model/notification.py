# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people are told when something happens to a data set: its identity, its words, its form for each sink. Pure."""

from __future__ import annotations

import hashlib
import json
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import asdict, dataclass
from email.message import EmailMessage
from email.utils import formatdate
from typing import Any, Dict, List, Mapping, Sequence
from urllib.parse import quote

MOVED, STUCK, TILT, TEST = "moved", "stuck", "tilt", "test"
RESTORE, ROTATION = "restore", "rotation"  # what playbooks do: begun, and ended or failed
BEGUN, ENDED, FAILED = "begun", "ended", "failed"
CRASH, PLANNED, UNKNOWN = "crash", "planned", "unknown"
CRITICAL, WARNING, INFO = "critical", "warning", "info"
NAMES = {
    MOVED: "RedisPrimaryMoved",
    STUCK: "RedisFailoverFailed",
    TILT: "RedisSentinelTilt",
    TEST: "RedisNotifyTest",
    RESTORE: "RedisRestore",
    ROTATION: "RedisRotation",
}
PRIORITIES = {CRITICAL: 2, WARNING: 4, INFO: 6}  # those of syslog
HOUR = 3600


@dataclass
class Event:
    """Something that happened, as one host saw it; `first`: this host tells it at once, the others stand by."""

    kind: str
    deployment: str
    host: str
    time: float
    name: str = ""  # of the data set
    cause: str = ""
    old: str = ""  # address of the former primary, host:port
    new: str = ""  # of the new one, or of the one that is down
    epoch: int = 0
    detail: str = ""
    first: bool = True

    def list_marks(self) -> Dict[str, str]:
        """Return what makes the event this one and no other; the same on each host that saw it."""
        marks = {"alertname": NAMES[self.kind], "deployment": self.deployment}
        if self.kind in (MOVED, STUCK):
            return {**marks, "set": self.name, "epoch": str(self.epoch), "primary": self.new}
        if self.kind in (RESTORE, ROTATION):  # told by the one host that was asked to
            return {**marks, "set": self.name, "host": self.host, "event": f"{self.time:.3f}"}
        # A Sentinel in tilt says so again and again.
        return {**marks, "host": self.host, "event": self.detail if self.kind == TEST else str(int(self.time // HOUR))}

    @property
    def id(self) -> str:
        """Return the identity as one short word."""
        return hashlib.sha256(json.dumps(self.list_marks(), sort_keys=True).encode()).hexdigest()[:32]

    @property
    def severity(self) -> str:
        """Return how urgent it is."""
        if self.kind in (TEST, RESTORE, ROTATION):
            return WARNING if self.cause == FAILED else INFO
        if self.kind == TILT:
            return WARNING
        return {CRASH: CRITICAL, PLANNED: INFO if self.kind == MOVED else WARNING}.get(self.cause, WARNING)

    @property
    def summary(self) -> str:
        """Return one line."""
        whose = f"{self.name} ({self.deployment})"
        if self.kind == TEST:
            return f"Test of the notifications of {self.deployment} from {self.host}"
        if self.kind == TILT:
            return f"The Sentinel on {self.host} ({self.deployment}) has lost its sense of time and fails nobody over"
        if self.kind in (RESTORE, ROTATION):
            what = (
                f"a restore of {whose}" if self.kind == RESTORE else f"a change of the passwords of {self.deployment}"
            )
            return f"{what[:1].upper()}{what[1:]} has {self.cause}"
        if self.kind == STUCK:
            what = "is down and is not replaced" if self.cause == CRASH else "was to be replaced and was not"
            return f"The primary of {whose}, {self.new}, {what}"
        if self.old == self.new:
            return f"The primary of {whose} moved while nobody listened, and is {self.new} again"
        why = {
            CRASH: f"{self.old} failed, {self.new} took over",
            PLANNED: f"{self.old} handed over to {self.new} as asked",
        }
        return f"{whose} has a new primary: {why.get(self.cause, f'{self.new} instead of {self.old}')}"

    @property
    def description(self) -> str:
        """Return what follows from it, and what to do."""
        seen = f"Seen by the Sentinel on {self.host} at {format_time(self.time)}."
        if self.kind == TEST:
            return f"Nothing has happened. Sent from {self.host} at {format_time(self.time)}."
        if self.kind in (RESTORE, ROTATION):
            more = {
                BEGUN: " While nothing says that it has ended it goes on, or has failed.",
                FAILED: " Its run says why, and which data is there now.",
            }
            origin = f"Asked for by {self.detail}. Told by {self.host} at {format_time(self.time)}."
            return f"{origin}{more.get(self.cause, '')}"
        if self.kind == TILT:
            return f"Its host was frozen or its clock jumped. It recovers by itself once all is well for 30 s. {seen}"
        if self.kind == STUCK:
            todo = "Until a member takes over, nobody can write" if self.cause == CRASH else "The primary stays"
            return f"{_sentence(self.detail)} {todo}. See quorum.redis.status. {seen}"
        if self.cause == CRASH:
            return (
                f"See why {self.old} failed, and with quorum.redis.status whether it is back as a replica. Writes that "
                f"it had not replicated are lost. {seen}"
            )
        if self.cause == PLANNED:
            return f"Somebody asked for it: a run of a playbook or SENTINEL FAILOVER. Nothing is to be done. {seen}"
        return (
            f"Nobody listened when it happened, so whether it was asked for is not known. quorum.redis.status shows "
            f"whether all members are there. {seen}"
        )


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def format_time(when: float) -> str:
    """Return a time as people and Alertmanager write it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(when))


def dump_event(event: Event) -> str:
    """Return the event as a line for the spool."""
    return json.dumps(asdict(event), sort_keys=True) + "\n"


def load_event(text: str) -> Event:
    """Return the event of such a line; ValueError when it is none."""
    try:
        return Event(**json.loads(text))
    except TypeError as problem:
        raise ValueError(str(problem)) from None


def write_deed(kind: str, state: str, name: str, who: str, token: str) -> str:
    """Return what a playbook does as the name of a file, as the notifier may read no file of root."""
    deed = json.dumps([kind, state, name, who[:24], token], ensure_ascii=False)
    return urlsafe_b64encode(deed.encode("utf-8", "replace")).decode()


def read_deed(text: str, deployment: str, host: str, now: float) -> Event:
    """Return the event that such a name asks for; ValueError when it is none."""
    kind, state, name, who, _token = json.loads(urlsafe_b64decode(text).decode())
    if kind not in (RESTORE, ROTATION) or state not in (BEGUN, ENDED, FAILED):
        raise ValueError(f"{kind} {state} is nothing that a playbook does")
    return Event(kind, deployment, host, now, name=name, cause=state, detail=who)


def build_message(event: Event) -> Dict[str, Any]:
    """Return the event for programs: the body of a webhook, and what a command reads."""
    fields = {key: value for key, value in asdict(event).items() if key not in ("first", "time", "name")}
    return {
        **fields,
        "id": event.id,
        "set": event.name,
        "time": format_time(event.time),
        "severity": event.severity,
        "summary": event.summary,
        "description": event.description,
        "text": event.summary,  # what chats show
    }


def render_body(event: Event) -> bytes:
    """Return that as JSON."""
    return json.dumps(build_message(event), ensure_ascii=False, sort_keys=True).encode("utf-8", "replace")


def build_alerts(event: Event, labels: Mapping[str, str], now: float, hold: float) -> bytes:
    """Return what Alertmanager takes; equal labels are one alert."""
    cause = {"cause": event.cause} if event.cause else {}
    alert = {
        "labels": {**labels, **event.list_marks(), **cause, "severity": event.severity},
        "annotations": {"summary": event.summary, "description": event.description},
        "startsAt": format_time(event.time),
        "endsAt": format_time(now + hold),
    }
    return json.dumps([alert], ensure_ascii=False).encode("utf-8", "replace")


def mark_alert(alert: Mapping[str, Any], name: str, value: str) -> bytes:
    """Return an alert that Alertmanager has, with one annotation more."""
    marked = {key: alert[key] for key in ("labels", "startsAt", "endsAt")}
    marked["annotations"] = {**alert["annotations"], name: value}
    return json.dumps([marked], ensure_ascii=False).encode("utf-8", "replace")


def build_query(event: Event) -> str:
    """Return the query with which Alertmanager is asked whether it has the alert, from whichever host."""
    filters = [f'{name}="{_quoted(value)}"' for name, value in event.list_marks().items()]
    return "&".join(f"filter={quote(matcher, safe='')}" for matcher in filters)


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def build_mail(event: Event, sender: str, receivers: Sequence[str]) -> EmailMessage:
    """Return the event as a mail. Its id is that of the event: who folds by it shows it once."""
    mail = EmailMessage()
    mail["From"], mail["To"] = sender, ", ".join(receivers)
    mail["Subject"] = f"[{event.severity}] {event.summary}"
    mail["Date"] = formatdate(event.time)
    mail["Message-ID"] = f"<{event.id}@quorum-redis.invalid>"
    mail["Auto-Submitted"] = "auto-generated"
    rows = [
        f"{key}: {value}"
        for key, value in build_message(event).items()
        if key in ("old", "new", "epoch", "cause", "id")
    ]
    mail.set_content("\n".join([f"{event.summary}.", "", event.description, "", *rows, ""]))
    return mail


def render_journal(event: Event) -> bytes:
    """Return the event in the protocol of the journal, with a field for each part."""
    fields: Dict[str, Any] = {"MESSAGE": f"{event.summary}. {event.description}", "SYSLOG_IDENTIFIER": "redis-notify"}
    fields["PRIORITY"] = PRIORITIES[event.severity]
    message = build_message(event)
    for key in ("id", "kind", "deployment", "set", "cause", "old", "new", "epoch", "severity"):
        fields[f"QUORUM_{key.upper()}"] = message[key]
    lines: List[bytes] = []
    for name, value in fields.items():
        raw = str(value).encode("utf-8", "replace")
        plain = b"\n" not in raw
        head = name.encode()
        lines.append(head + (b"=" + raw if plain else b"\n" + len(raw).to_bytes(8, "little") + raw) + b"\n")
    return b"".join(lines)
