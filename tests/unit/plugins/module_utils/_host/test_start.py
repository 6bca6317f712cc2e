# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a process did not start, from journals of real engines."""

from __future__ import annotations

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._core.errors import QuorumError
from ansible_collections.quorum.redis.plugins.module_utils._host import start as starting
from ansible_collections.quorum.redis.plugins.module_utils._host.start import failure_reason

BEGIN = """start as replica of 192.0.2.1:6379: as recorded
812:C 28 Nov 2026 16:00:00.000 # WARNING Memory overcommit must be enabled! Without it, a background save may fail.
812:C 28 Nov 2026 16:00:00.000 * oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo
812:C 28 Nov 2026 16:00:00.000 * Redis version=8.0.2, bits=64, commit=00000000, modified=0, pid=812, just started
812:C 28 Nov 2026 16:00:00.000 * Configuration loaded
812:S 28 Nov 2026 16:00:00.001 * monotonic clock: POSIX clock_gettime
812:S 28 Nov 2026 16:00:00.002 * Running mode=standalone, port=6379.
"""
LOUD, QUIET = "812:S 28 Nov 2026 16:00:00.003 # ", "812:S 28 Nov 2026 16:00:00.003 * "


@pytest.mark.parametrize(
    ("said", "why", "todo"),
    [
        (
            f"{LOUD}Can't handle RDB format version 99\n{LOUD}Fatal error loading the DB, check server logs. Exiting.",
            "Can't handle RDB format version 99",
            "install that version again",
        ),
        (
            f"{LOUD}Bad file format reading the append only file main.aof.1.incr.aof: make a backup of your AOF file, "
            "then use ./redis-check-aof --fix <filename.manifest>",
            "Bad file format reading the append only file main.aof.1.incr.aof: make a backup",
            "redis-check-aof --fix",
        ),
        (
            f"{LOUD}Warning: Could not create server TCP listening socket *:6379: bind: Address already in use\n"
            f"{LOUD}Failed listening on port 6379 (tcp), aborting.",
            "*:6379: bind: Address already in use",
            "`ss -ltnp`",
        ),
        (
            f"{LOUD}Warning: Could not create server TCP listening socket 192.0.2.9:6379: bind: Cannot assign "
            f"requested address\n{LOUD}Failed listening on port 6379 (tcp), aborting.",
            "bind: Cannot assign requested address",
            "redis_bind",
        ),
        (
            f"{LOUD}Wrong signature trying to load DB from file\n{LOUD}Fatal error loading the DB, check server logs.",
            "Wrong signature trying to load DB from file",
            "Restore a backup",
        ),
        (
            "\n*** FATAL CONFIG FILE ERROR (Redis 8.0.2) ***\nReading the configuration file, at line 7\n"
            ">>> 'maxmemory lots'\nargument must be a memory value",
            "'maxmemory lots'",
            "Correct `config:`",
        ),
        (
            "waiting: no majority of the Sentinels answers\nmain: not started: another primary with data answers: "
            "192.0.2.2:6379; redis_trust decides. Tried again by systemd; a run of site.yml shows who says what",
            "main: not started: another primary with data answers",
            "",
        ),
        (f"{QUIET}Loading something\n{LOUD}Some new complaint.", "Some new complaint", ""),
        (f"{QUIET}Last thing it said", "Last thing it said", ""),
    ],
)
def test_the_reason_of_a_process_that_did_not_start(said: str, why: str, todo: str) -> None:
    found = failure_reason((BEGIN + said).splitlines())
    assert why in found[0], found
    assert todo in found[1], found
    assert bool(todo) == bool(found[1])


def test_a_journal_without_a_word() -> None:
    assert failure_reason([]) == ("", "")


def test_a_masked_unit_is_named_before_anything_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, ...]] = []

    def refuse(*command: str) -> tuple[int, str]:
        asked.append(command)
        return 1, "Failed to enable unit: Unit /etc/systemd/system/redis-server@main.service is masked"

    monkeypatch.setattr(starting, "run_command", refuse)
    with pytest.raises(QuorumError, match="cannot be enabled") as problem:
        starting.start_unit("redis-server@main.service")
    assert "systemctl unmask redis-server@main.service" in str(problem.value.todo)
    assert asked == [("systemctl", "enable", "redis-server@main.service")]
