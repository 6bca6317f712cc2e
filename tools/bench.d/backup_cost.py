#!/usr/bin/env python3
# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a backup costs: how long it takes, and what it adds to the latency of the primary.

A primary and a replica on loopback with --mebibytes of data; one client writes to the primary at a fixed rate, and
its latency is taken at rest, while the replica is backed up, and while the primary is.

PYTHONPATH=collections tools/bench.d/backup_cost.py --engine /usr/bin/redis-server --mebibytes 1024
"""

from __future__ import annotations

import argparse
import getpass
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis
from ansible_collections.quorum.redis.plugins.module_utils._backup.create import make_backup
from ansible_collections.quorum.redis.plugins.module_utils._backup.job import Job
from ansible_collections.quorum.redis.plugins.module_utils._model.backup_manifest import Manifest
from ansible_collections.quorum.redis.plugins.module_utils._redis.endpoint import Endpoint

VALUE = 1024
RATE = 500


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def server(engine: str, directory: Path, *lines: str) -> Iterator[redis.Redis]:
    """Run a server, and end it."""
    directory.mkdir()
    port = free_port()
    common = [f"port {port}", "bind 127.0.0.1", f"dir {directory}", 'save ""', "repl-diskless-sync-delay 0"]
    command = [engine, "-"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, cwd=directory)
    try:
        if process.stdin:
            process.stdin.write("\n".join([*common, *lines, ""]).encode())
            process.stdin.close()
        client = redis.Redis(port=port, protocol=2, decode_responses=True)
        while True:
            try:
                client.ping()
                break
            except redis.ConnectionError:
                time.sleep(0.1)
        yield client
    finally:
        process.kill()
        process.wait()


class Writer(threading.Thread):
    """Writes at a fixed rate and takes the time of each write, counted from when it was due."""

    def __init__(self, port: int) -> None:
        """Prepare."""
        super().__init__(daemon=True)
        self.client = redis.Redis(port=port, protocol=2)
        self.over = threading.Event()
        self.times: list[float] = []

    def run(self) -> None:
        """Write until told to stop."""
        due = time.perf_counter()
        while not self.over.is_set():
            due += 1 / RATE
            time.sleep(max(0.0, due - time.perf_counter()))
            self.client.set("written", "x" * 100)
            self.times.append((time.perf_counter() - due) * 1000)

    def stop(self) -> str:
        """Return the columns of a table."""
        self.over.set()
        self.join()
        found = sorted(self.times)
        p99 = found[len(found) * 99 // 100]
        return f"{statistics.median(found):.2f} ms | {p99:.1f} ms | {found[-1]:.0f} ms"


def port_of(client: redis.Redis) -> int:
    """Return where a client goes."""
    return int(client.connection_pool.connection_kwargs["port"])


def fill(client: redis.Redis, mebibytes: int) -> None:
    """Write incompressible values of a KiB."""
    line = client.pipeline(transaction=False)
    for number in range(mebibytes * 1024):
        line.set(f"key:{number:012}", os.urandom(VALUE))
        if number % 1000 == 999:
            line.execute()
    line.execute()


def main() -> int:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", default="redis-server")
    parser.add_argument("--mebibytes", type=int, default=1024)
    parser.add_argument("--compression", default="none")
    options = parser.parse_args()
    options.engine = str(Path(shutil.which(options.engine) or options.engine).absolute())
    with tempfile.TemporaryDirectory(prefix="quorum-backup-cost-") as name:
        root = Path(name)
        with server(options.engine, root / "primary") as primary:
            fill(primary, options.mebibytes)
            follow = f"replicaof 127.0.0.1 {port_of(primary)}"
            with server(options.engine, root / "replica", follow) as replica:
                while replica.info()["master_link_status"] != "up":
                    time.sleep(0.5)
                measure(options, root, primary, replica)
    return 0


def measure(options: argparse.Namespace, root: Path, primary: redis.Redis, replica: redis.Redis) -> None:
    """Take the latency of the primary at rest and during each backup."""
    info = primary.info()
    print(f"{info.get('server_name', 'redis')} {info.get('valkey_version', info['redis_version'])}, ", end="")
    print(f"{info['used_memory'] >> 20} MiB in memory, {os.cpu_count()} processors, {RATE} writes/s\n")
    print("| | takes | median | 99 % | longest |\n|---|---|---|---|---|")
    writer = Writer(port_of(primary))
    writer.start()
    time.sleep(20)
    print(f"| at rest | | {writer.stop()} |", flush=True)
    for what, client in (("the replica", replica), ("the primary", primary)):
        for load in (True, False):
            job = Job("cost", what.split()[-1], Endpoint(port=port_of(client)), directory=str(root / "backups"))
            job.binary, job.user, job.load = "", getpass.getuser(), load
            job.compression = options.compression
            writer = Writer(port_of(primary))
            writer.start()
            made: Manifest = make_backup(job, lambda _what: None)
            proof = "" if load else ", no trial load"
            print(f"| {what} backed up{proof} | {made.seconds:.1f} s | {writer.stop()} |", flush=True)


if __name__ == "__main__":
    sys.exit(main())
