# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the engine has accepted: which change makes it be asked again, and that no secret is in the note."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._engine import config_cache
from ansible_collections.quorum.redis.plugins.module_utils._engine.config_cache import (
    digest_question,
    hidden_values,
    recall_answer,
    remember_answer,
)
from ansible_collections.quorum.redis.plugins.module_utils._engine.config_check import Sample

SECRET = "s3cret"
DECLARED: dict[str, Any] = {"maxmemory": "1gb", "requirepass": SECRET, "masteruser": "rep"}
CONFIG = {"maxmemory": "1073741824", "requirepass": SECRET, "masterauth": "", "primaryuser": "rep", "masteruser": "rep"}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("engine", "libraries", "cert.pem"):
        (tmp_path / name).write_text(name)
    monkeypatch.setattr(config_cache, "LIBRARIES", str(tmp_path / "libraries"))
    return tmp_path


def ask(place: Path, parameters: dict[str, Any] | None = None, user: str = "redis", sentinel: bool = False) -> str:
    given = DECLARED if parameters is None else parameters
    return digest_question(str(place / "engine"), {**given, "tls-cert-file": str(place / "cert.pem")}, sentinel, user)


def test_the_same_question_has_the_same_digest_and_any_other_has_not(place: Path) -> None:
    first = ask(place)
    assert first == ask(place)
    others = {ask(place, user="other"), ask(place, sentinel=True), ask(place, {**DECLARED, "maxmemory": "2gb"})}
    for name in ("engine", "libraries", "cert.pem"):
        (place / name).write_text(name)  # the same content, written again
        others.add(ask(place))
    (place / "new").write_text("engine")
    (place / "new").replace(place / "engine")
    others.add(ask(place))
    (place / "cert.pem").unlink()
    others.add(ask(place))
    assert len(others | {first}) == 9


def test_a_configuration_that_includes_others_is_always_asked(place: Path) -> None:
    assert ask(place, {"include": "/etc/redis/more.conf"}) == ""
    note = place / "note"
    remember_answer(str(note), "", {}, Sample("7.0.15", {"maxmemory": "0"}))
    assert not note.exists()
    assert recall_answer(str(note), "", {}) is None


def test_the_answer_comes_back_whole_and_no_secret_is_in_the_note(place: Path) -> None:
    note, hidden = str(place / "note"), hidden_values(DECLARED, ["masteruser"])
    assert hidden == {"requirepass": SECRET, "masteruser": "rep"}
    remember_answer(note, "digest", hidden, Sample("7.0.15", CONFIG))
    assert SECRET not in Path(note).read_text()
    assert '"rep"' not in Path(note).read_text()
    assert Path(note).stat().st_mode & 0o777 == 0o600
    assert recall_answer(note, "digest", hidden) == Sample("7.0.15", CONFIG)
    assert recall_answer(note, "another", hidden) is None


def test_a_secret_of_unknown_source_is_not_written(place: Path) -> None:
    remember_answer(str(place / "note"), "digest", {}, Sample("7.0.15", CONFIG))
    assert not (place / "note").exists()


@pytest.mark.parametrize("text", ["", "[]", "{", '{"asked": "digest"}'])
def test_a_damaged_note_does_not_count(place: Path, text: str) -> None:
    (place / "note").write_text(text)
    (place / "note").chmod(0o600)
    assert recall_answer(str(place / "note"), "digest", {}) is None


def test_a_note_that_others_may_read_or_write_does_not_count(place: Path) -> None:
    note = place / "note"
    remember_answer(str(note), "digest", {}, Sample("7.0.15", {"maxmemory": "0"}))
    assert recall_answer(str(note), "digest", {}) is not None
    note.chmod(0o620)
    assert recall_answer(str(note), "digest", {}) is None
