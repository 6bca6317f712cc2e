# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a checker of the engine refuses a file, from what real ones say."""

from __future__ import annotations

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._engine.rdb_check import checker_reason

FIRST = "[offset 0] Checking RDB file /var/backups/x/dump.rdb"


@pytest.mark.parametrize(
    ("said", "code", "why"),
    [
        (
            [
                FIRST,
                "[offset 26] AUX FIELD redis-ver = '8.0.2'",
                "--- RDB ERROR DETECTED ---",
                "[offset 97] Unexpected EOF reading RDB file",
                "[additional info] While doing: read-key",
                "[additional info] Reading type 0 (string)",
                "[info] 3 keys read",
            ],
            1,
            "[offset 97] Unexpected EOF reading RDB file",
        ),
        ([FIRST], 1, "it cannot open the file (0 bytes, mode 0600) and ended with code 1"),
        ([], -9, "it was ended by signal 9, which says nothing about the file; free memory and try again"),
        ([FIRST, "[offset 26] AUX FIELD ctime = '1'"], 1, "gave no reason, after: [offset 26] AUX FIELD ctime = '1'"),
        (
            ["AOF x format error", "AOF x is not valid. Use the --fix option"],
            1,
            "AOF x format error AOF x is not valid",
        ),
    ],
)
def test_the_reason_of_a_checker(said: list[str], code: int, why: str) -> None:
    assert why in checker_reason(said, code, "0 bytes, mode 0600")
