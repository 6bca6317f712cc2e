# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which units of this collection run on a host, and which program each of them runs."""

from __future__ import annotations

import os
import re
from fnmatch import fnmatch
from pathlib import Path
from typing import Iterator, Sequence

from .._core.errors import BadConfig
from .commands import IGNORED, MISSING, run_command

UNITS = ("redis-server@*.service", "redis-sentinel@*.service")
DELETED = " (deleted)"
# What a drop-in changes so that another program starts than the one that this collection configures and guards.
DECISIVE = re.compile(r"^\s*(ExecStart|ExecStartPre|ExecCondition|ExecReload|User|Group|Type)\s*=", re.MULTILINE)


def running_programs(table: str, root: Path = Path("/")) -> dict[str, str]:
    """Return the program file of each unit of this collection that runs."""
    return programs_of(table, root / "proc")


def undeclared_servers(programs: dict[str, str], units: list[str]) -> list[str]:
    """Return a warning for each server that runs and is no data set of the inventory."""
    names = [unit.partition("@")[2].rpartition(".service")[0] for unit in sorted(set(programs) - set(units))]
    return [
        f"{name} runs here and is not in the inventory; it was left alone. Declare it, or remove it with "
        f"quorum.redis.remove -e redis_remove_set={name}"
        for name in names
    ]


def changed_units(table: str) -> list[str]:
    """Return a warning for each unit of this collection whose way to start is changed by a drop-in of somebody else."""
    warnings = []
    for unit in own_blocks(table):
        for path in unit.get("DropInPaths", "").split():
            try:
                keys = sorted(set(DECISIVE.findall(Path(path).read_text(encoding="utf-8", errors="replace"))))
            except OSError:
                continue
            if keys:
                warnings.append(
                    f"{path} sets {', '.join(keys)} of {unit['Id']}, so the start guard or the configuration of this "
                    "collection may be left out; it was left alone. Remove it, or what it sets there"
                )
    return warnings


def check_version(programs: dict[str, str], program: str, kept: bool, host: str, wish: str) -> None:
    """Refuse to put another version in place of one that runs; `kept`: what is installed is as declared; pure."""
    if programs and (other_programs(programs, program) or not kept):
        raise BadConfig(
            f"{host} runs {', '.join(programs)} with another version than redis_engine, redis_version and "
            f"redis_install_method ask for ({wish.strip()})",
            "",
            "site.yml does not upgrade; nothing was changed. Run quorum.redis.upgrade, which goes host by host and "
            "keeps every write, or correct these variables",
        )


def other_programs(programs: dict[str, str], program: str) -> list[str]:
    """Return the units that run another program file than this one."""
    wanted = os.path.realpath(program)
    return sorted(unit for unit, file in programs.items() if file != wanted)


def unit_table(more: Sequence[str] = ()) -> str:
    """Return what systemd says about the units of this collection and some more; nothing where there is no systemd."""
    return show_units("Id,MainPID,FragmentPath,DropInPaths", *UNITS, *more)


def show_units(properties: str, *units: str) -> str:
    """Return these properties of units, as systemd tells them; nothing without one, or without systemd."""
    if not any(units):
        return ""
    code, output = run_command("systemctl", "show", f"--property={properties}", *units, errors=IGNORED)
    return "" if code == MISSING else output


def list_disabled(units: Sequence[str]) -> list[dict[str, str]]:
    """Return which of these units systemd would not start at the next boot, and which timers among them do not run."""
    return disabled_in(show_units("Id,LoadState,ActiveState,UnitFileState", *units))


def disabled_in(table: str) -> list[dict[str, str]]:
    """Return the same from what systemd says; pure. A server that does not run does not answer, which is known."""
    disabled = []
    for unit in parse_blocks(table):
        state = "masked" if unit.get("LoadState") == "masked" else unit.get("UnitFileState", "")
        if state == "enabled":
            state = unit.get("ActiveState", "") if unit["Id"].endswith(".timer") else "active"
        if state != "active":
            disabled.append({"unit": unit["Id"], "state": state or unit.get("LoadState", "")})
    return disabled


def programs_of(table: str, proc: Path) -> dict[str, str]:
    """Return the program file of each unit that runs; of one that a package has replaced, the name is the same."""
    programs: dict[str, str] = {}
    for values in own_blocks(table):
        try:
            program = os.readlink(proc / values["MainPID"] / "exe")
        except (KeyError, OSError):
            continue
        programs[values["Id"]] = program[: -len(DELETED)] if program.endswith(DELETED) else program
    return programs


def parse_blocks(table: str) -> Iterator[dict[str, str]]:
    """Return what systemd says about each unit; pure."""
    for block in table.split("\n\n"):
        values = dict(row.split("=", 1) for row in block.splitlines() if "=" in row)
        if "Id" in values:
            yield values


def own_blocks(table: str) -> Iterator[dict[str, str]]:
    """Return what systemd says about each unit of this collection; pure."""
    return (values for values in parse_blocks(table) if any(fnmatch(values["Id"], ours) for ours in UNITS))
