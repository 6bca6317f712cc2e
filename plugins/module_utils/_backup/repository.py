# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The directory of a data set's backups: one process at a time, whole or not there, and not the server's to change."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator

from .._core.errors import Damaged, QuorumError
from .._host.capacity import disk_free
from .._host.compression import open_reader, open_writer, unpack_file
from .._host.files import CHUNK, read_chunks, size_and_digest
from .._host.sandbox import KEEPER, drop_to
from .._model.backup_manifest import MANIFEST, Manifest, iso_time, name_time
from . import manifest as manifests
from .snapshot import Tell

RDB = "dump.rdb"
AOF = "appendonlydir"


@contextmanager
def lock_directory(place: Path, user: str) -> Iterator[Path]:
    """Make the directory of the data set, keep others out, and remove what a killed run has left."""
    try:
        for directory in (place.parent, place):
            if not directory.exists():
                directory.mkdir(parents=True)
                directory.chmod(0o750)  # whatever the umask says
                set_owner(directory, user)
        with open(place / ".lock", "w", encoding="ascii", opener=_private) as lock:
            set_owner(place / ".lock", user)
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for left in place.glob(manifests.PARTIAL + "*"):
                shutil.rmtree(left)
            yield place
    except BlockingIOError:
        raise QuorumError(
            f"Another backup or drill of {place.name} runs on this host", str(place), "Run again when it has ended"
        ) from None
    except OSError as problem:
        raise QuorumError(
            f"The backup cannot be written: {problem}",
            str(place),
            "Nothing of it was left behind, earlier ones are kept",
        ) from problem


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)


def free_name(place: Path, began: float, member: str) -> str:
    """Return a name that no backup has yet: that of the second in which it began, or of the next free one."""
    while (place / f"{name_time(began)}-{member}").exists():
        began += 1
    return f"{name_time(began)}-{member}"


@contextmanager
def open_draft(place: Path, name: str, user: str) -> Iterator[Path]:
    """Offer a directory that goes away unless it has been given its name."""
    partial = place / f"{manifests.PARTIAL}{name}"
    partial.mkdir()
    try:
        partial.chmod(0o750)
        set_owner(partial, user)
        yield partial
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def unpack_rdb(directory: Path, manifest: Manifest, partial: Path, user: str) -> None:
    """Put the RDB of a backup into a draft, as it was before it was compressed."""
    with (partial / RDB).open("xb") as file:
        unpack_file(str(directory / manifest.rdb), manifest.compression, manifest.rdb_sha256, file)
        sync_file(file)
    give_to_keeper(partial, user)


def check_room(place: Path, needed: int) -> None:
    """Refuse a directory on a file system with fewer free bytes than needed."""
    free = disk_free(str(place))
    if free < needed + (8 << 20):
        raise QuorumError(
            f"The backup needs {(needed >> 20) + 8} MiB, and {free >> 20} are free", str(place), "Free space there"
        )


def copy_file(source: Any, target: Path) -> str:
    """Copy to the disk and return the check sum; what is copied does not push other files out of memory."""
    digest = hashlib.sha256()
    with target.open("xb") as file:
        for chunk in read_chunks(source):
            digest.update(chunk)
            file.write(chunk)
        sync_file(file)
    return digest.hexdigest()


def sync_file(file: Any) -> None:
    """Bring what was written to a file onto the disk."""
    file.flush()
    os.fsync(file.fileno())
    with contextlib.suppress(OSError):
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def compress_rdb(partial: Path, manifest: Manifest, tell: Tell) -> None:
    """Compress the RDB, read it back, and remove the one that is not compressed."""
    if manifest.compression == "none":
        return
    tell(f"compressing with {manifest.compression}")
    with (partial / manifest.rdb).open("xb") as target:
        with (partial / RDB).open("rb") as source, open_writer(target, manifest.compression) as stream:
            shutil.copyfileobj(source, stream, CHUNK)
        sync_file(target)
    digest = hashlib.sha256()
    with open_reader(str(partial / manifest.rdb), manifest.compression) as stream:
        for chunk in read_chunks(stream):
            digest.update(chunk)
    if digest.hexdigest() != manifest.rdb_sha256:
        raise Damaged("Compressed and unpacked, the RDB has another check sum", str(partial))
    (partial / RDB).unlink()


def finish_draft(partial: Path, final: Path, manifest: Manifest, user: str, start: float) -> None:
    """Write the manifest, bring all to the disk, and give the backup its name."""
    give_to_keeper(partial, user)
    files = sorted(path for path in partial.rglob("*") if path.is_file())
    manifest.files = {str(path.relative_to(partial)): size_and_digest(path) for path in files}
    manifest.ended, manifest.seconds = iso_time(time.time()), round(time.monotonic() - start, 1)
    write_manifest(partial, manifest, user)
    if final.exists():
        raise QuorumError(f"{final} exists already", todo="Nothing was overwritten. Run again")
    partial.rename(final)
    for directory in (final, final.parent):
        number_ = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(number_)
        finally:
            os.close(number_)


def write_manifest(directory: Path, manifest: Manifest, user: str) -> None:
    """Write the manifest of a backup in one piece, readable by the given user."""
    write_text(directory / MANIFEST, manifest.to_json(), user)


def write_text(path: Path, text: str, user: str) -> None:
    """Write a file of a backup in one piece, readable by the given user."""
    draft = path.with_name(f".{path.name}")
    with draft.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.chmod(0o640)
    set_owner(draft, user)
    draft.replace(path)


def give_to_keeper(directory: Path, user: str) -> None:
    """Give all to the keeper of the backups, so that a server that was broken into cannot touch them."""
    for path in [directory, *directory.rglob("*")]:
        path.chmod(0o750 if path.is_dir() else 0o640)
        set_owner(path, user)


def lend_to_group(directory: Path) -> None:
    """Let the group write there for a while: the checker of the AOF opens files for writing, though it only reads."""
    for path in directory.iterdir():
        path.chmod(0o660)


def set_owner(path: Path, user: str) -> None:
    """Give a file to the keeper, on a host without him to root and the group of the service; only root must."""
    account, service = drop_to(KEEPER), drop_to(user)
    if account:
        os.chown(path, account.pw_uid, account.pw_gid, follow_symlinks=False)
    elif service:
        os.chown(path, 0, service.pw_gid, follow_symlinks=False)
