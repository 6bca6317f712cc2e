# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was seen of file and process of one instance, and the steps that make both right."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Mapping, Sequence

from .._core.reconcile import Step
from .._model.conf_syntax import collect_values, mask_text, parse_directives
from .._model.file_changes import Seen, Wanted, describe_change, list_differences
from .diff import Change, Live, Plan, show_values


@dataclass
class View:
    """The file as it lies there, and what it takes to make file and process right."""

    seen: Seen
    live: Live | None = None
    plan: Plan = field(default_factory=Plan)
    renewed: bool = False  # there are other certificates in the files than the process has
    guard: list[tuple[Seen, Wanted]] = field(default_factory=list)
    owner: str = ""  # of the directory, where that is not the user of the process
    ran: dict[str, str] = field(default_factory=dict)  # what the process runs with, a Sentinel as far as its file tells


@dataclass
class ChangePassword(Step):
    """Tell a Sentinel which passwords a user has."""

    command: Sequence[Any]


@dataclass
class TellSentinel(Step):
    """Tell a Sentinel a setting that its file has."""

    command: Sequence[Any]


@dataclass
class GiveBack(Step):
    """Let the directory belong to the user of the process."""

    home: Path
    account: tuple[int, int]


@dataclass
class SetLive(Step):
    """Set what the process takes at run time."""

    changes: list[Change]
    view: View


@dataclass
class WriteManaged(Step):
    """Write the managed file."""

    view: View


def switches_aof_on(change: Change) -> bool:
    """Return whether a change has all data written into an AOF first."""
    return change.key == "appendonly" and change.new == "yes"


def process_steps(view: View, label: str, home: Path | None, certificate: str) -> list[Step]:
    """Return the steps for the process: its directory, settings, renewed certificates where it has some, the AOF."""
    aof = [change for change in view.plan.live if switches_aof_on(change)]
    plain = [change for change in view.plan.live if change not in aof]
    steps: list[Step] = []
    if view.owner and home is not None and view.live is not None and view.live.account is not None:
        text = f"{label}: give {home} back, from {view.owner} to the user that runs it"
        steps.append(GiveBack(text, home, view.live.account))
    if plain:
        text = ", ".join(str(change) for change in plain)
        steps.append(SetLive(f"{label}: set at run time {text}", plain, view))
    if view.renewed and certificate and not any(change.key.startswith("tls-") for change in plain):
        text = f"{label}: read the renewed certificates again, {certificate} and its neighbours"
        steps.append(SetLive(text, [Change("tls-cert-file", certificate, certificate)], view))
    if aof:
        steps.append(SetLive(f"{label}: switch the AOF on and wait until all data is in it", aof, view))
    return steps


def file_steps(view: View, want: Wanted) -> list[Step]:
    """Return the step for the managed file, none when it is right."""
    differs = list_differences(view.seen, want)
    return [WriteManaged(describe_change(view.seen, want), view)] if differs else []


def show_changes(view: View, want: Wanted, text: str, label: str, secrets: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the diff of the file and of the values at run time, secrets masked."""
    hidden = {key.lower() for key in secrets}
    old = view.seen.content.decode("utf-8", "replace")
    sides = collect_values(parse_directives(old)), collect_values(parse_directives(text))
    changed = {key: " (new value)" for key in sides[1] if sides[0].get(key, sides[1][key]) != sides[1][key]}
    rows = [(want.path, mask_text(old, hidden, {}), mask_text(text, hidden, changed))]
    if view.plan.live and view.live:
        rows.append((f"{label} at run time", show_values(view.plan.live, False), show_values(view.plan.live, True)))
    return [
        {"before_header": title, "after_header": title, "before": before, "after": after}
        for title, before, after in rows
    ]
