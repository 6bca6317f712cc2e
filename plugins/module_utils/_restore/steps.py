# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of a restore, and those that end one that was cut short."""

from __future__ import annotations

from dataclasses import dataclass

from .._core.reconcile import TypedStep


@dataclass
class ProveBackup(TypedStep):
    """Load the backup into a server beside the primary, and count."""


@dataclass
class KeepPresent(TypedStep):
    """Make a backup of what is there now."""


@dataclass
class CalmSentinels(TypedStep):
    """Let no Sentinel fail over meanwhile."""


@dataclass
class ParkMembers(TypedStep):
    """Make all members read-only where they are."""


@dataclass
class FeedPrimary(TypedStep):
    """Let the primary take the backup in place of its data."""


@dataclass
class AwaitRewrite(TypedStep):
    """Wait until the AOF of the primary has the new data."""


@dataclass
class ServeWrites(TypedStep):
    """Let the primary accept writes again."""


@dataclass
class FollowPrimary(TypedStep):
    """Let the others take the new data."""


@dataclass
class FinishRestore(TypedStep):
    """Wait for everybody, and let the Sentinels be as they were."""


@dataclass
class EndInterrupted(TypedStep):
    """End a restore that was cut short."""


@dataclass
class RestoreLater(TypedStep):
    """Look again after that, and restore as asked for."""
