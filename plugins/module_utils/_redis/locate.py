# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connect to a process where it answers now."""

from __future__ import annotations

from dataclasses import replace
from typing import Mapping

from .._core.errors import AuthFailed, Unreachable
from .._model.conf_syntax import parse_state_file
from .client import Client, connect
from .endpoint import Endpoint
from .tls import Tls


def connect_running(endpoint: Endpoint, state: str | None, variable: str) -> Client | None:
    """Connect to the process; None when it is not running. `state`: the file that it was started with.

    A process that still listens on the port of its last start is found there.
    """
    before = {key: values[-1] for key, values in parse_state_file(state)["started_with"].items()}
    foreign: Unreachable | None = None
    for place in [endpoint, *_elsewhere(endpoint, before)]:
        try:
            return connect(place)
        except AuthFailed as problem:
            todo = f"Nothing was changed. Correct {variable}, or declare the present one as the previous one too"
            raise AuthFailed(problem.what, problem.where, todo) from None
        except Unreachable as problem:
            if problem.kind not in ("refused", "tls"):
                raise
            foreign = problem if problem.kind == "tls" else foreign
    if foreign is not None:
        raise foreign
    return None


def _elsewhere(endpoint: Endpoint, before: Mapping[str, str]) -> list[Endpoint]:
    """Return where the process listens that was started with this."""
    port, secure = (int(before[key]) if before.get(key, "").isdigit() else 0 for key in ("port", "tls-port"))
    tls: Tls | None = None
    if not port and secure:
        files = ("tls-ca-cert-file", "tls-cert-file", "tls-key-file")
        port, tls = secure, endpoint.tls or Tls(*(before.get(file) for file in files))
    return [replace(endpoint, port=port, tls=tls)] if port and (port, tls) != (endpoint.port, endpoint.tls) else []
