# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real servers and Sentinels on loopback, and modules run as Ansible runs them."""

from __future__ import annotations

import functools
import itertools
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

import pytest
import redis
from authority import Pair
from connection import fold_connection
from ledger.cluster_writer import ClusterWriter
from patience import LONG
from start_guard import assemble

from .fork_server import fork_server

# Tests that run side by side keep to ports of their own: a Sentinel takes over whatever listens where a replica was.
WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
PORTS = range(10000 + 1500 * WORKER, 11500 + 1500 * WORKER)
# A server in cluster mode takes this one more for its bus. For six workers neither is one that Linux gives to a
# connection (32768 and more), nor the other of another worker.
BUS = 10000
PASSWORD = "s3cret-of-the-test"
# Modules that speak to servers wait so many seconds for an answer: on a busy machine their two are not enough.
SPEAKERS = {
    *("acl", "backup", "cluster", "cluster_repair", "config", "failover", "instance_info", "replication", "restart"),
    *("restore", "sentinel"),
}
ANSWERED = 10
# Modules that write down how a program of theirs connects.
PROGRAMS = {"endpoint", "notify"}


def wait_until(what: str, ready: Callable[[], Any], seconds: float = LONG) -> Any:
    """Poll until ready() is true and return its value; fail with the name of what never came."""
    deadline = time.monotonic() + seconds
    last: Any = None
    while time.monotonic() < deadline:
        try:
            last = ready()
        except (redis.exceptions.RedisError, OSError, KeyError) as problem:  # KeyError: what INFO does not list yet
            last = problem
        if last and not isinstance(last, Exception):
            return last
        time.sleep(0.05)
    pytest.fail(f"not within {seconds:g} s: {what} (last: {last!r})")


@functools.cache
def _in_turn() -> Iterator[int]:
    """Return every port of the range in a random order, again and again: none is given out twice to one test."""
    return itertools.cycle(random.sample(PORTS, len(PORTS)))


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def free_port() -> int:
    """Return a port of the range that nobody listens on, nor on that of its cluster bus."""
    for port in itertools.islice(_in_turn(), len(PORTS)):
        if _is_free(port) and _is_free(port + BUS):
            return port
    pytest.fail(f"no free port between {PORTS.start} and {PORTS.stop}")


@dataclass
class Engine:
    """An installed server program."""

    name: str
    binary: str


def engines() -> List[Engine]:
    """Return the engines to test: those on PATH, or QUORUM_TEST_ENGINES=name=/path,name=/path."""
    named = os.environ.get("QUORUM_TEST_ENGINES", "")
    if named:
        return [Engine(*item.split("=", 1)) for item in named.split(",")]
    found = [Engine(name, path) for name in ("redis-server", "valkey-server") for path in [shutil.which(name)] if path]
    return found or [Engine("redis-server", "")]


