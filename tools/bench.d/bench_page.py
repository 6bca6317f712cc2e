# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tools/bench has measured, as tables for docs/benchmark.md."""

from __future__ import annotations

import datetime
import os
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

MARK = "<!-- tools/bench writes from here -->\n"
BARE, SITE, EMPTY, STATUS = "bare script", "site.yml", "empty play", "status.yml"
# Seconds that the goals of the project allow a run of so many hosts without a change.
SECONDS = {3: 10.0, 30: 50.0, 100: 160.0}
EXECUTIONS = 15.0


@dataclass
class Run:
    """One run of a program; `cpu` in seconds, and `memory` of its largest process in MB, on this side."""

    seconds: float
    cpu: float
    memory: float
    tasks: list[dict[str, Any]] = field(default_factory=list)
    changed: int = 0

    @property
    def executions(self) -> int:
        """Module executions of the busiest host."""
        hosts: dict[str, int] = {}
        for task in self.tasks:
            for host, times in task["hosts"].items() if task["remote"] else ():
                hosts[host] = hosts.get(host, 0) + times
        return max(hosts.values(), default=0)


@dataclass
class Subject:
    """The runs of one program: the first one on fresh hosts, if it has one, and those that change nothing."""

    first: Run | None = None
    again: list[Run] = field(default_factory=list)

    def usual(self, what: str = "seconds") -> float:
        """Return the median of the runs that change nothing."""
        return float(median(getattr(run, what) for run in self.again))


@dataclass
class Result:
    """What was measured for a number of hosts."""

    hosts: int
    subjects: dict[str, Subject] = field(default_factory=dict)
    busy: float = 0.0
    cluster: bool = False

    def ratio(self, what: str, to: str) -> float | None:
        """Return how many times as long one takes as the other when nothing changes."""
        if not {what, to} <= set(self.subjects):
            return None
        return self.subjects[what].usual() / self.subjects[to].usual()

    def first_ratio(self) -> float | None:
        """Return how many times as long as the script site.yml takes on fresh hosts."""
        bare, site = (self.subjects.get(name, Subject()).first for name in (BARE, SITE))
        return site.seconds / bare.seconds if site and bare else None


def table(results: list[Result]) -> str:
    """Return the results as Markdown."""
    lines = [
        "| hosts | what | first run | no change | CPU, first | CPU, no change | memory | tasks | executions per host |",
        "|---:|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for result in results:
        for name, subject in result.subjects.items():
            first, last = subject.first, subject.again[-1]
            begun = [f"{first.seconds:.1f} s", f"{first.cpu:.1f} s"] if first else ["", ""]
            counts = [str(len(last.tasks)), str(last.executions)] if last.tasks else ["", ""]
            cells = [
                f"{result.hosts}{', cluster' if result.cluster else ''}",
                name,
                begun[0],
                f"{subject.usual():.1f} s",
                begun[1],
            ]
            cells += [f"{subject.usual('cpu'):.1f} s", f"{subject.usual('memory'):.0f} MB", *counts]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def goals(results: list[Result]) -> str:
    """Return which goals are met, as Markdown."""
    lines = ["| goal | measured | |", "|---|---:|---|"]

    def row(text: str, measured: float | None, limit: float, unit: str = "") -> None:
        if measured is not None:
            lines.append(f"| {text} | {measured:.1f}{unit} | {'met' if measured <= limit else 'missed'} |")

    for result in results:
        who = f"{result.hosts} hosts{', cluster' if result.cluster else ''}"
        row(f"{who}, first run: at most 3 times the bare script", result.first_ratio(), 3)
        if result.hosts == 3:
            row(f"{who}, no change: at most 5 times the bare script", result.ratio(SITE, BARE), 5)
            row(f"{who}, no change: at most 1.3 times the empty play", result.ratio(SITE, EMPTY), 1.3)
            row(f"{who}, status: at most 3 times the bare script", result.ratio(STATUS, BARE), 3)
        site = result.subjects.get(SITE)
        if site and result.hosts == 3:
            row(f"executions per host, no change: at most {EXECUTIONS:.0f}", site.again[-1].executions, EXECUTIONS)
        if site and result.hosts in SECONDS and not result.cluster:
            limit = SECONDS[result.hosts]
            row(f"{who}, no change: under {limit:.0f} s", site.usual(), limit, " s")
    return "\n".join(lines)


def machine() -> str:
    """Return what kind of machine this is, in general words."""
    memory = int(Path("/proc/meminfo").read_text(encoding="utf-8").split()[1]) / 1e6
    release = dict(line.split("=", 1) for line in Path("/etc/os-release").read_text(encoding="utf-8").splitlines())
    return f"{os.cpu_count()} cores, {memory:.0f} GB of memory, {release['PRETTY_NAME'].strip(chr(34))}"


def write(page: Path, results: list[Result], runs: int) -> None:
    """Put the tables behind the mark of the page."""
    busy = max(result.busy for result in results)
    beside = f" Beside other work, which took up to {busy:.0%} of this machine." if busy > 0.25 else ""
    body = (
        f"\nMeasured on {datetime.datetime.now(tz=datetime.UTC):%Y-%m-%d}: {machine()}, which runs the controller and "
        f"all hosts; Debian 12 hosts with Redis; no change is the median of {runs} runs.{beside}\n\n"
        f"{table(results)}\n\n## Goals\n\n{goals(results)}\n"
    )
    page.write_text(page.read_text(encoding="utf-8").partition(MARK)[0] + MARK + body, encoding="utf-8")
