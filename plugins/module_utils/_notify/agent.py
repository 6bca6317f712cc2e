# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The notifier of a Sentinel's host: listens to it, finds what has happened, and tells it to whom it is declared.

The order of writes is what makes it "at least once": an event is in the spools before what was seen last is, and stays
there until its sink has taken it. A notifier may be killed at any point, and does the rest when it is back.
"""

from __future__ import annotations

import hashlib
import json
import os
import queue
import sys
import threading
import time
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Set, Tuple

from .._core.errors import QuorumError
from .._model.addresses import join_address
from .._model.notification import TEST, Event
from .._model.sentinel_events import CHANNELS, Known, Watch, known_sets, named
from .._redis.client import Client
from .._redis.endpoint import Endpoint
from .._redis.plain import Plain
from .._redis.tls import tls_from_params
from . import schedule
from .sinks import NotTaken, Sink, note, say, sinks
from .spool import Spool, leftovers, write

SETTINGS, STATE = Path("/etc/redis-notify/settings.json"), Path("/var/lib/redis-notify")
LOST, BACK = "lost", "back"  # beside the channels: the line to the Sentinel
LOOK_EVERY, PAUSE, HEAR_OUT = 10.0, 0.5, 2.0
LOOK_AGAIN = 0.5  # seconds between two looks for an alert that the first host has to post
Said = Tuple[str, str]


def endpoint_of(settings: Mapping[str, Any], timeout: Optional[float]) -> Endpoint:
    """Return where the own Sentinel listens; without a limit for a line that waits for events."""
    told = settings["sentinel"]
    user, words = told.get("username") or None, settings["passwords"]["sentinel"] or None
    # The module types seconds; a line to a process of the same host is cut by the kernel when that one is gone.
    given: Any = timeout
    return Endpoint(told["address"], told["port"], user, words, timeout=given, tls=tls_from_params(told))


class Listener(threading.Thread):
    """Passes on what the Sentinel says, for as long as there is one."""

    def __init__(self, settings: Mapping[str, Any], said: queue.Queue[Said]) -> None:
        """Prepare the thread."""
        super().__init__(daemon=True)
        self.settings, self.said = settings, said

    def run(self) -> None:
        """Listen, and begin again."""
        while True:
            try:
                self._listen()
            except Exception as problem:  # nothing may end this thread in silence
                self.said.put((LOST, str(problem)))
            time.sleep(PAUSE)

    def _listen(self) -> None:
        line = Plain(endpoint_of(self.settings, None))
        try:
            line.call("SUBSCRIBE", *CHANNELS)
            for _each in CHANNELS[1:]:
                line.receive()
            self.said.put((BACK, ""))
            while True:
                kind, channel, text = line.receive()
                if kind == "message":
                    self.said.put((channel, text))
        finally:
            line.close()


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
                pause = min([self._handle(event, time.time()) for event in self.spool.waiting()] or [5.0])
                if self.unmarked:
                    self._mark(time.time())
                    pause = min(pause, 1.0)
            except Exception as problem:  # nothing may end this thread in silence; its text may hold a token
                say(f"{self.name}: {type(problem).__name__}; tried again in 5 s")
                pause = 5.0
            self.ready.wait(min(max(pause, 0.05), 5.0))

    def _handle(self, event: Event, now: float) -> float:
        """Give one event to the sink if it is time; return how long to wait for the next look at it."""
        if schedule.expired(event, now, self.settings["keep"]):
            say(f"{self.name}: given up after {self.settings['keep']} s: {event.summary}")
            self._forget(event)
            return 5.0
        tries, due = self.tries.get(event.id, (0, 0.0))
        begin = schedule.begins(event, self.settings["rank"], self.sink.folds, self.settings["standby"])
        if now < max(begin, due):
            if now < due or not self._is_there(event):
                return min(max(begin, due) - now, LOOK_AGAIN if self.sink.folds else 5.0)
            self._forget(event)
            return 5.0
        try:
            if self.sink.has(event) or (not event.first and self._known(event)):
                say(f"{self.name}: told by another host: {event.summary}")
            else:
                where = self.sink.send(event, now)
                say(f"{self.name}: {where} has taken: {event.summary}")
                self.unmarked += [event] if self.others else []
        except NotTaken as problem:
            wait = schedule.again(tries + 1, self.settings["rank"])
            self.tries[event.id] = (tries + 1, time.time() + wait)
            if schedule.is_worth_a_line(tries + 1):
                say(f"{self.name}: try {tries + 1}: {problem}")
            return wait
        self._forget(event)
        return 5.0

    def _is_there(self, event: Event) -> bool:
        """Return whether who was first has told it, while this host waits for its turn."""
        try:
            return self.sink.has(event)
        except NotTaken:
            return False

    def _forget(self, event: Event) -> None:
        self.spool.done(event)
        self.tries.pop(event.id, None)

    def _known(self, event: Event) -> bool:
        """Return whether an Alertmanager knows that another host has told this sink."""
        for other in self.others:
            try:
                if other.knows(event, self.name):
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
                    done = other.mark(event, self.name) or done
                except NotTaken:
                    continue
            left += [] if done else [event]
        self.unmarked = left


class Notifier:
    """All of it: one Sentinel, its sinks, and what is remembered."""

    def __init__(self, text: str, state: Path) -> None:
        """Read the settings and what was seen last."""
        self.settings: Dict[str, Any] = json.loads(text)
        self.digest = hashlib.sha256(text.encode()).hexdigest()
        self.state = state
        self.seen = state / "seen.json"
        known = {}
        if self.seen.exists():
            known = {name: Known(*row) for name, row in json.loads(self.seen.read_text(encoding="utf-8")).items()}
        told = self.settings
        self.watch = Watch(told["deployment"], told["host"], told["rank"], known)
        self.kept = dict(self.watch.known) if self.seen.exists() else None
        self.said: queue.Queue[Said] = queue.Queue()
        found = sinks(told["sinks"], told["passwords"])
        for name, count in leftovers(state, list(found)):
            say(f"{name} is not declared any more; {count} events were waiting for it")
        folding = [sink for sink in found.values() if sink.folds]
        self.messengers = [
            Messenger(name, one, [] if one.folds else folding, told, state) for name, one in found.items()
        ]
        self.inbox = state / "inbox"
        self.inbox.mkdir(mode=0o700, exist_ok=True)
        self.heard = False
        self.cues: Set[str] = set()  # sets whose new primary was named since the last look
        self.problem: Optional[str] = None

    def run(self) -> None:
        """Work until the unit is stopped; nothing has to be put in order then."""
        for messenger in self.messengers:
            messenger.start()
        Listener(self.settings, self.said).start()
        due = 0.0
        while True:
            try:
                channel, text = self.said.get(timeout=PAUSE)
                if self._hear(channel, text):
                    due = 0.0
            except queue.Empty:
                self._tell(self.watch.tick(time.time()))
                self._serve()
            if time.monotonic() >= due:
                again = self._look()
                due = time.monotonic() + (PAUSE if again else LOOK_EVERY)

    def _hear(self, channel: str, text: str) -> bool:
        """Take what was said; return whether it is time to look."""
        if channel in (LOST, BACK):
            self.heard = channel == BACK
            self.watch.lose()
            self._report(text)
        else:
            self._tell(self.watch.hear(channel, text, time.time()))
        name = named(channel, text)
        self.cues |= {name} if name else set()
        return channel == BACK or bool(name)

    def _look(self) -> bool:
        """Compare what the Sentinel shows with what was seen last; return whether it is in between."""
        try:
            with Plain(endpoint_of(self.settings, 2.0)) as line:
                found = self._ask(line)
                if not self.watch.blind:
                    self._drain(set(self.watch.moved(found)))
                moved = self.watch.moved(found)
                lost = {name: self._down(line, name) for name in moved if self.watch.blind}
        except QuorumError:
            return True  # the listener says why
        events = self.watch.compare(found, lost, time.time())
        self._tell(events)
        self._remember()
        if not self.heard:
            self.watch.lose()
        return any(name in self.watch.known and now.epoch > self.watch.known[name].epoch for name, now in found.items())

    def _drain(self, moved: Set[str]) -> None:
        """Hear out why they moved: that was said before their new primaries were named."""
        over = time.monotonic() + HEAR_OUT
        while moved - self.cues and time.monotonic() < over:
            try:
                self._hear(*self.said.get(timeout=0.05))
            except queue.Empty:
                continue
        self.cues.clear()

    @staticmethod
    def _ask(line: Client) -> Dict[str, Known]:
        rows = [dict(zip(row[::2], row[1::2])) for row in line.call("SENTINEL", "MASTERS")]
        addresses = {}
        for row in rows:
            place = line.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", row["name"])
            if place:
                addresses[row["name"]] = join_address(place[0], int(place[1]))
        return known_sets(rows, addresses)

    @staticmethod
    def _down(line: Client, name: str) -> Set[str]:
        """Return the replicas that this Sentinel cannot reach."""
        rows = [dict(zip(row[::2], row[1::2])) for row in line.call("SENTINEL", "REPLICAS", name)]
        gone = [row for row in rows if "s_down" in row.get("flags", "").split(",")]
        return {join_address(row["ip"], int(row["port"])) for row in gone}

    def _tell(self, events: List[Event]) -> None:
        """Write events where they survive this process, then wake those who pass them on."""
        for event in events:
            for messenger in self.messengers:
                messenger.spool.put(event)
            note(event)
            for messenger in self.messengers:
                messenger.ready.set()

    def _remember(self) -> None:
        if self.kept != self.watch.known:
            rows = {name: [one.epoch, one.address] for name, one in self.watch.known.items()}
            write(self.seen, json.dumps(rows, sort_keys=True) + "\n")
            self.kept = dict(self.watch.known)

    def _report(self, problem: str) -> None:
        """Say whether the Sentinel is heard: to the log, and in a file for who has changed the settings."""
        if problem != self.problem:
            sets = ", ".join(sorted(self.watch.known)) or "nothing yet"
            say(f"the Sentinel is not heard: {problem}" if problem else f"watching {sets}")
            self.problem = problem
            write(self.state / "status.json", json.dumps({"digest": self.digest, "problem": problem}) + "\n")

    def _serve(self) -> None:
        """Send the test notifications that were asked for."""
        for path in sorted(self.inbox.glob("*.test")):
            event = Event(TEST, self.settings["deployment"], self.settings["host"], time.time(), detail=path.stem)
            path.unlink()
            threading.Thread(target=self._test, args=(event,), daemon=True).start()

    def _test(self, event: Event) -> None:
        note(event)
        answers = {"journal": {"taken": True, "where": "journalctl -t redis-notify"}}
        for messenger in self.messengers:
            try:
                answers[messenger.name] = {"taken": True, "where": messenger.sink.send(event, time.time())}
            except NotTaken as problem:
                answers[messenger.name] = {"taken": False, "where": str(problem)}
        write(self.inbox / f"{event.detail}.answer", json.dumps(answers) + "\n")


def main() -> int:
    """Run the notifier of this host; a test gives other places."""
    settings = Path(os.environ.get("REDIS_NOTIFY_SETTINGS", str(SETTINGS)))
    state = Path(os.environ.get("REDIS_NOTIFY_STATE", str(STATE)))
    try:
        notifier = Notifier(settings.read_text(encoding="utf-8"), state)
    except (OSError, ValueError, KeyError) as problem:
        sys.stderr.write(f"not started: {problem}\n")
        return 1
    notifier.run()
    return 0
