# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold, 4: a server or Sentinel that cannot start is reported in its own words, with what helps."""

from __future__ import annotations

import pytest
from estate import DataSet
from lab import Lab

SERVER, SENTINEL = "redis-server@main", "redis-sentinel@sentinel"
AOF = "/var/lib/redis/main/appendonlydir"


@pytest.mark.parametrize(
    ("unit", "break_it", "mend", "words", "todo"),
    [
        pytest.param(
            SERVER,
            f"for f in {AOF}/*.incr.aof; do printf 'no command at all\\r\\nmore of it\\r\\n' > $f; done",
            f"rm -r {AOF}",
            "Bad file format reading the append only file",
            "redis-check-aof --fix",
            id="damaged-aof",
        ),
        pytest.param(
            SERVER,
            f"for f in {AOF}/*.base.rdb; do printf 'REDIS0099 from tomorrow' > $f; done",
            f"rm -r {AOF}",
            "Can't handle RDB format version 99",
            "install that version again",
            id="newer-engine",
        ),
        pytest.param(
            SENTINEL,
            "sed -i '1d' /var/lib/redis/sentinel/redis.conf",
            "rm /var/lib/redis/sentinel/redis.conf",
            "is damaged, so the role it records is unknown",
            "journalctl -u redis-sentinel@sentinel",
            id="damaged-sentinel",
        ),
    ],
)
def test_why_it_does_not_start(
    lab: Lab, main: DataSet, unit: str, break_it: str, mend: str, words: str, todo: str
) -> None:
    old = main.settled()
    host = next(one for one in main.hosts if one != old)
    lab.sh(host, f"systemctl stop {unit} && {break_it}")
    run = lab.run_playbook("site")
    said = " ".join(run.stdout.split())
    assert run.rc != 0 and f"{unit}.service does not start: " in said, run.stdout
    assert words in said and todo in said
    lab.sh(host, f"systemctl stop {unit}; {mend}")
    lab.run_playbook("site").expect()
    assert main.settled() == old
