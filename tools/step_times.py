"""Where the time of the steps of `make test` goes: their logs are watched while they grow, and added up afterwards."""

from __future__ import annotations

import re
import threading
import time
from collections import defaultdict
from collections.abc import Collection, Iterable
from pathlib import Path
from types import TracebackType

# What begins and ends a phase: actions of molecule, tasks of Ansible; and what tests/measured.py says at the end.
ACTION = re.compile(r"INFO +\[\S+ > (\w+)\] (Executing|Executed)(?:$|:)")
TASK = re.compile(r"(?:TASK|RUNNING HANDLER|PLAY) (?:RECAP|\[([^\]]*))")
PACKAGES = re.compile(r": Install .*packages")
SPENT = re.compile(r"spent: (\w+): (\d+) times, ([\d.]+) s")
RESULT = re.compile(r"result: ([\d.]+) s, idle ([\d.]+)")
REMOVED = re.compile(r"(?m)^\[0\] tools/lab destroy .*: ([\d.]+) s$")
MARKS = (ACTION, TASK, SPENT, RESULT)
PHASES = {"create": "hosts", "prepare": "hosts", "check": "deploy", "converge": "deploy", "idempotence": "deploy"}
COLUMNS = {
    "hosts": "making hosts",
    "packages": "packages",
    "deploy": "deploying",
    "plays": "playbooks of the stories",
    "waits": "their waits",
    "rest": "their rest",
    "removal": "removing",
    "all": "all",
}
EVERY = 0.2


class Clock(threading.Thread):
    """Notes beside a log when its lines came."""

    def __init__(self, log: Path) -> None:
        """Do not start yet."""
        super().__init__(daemon=True)
        self.log, self.over = log, threading.Event()

    def __enter__(self) -> None:
        """Start."""
        self.start()

    def __exit__(self, _kind: type[BaseException] | None, _what: object, _where: TracebackType | None) -> None:
        """Note the last lines and end."""
        self.over.set()
        self.join()

    def run(self) -> None:
        """Look for new lines until it is over, and once more."""
        with self.log.open("rb") as lines, self.log.with_suffix(".times").open("w", encoding="utf-8") as times:
            rest, last = b"", False
            while not last:
                last = self.over.wait(EVERY)
                *whole, rest = (rest + lines.read()).split(b"\n")
                for line in whole:
                    text = line.decode("utf-8", errors="replace")
                    if any(mark.match(text) for mark in MARKS):
                        print(f"{time.time():.1f} {text[:200]}", file=times, flush=True)


class Idle:
    """How idle the processors are from now on."""

    def __init__(self) -> None:
        """Begin."""
        self.idle, self.whole = self._times()

    def share(self) -> float:
        """Return the idle part of their time so far."""
        idle, whole = self._times()
        return (idle - self.idle) / max(1, whole - self.whole)

    @staticmethod
    def _times() -> tuple[int, int]:
        words = Path("/proc/stat").read_text(encoding="ascii").splitlines()[0].split()[1:9]
        times = [int(word) for word in words]
        return times[3] + times[4], sum(times)


def add_up(lines: Iterable[str]) -> dict[str, float]:
    """Return the seconds of each phase, from the lines that a clock has noted."""
    seconds: dict[str, float] = defaultdict(float)
    phase, since, packages_since = "", 0.0, 0.0
    for line in lines:
        word, _space, text = line.partition(" ")
        now = float(word)
        if packages_since and TASK.match(text):
            seconds["packages"] += now - packages_since
            seconds["deploy"] -= now - packages_since
            packages_since = 0.0
        if found := ACTION.match(text):
            if phase:
                seconds[phase] += now - since
            phase, since = PHASES.get(found[1], found[1]) if found[2] == "Executing" else "", now
        elif (found := TASK.match(text)) and phase == "deploy" and PACKAGES.search(found[1] or ""):
            packages_since = now
        elif found := SPENT.match(text):
            seconds[found[1]] += float(found[3])
            seconds[f"number of {found[1]}"] += int(found[2])
        elif found := RESULT.match(text):
            seconds["all"], seconds["idle"] = float(found[1]), float(found[2])
    seconds["rest"] = max(0.0, seconds["verify"] - seconds["plays"] - seconds["waits"])
    return seconds


def phase_table(logs: Path, names: Collection[str] = ()) -> list[str]:
    """Return the table of the steps whose times lie there, or of those that are named, the longest first."""
    found = {}
    for path in logs.glob("*.times"):
        if not names or path.stem in names:
            found[path.stem] = add_up(path.read_text(encoding="utf-8").splitlines())
            end = path.with_suffix(".end")
            removals = REMOVED.finditer(end.read_text(encoding="utf-8")) if end.exists() else ()
            found[path.stem]["removal"] = sum(float(one[1]) for one in removals)
    rows = [f"| step | {' | '.join(COLUMNS.values())} | idle |", f"|---|{'--:|' * (len(COLUMNS) + 1)}"]
    for name, seconds in sorted(found.items(), key=lambda item: -item[1]["all"]):
        cells = [f"{seconds[column]:.0f}" if seconds[column] >= 0.5 else "" for column in COLUMNS]
        if plays := seconds["number of plays"]:
            cells[list(COLUMNS).index("plays")] += f" ({plays:.0f})"
        rows.append(f"| {name} | {' | '.join(cells)} | {seconds['idle']:.0%} |")
    return rows
