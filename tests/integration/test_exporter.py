# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The distribution's exporter, started as the role starts it, in front of real servers and a Sentinel."""

from __future__ import annotations

import json
import re
import socket
import ssl
import subprocess
import threading
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any, Dict, Iterator, List

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._config.sentinel_client_user import (
    client_rules,
)
from ansible_collections.quorum.redis.plugins.module_utils._model.acl_presets import job_rules
from ansible_collections.quorum.redis.plugins.module_utils._model.monitoring import build_exporters
from ansible_collections.quorum.redis.plugins.module_utils._model.versions import parse_version, running_version
from authority import Authority
from metric_names import names_needed

from .conftest import Lab, Server, free_port, wait_until

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / ".cache" / "prometheus" / "prometheus-redis-exporter"
PASSWORD, EXPORTER, WATCH, CLIENTS = "own-of-the-servers", "own-of-exporter", "own-of-sentinels", "own-of-clients"
SECRETS = (PASSWORD, EXPORTER, WATCH, CLIENTS)


class Scene:
    """A primary, its replica and a Sentinel, with an exporter for the servers and one for the Sentinel."""

    def __init__(self, lab: Lab, folder: Path, program: Path = PROGRAM, **tls: Any) -> None:
        """Start everything as the role would; with `ca` and `own` of `tls` nothing speaks anything else."""
        self.tls = tls
        self.primary = lab.server("main", password=PASSWORD, **tls)
        self.replica = lab.server(
            "copy", f"replicaof 127.0.0.1 {self.primary.port}", f"masterauth {PASSWORD}", password=PASSWORD, **tls
        )
        watched = (f"sentinel monitor main 127.0.0.1 {self.primary.port} 1", f"sentinel auth-pass main {PASSWORD}")
        self.sentinel = lab.sentinel("watch", *watched, password=WATCH, **tls)
        bus = ["tls-cluster yes"] if tls else []
        self.node = lab.server("cart-7000", "cluster-enabled yes", *bus, password=PASSWORD, **tls)
        self.primary.call("SET", "card:1", "4111")
        version = parse_version(running_version(self.primary.info()))
        for server in (self.primary, self.replica, self.node):
            rules = job_rules("monitoring", version, cluster=server is self.node)
            server.call("ACL", "SETUSER", "exporter", "on", f">{EXPORTER}", *rules)
        clients = [CLIENTS] if version >= (6, 2) else []  # a Sentinel before that has no users
        if clients:
            self.sentinel.call("ACL", "SETUSER", "client", *client_rules([], version), f">{CLIENTS}")
        self.ports = (free_port(), free_port())
        found = build_exporters(self._topology(), self._access(), {"password": WATCH, "clients": clients}, "here")
        assert found["problems"] == []
        self.processes: List[subprocess.Popen[bytes]] = []
        for entry in found["processes"]:
            path = folder / f"{entry['name']}.json"
            path.write_text(json.dumps(entry["passwords"]), encoding="utf-8")
            arguments = [re.sub(r"/etc/quorum-redis/\S+", str(path), word) for word in entry["arguments"]]
            for source, copy in entry["copies"].items():  # which the unit makes
                arguments = [word.replace(copy, source) for word in arguments]
            assert not [word for word in arguments if any(secret in word for secret in SECRETS)]
            self.processes.append(subprocess.Popen([program, *arguments], stderr=subprocess.DEVNULL))

    def _topology(self) -> Dict[str, Any]:
        members = {"main": self.primary, "copy": self.replica, "sentinel": self.sentinel, "cart-7000": self.node}
        models: List[Dict[str, Any]] = [
            {"name": name, "local": True, "members": [{"host": "here", "address": "127.0.0.1", "port": server.port}]}
            for name, server in members.items()
        ]
        nodes = [{**models.pop(), "cluster": "cart"}]
        options = {
            "redis_auth": True,
            "redis_monitoring_address": "127.0.0.1",
            "redis_monitoring_port": self.ports[0],
            "redis_monitoring_sentinel_port": self.ports[1],
            "redis_tls_clients": "yes" if self.tls else "no",
            "redis_monitoring_tls": bool(self.tls),
            **{f"redis_tls_{part}_file": str(getattr(self.tls["own"], part)) for part in ("cert", "key") if self.tls},
        }
        of_sets = {"instances": models[:2], "sentinel": models[2], "servers": [*models[:2], *nodes]}
        access: Dict[str, Any] = {"on": False}
        if self.tls:
            own = self.tls["own"]
            access = {"on": True, "ca": str(self.tls["ca"]), "cert": str(own.cert), "key": str(own.key)}
        return {"options": options, "tls": access, **of_sets}

    @staticmethod
    def _access() -> Dict[str, Any]:
        login = {"username": "exporter", "password": EXPORTER}
        return {name: {"monitoring": login} for name in ("main", "copy", "cart", "cart-7000")}

    def _get(self, port: int, path: str, shown: bool = True) -> str:
        """Ask over TLS where that is all that is spoken, with the certificate of the host or without."""
        connection = HTTPConnection("127.0.0.1", port, timeout=30)
        if self.tls:
            context = ssl.create_default_context(cafile=str(self.tls["ca"]))
            if shown:
                context.load_cert_chain(self.tls["own"].cert, self.tls["own"].key)
            connection = HTTPSConnection("127.0.0.1", port, timeout=30, context=context)
        try:
            connection.request("GET", path)
            return connection.getresponse().read().decode()
        finally:
            connection.close()

    def scrape(self, server: Server, more: str = "") -> str:
        """Return what the exporter says of a process."""
        port = self.ports[1 if server is self.sentinel else 0]
        return self._get(port, f"/scrape?target=redis{'s' if self.tls else ''}://127.0.0.1:{server.port}{more}")

    def wait(self) -> None:
        """Wait until the exporters answer."""
        wait_until("the exporters answer", lambda: [self._get(port, "/metrics") for port in self.ports])

    def close(self) -> None:
        """End the exporters."""
        for process in self.processes:
            process.kill()
            process.wait()


