# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A running process and its settings: read, probe without effect, set all or none, switch the AOF on."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from typing import Sequence

from .._core.errors import (
    BadConfig,
    CommandFailed,
    QuorumError,
)
from .._host.services import show_units
from .._model.conf_syntax import parse_state_file
from .._model.versions import parse_version, running_version
from .._redis.client import Client
from .._redis.replies import parse_info
from .diff import FIXED, Change, Live, is_unprobed


def read_process(client: Client, state: str | None, binary: str, sentinel: bool) -> Live:
    """Read what runs: version, settings, use of memory, and what the process was started with."""
    live = Live(**parse_state_file(state))
    live.info = parse_info(client.call("INFO"))
    live.version = running_version(live.info)
    if not sentinel:
        try:
            live.config = client.read_pairs("CONFIG", "GET", "*")
        except CommandFailed as problem:
            live.config_refused = f"the server does not answer CONFIG: {problem.text}"
    _read_process(live, binary)
    return live


def _read_process(live: Live, binary: str) -> None:
    """Read what only the kernel knows of a process on this host; nothing when it is somewhere else."""
    process = f"/proc/{live.info.get('process_id', '')}"
    try:
        program = os.readlink(f"{process}/exe")
        live.replaced = program == os.path.realpath(binary) + " (deleted)"
        if live.replaced or program == os.path.realpath(binary):
            limit = re.search(r"Max open files\s+\S+\s+(\d+)", Path(f"{process}/limits").read_text(encoding="utf-8"))
            live.open_files = int(limit.group(1)) if limit else 0
            whose = Path(process).stat()
            live.account = whose.st_uid, whose.st_gid
    except OSError:
        return


def is_started(unit: str) -> bool:
    """Return whether systemd runs this unit and will at the next boot."""
    return {"ActiveState=active", "UnitFileState=enabled"} <= {*show_units("ActiveState,UnitFileState", unit).split()}


def probe_changes(client: Client, changes: Sequence[Change], live: Live) -> None:
    """Ask the server which of these it takes at run time, by setting the value that it has."""
    for change in changes:
        if change.key in live.config and change.key not in FIXED and not is_unprobed(change):
            try:
                client.call("CONFIG", "SET", change.key, live.config[change.key])
            except CommandFailed as problem:
                live.fixed[change.key] = f"cannot be set at run time: {_reason(problem.text)}"


def _reason(text: str) -> str:
    return text.rsplit(" - ", 1)[-1].strip()


def set_all(client: Client, changes: Sequence[Change], version: str, what: str) -> None:
    """Set all of them or none; from 7.0 the server itself sees to that."""
    client.secrets.extend(value for change in changes if change.secret for value in (change.old, change.new) if value)
    done: list[Change] = []
    try:
        if parse_version(version)[0] >= 7:
            client.call("CONFIG", "SET", *(word for change in changes for word in (change.key, change.new)))
            return
        for change in changes:
            client.call("CONFIG", "SET", change.key, change.new)
            done.append(change)
    except CommandFailed as problem:
        undo_changes(client, done)
        raise BadConfig(
            f"{what}: the running server refuses a setting: {_reason(problem.text)}",
            problem.where,
            "Nothing was changed. Correct `config:` of this instance",
        ) from None


def undo_changes(client: Client, changes: Sequence[Change]) -> None:
    """Go back to the old values, as far as the server lets us."""
    for change in reversed(changes):
        try:
            client.call("CONFIG", "SET", change.key, change.old)
        except QuorumError:
            continue


def switch_aof_on(client: Client, seconds: float, what: str) -> None:
    """Switch the AOF on and wait until all data is in it; off again when that fails."""
    deadline = time.monotonic() + seconds
    stale = parse_info(client.call("INFO")).get("aof_last_bgrewrite_status") != "ok"
    keys = client.call("DBSIZE")
    problem = "its first rewrite failed, see the server's log"
    try:
        client.call("CONFIG", "SET", "appendonly", "yes")
        while True:
            now = parse_info(client.call("INFO"))
            busy = now.get("aof_rewrite_in_progress") != "0"
            stale = stale and not busy
            if not busy and now.get("aof_last_bgrewrite_status") != "ok" and not stale:
                break
            if not busy and now.get("aof_enabled") == "1" and now.get("aof_rewrite_scheduled") == "0":
                if keys and not client.call("DBSIZE"):
                    problem = f"{keys} keys were there before, none are now"
                    break
                return
            if time.monotonic() > deadline:
                problem = f"its first rewrite was not complete after {seconds:g} s"
                break
            time.sleep(0.05)
    except CommandFailed as failure:
        problem = _reason(failure.text)
    undo_changes(client, [Change("appendonly", "no", "yes")])
    raise QuorumError(
        f"{what}: the AOF could not be switched on: {problem}",
        str(client.endpoint),
        "It is off as before and the file was not changed. Look for free disk space and memory",
    )


def wait_loaded(client: Client, seconds: float, what: str) -> None:
    """Wait until the data set is read; some settings are refused before."""
    deadline = time.monotonic() + seconds
    while parse_info(client.call("INFO")).get("loading") == "1":
        if time.monotonic() > deadline:
            raise QuorumError(
                f"{what} is still loading its data after {seconds:g} s",
                str(client.endpoint),
                "Nothing was changed. Run again when it has",
            )
        time.sleep(0.1)
