# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of the module backup: make a backup, try one, or write down what another host has found."""

from __future__ import annotations

from dataclasses import dataclass

from .._core.reconcile import Step


@dataclass
class MakeBackup(Step):
    """Make a backup of this member."""


@dataclass
class DrillBackup(Step):
    """Restore a finished backup into a throw-away server, and compare."""

    name: str


@dataclass
class RecordTrial(Step):
    """Write into the manifest of a backup what another host has found."""

    name: str
