# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How an address and a port are written together; pure."""

from __future__ import annotations


def join_address(address: str, port: int) -> str:
    """Return host:port as HAProxy, Sentinel and a URL read it: an IPv6 address in brackets."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
