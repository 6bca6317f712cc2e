# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who runs the engine on the file of a backup: this process, or for the timer a unit with fewer rights.

What the engine reads was written by a server that may be broken into. Root lets it run as the user of the service. The
timer is not root and cannot; it asks at a socket, behind which systemd starts a unit that may only read backups. One
line of JSON there, one line back; the one who asks is gone when the connection is.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
from pathlib import Path
from typing import Any, Dict, Mapping, Sequence

from .._core.errors import Damaged, QuorumError
from . import rdb_check

PLACE = "QUORUM_REDIS_TRIAL"  # in the environment of the timer
_ERRORS = {"Damaged": Damaged, "Lacking": rdb_check.Lacking}


def request_check(binary: str, kind: str, path: Path, user: str, wait: float) -> None:
    """Let the engine's checker read a file."""
    if PLACE not in os.environ:
        rdb_check.check_file(binary, kind, path, user, wait)
        return
    _ask({"what": "check", "binary": binary, "kind": kind, "path": str(path), "wait": wait})


def request_load(
    binary: str, directory: Path, name: str, user: str, wait: float, last: int = 0, modules: Sequence[str] = ()
) -> rdb_check.Counts:
    """Let a throw-away server load an RDB, and return what it counts."""
    if PLACE not in os.environ:
        return rdb_check.load_rdb(binary, directory, name, user, wait, last, modules)
    options = {"binary": binary, "path": str(directory / name), "wait": wait, "last": last, "modules": list(modules)}
    counts: rdb_check.Counts = _ask({"what": "load", **options})
    return counts


def _ask(wish: Mapping[str, Any]) -> Any:
    """Return what the unit has found; raise what it has raised."""
    path = os.environ[PLACE]
    try:
        with socket.socket(socket.AF_UNIX) as place:
            place.settimeout(float(wish["wait"]) + 60)
            place.connect(path)
            place.sendall(json.dumps(wish).encode() + b"\n")
            with place.makefile("rb") as file:
                answer = json.loads(file.readline() or b"{}")
    except (OSError, ValueError) as problem:
        raise QuorumError(f"The unit that proves backups cannot be asked: {problem}", path) from problem
    if "found" in answer:
        return answer["found"]
    if "error" not in answer:
        raise QuorumError("The unit that proves backups ended without an answer", path, "Look at its journal")
    raise _ERRORS.get(answer["error"], QuorumError)(answer["what"], answer["where"], answer["todo"])


def answer_request() -> None:
    """Do what is asked for on standard input, which is the socket."""
    wish = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_the_asker, daemon=True).start()
    sys.stdout.write(json.dumps(_do(wish)) + "\n")
    sys.stdout.flush()


def _do(wish: Mapping[str, Any]) -> Dict[str, Any]:
    path, given = Path(wish["path"]), ("", wish["wait"])
    try:
        if wish["what"] == "check":
            rdb_check.check_file(wish["binary"], wish["kind"], path, *given)
            return {"found": None}
        return {
            "found": rdb_check.load_rdb(wish["binary"], path.parent, path.name, *given, wish["last"], wish["modules"])
        }
    except QuorumError as problem:
        name = type(problem).__name__
        return {"error": name, "what": problem.what, "where": problem.where, "todo": problem.todo}


def _end_with_the_asker() -> None:
    """End when the connection does; a server that still loads dies with this process."""
    while os.read(0, 1):
        pass
    os._exit(1)
