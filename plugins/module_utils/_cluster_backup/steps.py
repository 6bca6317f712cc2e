# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of a backup of a cluster: the saves of all shards, then the manifest of what was made of them."""

from __future__ import annotations

from dataclasses import dataclass

from .._core.reconcile import Step


@dataclass
class BeginSaves(Step):
    """Save one server of each shard at the same moment."""


@dataclass
class WriteManifest(Step):
    """Write what was made of the saves."""
