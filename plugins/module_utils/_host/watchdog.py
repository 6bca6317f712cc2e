# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A dead man's switch: a process of its own that comes to the rescue when the one that started it dies half-way."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import syslog
import time
from typing import Callable, Optional

LIFE = 900


class Deadman:
    """Rescues when this process ends, or hangs for longer than it said, before it has called stop."""

    def __init__(
        self,
        rescue: Callable[[], str],
        patience: float = 20.0,
        what: str = "a move of the primary",
        life: int = LIFE,
    ) -> None:
        """Take what to do; it runs in the other process, with connections of its own."""
        self.rescue, self.patience = rescue, patience
        self.what, self.life = what, life
        self.pipe: Optional[int] = None

    def start(self) -> None:
        """Start the other process: detached from the session, so that it survives what kills this one."""
        read, self.pipe = os.pipe()
        parent = os.getpid()
        child = os.fork()
        if child:
            os.close(read)
            os.waitpid(child, 0)
            return
        try:
            os.setsid()
            if os.fork() == 0:
                os.close(self.pipe)
                self._live(read, parent)
        finally:
            os._exit(0)

    def set_urgent(self, yes: bool) -> None:
        """Say whether it is urgent now, so that hanging counts as being dead."""
        self._tell(b"u" if yes else b"c")

    def stop(self) -> None:
        """Say that all is well."""
        self._tell(b"d")
        if self.pipe is not None:
            os.close(self.pipe)
            self.pipe = None

    def _tell(self, what: bytes) -> None:
        if self.pipe is not None:
            with contextlib.suppress(OSError):
                os.write(self.pipe, what)

    def _live(self, read: int, parent: int) -> None:
        """Wait for the end of the other process; the life of this one."""
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGPIPE):
            signal.signal(number, signal.SIG_IGN)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(self.life)
        null = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(null, stream)
        patience: Optional[float] = None
        while True:
            ready = select.select([read], [], [], patience)[0]
            word = os.read(read, 1) if ready else b""
            if word == b"d":
                return
            if not word:
                break
            patience = self.patience if word == b"u" else None
        if ready == []:
            os.kill(parent, signal.SIGKILL)
        time.sleep(0.2)
        try:
            outcome = self.rescue()
        except Exception as problem:  # noqa: BLE001, RUF100
            outcome = f"the rescue failed: {problem}"
        syslog.openlog("quorum.redis")
        syslog.syslog(syslog.LOG_WARNING, f"{self.what} was cut short; {outcome}")
