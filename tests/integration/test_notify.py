# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Notifiers of real Sentinels tell a real Alertmanager, a webhook and a mail server that the primary moves."""

from __future__ import annotations

import functools
import json
import os
import socketserver
import ssl
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from ansible_collections.quorum.redis.plugins.module_utils._config.sentinel_client_user import (
    client_rules,
)
from ansible_collections.quorum.redis.plugins.module_utils._model.notification import write_deed
from ansible_collections.quorum.redis.plugins.module_utils._model.versions import parse_version, running_version
from authority import Authority, Pair
from ledger.scene import NAME, Scene
from patience import allowed

from .conftest import Lab, Server, free_port, wait_until

ALERTMANAGER = Path(__file__).resolve().parents[2] / ".cache" / "prometheus" / "prometheus-alertmanager"
ODD = "a \"b' #\\ $x é"
TOKEN = "t0ken-of-the-webhook"
PROGRAM = (
    "import sys; from ansible_collections.quorum.redis.plugins.module_utils._notify.agent import main; sys.exit(main())"
)
ROUTE = """
route: {receiver: people, group_by: [...], group_wait: 0s, group_interval: 1s, repeat_interval: 4h}
receivers:
  - name: people
    webhook_configs: [{url: "URL/people", send_resolved: false}]
"""
PROMISED = 2.0  # seconds from the first Sentinel that names the new primary to the first notification


@dataclass
class Sink:
    """What was sent to the webhook, by Alertmanager to people, and by mail."""

    port: int
    mail_port: int
    posts: list[tuple[float, str, dict[str, Any]]] = field(default_factory=list)  # time, Idempotency-Key, body
    people: list[dict[str, Any]] = field(default_factory=list)
    mails: list[str] = field(default_factory=list)
    own: Pair | None = None  # of the mail server, where it speaks TLS: when asked to, or on a port of its own at once
    secure_mail_port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def about(self, epoch: int) -> list[tuple[float, str, dict[str, Any]]]:
        """Return what the webhook was told of one move."""
        return [post for post in self.posts if post[2]["epoch"] == epoch]


@contextmanager
def sink(own: Pair | None = None) -> Iterator[Sink]:
    """Run the receivers."""
    found = Sink(free_port(), free_port(), own=own, secure_mail_port=free_port())

    class Web(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path == "/people":
                found.people.extend(body["alerts"])
            elif self.path == f"/hook?token={TOKEN}" and self.headers["X-Key"] == TOKEN:
                found.posts.append((time.monotonic(), self.headers["Idempotency-Key"], body))
            else:
                self.send_error(403)
                return
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_unused: object) -> None:
            pass

    class Mail(socketserver.StreamRequestHandler):
        def secure(self) -> None:
            assert found.own
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(found.own.cert, found.own.key)
            self.request = context.wrap_socket(self.request, server_side=True)
            self.setup()

        def handle(self) -> None:
            if self.request.getsockname()[1] == found.secure_mail_port:
                self.secure()
            self.wfile.write(b"220 here\r\n")
            while row := self.rfile.readline():
                word = row[:4].upper()
                plain = found.own and not isinstance(self.request, ssl.SSLSocket)
                if plain and word == b"EHLO":
                    self.wfile.write(b"250-here\r\n250 STARTTLS\r\n")
                    continue
                if plain and word == b"STAR":
                    self.wfile.write(b"220 begin\r\n")
                    self.secure()
                    continue
                if plain:
                    self.wfile.write(b"530 TLS first\r\n")
                    continue
                if word == b"DATA":
                    self.wfile.write(b"354 go on\r\n")
                    rows = iter(self.rfile.readline, b".\r\n")
                    found.mails.append(b"".join(rows).decode().replace("\r\n", "\n"))
                self.wfile.write(b"221 bye\r\n" if word == b"QUIT" else b"250 well\r\n")

    class MailServer(socketserver.ThreadingTCPServer):
        daemon_threads = allow_reuse_address = True

    ports = [found.mail_port, *([found.secure_mail_port] if own else [])]
    mail_servers = [MailServer(("127.0.0.1", port), Mail) for port in ports]
    servers = [ThreadingHTTPServer(("127.0.0.1", found.port), Web), *mail_servers]
    for server in servers:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield found
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()


