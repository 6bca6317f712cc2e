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
from typing import Any, Dict, List, Optional, Set

from .._core.errors import QuorumError
from .._model.addresses import join_address
from .._model.notification import TEST, Event, read_deed
from .._model.sentinel_events import Known, Watch, find_named, known_sets
from .._redis.client import Client
from .._redis.plain import Plain
from .listener import BACK, LOST, PAUSE, Listener, Message, endpoint_of
from .messenger import Messenger
from .sinks import NotTaken, log_event, log_line, make_sinks
from .spool import remove_undeclared, write_file

SETTINGS, STATE = Path("/etc/redis-notify/settings.json"), Path("/var/lib/redis-notify")
LOOK_EVERY, HEAR_OUT = 10.0, 2.0


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
        settings = self.settings
        self.watch = Watch(settings["deployment"], settings["host"], settings["rank"], known)
        self.kept = dict(self.watch.known) if self.seen.exists() else None
        self.messages: queue.Queue[Message] = queue.Queue()
        sinks = make_sinks(settings["sinks"], settings["passwords"])
        for name, count in remove_undeclared(state, list(sinks)):
            log_line(f"{name} is not declared any more; {count} events were waiting for it")
        folding = [sink for sink in sinks.values() if sink.folds]
        self.messengers = [
            Messenger(name, sink, [] if sink.folds else folding, settings, state) for name, sink in sinks.items()
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
        Listener(self.settings, self.messages).start()
        due = 0.0
        while True:
            try:
                channel, text = self.messages.get(timeout=PAUSE)
                if self._hear(channel, text):
                    due = 0.0
            except queue.Empty:
                self._tell(self.watch.check_down(time.time()))
                self._serve()
            if time.monotonic() >= due:
                again = self._look()
                due = time.monotonic() + (PAUSE if again else LOOK_EVERY)

    def _hear(self, channel: str, text: str) -> bool:
        """Take what was said; return whether it is time to look."""
        if channel in (LOST, BACK):
            self.heard = channel == BACK
            self.watch.note_loss()
            self._report(text)
        else:
            self._tell(self.watch.hear_message(channel, text, time.time()))
        name = find_named(channel, text)
        self.cues |= {name} if name else set()
        return channel == BACK or bool(name)

    def _look(self) -> bool:
        """Compare what the Sentinel shows with what was seen last; return whether it is in between."""
        try:
            with Plain(endpoint_of(self.settings, 2.0)) as line:
                sets = self._ask(line)
                if not self.watch.blind:
                    self._drain(set(self.watch.list_moved(sets)))
                moved = self.watch.list_moved(sets)
                lost = {name: self._down(line, name) for name in moved if self.watch.blind}
        except QuorumError:
            return True  # the listener says why
        events = self.watch.compare_look(sets, lost, time.time())
        self._tell(events)
        self._remember()
        if not self.heard:
            self.watch.note_loss()
        return any(name in self.watch.known and now.epoch > self.watch.known[name].epoch for name, now in sets.items())

    def _drain(self, moved: Set[str]) -> None:
        """Hear out why they moved: that was said before their new primaries were named."""
        over = time.monotonic() + HEAR_OUT
        while moved - self.cues and time.monotonic() < over:
            try:
                self._hear(*self.messages.get(timeout=0.05))
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
                messenger.spool.keep_event(event)
            log_event(event)
            for messenger in self.messengers:
                messenger.ready.set()

    def _remember(self) -> None:
        if self.kept != self.watch.known:
            rows = {name: [known.epoch, known.address] for name, known in self.watch.known.items()}
            write_file(self.seen, json.dumps(rows, sort_keys=True) + "\n")
            self.kept = dict(self.watch.known)

    def _report(self, problem: str) -> None:
        """Say whether the Sentinel is heard: to the log, and in a file for who has changed the settings."""
        if problem != self.problem:
            sets = ", ".join(sorted(self.watch.known)) or "nothing yet"
            log_line(f"the Sentinel is not heard: {problem}" if problem else f"watching {sets}")
            self.problem = problem
            write_file(self.state / "status.json", json.dumps({"digest": self.digest, "problem": problem}) + "\n")

    def _serve(self) -> None:
        """Send the test notifications that were asked for, and tell what a playbook does."""
        for path in sorted(self.inbox.glob("*.test")):
            event = Event(TEST, self.settings["deployment"], self.settings["host"], time.time(), detail=path.stem)
            path.unlink()
            threading.Thread(target=self._test, args=(event,), daemon=True).start()
        for path in sorted(self.inbox.glob("*.deed")):
            try:
                self._tell([read_deed(path.stem, self.settings["deployment"], self.settings["host"], time.time())])
            except ValueError as problem:
                log_line(f"not told: {problem}")
            path.unlink()

    def _test(self, event: Event) -> None:
        log_event(event)
        answers = {"journal": {"taken": True, "where": "journalctl -t redis-notify"}}
        for messenger in self.messengers:
            try:
                answers[messenger.name] = {"taken": True, "where": messenger.sink.send_event(event, time.time())}
            except NotTaken as problem:
                answers[messenger.name] = {"taken": False, "where": str(problem)}
        write_file(self.inbox / f"{event.detail}.answer", json.dumps(answers) + "\n")


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
