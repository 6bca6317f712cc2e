# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""New passwords beside the previous ones, then alone: on real servers and Sentinels that write all the time."""

from __future__ import annotations

import getpass
import time
from dataclasses import dataclass, field
from typing import Any, Dict, List

import pytest
import redis
from ansible_collections.quorum.redis.plugins.module_utils._model.acl_rules import password_digest
from connection import fold_connection
from ledger.ledger import Ledger, connect

from .conftest import ANSWERED, Answer, Lab, Server, wait_until

OLD, NEW = "old-of-the-servers", "new-of-the-servers"
OLD_S, NEW_S = "old-of-the-sentinels", "new-of-the-sentinels"
WHO = getpass.getuser()


def assembled(server: Server) -> None:
    """Make the file that a server starts with anew from what the modules wrote, as the unit does before each start."""
    folder = server.directory
    own = [line for line in server.config.read_text().splitlines() if line.startswith(("replicaof ", "sentinel "))]
    users = folder / "main.acl"
    more = users.read_text() if users.exists() and not server.sentinel else ""
    server.config.write_text((folder / "main.conf").read_text() + more + "\n".join(own) + "\n")


@dataclass
class Deployment:
    """Two members and three Sentinels, led through a rotation by the modules as rotate.yml calls them."""

    lab: Lab
    users: List[Dict[str, Any]] = field(default_factory=list)
    servers: List[Server] = field(default_factory=list)
    sentinels: List[Server] = field(default_factory=list)
    new: str = NEW
    old: str = OLD
    new_s: str = NEW_S
    old_s: str = OLD_S

    def build(self) -> Deployment:
        """Start it with the old passwords."""
        self.servers = [self.lab.server(name, password=OLD) for name in ("one", "two")]
        self.servers[1].call("REPLICAOF", "127.0.0.1", self.servers[0].port)
        self.servers[1].call("CONFIG", "REWRITE")
        self.sentinels = [self.lab.sentinel(name, password=OLD_S) for name in ("s1", "s2", "s3")]
        for one in self.sentinels:
            one.call("SENTINEL", "DEBUG", "INFO-PERIOD", 300, "PUBLISH-PERIOD", 200)
        now = Deployment(self.lab, [], self.servers, self.sentinels, OLD, "", OLD_S, "")
        for answer in now.everything():
            assert not answer.failed, answer.text
        wait_until("all is well", self.well)
        return self

    def places(self, of: List[Server]) -> List[Dict[str, Any]]:
        return [{"host": s.directory.name, "address": "127.0.0.1", "port": s.port} for s in of]

    @staticmethod
    def both(new: str, old: str) -> Any:
        return [new, old] if old else new

    def options(self, server: Server, module: str, phase: str = "open") -> Dict[str, Any]:
        """Return the options of a module as the roles have them."""
        secret = self.both(self.new_s, self.old_s) if server.sentinel else self.both(self.new, self.old)
        folder, label = server.directory, "sentinel" if server.sentinel else "server"
        common: Dict[str, Any] = {"host": "127.0.0.1", "port": server.port, "password": secret}
        common["timeout"] = ANSWERED
        if module == "sentinel":
            master = {"name": "main", "members": self.places(self.servers), "quorum": 2, "down_after": 60000}
            login = {"name": "main", "username": "", "password": self.both(self.new, self.old)}
            common.update(masters=[master], passwords={"main": self.new}, logins=[login], wait=120)
            common.update(sentinels=self.places(self.sentinels), sentinel_password=secret)
            return {**common, "state_file": str(server.config)}
        ends = {"acl": "acl", "config": "conf"}
        common.update(name="main", path=str(folder / f"main.{ends[module]}"), owner=WHO, group=WHO, user=WHO)
        common.update(binary=self.lab.engine.binary, previous=phase, ignore_clients=self.ignore)
        others = [s for s in self.servers if s is not server]
        if module == "acl":
            login = {"username": "", "password": self.new}
            default = {"name": "default", "passwords": [self.new], "passwords_previous": [self.old]}
            users = [*self.users, *([{**default, "passwords_only": True}] if self.old else [])]
            common.update(users=users, logins=dict.fromkeys(("operator", "replication", "sentinel"), login))
            return {**common, "members": self.places(others), "sentinels": 3, "wait": 60}
        lines = {"port": server.port, "bind": "127.0.0.1", "dir": str(folder)}
        if server.sentinel:
            told = {"parameters": lines, "secrets": {"requirepass": self.new_s}, "rotating": bool(self.old_s)}
            return {**common, **told, "kind": label, "state_file": str(server.config)}
        lines.update(
            {
                "save": "",
                "appendonly": "no",
                "repl-diskless-sync-delay": 0,
                "repl-timeout": 10,
                "repl-ping-replica-period": 3,
            }
        )
        guard = {"address": "127.0.0.1", "members": self.places(others), "sentinels": [], "policy": "wait", "wait": 1}
        guard["acl"] = bool(self.users or self.old)
        secrets = {"requirepass": self.new, "masterauth": self.new}
        told = {"parameters": lines, "secrets": secrets, "guard": guard, "rotating": bool(self.old)}
        return {**common, **told, "guard_secrets": {"password": self.new, "sentinel_password": self.new_s}}

    ignore: bool = True

    def run(self, server: Server, module: str, phase: str = "open", **more: Any) -> Answer:
        """Run one module for one process."""
        return self.lab.run(module, **{**self.options(server, module, phase), **more})

    def opened(self) -> List[Any]:
        """Return the steps of site.yml: who, and with which module."""
        acl = [(server, "acl") for server in self.servers] if self.old else []
        return [
            *((one, "config") for one in self.sentinels),
            *acl,
            *((server, "config") for server in self.servers),
            *((one, "sentinel") for one in self.sentinels),
        ]

    def closing(self, phase: str) -> List[Any]:
        """Return the steps of the end of rotate.yml."""
        return [*((s, "acl", phase) for s in self.servers), *((s, "config", phase) for s in self.sentinels)]

    def everything(self) -> List[Answer]:
        """Do what site.yml does."""
        return [self.run(*step) for step in self.opened()]

    def close(self) -> List[Answer]:
        """Do what rotate.yml does in the end."""
        return [self.run(*step) for phase in ("prove", "close") for step in self.closing(phase)]

    def word(self, server: Server) -> str:
        """Return a password that opens a process."""
        for word in [self.new_s, self.old_s] if server.sentinel else [self.new, self.old]:
            if self.opens(server, word):
                server.password = word
                return word
        raise AssertionError(f"no password opens {server.directory.name}")

    def well(self) -> bool:
        """Tell whether the replica is linked, and every Sentinel sees all others and the set."""
        for server in (*self.servers, *self.sentinels):
            self.word(server)
        info = self.servers[1].info()
        if (info["role"], info.get("master_link_status")) != ("slave", "up"):
            return False
        for one in self.sentinels:
            reply = one.call("SENTINEL", "MASTER", "main")
            seen = dict(zip(reply[::2], reply[1::2], strict=True))
            others = [dict(zip(r[::2], r[1::2], strict=True)) for r in one.call("SENTINEL", "SENTINELS", "main")]
            good = (seen["flags"], len(others), {other["flags"] for other in others}, seen["num-slaves"])
            if good != ("master", 2, {"sentinel"}, "1") or seen["port"] != str(self.servers[0].port):
                return False
        return True

    def opens(self, server: Server, word: str) -> bool:
        """Tell whether a password opens a process."""
        client = connect(("127.0.0.1", server.port), word)
        try:
            return bool(client.execute_command("PING"))
        except redis.exceptions.AuthenticationError:
            return False
        finally:
            client.close()

    def open_everywhere(self, server_word: str, sentinel_word: str) -> List[bool]:
        """Return which processes these open."""
        found = [self.opens(server, server_word) for server in self.servers]
        return found + [self.opens(one, sentinel_word) for one in self.sentinels]

    def ledger(self) -> Ledger:
        """Return a client that knows both passwords and logs in anew all the time."""
        return Ledger(
            members=[("127.0.0.1", server.port) for server in self.servers],
            password=[NEW, OLD],
            threads=2,
            rate=200,
            anew=20,
        )

    def restart(self, server: Server) -> None:
        """Restart one process from what is on the disk."""
        server.stop(kill=True)
        assembled(server)
        words = [self.new_s, self.old_s] if server.sentinel else [self.new, self.old]
        text = server.config.read_text()
        server.password = next(word for word in words if password_digest(word) in text or f"requirepass {word}" in text)
        server.start()


