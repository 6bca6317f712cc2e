# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The installed program as judge of a configuration: a scratch process reads it, is asked, and is gone.

It has no port, its own empty directory, the rights of the service user, and dies with its parent. A server gets
its configuration through standard input, so that no secret reaches a disk.
"""

from __future__ import annotations

import functools
import re
import socket
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Iterable, Iterator, Mapping, Tuple

from .._core.errors import (
    AuthFailed,
    BadConfig,
    CommandFailed,
    Unreachable,
)
from .._host.commands import Program, run_program
from .._host.sandbox import (
    deaf_to_signals,
    end_child,
    feed_child,
    memory_directory,
    prepare_child,
    private_directory,
    start_child,
    write_private,
)
from .._model.conf_syntax import MASK, Line, is_secret, list_directives, parse_directives
from .._model.directives import OVERRIDDEN, REPLACED
from .._model.versions import parse_version
from .._redis.client import Client, connect
from .._redis.endpoint import Endpoint

# What a scratch Sentinel must not do: watch a real data set, and introduce itself to real Sentinels.
_WATCHING = ("monitor", "known-replica", "known-slave", "known-sentinel", "auth-pass", "auth-user", "myid")
_NEEDED_COMMANDS = ("config", "info", "ping", "auth")
OWNER = "quorum-scratch"
_SECONDS = 10.0


@dataclass
class Sample:
    """What the installed program makes of a configuration."""

    version: str
    config: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def installed_version(binary: str) -> str:
    """Return the version that the program itself names; asked once as long as it is the same file."""
    try:
        status = Path(binary).stat()
    except OSError:
        return _version(binary, ())
    return _version(binary, (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns))


@functools.lru_cache(maxsize=8)
def _version(binary: str, _identity: Tuple[int, ...]) -> str:
    try:
        _code, output = run_program([binary, "--version"], seconds=_SECONDS)
    except OSError as problem:
        raise BadConfig(f"{binary} cannot be run: {problem}", todo="Install the engine first") from problem
    number = re.search(r"v=(\d+(?:\.\d+)+)", output)
    if not number:
        raise BadConfig(f"{binary} does not name its version, but says {output.strip()[:200]!r}")
    return number.group(1)


def scratch_lines(parameters: Mapping[str, Any], sentinel: bool) -> list[str]:
    """Return the lines for the scratch process, `{dir}` still to be filled in; pure."""
    kept: list[str] = []
    declared: set[str] = set()
    for line in list_directives(parameters):
        key = line.key.lower()
        words = [word.lower() for word in [*key.split()[1:], *line.args]]
        declared.add(key)
        if key in OVERRIDDEN or key in REPLACED:
            continue
        if key == "rename-command" and words and words[0] in _NEEDED_COMMANDS:
            continue
        if key.split()[0] == "sentinel" and words and words[0] in _WATCHING:
            continue
        kept.append(line.text.replace("{", "{{").replace("}", "}}"))
    kept += [Line(key, [value]).text for key, value in OVERRIDDEN.items()]
    kept += [
        Line(key, value.split() if "of" in key else [value]).text
        for key, value in REPLACED.items()
        if key in declared and not (sentinel and key == "replicaof")
    ]
    if not sentinel:
        kept.append(f"user {OWNER} on nopass ~* +@all")
    return kept


def examine_file(
    binary: str,
    parameters: Mapping[str, Any],
    sentinel: bool = False,
    user: str = "redis",
    path: str = "",
    label: str = "",
    todo: str = "",
) -> Sample:
    """Let the installed program read the configuration; its refusal becomes BadConfig in its own words."""
    sample = Sample(installed_version(binary))
    with run_scratch(binary, parameters, sentinel, user, path, label, todo) as place:
        _ask(place, sample, parameters, _password(parameters) if sentinel else None)
    if sentinel:  # Redis 8 starts a Sentinel in spite of an unknown directive
        own = {key: value for key, value in parameters.items() if key.lower().split()[0] != "sentinel"}
        examine_file(binary, own, False, user, path, label, todo)
    return sample


@contextmanager
def run_scratch(
    binary: str,
    parameters: Mapping[str, Any],
    sentinel: bool = False,
    user: str = "redis",
    path: str = "",
    label: str = "",
    todo: str = "",
) -> Iterator[str]:
    """Run the installed program on the configuration and give the socket that it listens on."""
    with deaf_to_signals(), private_directory(user) as directory, tempfile.TemporaryFile(dir=memory_directory()) as log:
        text = "\n".join([*scratch_lines(parameters, sentinel), ""]).format(dir=directory)
        command = [binary, "-"]
        if sentinel:
            command = [binary, f"{directory}/sentinel.conf", "--sentinel"]
            write_private(command[1], text, user)
        process = start_child(command, directory, log, prepare_child(user, _open_files(parameters)))
        try:
            feed_child(process, "" if sentinel else text)
            _await(process, f"{directory}/s")
            yield f"{directory}/s"
        except Unreachable as problem:
            log.seek(0)
            output = log.read().decode("utf-8", "surrogateescape")
            program = f"{Path(binary).name} {installed_version(binary)}"
            raise translate_refusal(output, program, path, label, todo or str(problem)) from None
        finally:
            end_child(process)


def find_credentials(place: str) -> Endpoint:
    """Return how to get into a scratch server, whatever its configuration says of passwords."""
    return Endpoint(socket=place, username=OWNER, password="x", timeout=_SECONDS)  # noqa: S106


def translate_refusal(output: str, program: str, path: str, label: str, todo: str) -> BadConfig:
    """Turn the engine's own complaint into an error that names file and key, and shows no secret; pure."""
    stamp = re.compile(r"\d+:\w [^*#]*([*#]) ")
    loud = [stamp.sub("", row) for row in output.split("\n") if "#" in stamp.findall(row)]
    rows = [stamp.sub("", row).strip() for row in output.split("\n") if row.strip()]
    key = ""
    complaint = ""
    for number, row in enumerate(rows):
        if row.startswith(">>> "):
            for line in parse_directives(row[4:].strip().strip("'")):
                key = line.key
                shown = f"{key} {MASK}" if is_secret(key, line.args) else row[5:].rstrip("'")
                complaint = f"'{shown}' {_plain(' '.join(rows[number + 1 : number + 2]))}"
            break
    else:
        complaint = " ".join(loud[-2:]) or " ".join(rows[-2:]) or "it ended without a word"
    where = ", ".join(part for part in (path, f"key {key}" if key else "") if part)
    return BadConfig(f"{label}: the new configuration is refused by {program}: {complaint}", where, todo)