@pytest.fixture
def scene(lab: Lab, tmp_path: Path) -> Iterator[Scene]:
    """Return the scene, and end its exporters."""
    found = Scene(lab, tmp_path)
    try:
        found.wait()
        yield found
    finally:
        found.close()


def test_what_is_needed_is_there_and_no_right_is_missing(scene: Scene) -> None:
    with pytest.raises(Exception, match=r"WRONGTYPE|wrong kind"):
        scene.primary.call("LPUSH", "card:1", "x")  # so that there is an error to be counted
    wait_until("the replica follows", lambda: "redis_master_link_up{" in scene.scrape(scene.replica))
    told = [scene.scrape(server) for server in (scene.primary, scene.replica, scene.sentinel, scene.node)]
    assert "\nredis_cluster_state 0\n" in told[3]  # no slot is served yet
    for text in told:
        assert re.search(r"^redis_up 1$", text, re.MULTILINE), text
        assert not [secret for secret in SECRETS if secret in text] and "4111" not in text
    names = {line.split("{")[0].split(" ")[0] for text in told for line in text.splitlines() if line[:1] != "#"}
    assert names_needed() - names == set()
    assert (
        f'redis_sentinel_master_status{{master_address="127.0.0.1:{scene.primary.port}",master_name="main"' in told[2]
    )
    # Who may not ask it is told 0, which is the same as no quorum.
    assert re.search(r'^redis_sentinel_master_ckquorum_status{.*master_name="main".*} 1$', told[2], re.MULTILINE), told[
        2
    ]
    for server in (scene.primary, scene.replica, scene.sentinel, scene.node):
        assert server.call("ACL", "LOG") == []


def test_servers_and_sentinels_that_speak_nothing_but_tls(lab: Lab, tmp_path: Path) -> None:
    """They ask for certificates, too, and so do the exporters: who has none learns nothing."""
    authority = Authority(tmp_path / "authority")
    found = Scene(lab, tmp_path, ca=authority.ca, own=authority.issue("host"))
    try:
        found.wait()
        wait_until("the replica follows", lambda: "redis_master_link_up{" in found.scrape(found.replica))
        for server in (found.primary, found.replica, found.sentinel, found.node):
            text = found.scrape(server)
            assert re.search(r"^redis_up 1$", text, re.MULTILINE), text
            assert not [secret for secret in SECRETS if secret in text]
        for port in found.ports:
            with pytest.raises((OSError, HTTPException), match=r"certificate|closed|reset|EOF"):
                found._get(port, "/metrics", shown=False)
            with socket.create_connection(("127.0.0.1", port)) as plain:
                plain.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
                assert b"redis" not in plain.recv(4096)
    finally:
        found.close()


def test_a_stranger_learns_no_password_and_no_data(scene: Scene) -> None:
    """Whoever may scrape names keys to be shown, or his own address, where he writes down what he is sent."""
    for more in ("&check-keys=card:*", "&check-single-keys=card:1", "&count-keys=db0=card:*"):
        assert "4111" not in scene.scrape(scene.primary, more)
        assert 'key="card:1"' not in scene.scrape(scene.primary, more)
    heard: List[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def listen() -> None:
            for _number in scene.ports:
                connection = listener.accept()[0]
                with connection:
                    heard.append(connection.recv(4096))

        stranger = threading.Thread(target=listen, daemon=True)
        stranger.start()
        for port in scene.ports:
            scene._get(port, f"/scrape?target=redis://127.0.0.1:{listener.getsockname()[1]}")
        stranger.join(30)
    assert len(heard) == 2
    assert not [secret for secret in SECRETS for said in heard if secret.encode() in said]
