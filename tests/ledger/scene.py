# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A replicated set of real servers on loopback, with or without Sentinels, to move the primary of."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import Any

import redis
from connection import fold_connection
from patience import LONG

from .ledger import Ledger

NAME = "main"
# Runs in the process of a module: it dies, like a host without power, before or after a step, or a while into it.
_KILL = """
import os, signal
real = base.Operation.do_step
def die(*_unused):
    os.kill(os.getpid(), signal.SIGKILL)
def do_step(self, step, last):
    mine = type(step).__name__ == {step!r}
    if mine and {when!r} == "before":
        die()
    if mine and {when!r} == "during":
        signal.signal(signal.SIGALRM, die)
        signal.setitimer(signal.ITIMER_REAL, {delay!r})
    real(self, step, last)
    if mine and {when!r} == "after":
        die()
base.Operation.do_step = do_step
"""
ALONE = "base.Deadman.start = lambda self: None\n"
PROBLEMS = (redis.exceptions.RedisError, OSError)
DOWN_AFTER = 5000
# A Sentinel takes a primary that says it is a replica for dead after down-after and two of its looks, which are each
# 10 s. Where they are quicker, down-after makes up for it; that a busy server answers late is then no crash either.
QUICK, LOOK = 2000, 10000
LIMIT = 10000  # of the stop of writes; a busy machine needs more than it takes otherwise


def kill(step: str, when: str, delay: float = 0) -> str:
    """Return code that kills a module at a step."""
    return _KILL.format(step=step, when=when, delay=delay)


@dataclass
class Scene:
    """Members m1, m2, m3 and their Sentinels; lab and its servers are those of tests/integration/conftest.py."""

    lab: Any
    members: list[Any] = field(default_factory=list)
    sentinels: list[Any] = field(default_factory=list)

    @classmethod
    def build(
        cls,
        lab: Any,
        members: int = 3,
        sentinels: int = 3,
        quick: bool = True,
        down_after: int = 0,
        password: str = "",
        **tls: Any,
    ) -> Scene:
        """Start everything. Quick: Sentinels look at the servers each 2 s instead of 10 s, where they can.

        `tls`: with the `ca` and the `own` certificate of all of them they speak nothing but TLS.
        """
        scene = cls(lab)
        scene.members = [lab.server(f"m{number}", password=password, **tls) for number in range(1, members + 1)]
        first = scene.members[0]
        for one in scene.members[1:]:
            one.call("REPLICAOF", first.address, first.port)
        scene.sentinels = [lab.sentinel(f"s{number}", password=password, **tls) for number in range(1, sentinels + 1)]
        for one in scene.sentinels:
            one.call("SENTINEL", "MONITOR", NAME, first.address, first.port, sentinels // 2 + 1)
            if password:
                one.call("SENTINEL", "SET", NAME, "auth-pass", password)
            patient = DOWN_AFTER + (2 * (LOOK - QUICK) if quick else 0)
            one.call("SENTINEL", "SET", NAME, "down-after-milliseconds", down_after or patient)
            one.call("SENTINEL", "SET", NAME, "failover-timeout", 60000)
            if quick:
                with contextlib.suppress(redis.exceptions.ResponseError):
                    one.call("SENTINEL", "DEBUG", "INFO-PERIOD", QUICK)
        scene.wait("the set is whole", scene.whole)
        return scene

    def wait(self, what: str, ready: Any, seconds: float = LONG) -> None:
        """Poll until something is true."""
        over = time.monotonic() + seconds
        while True:
            try:
                if ready():
                    return
            except PROBLEMS:
                pass
            if time.monotonic() > over:
                raise AssertionError(f"not within {seconds:g} s: {what}; {self.roles()}")
            time.sleep(0.05)

    def roles(self) -> dict[str, str]:
        """Return what each member says that it is."""
        found = {}
        for number, one in enumerate(self.members, 1):
            try:
                found[f"m{number}"] = " ".join(one.follows())
            except PROBLEMS:
                found[f"m{number}"] = "?"
        return found

    def primary(self) -> str:
        """Return the host of the one primary, empty when there is none or more than one."""
        heads = [host for host, role in self.roles().items() if role.startswith("master")]
        return heads[0] if len(heads) == 1 else ""

    def whole(self) -> bool:
        """Tell whether there is one primary, all follow it, and all Sentinels know everybody and name it."""
        infos = [one.info() for one in self.members]  # asked once: a role may change between two questions
        heads = [one for one, info in zip(self.members, infos, strict=True) if info["role"] == "master"]
        if len(heads) != 1:
            return False
        for one, info in zip(self.members, infos, strict=True):
            if one is not heads[0] and (info["master_link_status"], int(info["master_port"])) != ("up", heads[0].port):
                return False
        for one in self.sentinels:
            questions = ("SENTINEL", "MASTER", NAME), ("INFO", "sentinel"), ("SENTINEL", "CKQUORUM", NAME)
            reply, info, quorum = one.calls(*questions)
            seen = dict(zip(reply[::2], reply[1::2], strict=True))
            wanted = (str(heads[0].port), "master", str(len(self.members) - 1), str(len(self.sentinels) - 1))
            if (seen["port"], seen["flags"], seen["num-slaves"], seen["num-other-sentinels"]) != wanted:
                return False
            if "sentinel_tilt:0" not in info.splitlines() or not str(quorum).startswith("OK"):
                return False
        return True

    def temporary(self) -> list[str]:
        """Return the temporary settings that are still there."""
        left = []
        for number, one in enumerate(self.members, 1):
            for key in ("replica-priority", "min-replicas-to-write", "min-replicas-max-lag"):
                value = one.call("CONFIG", "GET", key)[1]
                if int(value) >= 1000000:
                    left.append(f"m{number} {key} {value}")
        return left

    def options(self, **more: Any) -> dict[str, Any]:
        """Return the options of the module for this set."""
        return {
            "name": NAME,
            "members": [
                {"host": f"m{number}", "address": one.address, "port": one.port}
                for number, one in enumerate(self.members, 1)
            ],
            "sentinels": [
                {"host": f"s{number}", "address": one.address, "port": one.port}
                for number, one in enumerate(self.sentinels, 1)
            ],
            "timeout": 10,  # seconds for an answer
            **more,
        }

    def move(self, check: bool = False, **options: Any) -> Any:
        """Run the module."""
        return self.lab.run("failover", check=check, **self.options(**{"limit": LIMIT, **options}))

    def begin(self, code: str = "", **options: Any) -> subprocess.Popen[str]:
        """Start the module in the background; code runs in its process before it, to make it fail where wanted."""
        given = fold_connection(self.options(**{"limit": LIMIT, **options}))
        arguments = {"ANSIBLE_MODULE_ARGS": {**given, "_ansible_remote_tmp": str(self.lab.root)}}
        start = (
            "import sys\n"
            "from ansible_collections.quorum.redis.plugins.module_utils._replication import operation as base\n"
            f"from ansible_collections.quorum.redis.plugins.modules import failover\n{code}\nfailover.main()\n"
        )
        process = subprocess.Popen(
            [sys.executable, "-c", start],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(self.lab.collections)},
        )
        if process.stdin:
            process.stdin.write(json.dumps(arguments))
            process.stdin.close()
            process.stdin = None
        return process

    def ledger(self, rate: float = 100, threads: int = 4) -> Ledger:
        """Return a writer for this set."""
        return Ledger(
            NAME,
            sentinels=[(one.address, one.port) for one in self.sentinels],
            members=[(one.address, one.port) for one in self.members],
            threads=threads,
            rate=rate,
        )
