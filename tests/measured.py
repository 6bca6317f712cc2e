# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers that a test has measured, printed at the end of the run whether it passed or not.

>>> note("failover", "0 of 3,210 writes lost, gap 570 ms")
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

NOTED: list[str] = []
TIMES: Counter[str] = Counter()
SECONDS: dict[str, float] = {}
LOCK = threading.Lock()


def note(what: str, numbers: object) -> None:
    """Keep a line for the end; tools/run_steps.py finds it by its first word."""
    NOTED.append(f"measured: {what}: {numbers}")


@contextmanager
def spending(what: str) -> Iterator[None]:
    """Add the time of this to what is said at the end about the time of the tests."""
    began = time.monotonic()
    try:
        yield
    finally:
        with LOCK:
            TIMES[what] += 1
            SECONDS[what] = SECONDS.get(what, 0.0) + time.monotonic() - began


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, Any, Any]:
    """Let the report carry what was noted: with several workers it is all that comes back."""
    report = yield
    report.user_properties += [("measured", line) for line in NOTED]
    NOTED.clear()
    return report


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print what was noted."""
    for reports in terminalreporter.stats.values():
        for report in reports:
            for name, line in getattr(report, "user_properties", []):
                if name == "measured":
                    terminalreporter.write_line(line)
    for what, seconds in SECONDS.items():
        terminalreporter.write_line(f"spent: {what}: {TIMES[what]} times, {seconds:.1f} s")
