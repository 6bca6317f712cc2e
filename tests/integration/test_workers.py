# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Workers of applications, set up as docs/clients.md says: a planned move ends none, and every job is done."""

from __future__ import annotations

from pathlib import Path

import pytest
from applications import add_jobs, worker
from ledger.scene import Scene
from measured import note

from .conftest import PASSWORD, Lab, wait_until
from .test_clients import ONE_ENGINE, let_ask, page, users

MOVES = 3
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

    with found.running(user, *worker(user, queue)) as working:
        with found.running(user, "python", f"send_{user}.py", "1", queue, name="sender") as sender:
            for _number in range(MOVES):
                works()
                answer = scene.move(password=PASSWORD, sentinel_password=PASSWORD)
                assert not answer.failed, answer.text
                scene.wait("the set is whole", scene.whole)
            works()
        wait_until("every job that was sent is done", lambda: sender.acknowledged() <= found.done(user))
        assert "UNBLOCKED" not in working.said() + sender.said()
    failed = [one.error.partition(":")[0] for one in sender.told() if one.error]
    sent = len(sender.acknowledged())
    note(f"{user}, {MOVES} planned moves", f"{sent} jobs, {len(failed)} sends failed {set(failed)}")
