# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs modules in processes of their own that need not import Ansible, redis-py and module_utils anew.

As a program it is the server: it has imported them and nothing else, and forks for each request at the socket that is
its standard input. The child becomes what `python -m MODULE ARGUMENT` or `python -c CODE ARGUMENT` is. Only what Python
takes from the environment when it starts (the seed of hashes, the encoding) is that of the server.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import gc
import io
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

PRELOADED = ("ansible.module_utils.basic", "redis", "redis.sentinel")
UTILS = "ansible_collections.quorum.redis.plugins.module_utils"
MESSAGE = 1 << 20


class Wish(NamedTuple):
    """A process to be made; its outputs come as open files with it."""

    how: str
    program: str
    arguments: list[str]
    directory: str
    environment: dict[str, str]


class ForkServer:
    """The side that asks."""

    def __init__(self, paths: str) -> None:
        """Start the server with a PYTHONPATH; it answers when it has imported everything."""
        self.paths = paths
        self.line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            # In the session and group of the tests, and so are its children: what ends these ends them.
            self.process = subprocess.Popen(
                [sys.executable, __file__],
                env={**os.environ, "PYTHONPATH": paths},
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
            )
        atexit.register(self.close)

    def run(self, program: str, *arguments: str, how: str = "-m", timeout: float) -> subprocess.CompletedProcess[str]:
        """Do what subprocess.run() does with `python -m` or `-c`: wait for the end of the process and its outputs."""
        command = [how, program, *arguments]
        wish = Wish(how, program, [*arguments], str(Path.cwd()), {**os.environ, "PYTHONPATH": self.paths})
        pipes = [os.pipe() for _output in ("stdout", "stderr", "status")]
        said = {read: b"" for read, _write in pipes}
        status = pipes[2][0]
        try:
            try:
                socket.send_fds(self.line, [json.dumps(wish).encode()], [write for _read, write in pipes])
            finally:
                for _read, write in pipes:
                    os.close(write)
            open_ones, over = set(said), time.monotonic() + timeout
            while open_ones:
                ready = select.select(open_ones, [], [], max(0.0, over - time.monotonic()))[0]
                if not ready:
                    with contextlib.suppress(ProcessLookupError, IndexError):
                        os.kill(int(said[status].split()[0]), signal.SIGKILL)
                    raise subprocess.TimeoutExpired(command, timeout)
                for read in ready:
                    part = os.read(read, MESSAGE)
                    said[read] += part
                    if not part:
                        open_ones.remove(read)
        finally:
            for read in said:
                os.close(read)
        stdout, stderr, end = (text.decode() for text in said.values())
        if len(end.split()) != 2:
            raise RuntimeError(f"the fork server has ended before {program} did")
        return subprocess.CompletedProcess(command, int(end.split()[1]), stdout, stderr)

    def close(self) -> None:
        """Let it end."""
        self.line.close()
        self.process.wait()


@functools.cache
def fork_server(paths: str) -> ForkServer:
    """Return the one server of these tests for a PYTHONPATH."""
    return ForkServer(paths)


def utils() -> list[str]:
    """Return the names of all module_utils: their packages are only folders, which pkgutil does not walk."""
    folders = [Path(folder) for folder in import_module(UTILS).__path__]
    paths = [path.relative_to(folder) for folder in folders for path in folder.glob("**/*.py")]
    return sorted(".".join((UTILS, *path.with_suffix("").parts)) for path in paths)


def preload() -> str:
    """Import what takes long; return what the imports said, which each module would have said itself."""
    with contextlib.redirect_stderr(io.StringIO()) as said:
        for name in (*PRELOADED, *utils()):
            import_module(name)
    gc.collect()
    gc.freeze()  # or the first collection of each child would copy every page
    return said.getvalue()


def next_child(line: socket.socket) -> tuple[Wish, list[int]] | None:
    """Fork at each request; return it and its outputs in the child, None in the server when nobody asks any more."""
    children: dict[int, tuple[int, int]] = {}
    while True:
        ready = select.select([line.fileno(), *children], [], [])[0]
        for one in children.keys() & {*ready}:
            pid, status = children.pop(one)
            with contextlib.suppress(BrokenPipeError):
                os.write(status, f" {os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])}".encode())
            os.close(status)
            os.close(one)
        if line.fileno() in ready:
            text, outputs, _flags, _address = socket.recv_fds(line, MESSAGE, 3)
            if not text:
                return None
            pid = os.fork()
            if pid == 0:
                for one, (_pid, status) in children.items():
                    os.close(one)
                    os.close(status)
                os.close(outputs.pop())
                return Wish(*json.loads(text)), outputs
            for output in outputs[:2]:
                os.close(output)
            with contextlib.suppress(BrokenPipeError):
                os.write(outputs[2], str(pid).encode())
            children[os.pidfd_open(pid)] = (pid, outputs[2])


def leave(code: int) -> NoReturn:
    """End as Python does, but for taking all that was imported to pieces: that would take longer than most modules."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code & 0xFF)


def main() -> None:
    """Serve; in a child, be the module."""
    interrupted: Any = signal.signal(signal.SIGINT, signal.SIG_IGN)  # it ends when those that ask it have ended
    with socket.socket(fileno=os.dup(0)) as line:
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.close(null)
        warned = preload()
        child = next_child(line)
    if child is None:
        return
    wish, outputs = child
    signal.signal(signal.SIGINT, interrupted)
    for number, output in enumerate(outputs, 1):
        os.dup2(output, number)
        os.close(output)
    os.chdir(wish.directory)
    os.environ.clear()
    os.environ.update(wish.environment)
    time.tzset()
    sys.path[0] = wish.directory
    sys.argv[1:] = wish.arguments
    sys.stderr.write(warned)
    try:
        if wish.how == "-m":
            runpy.run_module(wish.program, run_name="__main__", alter_sys=True)
        else:
            sys.argv[0] = "-c"
            exec(wish.program, {"__name__": "__main__"})  # noqa: S102
        code: Any = 0
    except SystemExit as end:
        code = end.code or 0
        if not isinstance(code, int):
            raise
    leave(code)


if __name__ == "__main__":
    main()
