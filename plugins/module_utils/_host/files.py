# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small files, symbolic links and their absence: what is there, what differs, and how it is put right."""

from __future__ import annotations

import contextlib
import errno
import grp
import hashlib
import json
import os
import pwd
import stat
import tempfile
from pathlib import Path
from typing import Any, BinaryIO, Callable, Dict, Iterator, Mapping, Sequence

from .._core.errors import BadConfig, QuorumError
from .._model.file_changes import Seen, Wanted

LARGEST = 1 << 20  # only small files are read for comparison

CHUNK = 1 << 20


def parse_file(option: Mapping[str, Any]) -> Wanted:
    """Read one entry of the module's option; pure."""
    path = os.path.normpath(option["path"])
    if not path.startswith("/"):
        raise BadConfig(f"the path {path!r} does not start with a slash")
    kinds = [
        kind
        for kind, given in (
            ("file", option.get("content") is not None),
            ("link", bool(option.get("link"))),
            ("absent", option.get("state") == "absent"),
        )
        if given
    ]
    if len(kinds) != 1:
        raise BadConfig("exactly one of content, link and state=absent says what a file shall be", path)
    try:
        mode = int(str(option.get("mode") or "0644"), 8)
    except ValueError:
        raise BadConfig(f"the mode {option['mode']!r} is not an octal number such as '0644'", path) from None
    return Wanted(
        path,
        kinds[0],
        _content(path, option).encode("utf-8", "surrogateescape"),
        option.get("link") or "",
        mode,
        _named(option.get("owner"), _owner),
        _named(option.get("group"), _group),
        option.get("holds") or ("json" if option.get("secrets") else ""),
    )


def parse_files(options: Sequence[Mapping[str, Any]]) -> list[Wanted]:
    """Read all entries, each path once; pure."""
    wanted = [parse_file(option) for option in options]
    paths = [want.path for want in wanted]
    twice = sorted({path for path in paths if paths.count(path) > 1})
    if twice:
        raise BadConfig(f"{', '.join(twice)} is given more than once", todo="Nothing was changed")
    return wanted


def survey_files(declared_files: Sequence[Wanted], sure: bool) -> list[tuple[Seen, Wanted]]:
    """Look at every path, and refuse now what cannot be done; `sure` as in check_path()."""
    pairs = [(read_path(want.path), want) for want in declared_files]
    for seen, want in pairs:
        check_path(seen, want, sure)
    return pairs


def _content(path: str, option: Mapping[str, Any]) -> str:
    """Return the text, with the secrets that are to be merged into its JSON."""
    text = str(option.get("content") or "")
    if not option.get("secrets"):
        return text
    try:
        return json.dumps({**json.loads(text), **option["secrets"]}, indent=4, sort_keys=True) + "\n"
    except (TypeError, ValueError):
        raise BadConfig("secrets are merged into a JSON object; content is none", path) from None


def read_path(path: str) -> Seen:
    """Return what lies there, without following a link."""
    try:
        status = os.lstat(path)
        seen = Seen("other", b"", "", stat.S_IMODE(status.st_mode), _owner(status.st_uid), _group(status.st_gid))
        if stat.S_ISLNK(status.st_mode):
            seen.kind, seen.link = "link", os.readlink(path)
        elif stat.S_ISDIR(status.st_mode):
            seen.kind = "directory"
        elif stat.S_ISREG(status.st_mode):
            seen.kind = "file"
            with Path(path).open("rb") as file:
                seen.content = file.read(LARGEST)
        return seen
    except (FileNotFoundError, NotADirectoryError):
        return Seen()
    except OSError as problem:
        raise _error("cannot be read", path, problem) from problem


def check_path(seen: Seen, want: Wanted, sure: bool) -> None:
    """Refuse what cannot be done before anything is changed; `sure`: accounts must exist by now."""
    if seen.kind in ("directory", "other"):
        raise BadConfig(
            f"{want.path} is a {'directory' if seen.kind == 'directory' else 'special file'}, not a file",
            todo="Nothing was changed. Move it away",
        )
    if sure and want.kind == "file":
        find_account(want.owner, want.group, want.path)


