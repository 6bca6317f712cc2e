# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which packages a host lacks, and whether its package sources have them. Debian family; elsewhere all are missing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Mapping, Sequence

from .._core.errors import BadConfig
from .commands import IGNORED, MISSING, run_command

LISTS = "/var/lib/apt/lists"


def are_lists_empty(directory: str = LISTS) -> bool:
    """Return whether apt knows of no package at all, as in a fresh image of a cloud; False where there is no apt."""
    return Path(directory).is_dir() and not any(Path(directory).glob("*_Packages*"))


def installed_versions(packages: Sequence[str]) -> dict[str, str] | None:
    """Return those of the packages that are installed, and in which version; None without dpkg."""
    form = "--showformat=${Package} ${Version} ${db:Status-Status}\\n"
    table = _ask("dpkg-query", "--show", form, *packages) if packages else ""
    if table is None:
        return None
    return {name: version for name, version, *state in map(str.split, table.splitlines()) if state == ["installed"]}


@dataclass
class Pin:
    """The packages of the engine and the version that they shall have; `newest` is what the sources offer of it."""

    engine: str
    packages: Sequence[str]
    version: str = ""
    newest: str = ""

    def is_met(self, version: str) -> bool:
        """Return whether this is the version, or a build of it; without a pin, whether it is one; pure."""
        return bool(re.match(rf"([0-9]+:)?{re.escape(self.version)}([-+.~]|$)" if self.version else ".", version))

    def is_kept(self, installed: Mapping[str, str]) -> bool:
        """Return whether the installed engine is as declared; pure."""
        return not self.packages or self.is_met(installed.get(self.packages[0], ""))

    def find_candidate(self, host: str, update: bool) -> None:
        """Ask the package sources for the version, after an `update` if need be; refuse one that they do not have."""
        offers = offered_versions(_ask("apt-cache", "madison", self.packages[0]))
        if update and not any(map(self.is_met, offers)):
            _ask("apt-get", "update")
            offers = offered_versions(_ask("apt-cache", "madison", self.packages[0]))
        self.newest = next(filter(self.is_met, offers), "")
        if not self.newest:
            raise BadConfig(
                f"redis_version {self.version} of {self.engine} cannot be had on {host}; its package sources offer "
                f"{', '.join(offers) or 'none'}",
                "",
                "Nothing was changed. Pin one of these, add a package source, or use redis_install_method: source",
            )


def missing_packages(
    packages: Sequence[str], installed: Mapping[str, str] | None, pin: Pin, upgrade: bool = False
) -> list[str]:
    """Return what is to be installed, all of it without dpkg; pure.

    Packages of the pin come as `name=version`; only an upgrade puts the newest build in place of another one.
    """
    wanted = []
    for name in packages:
        has = (installed or {}).get(name, "")
        good = has == pin.newest if upgrade else pin.is_met(has)
        if pin.newest and name in pin.packages:
            wanted += [] if good else [f"{name}={pin.newest}"]
        elif not has:
            wanted.append(name)
    return wanted


def offered_versions(table: str | None) -> list[str]:
    """Return the versions that apt-cache madison lists, newest first; pure."""
    rows = [row.split("|") for row in (table or "").splitlines()]
    return list(dict.fromkeys(row[1].strip() for row in rows if len(row) > 1))


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


def without_candidate(policy: str | None, names: Sequence[str]) -> list[str]:
    """Return the names for which apt-cache policy offers nothing; none where there is no apt. Pure."""
    if policy is None:
        return []
    offers = parse_candidates(policy)
    return [name for name in names if name not in offers]


def parse_candidates(policy: str) -> dict[str, str]:
    """Return the version that apt-cache policy would install of each package that it offers; pure."""
    candidates = re.findall(r"^(\S+):\n  Installed: .*\n  Candidate: (.*)$", policy, re.MULTILINE)
    return {name: version for name, version in candidates if version != "(none)"}


def find_candidate(package: str) -> str:
    """Return the version that apt would install, after renewing its lists if need be; empty where it has none."""
    for update in (False, True):
        if update:
            _ask("apt-get", "update")
        version = parse_candidates(_ask("apt-cache", "policy", package) or "").get(package)
        if version:
            return version
    return ""


def _ask(*command: str) -> str | None:
    code, output = run_command(*command, errors=IGNORED)
    return None if code == MISSING else output
