# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a configuration of HAProxy and its statistics say, read back; pure."""

from __future__ import annotations

import re
from typing import List

from .haproxy import DEPLOYMENT

HIDDEN = "(hidden)"


def digest_of(text: str) -> str:
    """Return the description of a file, or of what HAProxy shows of itself."""
    match = re.search(r"^(?:    description |description: )(\S+)$", text, re.MULTILINE)
    return match.group(1) if match else ""


def leads_to(table: str, name: str, way: str = "primary") -> List[str]:
    """Return the servers that take writes of a set, or `insync` reads, from what HAProxy tells as `show stat`."""
    rows = [row.split(",") for row in table.splitlines()]
    head = {title.lstrip("# "): number for number, title in enumerate(rows[0])} if rows else {}
    servers = [row for row in rows[1:] if row[0] == f"{name}_{way}" and row[1] not in ("FRONTEND", "BACKEND")]
    return [row[1] for row in servers if row[head["status"]].startswith("UP")]


def deployment_of(text: str) -> str:
    """Return whose endpoints a file holds, empty when it says nothing."""
    match = re.search(rf"^{DEPLOYMENT}(.*)$", text, re.MULTILINE)
    return match.group(1) if match else ""


def without_secrets(text: str) -> str:
    """Return the file as people may read it: passwords are in what is sent."""
    return re.sub(r"(send-binary) [0-9a-f]+", rf"\1 {HIDDEN}", text)
