# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts of each deployment of the scenario matrix; what stands in a test file cannot be imported by another."""

from __future__ import annotations

HOSTS = {
    "redis_6_0": ["a1", "a2"],
    "redis_7_0": ["b1", "b2"],
    "redis_8_0": ["c1", "c2"],
    "valkey_8_0": ["d1", "d2"],
    "valkey_8_1": ["e1", "e2"],
    "source_redis": ["f1"],
    "source_valkey": ["g1"],
}