def find_account(owner: str, group: str, path: str) -> Sequence[int]:
    """Return the numbers of owner and group."""
    try:
        uid = int(owner) if owner.isdigit() else pwd.getpwnam(owner).pw_uid
    except KeyError:
        raise BadConfig(f"the owner {owner!r} does not exist on this host", path, "Nothing was changed") from None
    try:
        gid = int(group) if group.isdigit() else grp.getgrnam(group).gr_gid
    except KeyError:
        raise BadConfig(f"the group {group!r} does not exist on this host", path, "Nothing was changed") from None
    return uid, gid


class Draft:
    """A new file beside its place, complete on disk; it takes the place at once or never."""

    def __init__(self, want: Wanted) -> None:
        """Write the content under a temporary name: a full disk shows itself here."""
        self.want = want
        self.name = ""
        try:
            number, self.name = tempfile.mkstemp(prefix=f".{Path(want.path).name}.", dir=_folder(want.path))
            with os.fdopen(number, "wb") as file:
                file.write(want.content)
                file.flush()
                os.fsync(file.fileno())
                os.fchmod(file.fileno(), want.mode)
                uid, gid = find_account(want.owner, want.group, want.path)
                if (uid, gid) != (os.geteuid(), os.getegid()):
                    os.fchown(file.fileno(), uid, gid)
        except OSError as problem:
            self.discard_draft()
            raise _error("cannot be written", want.path, problem) from problem
        except QuorumError:
            self.discard_draft()
            raise

    def take_place(self) -> None:
        """Take the place of the old file."""
        try:
            Path(self.name).replace(self.want.path)
        except OSError as problem:
            self.discard_draft()
            raise _error("cannot be replaced", self.want.path, problem) from problem
        self.name = ""

    def discard_draft(self) -> None:
        """Leave nothing behind."""
        if self.name:
            with contextlib.suppress(FileNotFoundError):
                Path(self.name).unlink()
            self.name = ""


def write_path(seen: Seen, want: Wanted, relabel: Callable[[str], Any]) -> None:
    """Make it so; `relabel` gives the path the security context that the system's policy has for it."""
    try:
        if want.kind == "absent":
            Path(want.path).unlink()
            return
        if want.kind == "file" and seen.kind == "file" and seen.content == want.content:
            uid, gid = find_account(want.owner, want.group, want.path)
            os.chown(want.path, uid, gid)
            Path(want.path).chmod(want.mode)
        elif want.kind == "file":
            Draft(want).take_place()
        else:
            link = _folder(want.path) / f".{Path(want.path).name}.{os.getpid()}"
            link.symlink_to(want.link)
            link.replace(want.path)
    except OSError as problem:
        raise _error("cannot be written", want.path, problem) from problem
    relabel(want.path)


def _folder(path: str) -> Path:
    """Make the parent directories that are missing."""
    missing = [folder for folder in Path(path).parents if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir(0o755)
        folder.chmod(0o755)  # whatever the umask says
    return Path(path).parent


def _named(given: str | None, name: Callable[[int], str]) -> str:
    return name(int(given)) if given and given.isdigit() else given or "root"


def _owner(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def _error(what: str, path: str, problem: OSError) -> QuorumError:
    todo: str | None = None
    if problem.errno in (errno.ENOSPC, errno.EDQUOT):
        todo = "The previous file is untouched. Free space on that file system, then run again"
    elif problem.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        todo = "The previous file is untouched. Run as root (become), on a writable file system"
    return QuorumError(f"{path} {what}: {os.strerror(problem.errno or 0)}", todo=todo or "")


def read_chunks(file: BinaryIO) -> Iterator[bytes]:
    """Yield the content of a file without holding it in memory."""
    yield from iter(lambda: file.read(CHUNK), b"")


def size_and_digest(path: Path) -> Dict[str, Any]:
    """Return size and SHA-256 of a file."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        for chunk in read_chunks(file):
            digest.update(chunk)
            size += len(chunk)
    return {"size": size, "sha256": digest.hexdigest()}
