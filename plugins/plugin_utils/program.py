# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sources of a program that a host runs without Ansible: one of module_utils, and all that it imports there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Iterator

UTILS = Path(__file__).resolve().parent.parent / "module_utils"
# Relative imports, in functions too. A parser would take longer than the rest of what a task does on the controller.
_IMPORT = re.compile(r"^[ \t]*from (\.+)([\w.]*) import (\([^)]*\)|[^\n]*)", re.MULTILINE)


def follow_imports(entry: str, utils: Path = UTILS) -> dict[str, str]:
    """Return the sources that an entry needs, its own among them, by their paths in module_utils without the ending."""
    sources: dict[str, str] = {}
    left = [entry]
    while left:
        name = left.pop()
        if name not in sources:
            sources[name] = (utils / f"{name}.py").read_text(encoding="utf-8")
            left += _imported(name, sources[name], utils)
    return dict(sorted(sources.items()))


def _imported(name: str, source: str, utils: Path) -> Iterator[str]:
    """Yield what a source imports of module_utils: files, or names in files."""
    for dots, place, names in _IMPORT.findall(source):
        above = Path(name).parts[: -len(dots)]
        path = "/".join([*above, *place.split(".")] if place else above)
        if (utils / f"{path}.py").is_file():
            yield path
        else:
            for word in re.findall(r"(\w+)(?: as \w+)?", re.sub(r"#.*", "", names)):
                if (utils / path / f"{word}.py").is_file():
                    yield f"{path}/{word}"
