# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a server became primary, and what a Sentinel did, as the journals of their units say."""

from __future__ import annotations

import json
from typing import Any

from .._model.move_journal import MANUAL, PROMOTED, SWITCHED, explain_promotions, explain_switches
from .commands import run_command

LIMIT = 10  # seconds: a journal of many GB is not worth more


def read_promotions(unit: str, count: int) -> list[dict[str, Any]]:
    """Return the newest promotions of a server: when, asked by whom or why; none where no journal tells."""
    return explain_promotions(_read_entries(unit, f"{PROMOTED}|{MANUAL}", 2 * count))[-count:]


def read_switches(unit: str, count: int) -> list[dict[str, Any]]:
    """Return the newest moves of which a Sentinel tells: when, of which set, from where to where, and why."""
    # A move has some entries more: the primary seen down, a failover that was tried.
    return explain_switches(_read_entries(unit, SWITCHED, 8 * count))[-count:]


def _read_entries(unit: str, pattern: str, count: int) -> list[tuple[float, str]]:
    """Return the newest entries that match, the oldest first, each with its moment as seconds since 1970."""
    newest = ["--grep", pattern, "--lines", str(count), "--output", "json", "--output-fields", "MESSAGE"]
    _code, output = run_command("timeout", str(LIMIT), "journalctl", "--quiet", "--no-pager", "--unit", unit, *newest)
    # journalctl of Debian 12 begins with the newest one when it is given both --grep and --lines.
    return sorted(entry for line in output.splitlines() for entry in _entries(line))


def _entries(line: str) -> list[tuple[float, str]]:
    """Return a line as an entry, nothing for what is none."""
    try:
        entry = json.loads(line)
        return [(int(entry["__REALTIME_TIMESTAMP"]) / 1e6, str(entry["MESSAGE"]))]
    except (ValueError, KeyError, TypeError):
        return []
