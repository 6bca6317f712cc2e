# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory plugin topology and the lookup primary against real servers and Sentinels."""

from __future__ import annotations

import functools
import json
import os
import re
import select
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml
from ansible_collections.quorum.redis.plugins.module_utils._config import sentinel_client_user
from authority import Authority
from patience import LONG

from .conftest import Lab, Server, wait_until

# Of the servers: each spelling of it in some file would be another one.
ODD = 'o"d\\d {{ 7 * 7 }} #é'
SENTINEL_PASSWORD = "s3cret-of-the-sentinels"
ADDRESSES = ("127.0.0.2", "127.0.0.3", "127.0.0.4")
RESTART = Path(__file__).resolve().parents[2] / "examples" / "application" / "restart.yml"
SPELLINGS = {
    ODD,
    json.dumps(ODD),
    json.dumps(ODD)[1:-1],
    json.dumps(ODD, ensure_ascii=False)[1:-1],
    shlex.quote(ODD),
    quote(ODD),
    quote(ODD, ""),
    repr(ODD)[1:-1],
    ODD.replace("{{ 7 * 7 }}", "49"),
    SENTINEL_PASSWORD,
}


# The programs are forked from a process that has imported Ansible, which is nearly all that they would do otherwise.
FORKS = """
import json, os, sys
import redis
from ansible.cli.inventory import InventoryCLI
from ansible.cli.playbook import PlaybookCLI
from ansible.errors import AnsibleError
from ansible.plugins.loader import init_plugin_loader, lookup_loader

def look_up(asked):
    init_plugin_loader([])
    for options in asked:
        try:
            (found,) = lookup_loader.get("quorum.redis.primary").run(["main"], variables={}, **options)
        except AnsibleError as problem:
            found = f"failed: {problem}"
        print(json.dumps(found))

for line in sys.stdin:
    program, words, environment, outputs = json.loads(line)
    child = os.fork()
    if not child:
        for number, path in enumerate((os.devnull, *outputs)):
            os.dup2(os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), number)
        os.environ.update(environment)
        if program == "look up":
            look_up(words)
            sys.exit()
        {"inventory": InventoryCLI, "playbook": PlaybookCLI}[program].cli_executor([f"ansible-{program}", *words])
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@dataclass
class Controller:
    """Runs Ansible's programs, and shows what they print, in which no password may be."""

    root: Path
    process: subprocess.Popen[str]

    def run(self, program: str, words: list[Any], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
        outputs = [self.root / "stdout", self.root / "stderr"]
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(json.dumps([program, words, environment, [str(path) for path in outputs]]) + "\n")
        self.process.stdin.flush()
        assert select.select([self.process.stdout], [], [], LONG)[0], "it hangs"
        code = int(self.process.stdout.readline())
        stdout, stderr = (path.read_text(encoding="utf-8") for path in outputs)
        assert not [word for word in SPELLINGS if word in stdout + stderr], stdout + stderr
        return subprocess.CompletedProcess([program], code, stdout, stderr)

    def look_up(self, *asked: dict[str, Any]) -> list[Any]:
        """Return what the lookup primary says, for each of these options."""
        done = self.run("look up", [{"timeout": LONG, **options} for options in asked], {})
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def controller(tmp_path_factory: pytest.TempPathFactory, collections_path: Path) -> Iterator[Controller]:
    """Return a controller with settings of its own."""
    root = tmp_path_factory.mktemp("controller")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(root),
        "LC_ALL": "C.UTF-8",
        "COLUMNS": "10000",
        "ANSIBLE_COLLECTIONS_PATH": str(collections_path),
        "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "true",
    }
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", FORKS], cwd=root, env=environment, **pipes) as process:
        yield Controller(root, process)
        assert process.stdin
        process.stdin.close()


