# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proof of an RDB: the engine's own checker, then a throw-away server that loads it and counts.

The server has a Unix socket in a directory of its own and no port, writes nothing, goes after everything else in
the queue for the processor, is the first that the kernel ends when memory is short, and dies with its parent.
It is parked as a replica of nobody: only so it keeps the keys that have expired since, and can be compared.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
import tempfile
import time
from pathlib import Path
from typing import Callable, Dict, Mapping, Sequence

from .._core.errors import Damaged, QuorumError
from .._host.commands import Program, run_program
from .._host.sandbox import (
    ENVIRONMENT,
    KEEPER,
    end_child,
    feed_child,
    memory_directory,
    prepare_child,
    private_directory,
    start_child,
)
from .._redis.client import Client
from .._redis.endpoint import Endpoint
from .._redis.engine_modules import LACKING
from .._redis.replies import keys_by_database, parse_info

_PROGRESS = re.compile(r"^\[(info|additional info)\]|\] (Checking RDB file|AUX FIELD|Selecting DB ID|Checksum|\\o/)")
Counts = Dict[str, Dict[str, int]]


class Lacking(QuorumError):
    """The throw-away server has not the module whose data the file holds; nothing is said about the file."""


def list_count_differences(declared: Mapping[str, Mapping[str, int]], seen: Mapping[str, Mapping[str, int]]) -> str:
    """Return what was counted otherwise, empty when all agrees; pure."""
    differences = []
    for name in sorted({*declared, *seen}, key=int):
        left, right = declared.get(name, {}).get("key_count", 0), seen.get(name, {}).get("key_count", 0)
        if left != right:
            differences.append(f"database {name} has {right} keys instead of {left}")
    return ", ".join(differences)


def drop_privileges(user: str, reads: str = "") -> Callable[[], None]:
    """Return what the child does first: few rights, a low priority, and the first place when memory is short."""
    prepare = prepare_child(user, 0, reads)

    def prepared() -> None:
        with contextlib.suppress(PermissionError):  # the unit of the timer has that priority already
            os.nice(10)
        with open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:  # noqa: PTH123
            file.write("1000")
        prepare()

    return prepared


def check_file(binary: str, kind: str, path: Path, user: str, wait: float) -> None:
    """Let the engine's checker read a file: kind is rdb or aof. It is the server under another name."""
    name = "valkey" if "valkey" in os.path.realpath(binary) else "redis"
    try:
        code, text = run_program(
            [f"{name}-check-{kind}", str(path)],
            seconds=wait,
            executable=binary,
            env=ENVIRONMENT,
            cwd="/",
            preexec_fn=drop_privileges(user, KEEPER),
        )
    except OSError as problem:
        raise QuorumError(f"{name}-check-{kind} cannot be run: {problem}", str(path)) from problem
    output = text.splitlines()
    if code or (kind == "rdb" and not any("RDB looks OK" in row for row in output)):
        why = checker_reason(output, code, _mode(path))
        raise Damaged(f"{name}-check-{kind} refuses {path.name}: {why}", str(path.parent))


def checker_reason(output: Sequence[str], code: int, mode: str) -> str:
    """Return the reason of a checker; what it says of its progress is none. Pure.

    It says nothing more than which file it checks where it cannot open that, and nothing at all when it was killed.
    """
    rows = [row.strip() for row in output if row.strip() and not _PROGRESS.search(row)]
    marked = [at for at, row in enumerate(rows) if "ERROR DETECTED" in row]
    reasons = rows[marked[-1] + 1 :] if marked else rows
    if reasons:
        return " ".join(reasons[:1] if marked else reasons[-2:])
    last = [row for row in output if row.strip()]
    if code < 0:
        return f"it was ended by signal {-code}, which says nothing about the file; free memory and try again"
    if len(last) < 2:
        return f"it cannot open the file ({mode}) and ended with code {code}"
    return f"it ended with code {code} and gave no reason, after: {last[-1]}"


def _mode(path: Path) -> str:
    try:
        status = path.stat()
    except OSError as problem:
        return str(problem.strerror)
    return f"{status.st_size} bytes, mode {status.st_mode & 0o7777:04o}, user {status.st_uid}, group {status.st_gid}"


def loader_configuration(
    scratch: str, directory: str, name: str, databases_: int = 16, more: Sequence[str] = ()
) -> str:
    """Return the configuration of the throw-away server, with more lines of it; pure."""
    place = directory.replace("\\", "\\\\").replace('"', '\\"')
    return "\n".join(
        [
            "port 0",
            f"unixsocket {scratch}/s",
            "unixsocketperm 700",
            f'dir "{place}"',
            f"dbfilename {name}",
            f"databases {databases_}",
            'save ""',
            "appendonly no",
            "daemonize no",
            'logfile ""',
            "replicaof 127.0.0.1 0",
            *more,
            "",
        ]
    )


def load_rdb(
    binary: str, directory: Path, name: str, user: str, wait: float, last: int = 0, modules: Sequence[str] = ()
) -> Counts:
    """Load an RDB and return the counts of each database, `last` the highest; `modules` are lines that load some.

    Damaged: the engine does not load it. Lacking: a module is missing.
    """
    with private_directory(user) as scratch, tempfile.TemporaryFile(dir=memory_directory()) as log:
        text = loader_configuration(scratch, str(directory), name, max(16, last + 1), modules)
        process = start_child([binary, "-"], scratch, log, drop_privileges(user, KEEPER))
        try:
            feed_child(process, text)
            counts = _counts(process, f"{scratch}/s", wait)
        finally:
            end_child(process)
        if counts is None:
            log.seek(0)
            rows = [row for row in log.read().decode("utf-8", "replace").splitlines() if row.strip()]
            lacking = [row for row in rows if any(sign in row for sign in LACKING)]
            words = re.sub(r"\d+:\w [^*#]*[*#] ", "", " ".join(lacking[:1] or rows[-2:]))
            if lacking:
                raise Lacking(words.split("-> ")[-1], str(directory))
            raise Damaged(f"The throw-away server does not load {name}: {words}", str(directory))
        return counts


def _counts(process: Program, path: str, wait: float) -> Counts | None:
    """Return the counts once all is loaded, None when the process has ended."""
    end = time.monotonic() + wait
    while process.poll() is None:
        if time.monotonic() > end:
            raise QuorumError(f"The throw-away server has not loaded the file within {wait:g} s", todo="Wait longer")
        with socket.socket(socket.AF_UNIX) as probe:
            ready = probe.connect_ex(path) == 0
        if ready:
            try:
                with Client(Endpoint(socket=path, timeout=30.0)) as client:
                    info = parse_info(client.call("INFO"))
            except QuorumError:
                info = {}  # it ends, or is about to
            if info.get("loading") == "0":
                return keys_by_database(info)
        time.sleep(0.05)
    return None
