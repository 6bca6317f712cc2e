# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What modules take as the one option `connection`, of options that stand side by side in tests."""

from __future__ import annotations

from typing import Any, Dict

CONNECTION = {"username", "password", "fallback_password", "timeout", "tls"}


def fold_connection(options: Dict[str, Any]) -> Dict[str, Any]:
    """Return options of a module with how to get in as the one option that it takes, also for each of several."""
    inside = {key: value for key, value in options.items() if key in CONNECTION or key.startswith("tls_")}
    found = {key: value for key, value in options.items() if key not in inside}
    for several in ("processes", "instances"):
        if found.get(several):
            found[several] = [fold_connection(entry) for entry in found[several]]
    return {**found, "connection": {**found.get("connection", {}), **inside}} if inside else found
