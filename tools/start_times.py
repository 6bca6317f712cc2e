#!/usr/bin/env python3
"""Measure how long the programs take to start that hosts run without Ansible, on this machine as it is and kept busy.

The start guard does all that it does for a server without peers. Of the others it is the time until their code is
there: what comes then, they do once in minutes or hours. Nothing compiled is kept, as on a host where they may write
nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "collections"))

from ansible_collections.quorum.redis.plugins.plugin_utils.program import follow_imports  # noqa: E402

PYTHON = "/usr/bin/python3"
PROGRAMS = {"backup": "_cluster_backup/agent", "facts": "_monitoring/agent", "notifier": "_notify/agent"}
LONE = {
    "name": "main",
    "address": "127.0.0.1",
    "port": 6379,
    "members": [],
    "sentinels": [],
    "policy": "wait",
    "wait": 1,
}
# What the start guard would take of the modules: their client and its errors, and who counts as parked.
SHARED = ("_redis/plain", "_model/observed")


def prepare(place: Path) -> dict[str, list[str]]:
    """Write everything down; return the commands by name."""
    guard = str(ROOT / "roles" / "redis" / "files" / "assemble.py")
    for name in ("etc", "lib/main"):
        (place / name).mkdir(parents=True)
    (place / "etc" / "main.conf").write_text("port 6379\n", encoding="utf-8")
    (place / "etc" / "main.json").write_text(json.dumps(LONE), encoding="utf-8")

    def import_program(*entries: str) -> str:
        for entry in entries:
            for name, source in follow_imports(entry).items():
                path = place / "quorum_redis" / f"{name}.py"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(source, encoding="utf-8")
        names = ", ".join(f"quorum_redis.{entry.replace('/', '.')}" for entry in entries)
        return f"import sys; sys.path.insert(0, {str(place)!r}); import {names}"

    shared = import_program(*SHARED)
    own = f"sys.argv = ['assemble', 'server', 'main']; import runpy; runpy.run_path({guard!r}, run_name='__main__')"
    commands = {
        "Python alone": ["-c", "pass"],
        "start guard": [guard, "server", "main"],
        "start guard, with the client of the modules": ["-c", f"{shared}; {own}"],
    }
    commands.update({name: ["-c", import_program(entry)] for name, entry in PROGRAMS.items()})
    return {name: [PYTHON, "-I", "-B", *arguments] for name, arguments in commands.items()}


@contextlib.contextmanager
def keep_busy(processes: int) -> Iterator[None]:
    """Let so many processes count for nothing."""
    busy = [subprocess.Popen([PYTHON, "-c", "while True: pass"]) for _number in range(processes)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def measure(command: list[str], place: Path, starts: int) -> tuple[list[float], float]:
    """Return the milliseconds of each start, and those of a processor that one takes."""
    environment = {**os.environ, "QUORUM_REDIS_ETC": str(place / "etc"), "QUORUM_REDIS_LIB": str(place / "lib")}
    took, before = [], os.times()
    for _start in range(starts):
        begin = time.perf_counter()
        subprocess.run(command, env=environment, check=True, capture_output=True)
        took.append((time.perf_counter() - begin) * 1000)
    after = os.times()
    worked = after.children_user + after.children_system - before.children_user - before.children_system
    return took, worked / starts * 1000


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--starts", type=int, default=50)
    cpus = os.cpu_count() or 1
    parser.add_argument("--busy", type=int, default=2 * cpus, help="processes that keep the machine busy; 0: none")
    options = parser.parse_args()
    starts, busy = options.starts, options.busy
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        commands = prepare(place)
        rows = {name: f"| {name} |" for name in commands}
        for processes in (0, busy) if busy else (0,):
            with keep_busy(processes):
                for name, command in commands.items():
                    took, worked = measure(command, place, starts)
                    rows[name] += f" {worked:.0f} |" if not processes else ""
                    p95 = statistics.quantiles(took, n=20, method="inclusive")[-1]
                    rows[name] += f" {statistics.median(took):.0f} | {p95:.0f} |"
    print(f"{starts} starts each, {cpus} processors, load {os.getloadavg()[0]:.1f} at the end; milliseconds\n")
    print("| Program | of a processor | p50 | p95 |" + (f" p50 beside {busy} busy ones | p95 |" if busy else ""))
    print("|---|---|---|---|" + ("---|---|" if busy else ""))
    print("\n".join(rows.values()))


if __name__ == "__main__":
    main()
