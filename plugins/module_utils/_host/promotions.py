# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a server became primary, as the journal of its unit says."""

from __future__ import annotations

import json

from .commands import run_command

# What Redis 6.0 to 8 and Valkey write for REPLICAOF NO ONE, an election of a cluster and a takeover.
PROMOTED = "(MASTER|PRIMARY) MODE enabled|Failover election won|Taking over the (master|primary)"
LIMIT = 10  # seconds: a journal of many GB is not worth more


def read_promotions(unit: str, count: int) -> list[float]:
    """Return the moments of the newest promotions, as seconds since 1970; none where no journal tells."""
    newest = ["--grep", PROMOTED, "--lines", str(count), "--output", "json", "--output-fields", "MESSAGE"]
    _code, said = run_command("timeout", str(LIMIT), "journalctl", "--quiet", "--no-pager", "--unit", unit, *newest)
    return [moment for line in said.splitlines() for moment in _moments(line)]


def _moments(line: str) -> list[float]:
    """Return the moment of an entry, nothing for what is none."""
    try:
        return [int(json.loads(line)["__REALTIME_TIMESTAMP"]) / 1e6]
    except (ValueError, KeyError, TypeError):
        return []
