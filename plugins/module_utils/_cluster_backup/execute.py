# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Begin a save on several servers at the same moment."""

from __future__ import annotations

import contextlib
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Barrier
from typing import Callable, Dict, List, Optional, Sequence, Tuple

from .._backup.catch_up import Point, catch_up
from .._backup.save import Save
from .._backup.snapshot import STOP, Saver, Snapshot, Tell
from .._core.errors import QuorumError
from .._redis.client import Client, Steady, connect
from .._redis.endpoint import Endpoint
from .._redis.observe import Place
from .schedule import LATE

NOWHERE = Path("/nonexistent")  # what is owed to a server of another host is noted there, by who takes the file
Maker = Callable[[Client], Saver]  # with what a server of this host is looked after
INFO_FIELDS = (
    *("run_id", "role", "redis_version", "valkey_version", "server_name", "executable", "config_file"),
    *("master_replid", "master_repl_offset", "slave_repl_offset", "rdb_last_save_time"),
)


@dataclass
class Begun:
    """The saves in the order of the servers, within which time they began, and when each did."""

    saves: List[Save]
    spread: float
    moments: List[float]


def begin_saves(
    places: Sequence[Place],
    points: Sequence[Optional[Point]],
    name: str,
    wait: float,
    tell: Tell,
    moment: float = 0.0,
    notes: Sequence[Path] = (),
) -> Begun:
    """Wait until no server has a child and each has reached its point, then begin a save on all at once.

    With a moment it is at that time: others do the same elsewhere. What is owed to servers of this host is in notes.
    """
    notes = notes or [NOWHERE] * len(places)
    with contextlib.ExitStack() as stack:
        clients = [
            stack.enter_context(connect(replace(endpoint, timeout=max(endpoint.timeout, 60.0)), Steady))
            for _name, endpoint in places
        ]
        savers = [Saver(client, "", "", wait, tell, note) for client, note in zip(clients, notes)]
        for saver in [*savers, *savers]:  # while one was waited for another may have begun something
            saver.await_idle()
        for saver, point in zip(savers, points):
            catch_up(saver.client, point, wait, tell)
        owed = [saver for saver in savers if saver.stops_writes()]
        try:
            for saver in owed:
                if saver.note != NOWHERE:
                    saver.note.touch()
                saver.client.call("CONFIG", "SET", STOP, "no")
            await_moment(moment)
            barrier = Barrier(len(savers))
            with ThreadPoolExecutor(max_workers=len(savers)) as pool:
                begun = list(pool.map(lambda saver: _begin(saver, barrier), savers))
        except QuorumError:
            for saver in owed:
                with contextlib.suppress(QuorumError):
                    saver.client.call("CONFIG", "SET", STOP, "yes")
                    saver.note.unlink(missing_ok=True)
            raise
    moments = [moment for _info, _clock, _until, moment in begun]
    saves = [
        Save(name, clock, _kept(info), saver in owed, until) for saver, (info, clock, until, _at) in zip(savers, begun)
    ]
    return Begun(saves, max(moments) - min(moments), moments)


def adopt_saves(places: Sequence[Place], saves: Sequence[Save], makers: Sequence[Maker]) -> List[Snapshot]:
    """Wait for the ends of all saves of this host, and open each file at once: the next save replaces it."""
    with ThreadPoolExecutor(max_workers=max(1, len(saves))) as pool:
        futures = [pool.submit(_adopt, *given) for given in zip(places, saves, makers)]
    problems = [problem for problem in (future.exception() for future in futures) if problem]
    snapshots = [future.result() for future in futures if not future.exception()]
    if problems:
        for snapshot in snapshots:
            snapshot.file.close()
        raise problems[0]
    return snapshots


def _adopt(place: Place, save: Save, maker: Maker) -> Snapshot:
    endpoint = replace(place[1], timeout=max(place[1].timeout, 60.0))
    with connect(endpoint, Steady) as client:
        return maker(client).adopt_save(save)


def give_back(endpoint: Endpoint, maker: Maker) -> None:
    """Give a server of this host back what is owed to it, unless a failed save stands."""
    with connect(endpoint) as client, maker(client).settle_owed():
        pass


def await_moment(moment: float) -> None:
    """Wait for the time at which all begin; who comes too late leaves it."""
    left = moment - time.time()
    if moment:
        refuse_late(-left)
    time.sleep(max(0.0, left))


def refuse_late(late: float) -> None:
    """Refuse to call it one moment when servers of this host begin so many seconds after those of others."""
    if late > LATE:
        raise QuorumError(
            f"The servers of this host were ready {late:.0f} s too late to be saved with the others",
            todo="It is tried again. Look what they were busy with: a rewrite of the AOF, or another save",
        )


def _begin(saver: Saver, barrier: Barrier) -> Tuple[Dict[str, str], int, int, float]:
    """Begin one when all are ready; one that is refused for a moment, because of another child, begins later."""
    barrier.wait(60)
    info, clock, until = saver.begin_save()
    return info, clock, until, time.time()


def _kept(info: Dict[str, str]) -> Dict[str, str]:
    """Return what the manifest of a part needs."""
    return {key: value for key, value in info.items() if key in INFO_FIELDS or (key[:2] == "db" and key[2:].isdigit())}
