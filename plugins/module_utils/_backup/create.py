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
import time
from dataclasses import replace
from pathlib import Path
from typing import Dict

from .._core.errors import CommandFailed, QuorumError
from .._host.sandbox import deaf_to_signals
from .._model.backup_manifest import SUFFIXES, Manifest, iso_time, parse_time
from .._model.conf_syntax import mask_text
from .._model.rdb_header import read_header
from .._redis.client import Client, Steady, connect
from .._redis.endpoint import Endpoint
from .._redis.engine_modules import list_modules
from .._redis.replies import engine_of, keys_by_database, parse_number
from . import manifest as manifests
from .aof_copy import NOTE, copy_aof, let_go
from .catch_up import catch_up
from .job import Job
from .proof import prove_backup
from .repository import (
    AOF,
    RDB,
    check_room,
    compress_rdb,
    copy_file,
    finish_draft,
    free_name,
    give_to_keeper,
    lock_directory,
    open_draft,
)
from .snapshot import Saver, Tell, open_safely


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
        snapshot = job.snapshot or (saver.adopt_save(job.save) if job.save else saver.take_snapshot())
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
                    part=job.part,
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
