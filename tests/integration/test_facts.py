# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The facts of a host, written by the program as the timer runs it, of real servers and a Sentinel."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Dict, List

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._config.sentinel_client_user import (
    client_rules,
)
from ansible_collections.quorum.redis.plugins.module_utils._model.acl_presets import job_rules
from ansible_collections.quorum.redis.plugins.module_utils._model.certificate import not_after
from ansible_collections.quorum.redis.plugins.module_utils._model.monitoring import facts_settings
from ansible_collections.quorum.redis.plugins.module_utils._model.versions import parse_version, running_version
from ansible_collections.quorum.redis.plugins.plugin_utils.program import follow_imports
from authority import Authority, Pair
from measured import note
from patience import LONG

from .conftest import PASSWORD as CLUSTER_PASSWORD
from .conftest import Lab, Server, wait_until
from .test_cluster import start

ROOT = Path(__file__).resolve().parents[2]
ROLE = ROOT / "roles" / "redis_monitoring"
PROMTOOL = ROOT / ".cache" / "prometheus" / "promtool"
PASSWORD, EXPORTER, WATCH, CLIENTS = "own-of-the-servers", "own-of-exporter", "own-of-sentinels", "own-of-clients"
OPTIONS = {
    "redis_auth": True,
    "redis_tls_clients": "yes",
    "redis_tls_cert_file": "",
    "redis_tls_key_file": "",
    "redis_backup_sets": [],
    "redis_backup_period": 24,
    "redis_backup_load": True,
}
NO_TLS = {"on": False, "ca": "", "cert": "", "key": ""}
NO_SENTINEL: Dict[str, Any] = {"password": "", "clients": []}
LEAST = 0.3  # seconds of a processor in each minute


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the program, installed as the role installs it."""
    place = tmp_path_factory.mktemp("lib")
    for name, source in follow_imports("_monitoring/agent").items():
        target = place / "quorum_redis" / f"{name}.py"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(source, encoding="utf-8")
    shutil.copy(ROLE / "files" / "facts.py", place / "facts")
    return place / "facts"


class Facts:
    """What the program writes of one data set."""

    def __init__(self, lab: Lab, program: Path, name: str) -> None:
        """Keep what it needs."""
        self.lab, self.program, self.name = lab, program, name
        self.settings: Dict[str, Any] = {}

    def look(self) -> str:
        """Run the program as a host does, which may keep nothing that it has compiled; return what it has written."""
        settings, found = self.lab.root / "facts.json", self.lab.root / "facts.prom"
        settings.write_text(json.dumps(self.settings), encoding="utf-8")
        command = [sys.executable, "-IB", str(self.program), str(settings), str(found)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=LONG, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert found.stat().st_mode & 0o777 == 0o644
        return found.read_text(encoding="utf-8")

    def values(self, text: str = "") -> Dict[str, float]:
        """Return what it has written by name, with the labels that are not the same in all of them."""
        rows = [line.rpartition(" ") for line in (text or self.look()).splitlines() if not line.startswith("#")]
        common = re.compile(rf'quorum_redis_|deployment="redis",|host="here",?|set="{self.name}",?')
        return {common.sub("", name).replace(",}", "}").replace("{}", ""): float(value) for name, _, value in rows}


class Scene(Facts):
    """A host with members of one set and, unless told otherwise, a Sentinel."""

    def __init__(self, lab: Lab, program: Path, tls: Dict[str, Any], sentinel: bool = True) -> None:
        """Start everything."""
        super().__init__(lab, program, "main")
        self.tls = tls
        self.primary = lab.server("main", password=PASSWORD, **tls)
        follows = f"replicaof 127.0.0.1 {self.primary.port}"
        self.replica = lab.server("copy", follows, password=PASSWORD, **tls)
        self.servers = [self.primary, self.replica]
        version = parse_version(running_version(self.primary.info()))
        for server in self.servers:
            server.call("ACL", "SETUSER", "exporter", "on", f">{EXPORTER}", *job_rules("monitoring", version))
        self.watchers: List[Server] = []
        if sentinel:
            watched = (f"sentinel monitor main 127.0.0.1 {self.primary.port} 1", f"sentinel auth-pass main {PASSWORD}")
            self.watchers.append(lab.sentinel("watch", *watched, password=WATCH, **tls))
            self.watchers[0].call("ACL", "SETUSER", "client", *client_rules([], version), f">{CLIENTS}")
        self.settings = self._settings()

    def _settings(self) -> Dict[str, Any]:
        hosts = {"here": self.primary, "there": self.replica}
        members = [{"host": host, "address": "127.0.0.1", "port": server.port} for host, server in hosts.items()]
        watching = [{"host": "here", "address": "127.0.0.1", "port": server.port} for server in self.watchers]
        secured = {"tls_port": self.primary.port} if self.tls else {}
        files = {"ca": self.tls["ca"], "cert": self.tls["own"].cert, "key": self.tls["own"].key} if self.tls else {}
        one = {"name": "main", "members": members, "sentinel": bool(watching), "local": True, **secured}
        secured = {"tls_port": self.watchers[0].port} if self.tls and self.watchers else {}
        topology = {
            "deployment": "redis",
            "instances": [one],
            "sentinel": {"name": "sentinel", "members": watching, "local": bool(watching), **secured},
            "tls": {"on": bool(self.tls), **{part: str(files.get(part, "")) for part in ("ca", "cert", "key")}},
            "options": {
                **OPTIONS,
                "redis_tls_cert_file": str(files.get("cert", "")),
                "redis_tls_key_file": str(files.get("key", "")),
                "redis_backup_directory": str(self.lab.root / "backups"),
            },
        }
        access = {"main": {"monitoring": {"username": "exporter", "password": EXPORTER}}}
        told = facts_settings(topology, access, {"password": WATCH, "clients": [CLIENTS]}, "here", carries=True)
        for process in told["settings"]["processes"]:
            process["note"] = str(self.lab.root / "restart-wanted")
            process["pending"] = str(self.lab.root / f"{process['set']}.pending")
            process["users"] = str(self.lab.root / f"{process['set']}.users")
        return {**told["settings"], **told["secrets"], "binary": self.lab.engine.binary}

    def wait(self) -> None:
        """Wait until the servers and the Sentinel say that all is well."""
        wait_until("all is well", lambda: self.values()["healthy"] == 1)


def names(values: Dict[str, float]) -> List[str]:
    """Return the problems that are told."""
    return sorted(re.findall(r'problems\{code="(\w+)"', " ".join(values)))


@pytest.fixture(params=[False, True], ids=["plain", "tls"])
def scene(request: pytest.FixtureRequest, lab: Lab, program: Path, tmp_path: Path) -> Scene:
    """Return the scene; with TLS nothing else is spoken, and clients show a certificate."""
    tls: Dict[str, Any] = {}
    if request.param:
        authority = Authority(tmp_path / "authority")
        tls = {"ca": authority.ca, "own": authority.issue("host")}
    found = Scene(lab, program, tls)
    found.wait()
    return found


def test_the_facts_of_a_healthy_set(scene: Scene) -> None:
    """They are what Prometheus reads, without a secret, and nothing that was asked was refused."""
    text = scene.look()
    for secret in (PASSWORD, EXPORTER, WATCH, CLIENTS):
        assert secret not in text
    subprocess.run([PROMTOOL, "check", "metrics"], input=text, text=True, check=True)
    values = scene.values(text)
    assert (values["healthy"], values["declared_members"], values["declared_sentinels"]) == (1, 2, 1)
    assert names(values) == []
    assert abs(values["facts_timestamp_seconds"] - time.time()) < LONG
    assert [value for name, value in values.items() if name.startswith("restart_wanted")] == [0, 0]
    for server in (*scene.servers, *scene.watchers):
        assert server.call("ACL", "LOG") == []
        assert server.sentinel or "NOPERM" not in server.call("INFO", "errorstats")
    # A neighbour on the same core makes it look dearer.
    spent = wait_until("a look costs little", lambda: [took for took in [seconds(scene)] if took <= LEAST])
    note("facts", f"a look took {spent[0]:.2f} s of a processor")
    if scene.tls:
        end = not_after_of(scene.tls["own"])
        served = [value for name, value in values.items() if name.startswith("certificate_served")]
        assert (values["certificate_not_after_timestamp_seconds"], served) == (end, [end, end])


def seconds(scene: Scene) -> float:
    """Return what a look takes of a processor, with the engine that is asked for its version."""
    before = os.times()
    scene.look()
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def not_after_of(pair: Pair) -> float:
    """Return when a certificate ends."""
    command = ["openssl", "x509", "-in", str(pair.cert), "-outform", "DER"]
    return not_after(subprocess.run(command, capture_output=True, check=True).stdout)


def test_what_changes_is_seen(lab: Lab, program: Path, tmp_path: Path) -> None:
    """A renewed certificate that nobody has read again, two passwords, a request for a restart, another program."""
    authority = Authority(tmp_path / "authority")
    own = authority.issue("host", days=10)
    scene = Scene(lab, program, {"ca": authority.ca, "own": own})
    scene.wait()
    was = not_after_of(own)
    authority.issue("host", days=20)  # in the same files
    (lab.root / "main.users").write_text("# app: the new password opens beside the previous one since 1764000000\n")
    values = scene.values()
    assert values["certificate_not_after_timestamp_seconds"] > was
    served = [value for name, value in values.items() if name.startswith("certificate_served")]
    assert served == [was, was]
    addr = f'addr="127.0.0.1:{scene.primary.port}"'
    assert values[f'rotation_began_timestamp_seconds{{{addr},user="app"}}'] == 1764000000
    assert values[f"restart_wanted{{{addr}}}"] == 0
    (lab.root / "restart-wanted").touch()
    assert scene.values()[f"restart_wanted{{{addr}}}"] == 1
    (lab.root / "restart-wanted").unlink()
    pending = lab.root / "main.pending"  # as the module config notes it
    pending.write_text(json.dumps({"run_id": scene.primary.info()["run_id"], "settings": ["databases"]}))
    assert scene.values()[f"restart_wanted{{{addr}}}"] == 1
    pending.write_text(json.dumps({"run_id": "that of an earlier process", "settings": ["databases"]}))
    assert scene.values()[f"restart_wanted{{{addr}}}"] == 0
    upgraded = lab.root / "upgraded"
    upgraded.write_text("#!/bin/sh\necho Redis server v=99.0.0 build=abcdef\n")
    upgraded.chmod(0o755)
    scene.settings["binary"] = str(upgraded)
    assert scene.values()[f"restart_wanted{{{addr}}}"] == 1


def test_without_sentinel_one_that_is_gone_and_one_that_is_silent_do_not_stop_the_rest(
    lab: Lab, program: Path, tmp_path: Path
) -> None:
    scene = Scene(lab, program, {}, sentinel=False)
    scene.wait()
    assert scene.values()["declared_sentinels"] == 0
    scene.replica.stop(kill=True)
    values = scene.values()
    assert (values["healthy"], names(values)) == (0, ["member_unreachable"])
    with socket.create_server(("127.0.0.1", scene.replica.port)):  # takes the connection, and never answers
        began = time.monotonic()
        values = scene.values()
        assert names(values) == ["member_unreachable"] and values["declared_members"] == 2
        assert time.monotonic() - began < LONG
    scene.primary.stop(kill=True)
    values = scene.values()
    assert names(values) == ["member_unreachable", "no_primary"]
    assert values['problems{code="member_unreachable"}'] == 2 and not [name for name in values if "restart" in name]


def connections_of(server: Server) -> int:
    """Return how many connections a server has taken in its life, this one included."""
    return int(server.info()["total_connections_received"])


def test_the_facts_of_a_cluster(lab: Lab, program: Path) -> None:
    """Three primaries on as many hosts; one that is gone is named, and the rest is judged all the same."""
    servers = [start(lab, f"cart-{number}") for number in range(3)]
    members = [
        {"host": host, "address": "127.0.0.1", "port": one.port}
        for host, one in zip(("here", "there", "beyond"), servers, strict=True)
    ]
    made = lab.run("cluster", name="cart", members=members, password=CLUSTER_PASSWORD, replicas=0, wait=120)
    assert not made.failed, made.text
    version = parse_version(running_version(servers[0].info()))
    for one in servers:
        rules = job_rules("monitoring", version, cluster=True)
        one.call("ACL", "SETUSER", "exporter", "on", f">{EXPORTER}", *rules)
    own = {"name": "cart-0", "cluster": "cart", "port": servers[0].port, "members": members, "local": True}
    cart = {
        "name": "cart",
        "members": members,
        "replicas": 0,
        "local": True,
        "places": [{**member, "zone": member["host"]} for member in members],
        "servers": [{"name": one.directory.name, "port": one.port} for one in servers],
    }
    topology = {
        "deployment": "redis",
        "instances": [],
        "clusters": [cart],
        "servers": [own],
        "tls": NO_TLS,
        "sentinel": {"name": "sentinel", "members": [], "local": False},
        "options": {**OPTIONS, "redis_backup_directory": str(lab.root)},
    }
    login = {"monitoring": {"username": "exporter", "password": EXPORTER}}
    told = facts_settings(topology, dict.fromkeys(("cart", "cart-0"), login), NO_SENTINEL, "here", carries=False)
    facts = Facts(lab, program, "cart")
    facts.settings = {**told["settings"], **told["secrets"], "binary": lab.engine.binary}
    wait_until("all is well", lambda: facts.values()["healthy"] == 1)
    found = facts.values()
    assert found["declared_members"] == 3 and names(found) == []
    assert found[f'restart_wanted{{addr="127.0.0.1:{servers[0].port}"}}'] == 0
    for one in servers:
        assert one.call("ACL", "LOG") == []
    before = [connections_of(servers[1]) for _ in range(2)]
    facts.look()
    assert connections_of(servers[1]) - before[1] - (before[1] - before[0]) == 1
    servers[2].stop(kill=True)
    wait_until("the rest notices", lambda: "cluster_state" in names(facts.values()))
    found = facts.values()
    assert found["healthy"] == 0 and {"member_unreachable", "slots_unowned"} <= set(names(found)), found
