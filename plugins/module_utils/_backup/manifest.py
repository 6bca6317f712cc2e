# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups on the disk: which there are, their manifests, and whether their files are what these say."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Dict, List

from .._core.errors import Damaged
from .._host.files import size_and_digest
from .._model.backup_manifest import MANIFEST, OTHER_BACKUP, Manifest, parse_manifest

PARTIAL = ".partial-"
_NAME = re.compile(r"^\d{8}T\d{6}Z-.+$")


def read_manifest(directory: str) -> Manifest:
    """Return the manifest of the backup in a directory."""
    try:
        return parse_manifest((Path(directory) / MANIFEST).read_text(encoding="utf-8"), directory)
    except FileNotFoundError:
        raise Damaged(f"There is no {MANIFEST}", directory, "Name the directory of one backup") from None
    except (OSError, UnicodeDecodeError) as problem:
        raise Damaged(f"{MANIFEST} cannot be read: {problem}", directory) from problem


def list_backups(directory: str) -> List[str]:
    """Return the names of the complete backups of a data set, the oldest first."""
    try:
        return sorted(path.name for path in Path(directory).iterdir() if _NAME.match(path.name) and path.is_dir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def id_of(name: str) -> str:
    """Return what the parts of one backup of a cluster have in common: the time that their names begin with."""
    return name.partition("-")[0]


def is_whole(directory: str, manifest: Manifest) -> bool:
    """Return whether a part of a cluster is known to have all others beside it."""
    if manifest.part:
        return bool(manifest.part.get("whole"))
    return (Path(directory) / f"{id_of(manifest.name)}.json").exists()


def read_wholes(directory: str) -> List[Dict[str, Any]]:
    """Return the manifests of whole clusters in a directory; what is none is left out."""
    wholes = []
    for path in sorted(Path(directory).glob("*.json")) if Path(directory).is_dir() else []:
        try:
            whole = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(whole, dict) and {"cluster", "name", "shards"} <= set(whole):
            wholes.append(whole)
    return wholes


def check_files(directory: str, manifest: Manifest) -> None:
    """Raise unless every file is there as the manifest says, naming all that are not."""
    wrong = []
    if manifest.rdb not in manifest.files:
        raise Damaged(f"{MANIFEST} says nothing of its own file {manifest.rdb}", directory, OTHER_BACKUP)
    for name, declared in sorted(manifest.files.items()):
        try:
            seen = size_and_digest(Path(directory) / name)
        except OSError as problem:
            wrong.append(f"{name}: {problem.strerror}")
            continue
        if seen["size"] != declared.get("size"):
            wrong.append(f"{name} has {seen['size']} bytes instead of {declared.get('size')}")
        elif seen["sha256"] != declared.get("sha256"):
            wrong.append(f"{name} has another check sum")
    if wrong:
        raise Damaged(f"The backup is damaged: {'; '.join(wrong)}", directory, OTHER_BACKUP)
