# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How often a test tries its luck: a few times in `make test`, SOAK times as often in `make soak` before a release."""

from __future__ import annotations

import os

SOAK = int(os.environ.get("SOAK", "1"))


def trials(few: int) -> int:
    """Return how often to try."""
    return few * SOAK