@dataclass
class Server:
    """One process, server or Sentinel, with its own directory; started and ended by the test."""

    engine: Engine
    directory: Path
    port: int
    sentinel: bool = False
    password: str = ""
    address: str = "127.0.0.1"
    ca: Optional[Path] = None  # of its certificate, when its port speaks TLS
    own: Optional[Pair] = None
    process: Optional[subprocess.Popen[bytes]] = None

    @property
    def config(self) -> Path:
        """Return the file that the process reads and rewrites."""
        return self.directory / "redis.conf"

    @property
    def log(self) -> str:
        """Return what the process said."""
        path = self.directory / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def client(self) -> redis.Redis:
        """Return a plain client of redis-py, independent of the code under test."""
        return redis.Redis(
            host=self.address,
            port=self.port,
            password=self.password or None,
            decode_responses=True,
            socket_timeout=30,
            protocol=2,
            driver_info=None,  # or it would read which version it is, anew for each client
            ssl=self.ca is not None,
            ssl_ca_certs=self.ca and str(self.ca),
            ssl_certfile=self.own and str(self.own.cert),
            ssl_keyfile=self.own and str(self.own.key),
        )

    def call(self, *args: Any) -> Any:
        """Send one command."""
        return self.calls(args)[0]

    def calls(self, *commands: Tuple[Any, ...]) -> List[Any]:
        """Send several commands over one connection."""
        with self.client() as client:
            client.response_callbacks.clear()
            return [client.execute_command(*command) for command in commands]

    def info(self) -> Dict[str, str]:
        """Return INFO as names and values."""
        lines = self.call("INFO").splitlines()
        return dict(line.split(":", 1) for line in lines if ":" in line)

    def follows(self) -> Tuple[str, str]:
        """Return role and what is followed: ('master', '') or ('slave', '127.0.0.1:port')."""
        info = self.info()
        return info["role"], f"{info['master_host']}:{info['master_port']}" if info["role"] == "slave" else ""

    def start(self) -> Server:
        """Start the process and wait until it answers; a member of a cluster as behind the start guard."""
        assemble.repair_nodes(self.directory / "nodes.conf")
        args = [self.engine.binary, str(self.config)] + (["--sentinel"] if self.sentinel else [])
        with (self.directory / "log").open("ab") as log:
            self.process = subprocess.Popen(args, cwd=self.directory, stdout=log, stderr=log)

        def answers() -> bool:
            if self.process is None or self.process.poll() is not None:
                pytest.fail(f"{self.engine.name} ended at its start:\n{self.log}")
            return bool(self.call("PING"))

        wait_until(f"{self.engine.name} answers on port {self.port}", answers)
        return self

    def stop(self, kill: bool = False) -> None:
        """End this process, and only this one."""
        if self.process is not None and self.process.poll() is None:
            until = time.monotonic() + LONG
            while self.process.poll() is None:
                last = kill or time.monotonic() > until
                self.process.kill() if last else self.process.terminate()
                # One that writes its first AOF, or has no processor for a while, is told again: it forgets it.
                with suppress(subprocess.TimeoutExpired):
                    self.process.wait(LONG if last else 5)
        self.process = None

    def hold_child(self) -> None:
        """Stop the process that saves or rewrites until somebody waits for it."""
        assert self.process
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        child = int(wait_until("a child", lambda: children.read_text().split())[0])
        os.kill(child, signal.SIGSTOP)
        self.when_asked(lambda: os.kill(child, signal.SIGCONT))

    def when_asked(self, then: Callable[[], Any]) -> None:
        """Do something once others have asked so often for INFO that they wait for something."""

        def asked() -> int:
            found = re.search("cmdstat_info:calls=([0-9]+)", self.call("INFO", "commandstats"))
            return int(found[1]) if found else 0

        def go_on() -> None:
            first = asked()
            own = itertools.count(1)
            try:
                wait_until("others ask", lambda: asked() - first - next(own) > 20)
            finally:
                then()

        threading.Thread(target=go_on, daemon=True).start()

    def signal(self, number: int) -> None:
        """Send a signal to this process, where it still runs."""
        if self.process is not None:
            self.process.send_signal(number)

    def endpoint(self) -> Dict[str, Any]:
        """Return the connection options for a module."""
        return {"host": self.address, "port": self.port, "password": self.password or None, **self.tls()}

    def shown(self) -> Dict[str, str]:
        """Return the certificate with which redis-py proves who it is."""
        return {"ssl_certfile": str(self.own.cert), "ssl_keyfile": str(self.own.key)} if self.own else {}

    def tls(self) -> Dict[str, Any]:
        """Return the connection options for TLS."""
        files = {
            "tls_ca_file": self.ca,
            **({"tls_cert_file": self.own.cert, "tls_key_file": self.own.key} if self.own else {}),
        }
        return {"tls": True, **{key: str(path) for key, path in files.items()}} if self.ca else {}


@dataclass
class Answer:
    """What a module said."""

    data: Dict[str, Any]
    text: str

    @property
    def failed(self) -> bool:
        """Return whether the module failed."""
        return bool(self.data.get("failed"))

    @property
    def changed(self) -> bool:
        """Return whether the module says that it changed something."""
        return bool(self.data.get("changed"))

    def __getitem__(self, key: str) -> Any:
        """Return a returned value."""
        return self.data[key]

    @property
    def msg(self) -> str:
        """Return the error message."""
        return str(self.data.get("msg", ""))