def _plain(complaint: str) -> str:
    """Say what Redis 8 means when it takes an unknown word for the setting of a module."""
    return f"Unknown directive: {complaint}" if complaint.startswith("Module Configuration detected") else complaint


def _await(process: Program, path: str) -> None:
    """Wait until the process listens. Unreachable: it has ended or does not come."""
    deadline = time.monotonic() + _SECONDS
    while not _listens(path):
        if process.poll() is not None or time.monotonic() > deadline:
            raise Unreachable("the scratch process does not listen", path)
        time.sleep(0.003)


def _ask(path: str, sample: Sample, declared: Iterable[str], password: str | None) -> None:
    """Read the settings of the process."""
    sentinel = password is not None
    try:
        with connect(
            Endpoint(socket=path, password=password, timeout=_SECONDS) if sentinel else find_credentials(path)
        ) as client:
            if not sentinel:
                sample.config = _settings(client, sample.version, declared)
    except (AuthFailed, CommandFailed):
        if not sentinel:
            raise  # but a Sentinel that asks for a password has read its file


def _settings(client: Client, version: str, declared: Iterable[str]) -> dict[str, str]:
    """Read all settings. Redis 6 clamps a value when it is set and not when it is read from a file: set it."""
    settings = client.read_pairs("CONFIG", "GET", "*")
    if parse_version(version)[0] > 6:
        return settings
    for key in declared:
        if key in settings and key not in OVERRIDDEN and settings[key].isdigit():
            try:
                client.call("CONFIG", "SET", key, settings[key])
            except CommandFailed:
                continue
    return client.read_pairs("CONFIG", "GET", "*")


def _listens(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(path) == 0


def _password(parameters: Mapping[str, Any]) -> str:
    return str(parameters.get("requirepass") or "")


def _open_files(parameters: Mapping[str, Any]) -> int:
    """How many files the declared maxclients needs, 0 when there is nothing to raise."""
    wanted = str(parameters.get("maxclients") or "")
    return min(int(wanted), 1 << 20) + 128 if wanted.isdigit() else 0
