# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The code of docs/clients.md, run as it stands by the client libraries, as users with presets, plain and over TLS."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Dict, List, Optional
from urllib.request import Request, urlopen

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._config.sentinel_client_user import rules
from ansible_collections.quorum.redis.plugins.module_utils._model.acl_rules import password_digest, setuser_command
from ansible_collections.quorum.redis.plugins.module_utils._model.client_page import files_of
from ansible_collections.quorum.redis.plugins.module_utils._model.versions import parse_version
from authority import Authority
from patience import LONG

from .conftest import PASSWORD, Lab, Server, engines, free_port, wait_until
from .test_acl import OWN, acl

ROOT = Path(__file__).resolve().parents[2]
CLIENTS = ROOT / ".cache" / "clients"
# Which user each file of the page logs in as: preset and prefix.
USERS = {
    "app": ("application", "app:"),
    "jobs": ("celery", "app:"),
    "rq": ("queue", "rq:"),
    "cache": ("cache", "app:"),
    "session": ("session", "app:sess:"),
    "queue": ("queue", "app:bull:"),
}
PLAIN = {"app.py": "app", "app_asyncio.py": "app", "app_flask.py": "cache", "app_django.py": "cache"}
NODE = {"app_ioredis.mjs": "app", "app_node_redis.mjs": "app", "app_bullmq.mjs": "queue"}

# What is tried here is the code of the page; that each engine takes the presets is tried in test_acl.
ONE_ENGINE = pytest.mark.parametrize("engine", engines()[:1], ids=lambda engine: engine.name, indirect=True)


@dataclass
class Page:
    """The files of the page in a directory, and the environment in which they run."""

    place: Path
    env: Dict[str, str]

    def command(self, *words: str) -> List[str]:
        """Return a command of the client libraries."""
        return ["node", *words] if words[0].endswith("js") else [str(CLIENTS / "venv" / "bin" / words[0]), *words[1:]]

    def options(self, user: str) -> Dict[str, object]:
        """Return how a program runs as a user."""
        own = {"REDIS_USERNAME": user, "REDIS_PASSWORD": f"secret-of-{user}"}
        return {"cwd": self.place, "env": {**self.env, **own}, "text": True, "stdin": subprocess.DEVNULL}

    def run(self, user: str, *words: str) -> str:
        """Run a program to its end and return what it prints."""
        done = subprocess.run(  # type: ignore[call-overload]
            self.command(*words), capture_output=True, timeout=LONG, check=False, **self.options(user)
        )
        assert done.returncode == 0, f"{words}:\n{done.stdout}{done.stderr}"
        return str(done.stdout).strip()

    @contextmanager
    def running(self, user: str, *words: str, log: str = "") -> Iterator[Path]:
        """Run a program meanwhile; what it prints is in a file."""
        file = self.place / f"{log or user}.log"
        with file.open("w") as out:
            process = subprocess.Popen(  # type: ignore[call-overload]
                self.command(*words), stdout=out, stderr=out, **self.options(user)
            )
            try:
                yield file
            finally:
                assert process.poll() is None, file.read_text()
                process.kill()
                process.wait(LONG)


def blocks() -> Dict[str, str]:
    """Return the files of the page."""
    return files_of((ROOT / "docs" / "clients.md").read_text())


def page(lab: Lab, tmp_path: Path, *sentinel_ports: int, ca: Optional[Path] = None) -> Page:
    """Write the files of the page down."""
    place = tmp_path / "page"
    place.mkdir(exist_ok=True)
    for name, text in blocks().items():
        (place / name).write_text(text)
    if not (place / "node_modules").exists():
        (place / "node_modules").symlink_to(CLIENTS / "node_modules")
    env = {
        "PATH": os.environ["PATH"],
        "REDIS_NAME": "main",
        "REDIS_SENTINELS": ",".join(f"127.0.0.1:{port}" for port in sentinel_ports),
        "REDIS_SENTINEL_USERNAME": "client",
        "REDIS_SENTINEL_PASSWORD": "secret-of-client",
        **({"REDIS_CA": str(ca), "NODE_EXTRA_CA_CERTS": str(ca)} if ca else {}),
    }
    return Page(place, env)


def watch(watcher: Server, port: int) -> None:
    """Let a Sentinel watch a server, and applications ask it."""
    watcher.call("SENTINEL", "MONITOR", "main", "127.0.0.1", port, 1)
    watcher.call("SENTINEL", "SET", "main", "auth-pass", PASSWORD, "failover-timeout", "60000")
    let_ask(watcher)


def let_ask(watcher: Server) -> None:
    """Let applications ask a Sentinel."""
    own = rules([password_digest("secret-of-client")], parse_version(watcher.info()["redis_version"]))
    watcher.call(*setuser_command("client", own))


def users(lab: Lab, *servers: Server) -> None:
    """Give each server the users."""
    wanted = [
        {"name": name, "passwords": [f"secret-of-{name}"], "preset": preset, "prefix": prefix}
        for name, (preset, prefix) in USERS.items()
    ]
    for server in servers:
        done = acl(lab, server, [*OWN, *wanted])
        assert not done.failed, done.text


def denied(server: Server) -> List[str]:
    """Return what the users of applications were refused."""
    log = [dict(zip(one[::2], one[1::2], strict=True)) for one in server.call("ACL", "LOG")]
    return [f"{one['username']}: {one['reason']} {one['object']}" for one in log if one["username"] in USERS]