class Deployment:
    """Hosts as an inventory declares them, and the file that asks who is what."""

    def __init__(self, lab: Lab, controller: Controller, **question: Any) -> None:
        """Write the hosts."""
        self.root, self.controller = lab.root, controller
        hosts = {f"db{number}": {"ansible_host": address} for number, address in enumerate(ADDRESSES, 1)}
        hosts["app1"] = {"ansible_host": "192.0.2.9"}
        self.hosts = self.root / "hosts.yml"
        self.hosts.write_text(yaml.safe_dump({"all": {"children": {"app": {"hosts": hosts}}}}))
        self.question = {"plugin": "quorum.redis.topology", "timeout": LONG, **question}

    def ask(
        self, *words: str, program: str = "inventory", secrets: dict[str, str] | None = None, **more: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run ansible-inventory, or another program."""
        path = self.root / "live.redis.yml"
        path.write_text(yaml.safe_dump({**self.question, **more}))
        return self.controller.run(program, ["-i", str(self.hosts), "-i", str(path), *words], secrets or {})

    def listed(self, secrets: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
        """Return the whole inventory."""
        done = self.ask("--list", secrets=secrets, **more)
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found


class Replicated:
    """Three servers on addresses of their own, of which the first is primary, and Sentinels beside them."""

    def __init__(self, lab: Lab, sentinels: int) -> None:
        """Start all and wait until everybody knows everybody."""
        self.servers = [self._server(lab, number, address) for number, address in enumerate(ADDRESSES, 1)]
        first = self.servers[0]
        for one in self.servers:
            one.calls(("CONFIG", "SET", "masterauth", ODD), ("CONFIG", "SET", "requirepass", ODD))
            one.password = ODD
        for one in self.servers[1:]:
            one.call("REPLICAOF", first.address, first.port)
        self.sentinels = [self._sentinel(lab, number) for number in range(1, sentinels + 1)]
        for one in self.sentinels:
            self.monitor(one, first)
        first.call("SET", "k", "v")
        for one in self.servers[1:]:
            wait_until("the replica is in sync", functools.partial(self.holds, one))
        for one in self.sentinels:
            wait_until("a Sentinel knows all", functools.partial(self.knows_all, one))

    @staticmethod
    def _server(lab: Lab, number: int, address: str) -> Server:
        return lab.server(f"r{number}", f"bind {address}", f"replica-announce-ip {address}", address=address)

    @staticmethod
    def _sentinel(lab: Lab, number: int) -> Server:
        address = ADDRESSES[number - 1]
        lines = (f"bind {address}", f"sentinel announce-ip {address}")
        return lab.sentinel(f"s{number}", *lines, password=SENTINEL_PASSWORD, address=address)

    @staticmethod
    def monitor(one: Server, server: Server, password: str = ODD) -> None:
        """Let a Sentinel watch the set at this server; it never sees it down, however slow the machine is."""
        one.call("SENTINEL", "MONITOR", "main", server.address, server.port, "2")
        settings = ("auth-pass", password, "down-after-milliseconds", "600000", "failover-timeout", "600000")
        one.call("SENTINEL", "SET", "main", *settings)

    @staticmethod
    def master(one: Server) -> dict[str, str]:
        """Return what a Sentinel says."""
        reply = one.call("SENTINEL", "MASTER", "main")
        return dict(zip(reply[::2], reply[1::2], strict=True))

    def knows_all(self, one: Server) -> bool:
        """Return whether a Sentinel knows the other Sentinels and the replicas."""
        said = self.master(one)
        return (said["num-other-sentinels"], said["num-slaves"]) == (str(len(self.sentinels) - 1), "2")

    @staticmethod
    def holds(one: Server) -> bool:
        """Return whether a replica is in sync."""
        return bool(one.call("GET", "k") == "v")

    def fail_over(self) -> int:
        """Let the Sentinels move the primary, and return the number of the new one when all is over."""
        old = str(self.servers[0].port)

        def moved() -> str:
            said = [self.master(one) for one in self.sentinels]
            ports, flags = {one["port"] for one in said}, {one["flags"] for one in said}
            if flags != {"master"} or len(ports) != 1:
                return ""
            if ports == {old}:  # not ordered yet, refused, or given up because a replica was silent for some seconds
                self.sentinels[0].call("SENTINEL", "FAILOVER", "main")
                return ""
            return ports.pop()

        port = wait_until("the failover is over", moved)
        number = next(number for number, one in enumerate(self.servers, 1) if str(one.port) == port)
        where = f"{ADDRESSES[number - 1]}:{port}"
        others = [one for one in self.servers if str(one.port) != port]
        wait_until("all follow the new one", lambda: all(one.follows() == ("slave", where) for one in others))
        return number

    def login(self) -> dict[str, str]:
        """Return both passwords as they come from the environment."""
        return {"QUORUM_REDIS_PASSWORD": ODD, "QUORUM_REDIS_SENTINEL_PASSWORD": SENTINEL_PASSWORD}

    def let_in_applications(self) -> dict[str, str]:
        """Make users with the least rights on Sentinels and servers, and return how they log in."""
        opens = sha256(SENTINEL_PASSWORD.encode()).hexdigest()
        for one in self.sentinels:
            one.call("ACL", "SETUSER", "client", "reset", *sentinel_client_user.client_rules([opens], (7, 0)))
        for one in self.servers:
            one.call("ACL", "SETUSER", "watcher", "reset", "on", f">{SENTINEL_PASSWORD}", "+info")
        login = {"username": "watcher", "password": SENTINEL_PASSWORD}
        return {**login, "sentinel_username": "client", "sentinel_password": SENTINEL_PASSWORD}

    def where(self, servers: list[Server]) -> list[str]:
        """Return addresses as options."""
        return [f"{one.address}:{one.port}" for one in servers]


def test_groups_follow_a_failover(lab: Lab, controller: Controller) -> None:
    """Before and after, with a stale Sentinel, a dead member, wrong passwords, and nobody but the cache."""
    found = Replicated(lab, 3)
    # One Sentinel is enough to find all.
    deployment = Deployment(lab, controller, sentinels=found.where(found.sentinels[:1]))
    login, (one, two, three) = found.login(), found.servers
    before = deployment.listed(login)
    assert before["redis_main_primary"]["hosts"] == before["redis_primary"]["hosts"] == ["db1"]
    assert sorted(before["redis_main_replica"]["hosts"]) == ["db2", "db3"]
    assert sorted(before["redis_main_sentinel"]["hosts"]) == ["db1", "db2", "db3"]
    live = before["_meta"]["hostvars"]["db2"]["redis_live"]["main"]
    assert (live["state"], live["link"], live["disputed"]) == ("replica", "up", False), live
    assert live["primary"] == live["follows"] == f"127.0.0.2:{one.port}" == live["sentinel"]["names"], live
    assert "redis_live" not in before["_meta"]["hostvars"]["app1"]
    asked = {
        "sentinels": found.where(found.sentinels),
        "password": ODD,
        "sentinel_password": ["until yesterday", SENTINEL_PASSWORD],
    }

    number = found.fail_over()
    db, new = f"db{number}", found.servers[number - 1]
    graph = deployment.ask("--graph", secrets=login)
    assert f"@redis_main_primary:\n  |  |--{db}\n" in graph.stdout and not graph.stderr, graph.stdout + graph.stderr
    plays = deployment.ask(str(RESTART), "--list-hosts", program="playbook", secrets=login).stdout.split("play #")
    assert [sorted(re.findall(r"^ +(\w+\d)$", play, re.MULTILINE)) for play in plays[1:]] == [
        sorted({"app1", "db1", "db2", "db3"} - {db}),
        [db],
    ], plays
    wrong, least = {**asked, "sentinel_password": "nonsense"}, {**asked, **found.let_in_applications()}
    asks = (least, {**asked, "field": "host"}, {**asked, "field": "port"}, wrong, {**wrong, "default": "none yet"})
    *said, refused, refused_too = controller.look_up(*asks)
    assert said == [f"{new.address}:{new.port}", new.address, new.port]
    assert refused == refused_too and "The server refuses access" in refused, refused

    # One that hears nothing of the others names the old primary still: they outvote it.
    stale = lab.sentinel("stale", password=SENTINEL_PASSWORD)
    found.monitor(stale, one, "nonsense")
    both = found.where([stale, found.sentinels[0]])
    third = next(server for server in (two, three) if server is not new)
    third.stop(kill=True)
    groups = deployment.ask("--list", secrets=login, strict=True, sentinels=both)
    listed = json.loads(groups.stdout)
    assert listed["redis_main_primary"]["hosts"] == [db] and listed["redis_main_replica"]["hosts"] == ["db1"], listed
    assert listed["redis_main_unknown"]["hosts"] == [f"db{found.servers.index(third) + 1}"]
    assert f"refused ({third.address}:{third.port})" in groups.stderr, groups.stderr
    assert f"127.0.0.1:{stale.port} is no host of the inventory" in groups.stderr, groups.stderr

    shut = deployment.ask("--list", secrets={**login, "QUORUM_REDIS_PASSWORD": "nonsense"})
    assert shut.returncode == 0 and "The option is password." in shut.stderr, shut.stderr
    assert f"({new.address}:{new.port})" in shut.stderr and "redis_primary" not in json.loads(shut.stdout)
    for name in ("a-b", "a_b"):
        stale.call("SENTINEL", "MONITOR", name, new.address, new.port, "1")
    twins = deployment.ask("--list", secrets=login, sentinels=found.where([stale]))
    assert twins.returncode != 0 and "a-b and a_b would have the same groups" in twins.stderr, twins.stderr
    alone = deployment.listed(login, sentinels=found.where([stale]), sets=["a-b"], unknown="ignore")
    assert alone["redis_a_b_primary"]["hosts"] == [db], alone
    nobody = deployment.ask("--list", secrets={**login, "QUORUM_REDIS_SENTINEL_PASSWORD": "nonsense"})
    assert nobody.returncode != 0 and "Correct sentinel_password" in nobody.stderr, nobody.stderr

    cache = {"cache": True, "cache_plugin": "ansible.builtin.jsonfile", "cache_connection": str(lab.root / "cache")}
    cached = deployment.listed(login, **cache)
    for process in (*found.servers, *found.sentinels):
        process.stop(kill=True)
    assert deployment.listed(login, **cache) == cached
    kept = [path.read_text() for path in (lab.root / "cache").iterdir()]
    assert kept and not [word for word in SPELLINGS for text in kept if word in text]
    assert controller.look_up({**asked, "default": "none yet"}) == ["none yet"]


def test_two_primaries_are_disputed(lab: Lab, controller: Controller) -> None:
    """Without Sentinels: nobody is called the primary, and who says what is shown."""
    found = Replicated(lab, 0)
    one, two, _three = found.servers
    deployment = Deployment(
        lab, controller, members=found.where(found.servers), password="{{ lookup('ansible.builtin.env', 'SECRET') }}"
    )
    login = {"SECRET": ODD}
    assert deployment.listed(login)["redis_main_primary"]["hosts"] == ["db1"]
    two.calls(("REPLICAOF", "NO", "ONE"), ("SET", "a", "write"))
    one.call("SET", "another", "write")
    disputed = deployment.ask("--list", secrets=login)
    groups = json.loads(disputed.stdout)
    assert sorted(groups["redis_main_disputed"]["hosts"]) == ["db1", "db2", "db3"], groups
    assert "redis_main_primary" not in groups and "redis_primary" not in groups
    assert groups["_meta"]["hostvars"]["db2"]["redis_live"]["main"]["role"] == "primary"
    assert "Two primaries" in disputed.stderr and "replication id" in disputed.stderr, disputed.stderr
    strict = deployment.ask("--list", secrets=login, strict=True)
    assert strict.returncode != 0 and "Two primaries" in strict.stderr, strict.stderr
    asked = {"members": found.where(found.servers), "password": ODD}
    for said in controller.look_up(asked, {**asked, "default": "none yet"}):
        assert "failed: main has no primary" in said and "Two primaries" in said and "replication id" in said, said


def test_tls(lab: Lab, controller: Controller, tmp_path: Path) -> None:
    """Certificates are verified; a member that is no host of the inventory is added where that is wished."""
    authority = Authority(tmp_path / "authority")
    pair = authority.issue("server")
    server = lab.server("secure", ca=authority.ca, own=pair)
    files = {
        f"tls_{key}_file": str(path) for key, path in {"ca": authority.ca, "cert": pair.cert, "key": pair.key}.items()
    }
    deployment = Deployment(lab, controller, members=[f"127.0.0.1:{server.port}"], name="tls-only", tls=True, **files)
    added = deployment.listed(unknown="add", groups={"prefixed": "redis_live['tls-only'].state == 'primary'"})
    assert added["redis_tls_only_primary"]["hosts"] == added["prefixed"]["hosts"] == ["127.0.0.1"], added
    wrong = deployment.ask("--graph", tls_ca_file=str(Authority(tmp_path / "other").ca))
    assert wrong.returncode == 0 and "The certificate is not of the known CA" in wrong.stderr, wrong.stderr
