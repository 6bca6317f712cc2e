# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the timer runs for the user: copies of backups off the host."""

from __future__ import annotations

from typing import Any, List, Mapping, Sequence

from .._host.commands import run_program


def list_commands(common: Mapping[str, Any], name: str, directory: str) -> List[List[str]]:
    """Return the commands that bring a backup off the host; pure."""
    commands = []
    if common["rsync"]:
        commands.append(["rsync", "-a", "--", directory, f"{common['rsync'].rstrip('/')}/{name}/"])
    if common["command"]:
        commands.append([*common["command"], directory])
    return commands


def run_transfer(command: Sequence[str], wait: float) -> str:
    """Run a command of the user's; return why it failed, empty when it did not."""
    try:
        code, output = run_program(command, seconds=wait)
    except OSError as problem:
        return f"{command[0]}: {problem}"
    return f"{command[0]} ended with {code}: {' '.join(output.split()[-40:])}" if code else ""
