# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Command line: PYTHONPATH=tests python -m ledger.bench; how long writes stop and what is lost, on this machine."""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from conftest import COLLECTIONS
from integration.conftest import Engine, Lab

from .scene import NAME, Scene


def plain(scene: Scene) -> dict[str, Any]:
    """Move the primary as one does by hand: SENTINEL FAILOVER and nothing else; wait until it is over."""
    before, again = "", 0.0
    while not before:
        before = scene.primary()

    def moved() -> bool:
        nonlocal again
        if time.monotonic() > again and scene.primary() == before:
            scene.sentinels[0].call("SENTINEL", "FAILOVER", NAME)
            again = time.monotonic() + 10
        return scene.primary() not in ("", before)

    scene.wait("another primary", moved)
    return {}


def module(scene: Scene, method: str) -> dict[str, Any]:
    """Move the primary with the module."""
    answer = scene.move(method=method)
    if answer.failed:
        raise SystemExit(f"the move failed: {answer.msg}")
    return dict(answer.data)


def measure(binary: str, method: str, moves: int, sentinels: int, rate: float, quick: bool) -> str:
    """Return one row of the table."""
    root = Path(tempfile.mkdtemp(prefix="quorum-ledger-"))
    lab = Lab(root, COLLECTIONS, Engine("redis-server", binary))
    try:
        scene = Scene.build(lab, sentinels=sentinels, quick=quick)
        said: list[dict[str, Any]] = []
        moments: list[float] = []
        with scene.ledger(rate) as ledger:
            for _count in range(moves):
                time.sleep(1)
                moments.append(ledger.now)
                try:
                    said.append(plain(scene) if method == "plain" else module(scene, method))
                    scene.wait("the set is whole", scene.whole)
                except AssertionError as problem:
                    # Now and then Sentinel leaves a set in pieces that it was told to move by hand.
                    if method != "plain":
                        raise
                    print(f"# {problem}", file=sys.stderr)
                    break
            time.sleep(1)
        report = ledger.report()
        ends = [*moments[1:], report.seconds]
        gaps = [report.gap_between(begin - 0.1, end - 0.1) for begin, end in zip(moments, ends, strict=True)]
        own = [data["gap_ms"] for data in said if "gap_ms" in data]
        info = scene.members[0].info()
        engine = f"valkey {info['valkey_version']}" if "valkey_version" in info else f"redis {info['redis_version']}"
        how = (said[0].get("method") or "SENTINEL FAILOVER") + ("" if sentinels else ", no Sentinel")
        seen = f"{statistics.median(own):.0f} / {max(own):.0f}" if own else "-"
        medians = [f"{value:.0f}" if value else "< 20" for value in (statistics.median(gaps), max(gaps))]
        print(
            f"# {engine} {method} gaps of writers {[round(gap) for gap in gaps]} of the module {own}", file=sys.stderr
        )
        return (
            f"| {engine} | {how} | {len(said)} | {report.acknowledged:,} | {report.lost:,} |"
            f" {' / '.join(medians)} | {seen} |"
        )
    finally:
        lab.close()
        shutil.rmtree(root, ignore_errors=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="PYTHONPATH=tests python -m ledger.bench", description=__doc__)
    parser.add_argument("--server", action="append", metavar="PROGRAM", help="redis-server or valkey-server")
    parser.add_argument("--method", action="append", help="auto, pause, fence, coordinated, plain")
    parser.add_argument("--moves", type=int, default=10)
    parser.add_argument("--rate", type=float, default=1000, help="writes a second of each of 4 connections")
    parser.add_argument("--no-sentinel", action="store_true")
    parser.add_argument("--quick", action="store_true", help="Sentinels look at the servers each 2 s, not each 10 s")
    options = parser.parse_args()
    print("| engine | method | moves | acknowledged | lost | writers' gap ms | module's gap ms |")
    print("|---|---|--:|--:|--:|--:|--:|", flush=True)
    for binary in options.server or ["redis-server"]:
        for method in options.method or ["auto"]:
            sentinels = 0 if options.no_sentinel else 3
            program = shutil.which(binary) or binary
            row = measure(program, method, options.moves, sentinels, options.rate, options.quick)
            print(row, flush=True)


if __name__ == "__main__":
    main()
