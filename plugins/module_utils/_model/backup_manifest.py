# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a backup says about itself in manifest.json."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime, timezone
from pathlib import PurePosixPath
from typing import Any, Dict, List, Mapping

from .._core.errors import Damaged

FORMAT = 2
MANIFEST = "manifest.json"
PASSED = "passed"
SUFFIXES = {"none": "", "gzip": ".gz", "zstd": ".zst"}
OTHER_BACKUP = "Use another backup; this one cannot be trusted"


@dataclass
class Verified:
    """What was proven of a backup when it was made; a proof that was left out says why."""

    file_check: str = "not done: "
    load: str = "not done: "
    databases: Dict[str, Dict[str, int]] = field(default_factory=dict)
    at: str = ""
    by: str = ""
    load_by: str = ""


@dataclass
class Manifest:
    """One backup."""

    data_set: str
    name: str
    member: str
    address: str
    port: int
    engine: str
    version: str
    rdb_version: int
    role: str
    replication_id: str
    replication_offset: int
    databases: Dict[str, Dict[str, int]]
    began: str
    ended: str
    seconds: float
    compression: str
    rdb: str
    rdb_size: int
    rdb_sha256: str
    files: Dict[str, Dict[str, Any]]
    aof: str = ""
    modules: Dict[str, str] = field(default_factory=dict)
    verified: Verified = field(default_factory=Verified)
    drills: List[Dict[str, Any]] = field(default_factory=list)
    part: Dict[str, Any] = field(default_factory=dict)  # of a cluster, by the timer: what it belongs to
    format: int = FORMAT

    @property
    def key_count(self) -> int:
        """Return the number of keys in all databases."""
        return sum(counts.get("key_count", 0) for counts in self.databases.values())

    @property
    def good(self) -> bool:
        """Return whether nothing that was tried spoke against it, the last drill included."""
        return is_good(asdict(self))

    def to_json(self) -> str:
        """Return the text of manifest.json."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n"


def is_good(manifest: Mapping[str, Any]) -> bool:
    """Return whether nothing that was tried speaks against a backup, the last drill included."""
    tried = [manifest["verified"][proof] for proof in ("file_check", "load")]
    tried += [drill.get("result", "") for drill in manifest.get("drills", [])[-1:]]
    return all(text == PASSED or text.startswith("not done") for text in tried)


def parse_manifest(text: str, where: str = "") -> Manifest:
    """Return the manifest that a text holds; keys of a later version are left out."""
    try:
        data = json.loads(text)
    except ValueError as problem:
        raise Damaged(f"{MANIFEST} is no JSON: {problem}", where, OTHER_BACKUP) from None
    if not isinstance(data, dict) or not isinstance(data.get("format"), int):
        raise Damaged(f"{MANIFEST} is not that of a backup", where, OTHER_BACKUP)
    if data["format"] > FORMAT:
        raise Damaged(
            f"{MANIFEST} has format {data['format']}, known is {FORMAT}", where, "Use a newer version of quorum.redis"
        )
    data = {**rename_counts(data), "format": FORMAT}
    known = {item.name: item.type for item in fields(Manifest)}
    needed = {name for name in known if name not in ("aof", "modules", "verified", "drills", "part", "format")}
    missing = sorted(needed - set(data))
    if missing:
        raise Damaged(f"{MANIFEST} lacks {', '.join(missing)}", where, OTHER_BACKUP)
    simple = {"str": str, "int": int, "float": (int, float)}
    for name, value in data.items():
        wanted = simple.get(
            str(known.get(name, "")), dict if name in ("databases", "files", "modules", "verified", "part") else object
        )
        if not isinstance(value, wanted):  # type: ignore[arg-type]
            raise Damaged(f"{MANIFEST}: {name} is not what it should be: {value!r}", where, OTHER_BACKUP)
    if data["compression"] not in SUFFIXES:
        raise Damaged(f"{MANIFEST}: the compression {data['compression']} is unknown", where, OTHER_BACKUP)
    paths = [PurePosixPath(name) for name in [*data["files"], data["rdb"]]]
    if any(path.is_absolute() or ".." in path.parts for path in paths):
        raise Damaged(f"{MANIFEST} names a file outside the backup", where, OTHER_BACKUP)
    proven = {item.name for item in fields(Verified)}
    verified = Verified(**{name: value for name, value in data.get("verified", {}).items() if name in proven})
    return Manifest(**{**{name: value for name, value in data.items() if name in known}, "verified": verified})


def rename_counts(content: Any) -> Any:
    """Return a manifest, or a part of one, with `key_count` for what format 1 calls `keys`; pure."""
    if isinstance(content, list):
        return [rename_counts(item) for item in content]
    if not isinstance(content, dict):
        return content
    return {
        "key_count" if key == "keys" and isinstance(value, int) else key: rename_counts(value)
        for key, value in content.items()
    }


def name_time(now: float) -> str:
    """Return a time as it stands in the name of a backup."""
    return datetime.fromtimestamp(now, timezone.utc).strftime("%Y%m%dT%H%M%SZ")


def iso_time(now: float) -> str:
    """Return a time as it stands in a manifest."""
    return datetime.fromtimestamp(now, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_time(text: str) -> float:
    """Return the time that a name of a backup begins with, or that a manifest holds."""
    digits = re.sub(r"[-:]", "", text[: text.find("Z") + 1] if "Z" in text else text)
    try:
        return datetime.strptime(digits, "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc).timestamp()
    except ValueError:
        raise Damaged(f"{text} does not begin with a time", todo="Name a backup by its directory") from None
