# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a scratch process lives: a directory of its own, few rights, and an end that nothing can prevent."""

from __future__ import annotations

import ctypes
import os
import pwd
import resource
import shutil
import signal
import tempfile
from contextlib import contextmanager, suppress
from typing import IO, Callable, Iterator, Sequence

from .._core.errors import QuorumError
from .commands import Program

_PR_SET_PDEATHSIG = 1
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
KEEPER = "redis-backup"  # the user of the timer's unit, whose the backups are


def prepare_child(user: str, files: int, reads: str = "") -> Callable[[], None]:
    """Return what the child does before it becomes the program: limits, rights, and dying with its parent.

    `reads`: an account whose group it has first, so that it reads what no other process of the user can.
    """
    libc = ctypes.CDLL(None)
    account, other = drop_to(user), drop_to(reads)

    def prepare() -> None:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        for ceiling in (max(hard, files), hard):
            try:
                resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(files, ceiling)), ceiling))
                break
            except (ValueError, OSError):
                continue
        os.umask(0o077)
        if account:
            os.initgroups(account.pw_name, account.pw_gid)
            os.setgid(other.pw_gid if other else account.pw_gid)
            os.setuid(account.pw_uid)
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)

    return prepare


def drop_to(user: str) -> pwd.struct_passwd | None:
    """Return the account to drop to: only root can, and only to one that exists."""
    return find_account(user) if os.geteuid() == 0 else None


def find_account(user: str) -> pwd.struct_passwd | None:
    """Return the account, None when there is no such user."""
    try:
        return pwd.getpwnam(user)
    except KeyError:
        return None


def memory_directory() -> str | None:
    """Return a place that no full disk can close and no secret outlives; None for the default one."""
    place = os.environ.get("RUNTIME_DIRECTORY", "/run")  # a unit has a directory of its own there, and no other
    return place if os.access(place, os.W_OK) else None


@contextmanager
def private_directory(user: str) -> Iterator[str]:
    """Make an empty directory of the service user, in memory where possible; it is removed whatever happens."""
    try:
        directory = tempfile.mkdtemp(prefix="quorum-redis-", dir=memory_directory())
    except OSError as problem:
        raise QuorumError(f"no scratch directory can be made: {problem}", todo="Nothing was changed") from problem
    try:
        account = drop_to(user)
        if account:
            os.chown(directory, account.pw_uid, account.pw_gid)
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def write_private(path: str, text: str, user: str) -> None:
    """Write a file that only the service user can read."""
    number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(number, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(text)
        account = drop_to(user)
        if account:
            os.fchown(file.fileno(), account.pw_uid, account.pw_gid)


def start_child(command: Sequence[str], directory: str, log: IO[bytes] | int, prepare: Callable[[], None]) -> Program:
    """Start a scratch process, which is to be fed and ended; it knows nothing of the environment of its parent."""
    return Program(
        command, fed=True, output=log, cwd=directory, env=ENVIRONMENT, preexec_fn=prepare, start_new_session=True
    )


def feed_child(process: Program, text: str) -> None:
    """Hand its configuration over; one that ends early is judged by its last words, not here."""
    if process.stdin:
        with suppress(BrokenPipeError):
            process.stdin.write(text.encode("utf-8", "surrogateescape"))
            process.stdin.close()


def end_child(process: Program) -> None:
    """Kill a child and wait for its end, also when the exception of `deaf_to_signals` came out of `Popen` itself.

    That may have left a lock of it held, for which its own `wait` would wait for ever.
    """
    if process.returncode is not None:
        return
    with suppress(ProcessLookupError):
        os.kill(process.pid, signal.SIGKILL)
    with suppress(ChildProcessError):
        os.waitpid(process.pid, 0)
    process.returncode = -signal.SIGKILL


@contextmanager
def deaf_to_signals() -> Iterator[None]:
    """Turn a request to end into an exception, so that nothing is left behind."""

    def stop(number: int, _frame: object) -> None:
        raise SystemExit(128 + number)

    kept = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
