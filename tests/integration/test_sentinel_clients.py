# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The user of a Sentinel for applications: made, kept, changed and removed while real Sentinels run."""

from __future__ import annotations

import getpass
from typing import Any, Dict, List

import redis
from ansible_collections.quorum.redis.plugins.module_utils._model.acl_rules import password_digest
from patience import LONG

from .conftest import Answer, Lab, Server
from .test_rotation import assembled

OWN, NEXT = "own-of-the-sentinels", "next-of-the-sentinels"
ONE, TWO = "one-of-the-applications", "two-of-the-applications"
REFUSED = [
    *(["SENTINEL", "MONITOR", "mine", "127.0.0.1", "1", "1"], ["SENTINEL", "SET", "main", "quorum", "2"]),
    *(["SENTINEL", "REMOVE", "main"], ["SENTINEL", "RESET", "*"], ["SENTINEL", "FAILOVER", "main"]),
    *(["SENTINEL", "CONFIG", "GET", "*"], ["SENTINEL", "CONFIG", "SET", "announce-ip", "127.0.0.1"]),
    *(["SENTINEL", "FLUSHCONFIG"], ["PUBLISH", "__sentinel__:hello", "x"], ["ACL", "LIST"], ["CLIENT", "LIST"]),
    *(["CONFIG", "SET", "a", "b"], ["SHUTDOWN", "NOSAVE"], ["SENTINEL", "SIMULATE-FAILURE", "crash-after-election"]),
]


class Watch:
    """One Sentinel and the module config."""

    def __init__(self, lab: Lab) -> None:
        """Start it as the module writes it."""
        self.lab, self.folder = lab, lab.root
        self.process: Server = lab.sentinel("s1", password=OWN)
        self.process.call("SENTINEL", "MONITOR", "main", "127.0.0.1", "1", "1")

    def config(self, *words: str, check: bool = False, secret: Any = OWN, **more: Any) -> Answer:
        """Run the module with these passwords of applications."""
        one, who = self.process, getpass.getuser()
        options: Dict[str, Any] = {"host": "127.0.0.1", "port": one.port, "password": secret, "kind": "sentinel"}
        options.update(name="s1", path=str(one.directory / "main.conf"), owner=who, group=who, user=who)
        options.update(binary=self.lab.engine.binary, state_file=str(one.config))
        options["parameters"] = {"port": one.port, "bind": "127.0.0.1", "dir": str(one.directory)}
        options["secrets"] = {"requirepass": secret if isinstance(secret, str) else secret[0]}
        answer = self.lab.run("config", check, **options, clients=[password_digest(word) for word in words], **more)
        said = answer.text.split('"invocation"')[0]
        assert not [
            word for word in (OWN, NEXT, ONE, TWO, password_digest(ONE), password_digest(TWO)) if word in said
        ], said
        return answer

    def client(self, word: str, user: str = "client") -> redis.Redis:
        """Return an application."""
        return redis.Redis(port=self.process.port, username=user, password=word, decode_responses=True)

    def opens(self, word: str) -> bool:
        """Tell whether a password lets an application in."""
        try:
            with self.client(word) as client:
                return bool(client.ping())
        except redis.exceptions.AuthenticationError:
            return False

    def doors(self) -> List[bool]:
        """Return which of the two opens."""
        return [self.opens(ONE), self.opens(TWO)]


def test_from_none_to_one_and_two_and_back(lab: Lab) -> None:
    watch = Watch(lab)
    one = watch.process
    watch.config()
    if one.info()["redis_version"].startswith("6.0."):
        refused = watch.config(ONE)
        assert refused.failed and not refused.changed and "has no users" in refused.msg, refused.text
        return
    before = one.info()["run_id"]
    assert watch.config(ONE, check=True).changed and watch.doors() == [False, False]
    made = watch.config(ONE)
    assert made.changed and not made["restart_needed"] and watch.doors() == [True, False], made.text
    assert not watch.config(ONE).changed
    text = (one.directory / "main.conf").read_text()
    assert password_digest(ONE) in text and ONE not in text
    application = watch.client(ONE)
    assert application.execute_command("SENTINEL GET-MASTER-ADDR-BY-NAME", "main")
    for kind in ("MASTERS", "REPLICAS main", "SLAVES main", "SENTINELS main", "MASTER main"):
        application.execute_command(f"SENTINEL {kind.split()[0]}", *kind.split()[1:])
    try:
        said = str(application.execute_command("SENTINEL", "CKQUORUM", "main"))
    except redis.exceptions.ResponseError as problem:
        said = str(problem)
    assert "no permissions" not in said and "sentinels" in said.lower(), said
    assert application.client_id() and application.info() and application.execute_command("ROLE")
    events = application.pubsub()
    events.psubscribe("*")
    events.subscribe("+switch-master")
    assert events.get_message(timeout=LONG) and events.get_message(timeout=LONG)
    events.punsubscribe("*")
    assert events.get_message(timeout=LONG)
    for command in REFUSED:
        try:
            said = application.execute_command(*command)
        except (redis.exceptions.NoPermissionError, redis.exceptions.ResponseError) as problem:
            said = str(problem)
        assert "no permissions" in str(said) or "unknown" in str(said), (command, said)
    login: Dict[str, Any] = {"kind": "sentinel", "host": "127.0.0.1", "port": one.port, "password": OWN}
    told = lab.run("instance_info", **login, refused_hours=24)["sentinel"]["refused"]
    assert ("client", "command") in {(row["user"], row["kind"]) for row in told}, told
    assert lab.run("instance_info", **login)["sentinel"]["refused"] == []
    assert watch.config(TWO, ONE).changed and watch.doors() == [True, True]
    assert not watch.config(ONE, TWO).changed
    assert watch.config(TWO).changed and watch.doors() == [False, True]
    one.call("ACL", "SETUSER", "client", "+publish")
    assert watch.config(TWO).changed and not watch.config(TWO).changed, "what was changed by hand is put right"
    assert one.info()["run_id"] == before
    one.call("SENTINEL", "FLUSHCONFIG")
    one.stop()
    assembled(one)
    one.start()
    assert watch.doors() == [False, True] and not watch.config(TWO).changed
    assert watch.config(check=True).changed and watch.config().changed and watch.doors() == [False, False]
    assert not watch.config().changed
    assert "client" not in str(one.call("ACL", "USERS")) and "user" not in (one.directory / "main.conf").read_text()


def test_while_the_password_of_the_sentinels_changes(lab: Lab) -> None:
    watch = Watch(lab)
    one = watch.process
    if one.info()["redis_version"].startswith("6.0."):
        return
    watch.config(ONE)
    both: Dict[str, Any] = {"secret": [NEXT, OWN], "rotating": True, "ignore_clients": True}
    assert watch.config(ONE, **both).changed and not watch.config(ONE, **both).changed
    text = (one.directory / "main.conf").read_text()
    assert "user default " in text and "user client " in text
    one.stop()
    assembled(one)
    one.start()
    assert watch.doors() == [True, False] and not watch.config(ONE, **both).changed
    one.call("SENTINEL", "CONFIG", "SET", "sentinel-pass", NEXT)
    assert watch.config(ONE, **both, previous="close").changed
    one.password = NEXT
    assert watch.doors() == [True, False] and not watch.config(ONE, secret=NEXT).changed
