# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The directory of a multi-part AOF, copied while no rewrite can replace its files.

Rewrites are held back by a setting of the running server. A note on the disk says so before and until it is put back:
whoever looks next after a run that was killed finds it.
"""

from __future__ import annotations

import contextlib
import os
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Iterator, List

from .._core.errors import QuorumError
from .._model.conf_syntax import split_words
from .._redis.client import Client
from .snapshot import Saver, open_safely

HOLD = "auto-aof-rewrite-percentage"
NOTE = ".held"


def list_parts(manifest: str) -> List[str]:
    """Return the files that the engine's own manifest of its AOF needs: base and increments, no history; pure."""
    parts = []
    for row in manifest.splitlines():
        words = split_words(row)
        fields = dict(zip((word.lower() for word in words[::2]), words[1::2]))
        if fields.get("type") in ("b", "i"):
            parts.append(fields["file"])
    return parts


@contextmanager
def hold_rewrites(client: Client, saver: Saver) -> Iterator[None]:
    """Hold rewrites back meanwhile, in the running server only: a restart or a run of site.yml undoes it too."""
    before = client.read_pairs("CONFIG", "GET", HOLD)[HOLD]
    note = saver.note.with_name(NOTE)
    draft = note.with_name(NOTE + ".new")
    draft.write_text(before, encoding="ascii")
    draft.replace(note)
    client.call("CONFIG", "SET", HOLD, "0")
    try:
        saver.await_idle(aof=True)
        yield
    finally:
        client.call("CONFIG", "SET", HOLD, before)
        note.unlink()


def let_go(client: Client, place: Path) -> str:
    """Put back what a run that was killed meanwhile has left; return what was done, empty when nothing.

    Not from the file of the running server: a Sentinel may have had it rewritten since, with what was left.
    """
    note = place / NOTE
    outcome = ""
    with contextlib.suppress(FileNotFoundError):
        before = note.read_text(encoding="ascii")
        if client.read_pairs("CONFIG", "GET", HOLD).get(HOLD) == "0" != before:
            client.call("CONFIG", "SET", HOLD, before)
            outcome = f"{HOLD} was 0 since a backup was killed while it copied the AOF; it is {before} again"
        note.unlink()
    return outcome


def copy_aof(client: Client, saver: Saver, target: Path) -> None:
    """Copy what the engine's manifest names; the increment that grows meanwhile up to where it was."""
    settings = {
        key: value for name in ("dir", "append*") for key, value in client.read_pairs("CONFIG", "GET", name).items()
    }
    if "appenddirname" not in settings:
        raise QuorumError("A backup of the AOF needs Redis 7 or Valkey", saver.where, "Switch the AOF of backups off")
    if settings["appendonly"] != "yes":
        raise QuorumError("The AOF is off, so there is none to back up", saver.where, "Switch it on, or do without")
    source, name = Path(settings["dir"]) / settings["appenddirname"], f"{settings['appendfilename']}.manifest"
    target.mkdir(0o750)
    with hold_rewrites(client, saver):
        with open_safely(source / name, saver.user) as file:
            text = file.read().decode("utf-8")
        for part in list_parts(text):
            if "/" in part:
                raise QuorumError(f"The manifest of the AOF names {part}", str(source), "Nothing was copied")
            with open_safely(source / part, saver.user) as file, (target / part).open("xb") as copy:
                _upto(file, copy, os.fstat(file.fileno()).st_size)
        # The order of the names, without the history that is on its way out.
        kept = [row for row in text.splitlines() if " type h" not in row]
        (target / name).write_text("\n".join([*kept, ""]), encoding="utf-8")


def _upto(source: BinaryIO, target: BinaryIO, size: int) -> None:
    while size > 0:
        chunk = source.read(min(size, 1 << 20))
        if not chunk:
            return
        target.write(chunk)
        size -= len(chunk)
