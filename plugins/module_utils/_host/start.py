# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Start a unit; where it does not, say why in the engine's or the start guard's own words, and what to do."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import Sequence

from .._core.errors import QuorumError
from .commands import run_command
from .services import parse_blocks, show_units

PREFIX = re.compile(r"^\d+:[XCSM] \d+ \w+ \d+ [\d:.]+ ([*#.-]) ")
# What the engines of all versions say, and what helps. The order counts: a cause before what follows from it.
KNOWN = (
    (
        r"Can't handle RDB format version",
        "A newer engine wrote this data: install that version again, or restore",
    ),
    (
        r"(Bad file format reading|Unexpected end of file reading|Error reading|Unknown command .* reading)"
        r"[^.]*append only file|AOF .*(manifest|doesn't exist)",
        "Its AOF is damaged. Copy the directory, then redis-check-aof --fix; or, where another member has the data, "
        "move its files away so that it synchronises anew",
    ),
    (
        r"Wrong signature trying to load DB|Short read or OOM loading DB|Internal error in RDB|RDB CRC error"
        r"|Unexpected EOF reading RDB",
        "Its snapshot is damaged. Restore a backup; or, where another member has the data, move its files away so that "
        "it synchronises anew",
    ),
    (r"bind: Address already in use", "Another process has the port: `ss -ltnp` shows which. Stop it, or change port"),
    (r"bind: Cannot assign requested address", "Correct redis_bind: this host has not that address"),
    (r"No space left on device", "Free space where its data is"),
    (r"Out [Oo]f [Mm]emory|Cannot allocate memory", "Give it memory, or lower maxmemory"),
    (r"Permission denied", "Give its directory and files back to the user redis"),
    (r"[Nn]ot started", ""),  # the start guard, which says itself what to do
)
NOISE = re.compile(
    r"oO0OoO0|version=|Configuration loaded|overcommit|Transparent Huge|Server initialized|monotonic clock|systemd"
    r"|Running mode=|supervised|Fatal error loading the DB|User requested shutdown|start as |^waiting:",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class State:
    """What systemd says about a unit."""

    active: bool
    enabled: bool


def failure_reason(lines: Sequence[str]) -> tuple[str, str]:
    """Return why a process did not start, from its journal, and what to do; empty when it says nothing. Pure."""
    levels = [(match.group(1) if (match := PREFIX.match(line)) else "#") for line in lines]
    rows = [PREFIX.sub("", line).strip() for line in lines]
    for at in range(len(rows) - 1, -1, -1):
        if "FATAL CONFIG FILE" in rows[at]:
            wrong = [row for row in rows[at + 1 : at + 4] if row]
            return ": ".join(wrong[-2:]), "Correct `config:` of this process"
    for pattern, todo in KNOWN:
        matching = [row for row in rows if re.search(pattern, row)]
        if matching:
            return matching[-1].rstrip("."), todo
    loud = [row for row, level in zip(rows, levels) if row and level == "#" and not NOISE.search(row)]
    return (loud or [row for row in rows if row] or [""])[-1].rstrip("."), ""


def read_states(units: Sequence[str]) -> dict[str, State]:
    """Return the state of each unit."""
    states = {
        block["Id"]: State(block.get("ActiveState") == "active", block.get("UnitFileState") == "enabled")
        for block in parse_blocks(show_units("Id,ActiveState,UnitFileState", *units))
    }
    return {unit: states.get(unit, State(active=False, enabled=False)) for unit in units}


def start_unit(unit: str) -> None:
    """Start a unit now and at each boot."""
    code, output = run_command("systemctl", "enable", unit)
    if code:
        masked = f"Somebody has masked it. When it shall run again: systemctl unmask {unit}, and run this again"
        raise QuorumError(f"{unit} cannot be enabled: {output}", "", masked if "masked" in output else "")
    begin = time.time()
    code, output = run_command("systemctl", "start", unit)
    if code:
        raise failure_of(unit, "start", output, begin)


def failure_of(unit: str, verb: str, output: str, begin: float, todo: str = "") -> QuorumError:
    """Return what to raise about a unit that does not start: what its journal has since `begin`, else what was said."""
    text, help_ = failure_reason(read_journal(unit, begin))
    ways = [help_, todo, f"systemd tries it again and again; `journalctl -u {unit}` shows what else it says"]
    return QuorumError(f"{unit} does not {verb}: {text or output}", "", ". ".join(way for way in ways if way))


def read_journal(unit: str, begin: float, lines: int = 60) -> list[str]:
    """Return what the processes of a unit have said since then; systemd's own words about it are not among it."""
    run_command("journalctl", "--sync")
    since = ["-n", str(lines), f"--since=@{int(begin)}", f"_SYSTEMD_UNIT={unit}"]
    return run_command("journalctl", "--quiet", "--no-pager", "-o", "cat", *since)[1].splitlines()
