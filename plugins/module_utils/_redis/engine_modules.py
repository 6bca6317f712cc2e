# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules of a running server, for a server that must read its data."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, List, Sequence

from .._core.errors import AuthFailed, CommandFailed
from .._model.conf_syntax import Line
from .client import Client
from .replies import as_dict

# What the engine says when it cannot load a module, or meets the data of one that it has not.
LACKING = ("Can't load module", "no matching module", "module type is not loaded")


@dataclass
class EngineModule:
    """A module; without path where it is built into the engine, or where Redis 6 does not tell."""

    name: str
    version: str = ""
    path: str = ""
    args: List[str] = field(default_factory=list)


def parse_modules(reply: Sequence[Any]) -> List[EngineModule]:
    """Return the modules that MODULE LIST names; pure."""
    found = []
    for row in reply:
        told = as_dict(row)
        args = [str(word) for word in told.get("args") or []]
        found.append(EngineModule(told["name"], str(told.get("ver", "")), told.get("path") or "", args))
    return found


def list_modules(client: Client) -> List[EngineModule]:
    """Return the modules of a server; none where the user may not ask."""
    try:
        return parse_modules(client.call("MODULE", "LIST"))
    except (AuthFailed, CommandFailed):
        return []


def render_modules(modules: Sequence[EngineModule]) -> List[str]:
    """Return the lines of a configuration that loads those whose file is there; Valkey 9 names its own one "lua"."""
    there = [one for one in modules if Path(one.path).is_absolute() and Path(one.path).is_file()]
    return [Line("loadmodule", [one.path, *one.args]).text for one in there]
