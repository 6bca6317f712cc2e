# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What proves a backup: its file is checked, loaded into a throw-away server and compared with what was saved.

A new backup is proven before it gets its name; a finished one in a drill, here or on another host.
"""

from __future__ import annotations

import socket
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, List, Sequence, Tuple

from .._core.errors import Damaged, QuorumError
from .._engine import rdb_check, rdb_check_socket
from .._host.capacity import memory_free
from .._host.sandbox import deaf_to_signals
from .._model.backup_manifest import PASSED, Manifest, Verified, iso_time
from .._model.rdb_header import memory_needed, read_header
from .._redis.client import connect
from .._redis.engine_modules import EngineModule, list_modules, render_modules
from .._redis.replies import parse_info
from . import manifest as manifests
from .job import Job
from .repository import AOF, RDB, check_room, lend_to_group, lock_directory, open_draft, unpack_rdb, write_manifest
from .snapshot import Tell


def prove_backup(
    job: Job, directory: Path, manifest: Manifest, tell: Tell, modules: Sequence[EngineModule] = ()
) -> Verified:
    """Check and load the RDB as it lies there, not compressed; what does not hold raises Damaged."""
    verified = Verified(at=iso_time(time.time()), by=socket.gethostname())
    tell("checking the file")
    rdb_check_socket.request_check(job.binary, "rdb", directory / RDB, job.user, job.wait)
    if manifest.aof:
        lend_to_group(directory / AOF)
        rdb_check_socket.request_check(
            job.binary, "aof", next((directory / AOF).glob("*.manifest")), job.user, job.wait
        )
    verified.file_check = PASSED
    if not job.load or job.trial_host:
        verified.load = f"not done: {'left to ' + job.trial_host if job.load else 'switched off'}"
        return verified
    with (directory / RDB).open("rb") as file:
        needed = memory_needed(read_header(file.read(8192)), manifest.rdb_size)
    free = memory_free()
    if free < needed:
        verified.load = f"not done: it needs {needed >> 20} MiB of memory, and {free >> 20} are free"
        tell(f"trial load {verified.load}")
        return verified
    tell("loading it into a throw-away server")
    try:
        verified.databases = _load(job, directory, manifest, render_modules(modules))
    except rdb_check.Lacking as problem:
        verified.load = f"not done: {problem.what}. Its keys were neither loaded nor counted"
        tell(f"trial load {verified.load}")
        return verified
    wrong = rdb_check.list_count_differences(manifest.databases, verified.databases)
    if wrong:
        raise Damaged(f"Loaded, the snapshot is not what was saved: {wrong}", str(directory))
    verified.load, verified.load_by = PASSED, verified.by
    return verified


def _load(job: Job, directory: Path, manifest: Manifest, modules: Sequence[str]) -> rdb_check.Counts:
    """Load it, without the modules where they do not start there: it may hold nothing of theirs."""
    given = (job.binary, directory, RDB, job.user, job.wait, max(map(int, manifest.databases), default=0))
    try:
        return rdb_check_socket.request_load(*given, modules=modules)
    except rdb_check.Lacking:
        if not modules:
            raise
        return rdb_check_socket.request_load(*given)


def drill_backup(job: Job, name: str, tell: Tell) -> Dict[str, Any]:
    """Restore a finished backup into a throw-away server, compare, and write the result into its manifest."""
    with deaf_to_signals(), lock_directory(job.place, job.user) as place:
        directory, start = place / name, time.monotonic()
        manifest = manifests.read_manifest(str(directory))
        job, modules = _as_running(job)
        result, counts = PASSED, {}
        try:
            tell("comparing the check sums")
            manifests.check_files(str(directory), manifest)
            check_room(place, manifest.rdb_size)
            with open_draft(place, f"drill-{name}", job.user) as copied:
                unpack_rdb(directory, manifest, copied, job.user)
                verified = prove_backup(
                    replace(job, load=True, trial_host=""), copied, replace(manifest, aof=""), tell, modules
                )
            counts = verified.databases
            result = verified.load
        except Damaged as problem:
            result = f"failed: {problem}"
        record = {
            "at": iso_time(time.time()),
            "by": job.trial_host or socket.gethostname(),
            "result": result,
            "seconds": round(time.monotonic() - start, 1),
            "databases": counts,
        }
        manifest.drills.append(record)
        write_manifest(directory, manifest, job.user)
    return record


def record_trial(job: Job, name: str, record: Dict[str, Any]) -> Manifest:
    """Write what another host has found into the manifest of a backup: a drill, and the load that was left to it."""
    with lock_directory(job.place, job.user) as place:
        manifest = manifests.read_manifest(str(place / name))
        manifest.drills.append(record)
        proven = manifest.verified
        if not (proven.load == PASSED and record["result"].startswith("not done")):
            proven.load, proven.load_by = record["result"], record["by"]
            proven.databases = record["databases"] or proven.databases
        write_manifest(place / name, manifest, job.user)
    return manifest


def _as_running(job: Job) -> Tuple[Job, List[EngineModule]]:
    """Return what the running server is and has; only who names no program needs it."""
    try:
        with connect(job.endpoint) as client:
            binary = job.binary or parse_info(client.call("INFO", "server")).get("executable", "")
            return replace(job, binary=binary), list_modules(client)
    except QuorumError:
        if not job.binary:
            raise
        return job, []
