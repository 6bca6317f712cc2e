# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps that give every member its role."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import List

from .._core.reconcile import Step


@dataclass
class MemberStep(Step):
    """What is done on one member."""

    member: str


@dataclass
class Promote(MemberStep):
    """Make it the primary."""


@dataclass
class Follow(MemberStep):
    """Let it follow the primary; `linked`: it does so by another port, and the next one waits until it is in sync."""

    linked: bool


@dataclass
class Relink(MemberStep):
    """Let it open its link to the primary again."""


@dataclass
class SentinelStep(Step):
    """Tell one Sentinel; its commands go out together."""

    sentinel: str
    commands: List[List[str]]
    secrets: List[str] = field(default_factory=list)


@dataclass
class ForgetSet(SentinelStep):
    """Let it monitor the data set no longer."""


@dataclass
class NamePrimary(SentinelStep):
    """Let it name the primary, and not fail over yet."""


@dataclass
class LookAgain(Step):
    """Look again after a repair, and give every member its role."""
