# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Undo what an interrupted failover has left behind."""

from __future__ import annotations

from .._redis.client import Client
from .interrupted import AbortFailover, PromoteAgain, Repair, ResetSetting


def repair_member(client: Client, step: Repair) -> None:
    """Carry out one of these steps on its member."""
    if isinstance(step, ResetSetting):
        client.call("CONFIG", "SET", step.key, step.value)
    elif isinstance(step, AbortFailover):
        client.call("FAILOVER", "ABORT")
    elif isinstance(step, PromoteAgain):
        client.call("REPLICAOF", "NO", "ONE")
    client.call("CONFIG", "REWRITE")
