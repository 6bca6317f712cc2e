# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The programs that are started on this machine.

Not by `AnsibleModule.run_command`: who starts them runs without Ansible too, by a timer or as a service, and needs
time limits, other accounts and streams.
"""

from __future__ import annotations

import os
from subprocess import DEVNULL, PIPE, STDOUT, Popen, SubprocessError, TimeoutExpired
from typing import IO, TYPE_CHECKING, Any, Sequence

from .._core.errors import QuorumError

if TYPE_CHECKING:
    Child = Popen[bytes]
else:
    Child = Popen  # Python 3.8 has no Popen[bytes]

APART, IGNORED = PIPE, DEVNULL  # where errors go when they do not belong to the output
MISSING = 127  # the exit code of a program that cannot be run


class Program(Child):
    """A child of ours: it reads nothing unless it is `fed`, and what it complains about is in its output."""

    def __init__(
        self,
        command: Sequence[str],
        fed: bool = False,
        output: int | IO[bytes] | None = None,
        errors: int = STDOUT,
        **more: Any,
    ) -> None:
        """Start it."""
        super().__init__(command, stdin=PIPE if fed else DEVNULL, stdout=output or PIPE, stderr=errors, **more)


def run_program(
    command: Sequence[str], given: bytes = b"", seconds: float | None = None, errors: int = STDOUT, **more: Any
) -> tuple[int, str]:
    """Run a program to its end; return its exit code and its output. OSError: it cannot be run, or takes too long."""
    try:
        with Program(command, bool(given), errors=errors, **more) as process:
            try:
                output, _errors = process.communicate(given or None, seconds)
            except BaseException:
                process.kill()
                raise
    except TimeoutExpired:
        raise TimeoutError(f"takes longer than {seconds:g} s") from None
    except SubprocessError as problem:
        raise OSError(str(problem)) from problem
    return process.returncode, output.decode("utf-8", "replace")


def run_command(*command: str, given: bytes = b"", errors: int = STDOUT) -> tuple[int, str]:
    """Run a command of the system, which asks nothing and speaks English; return its exit code and what it says."""
    # Root that came by `su` has the path of the user before.
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
    environment = {**os.environ, "PATH": path, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
    try:
        code, output = run_program(command, given, errors=errors, env=environment)
    except OSError as problem:
        return MISSING, str(problem)
    return code, output.strip()


def must_succeed(what: str, *command: str) -> None:
    """Run a command that has to succeed."""
    code, output = run_command(*command)
    if code:
        raise QuorumError(f"{what}: {' '.join(output.splitlines()[-3:]) or f'exit code {code}'}", " ".join(command))
