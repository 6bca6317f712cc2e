# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a directory of the controller is found again: that of a container is thrown away with it."""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePosixPath
from typing import Mapping

MARKS = ("/run/.containerenv", "/.dockerenv")
# What belongs to the container itself; a volume is something else.
OWN = ("overlay", "fuse.fuse-overlayfs", "tmpfs", "ramfs", "aufs", "vfs")


def why_lost(name: str, path: str) -> str:
    """Return why files in this directory, the value of a variable, would not be found again; empty when they would."""
    if not path:
        return ""
    if not path.startswith("/"):
        return f"{name} {path} is no absolute path, so its place would depend on where Ansible runs. Give one."
    if not is_thrown_away(path):
        return ""
    return (
        f"{name} {path} is in the container in which Ansible runs, and would be thrown away with it. Name a directory "
        "of a volume that is mounted there, or run this from a machine that stays."
    )


def is_thrown_away(path: str) -> bool:
    """Return whether this directory goes with the container in which Ansible runs."""
    inside = "KUBERNETES_SERVICE_HOST" in os.environ or any(Path(mark).exists() for mark in MARKS)
    try:
        mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return inside and on_container(path, mounts, os.environ)


def on_container(path: str, mounts: str, environ: Mapping[str, str]) -> bool:
    """Return whether a path of a container lies on no volume, from its /proc/self/mountinfo; pure."""
    place = PurePosixPath(os.path.normpath(path))
    job = environ.get("AWX_PRIVATE_DATA_DIR")
    if job and PurePosixPath(job) in [place, *place.parents]:
        return True
    kinds = {}
    for row in mounts.splitlines():
        match = re.match(r"\S+ \S+ \S+ \S+ (\S+) .* - (\S+) ", row)
        if match:
            kinds[PurePosixPath(match.group(1).replace("\\040", " "))] = match.group(2)
    return next((kinds[folder] in OWN for folder in [place, *place.parents] if folder in kinds), False)
