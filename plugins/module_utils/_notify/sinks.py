# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where events are told: Alertmanager, a webhook, a mail server, a command, and the journal. Standard library only.

What goes wrong is said without addresses beyond the host: a URL may hold a token.
"""

from __future__ import annotations

import http.client
import json
import smtplib
import socket
import ssl
import sys
import threading
from base64 import b64encode
from typing import Any, Callable, Dict, Mapping, Optional
from urllib.parse import urlsplit

from .._host.commands import run_program
from .._model.notification import Event, build_alerts, build_mail, build_query, mark_alert, render_body, render_journal

TIMEOUT = 5
LARGEST = 1 << 22
COMMAND_SECONDS = 10
JOURNAL = "/run/systemd/journal/socket"
Headers = Dict[str, str]
LOCK = threading.Lock()  # sinks of one host mark the same alert


class NotTaken(Exception):
    """A sink has not taken an event: why, without a secret."""


def host_of_url(url: str) -> str:
    """Return whom a URL names, without user, path and query."""
    try:
        parts = urlsplit(url)
        return f"{parts.hostname}:{parts.port or (443 if parts.scheme == 'https' else 80)}"
    except ValueError:
        return "the URL"


def send_request(url: str, headers: Headers, data: Optional[bytes] = None, ca: str = "") -> bytes:
    """Send a request and return what is answered with 2xx. Nobody is followed elsewhere, with the token."""
    line: Optional[http.client.HTTPConnection] = None
    try:
        parts = urlsplit(url)
        if parts.scheme == "https":
            context = ssl.create_default_context(cafile=ca or None)
            line = http.client.HTTPSConnection(parts.hostname or "", parts.port, timeout=TIMEOUT, context=context)
        else:
            line = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        line.request("GET" if data is None else "POST", target, data, headers)
        reply = line.getresponse()
        body = reply.read(LARGEST)
    except OSError as problem:
        raise NotTaken(f"{host_of_url(url)}: {problem}") from None
    except (http.client.HTTPException, ValueError) as problem:
        raise NotTaken(f"{host_of_url(url)}: {type(problem).__name__}") from None  # its text may be the URL
    finally:
        if line is not None:
            line.close()
    if not 200 <= reply.status < 300:
        raise NotTaken(f"{host_of_url(url)} answers HTTP {reply.status}")
    return body


class Sink:
    """One place that is told; `folds`: it makes one of equal events."""

    folds = False

    def __init__(self, settings: Mapping[str, Any]) -> None:
        """Keep the settings."""
        self.settings = settings

    def has_event(self, event: Event) -> bool:
        """Return whether somebody else has told it already, as far as can be known."""
        return False

    def knows_mark(self, event: Event, name: str) -> bool:
        """Return whether it was noted here that another sink was told."""
        return False

    def leave_mark(self, event: Event, name: str) -> bool:
        """Note here that another sink was told; return whether that could be done."""
        return False

    def send_event(self, event: Event, now: float) -> str:
        """Tell it; return where it went. NotTaken: it must be tried again."""
        raise NotImplementedError


class Alertmanager(Sink):
    """One Alertmanager; in a cluster each of them is told."""

    folds = True

    def _headers(self) -> Headers:
        user, word = self.settings.get("username") or "", self.settings.get("password") or ""
        token = b64encode(f"{user}:{word}".encode()).decode()
        headers = {"Content-Type": "application/json"}
        return {**headers, "Authorization": f"Basic {token}"} if user else headers

    def _ask(self, rest: str, data: Optional[bytes] = None) -> bytes:
        url = f"{self.settings['url'].rstrip('/')}/api/v2/alerts{rest}"
        return send_request(url, self._headers(), data, self.settings.get("ca_file") or "")

    def _find(self, event: Event) -> Mapping[str, Any]:
        """Return the alert, from whichever host; empty when there is none."""
        reply = self._ask(f"?{build_query(event)}")
        try:
            alert: Mapping[str, Any] = next(iter(json.loads(reply)), {})
        except (ValueError, TypeError):
            raise NotTaken(f"{host_of_url(self.settings['url'])} does not answer as an Alertmanager") from None
        return alert

    def has_event(self, event: Event) -> bool:
        """Ask for the alert: another host may have another opinion of its cause, and one alert is enough."""
        return bool(self._find(event))

    def knows_mark(self, event: Event, name: str) -> bool:
        """Read the annotation."""
        return f"told_{name}" in self._find(event).get("annotations", {})

    def leave_mark(self, event: Event, name: str) -> bool:
        """Write an annotation, which tells nobody anew."""
        with LOCK:
            alert = self._find(event)
            if alert:
                self._ask("", mark_alert(alert, f"told_{name}", event.host))
            return bool(alert)

    def send_event(self, event: Event, now: float) -> str:
        """Post the alert."""
        self._ask("", build_alerts(event, self.settings.get("labels") or {}, now, self.settings["hold"]))
        return host_of_url(self.settings["url"])


class Webhook(Sink):
    """A URL that takes the event as JSON."""

    def send_event(self, event: Event, now: float) -> str:
        """Post the event."""
        headers = {"Content-Type": "application/json", "Idempotency-Key": event.id, **self.settings["headers"]}
        send_request(self.settings["url"], headers, render_body(event), self.settings.get("ca_file") or "")
        return host_of_url(self.settings["url"])


class Mail(Sink):
    """A mail server."""

    def send_event(self, event: Event, now: float) -> str:
        """Hand the mail over."""
        settings = self.settings
        where = f"{settings['host']}:{settings['port']}"
        try:
            context = ssl.create_default_context(cafile=settings.get("ca_file") or None)
            kind: Callable[..., smtplib.SMTP] = smtplib.SMTP
            more: Dict[str, Any] = {}
            if settings["tls"] == "on":
                kind, more = smtplib.SMTP_SSL, {"context": context}
            with kind(settings["host"], settings["port"], timeout=TIMEOUT, **more) as line:
                if settings["tls"] == "starttls":
                    line.starttls(context=context)
                if settings.get("username"):
                    line.login(settings["username"], settings.get("password") or "")
                line.send_message(
                    build_mail(event, settings["sender"], settings["to"]), settings["sender"], settings["to"]
                )
        except smtplib.SMTPAuthenticationError as problem:
            raise NotTaken(f"{where} refuses the login ({problem.smtp_code})") from None
        except (smtplib.SMTPException, OSError, ValueError) as problem:
            raise NotTaken(f"{where}: {problem}") from None
        return where


class Command(Sink):
    """A program that reads the event from its standard input."""

    def send_event(self, event: Event, now: float) -> str:
        """Run it, without a shell."""
        words = self.settings["argv"]
        try:
            code, _output = run_program(words, render_body(event), COMMAND_SECONDS)
        except OSError as problem:
            raise NotTaken(f"{words[0]}: {problem.strerror or problem}") from None
        if code:
            raise NotTaken(f"{words[0]} ends with {code}")
        return str(words[0])


def make_sinks(settings: Mapping[str, Any], passwords: Mapping[str, Any]) -> Dict[str, Sink]:
    """Return the declared sinks by name; what is secret of them is in `passwords`."""
    sinks: Dict[str, Sink] = {}
    given = settings.get("alertmanager") or {}
    for number, url in enumerate(given.get("urls") or [], 1):
        sinks[f"alertmanager-{number}"] = Alertmanager(
            {**given, "url": url, "password": passwords.get("alertmanager", "")}
        )
    if settings.get("webhook"):
        sinks["webhook"] = Webhook(
            {**settings["webhook"], "url": passwords["webhook"], "headers": passwords["headers"]}
        )
    if settings.get("mail"):
        sinks["mail"] = Mail({**settings["mail"], "password": passwords.get("mail", "")})
    if settings.get("command"):
        sinks["command"] = Command({"argv": settings["command"]})
    return sinks


def log_event(event: Event) -> None:
    """Write the event to the journal, or where there is none to the log."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
            line.sendto(render_journal(event), JOURNAL)
    except OSError:
        log_line(f"{event.severity}: {event.summary}")


def log_line(text: str) -> None:
    """Write a line to the log."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
