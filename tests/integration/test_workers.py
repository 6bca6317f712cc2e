# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Workers of applications, set up as docs/clients.md says: a planned move ends none, and jobs that were sent are done.

But for Celery: kombu takes a job off its list before it notes that it has it. So the one that a worker is just taking
when its connection ends is lost, whatever ends it.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from applications import add_jobs, worker
from ledger.scene import Scene
from measured import note
from patience import LONG

from .conftest import PASSWORD, Lab, wait_until
from .test_clients import ONE_ENGINE, let_ask, page, users

MOVES = 3
# The move in which a job is under way. It ends while nobody is the primary: Celery cannot note that, and gives it back.
HELD = 1
RELEASE = """
import os, time
real = base.Operation.do_step
def do_step(self, step, last):
    real(self, step, last)
    if type(step).__name__ == "Park":
        os.unlink({file!r})
        time.sleep(0.5)
base.Operation.do_step = do_step
"""
FEW = 5  # jobs between two moves
QUEUES = {"jobs": "celery", "rq": "default"}


@ONE_ENGINE
@pytest.mark.parametrize("user", QUEUES)
def test_a_worker_survives_planned_moves(lab: Lab, tmp_path: Path, user: str) -> None:
    scene = Scene.build(lab, password=PASSWORD)
    users(lab, *scene.members)
    for watcher in scene.sentinels:
        let_ask(watcher)
    found = page(tmp_path, *[watcher.port for watcher in scene.sentinels])
    add_jobs(found.place)
    queue = QUEUES[user]

    def works() -> None:
        """Wait until the worker has done some more."""
        count = len(found.done(user))
        wait_until("jobs are done", lambda: len(found.done(user)) >= count + FEW)

    def moved(hold: bool) -> None:
        """Move the primary; hold a job, which then ends when there is no primary."""
        file = found.place / f"hold-{user}"
        if hold:
            file.touch()
            wait_until("a job is under way", (found.place / f"held-{user}").exists)
        code = RELEASE.format(file=str(file)) if hold else ""
        moving = scene.begin(code, password=PASSWORD, sentinel_password=PASSWORD)
        answer, problem = moving.communicate(timeout=LONG)
        assert not moving.returncode, answer + problem
        scene.wait("the set is whole", scene.whole)

    with found.telling():
        with found.running(user, *worker(user, queue)) as working:
            with found.running(user, "python", f"send_{user}.py", "1", queue, name="sender") as sender:
                for number in range(MOVES):
                    works()
                    moved(hold=number == HELD)
                works()
            last = max(sender.acknowledged())
            wait_until("the last job that was sent is done", lambda: last in found.done(user))
            if user == "rq":
                wait_until("every job that was sent is done", lambda: sender.acknowledged() <= found.done(user))
            missing = sender.acknowledged() - found.done(user)
            assert len(missing) <= MOVES, f"more than one for each connection that was ended: {missing}"
            assert "UNBLOCKED" not in working.said() + sender.said()
        failed = [one.error.partition(":")[0] for one in sender.told() if one.error]
        jobs = f"{len(sender.acknowledged())} jobs, {len(missing)} never done"
        note(f"{user}, {MOVES} planned moves", f"{jobs}, {len(failed)} sends failed {set(failed)}")

        stopped = found.start("stopped", user, *worker(user, queue))
        wait_until("it waits for jobs", lambda: any(int(one.info()["blocked_clients"]) for one in scene.members))
        stopped.process.terminate()
        stopped.process.wait(LONG)
