# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask a member of a cluster for the jobs with which its engine moves slots."""

from __future__ import annotations

from dataclasses import asdict
from typing import Dict, List, Tuple

from .._core.errors import AuthFailed, CommandFailed, QuorumError
from .._model.observed import Observed
from .._model.slot_jobs import ASKED, SlotJob, has_jobs, parse_jobs
from .client import Client
from .endpoint import Endpoint


def ask_jobs(client: Client, server: Observed) -> List[SlotJob]:
    """Return the jobs that a member does or has done; none where its engine has no such thing.

    A login that may not ask is the caller's to tell of: what runs there is not seen.
    """
    if not has_jobs(server.engine, server.version):
        return []
    try:
        return parse_jobs(client.call(*ASKED[server.engine]))
    except CommandFailed:
        return []


def observe_running(place: Endpoint, server: Observed) -> Tuple[List[Dict[str, str]], str]:
    """Return the jobs that a member does at this moment, by a connection of its own, or why it does not tell."""
    try:
        with Client(place) as client:
            return [asdict(job) for job in ask_jobs(client, server) if job.is_running], ""
    except AuthFailed as problem:
        return [], problem.what
    except QuorumError:
        return [], ""
