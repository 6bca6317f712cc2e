# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the installed program has accepted before, so that it is not started again for the same question.

The note counts only while nothing that went into the answer has changed, and only when nobody else could write it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import resource
import stat
from pathlib import Path
from typing import Any, Iterable, Mapping

from .._core.errors import QuorumError
from .._host.files import Draft
from .._model.conf_syntax import collect_values, is_secret, list_directives
from .._model.directives import OVERRIDDEN
from .._model.file_changes import Wanted
from .config_check import Sample, examine_file, scratch_lines

FORMAT = 1  # of the note, and of what examine_file() asks
LIBRARIES = "/etc/ld.so.cache"  # written anew whenever a library is installed
IGNORED = {*OVERRIDDEN, "pidfile"}


def identify_file(path: str) -> list[Any]:
    """Return what is different after any change of a file; it cannot be set back, as the time of writing can."""
    try:
        real = Path(path).resolve()
        status = real.stat()
    except OSError:
        return [path]
    return [path, str(real), status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns]


def digest_question(binary: str, parameters: Mapping[str, Any], sentinel: bool, user: str) -> str:
    """Return the digest of all that the answer depends on; empty when that cannot be known."""
    declared = list(list_directives(parameters))
    if any(line.key.lower() == "include" for line in declared):
        return ""
    named = sorted(
        {word for line in declared if line.key.lower() not in IGNORED for word in line.args if word[:1] == "/"}
    )
    parts = [
        FORMAT,
        scratch_lines(parameters, sentinel),
        [user, sentinel, os.geteuid()],
        list(resource.getrlimit(resource.RLIMIT_NOFILE)),
        [identify_file(path) for path in (binary, LIBRARIES, *named)],
    ]
    return hashlib.sha256(json.dumps(parts).encode("utf-8", "surrogateescape")).hexdigest()


def recall_answer(note: str, asked: str, secrets: Mapping[str, str]) -> Sample | None:
    """Return the answer to the same question, None when there is none or somebody else could have written it."""
    try:
        with Path(note).open(encoding="utf-8", errors="surrogateescape") as file:
            place = os.fstat(file.fileno())
            if place.st_uid != os.geteuid() or stat.S_IMODE(place.st_mode) & 0o077:
                return None
            noted = json.load(file)
        if not asked or noted["asked"] != asked:
            return None
        hidden = {key: secrets[source] for key, source in noted["secrets"].items()}
        return Sample(noted["version"], {**noted["config"], **hidden})
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def remember_answer(note: str, asked: str, secrets: Mapping[str, str], sample: Sample) -> None:
    """Write the answer down without secrets; one that cannot be written is asked for again."""
    source = {value: key for key, value in secrets.items()}
    hidden = {key: source[value] for key, value in sample.config.items() if value and value in source}
    config = {key: value for key, value in sample.config.items() if key not in hidden}
    if not asked or any(value and is_secret(key) for key, value in config.items()):
        return
    text = json.dumps({"asked": asked, "version": sample.version, "config": config, "secrets": hidden})
    owner, group = str(os.geteuid()), str(os.getegid())
    with contextlib.suppress(QuorumError):
        Draft(Wanted(note, "file", text.encode("utf-8", "surrogateescape"), "", 0o600, owner, group)).take_place()


def hidden_values(parameters: Mapping[str, Any], more: Iterable[str]) -> dict[str, str]:
    """Return the words of a configuration that no other file may hold, by their keys; pure."""
    keys = {key.lower() for key in more}
    values = collect_values(list_directives(parameters))
    return {key: words[-1] for key, words in values.items() if words[-1] and (key in keys or is_secret(key))}


def recall_sample(
    binary: str, parameters: Mapping[str, Any], sentinel: bool, user: str, path: str, secrets: Iterable[str]
) -> Sample | None:
    """Return what the installed program has said of a file, None when it would have to be asked."""
    return recall_answer(*_question(binary, parameters, sentinel, user, path, secrets))


def _question(
    binary: str, parameters: Mapping[str, Any], sentinel: bool, user: str, path: str, secrets: Iterable[str]
) -> tuple[str, str, dict[str, str]]:
    """Return where the answer is noted, the digest of all that it depends on, and the words that it may not hold."""
    asked, hidden = digest_question(binary, parameters, sentinel, user), hidden_values(parameters, secrets)
    return str(Path(path).with_suffix(".accepted")), asked, hidden


def examine_once(
    binary: str,
    parameters: Mapping[str, Any],
    sentinel: bool,
    user: str,
    path: str,
    label: str,
    todo: str,
    secrets: Iterable[str],
    write: bool,
) -> Sample:
    """Let the installed program judge a file, unless it has accepted all of this before."""
    question = _question(binary, parameters, sentinel, user, path, secrets)
    sample = recall_answer(*question)
    if sample is None:
        sample = examine_file(binary, parameters, sentinel, user, path, label, todo)
        if write:
            remember_answer(*question, sample)
    return sample
