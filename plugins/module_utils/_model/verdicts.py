# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run tells programs at its end, as `set_stats` does: AWX keeps it as artifacts of the job. Pure."""

from __future__ import annotations

from typing import Any, Dict, Mapping

# Documented with their keys in docs/awx.md. A workflow of AWX gives them to its next job as extra variables, which win
# over everything: nothing else may have one of these names.
VERDICTS = (
    *("redis_status", "redis_moved", "redis_restarted", "redis_backups", "redis_restored", "redis_upgraded"),
    *("redis_rotated", "redis_retired", "redis_removed"),
)


def tell_verdict(name: str, data: Mapping[str, Any]) -> Dict[str, Any]:
    """Return what a module adds to its result; Ansible merges it with what others told under this name in the run."""
    if name not in VERDICTS:
        raise ValueError(f"{name} is no verdict")
    return {"ansible_stats": {"data": {name: dict(data)}, "per_host": False, "aggregate": True}}
