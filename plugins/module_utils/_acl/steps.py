# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps that make the users of a running server what they shall be; its file is written last."""

from __future__ import annotations

from dataclasses import dataclass
from typing import List

from .._core.reconcile import Step
from .plan import Change


@dataclass
class RenewLogins(Step):
    """Let those who are logged in as these users log in anew, once every member lets them in."""

    names: List[str]


@dataclass
class ChangeUser(Step):
    """Change one user; after the last one the new rights are proven and recorded."""

    change: Change
    last: bool
