# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a backup is of, where it goes, and how it is made and proven."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, Optional

from .._redis.endpoint import Endpoint
from .catch_up import Point
from .save import Save
from .snapshot import Snapshot


@dataclass
class Job:
    """What to back up, where to, and how."""

    data_set: str
    member: str
    endpoint: Endpoint
    directory: str = "/var/backups/redis"
    binary: str = "/usr/bin/redis-server"
    user: str = "redis"
    unit: str = ""
    compression: str = "none"
    load: bool = True
    aof: bool = False
    wait: float = 3600.0
    trial_host: str = ""  # who loads it instead of this host
    save: Optional[Save] = None  # a shard of a cluster: one that was begun already, with those of the others
    snapshot: Optional[Snapshot] = None  # its file, when it was opened already
    reach: Optional[Point] = None  # what the snapshot must have
    part: Dict[str, Any] = field(default_factory=dict)  # what its manifest says of the cluster

    @property
    def place(self) -> Path:
        """Return the directory of the data set's backups."""
        return Path(self.directory) / self.data_set
