# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The thread that gives one sink its events, each when it is its turn, and again until it is taken."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any, Dict, List, Mapping, Sequence, Tuple

from .._model.notification import Event
from . import schedule
from .sinks import NotTaken, Sink, log_line
from .spool import Spool

LOOK_AGAIN = 0.5  # seconds between two looks for an alert that the first host has to post


class Messenger(threading.Thread):
    """Gives one sink its events, so that one that hangs keeps nobody else waiting."""

    def __init__(self, name: str, sink: Sink, others: Sequence[Sink], settings: Mapping[str, Any], state: Path) -> None:
        """Prepare the thread; `others` are the sinks that fold, and may tell that everybody knows."""
        super().__init__(daemon=True)
        self.name, self.sink, self.others, self.settings = name, sink, others, settings
        self.spool = Spool(state, name)
        self.ready = threading.Event()
        self.tries: Dict[str, Tuple[int, float]] = {}  # by event: how many, and when the next one is due
        self.unmarked: List[Event] = []  # told, and those who stand by do not know it yet

    def run(self) -> None:
        """Work through the spool, again and again."""
        while True:
            self.ready.clear()
            try:
                pause = min([self._deliver(event, time.time()) for event in self.spool.list_waiting()] or [5.0])
                if self.unmarked:
                    self._mark(time.time())
                    pause = min(pause, 1.0)
            except Exception as problem:  # nothing may end this thread in silence; its text may hold a token
                log_line(f"{self.name}: {type(problem).__name__}; tried again in 5 s")
                pause = 5.0
            self.ready.wait(min(max(pause, 0.05), 5.0))

    def _deliver(self, event: Event, now: float) -> float:
        """Give one event to the sink if it is time; return how long to wait for the next look at it."""
        if schedule.is_expired(event, now, self.settings["keep"]):
            log_line(f"{self.name}: given up after {self.settings['keep']} s: {event.summary}")
            self._forget(event)
            return 5.0
        tries, due = self.tries.get(event.id, (0, 0.0))
        begin = schedule.begin_time(event, self.settings["rank"], self.sink.folds, self.settings["standby"])
        if now < max(begin, due):
            if now < due or not self._is_there(event):
                return min(max(begin, due) - now, LOOK_AGAIN if self.sink.folds else 5.0)
            self._forget(event)
            return 5.0
        try:
            if self.sink.has_event(event) or (not event.first and self._known(event)):
                log_line(f"{self.name}: told by another host: {event.summary}")
            else:
                where = self.sink.send_event(event, now)
                log_line(f"{self.name}: {where} has taken: {event.summary}")
                self.unmarked += [event] if self.others else []
        except NotTaken as problem:
            wait = schedule.retry_delay(tries + 1, self.settings["rank"])
            self.tries[event.id] = (tries + 1, time.time() + wait)
            if schedule.is_worth_a_line(tries + 1):
                log_line(f"{self.name}: try {tries + 1}: {problem}")
            return wait
        self._forget(event)
        return 5.0

    def _is_there(self, event: Event) -> bool:
        """Return whether who was first has told it, while this host waits for its turn."""
        try:
            return self.sink.has_event(event)
        except NotTaken:
            return False

    def _forget(self, event: Event) -> None:
        self.spool.forget_event(event)
        self.tries.pop(event.id, None)

    def _known(self, event: Event) -> bool:
        """Return whether an Alertmanager knows that another host has told this sink."""
        for other in self.others:
            try:
                if other.knows_mark(event, self.name):
                    return True
            except NotTaken:
                continue
        return False

    def _mark(self, now: float) -> None:
        """Let those who stand by know; without that they tell it once more, with the same identity."""
        left = []
        for event in self.unmarked:
            done = now - event.time > self.settings["standby"]
            for other in self.others:
                try:
                    done = other.leave_mark(event, self.name) or done
                except NotTaken:
                    continue
            left += [] if done else [event]
        self.unmarked = left
