# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules that the fork server runs are like those that Python starts: the tests of modules rest on it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from patience import LONG

from .conftest import wait_until
from .fork_server import ForkServer

FOLDER = Path(__file__).parents[2] / "plugins" / "modules"
MODULES = sorted(path.stem for path in FOLDER.glob("*.py") if "def main" in path.read_text())  # not those of actions
# What a process can see of itself.
SELF = """
import json, os, resource, signal, sys
print(json.dumps({
    "argv": sys.argv, "path": sys.path[1:], "name": __name__, "environment": dict(os.environ), "cwd": os.getcwd(),
    "stdin": sys.stdin.read(), "files": len(os.listdir("/proc/self/fd")), "ids": [os.getpgrp(), os.getsid(0)],
    "signals": {number: str(signal.getsignal(number)).split(" at ")[0] for number in signal.valid_signals()},
    "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
    "limits": resource.getrlimit(resource.RLIMIT_NOFILE),
    "streams": [[one.encoding, one.errors, one.line_buffering] for one in (sys.stdin, sys.stdout, sys.stderr)],
}))
"""
OTHERS = {
    "leaving": """
import os
from ansible.module_utils import basic
print(hasattr(basic, "left"), os.environ.get("LEFT"), os.getcwd())
basic.left, os.environ["LEFT"] = 1, "yes"
os.chdir("/")
""",
    "meeting": """
import pathlib, sys, time
mine, other = map(pathlib.Path, sys.argv[1:])
mine.touch()
while not other.exists():
    time.sleep(0.01)
print("met")
""",
    "hanging": """
import os, pathlib, sys, time
pathlib.Path(sys.argv[1]).write_text(str(os.getpid()))
time.sleep(999)
""",
}
ENDS = {
    "well": "import atexit, threading, time\n"
    "atexit.register(print, 'at exit')\n"
    "threading.Thread(target=lambda: time.sleep(0.1) or print('thread')).start()",
    "pool": "from concurrent import futures\npool = futures.ThreadPoolExecutor()\npool.submit(print, 'pool')",
    "code": "import sys\nsys.exit(3)",
    "words": "import sys\nsys.exit('words')",
    "instantly": "import os\nprint('lost')\nos._exit(4)",
    "killed": "import os\nos.kill(os.getpid(), 9)",
    "interrupted": "import os\nos.kill(os.getpid(), 2)",
    "exception": "1 / 0",
    "warning": "import warnings\nwarnings.warn('of this', UserWarning)",
    "child": "import os, time\nif os.fork() == 0:\n    time.sleep(0.2)\nprint('both')",
}


def started(server: ForkServer, program: str, *arguments: str, how: str = "-m") -> subprocess.CompletedProcess[str]:
    """Let Python start a program."""
    return subprocess.run(
        [sys.executable, how, program, *arguments],
        env={**os.environ, "PYTHONPATH": server.paths},
        capture_output=True,
        text=True,
        timeout=LONG,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def lines_of(text: str) -> list[str]:
    """Return lines without those that name a place in a program."""
    return [line for line in text.splitlines() if not line.startswith("  ")]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, collections_path: Path) -> Iterator[ForkServer]:
    """Return a server that finds programs in a directory too."""
    directory = tmp_path_factory.mktemp("programs")
    for name, text in {"itself": SELF, **ENDS, **OTHERS}.items():
        (directory / f"{name}_program.py").write_text(text)
    found = ForkServer(os.pathsep.join([str(collections_path), str(directory)]))
    yield found
    found.close()


def test_a_process_is_as_if_python_had_started_it(server: ForkServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUORUM_SET_LATER", "yes")
    monkeypatch.chdir("/")
    plain = started(server, "itself_program", "one", "two words")
    found = server.run("itself_program", "one", "two words", timeout=LONG)
    assert json.loads(found.stdout) == json.loads(plain.stdout)
    assert (found.returncode, found.stderr) == (plain.returncode, plain.stderr) == (0, "")


@pytest.mark.parametrize("name", ENDS)
@pytest.mark.parametrize("how", ["-m", "-c"])
def test_it_ends_as_if_python_had_started_it(server: ForkServer, name: str, how: str) -> None:
    program = f"{name}_program" if how == "-m" else ENDS[name]
    plain, found = started(server, program, how=how), server.run(program, how=how, timeout=LONG)
    assert (found.returncode, found.stdout) == (plain.returncode, plain.stdout)
    assert lines_of(found.stderr) == lines_of(plain.stderr)


@pytest.mark.parametrize("name", MODULES)
def test_each_module_starts_in_the_plain_way_too(server: ForkServer, tmp_path: Path, name: str) -> None:
    request = tmp_path / "request.json"
    request.write_text(json.dumps({"ANSIBLE_MODULE_ARGS": {"unknown": 1, "_ansible_remote_tmp": str(tmp_path)}}))
    module = f"ansible_collections.quorum.redis.plugins.modules.{name}"
    plain, found = started(server, module, str(request)), server.run(module, str(request), timeout=LONG)
    assert (found.returncode, found.stdout, found.stderr) == (plain.returncode, plain.stdout, plain.stderr)
    assert json.loads(found.stdout)["failed"]


def test_nothing_is_left_for_the_next(server: ForkServer) -> None:
    first, second = (server.run("leaving_program", timeout=LONG) for _turn in range(2))
    assert first.stdout == second.stdout == f"False None {Path.cwd()}\n", first.stderr + second.stderr


def test_several_run_at_once(server: ForkServer, tmp_path: Path) -> None:
    places = [str(tmp_path / name) for name in ("one", "two")]
    with ThreadPoolExecutor(2) as pool:
        met = pool.map(lambda two: server.run("meeting_program", *two, timeout=LONG), (places, places[::-1]))
    assert [one.stdout for one in met] == ["met\n", "met\n"]


def test_it_is_killed_where_it_takes_too_long(server: ForkServer, tmp_path: Path) -> None:
    path = tmp_path / "pid"
    for seconds in (1, 10, 100):
        with pytest.raises(subprocess.TimeoutExpired):
            server.run("hanging_program", str(path), timeout=seconds)
        if path.exists():
            break
    wait_until("its end", lambda: not Path("/proc", path.read_text()).exists())
