# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody has told a running process beside its file: users of a server, settings of a Sentinel."""

from __future__ import annotations

from typing import Any, Mapping

from .._model.sentinel_settings import list_altered
from .._redis.client import Client
from .._redis.observe import ask_settings, ask_users
from .steps import TellSentinel


def warn_users(client: Client, guard: Mapping[str, Any] | None) -> list[str]:
    """Return the sentence for users of a server for which none are declared; with declared ones the module acl says it.

    They live in this one server and are shut out by a failover.
    """
    users = ask_users(client) if guard is not None and not guard["acl"] else []
    if not users:
        return []
    return [
        f"not declared and left alone: the ACL users {', '.join(users)}, which only this server knows. Declare them in "
        "redis_acl_users, or ACL DELUSER them"
    ]


def correct_sentinel(client: Client, parameters: Mapping[str, Any], label: str) -> list[TellSentinel]:
    """Return the steps that take back what `SENTINEL CONFIG SET` has changed; nothing before 6.2, which has it not."""
    lines = [str(line).split() for line in parameters.get("sentinel") or []]
    declared = {words[0]: words[1] for words in lines if len(words) == 2 and words[0].startswith("announce-")}
    return [
        TellSentinel(
            f"{label}: set at run time {key} {old or repr('')} -> {new}", ["SENTINEL", "CONFIG", "SET", key, new]
        )
        for key, old, new in list_altered(ask_settings(client), declared)
    ]
