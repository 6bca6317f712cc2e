# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of an inventory that cannot be worked out."""

from __future__ import annotations

from typing import Any


def explain_value(name: str, raw: Any, problem: Exception) -> str:
    """Return why a variable has no value: most often it uses facts, which cost each run and are not gathered."""
    why = str(problem).splitlines()[0].rstrip(".")
    if "ansible_" not in str(raw):
        return f"{name} has no value: {why}."
    return (
        f"{name} is made from facts, which are not gathered: {why}. Gather those of all members in a play before this "
        "one, as docs/topology.md shows, or write the value."
    )
