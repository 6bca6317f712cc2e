# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The facts that a host has written for Prometheus, read again for a page. Pure."""

from __future__ import annotations

import re
from typing import Dict, List, Mapping, Optional, Sequence, Tuple

_ROW = re.compile(r"^quorum_redis_(\w+)_timestamp_seconds\{(.*)\} (-?\d+(?:\.\d+)?(?:e[-+]?\d+)?)$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
BACKUPS = ("backup_last_success", "backup_last_proof", "backup_last_copy", "backup_last_drill")
CERTIFICATES = ("certificate_not_after", "certificate_served_not_after")


def read_moments(text: str) -> Dict[str, Dict[str, float]]:
    """Return by name of the set, and for the host itself by an empty one, when something was or will be."""
    moments: Dict[str, Dict[str, float]] = {}
    for name, labels, value in _ROW.findall(text):
        labelled = dict(_LABEL.findall(labels))
        if "user" not in labelled and ("addr" not in labelled or "set" in labelled):
            of_one = moments.setdefault(labelled.get("set", ""), {})
            # Of several members on a host the one counts whose moment comes first, or was longest ago.
            of_one[name] = min(float(value), of_one.get(name, float(value)))
    return moments


def facts_of_set(facts: Mapping[str, Mapping[str, float]], name: str) -> Dict[str, float]:
    """Return what a host knows of a set, and of itself."""
    return {**facts.get("", {}), **facts.get(name, {})}


def list_moments(
    by_host: Mapping[str, Mapping[str, float]], names: Sequence[str]
) -> List[Tuple[str, List[Optional[float]]]]:
    """Return each host that knows one of these, with its moments; None for what it does not know."""
    return [
        (host, [known.get(name) for name in names])
        for host, known in by_host.items()
        if any(name in known for name in names)
    ]
