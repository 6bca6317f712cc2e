# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of a restore, and those that end one that was cut short."""

from __future__ import annotations

from dataclasses import dataclass

from .._core.reconcile import Step


@dataclass
class ProveBackup(Step):
    """Load the backup into a server beside the primary, and count."""


@dataclass
class KeepPresent(Step):
    """Make a backup of what is there now."""


@dataclass
class CalmSentinels(Step):
    """Let no Sentinel fail over meanwhile."""


@dataclass
class ParkMembers(Step):
    """Make all members read-only where they are."""


@dataclass
class FeedPrimary(Step):
    """Let the primary take the backup in place of its data."""


@dataclass
class AwaitRewrite(Step):
    """Wait until the AOF of the primary has the new data."""


@dataclass
class ServeWrites(Step):
    """Let the primary accept writes again."""


@dataclass
class FollowPrimary(Step):
    """Let the others take the new data."""


@dataclass
class FinishRestore(Step):
    """Wait for everybody, and let the Sentinels be as they were."""


@dataclass
class EndInterrupted(Step):
    """End a restore that was cut short."""


@dataclass
class RestoreLater(Step):
    """Look again after that, and restore as asked for."""
