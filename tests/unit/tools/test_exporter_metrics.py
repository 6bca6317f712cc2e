# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What rules and dashboards read was shown by each exporter of each engine, but for what the guide says.

tests/integration/record_metrics.py has recorded it: names by exporter, each with the engines of which it is not shown.
"""

from __future__ import annotations

import json
from pathlib import Path

from metric_names import names_needed

TOLD = json.loads((Path(__file__).parent / "fixtures" / "exporter_metrics.json").read_text(encoding="utf-8"))
OF_DEBIAN = {"1.16", "1.45", "1.69"}  # 11, 12 and 13
# Debian 11's exporter counts no errors and asks for no quorum, and neither does Redis 6.0 tell which errors there were.
LACKING = {
    ("1.16", "redis_errors_total"): None,
    ("1.16", "redis_sentinel_master_ckquorum_status"): None,
    ("1.45", "redis_errors_total"): ["redis-6.0"],
    ("1.69", "redis_errors_total"): ["redis-6.0"],
}


def test_what_is_read_was_seen() -> None:
    assert set(TOLD) == OF_DEBIAN
    found = {(version, name): told.get(name) for version, told in TOLD.items() for name in names_needed()}
    assert {key: engines for key, engines in found.items() if engines != []} == LACKING
