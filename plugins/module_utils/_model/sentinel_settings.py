# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Sentinel tells the others of itself, as the running one has it and as it is declared; pure."""

from __future__ import annotations

from typing import Any, List, Mapping, Tuple

DEFAULTS = {"resolve-hostnames": "no", "announce-hostnames": "no"}


def list_altered(running: Mapping[str, str], declared: Mapping[str, Any]) -> List[Tuple[str, str, str]]:
    """Return setting, present and declared value of what somebody has told the running Sentinel beside its file.

    `running` is what it answers from 6.2 on, nothing before. What is not declared has the engine's own default.
    """
    wanted = {**DEFAULTS, **{key: str(value) for key, value in declared.items()}}
    return [
        (key, old, wanted[key]) for key, old in sorted(running.items()) if key in wanted and str(old) != wanted[key]
    ]