class Alertmanager:
    """The distribution's, which tells each alert to the sink."""

    def __init__(self, folder: Path, told: Sink) -> None:
        """Write its configuration and start it."""
        self.folder, self.port = folder, free_port()
        (folder / "alertmanager.yml").write_text(ROUTE.replace("URL", told.url), encoding="utf-8")
        self.start()

    def start(self) -> None:
        """Start it and wait until it answers."""
        arguments = [f"--config.file={self.folder}/alertmanager.yml", f"--storage.path={self.folder}/alertmanager"]
        arguments += ["--cluster.listen-address=", f"--web.listen-address=127.0.0.1:{self.port}"]
        with (self.folder / "alertmanager.log").open("ab") as log:
            self.process = subprocess.Popen([ALERTMANAGER, *arguments], stdout=log, stderr=log)
        wait_until("Alertmanager answers", lambda: self.alerts() is not None)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(60)

    def alerts(self, epoch: int = 0) -> list[dict[str, Any]]:
        """Return the alerts of one move, or all."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/v2/alerts", timeout=30) as reply:
            found = json.load(reply)
        return [alert for alert in found if not epoch or alert["labels"].get("epoch") == str(epoch)]


class Notifier:
    """The notifier of one Sentinel, with a state directory of its own."""

    def __init__(self, lab: Lab, folder: Path, rank: int, sentinel: Server, sinks: dict[str, Any]) -> None:
        """Write its settings and start it."""
        self.lab, self.state = lab, folder / f"notify-{rank}"
        self.state.mkdir()
        self.settings = self.state / "settings.json"
        place = {"address": sentinel.address, "port": sentinel.port, **sentinel.tls()}
        place["username"] = "" if sentinel.ca else "client"
        told = {"deployment": "redis", "host": f"h{rank}", "rank": rank, "sentinel": place}
        passwords = {
            "sentinel": ["older", ODD] if place["username"] else [],
            "webhook": sinks.get("webhook", {}).get("url", ""),
            "headers": {"X-Key": TOKEN},
        }
        told.update(sinks=sinks, passwords=passwords, standby=60, keep=86400)
        self.settings.write_text(json.dumps(told), encoding="utf-8")
        self.start()

    def start(self) -> None:
        """Start it and wait until it listens."""
        (self.state / "status.json").unlink(missing_ok=True)
        own = {"REDIS_NOTIFY_SETTINGS": str(self.settings), "REDIS_NOTIFY_STATE": str(self.state)}
        env = {**os.environ, **own, "PYTHONPATH": str(self.lab.collections)}
        with (self.state / "log").open("ab") as log:
            self.process = subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=log, stderr=log, env=env)
        wait_until(f"{self.state.name} listens", lambda: self.status().get("problem") == "")

    def tell(self, kind: str, state: str, name: str = "") -> None:
        """Let it tell what a playbook does, as the module does."""
        (self.state / "inbox" / f"{write_deed(kind, state, name, 'eve', '1234abcd')}.deed").touch()

    def status(self) -> dict[str, Any]:
        assert self.process.poll() is None, self.log
        path = self.state / "status.json"
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        return found

    @property
    def log(self) -> str:
        return (self.state / "log").read_text(encoding="utf-8")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(60)

    def epoch(self) -> int:
        """Return the epoch that it saw last."""
        return int(json.loads((self.state / "seen.json").read_text(encoding="utf-8"))[NAME][0])

    def has_told(self, epoch: int) -> bool:
        """Return whether it knows of a move, and Alertmanager waits for nothing more from here."""
        return self.epoch() >= epoch and not list((self.state / "spool" / "alertmanager-1").iterdir())


class Story:
    """A set, its Sentinels and notifiers, and everybody whom they tell."""

    def __init__(self, lab: Lab, folder: Path, told: Sink) -> None:
        """Start everything."""
        self.scene = Scene.build(lab)
        self.told = told
        self.alertmanager = Alertmanager(folder, told)
        self.notifiers: list[Notifier] = []
        version = parse_version(running_version(self.scene.members[0].info()))
        sinks = {
            "alertmanager": {"urls": [f"http://127.0.0.1:{self.alertmanager.port}"], "hold": 3600},
            "webhook": {"url": f"{told.url}/hook?token={TOKEN}"},
            "mail": {"host": "127.0.0.1", "port": told.mail_port, "tls": "off", "sender": "redis@x", "to": ["a@x"]},
        }
        for rank, sentinel in enumerate(self.scene.sentinels):
            sentinel.call("ACL", "SETUSER", "client", *client_rules([], version), f">{ODD}")
            self.notifiers.append(Notifier(lab, folder, rank, sentinel, sinks))

    def close(self) -> None:
        for one in self.notifiers:
            one.kill()
        self.alertmanager.stop()

    def epoch(self) -> int:
        """Return the highest epoch that a Sentinel shows."""
        replies = [one.call("SENTINEL", "MASTER", NAME) for one in self.scene.sentinels]
        return max(int(reply[reply.index("config-epoch") + 1]) for reply in replies)

    def named(self) -> set[tuple[str, ...]]:
        """Return whom the Sentinels name."""
        every = [one.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME) for one in self.scene.sentinels]
        return {tuple(reply) for reply in every}

    def move(self, do: Callable[[], object]) -> tuple[int, float]:
        """Let the primary move; return the epoch of it, and when the first Sentinel named the new one."""
        before, epoch = self.named(), self.epoch()
        worker = threading.Thread(target=do, daemon=True)
        worker.start()
        wait_until("a Sentinel names another primary", lambda: self.named() - before)
        named = time.monotonic()
        worker.join()
        wait_until("the epoch is a new one", lambda: self.epoch() > epoch)
        return self.epoch(), named

    def told_once(self, epoch: int, *causes: str) -> dict[str, Any]:
        """Wait until all notifiers are done with Alertmanager; return the one alert that it has of this move."""
        for one in self.notifiers:
            wait_until(f"{one.state.name} has told its Alertmanager", functools.partial(one.has_told, epoch))
        (alert,) = self.alertmanager.alerts(epoch)
        labels: dict[str, str] = alert["labels"]
        assert labels["cause"] in causes and labels["set"] == NAME and labels["deployment"] == "redis", labels
        wait_until("Alertmanager has told people", lambda: self.people(epoch))
        assert len(self.people(epoch)) == 1
        wait_until("the webhook was told", lambda: self.told.about(epoch))
        posts = self.told.about(epoch)
        assert len({key for _time, key, _body in posts}) == 1
        wait_until("a mail was sent", lambda: [text for text in self.told.mails if f"epoch: {epoch}\n" in text])
        assert len(self.people(epoch)) == 1
        return labels

    def annotations(self, epoch: int) -> dict[str, str]:
        (alert,) = self.alertmanager.alerts(epoch)
        found: dict[str, str] = alert["annotations"]
        return found

    def deeds(self, kind: str) -> list[dict[str, Any]]:
        return [body for _time, _key, body in self.told.posts if body["kind"] == kind]

    def people_of(self, name: str) -> list[dict[str, Any]]:
        return [alert for alert in self.told.people if alert["labels"]["alertname"] == name]

    def people(self, epoch: int) -> list[dict[str, Any]]:
        return [alert for alert in self.told.people if alert["labels"].get("epoch") == str(epoch)]

    def told_in_time(self, epoch: int, named: float) -> None:
        """See that the webhook was told soon after the first Sentinel named the new primary."""
        took = min(when for when, _key, _body in self.told.about(epoch)) - named
        assert took < allowed(PROMISED), f"{took:.2f} s"

    def planned_while_notifiers_die(self) -> None:
        process = self.scene.begin()
        for one in self.notifiers:
            one.kill()
        assert process.wait(300) == 0, process.communicate()

    def planned(self) -> None:
        moved = self.scene.move()
        assert not moved.failed, moved.text


@contextmanager
def story(lab: Lab, folder: Path) -> Iterator[Story]:
    with sink() as told:
        found = Story(lab, folder, told)
        try:
            yield found
        finally:
            found.close()


def test_each_move_is_one_alert_and_none_is_lost(lab: Lab, tmp_path: Path) -> None:
    with story(lab, tmp_path) as found:
        epoch, named = found.move(found.planned)
        labels = found.told_once(epoch, "planned")
        assert labels["severity"] == "info"
        wait_until("those who stand by know it", lambda: "told_webhook" in found.annotations(epoch))
        found.told_in_time(epoch, named)

        # What a playbook does comes from one host, and once.
        found.notifiers[1].tell("restore", "begun", NAME)
        wait_until("the webhook was told of the restore", lambda: found.deeds("restore"))
        wait_until("people were told of it", lambda: found.people_of("RedisRestore"))

        # Alertmanager is away for the whole failover.
        found.scene.wait("the set is whole", found.scene.whole)
        found.alertmanager.stop()
        epoch, _named = found.move(found.planned)
        wait_until("the webhook was told", lambda: found.told.about(epoch))
        found.alertmanager.start()
        found.told_once(epoch, "planned")

        # All notifiers die in it. What is known afterwards is that it happened.
        found.scene.wait("the set is whole", found.scene.whole)
        epoch, _named = found.move(found.planned_while_notifiers_die)
        for one in found.notifiers:
            one.start()
        found.told_once(epoch, "planned", "unknown")

        found.scene.wait("the set is whole", found.scene.whole)
        old = next(one for one in found.scene.members if one.follows()[0] == "master")
        for one in found.scene.sentinels:
            one.call("SENTINEL", "SET", NAME, "down-after-milliseconds", 3000)
        epoch, named = found.move(lambda: old.stop(kill=True))
        labels = found.told_once(epoch, "crash")
        assert labels["severity"] == "critical" and labels["primary"] != f"127.0.0.1:{old.port}"
        found.told_in_time(epoch, named)
        assert {body["old"] for _time, _key, body in found.told.about(epoch)} == {f"127.0.0.1:{old.port}"}
        (deed,), (alert,) = found.deeds("restore"), found.people_of("RedisRestore")
        assert deed["summary"] == f"A restore of {NAME} (redis) has begun" == alert["annotations"]["summary"]
        assert "Asked for by eve" in deed["description"] and deed["host"] == "h1"
        assert not [one for one in found.notifiers if TOKEN in one.log or ODD in one.log]


def test_a_primary_that_nobody_can_replace_is_told_over_tls(lab: Lab, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with sink(authority.issue("mail")) as told:
        sentinel = lab.sentinel("s1", ca=authority.ca, own=authority.issue("host"))
        notifier = Notifier(lab, tmp_path, 0, sentinel, {"webhook": {"url": f"{told.url}/hook?token={TOKEN}"}})
        try:
            sentinel.call("SENTINEL", "MONITOR", NAME, "127.0.0.1", free_port(), 1)
            sentinel.call("SENTINEL", "SET", NAME, "down-after-milliseconds", 500)
            wait_until("the webhook was told", lambda: told.posts)
        finally:
            notifier.kill()
        body = told.posts[0][2]
        assert (body["kind"], body["cause"], body["severity"], body["set"]) == ("stuck", "crash", "critical", NAME)

        def changes() -> list[str]:
            return [text for text in told.mails if "A change of the passwords of redis has begun" in text]

        # A mail server that takes nothing in plain.
        mail = {"host": "127.0.0.1", "ca_file": str(authority.ca), "sender": "redis@x", "to": ["a@x"]}
        ways = {"starttls": told.mail_port, "on": told.secure_mail_port}
        for rank, (way, port) in enumerate(ways.items(), 1):
            notifier = Notifier(lab, tmp_path, rank, sentinel, {"mail": {**mail, "port": port, "tls": way}})
            try:
                notifier.tell("rotation", "begun")
                wait_until(f"a mail came over TLS, {way}", lambda: len(changes()) == rank)  # noqa: B023
            finally:
                notifier.kill()