@dataclass
class Lab:
    """Starts processes, runs modules, and ends what it started."""

    root: Path
    collections: Path
    engine: Engine
    servers: List[Server] = field(default_factory=list)

    def _new(self, name: str, lines: List[str], **kwargs: Any) -> Server:
        directory = self.root / name
        directory.mkdir()
        server = Server(self.engine, directory, free_port(), **kwargs)
        common = [f"port {server.port}", "bind 127.0.0.1", f"dir {directory}", "daemonize no"]
        if server.ca and server.own:
            common[0] = f"port 0\ntls-port {server.port}\ntls-replication yes\ntls-ca-cert-file {server.ca}"
            common += [f"tls-cert-file {server.own.cert}", f"tls-key-file {server.own.key}"]
        if server.password:
            common += [f"requirepass {server.password}"]
        server.config.write_text("\n".join(common + lines) + "\n")
        self.servers.append(server)
        return server.start()

    def server(self, name: str, *lines: str, parked: bool = False, password: str = "", **kwargs: Any) -> Server:
        """Start a server; parked the way the start guard starts an empty member; lines go to its configuration."""
        extra = [
            'save ""',
            "appendonly no",
            "repl-diskless-sync-delay 0",
            "repl-timeout 10",  # and a ping more often than that: a primary without writes is silent for ten seconds
            "repl-ping-replica-period 3",
        ]
        extra += [f"masterauth {password}"] if password else []
        extra += ["replicaof 127.0.0.1 0"] if parked else []
        return self._new(name, extra + list(lines), password=password, **kwargs)

    def sentinel(self, name: str, *lines: str, password: str = "", **kwargs: Any) -> Server:
        """Start a Sentinel that monitors nothing yet."""
        extra = [f"sentinel sentinel-pass {password}"] if password and not self.engine.name.endswith("6.0") else []
        return self._new(name, extra + list(lines), password=password, sentinel=True, **kwargs)

    def run(self, name: str, /, check: bool = False, diff: bool = True, **options: Any) -> Answer:
        """Run a module in a process of its own, as Ansible does, and return what it says.

        It is forked, not started: test_fork_server.py holds that a module cannot tell.
        QUORUM_TEST_LIBRARY names a directory with another redis-py for the modules.
        """
        if name in SPEAKERS:
            options.setdefault("timeout", ANSWERED)
        if name not in PROGRAMS:
            options = fold_connection(options)
        options.update(_ansible_check_mode=check, _ansible_diff=diff)
        found = self.fork(f"ansible_collections.quorum.redis.plugins.modules.{name}", options)
        try:
            data = json.loads(found.stdout)
        except ValueError:
            pytest.fail(f"module {name} did not answer JSON:\n{found.stdout}\n{found.stderr}")
        return Answer(data, found.stdout + found.stderr)

    def fork(self, program: str, options: Dict[str, Any], how: str = "-m") -> subprocess.CompletedProcess[str]:
        """Run a module, or code (`-c`) that ends in main() of a module, in a process of its own."""
        request = self.root / "request.json"
        request.write_text(json.dumps({"ANSIBLE_MODULE_ARGS": {**options, "_ansible_remote_tmp": str(self.root)}}))
        paths = [str(self.collections), *filter(None, [os.environ.get("QUORUM_TEST_LIBRARY")])]
        return fork_server(os.pathsep.join(paths)).run(program, str(request), how=how, timeout=LONG)

    def close(self) -> None:
        """End every process of this lab."""
        for server in reversed(self.servers):
            server.stop(kill=True)


@pytest.fixture(params=engines(), ids=lambda engine: engine.name)
def engine(request: pytest.FixtureRequest) -> Engine:
    """Return one engine after the other; none at all is an error, never a skip."""
    found: Engine = request.param
    if not found.binary or not Path(found.binary).exists():
        pytest.fail(
            "redis-server is not installed: 'make test' installs it (Debian package redis-server), "
            "or name programs in QUORUM_TEST_ENGINES=name=/path"
        )
    return found


@pytest.fixture
def search() -> Path:
    """Return a real module of the engine, with a data type of its own."""
    path = Path(__file__).resolve().parents[2] / ".cache" / "engines" / "redisearch.so"
    if not path.exists():
        pytest.fail("there is no redisearch.so in .cache/engines: run tools/engines")
    return path


@pytest.fixture
def lab(tmp_path: Path, collections_path: Path, engine: Engine) -> Iterator[Lab]:
    """Return a lab for one test and clean it up whatever happens."""
    found = Lab(tmp_path, collections_path, engine)
    try:
        yield found
    finally:
        found.close()


@pytest.fixture
def writers() -> Iterator[List[ClusterWriter]]:
    """Return the clients of a cluster in a test; they end with it."""
    found: List[ClusterWriter] = []
    yield found
    for writer in found:
        writer.ended.set()
