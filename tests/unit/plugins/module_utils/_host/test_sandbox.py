# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a scratch process comes to its end."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._host.commands import Program
from ansible_collections.quorum.redis.plugins.module_utils._host.sandbox import end_child


@pytest.mark.parametrize("held", [False, True])
def test_a_child_ends_whatever_a_signal_has_interrupted(held: bool) -> None:
    """An exception between the two lines of `Popen.poll` that take its lock and give it back leaves it taken."""
    child = Program(["sleep", "600"])
    if held:
        child._waitpid_lock.acquire()  # type: ignore[attr-defined]
    end_child(child)
    assert child.returncode == -9
    assert not Path(f"/proc/{child.pid}").exists()


def test_a_child_that_has_ended_is_left_alone() -> None:
    child = Program(["true"])
    assert child.wait() == 0
    end_child(child)
    assert child.returncode == 0
