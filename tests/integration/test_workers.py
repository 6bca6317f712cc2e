# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Workers of applications, set up as docs/clients.md says: a planned move ends none, and every job is done."""

from __future__ import annotations

from pathlib import Path
from typing import Set

import pytest
from ledger.scene import Scene
from measured import note

from .conftest import PASSWORD, Lab, wait_until
from .test_clients import ONE_ENGINE, let_ask, page, users

MOVES = 3
FEW = 5  # jobs between two moves
WORKERS = {
    "jobs": ("celery", "-A", "tasks", "worker", "--pool", "solo", "--loglevel", "INFO"),
    "rq": ("rq", "worker", "-c", "rq_settings", "--worker-class", "rq.worker.SimpleWorker"),
}
WORK = """

def done(name, number):
    with open(f"done-{name}", "a") as file:
        file.write(f"{number}\\n")
"""
JOB = """
import work

@app.task
def job(number):
    work.done("jobs", number)
"""
# A send that fails is no job: its sender was told. One that is sent has to be done.
SENDERS = {
    "jobs": "from tasks import job\nsend = lambda number: job.apply_async((number,), retry=False)\n",
    "rq": "from redis_set import primary\nfrom rq import Queue\nqueue = Queue(connection=primary)\n"
    "send = lambda number: queue.enqueue('work.done', 'rq', number)\n",
}
LOOP = """
import itertools, time
for number in itertools.count(1):
    try:
        send(number)
        print("sent", number, flush=True)
    except Exception as problem:
        print("failed", number, type(problem).__name__, problem, flush=True)
    time.sleep(0.1)
"""


def sent(log: Path) -> Set[str]:
    """Return the jobs that were sent."""
    return {line.split()[1] for line in log.read_text().splitlines() if line.startswith("sent ")}


def done(place: Path, name: str) -> Set[str]:
    """Return the jobs that were done."""
    file = place / f"done-{name}"
    return set(file.read_text().split()) if file.exists() else set()


@ONE_ENGINE
@pytest.mark.parametrize("user", WORKERS)
def test_a_worker_survives_planned_moves(lab: Lab, tmp_path: Path, user: str) -> None:
    scene = Scene.build(lab, password=PASSWORD)
    users(lab, *scene.members)
    for watcher in scene.sentinels:
        let_ask(watcher)
    found = page(lab, tmp_path, *[watcher.port for watcher in scene.sentinels])
    (found.place / "work.py").write_text(WORK)
    tasks = found.place / "tasks.py"
    tasks.write_text(tasks.read_text() + JOB)
    (found.place / "send.py").write_text(SENDERS[user] + LOOP)

    def works() -> None:
        """Wait until the worker has done some more."""
        count = len(done(found.place, user))
        wait_until("jobs are done", lambda: len(done(found.place, user)) >= count + FEW)

    with found.running(user, *WORKERS[user]) as said:
        with found.running(user, "python", "send.py", log="sent") as log:
            for _number in range(MOVES):
                works()
                answer = scene.move(password=PASSWORD, sentinel_password=PASSWORD)
                assert not answer.failed, answer.text
                scene.wait("the set is whole", scene.whole)
            works()
        wait_until("every job that was sent is done", lambda: sent(log) <= done(found.place, user))
        assert "UNBLOCKED" not in said.read_text() + log.read_text()
    failed = [line.split()[2] for line in log.read_text().splitlines() if line.startswith("failed ")]
    note(
        f"{WORKERS[user][0]}, {MOVES} planned moves", f"{len(sent(log))} jobs, {len(failed)} sends failed {set(failed)}"
    )
