# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The code of docs/clients.md, run as it stands by the client libraries, as users with presets, plain and over TLS."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import List, Optional, Tuple
from urllib.request import Request, urlopen

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._config.sentinel_client_user import client_rules
from ansible_collections.quorum.redis.plugins.module_utils._model.acl_rules import password_digest, setuser_command
from ansible_collections.quorum.redis.plugins.module_utils._model.versions import parse_version
from applications import USERS, Page, map_ports, write_page
from authority import Authority
from patience import LONG

from .conftest import PASSWORD, Lab, Server, engines, free_port, wait_until
from .test_acl import OWN, acl

PLAIN = {"app.py": "app", "app_asyncio.py": "app", "app_flask.py": "cache", "app_django.py": "cache"}
NODE = {"app_ioredis.mjs": "app", "app_node_redis.mjs": "app", "app_bullmq.mjs": "queue"}

# Prints a line for each time that somebody reads the CAs of the machine.
READ = "import ssl; ssl.SSLContext.load_default_certs = lambda *_words: print('reads all CAs'); import {}"
AGAIN = (
    "import os; from redis_set import context, env; one = context(); same = one is context(); "
    "os.utime(env['REDIS_CA'], (1, 1)); print(same, one is context())"
)

# Begins a transaction and ends it when the primary has moved; a client that stays with the old one tries without end.
BEGIN = """
import pathlib, time

tries = []

def change(pipe):
    tries.append(pathlib.Path("begun").touch())
    assert len(tries) < 50, "it does not find the new primary"
    while not pathlib.Path("moved").exists():
        time.sleep(0.05)
    pipe.multi()
    pipe.set("app:moved", "yes")
"""
TRANSACTIONS = {
    "plain": "from redis_set import primary\nprint(primary.transaction(change, 'app:moved'))",
    "asyncio": """
import app_asyncio as page

async def main():
    sentinel = page.Sentinel(page.SENTINELS, sentinel_kwargs=page.SENTINEL_LOGIN, **page.LOGIN)
    async with sentinel.master_for(page.NAME) as primary:
        print(await primary.transaction(change, "app:moved"))

page.asyncio.run(main())
""",
}

# What is tried here is the code of the page; that each engine takes the presets is tried in test_acl.
ONE_ENGINE = pytest.mark.parametrize("engine", engines()[:1], ids=lambda engine: engine.name, indirect=True)


def page(tmp_path: Path, *sentinel_ports: int, ca: Optional[Path] = None) -> Page:
    """Write the files of the page down."""
    return write_page(tmp_path / "page", [f"127.0.0.1:{port}" for port in sentinel_ports], ca)


def watch(watcher: Server, port: int) -> None:
    """Let a Sentinel watch a server, and applications ask it."""
    watcher.call("SENTINEL", "MONITOR", "main", "127.0.0.1", port, 1)
    watcher.call("SENTINEL", "SET", "main", "auth-pass", PASSWORD, "failover-timeout", "60000")
    let_ask(watcher)


def let_ask(watcher: Server) -> None:
    """Let applications ask a Sentinel."""
    own = client_rules([password_digest("secret-of-client")], parse_version(watcher.info()["redis_version"]))
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


def watched_pair(lab: Lab) -> Tuple[Server, Server, Server]:
    """Return a primary and its replica with the users of the page, and the Sentinel that watches them."""
    one, two = (lab.server(name, password=PASSWORD) for name in ("one", "two"))
    two.call("REPLICAOF", "127.0.0.1", one.port)
    wait_until("the replica is linked", lambda: two.info().get("master_link_status") == "up")
    users(lab, one, two)
    watcher = lab.sentinel("sentinel", password=PASSWORD)
    watch(watcher, one.port)
    return one, two, watcher


@ONE_ENGINE
def test_the_code_of_the_page_runs_as_it_stands(lab: Lab, tmp_path: Path) -> None:
    one, two, watcher = watched_pair(lab)
    wait_until("Sentinel sees the replica", lambda: watcher.call("SENTINEL", "REPLICAS", "main"))
    found = page(tmp_path, watcher.port)

    for name, user in PLAIN.items():
        assert "hello" in found.run(user, "python", name), name
    for name, user in NODE.items():
        assert "hello" in found.run(user, name), name
    with found.running("jobs", "celery", "-A", "tasks", "worker", "--pool", "solo", "--loglevel", "INFO"):
        said = found.run("jobs", "python", "-c", "from tasks import add; print(add.delay(1, 2).get(timeout=200))")
        assert said == "3"
    rq = ("rq", "worker", "-c", "rq_settings")
    with found.running("rq", *rq), found.running("rq", *rq, name="another"):
        wait_until("both workers of RQ are there", lambda: one.call("SCARD", "rq:workers") == 2)
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
@pytest.mark.parametrize("code", TRANSACTIONS.values(), ids=list(TRANSACTIONS))
def test_a_transaction_goes_on_at_the_new_primary(lab: Lab, tmp_path: Path, code: str) -> None:
    """One that a move interrupts, as that in which Celery gives back its jobs: its worker hung for good."""
    one, two, watcher = watched_pair(lab)
    found = page(tmp_path, watcher.port)
    began = found.start("transaction", "app", "python", "-c", BEGIN + code)
    wait_until("the transaction has begun", (found.place / "begun").exists)
    wait_until("a failover is accepted", lambda: watcher.call("SENTINEL", "FAILOVER", "main"))
    wait_until("the primary has moved", lambda: [two.follows()[0], one.follows()[0]] == ["master", "slave"])
    named = ["127.0.0.1", str(two.port)]
    wait_until("it is named", lambda: watcher.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "main") == named)
    (found.place / "moved").touch()
    assert began.process.wait(LONG) == 0, began.said()
    assert two.call("GET", "app:moved") == "yes"


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
        found = page(tmp_path, secure[watcher.directory.name], ca=authority.ca)
        map_ports(found.place, plain, mapped, ["127.0.0.1"])
        for name in ("app.py", "app_flask.py", "app_django.py"):
            assert "hello" in found.run(PLAIN[name], "python", name), name
        with found.running("jobs", "celery", "-A", "tasks", "worker", "--pool", "solo"):
            code = "from tasks import add; print(add.delay(1, 2).get(timeout=200))"
            assert found.run("jobs", "python", "-c", code) == "3"
        for name in ("app_ioredis.mjs", "app_node_redis.mjs"):
            assert "hello" in found.run("app", name), name
    for name in ("app", "app_asyncio"):  # it costs more than the connection, and in a move everybody connects anew
        assert found.run("app", "python", "-c", READ.format(name)) == "b'hello'"
    assert found.run("app", "python", "-c", AGAIN) == "True False"  # a new CA comes as another content of the file


def connected(watcher: Server) -> bool:
    """Return whether a Sentinel sees the primary."""
    reply = watcher.call("SENTINEL", "MASTER", "main")
    return str(dict(zip(reply[::2], reply[1::2], strict=True))["flags"]) == "master"
