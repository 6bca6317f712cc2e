# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What monitoring reads, what is run to copy backups away, and what the timer remembers."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._backup.agent import (
    judge_status,
    list_kept,
    memory_from,
    read_state,
    write_state,
)
from ansible_collections.quorum.redis.plugins.module_utils._backup.offsite import list_commands, run_transfer
from ansible_collections.quorum.redis.plugins.module_utils._backup.schedule import Look, Memory
from ansible_collections.quorum.redis.plugins.module_utils._backup.snapshot import (
    find_blocking_child,
    is_rewrite_postponed,
    judge_save,
)
from ansible_collections.quorum.redis.plugins.module_utils._cluster_backup.agent import main
from ansible_collections.quorum.redis.plugins.module_utils._engine.rdb_check import list_count_differences
from ansible_collections.quorum.redis.plugins.module_utils._redis.engine_modules import parse_modules, render_modules
from ansible_collections.quorum.redis.plugins.module_utils._redis.replies import keys_by_database, reason_in_log

ROOT = Path(__file__).resolve().parents[5]
REPORT: dict[str, Any] = {
    "state": "ok",
    "looked": "2026-11-22T10:00:00Z",
    "silent_after": 7200,
    "sets": {"main": {"problems": [], "why": "done in this period", "newest_here": "20261122T010203Z-db2"}},
}
LOOKED = 1795341600.0


@pytest.mark.parametrize(
    ("report", "later", "code", "says"),
    [
        ({}, 0, 3, "has not looked yet"),
        (REPORT, 60, 0, "ok: main: done in this period, newest here 20261122T010203Z-db2"),
        (REPORT, 7201, 2, "has not looked since 2026-11-22T10:00:00Z"),
        ({**REPORT, "state": "warning"}, 60, 1, "warning: main"),
        ({**REPORT, "state": "critical"}, 60, 2, "critical: main"),
    ],
)
def test_status_is_one_line_and_a_code(report: dict[str, Any], later: float, code: int, says: str) -> None:
    found, text = judge_status(LOOKED + later, report)
    assert (found, says in text, "\n" in text) == (code, True, False)


def test_a_problem_is_told_instead_of_the_reason() -> None:
    report = {**REPORT, "sets": {"main": {"problems": ["no", "no more"], "why": "x", "newest_here": ""}}}
    assert judge_status(LOOKED, report)[1] == "ok: main: no; no more, newest here none"


def test_what_is_remembered_comes_back(tmp_path: Path) -> None:
    memory = Memory(7, {"a": Look("run", 1, 2.0)}, {"b": Look("other", 3, 4.0)}, 6, 7)
    write_state(tmp_path / "state", {"main": asdict(memory)}, 0o600)
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o600
    assert memory_from(read_state(tmp_path / "state")["main"]) == memory
    assert memory_from({}) == Memory()


@pytest.mark.parametrize("text", ["", "[1]", "{"])
def test_a_damaged_file_is_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "state").write_text(text)
    assert read_state(tmp_path / "state") == read_state(tmp_path / "missing") == {}


def test_commands_that_copy_away() -> None:
    common = {"rsync": "backup@vault:/srv/", "command": ["/opt/upload", "--fast"]}
    assert list_commands(common, "main", "/b/main/x") == [
        ["rsync", "-a", "--", "/b/main/x", "backup@vault:/srv/main/"],
        ["/opt/upload", "--fast", "/b/main/x"],
    ]
    assert list_commands({"rsync": "", "command": []}, "main", "/x") == []


def test_a_command_that_fails_says_why() -> None:
    assert run_transfer([sys.executable, "-c", ""], 10) == ""
    assert run_transfer([sys.executable, "-c", "print('no space'); raise SystemExit(3)"], 10).endswith(
        "ended with 3: no space"
    )
    assert "No such file" in run_transfer(["/no/such/program"], 10)
    assert "takes longer than 0.1 s" in run_transfer([sys.executable, "-c", "import time; time.sleep(9)"], 0.1)


def test_a_backup_that_cannot_be_read_is_not_good(tmp_path: Path) -> None:
    (tmp_path / "20261122T101112Z-db2").mkdir()
    (found,) = list_kept(tmp_path)
    assert (found.name, found.good) == ("20261122T101112Z-db2", False)


