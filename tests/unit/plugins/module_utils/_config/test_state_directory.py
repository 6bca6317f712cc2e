# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A data directory that somebody has given to another user while the server runs."""

from __future__ import annotations

import getpass
import os
from pathlib import Path

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._config.state_directory import foreign_owner, give_back
from ansible_collections.quorum.redis.plugins.module_utils._core.errors import QuorumError

US = (os.getuid(), os.getgid())
OTHER = (US[0] + 1, US[1])


def test_whose_it_is(tmp_path: Path) -> None:
    assert foreign_owner(tmp_path, US) == ""
    assert foreign_owner(tmp_path, OTHER) == getpass.getuser()


def test_where_nobody_knows_nothing_is_said(tmp_path: Path) -> None:
    """A process on another host, none at all, or a directory that is not there yet."""
    assert foreign_owner(None, OTHER) == foreign_owner(tmp_path, None) == foreign_owner(tmp_path / "none", OTHER) == ""


def test_all_of_it_is_given_back_and_the_directory_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that was cut short finds it again: systemd would not, it looks at the directory alone."""
    (tmp_path / "appendonlydir").mkdir()
    (tmp_path / "appendonlydir/main.aof").touch()
    (tmp_path / "link").symlink_to("/etc/passwd")
    given: list[tuple[str, tuple[int, ...], bool]] = []

    def chown(path: Path, *account: int, follow_symlinks: bool) -> None:
        if path.name == "main.aof":
            raise FileNotFoundError(path)
        given.append((path.name, account, follow_symlinks))

    monkeypatch.setattr(os, "chown", chown)
    give_back(tmp_path, OTHER)
    assert sorted(name for name, _account, _follow in given[:-1]) == ["appendonlydir", "link"]
    assert given[-1][0] == tmp_path.name
    assert {(account, follow) for _name, account, follow in given} == {(OTHER, False)}


def test_what_cannot_be_given_back_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def chown(*_args: object, **_more: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "chown", chown)
    with pytest.raises(QuorumError, match="cannot be given") as problem:
        give_back(tmp_path, OTHER)
    assert "Operation not permitted" in str(problem.value)