@pytest.fixture
def deployment(lab: Lab) -> Deployment:
    return Deployment(lab).build()


def test_every_phase_and_a_client_that_knows_both(deployment: Deployment) -> None:
    ids = [process.info()["run_id"] for process in (*deployment.servers, *deployment.sentinels)]
    with deployment.ledger() as ledger:
        answers = deployment.everything()
        assert [a.text for a in answers if a.failed] == []
        assert deployment.open_everywhere(NEW, NEW_S) == deployment.open_everywhere(OLD, OLD_S) == [True] * 5
        assert [a.text for a in deployment.everything() if a.changed or a.failed] == []
        links = [(s.call("CONFIG", "GET", "masterauth")[1]) for s in deployment.servers]
        assert links == [NEW, NEW]
        closed = deployment.close()
        assert [a.text for a in closed if a.failed] == []
        assert [a.changed for a in closed] == [False] * 5 + [True] * 5
        assert deployment.open_everywhere(NEW, NEW_S) == [True] * 5 and not any(deployment.open_everywhere(OLD, OLD_S))
        text = "".join(a.text.split('"invocation"')[0] for a in answers + closed)
        assert [word for word in (OLD, NEW, OLD_S, NEW_S) if word in text] == [], text
        assert deployment.well()
        assert [process.info()["run_id"] for process in (*deployment.servers, *deployment.sentinels)] == ids
        for kind in ("normal", "replica"):  # everybody logs in anew
            for process in (*deployment.servers, *deployment.sentinels):
                process.call("CLIENT", "KILL", "TYPE", kind)
        time.sleep(0.1)
        wait_until("all is well", deployment.well)
    report = ledger.report()
    assert report.lost == 0 and report.acknowledged > 100
    after = Deployment(deployment.lab, [], deployment.servers, deployment.sentinels, NEW, "", NEW_S, "")
    assert [a.text for a in after.everything() if a.changed or a.failed] == []
    assert not (deployment.servers[0].directory / "main.acl").exists()


