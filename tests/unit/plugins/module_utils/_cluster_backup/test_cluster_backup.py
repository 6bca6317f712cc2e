# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which file is that of a save, and when a backup of a cluster is good."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._backup.save import Save, belongs_to_save, stamp_of
from ansible_collections.quorum.redis.plugins.module_utils._cluster_backup.plan import is_good
from ansible_collections.quorum.redis.plugins.module_utils._model.rdb_header import Header

SAVE = Save("20261129T101112Z", 100, {"master_repl_offset": "70"}, until=103)


@pytest.mark.parametrize(
    ("aux", "ours"),
    [
        ({"ctime": "100", "repl-offset": "70"}, True),
        ({"ctime": "104", "repl-offset": "70"}, True),
        ({"ctime": "104", "repl-offset": "71"}, False),
        ({"ctime": "99", "repl-offset": "70"}, False),
        ({"ctime": "101"}, True),
        ({"ctime": "103"}, True),
        ({"ctime": "104"}, False),
        ({"repl-offset": "70"}, False),
    ],
)
def test_a_file_is_known_by_its_time_and_its_place_in_the_stream(aux: dict[str, str], ours: bool) -> None:
    """Of a server without replicas it tells no place; one that was begun later is another save's."""
    assert belongs_to_save(Header("REDIS", 11, aux), SAVE) is ours


@pytest.mark.parametrize(
    ("clock", "second"), [(("100", "2000"), 99), (("100", "12000"), 100), (("100", "999999"), 100)]
)
def test_a_file_may_bear_the_second_before_when_that_has_just_ended(clock: tuple[str, str], second: int) -> None:
    """It is stamped by a clock that moves with the kernel's tick; TIME tells microseconds."""
    assert stamp_of(clock) == second


@pytest.mark.parametrize(
    ("load", "good"), [("passed", True), ("not done: switched off", True), ("failed: 1 key less", False)]
)
def test_one_bad_part_spoils_the_whole(load: str, good: bool) -> None:
    shards: list[Any] = [{"verified": {"file_check": "passed", "load": each}} for each in ("passed", load)]
    assert is_good({"shards": shards}) is good