@ONE_ENGINE
def test_the_code_of_the_page_runs_as_it_stands(lab: Lab, tmp_path: Path) -> None:
    one, two = (lab.server(name, password=PASSWORD) for name in ("one", "two"))
    two.call("REPLICAOF", "127.0.0.1", one.port)
    wait_until("the replica is linked", lambda: two.info().get("master_link_status") == "up")
    users(lab, one, two)
    watcher = lab.sentinel("sentinel", password=PASSWORD)
    watch(watcher, one.port)
    wait_until("Sentinel sees the replica", lambda: watcher.call("SENTINEL", "REPLICAS", "main"))
    found = page(lab, tmp_path, watcher.port)

    for name, user in PLAIN.items():
        assert "hello" in found.run(user, "python", name), name
    for name, user in NODE.items():
        assert "hello" in found.run(user, name), name
    with found.running("jobs", "celery", "-A", "tasks", "worker", "--pool", "solo", "--loglevel", "INFO"):
        said = found.run("jobs", "python", "-c", "from tasks import add; print(add.delay(1, 2).get(timeout=200))")
        assert said == "3"
    with found.running("rq", "rq", "worker", "-c", "rq_settings"):
        job = found.run("rq", "python", "app_rq.py")
        wait_until("RQ does the job", lambda: one.call("HGET", f"rq:job:{job}", "status") == "finished")
    found.env["PORT"] = str(free_port())
    with found.running("session", "app_session.mjs"):
        url = f"http://127.0.0.1:{found.env['PORT']}/"
        with wait_until("the session answers", lambda: urlopen(url)) as answer:
            cookie = answer.headers["Set-Cookie"].partition(";")[0]
        with urlopen(Request(url, headers={"Cookie": cookie})) as answer:
            assert answer.read() == b"visits: 2"
    assert [said for server in (one, two) for said in denied(server)] == []

    wait_until("a failover is accepted", lambda: watcher.call("SENTINEL", "FAILOVER", "main"))
    wait_until("Sentinel names the other one", lambda: two.follows()[0] == "master")
    for words in (["python", "app.py"], ["app_ioredis.mjs"], ["app_node_redis.mjs"]):
        assert "hello" in found.run("app", *words)


@ONE_ENGINE
def test_a_client_over_tls_finds_the_primary_at_every_step(lab: Lab, tmp_path: Path) -> None:
    """In `dual` a Sentinel names the plain port, which the client maps; in `peers` that for TLS, with the same map."""
    authority = Authority(tmp_path / "authority")
    pair, secure = authority.issue("server"), {name: free_port() for name in ("one", "dual", "peers")}
    files = [f"tls-ca-cert-file {authority.ca}", f"tls-cert-file {pair.cert}", f"tls-key-file {pair.key}"]
    files.append("tls-auth-clients no")

    def lines(name: str) -> List[str]:
        return [f"tls-port {secure[name]}", *files]

    server = lab.server("one", *lines("one"), password=PASSWORD)
    users(lab, server)
    dual = lab.sentinel("dual", *lines("dual"), password=PASSWORD)
    watch(dual, server.port)
    peers = lab.sentinel("peers", *lines("peers"), "tls-replication yes", password=PASSWORD)
    watch(peers, secure["one"])
    plain, mapped = server.port, secure["one"]
    for watcher, named in ((dual, plain), (peers, mapped)):
        assert watcher.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "main") == ["127.0.0.1", str(named)]
        wait_until("Sentinel is connected", partial(connected, watcher))
        found = page(lab, tmp_path, secure[watcher.directory.name], ca=authority.ca)
        where = found.place / "redis_tls.py"
        where.write_text(where.read_text().replace("6379: 16379", f"{plain}: {mapped}"))
        for name in ("app.py", "app_flask.py", "app_django.py"):
            text = (found.place / name).read_text()
            (found.place / name).write_text("import redis_tls\n" + text)
            assert "hello" in found.run(PLAIN[name], "python", name), name
        tasks = found.place / "tasks.py"
        tasks.write_text("import redis_tls\n" + tasks.read_text())
        with found.running("jobs", "celery", "-A", "tasks", "worker", "--pool", "solo"):
            code = "from tasks import add; print(add.delay(1, 2).get(timeout=200))"
            assert found.run("jobs", "python", "-c", code) == "3"
        both = found.place / "redis_set.mjs"
        address = f"{{host: '127.0.0.1', port: {mapped}}}"
        both.write_text(
            both.read_text().replace("  name,\n", f"  name, natMap: {{'127.0.0.1:{plain}': {address}}},\n", 1)
        )
        assert "hello" in found.run("app", "app_ioredis.mjs")
        node = found.place / "app_node_redis.mjs"
        (shown,) = re.findall(
            r"nodeAddressMap: .*?Number\(port\) }; }", (ROOT / "docs/clients.md").read_text(), re.DOTALL
        )
        shown = " ".join(shown.split()).replace('"6379"', f'"{plain}"').replace("16379", str(mapped))
        node.write_text(node.read_text().replace("  name,\n", f"  name, {shown},\n", 1))
        assert "hello" in found.run("app", "app_node_redis.mjs")


def connected(watcher: Server) -> bool:
    """Return whether a Sentinel sees the primary."""
    reply = watcher.call("SENTINEL", "MASTER", "main")
    return str(dict(zip(reply[::2], reply[1::2], strict=True))["flags"]) == "master"
