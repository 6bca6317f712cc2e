# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Client libraries and workers, set up as docs/clients.md says, while a set is moved, restarted, secured and crashed.

No worker dies, nobody is answered with UNBLOCKED, and what is planned loses no acknowledged write. In order.
"""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from applications import Page, Program, Told, add_jobs, map_ports, worker, write_page
from deployment import DataSet, given, until
from lab import Lab
from measured import note
from patience import LONG, allowed

HOSTS = ["k1", "k2", "k3"]
PLAIN, SECURE = (6379, 26379), (16379, 36379)
WRITERS, WORKERS = ("redis-py", "ioredis", "node-redis"), {"jobs": "Celery", "rq": "RQ"}
CLIENTS = (*WRITERS, *WORKERS.values())
WAITING = "app:waiting"
PAUSE = 0.3  # seconds between two jobs: a worker keeps up with that on a busy machine too
# What docs/clients.md promises, in seconds: how long a planned move, and how long a crash, takes from a client.
MOVE, CRASH = 2.0, 10.0
RETRY = 1.0  # seconds after which node-redis looks for the primary again
ROUNDS = 3  # of these in vain, while servers and Sentinels restart
# What a client may be told meanwhile: that the connection or the primary is lost, or that this one is read-only now.
# Another error is an answer of a server, such as UNBLOCKED or NOPERM, which libraries do not try again.
COVERED = re.compile(
    "^(ConnectionError|TimeoutError|OperationalError|MasterNotFoundError|ReadOnlyError): |^READONLY "
    "|closed|timeout|No such master|ECONN|ETIMEDOUT"
)
# From `dual` on each login has a new password beside the previous one: a rotation that has not come to its end.
ROTATING: dict[str, Any] = {
    "redis_password": "serving-Wc5hT1",
    "redis_password_previous": "serving-Nd7qL3",
    "redis_sentinel_password": "watching-Gb9nE4",
    "redis_sentinel_password_previous": "watching-Fy2wK8",
    "redis_acl_users": [
        {
            "name": name,
            "preset": preset,
            "prefix": prefix,
            "passwords": ["new"],
            "passwords_previous": [f"secret-of-{name}"],
        }
        for name, preset, prefix in (("app", "application", "app:"), ("jobs", "celery", "app:"), ("rq", "queue", "rq:"))
    ],
}
PROGRAMS = {
    "redis_py.py": "from loop import go_on\nfrom redis_set import primary\n"
    "go_on(lambda number: primary.rpush('app:redis-py', number), 0.05)\n",
    "blocked.py": "from loop import go_on\nfrom redis_set import NAME, sentinel\n"
    "waiting = sentinel.master_for(NAME, socket_timeout=None)\n"
    f"go_on(lambda _number: waiting.blpop(['{WAITING}'], 0), 0.05)\n",
}
# The code of the page, up to where it sends its first command.
NODE = {
    "app_ioredis.mjs": ("await redis.set(", "const write = (text) => redis.rpush('app:ioredis', text);\n"),
    "app_node_redis.mjs": ("await client.set(", "const write = (text) => client.rPush('app:node-redis', text);\n"),
}
NODE_LOOP = """
const tell = (...told) => console.log("told", JSON.stringify([Number(process.hrtime.bigint()) / 1e9, ...told]));
for (let number = Number(process.argv[2]); ; number += 1) {
  try {
    await write(String(number));
    tell(number, "");
  } catch (error) {
    tell(number, String(error.message ?? error));
  }
  await new Promise((done) => setTimeout(done, 50));
}
"""


@dataclass
class Release:
    """All applications, as they are rolled out together; their jobs go into a queue of its own."""

    page: Page
    queue: str
    first: int  # of the numbers that they write
    programs: dict[str, Program] = field(default_factory=dict)

    def start(self) -> None:
        """Start everybody."""
        commands = {
            "redis-py": ("app", "python", "redis_py.py"),
            "ioredis": ("app", "app_ioredis.mjs"),
            "node-redis": ("app", "app_node_redis.mjs"),
            "BLPOP": ("app", "python", "blocked.py"),
            **{name: (user, "python", f"send_{user}.py") for user, name in WORKERS.items()},
        }
        for user, name in WORKERS.items():
            self.programs[f"worker of {name}"] = self.page.start(f"worker-{user}", user, *worker(user, self.queue))
        for name, (user, *words) in commands.items():
            self.programs[name] = self.page.start(name, user, *words, str(self.first), self.queue)

    def has_done(self, user: str, number: int) -> bool:
        """Return whether the workers of a user have done this job."""
        return number in self.page.done(user)

    def end(self, *names: str) -> None:
        """End programs as systemd would; a worker ends its job before."""
        for name in names:
            self.programs[name].process.terminate()
        for name in names:
            self.programs[name].process.wait(LONG)


@dataclass
class Applications:
    """The applications of a set, in one release after the other."""

    lab: Lab
    main: DataSet
    folder: Path
    releases: list[Release] = field(default_factory=list)
    moved: dict[str, float] = field(default_factory=dict)  # by client, how long a planned move takes
    alive: list[Release] = field(default_factory=list)

    def roll_out(self, name: str, ca: Path | None = None) -> Release:
        """Start a release, and wait until all of it works."""
        port = (SECURE if ca else PLAIN)[1]
        page = write_page(self.folder / name, [f"{self.lab.host_ip(host)}:{port}" for host in HOSTS], ca)
        add_jobs(page.place, PAUSE)
        for file, text in PROGRAMS.items():
            (page.place / file).write_text(text, encoding="utf-8")
        for file, (end, text) in NODE.items():
            shown = (page.place / file).read_text(encoding="utf-8").partition(end)[0]
            (page.place / file).write_text(shown + text + NODE_LOOP, encoding="utf-8")
        if ca:
            map_ports(page.place, PLAIN[0], SECURE[0], [self.lab.host_ip(host) for host in HOSTS])
        release = Release(page, name, 1 + 1000000 * len(self.releases))
        self.releases.append(release)
        self.alive.append(release)
        release.start()
        self.all_go_on(release)
        return release

    def retire(self, release: Release) -> None:
        """End a release: its writers, then its workers, when they have nothing to do any more.

        A job that a worker took and did not do is no lost write: kombu takes it off its list before it notes that it
        has it.
        """
        release.end(*CLIENTS, "BLPOP")
        for user, name in WORKERS.items():
            sent = release.programs[name].acknowledged()
            until(self.lab, f"{name} has done its last job", partial(release.has_done, user, max(sent)))
            undone = sent - release.page.done(user)
            note(f"release {release.queue}, {name}", f"{len(undone)} of {len(sent)} jobs taken, and not done")
        release.end(*[f"worker of {name}" for name in WORKERS.values()])
        self.alive.remove(release)

    def all_go_on(self, release: Release) -> None:
        """Wait until each client has an acknowledgement, each worker does a job, and who waits gets what comes."""
        now = time.monotonic()

        def living(name: str) -> Program:
            program = release.programs[name]
            if not program.lives():
                pytest.fail(f"{name} has died:\n{program.said()[-3000:]}")  # ends the wait, which an assertion does not
            return program

        def acknowledged(name: str) -> bool:
            return any(one.at > now and not one.error for one in living(name).told())

        def works(user: str, name: str) -> bool:
            living(f"worker of {name}")
            sent = {one.number for one in release.programs[name].told() if one.at > now and not one.error}
            return bool(sent & release.page.done(user))

        def gets() -> bool:
            # Again until somebody has it: it may go to one who is just being cut off.
            self.main.ask(self.main.primaries()[0], "RPUSH", WAITING, "it")
            return acknowledged("BLPOP")

        for name in CLIENTS:
            until(self.lab, f"{name} goes on", partial(acknowledged, name))
        for user, name in WORKERS.items():
            until(self.lab, f"the worker of {name} goes on", partial(works, user, name))
        until(self.lab, "who waits in BLPOP gets what comes", gets)

    def told(self, name: str) -> list[Told]:
        """Return what a client was told in all releases, in order."""
        told = [one for release in self.releases for one in release.programs[name].told()]
        return sorted(told, key=lambda one: one.at)

    def lost(self, name: str) -> set[int]:
        """Return the acknowledged writes of a client that are not there."""
        sent = {one.number for one in self.told(name) if not one.error}
        held = self.main.ask(self.main.settled(), "LRANGE", f"app:{name}", "0", "-1")
        return sent - {int(item) for item in held}

    def like_a_move(self) -> dict[str, float]:
        """Return how long a client may wait while everybody restarts: one move is in it, as long as in this run."""
        return {name: max(self.moved[name], MOVE) + ROUNDS * RETRY for name in CLIENTS}

    def survive(self, what: str, act: Callable[[], object], longest: dict[str, float]) -> dict[str, float]:
        """Do something to the set; note errors and the longest time without an acknowledgement of each client.

        No client may be without one for longer, no program may die, and none be told what it does not try again.
        """
        since, gaps, odd = time.monotonic(), {}, set()
        act()
        self.main.settled()
        for release in self.alive:
            self.all_go_on(release)
        for name in (*CLIENTS, "BLPOP"):
            told = self.told(name)
            errors = [one.error for one in told if one.error and one.at > since]
            line = f"{len(errors)} errors"
            if name != "BLPOP":
                times = [one.at for one in told if not one.error]
                gaps[name] = max(end - begin for begin, end in itertools.pairwise(times) if end > since)
                line += f", longest gap {gaps[name]:.1f} s"
            odd |= {error for error in errors if "UNBLOCKED" in error or not COVERED.search(error)}
            note(f"{what}, {name}", f"{line} {sorted({error[:50] for error in errors}) or ''}")
        for release in self.releases:
            for name, program in release.programs.items():
                assert program.lives() or release not in self.alive, f"{name} has died:\n{program.said()[-3000:]}"
                assert "UNBLOCKED" not in program.said(), name
        assert not odd
        assert all(gap < allowed(longest[name]) for name, gap in gaps.items()), (gaps, longest)
        return gaps

    def nothing_is_lost(self, what: str) -> None:
        """Stop the test when an acknowledged write is not there."""
        for name in WRITERS:
            lost, sent = self.lost(name), len([one for one in self.told(name) if not one.error])
            note(f"until after {what}, {name}", f"{len(lost)} of {sent} acknowledged writes lost")
            assert not lost, f"{name}: {sorted(lost)[:10]}"


@pytest.fixture(scope="module")
def applications(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Applications]:
    """Return the applications of the set, which speak plain."""
    main = DataSet(lab, HOSTS, "serving-Nd7qL3", HOSTS, "watching-Fy2wK8")
    main.settled()
    found = Applications(lab, main, tmp_path_factory.mktemp("applications"))
    try:
        found.roll_out("plain")
        yield found
    finally:
        for release in found.releases:
            release.end(*release.programs)


def secure(applications: Applications, mode: str) -> None:
    """Take the set a step on its way to TLS, while passwords change."""
    main = applications.main
    main.lab.run_playbook("site", *given(redis_tls=mode, **ROTATING)).expect()
    main.ways = [PLAIN, SECURE]
    main.port, main.sentinel_port = PLAIN if mode == "dual" else SECURE


def test_a_planned_move(lab: Lab, applications: Applications) -> None:
    # Everybody tries once more; node-redis asks a Sentinel each second until it is told another primary.
    longest = {name: MOVE + (ROUNDS if name == "node-redis" else 1) * RETRY for name in CLIENTS}
    applications.moved = applications.survive("planned move", lambda: lab.run_playbook("failover").expect(), longest)
    applications.nothing_is_lost("a planned move")


def test_a_rolling_restart(lab: Lab, applications: Applications) -> None:
    longest = applications.like_a_move()
    applications.survive("rolling restart", lambda: lab.run_playbook("restart").expect(), longest)
    applications.nothing_is_lost("a rolling restart")


def test_clients_go_over_to_tls(lab: Lab, applications: Applications, tmp_path: Path) -> None:
    """`dual`, then each application with the map of ports, then `peers` and `only`, where the map does nothing."""
    applications.survive("redis_tls: dual", partial(secure, applications, "dual"), applications.like_a_move())
    ca = tmp_path / "ca.crt"
    ca.write_text(lab.sh("k1", "cat /etc/ssl/redis/ca.crt") + "\n", encoding="utf-8")
    applications.main.ca = str(ca)
    (plain,) = applications.alive

    def roll() -> None:
        applications.roll_out("secure", ca)
        applications.retire(plain)

    applications.survive("applications go over to TLS", roll, dict.fromkeys(CLIENTS, MOVE))
    # No longer than a planned move takes, but for when node-redis asks: only a Sentinel that sees the primary will do.
    longest = {name: applications.moved[name] + RETRY for name in CLIENTS}
    applications.survive("redis_tls: peers", partial(secure, applications, "peers"), longest)
    # A rolling restart with one move in it, over TLS: what connects anew then must not cost more than the move.
    applications.survive("redis_tls: only", partial(secure, applications, "only"), applications.like_a_move())
    applications.nothing_is_lost("redis_tls: only")


def test_a_crash(lab: Lab, applications: Applications) -> None:
    """What no replica had yet may be lost; the rest goes on."""
    main = applications.main
    old = main.settled()

    def crash() -> None:
        lab.sh(old, "systemctl kill --signal KILL redis-server@main")
        until(lab, "another one is primary", lambda: main.primaries() not in ([old], []))

    applications.survive("crash over TLS", crash, dict.fromkeys(CLIENTS, CRASH + ROUNDS * RETRY))
    for name in WRITERS:
        lost = applications.lost(name)
        note(f"crash over TLS, {name}", f"{len(lost)} acknowledged writes lost")
        assert len(lost) <= 1, f"more than the one that was on its way to the replicas: {sorted(lost)[:10]}"
    applications.retire(applications.alive[0])
