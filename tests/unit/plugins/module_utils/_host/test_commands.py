# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a program finds that is started here, and what is told of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._core.errors import QuorumError
from ansible_collections.quorum.redis.plugins.module_utils._host.commands import (
    IGNORED,
    MISSING,
    must_succeed,
    run_command,
    run_program,
)

BOTH = "echo said; echo complained >&2; exit 3"


def test_output_and_errors_come_in_their_order_unless_errors_are_ignored() -> None:
    assert run_command("sh", "-c", BOTH) == (3, "said\ncomplained")
    assert run_command("sh", "-c", BOTH, errors=IGNORED) == (3, "said")
    assert run_program(["printf", "\\377 \\n"]) == (0, "\ufffd \n")


def test_nothing_is_read_but_what_is_given() -> None:
    assert run_command("cat") == (0, "")
    assert run_command("cat", given=b"x" * 200_000) == (0, "x" * 200_000)
    assert run_command("true", given=b"x" * 200_000) == (0, "")


def test_a_command_of_the_system_speaks_english_and_another_program_what_the_user_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.delenv("DEBIAN_FRONTEND", raising=False)
    ask = ["sh", "-c", "echo $LC_ALL $DEBIAN_FRONTEND"]
    assert run_command(*ask)[1] == "C noninteractive"
    assert run_program(ask)[1] == "C.UTF-8\n"


def test_programs_of_root_are_found_from_the_path_of_another_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """As `become_method: su` leaves it."""
    monkeypatch.setenv("PATH", "/usr/local/bin:/usr/bin:/bin")
    assert run_command("ldconfig", "--version")[0] == 0


def test_a_program_that_is_not_there_is_told_from_one_that_fails() -> None:
    code, output = run_command("no-such-program")
    assert (code, output[:9]) == (MISSING, "[Errno 2]")
    with pytest.raises(FileNotFoundError):
        run_program(["no-such-program"])
    with pytest.raises(OSError, match="preexec"):
        run_program(["true"], preexec_fn=lambda: os.setgid(-2))
    with pytest.raises(QuorumError, match="It does not go: complained"):
        must_succeed("It does not go", "sh", "-c", "echo complained; exit 1")


def test_a_program_has_ended_when_its_time_is_over(tmp_path: Path) -> None:
    with pytest.raises(TimeoutError, match=r"^takes longer than 0\.5 s$"):
        run_program(["sh", "-c", f"echo $$ > {tmp_path}/pid; exec sleep 60"], seconds=0.5)
    assert not Path("/proc", (tmp_path / "pid").read_text().strip()).exists()
