# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A writer that keeps account of every acknowledged write, and afterwards says which of them are gone."""

from __future__ import annotations

from .ledger import Ledger, Report, parse_place

__all__ = ["Ledger", "Report", "parse_place"]
