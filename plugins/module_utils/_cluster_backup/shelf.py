# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of a cluster's backups that a host has on its disk: which belong together, are whole, and may go."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Dict, List, Sequence

from .._backup import manifest as manifests
from .._backup.repository import lock_directory, write_manifest
from .._backup.schedule import Kept
from .._core.errors import QuorumError
from .._model.backup_manifest import parse_time
from .schedule import list_expired_parts


def group_by_id(directory: Path) -> Dict[str, List[str]]:
    """Return the names of the parts by what those of one backup have in common."""
    names: Dict[str, List[str]] = {}
    for name in manifests.list_backups(str(directory)):
        names.setdefault(manifests.id_of(name), []).append(name)
    return names


def is_stored(directory: Path) -> bool:
    """Return whether a part is there and nothing speaks against it."""
    with suppress(QuorumError):
        return manifests.read_manifest(str(directory)).good
    return False


def mark_wholes(directory: Path, wholes: Sequence[str], user: str) -> None:
    """Write into the parts of this host that all others are there, too, once that is known."""
    by_id = group_by_id(directory)
    for name in (name for id_ in wholes for name in by_id.get(id_, []) if not _is_marked(directory / name)):
        with suppress(QuorumError), lock_directory(directory, user) as place:  # a busy one is for the next look
            manifest = manifests.read_manifest(str(place / name))
            if manifest.part:
                manifest.part["whole"] = True
                write_manifest(place / name, manifest, user)


def _is_marked(directory: Path) -> bool:
    """Return whether there is nothing to write there; one that is damaged says nothing."""
    with suppress(QuorumError):
        manifest = manifests.read_manifest(str(directory))
        return not manifest.part or bool(manifest.part.get("whole"))
    return True


def list_leaving_parts(place: Path, wholes: Sequence[str], now: float, count: int, days: float) -> List[str]:
    """Return the names of what belongs to backups that are too many or too old; whole ones count."""
    backups, loose, by_id = [], [], group_by_id(place)
    for id_, names in by_id.items():
        read = []
        with suppress(QuorumError):
            read = [manifests.read_manifest(str(place / name)) for name in names]
        whole = bool(read) and (id_ in wholes or all(manifests.is_whole(str(place), each) for each in read))
        backups.append(Kept(id_, parse_time(id_), whole and all(each.good for each in read)))
        if not whole and any(each.part for each in read):
            loose.append(id_)
    # Those of which this host has no part count, too: it keeps what others have kept.
    backups += [Kept(id_, parse_time(id_), True) for id_ in wholes if id_ not in by_id]
    gone = list_expired_parts(backups, loose, now, count, days)
    by_hand = [f"{id_}.json" for id_ in gone if (place / f"{id_}.json").exists()]
    return [*by_hand, *(name for id_ in gone for name in by_id.get(id_, []))]
