# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs of the system that a module runs to the end."""

from __future__ import annotations

import os
import subprocess

from .._core.errors import QuorumError


def run_command(*command: str) -> tuple[int, str]:
    """Run a command; return its exit code and what it says."""
    try:
        done = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"},
            check=False,
        )
    except OSError as problem:
        return 127, str(problem)
    return done.returncode, done.stdout.decode("utf-8", "replace").strip()


def must_succeed(what: str, *command: str) -> None:
    """Run a command that has to succeed."""
    code, output = run_command(*command)
    if code:
        raise QuorumError(f"{what}: {' '.join(output.splitlines()[-3:]) or f'exit code {code}'}", " ".join(command))
