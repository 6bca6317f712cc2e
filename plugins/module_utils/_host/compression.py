# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files as streams, compressed or not: gzip by Python, zstd by its program."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Iterator, cast

from .._core.errors import Damaged, QuorumError
from .commands import APART, Program
from .files import read_chunks
from .sandbox import end_child

_NO_ZSTD = "Install the package zstd, or use the compression gzip"


@contextmanager
def open_reader(path: str, compression: str) -> Iterator[BinaryIO]:
    """Open a file for reading what was in it before it was compressed. Damaged: it cannot be unpacked."""
    if compression == "zstd":
        with _zstd(["-dc", "--", path], path) as process:
            yield cast(BinaryIO, process.stdout)
        return
    try:
        with cast(BinaryIO, gzip.open(path) if compression == "gzip" else Path(path).open("rb")) as file:
            yield file
    except (EOFError, gzip.BadGzipFile, zlib.error) as problem:
        raise Damaged(f"The file cannot be unpacked: {problem}", path, "Use another backup") from problem


def unpack_file(path: str, compression: str, sha256: str, target: BinaryIO) -> None:
    """Write what was in a file before it was compressed. Damaged: it is not what it was."""
    digest = hashlib.sha256()
    with open_reader(path, compression) as source:
        for chunk in read_chunks(source):
            digest.update(chunk)
            target.write(chunk)
    if digest.hexdigest() != sha256:
        raise Damaged("Unpacked, the file has another check sum", path, "Use another backup")


@contextmanager
def open_writer(target: BinaryIO, compression: str) -> Iterator[BinaryIO]:
    """Offer a file whose content goes to the target, compressed; the target is complete when the block ends."""
    if compression == "none":
        yield target
    elif compression == "gzip":
        with gzip.GzipFile(filename="", mode="wb", compresslevel=5, fileobj=target, mtime=0) as file:
            yield cast(BinaryIO, file)
    else:
        with _zstd(["-c"], "", target) as process:
            yield cast(BinaryIO, process.stdin)


@contextmanager
def _zstd(arguments: list[str], where: str, target: BinaryIO | None = None) -> Iterator[Program]:
    """Run zstd with one thread; what it complains about is the error."""
    try:
        process = Program(["zstd", "-q", "-T1", *arguments], bool(target), target, APART)
    except FileNotFoundError:
        raise QuorumError("The program zstd is not on this host", where, _NO_ZSTD) from None
    broken = False
    try:
        yield process
        if process.stdin:
            process.stdin.close()
    except BrokenPipeError:
        broken = True
    except BaseException:
        end_child(process)
        raise
    finally:
        if process.stdout:
            broken = bool(process.stdout.read(1)) or broken
            process.stdout.close()
        complaint = process.stderr.read().decode("utf-8", "replace").strip() if process.stderr else ""
        code = process.wait()
    if code or broken:
        error = QuorumError if target else Damaged
        raise error(f"zstd ended with {code}: {complaint}", where, "Free space" if target else "Use another backup")
