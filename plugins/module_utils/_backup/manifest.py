# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a backup says about itself: manifest.json, the check sums of its files, and the header of its RDB."""

from __future__ import annotations

import hashlib
import json
import re
import struct
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime, timezone
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, Dict, Iterator, List, Optional, Tuple

from .._core.errors import QuorumError

FORMAT = 1
FILE = "manifest.json"
PARTIAL = ".partial-"
PASSED = "passed"
SUFFIXES = {"none": "", "gzip": ".gz", "zstd": ".zst"}
CHUNK = 1 << 20
_NAME = re.compile(r"^\d{8}T\d{6}Z-.+$")
_OTHER = "Use another backup; this one cannot be trusted"


class Damaged(QuorumError):
    """A backup is not what it says it is."""


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
    format: int = FORMAT

    @property
    def keys(self) -> int:
        """Return the number of keys in all databases."""
        return sum(found.get("keys", 0) for found in self.databases.values())

    @property
    def good(self) -> bool:
        """Return whether nothing that was tried spoke against it, the last drill included."""
        tried = [self.verified.file_check, self.verified.load]
        tried += [drill.get("result", "") for drill in self.drills[-1:]]
        return all(text == PASSED or text.startswith("not done") for text in tried)

    def to_json(self) -> str:
        """Return the text of manifest.json."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n"


def from_json(text: str, where: str = "") -> Manifest:
    """Return the manifest that a text holds; keys of a later version are left out."""
    try:
        data = json.loads(text)
    except ValueError as problem:
        raise Damaged(f"{FILE} is no JSON: {problem}", where, _OTHER) from None
    if not isinstance(data, dict) or not isinstance(data.get("format"), int):
        raise Damaged(f"{FILE} is not that of a backup", where, _OTHER)
    if data["format"] > FORMAT:
        raise Damaged(
            f"{FILE} has format {data['format']}, known is {FORMAT}", where, "Use a newer version of quorum.redis"
        )
    known = {item.name: item.type for item in fields(Manifest)}
    needed = {name for name in known if name not in ("aof", "modules", "verified", "drills", "format")}
    missing = sorted(needed - set(data))
    if missing:
        raise Damaged(f"{FILE} lacks {', '.join(missing)}", where, _OTHER)
    simple = {"str": str, "int": int, "float": (int, float)}
    for name, value in data.items():
        wanted = simple.get(
            str(known.get(name, "")), dict if name in ("databases", "files", "modules", "verified") else object
        )
        if not isinstance(value, wanted):  # type: ignore[arg-type]
            raise Damaged(f"{FILE}: {name} is not what it should be: {value!r}", where, _OTHER)
    if data["compression"] not in SUFFIXES:
        raise Damaged(f"{FILE}: the compression {data['compression']} is unknown", where, _OTHER)
    paths = [PurePosixPath(name) for name in [*data["files"], data["rdb"]]]
    if any(path.is_absolute() or ".." in path.parts for path in paths):
        raise Damaged(f"{FILE} names a file outside the backup", where, _OTHER)
    proven = {item.name for item in fields(Verified)}
    verified = Verified(**{name: value for name, value in data.get("verified", {}).items() if name in proven})
    return Manifest(**{**{name: value for name, value in data.items() if name in known}, "verified": verified})


def read(directory: str) -> Manifest:
    """Return the manifest of the backup in a directory."""
    try:
        return from_json((Path(directory) / FILE).read_text(encoding="utf-8"), directory)
    except FileNotFoundError:
        raise Damaged(f"There is no {FILE}", directory, "Name the directory of one backup") from None
    except (OSError, UnicodeDecodeError) as problem:
        raise Damaged(f"{FILE} cannot be read: {problem}", directory) from problem


def names(directory: str) -> List[str]:
    """Return the names of the complete backups of a data set, the oldest first."""
    try:
        return sorted(path.name for path in Path(directory).iterdir() if _NAME.match(path.name) and path.is_dir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def stamp(now: float) -> str:
    """Return a time as it stands in the name of a backup."""
    return datetime.fromtimestamp(now, timezone.utc).strftime("%Y%m%dT%H%M%SZ")


def iso(now: float) -> str:
    """Return a time as it stands in a manifest."""
    return datetime.fromtimestamp(now, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds_of(text: str) -> float:
    """Return the time that a name of a backup begins with, or that a manifest holds."""
    digits = re.sub(r"[-:]", "", text[: text.find("Z") + 1] if "Z" in text else text)
    try:
        return datetime.strptime(digits, "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc).timestamp()
    except ValueError:
        raise Damaged(f"{text} does not begin with a time", todo="Name a backup by its directory") from None


def chunks(file: BinaryIO) -> Iterator[bytes]:
    """Yield the content of a file without holding it in memory."""
    yield from iter(lambda: file.read(CHUNK), b"")


def sums(path: Path) -> Dict[str, Any]:
    """Return size and SHA-256 of a file."""
    found, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        for chunk in chunks(file):
            found.update(chunk)
            size += len(chunk)
    return {"size": size, "sha256": found.hexdigest()}


def check(directory: str, manifest: Manifest) -> None:
    """Raise unless every file is there as the manifest says, naming all that are not."""
    wrong = []
    if manifest.rdb not in manifest.files:
        raise Damaged(f"{FILE} says nothing of its own file {manifest.rdb}", directory, _OTHER)
    for name, told in sorted(manifest.files.items()):
        try:
            seen = sums(Path(directory) / name)
        except OSError as problem:
            wrong.append(f"{name}: {problem.strerror}")
            continue
        if seen["size"] != told.get("size"):
            wrong.append(f"{name} has {seen['size']} bytes instead of {told.get('size')}")
        elif seen["sha256"] != told.get("sha256"):
            wrong.append(f"{name} has another check sum")
    if wrong:
        raise Damaged(f"The backup is damaged: {'; '.join(wrong)}", directory, _OTHER)


# --- the header of an RDB ---


@dataclass
class Header:
    """What an RDB says about itself before its data."""

    magic: str
    rdb_version: int
    aux: Dict[str, str]

    @property
    def engine(self) -> str:
        """Return the engine that wrote it."""
        return "valkey" if self.magic == "VALKEY" or "valkey-ver" in self.aux else "redis"

    @property
    def version(self) -> str:
        """Return the version of the engine that wrote it, empty when it does not say."""
        return self.aux.get("valkey-ver") or self.aux.get("redis-ver", "")


def _length(data: bytes, place: int) -> Tuple[Optional[int], int, int]:
    """Return the length at a place, or the kind of a packed number, and where the rest begins."""
    first = data[place]
    kind = first >> 6
    if kind == 0:
        return first & 0x3F, 0, place + 1
    if kind == 1:
        return (first & 0x3F) << 8 | data[place + 1], 0, place + 2
    if kind == 2:
        size = 8 if first == 0x81 else 4
        return int.from_bytes(data[place + 1 : place + 1 + size], "big"), 0, place + 1 + size
    return None, first & 0x3F, place + 1


def _string(data: bytes, place: int) -> Tuple[str, int]:
    """Return the string at a place and where the rest begins; packed numbers are strings too."""
    length, kind, place = _length(data, place)
    if length is None and kind == 3:  # a compressed text: passed over
        packed, _kind, place = _length(data, place)
        _size, _kind, place = _length(data, place)
        return "", place + (packed or 0)
    if length is None:
        size = 1 << kind
        return str(struct.unpack_from("<" + "bhi"[kind], data, place)[0]), place + size
    if place + length > len(data):
        raise IndexError
    return data[place : place + length].decode("utf-8", "replace"), place + length


def header(data: bytes, where: str = "") -> Header:
    """Return the header from the first bytes of an RDB; a few KiB are enough."""
    found = re.match(rb"(REDIS)(\d{4})|(VALKEY)(\d{3})", data)
    if not found:
        raise Damaged("This is no RDB file", where, "An RDB begins with REDIS or VALKEY and a number")
    magic, digits = (found[1], found[2]) if found[1] else (found[3], found[4])
    aux: Dict[str, str] = {}
    place = found.end()
    try:
        while data[place] == 0xFA:
            name, place = _string(data, place + 1)
            aux[name], place = _string(data, place)
    except (IndexError, struct.error):
        pass  # cut off: what was read so far holds
    return Header(magic.decode(), int(digits), aux)
