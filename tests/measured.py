# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers that a test has measured, printed at the end of the run whether it passed or not.

>>> note("failover", "0 of 3,210 writes lost, gap 570 ms")
"""

from __future__ import annotations

from typing import Any

NOTED: list[str] = []


def note(what: str, numbers: object) -> None:
    """Keep a line for the end; tools/run_steps.py finds it by its first word."""
    NOTED.append(f"measured: {what}: {numbers}")


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print what was noted."""
    for line in NOTED:
        terminalreporter.write_line(line)