def steps(deployment: Deployment) -> List[Any]:
    return [*deployment.opened(), *(step for phase in ("prove", "close") for step in deployment.closing(phase))]


# Runs in the process of a module, which dies before a step: for example between the server and its file.
DIE = """
import os
from ansible_collections.quorum.redis.plugins.module_utils._module import runner
def run(module, build, *more, **others):
    class Mortal(build):
        done = 0
        def apply(self, step):
            if Mortal.done == {after}:
                os._exit(9)
            Mortal.done += 1
            super().apply(step)
    return real(module, Mortal, *more, **others)
real, runner.run = runner.run, run
from ansible_collections.quorum.redis.plugins.modules import {name}
{name}.main()
"""


def dies(deployment: Deployment, after: int, server: Server, module: str, phase: str = "open") -> bool:
    """Run a module that is killed before one of its steps; tell whether it has come so far."""
    code = DIE.format(name=module, after=after)
    done = deployment.lab.fork(code, fold_connection(deployment.options(server, module, phase)), how="-c")
    assert done.returncode in (0, 9), done.stdout + done.stderr
    return done.returncode == 9


def test_killed_after_each_step_and_restarted(deployment: Deployment) -> None:
    """Each module dies after each of its steps but the last; its process is restarted from the disk; it goes on."""
    deaths = 0
    with deployment.ledger() as ledger:
        for step in steps(deployment):
            server = step[0]
            for after in (1, 2):  # a restart may bring back what the first step had changed
                if not dies(deployment, after, *step):
                    break
                deaths += 1
                if server is not deployment.servers[0]:  # the primary: that would be a failover
                    deployment.restart(server)
                wait_until(f"all is well after death {deaths}, {step[1:]} of {server.directory.name}", deployment.well)
            again = deployment.run(*step)
            assert not again.failed, again.text
        assert [a.text for a in [*deployment.everything(), *deployment.close()] if a.failed or a.changed] == []
    assert deaths >= 15
    report = ledger.report()
    assert report.lost == 0 and report.errors == 0, report
    assert deployment.open_everywhere(NEW, NEW_S) == [True] * 5 and not any(deployment.open_everywhere(OLD, OLD_S))


def test_what_is_unfinished_or_stale_stops_with_a_sentence(deployment: Deployment) -> None:
    """Whatever inventory is given in the middle: it goes on, or stops before anything has changed."""
    servers, sentinels, one = deployment.servers, deployment.sentinels, deployment.servers[0]
    early = deployment.run(one, "config", secrets={"requirepass": NEW, "masterauth": NEW}, rotating=False)
    assert early.failed and "quorum.redis.rotate" in early.msg and not early.changed
    assert deployment.run(one, "acl").changed
    alone = deployment.run(one, "config")
    assert alone.failed and "two" in alone.msg and not alone.changed, "a member does not know the new password yet"
    for answer in deployment.everything():
        assert not answer.failed, answer.text
    for new, new_s in ((OLD, OLD_S), (NEW, NEW_S)):  # an old inventory, and one without the previous passwords
        plain = Deployment(deployment.lab, [], servers, sentinels, new, "", new_s, "")
        for server in (servers[0], sentinels[0]):
            refused = plain.run(server, "config")
            assert refused.failed and not refused.changed and "rotat" in refused.msg, refused.text
    assert deployment.open_everywhere(NEW, NEW_S) == deployment.open_everywhere(OLD, OLD_S) == [True] * 5
    deployment.ignore = False
    with redis.Redis(port=one.port, password=OLD, client_name="shop") as client:
        client.ping()
        path = one.directory / "main.acl"
        since = path.read_text().partition("since ")[2].split()[0]
        path.write_text(path.read_text().replace(since, str(int(time.time()) + 2)))  # as if it had come in before
        refused = deployment.run(one, "acl", "prove", wait=5)
        assert refused.failed and "shop" in refused.msg and "ignore_clients" in refused.msg, refused.text
    servers[1].stop()
    refused = deployment.run(one, "acl", "prove", wait=5)
    assert refused.failed and "two" in refused.msg and "keeps its rights" in refused.msg, refused.text
    servers[1].start()
    assert deployment.open_everywhere(NEW, NEW_S) == deployment.open_everywhere(OLD, OLD_S) == [True] * 5
    back = Deployment(deployment.lab, [], servers, sentinels, OLD, NEW, OLD_S, NEW_S)
    wait_until("all is well", back.well)
    for answer in [*back.everything(), *back.close()]:
        assert not answer.failed, answer.text
    assert deployment.open_everywhere(OLD, OLD_S) == [True] * 5 and not any(deployment.open_everywhere(NEW, NEW_S))
