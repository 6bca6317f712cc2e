# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which packages a host lacks, and whether its package sources have them. Debian family; elsewhere all are missing."""

from __future__ import annotations

import os
import re
import subprocess
from typing import Mapping, Sequence

from .._core.errors import BadConfig


def installed(packages: Sequence[str]) -> dict[str, str] | None:
    """Return those of the packages, `name` or `name=version`, that are installed, and how; None without dpkg."""
    names = [package.partition("=")[0] for package in packages]
    form = "--showformat=${Package} ${Version} ${db:Status-Status}\\n"
    said = _ask("dpkg-query", "--show", form, *names) if names else ""
    if said is None:
        return None
    return {name: version for name, version, *state in map(str.split, said.splitlines()) if state == ["installed"]}


def missing(packages: Sequence[str], found: Mapping[str, str] | None) -> list[str]:
    """Return those that are not installed in this version; all of them without dpkg. Pure."""
    if found is None:
        return list(packages)
    names = [package.partition("=")[0] for package in packages]
    return [
        package
        for package, name in zip(packages, names)
        if name not in found or package not in (name, f"{name}={found[name]}")
    ]


def check_candidates(packages: Sequence[str], update: bool) -> None:
    """Refuse packages that no source of this host has. Old lists are renewed before that, unless in check mode."""
    names = [package.partition("=")[0] for package in packages]
    if names and without_candidate(_ask("apt-cache", "policy", *names), names):
        if update:
            _ask("apt-get", "update")
        nowhere = without_candidate(_ask("apt-cache", "policy", *names), names)
        if nowhere:
            raise BadConfig(
                f"No package source of this host has {', '.join(nowhere)}",
                "",
                "Nothing was changed. Add a source that has it (Valkey for Debian 12 is in bookworm-backports), run "
                "apt-get update if its lists are old, or use redis_install_method: source",
            )


def without_candidate(said: str | None, names: Sequence[str]) -> list[str]:
    """Return the names for which apt-cache policy offers nothing; none where there is no apt. Pure."""
    if said is None:
        return []
    offers = dict(re.findall(r"^(\S+):\n  Installed: .*\n  Candidate: (.*)$", said, re.MULTILINE))
    return [name for name in names if offers.get(name, "(none)") == "(none)"]


def _ask(*command: str) -> str | None:
    try:
        return subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "LC_ALL": "C"},
            check=False,
        ).stdout.decode()
    except OSError:
        return None
