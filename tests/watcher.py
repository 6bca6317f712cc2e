# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prometheus and Alertmanager of the distribution, as tools/prometheus gets them, run by a test on this machine."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import time
import urllib.parse
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, List

import yaml
from patience import LONG

ROOT = Path(__file__).resolve().parents[1]
PROGRAMS = ROOT / ".cache" / "prometheus"
RULES = ROOT / "roles" / "redis_monitoring" / "files" / "quorum-redis.rules.yml"


def seconds_of(rule: dict[str, Any]) -> int:
    """Return for how long an alert has to be true before it is told."""
    duration = re.fullmatch(r"(\d+)([smhd])", rule.get("for", "0s"))
    assert duration, rule
    return int(duration[1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[duration[2]]


def list_durations() -> dict[str, int]:
    """Return the same of every alert by its name."""
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return {rule["alert"]: seconds_of(rule) for group in groups for rule in group["rules"] if "alert" in rule}


def fetch_text(port: int, path: str, address: str = "127.0.0.1") -> str:
    """Return what a server of HTTP says, on loopback if nothing else is said."""
    connection = HTTPConnection(address, port, timeout=30)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        text = answer.read().decode()
        if answer.status >= 400:
            raise ConnectionError(f"{path}: {answer.status} {text}")
        return text
    finally:
        connection.close()


def find_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


class Program:
    """A process that answers HTTP; its files and its log are in a folder."""

    def __init__(
        self,
        name: str,
        folder: Path,
        port: int,
        *arguments: str,
        ready: str = "/-/ready",
        address: str = "127.0.0.1",
    ) -> None:
        """Start it and wait until it answers."""
        self.address = address
        self.name, self.folder, self.port, self.arguments, self.ready = name, folder, port, arguments, ready
        self.start()

    def ask(self, path: str) -> str:
        """Return what it says."""
        return fetch_text(self.port, path, self.address)

    def start(self) -> None:
        """Start it and wait until it answers."""
        command = [str(PROGRAMS / self.name), *self.arguments, f"--web.listen-address={self.address}:{self.port}"]
        with (self.folder / f"{self.name}.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder)
        until = time.monotonic() + LONG
        while True:
            try:
                self.ask(self.ready)
                return
            except (OSError, HTTPException):
                said = (self.folder / f"{self.name}.log").read_text(encoding="utf-8", errors="replace")
                assert self.process.poll() is None and time.monotonic() < until, said
                time.sleep(0.1)

    def stop(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait(60)


class Alertmanager(Program):
    """The distribution's, with this configuration."""

    def __init__(self, folder: Path, port: int, configuration: str, address: str = "127.0.0.1") -> None:
        """Write its configuration and start it."""
        (folder / "alertmanager.yml").write_text(configuration, encoding="utf-8")
        arguments = ["--config.file=alertmanager.yml", "--storage.path=alertmanager", "--cluster.listen-address="]
        super().__init__("prometheus-alertmanager", folder, port, *arguments, address=address)

    def list_alerts(self) -> List[Any]:
        """Return the alerts that it has."""
        found: List[Any] = json.loads(self.ask("/api/v2/alerts"))
        return found


class Prometheus(Program):
    """The distribution's, with this configuration."""

    def __init__(self, folder: Path, port: int, configuration: Any) -> None:
        """Write its configuration, JSON being YAML, and start it."""
        (folder / "prometheus.yml").write_text(json.dumps(configuration), encoding="utf-8")
        super().__init__("prometheus", folder, port, "--config.file=prometheus.yml", "--storage.tsdb.path=data")

    def list_series(self, expression: str) -> List[Any]:
        """Return the labels of what it finds."""
        asked = urllib.parse.urlencode({"query": expression})
        found = json.loads(self.ask(f"/api/v1/query?{asked}"))["data"]["result"]
        return [one["metric"] for one in found]

    def list_ever(self, state: str) -> List[str]:
        """Return the names of the alerts that were in this state at any time."""
        found = self.list_series(f'max_over_time(ALERTS{{alertstate="{state}"}}[6h])')
        return sorted({str(one["alertname"]) for one in found})
