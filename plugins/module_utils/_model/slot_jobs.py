# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs with which an engine moves slots by itself, all keys of some slots at once, in one shape for both engines; pure.

Valkey 9.0 is told at the source (CLUSTER MIGRATESLOTS), Redis 8.4 at the target (CLUSTER MIGRATION). Until the last
moment the source serves the slots, then the target: nothing is half-way for clients, nor when somebody dies.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Iterable, List, Sequence, Tuple

from .cluster_slots import Range, ranges_of, slots_of
from .versions import Version, parse_version

MOST = 1000  # slots of one job: what a failure throws away
FAILURES = 5  # of one range, until it goes key by key
SINCE: Sequence[Tuple[str, Version]] = (("valkey", (9,)), ("redis", (8, 4)))
ASKED = {"valkey": ("CLUSTER", "GETSLOTMIGRATIONS"), "redis": ("CLUSTER", "MIGRATION", "STATUS", "ALL")}
DONE, CANCELLED, FAILED = {"success", "completed"}, {"cancelled", "canceled"}, {"failed"}


@dataclass(frozen=True)
class SlotJob:
    """One job as one of its two sides tells it."""

    name: str
    source: str  # identities
    target: str
    slots: str  # as ranges: "0-99 200-299"
    state: str
    message: str = ""
    operation: str = ""  # "import" and "migrate" of Redis, in capitals "IMPORT" and "EXPORT" of Valkey

    @property
    def ranges(self) -> List[Range]:
        """Return the slots."""
        borders = [word.partition("-") for word in self.slots.split()]
        return [(int(first), int(last or first)) for first, _dash, last in borders]

    @property
    def is_done(self) -> bool:
        """Return whether the target has the slots."""
        return self.state in DONE

    @property
    def is_cancelled(self) -> bool:
        """Return whether somebody has ended it."""
        return self.state in CANCELLED

    @property
    def is_tried_again(self) -> bool:
        """Return whether it has failed and has not ended: Redis tries an import again each second until cancelled."""
        return self.state in FAILED and self.operation == "import"

    @property
    def is_running(self) -> bool:
        """Return whether it has not ended."""
        return self.is_tried_again or self.state not in DONE | CANCELLED | FAILED


def has_jobs(engine: str, version: str) -> bool:
    """Return whether an engine moves slots by itself."""
    return any(engine == name and parse_version(version) >= since for name, since in SINCE)


def choose_engine(servers: Iterable[Tuple[str, str]]) -> str:
    """Return which engine moves the slots, of primaries by engine and version; none where it goes key by key."""
    seen = list(servers)
    engines = {engine for engine, _version in seen}
    return engines.pop() if len(engines) == 1 and all(has_jobs(*each) for each in seen) else ""


def parse_jobs(rows: Sequence[Any]) -> List[SlotJob]:
    """Return the jobs that a server tells of; a replica of Valkey does not know between whom they are."""
    jobs = []
    for row in rows:
        job = dict(row) if isinstance(row, dict) else dict(zip(row[::2], row[1::2]))
        source = job.get("source_node") or job.get("source")
        target = job.get("target_node") or job.get("dest")
        if source and target:
            jobs.append(
                SlotJob(
                    str(job.get("name") or job.get("id")),
                    str(source),
                    str(target),
                    str(job.get("slot_ranges") or job.get("slots")),
                    str(job["state"]),
                    str(job.get("message") or job.get("last_error") or "").strip(),
                    str(job.get("operation") or ""),
                )
            )
    return jobs


def begin_job(engine: str, ranges: Sequence[Range], target: str) -> List[object]:
    """Return the command that begins a job."""
    borders = [border for each in ranges for border in each]
    if engine == "valkey":
        return ["CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", *borders, "NODE", target]
    return ["CLUSTER", "MIGRATION", "IMPORT", *borders]


def cancel_job(name: str) -> List[object]:
    """Return the command that ends an import of Redis."""
    return ["CLUSTER", "MIGRATION", "CANCEL", "ID", name]


def first_part(ranges: Iterable[Range], most: int) -> List[Range]:
    """Return the first slots of ranges, as many as one job may have."""
    return ranges_of(sorted(slots_of(ranges))[:most])
