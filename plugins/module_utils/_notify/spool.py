# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Events that wait for their sinks, on disk: one is there before anybody is told, and goes when it was taken."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Iterator, List, Tuple

from .._model.notification import Event, dump_event, load_event


def write_file(path: Path, text: str) -> None:
    """Put a file in its place at once, and on the disk."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with draft.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    number = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


class Spool:
    """The events that one sink has not taken yet."""

    def __init__(self, state: Path, sink: str) -> None:
        """Make the directory."""
        self.folder = state / "spool" / sink
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def keep_event(self, event: Event) -> None:
        """Keep an event, unless it is there already."""
        path = self.folder / event.id
        if not path.exists():
            write_file(path, dump_event(event))

    def _events(self) -> Iterator[Event]:
        for path in self.folder.iterdir():
            if path.name.startswith("."):
                continue
            try:
                yield load_event(path.read_text(encoding="utf-8"))
            except ValueError:  # of another version of this program
                path.unlink()

    def list_waiting(self) -> List[Event]:
        """Return the events, the oldest first."""
        return sorted(self._events(), key=lambda event: event.time)

    def forget_event(self, event: Event) -> None:
        """Forget one."""
        (self.folder / event.id).unlink()


def remove_undeclared(state: Path, sinks: List[str]) -> List[Tuple[str, int]]:
    """Remove the spools of sinks that are not declared any more; return how many events each had."""
    removed = []
    for folder in sorted((state / "spool").glob("*")):
        if folder.name not in sinks:
            paths = list(folder.iterdir())
            for path in paths:
                path.unlink()
            folder.rmdir()
            removed.append((folder.name, len(paths)))
    return removed
