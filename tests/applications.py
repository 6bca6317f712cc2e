# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Applications as docs/clients.md writes them, run as they stand by the libraries that tools/clients installs.

>>> page = write_page(tmp_path, ["127.0.0.1:26379"])
>>> page.run("app", "python", "app.py")
"b'hello'"
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, Iterator, List, Optional, Sequence, Set, Tuple

from ansible_collections.quorum.redis.plugins.module_utils._model.client_page import files_of
from patience import LONG

ROOT = Path(__file__).resolve().parents[1]
CLIENTS = ROOT / ".cache" / "clients"
PAGE = (ROOT / "docs" / "clients.md").read_text(encoding="utf-8")
NODE_MAP = re.compile(r"nodeAddressMap: .*?Number\(port\) }; }", re.DOTALL)
SHOWN = 60  # last lines of each program that a failure shows
# Which user each file of the page logs in as: preset and prefix.
USERS = {
    "app": ("application", "app:"),
    "jobs": ("celery", "app:"),
    "rq": ("queue", "rq:"),
    "cache": ("cache", "app:"),
    "session": ("session", "app:sess:"),
    "queue": ("queue", "app:bull:"),
}

# Applications with jobs in the background: the file that a job notes itself in, and who sends jobs to a queue.
# While there is a file `hold-NAME`, every other job of that name says `held-NAME` and goes on when it is gone.
_WORK = """
import os, pathlib, time

def done(name, number):
    while number % 2 == 0 and os.path.exists(f"hold-{name}"):
        pathlib.Path(f"held-{name}").touch()
        time.sleep(0.01)
    with open(f"done-{name}", "a") as file:
        file.write(f"{number}\\n")
"""
_JOB = """
import work

@app.task
def job(number):
    work.done("jobs", number)
"""
# A program that does something with one number after the other, and says what it was told: time, number, error.
_LOOP = """
import itertools, json, sys, time

def go_on(act, pause):
    for number in itertools.count(int(sys.argv[1])):
        try:
            act(number)
            error = ""
        except Exception as problem:
            error = f"{type(problem).__name__}: {problem}"
        print("told", json.dumps([time.monotonic(), number, error]), flush=True)
        time.sleep(pause)
"""
# A send that fails is no job: its sender was told. One that is sent has to be done. To Celery every other job has no
# result: what its worker says first when that is done is that it is, so it meets what comes of its connection there.
_SENDERS = {
    "jobs": "from tasks import job\noptions = {'queue': sys.argv[2], 'retry': False}\n"
    "send = lambda number: job.apply_async((number,), ignore_result=number % 2 == 0, **options)\n",
    "rq": "from redis_set import primary\nfrom rq import Queue\nqueue = Queue(sys.argv[2], connection=primary)\n"
    "send = lambda number: queue.enqueue('work.done', 'rq', number)\n",
}


@dataclass
class Told:
    """What one operation came to."""

    at: float
    number: int
    error: str


