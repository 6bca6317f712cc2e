# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scratch process: the lines that it gets, and the engine's complaints as errors."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._engine.config_check import scratch_lines, translate_refusal

CONFIG_FILE = """
*** FATAL CONFIG FILE ERROR (Redis 7.0.15) ***
Reading the configuration file, at line 3
>>> '{line}'
Bad directive or wrong number of arguments
"""
REDIS_8 = """19:C 22 Nov 2026 17:33:05.390 * Configuration loaded
19:M 22 Nov 2026 17:33:05.391 # Unresolved Configuration(s) Detected:
19:M 22 Nov 2026 17:33:05.391 # >>> 'maxmemmory 1gb'
19:M 22 Nov 2026 17:33:05.391 # Module Configuration detected without loadmodule directive or no ApplyConfig call
"""
MODULE = """19:M 22 Nov 2026 17:33:05.390 * monotonic clock: POSIX clock_gettime
19:M 22 Nov 2026 17:33:05.391 # Module /nope.so failed to load: No such file or directory
19:M 22 Nov 2026 17:33:05.391 # Can't load module from /nope.so: server aborting
"""


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (
            CONFIG_FILE.format(line="maxmemmory 1gb"),
            "redis main: the new configuration is refused by redis-server 7.0.15: 'maxmemmory 1gb' Bad directive or "
            "wrong number of arguments (/etc/redis/main.conf, key maxmemmory). Correct it.",
        ),
        (CONFIG_FILE.format(line="requirepass s3cret s3cret"), "'requirepass ********' Bad directive"),
        (CONFIG_FILE.format(line='masterauth "s3cret open'), "'masterauth ********' Bad directive"),
        (REDIS_8, "'maxmemmory 1gb' Unknown directive: Module Configuration detected"),
        (MODULE, "No such file or directory Can't load module from /nope.so: server aborting (/etc/redis/main.conf)."),
        ("", "it ended without a word"),
    ],
)
def test_a_refusal_in_the_engines_words(said: str, expected: str) -> None:
    error = str(translate_refusal(said, "redis-server 7.0.15", "/etc/redis/main.conf", "redis main", "Correct it"))
    assert expected in error
    assert "s3cret" not in error


@pytest.mark.parametrize(
    ("parameters", "kept", "gone"),
    [
        ({"port": 6379, "dir": "/data", "logfile": "/l"}, ["port 0", 'logfile ""'], ["port 6379", "dir /data"]),
        ({"replicaof": "h 1"}, ["replicaof no one"], ["replicaof h 1"]),
        ({"cluster-enabled": True, "aclfile": "/a"}, ["cluster-enabled no", 'aclfile ""'], ["cluster-enabled yes"]),
        ({"hz": 10}, ["hz 10"], ["tls-port 0", "cluster-enabled no"]),
        ({"tls-port": 1}, ["tls-port 0"], ["tls-port 1"]),
        ({"rename-command": ["CONFIG x", "FLUSHALL y"]}, ["rename-command FLUSHALL y"], ["rename-command CONFIG x"]),
        ({"proc-title-template": "{title}"}, ["proc-title-template {{title}}"], []),
    ],
)
def test_a_scratch_server_does_not_touch_the_world(
    parameters: dict[str, Any], kept: list[str], gone: list[str]
) -> None:
    text = scratch_lines(parameters, sentinel=False)
    assert set(kept) <= set(text)
    assert not set(gone) & set(text)
    assert text[-1] == "user quorum-scratch on nopass ~* +@all"


def test_a_scratch_sentinel_watches_nothing() -> None:
    text = scratch_lines({"sentinel": ["monitor m h 1 2", "deny-scripts-reconfig yes"], "sentinel myid": "x"}, True)
    assert [line for line in text if line.startswith("sentinel")] == ["sentinel deny-scripts-reconfig yes"]
