# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Command line: python -m tests.ledger --sentinel HOST:PORT --sentinel HOST:PORT --name main --seconds 60."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading

from .ledger import Ledger, parse_place


def main() -> int:
    """Write until told to stop, then print the account; 1 means that acknowledged writes are lost."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.ledger",
        description="Write to a replicated set, then say which acknowledged writes are lost. Exit code 1: some are.",
        epilog="The passwords come from the environment: REDIS_PASSWORD and SENTINEL_PASSWORD.",
    )
    parser.add_argument("--name", default="main", help="name of the data set (default: main)")
    parser.add_argument("--sentinel", action="append", default=[], type=parse_place, metavar="HOST:PORT")
    parser.add_argument(
        "--member",
        action="append",
        default=[],
        type=parse_place,
        metavar="HOST:PORT",
        help="without Sentinel: the servers",
    )
    parser.add_argument("--seconds", type=float, default=0, help="how long (default: until Ctrl-C)")
    parser.add_argument("--threads", type=int, default=4, help="connections that write (default: 4)")
    parser.add_argument("--rate", type=float, default=0, help="writes a second and connection (default: no limit)")
    parser.add_argument("--json", action="store_true", help="print the account as JSON")
    options = parser.parse_args()
    if not options.sentinel and not options.member:
        parser.error("name at least one --sentinel, or the servers with --member")
    ledger = Ledger(
        name=options.name,
        sentinels=options.sentinel,
        members=options.member,
        password=os.environ.get("REDIS_PASSWORD", ""),
        sentinel_password=os.environ.get("SENTINEL_PASSWORD", ""),
        threads=options.threads,
        rate=options.rate,
    )
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_unused: over.set())
    with ledger:
        over.wait(options.seconds or None)
    report = ledger.report()
    print(json.dumps(report.to_dict(), indent=2) if options.json else report)
    return 1 if report.lost else 0


if __name__ == "__main__":
    sys.exit(main())
