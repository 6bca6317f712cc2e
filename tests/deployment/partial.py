# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the fixtures of the scenario membership return: makers of inventories and data sets of some of its hosts."""

from __future__ import annotations

from collections.abc import Callable

from lab import Lab

from deployment import DataSet

Among = Callable[..., Lab]
Of = Callable[..., DataSet]
