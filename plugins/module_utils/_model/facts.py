# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host knows of its data sets beside what an exporter sees, as metrics for Prometheus. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from .addresses import join_address
from .cluster_slots import count_slots
from .cluster_status import judge_clusters
from .cluster_view import list_answering
from .status_verdict import Problem, judge_sets

PREFIX = "quorum_redis_"
HELP = {
    "facts_timestamp_seconds": "When these facts were written.",
    "declared_members": "Members of a data set by the inventory.",
    "declared_sentinels": "Sentinels of a data set by the inventory.",
    "healthy": "1: quorum.redis.status says that the data set is as declared, as seen from this host.",
    "problems": "Problems that quorum.redis.status shows, by kind, as seen from this host.",
    "cluster_slots": "Slots that a member of a cluster says are its own, as this host was told.",
    "backup_period_seconds": "How often a backup is to be made by the timer of this host and others.",
    "backup_last_success_timestamp_seconds": "When the newest good backup on this host ended.",
    "backup_last_proof_timestamp_seconds": "When the newest backup on this host that was proven ended.",
    "backup_last_copy_timestamp_seconds": "When the newest backup was made that this host has copied away.",
    "backup_last_drill_timestamp_seconds": "When a backup on this host last passed a restore drill.",
    "certificate_not_after_timestamp_seconds": "When the certificate in the file ends.",
    "certificate_served_not_after_timestamp_seconds": "When the certificate ends that the process shows.",
    "rotation_began_timestamp_seconds": "Since when a user has two passwords.",
    "restart_wanted": "1: the process runs another program than the installed one, or a restart that it needs is left.",
}
Labels = Tuple[Tuple[str, str], ...]


@dataclass
class Process:
    """One server or Sentinel of this host: what was found out about it."""

    labels: Mapping[str, str]  # its set, where it has one, and its address
    restart_wanted: Optional[bool] = None
    served_until: Optional[float] = None
    rotating: Mapping[str, float] = field(default_factory=dict)


@dataclass
class Observations:
    """What one look has found."""

    servers: Mapping[str, Mapping[str, Mapping[str, Any]]]
    sentinels: Mapping[str, Mapping[str, Any]]
    processes: Sequence[Process] = ()
    backups: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    certificate_until: Optional[float] = None


class Metrics:
    """Values by name and labels."""

    def __init__(self, **common: str) -> None:
        """Take the labels that all of them have."""
        self.common = common
        self.values: Dict[str, Dict[Labels, float]] = {}

    def add_metric(self, name: str, value: Optional[float], **labels: str) -> None:
        """Add one, unless its value is not known."""
        if value is not None:
            key = tuple(sorted({**self.common, **labels}.items()))
            self.values.setdefault(name, {})[key] = float(value)

    def render_text(self) -> str:
        """Return them as Prometheus reads them, without times of their own, which the textfile collector refuses."""
        lines: List[str] = []
        for name in HELP:
            rows = self.values.get(name, {})
            head = [f"# HELP {PREFIX}{name} {HELP[name]}", f"# TYPE {PREFIX}{name} gauge"]
            lines += head if rows else []
            lines += [f"{PREFIX}{name}{{{_shown(labels)}}} {value:.15g}" for labels, value in sorted(rows.items())]
        return "\n".join(lines) + "\n"


def _shown(labels: Labels) -> str:
    escaped = {"\\": r"\\", '"': r"\"", "\n": r"\n"}
    return ",".join(f'{key}="{"".join(escaped.get(sign, sign) for sign in value)}"' for key, value in labels)


def collect_facts(settings: Mapping[str, Any], seen: Observations, now: float) -> str:
    """Return the metrics of a host, from what it is told and what it has found."""
    metrics = Metrics(deployment=settings["deployment"], host=settings["me"])
    metrics.add_metric("facts_timestamp_seconds", now)
    metrics.add_metric("certificate_not_after_timestamp_seconds", seen.certificate_until)
    _add_verdict(metrics, settings, seen)
    for name, backups in seen.backups.items():
        for what, when in backups.items():
            metrics.add_metric(f"backup_last_{what}_timestamp_seconds", when, set=name)
    backup = settings.get("backup") or {}
    for name in backup.get("sets", []):
        metrics.add_metric("backup_period_seconds", backup["period"], set=name)
    for process in seen.processes:
        metrics.add_metric("restart_wanted", process.restart_wanted, **process.labels)
        metrics.add_metric("certificate_served_not_after_timestamp_seconds", process.served_until, **process.labels)
        for user, since in process.rotating.items():
            metrics.add_metric("rotation_began_timestamp_seconds", since, user=user, **process.labels)
    return metrics.render_text()


def _add_verdict(metrics: Metrics, settings: Mapping[str, Any], seen: Observations) -> None:
    """Add what `status` would say of these sets now."""
    names = {status["name"] for status in settings["sets"]}
    others = set(settings["declared"]) - names
    # A Sentinel of this deployment watches sets too that are none of this host's.
    sentinels = {host: _without(view, others) for host, view in seen.sentinels.items()}
    model = {"instances": settings["sets"], "sentinel": {"members": settings["sentinels"]}}
    sets, left = judge_sets(model, seen.servers, sentinels)
    for status in sets:
        _add_set(metrics, status.declared, status.problems)
        metrics.add_metric("declared_sentinels", len(status.watching), set=status.declared["name"])
    for cluster in judge_clusters(settings, seen.servers):
        _add_set(metrics, cluster.declared, cluster.problems)
        for member in list_answering(cluster.members):
            addr = join_address(member.server.address, member.server.port)
            metrics.add_metric("cluster_slots", count_slots(member.slots), set=cluster.declared["name"], addr=addr)
    for code, count in Counter(problem.code for problem in left).items():
        metrics.add_metric("problems", count, code=code)


def _add_set(metrics: Metrics, declared: Mapping[str, Any], problems: Sequence[Problem]) -> None:
    name = declared["name"]
    metrics.add_metric("declared_members", len(declared["members"]), set=name)
    metrics.add_metric("healthy", not problems, set=name)
    for code, count in Counter(problem.code for problem in problems).items():
        metrics.add_metric("problems", count, set=name, code=code)


def _without(view: Mapping[str, Any], others: Any) -> Mapping[str, Any]:
    return {**view, "masters": {name: master for name, master in view["masters"].items() if name not in others}}
