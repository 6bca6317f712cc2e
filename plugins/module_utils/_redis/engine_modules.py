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
    modules = []
    for row in reply:
        fields = as_dict(row)
        args = [str(word) for word in fields.get("args") or []]
        modules.append(EngineModule(fields["name"], str(fields.get("ver", "")), fields.get("path") or "", args))
    return modules


def list_modules(client: Client) -> List[EngineModule]:
    """Return the modules of a server; none where the user may not ask."""
    try:
        return parse_modules(client.call("MODULE", "LIST"))
    except (AuthFailed, CommandFailed):
        return []


def render_modules(modules: Sequence[EngineModule]) -> List[str]:
    """Return the lines of a configuration that loads those whose file is there; Valkey 9 names its own one "lua"."""
    there = [module for module in modules if Path(module.path).is_absolute() and Path(module.path).is_file()]
    return [Line("loadmodule", [module.path, *module.args]).text for module in there]
