# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Undo what an interrupted failover has left behind."""

from __future__ import annotations

from .._core.reconcile import Step
from .._redis.client import Client


def repair(client: Client, step: Step) -> None:
    """Carry out one of these steps on its member."""
    kind = step.data["repair"]
    if kind == "set":
        client.call("CONFIG", "SET", step.data["key"], step.data["value"])
    elif kind == "abort":
        client.call("FAILOVER", "ABORT")
    else:
        client.call("REPLICAOF", "NO", "ONE")
    client.call("CONFIG", "REWRITE")
