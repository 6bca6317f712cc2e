# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HAProxy on this host: its package, its judgement of a file, the unit of the endpoints, and what it says of itself."""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path
from typing import Mapping, Sequence, Tuple

from .._core.errors import BadConfig
from .._host.commands import must_succeed, run_command
from .._host.packages import find_candidate
from .._host.sandbox import private_directory
from .._host.start import failure_of
from .._model.haproxy import FOLDER
from .._model.versions import major_minor

PROGRAM = "/usr/sbin/haproxy"
PACKAGE = "haproxy"
UNIT = "redis-endpoint.service"


def install_haproxy() -> None:
    """Install HAProxy from the package sources of this host, after renewing their lists if need be."""
    command = ("apt-get", "install", "--yes", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300", PACKAGE)
    if run_command(*command)[0]:
        run_command("apt-get", "update")
        must_succeed("HAProxy cannot be installed", *command)


def find_version() -> Tuple[int, int]:
    """Return the version of HAProxy here, or of the one that would be installed; two noughts when nobody knows."""
    code, output = run_command(PROGRAM, "-v") if Path(PROGRAM).exists() else (1, "")
    match = re.search(r"version (\S+)", output) if not code else None
    return major_minor(match.group(1) if match else find_candidate(PACKAGE))


def judge_configuration(text: str, files: Mapping[str, bytes]) -> None:
    """Refuse a file that the installed HAProxy does not accept, in its own words; `files` by path: what it names."""
    with private_directory("") as directory:
        path = Path(directory) / "haproxy.cfg"
        tried = text.replace(FOLDER, str(directory)).encode("utf-8", "surrogateescape")
        for place, content in {str(path): tried, **files}.items():
            number = os.open(Path(directory) / Path(place).name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(number, "wb") as file:
                file.write(content)
        code, output = run_command(PROGRAM, "-c", "-f", str(path))
    if code:
        rows = [row for row in output.replace(str(path), "line").splitlines() if "ALERT" in row] or output.splitlines()
        raise BadConfig(
            f"HAProxy does not accept the configuration of the endpoints: {rows[0] if rows else code}",
            "",
            "The present one is untouched. HAProxy 2.2 or newer is needed",
        )


def ask_haproxy(path: str, command: str) -> str:
    """Return what HAProxy answers on its socket; nothing when it does not run."""
    answer = b""
    try:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(5)
            sock.connect(path)
            sock.sendall(f"{command}\n".encode())
            while True:
                part = sock.recv(65536)
                if not part:
                    return answer.decode("utf-8", "replace")
                answer += part
    except OSError:
        return ""


def control_unit(verb: str, begin: float) -> None:
    """Start, restart or reload the unit; say in its own words why it does not."""
    run_command("systemctl", "daemon-reload")
    if verb == "start":
        run_command("systemctl", "enable", UNIT)
    code, output = run_command("systemctl", verb, UNIT)
    if code:
        raise failure_of(UNIT, verb, output, begin)


def remove_haproxy(paths: Sequence[str], folder: str, user: str, package: bool) -> None:
    """Stop the unit and take everything away that was made for it."""
    run_command("systemctl", "stop", UNIT)
    run_command("systemctl", "disable", UNIT)
    if package:
        must_succeed("HAProxy cannot be removed", "apt-get", "purge", "--yes", "-o", "DPkg::Lock::Timeout=300", PACKAGE)
    for path in paths:
        Path(path).unlink()
    if Path(folder).is_dir() and not any(Path(folder).iterdir()):
        Path(folder).rmdir()
    run_command("systemctl", "daemon-reload")
    if user:
        must_succeed(f"The user {user} cannot be removed", "userdel", user)
