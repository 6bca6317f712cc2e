# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the journal says of a restore that is at work."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, List, Optional


@dataclass
class JournalEntry:
    """How far a restore has come; no secret is in it."""

    name: str
    head: str
    backup: str
    sha256: str
    kept: str = ""
    replication_id: str = ""
    databases: Optional[Dict[str, int]] = None  # of the primary, since it is read-only
    feeder_id: str = ""
    feeder_pid: int = 0
    expected: Dict[str, int] = field(default_factory=dict)
    replicas: List[str] = field(default_factory=list)
