# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Record which metrics an exporter shows of which engine, as a fixture of the unit tests.

Usage: PYTHONPATH=tests python -m integration.record_metrics EXPORTERS NAME=/path/of/redis-server ...
EXPORTERS are VERSION=/path/of/prometheus-redis-exporter with a comma between them.
"""

from __future__ import annotations

import json
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Dict, List, Set

import redis

from .conftest import Engine, Lab, Server, wait_until
from .test_exporter import Scene

FIXTURE = Path(__file__).resolve().parents[1] / "unit" / "tools" / "fixtures" / "exporter_metrics.json"


def record(lab: Lab, folder: Path, program: Path) -> Set[str]:
    """Return the names of the metrics of a primary, a replica, a Sentinel and a member of a cluster."""
    scene = Scene(lab, folder, program)
    try:
        scene.wait()
        with suppress(redis.ResponseError):  # so that there is an error to be counted
            scene.primary.call("LPUSH", "card:1", "x")
        wait_until("the replica follows", lambda: "redis_master_link_up{" in scene.scrape(scene.replica))
        shown: List[Server] = [scene.primary, scene.replica, scene.sentinel, scene.node]
        text = "\n".join(scene.scrape(server) for server in shown)
    finally:
        scene.close()
    names = {line.split("{")[0].split(" ")[0] for line in text.splitlines() if line[:1] != "#"}
    return {name for name in names if name.startswith("redis_")}


def main() -> None:
    """Ask each of these exporters about each of these engines."""
    exporters = dict(word.split("=", 1) for word in sys.argv[1].split(","))
    found: Dict[str, Dict[str, Set[str]]] = {}
    for version, program in exporters.items():
        for word in sys.argv[2:]:
            name, binary = word.split("=", 1)
            with tempfile.TemporaryDirectory() as folder:
                lab = Lab(Path(folder), Path(folder), Engine(name, binary))
                try:
                    found.setdefault(version, {})[name] = record(lab, Path(folder), Path(program))
                finally:
                    lab.close()
    # By exporter and name: the engines of which it is not shown.
    told = {
        version: {
            name: sorted(engine for engine, names in by_engine.items() if name not in names)
            for name in sorted(set().union(*by_engine.values()))
        }
        for version, by_engine in found.items()
    }
    FIXTURE.parent.mkdir(exist_ok=True)
    FIXTURE.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
