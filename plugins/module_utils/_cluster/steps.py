# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps that make members one cluster, move its primaries and move its slots."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, List, Sequence

from .._core.reconcile import Step
from .._model.cluster_open import SlotMove
from .._model.cluster_slots import Range


@dataclass
class TellMember(Step):
    """Send one member a command; `met`: only when all have met; `linked`: and nothing else is pending."""

    member: int
    command: List[Any]
    met: bool = False
    linked: bool = False


@dataclass
class TakeOver(Step):
    """Let a replica take over from its primary."""

    member: int
    primary: int


@dataclass
class FinishMove(Step):
    """End the move of a slot that was cut short."""

    move: SlotMove


@dataclass
class MoveSlots(Step):
    """Move slots from one primary to another."""

    source: int
    target: int
    ranges: Sequence[Range]
