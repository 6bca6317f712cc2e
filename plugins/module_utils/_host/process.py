# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The process of a unit: found wherever it listens, and not taken for another one that answers in its place."""

from __future__ import annotations

import time
from dataclasses import replace

from .._core.errors import QuorumError, Refused
from .._redis.client import Client, connect
from .._redis.endpoint import Endpoint
from .._redis.locate import connect_running
from .._redis.replies import parse_info
from .listeners import of_process
from .services import show_units


def connect_unit(endpoint: Endpoint, state: str | None, variable: str, unit: str) -> Client | None:
    """Connect to the process as `connect_running` does, and to that of `unit` also where a wrong bind has left it."""
    client = connect_running(endpoint, state, variable)
    if not unit:
        return client
    if client is not None:
        return check_process(client, unit)
    for listener in of_process(main_pid(unit)):
        try:
            return check_process(connect(replace(endpoint, address=listener.reached_at, port=listener.port)), unit)
        except Refused:
            raise
        except QuorumError:
            continue
    return None


def check_process(client: Client, unit: str) -> Client:
    """Refuse a process that answers and is not that of the unit: it may be another machine's."""
    pid, answers = 0, ""
    for pause in (0.0, 1.0):  # a restart may come in between
        time.sleep(pause)
        pid, answers = main_pid(unit), parse_info(client.call("INFO")).get("process_id", "")
        if pid < 0 or answers in ("", str(pid)):
            return client
    where, address = str(client.endpoint), client.endpoint.address
    client.close()
    raise Refused(
        f"What answers there is process {answers} of {address}, but {unit} of this host "
        f"{f'is process {pid}' if pid else 'does not run'}",
        where,
        "Nothing was changed there. Correct redis_address, or stop what is not ours",
    )


def main_pid(unit: str) -> int:
    """Return the process of a unit, 0 when it does not run, less where systemd does not tell."""
    value = show_units("MainPID", unit).partition("=")[2]
    return int(value) if value.isdecimal() else -1