def test_another_argument_is_no_look(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(["status"]) == 3
    assert "carries no timer" in capsys.readouterr().out
    monkeypatch.setattr(f"{main.__module__}.SETTINGS", Path(__file__))
    assert main(["what"]) == 3
    assert "usage" in capsys.readouterr().err


# --- the save ---

BEFORE = {"run_id": "a"}
GOOD = {"run_id": "a", "rdb_last_bgsave_status": "ok", "rdb_last_save_time": "100"}


@pytest.mark.parametrize(
    ("now", "replaced", "says"),
    [
        (GOOD, True, ""),
        ({**GOOD, "rdb_last_save_time": "101"}, True, ""),
        ({**GOOD, "rdb_last_save_time": "99"}, True, "without a new file"),
        (GOOD, False, "without a new file"),
        ({**GOOD, "rdb_last_bgsave_status": "err"}, True, "the save failed"),
        ({**GOOD, "run_id": "b"}, True, "restarted"),
        ({}, True, "restarted"),
    ],
)
def test_a_save_is_one_when_the_engine_and_the_file_say_so(now: dict[str, str], replaced: bool, says: str) -> None:
    found = judge_save(BEFORE, now, 100, replaced)
    assert says in found and bool(found) is bool(says)


@pytest.mark.parametrize(
    ("info", "child"),
    [
        ({}, ""),
        ({"rdb_bgsave_in_progress": "1"}, "a save that was running already"),
        ({"rdb_bgsave_in_progress": "0", "aof_rewrite_in_progress": "1"}, "a rewrite of the AOF"),
        ({"rdb_bgsave_in_progress": "0", "module_fork_in_progress": "1"}, "a child process of a module"),
        ({"loading": "1"}, "the server to load its data"),
    ],
)
def test_which_child_is_waited_for(info: dict[str, str], child: str) -> None:
    assert find_blocking_child(info) == find_blocking_child(info, aof=True) == child


def test_a_rewrite_that_is_only_scheduled_holds_up_no_save_but_a_copy_of_the_aof() -> None:
    due = {"rdb_bgsave_in_progress": "0", "aof_rewrite_in_progress": "0", "aof_rewrite_scheduled": "1"}
    assert find_blocking_child(due) == ""
    assert find_blocking_child(due, aof=True) == "a rewrite of the AOF"
    assert not is_rewrite_postponed({**due, "aof_last_bgrewrite_status": "ok"})
    assert is_rewrite_postponed({**due, "aof_last_bgrewrite_status": "err"})
    assert not is_rewrite_postponed({**due, "aof_last_bgrewrite_status": "err", "aof_rewrite_in_progress": "1"})
    assert not is_rewrite_postponed({**due, "aof_last_bgrewrite_status": "err", "aof_rewrite_scheduled": "0"})


def test_the_reason_is_the_last_loud_line_that_says_something() -> None:
    log = (
        "12:M 22 Nov 2026 10:00:00.001 * Background saving started by pid 13\n"
        "12:M 22 Nov 2026 10:00:00.001 # WARNING Memory overcommit must be enabled!\n"
        "13:C 22 Nov 2026 10:00:00.002 # Write error saving DB on disk(rdbSaveRio): No space left on device\n"
        "12:M 22 Nov 2026 10:00:00.003 # Background saving error\n"
    )
    assert reason_in_log(log) == "Write error saving DB on disk(rdbSaveRio): No space left on device"
    assert reason_in_log("12:M 22 Nov 2026 10:00:00.003 # Background saving error\n") == "Background saving error"
    assert reason_in_log("") == ""


def test_counts_are_read_and_compared() -> None:
    info = {"db0": "keys=3,expires=1,avg_ttl=0", "db12": "keys=2,expires=0,avg_ttl=0,subexpiry=0", "dbx": "keys=1"}
    counts = keys_by_database(info)
    assert counts == {"0": {"key_count": 3, "expires": 1}, "12": {"key_count": 2, "expires": 0}}
    assert list_count_differences(counts, counts) == ""
    assert list_count_differences(counts, {"0": {"key_count": 3}}) == "database 12 has 0 keys instead of 2"
    assert list_count_differences({}, {"0": {"key_count": 1}}) == "database 0 has 1 keys instead of 0"


def test_only_modules_with_a_file_of_their_own_are_loaded(tmp_path: Path) -> None:
    """As Redis 6, Redis 8, Valkey 9 and Redis 7 answer: no path, an empty one, a name, and a file."""
    file = tmp_path / "a b.so"
    file.touch()
    reply = [
        ["name", "old", "ver", 1],
        ["name", "vectorset", "ver", 1, "path", "", "args", []],
        ["name", "lua", "ver", 1, "path", "lua", "args", []],
        ["name", "gone", "ver", 1, "path", str(tmp_path / "gone.so"), "args", []],
        ["name", "ft", "ver", 10200, "path", str(file), "args", ["MINPREFIX", "3"]],
    ]
    found = parse_modules(reply)
    assert {one.name: one.version for one in found}["ft"] == "10200"
    assert render_modules(found) == [f'loadmodule "{file}" MINPREFIX 3']
