# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The line to the Sentinel of this host, and the thread that passes on what it says."""

from __future__ import annotations

import queue
import threading
import time
from typing import Any, Mapping, Optional, Tuple

from .._model.sentinel_events import CHANNELS
from .._redis.endpoint import Endpoint
from .._redis.plain import Plain
from .._redis.tls import tls_from_params

LOST, BACK = "lost", "back"  # beside the channels: the line to the Sentinel
PAUSE = 0.5
Message = Tuple[str, str]


def endpoint_of(settings: Mapping[str, Any], timeout: Optional[float]) -> Endpoint:
    """Return where the own Sentinel listens; without a limit for a line that waits for events."""
    sentinel = settings["sentinel"]
    user, words = sentinel.get("username") or None, settings["passwords"]["sentinel"] or None
    # The module types seconds; a line to a process of the same host is cut by the kernel when that one is gone.
    given: Any = timeout
    return Endpoint(sentinel["address"], sentinel["port"], user, words, timeout=given, tls=tls_from_params(sentinel))


class Listener(threading.Thread):
    """Passes on what the Sentinel says, for as long as there is one."""

    def __init__(self, settings: Mapping[str, Any], messages: queue.Queue[Message]) -> None:
        """Prepare the thread."""
        super().__init__(daemon=True)
        self.settings, self.messages = settings, messages

    def run(self) -> None:
        """Listen, and begin again."""
        while True:
            try:
                self._listen()
            except Exception as problem:  # nothing may end this thread in silence
                self.messages.put((LOST, str(problem)))
            time.sleep(PAUSE)

    def _listen(self) -> None:
        line = Plain(endpoint_of(self.settings, None))
        try:
            line.call("SUBSCRIBE", *CHANNELS)
            for _each in CHANNELS[1:]:
                line.receive_message()
            self.messages.put((BACK, ""))
            while True:
                kind, channel, text = line.receive_message()
                if kind == "message":
                    self.messages.put((channel, text))
        finally:
            line.close()