@dataclass
class Program:
    """A program that runs, and what it prints."""

    name: str
    process: subprocess.Popen[str]
    log: Path

    def said(self) -> str:
        """Return what it has printed."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def told(self) -> List[Told]:
        """Return what it was told by now; the last line may be half a line."""
        lines = self.said().split("\n")[:-1]
        return [Told(*json.loads(line.partition(" ")[2])) for line in lines if line.startswith("told ")]

    def acknowledged(self) -> Set[int]:
        """Return the numbers that were acknowledged by now."""
        return {one.number for one in self.told() if not one.error}

    def lives(self) -> bool:
        """Return whether it runs."""
        return self.process.poll() is None


@dataclass
class Page:
    """The files of the page in a directory, and the environment in which they run."""

    place: Path
    env: Dict[str, str]
    started: List[Program] = field(default_factory=list)

    def command(self, *words: str) -> List[str]:
        """Return a command of the client libraries."""
        node = words[0].endswith("js")
        return ["node", *words] if node else [str(CLIENTS / "venv" / "bin" / words[0]), *words[1:]]

    def own(self, user: str) -> Dict[str, str]:
        """Return the environment of a user's program."""
        return {**self.env, "REDIS_USERNAME": user, "REDIS_PASSWORD": f"secret-of-{user}"}

    def run(self, user: str, *words: str) -> str:
        """Run a program to its end and return what it prints."""
        done = subprocess.run(
            self.command(*words),
            capture_output=True,
            timeout=LONG,
            check=False,
            cwd=self.place,
            env=self.own(user),
            text=True,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == 0, f"{words}:\n{done.stdout}{done.stderr}"
        return done.stdout.strip()

    def start(self, name: str, user: str, *words: str) -> Program:
        """Start a program, whose output goes into a file."""
        log = self.place / f"{name}.log"
        with log.open("w", encoding="utf-8") as out:
            process = subprocess.Popen(
                self.command(*words),
                stdout=out,
                stderr=out,
                cwd=self.place,
                env=self.own(user),
                text=True,
                stdin=subprocess.DEVNULL,
            )
        self.started.append(Program(name, process, log))
        return self.started[-1]

    @contextmanager
    def telling(self) -> Iterator[None]:
        """Show what every program said at last when something fails meanwhile."""
        try:
            yield
        except BaseException:  # pytest.fail raises one that is no Exception
            for program in self.started:
                lines = program.said().splitlines()
                print(f"--- {program.name}, the last of {len(lines)} lines:", *lines[-SHOWN:], sep="\n")
            raise

    @contextmanager
    def running(self, user: str, *words: str, name: str = "") -> Iterator[Program]:
        """Run a program meanwhile."""
        program = self.start(name or user, user, *words)
        try:
            yield program
        finally:
            assert program.lives(), program.said()
            program.process.kill()
            program.process.wait(LONG)

    def done(self, user: str) -> Set[int]:
        """Return the jobs that the workers of a user have done."""
        file = self.place / f"done-{user}"
        return {int(line) for line in file.read_text(encoding="utf-8").split()} if file.exists() else set()


def write_page(place: Path, sentinels: Sequence[str], ca: Optional[Path] = None) -> Page:
    """Write the files of the page down, for a set named main."""
    place.mkdir(exist_ok=True)
    for name, text in files_of(PAGE).items():
        (place / name).write_text(text, encoding="utf-8")
    if not (place / "node_modules").exists():
        (place / "node_modules").symlink_to(CLIENTS / "node_modules")
    env = {
        "PATH": os.environ["PATH"],
        "REDIS_NAME": "main",
        "REDIS_SENTINELS": ",".join(sentinels),
        "REDIS_SENTINEL_USERNAME": "client",
        "REDIS_SENTINEL_PASSWORD": "secret-of-client",
        **({"REDIS_CA": str(ca), "NODE_EXTRA_CA_CERTS": str(ca)} if ca else {}),
    }
    return Page(place, env)


def add_jobs(place: Path, pause: float = 0.1) -> None:
    """Give the applications a job, and programs that send one after each pause: `send_jobs.py` and `send_rq.py`."""
    (place / "work.py").write_text(_WORK, encoding="utf-8")
    (place / "loop.py").write_text(_LOOP, encoding="utf-8")
    with (place / "tasks.py").open("a", encoding="utf-8") as tasks:
        tasks.write(_JOB)
    for user, text in _SENDERS.items():
        program = f"import sys\nfrom loop import go_on\n{text}go_on(send, {pause})\n"
        (place / f"send_{user}.py").write_text(program, encoding="utf-8")


def worker(user: str, queue: str) -> Tuple[str, ...]:
    """Return the command of a worker for the jobs of one queue."""
    if user == "jobs":
        return ("celery", "-A", "tasks", "worker", "--pool", "solo", "--loglevel", "INFO", "--queues", queue)
    return ("rq", "worker", "-c", "rq_settings", "--worker-class", "rq.worker.SimpleWorker", queue)


def map_ports(place: Path, plain: int, secure: int, addresses: Sequence[str]) -> None:
    """Let every file use the map of ports that the page shows for clients over TLS."""
    for file in place.glob("*.py"):
        text = file.read_text(encoding="utf-8")
        if file.name == "redis_tls.py":
            text = text.replace("6379: 16379", f"{plain}: {secure}")
        elif file.name != "redis_set.py":
            text = f"import redis_tls\n{text}"
        file.write_text(text, encoding="utf-8")
    lines = ", ".join(f"'{one}:{plain}': {{host: '{one}', port: {secure}}}" for one in addresses)
    (shown,) = NODE_MAP.findall(PAGE)
    shown = " ".join(shown.split()).replace('"6379"', f'"{plain}"').replace("16379", str(secure))
    for name, option in (("redis_set.mjs", f"natMap: {{{lines}}}"), ("app_node_redis.mjs", shown)):
        text = (place / name).read_text(encoding="utf-8")
        (place / name).write_text(text.replace("  name,\n", f"  name, {option},\n", 1), encoding="utf-8")
