# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One backup of one server on this host: saved, copied, proven, compressed, and only then given its name.

Everything happens in a directory `.partial-...` beside the finished ones. It gets its name when all is well and
is removed when anything is not, so a directory with a name is a backup. The module and the timer both end here.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

from .._core.errors import CommandFailed, Damaged, QuorumError
from .._engine import rdb_check, rdb_check_socket
from .._host.capacity import memory_free
from .._host.sandbox import deaf_to_signals
from .._model.backup_manifest import PASSED, SUFFIXES, Manifest, Verified, iso_time, parse_time
from .._model.conf_syntax import mask_text
from .._model.rdb_header import memory_needed, read_header
from .._redis.client import Client, Steady, connect
from .._redis.endpoint import Endpoint
from .._redis.engine_modules import EngineModule, list_modules, render_modules
from .._redis.replies import engine_of, keys_by_database, parse_info, parse_number
from . import manifest as manifests
from .aof_copy import NOTE, copy_aof, let_go
from .catch_up import Point, catch_up
from .repository import (
    RDB,
    check_room,
    compress_rdb,
    copy_file,
    finish_draft,
    free_name,
    give_to_keeper,
    lend_to_group,
    lock_directory,
    open_draft,
    unpack_rdb,
    write_manifest,
)
from .save import Save
from .snapshot import Saver, Tell, open_safely

AOF = "appendonlydir"


@dataclass
class Job:
    """What to back up, where to, and how."""

    data_set: str
    member: str
    endpoint: Endpoint
    directory: str = "/var/backups/redis"
    binary: str = "/usr/bin/redis-server"
    user: str = "redis"
    unit: str = ""
    compression: str = "none"
    load: bool = True
    aof: bool = False
    wait: float = 3600.0
    trial_host: str = ""  # who loads it instead of this host
    save: Optional[Save] = None  # a shard of a cluster: one that was begun already, with those of the others
    reach: Optional[Point] = None  # what the snapshot must have

    @property
    def place(self) -> Path:
        """Return the directory of the data set's backups."""
        return Path(self.directory) / self.data_set


def undo_leftovers(job: Job) -> str:
    """Undo what a run that was killed has left in the server; return what that was, empty when nothing."""
    if not (job.place / NOTE).exists():
        return ""
    with lock_directory(job.place, job.user) as place, connect(_patient(job.endpoint), Steady) as client:
        return let_go(client, place)


def make_backup(job: Job, tell: Tell) -> Manifest:
    """Make one backup and return its manifest; afterwards there is a whole one more, or nothing at all."""
    start = time.monotonic()
    with deaf_to_signals(), lock_directory(job.place, job.user) as place, connect(
        _patient(job.endpoint), Steady
    ) as client:
        owed = place / (f".owed-{job.member}" if job.save else ".owed")  # shards share the directory
        saver = Saver(client, job.unit, job.user, job.wait, tell, owed)
        if not job.save:
            catch_up(client, job.reach, job.wait, tell)
        snapshot = saver.adopt_save(job.save) if job.save else saver.take_snapshot()
        with snapshot.file as file:
            name = f"{job.save.name}-{job.member}" if job.save else free_name(place, snapshot.began, job.member)
            size = os.fstat(file.fileno()).st_size
            job = replace(job, binary=job.binary or snapshot.info.get("executable", ""))
            check_room(place, size * (1 if job.compression == "none" else 2))
            with open_draft(place, name, job.user) as partial:
                tell(f"copying {size >> 20} MiB")
                digest = copy_file(file, partial / RDB)
                with (partial / RDB).open("rb") as copied:
                    head = read_header(copied.read(8192), str(partial / RDB))
                engine, version = engine_of(snapshot.info)
                manifest = Manifest(
                    data_set=job.data_set,
                    name=name,
                    member=job.member,
                    address=job.endpoint.address,
                    port=job.endpoint.port,
                    engine=engine,
                    version=version,
                    rdb_version=head.rdb_version,
                    role={"master": "primary", "slave": "replica"}.get(snapshot.info.get("role", ""), ""),
                    replication_id=snapshot.info.get("master_replid", ""),
                    replication_offset=parse_number(
                        snapshot.info.get("slave_repl_offset", snapshot.info.get("master_repl_offset"))
                    ),
                    databases=keys_by_database(snapshot.info),
                    began=iso_time(snapshot.began),
                    ended="",
                    seconds=0.0,
                    compression=job.compression,
                    rdb=RDB + SUFFIXES[job.compression],
                    rdb_size=size,
                    rdb_sha256=digest,
                    files={},
                )
                modules = list_modules(client)
                manifest.modules = {module.name: module.version for module in modules}
                _settings(client, snapshot.info, partial, job.user)
                if job.aof:
                    tell("copying the AOF")
                    copy_aof(client, saver, partial / AOF)
                    manifest.aof = AOF
                give_to_keeper(partial, job.user)  # the proofs run with the rights of the service
                manifest.verified = prove_backup(job, partial, manifest, tell, modules)
                compress_rdb(partial, manifest, tell)
                finish_draft(partial, place / name, manifest, job.user, start)
    return manifest


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


def find_fresh(job: Job, seconds: float, engine: str, version: str) -> str:
    """Return the newest good backup that is not older and from the same version, empty when there is none."""
    for name in reversed(manifests.list_backups(str(job.place))):
        try:
            manifest = manifests.read_manifest(str(job.place / name))
        except QuorumError:
            continue
        if manifest.good and (manifest.engine, manifest.version) == (engine, version):
            return name if time.time() - parse_time(manifest.began) <= seconds else ""
    return ""


# --- the server ---


def _patient(endpoint: Endpoint) -> Endpoint:
    """Allow for the fork of a large server, which takes longer than a glance may."""
    return replace(endpoint, timeout=max(endpoint.timeout, 60.0))


def _settings(client: Client, info: Dict[str, str], partial: Path, user: str) -> None:
    """Keep the configuration and the users, without their secrets."""
    try:
        users = client.read_pairs("CONFIG", "GET", "aclfile").get("aclfile", "")
        where = Path(client.read_pairs("CONFIG", "GET", "dir")["dir"])
    except (CommandFailed, KeyError):
        return
    for name, path in (("redis.conf", info.get("config_file", "")), ("users.acl", users)):
        if path:
            with contextlib.suppress(OSError, QuorumError), open_safely(where / path, user) as file:
                text = file.read().decode("utf-8", "surrogateescape")
                words = (" ".join(word for word in row.split() if word[0] not in "#>") for row in text.splitlines())
                kept = mask_text(text, set(), {}) if name == "redis.conf" else "\n".join([*words, ""])
                (partial / name).write_text(kept, encoding="utf-8", errors="surrogateescape")
