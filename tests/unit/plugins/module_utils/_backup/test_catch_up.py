# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a replica has not received yet of that which its primary had."""

from __future__ import annotations

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._backup.catch_up import Point, count_missing

REPLICA = {"role": "slave", "master_replid": "a", "master_replid2": "b", "slave_repl_offset": "70"}


@pytest.mark.parametrize(
    ("info", "point", "lacks"),
    [
        (REPLICA, Point("a", 70), 0),
        (REPLICA, Point("a", 60), 0),
        (REPLICA, Point("a", 100), 30),
        (REPLICA, Point("b", 100), 30),  # its primary was replaced since, and goes on counting
        (REPLICA, Point("c", 100), 0),  # not the same stream: nothing to compare
        ({"role": "master", "master_replid": "a", "master_repl_offset": "70"}, Point("a", 100), 0),
    ],
)
def test_only_the_same_stream_is_compared(info: dict[str, str], point: Point, lacks: int) -> None:
    assert count_missing(info, point) == lacks
