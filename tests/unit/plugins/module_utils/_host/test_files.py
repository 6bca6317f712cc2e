# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small files and links: what is refused, what is put there, and nothing half-written."""

from __future__ import annotations

import getpass
import grp
import os
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._core.errors import BadConfig, QuorumError
from ansible_collections.quorum.redis.plugins.module_utils._host.files import (
    check_path,
    parse_file,
    read_path,
    write_path,
)
from ansible_collections.quorum.redis.plugins.module_utils._model.file_changes import (
    Seen,
    Wanted,
    list_differences,
)

ME = {"owner": getpass.getuser(), "group": grp.getgrgid(os.getegid()).gr_name}


@pytest.mark.parametrize(
    "option",
    [
        {"path": "/f"},
        {"path": "relative", "content": ""},
        {"path": "/f", "content": "", "link": "/x"},
        {"path": "/f", "content": "", "state": "absent"},
        {"path": "/f", "content": "", "mode": "rw"},
    ],
)
def test_an_unclear_wish_is_refused(option: dict[str, Any]) -> None:
    with pytest.raises(BadConfig):
        parse_file(option)


def test_a_directory_in_the_way_is_refused(tmp_path: Path) -> None:
    want = parse_file({"path": str(tmp_path), "state": "absent"})
    with pytest.raises(BadConfig, match="is a directory"):
        check_path(read_path(str(tmp_path)), want, sure=True)


def test_an_unknown_group_is_refused_only_when_it_must_be_there() -> None:
    want = Wanted("/f", content=b"", owner=ME["owner"], group="no-such-group")
    check_path(Seen(), want, sure=False)
    with pytest.raises(BadConfig, match="no-such-group"):
        check_path(Seen(), want, sure=True)


def test_files_and_links_are_put(tmp_path: Path) -> None:
    labelled: list[str] = []
    path = tmp_path / "a" / "b" / "file"
    want = parse_file({"path": str(path), "content": "text", "mode": "0600", **ME})
    for _ in range(2):
        write_path(read_path(str(path)), want, labelled.append)
        assert not list_differences(read_path(str(path)), want)
    assert path.parent.stat().st_mode & 0o777 == 0o755
    link = parse_file({"path": str(path), "link": "/dev/null"})
    write_path(read_path(str(path)), link, labelled.append)
    assert path.readlink() == Path("/dev/null")
    write_path(read_path(str(path)), want, labelled.append)
    assert path.read_text() == "text"
    assert not path.is_symlink()
    write_path(read_path(str(path)), parse_file({"path": str(path), "state": "absent"}), labelled.append)
    assert not list(path.parent.iterdir())
    assert labelled == [str(path)] * 4


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def full(_number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(QuorumError, match=r"cannot be written: No space left on device. The previous file"):
        write_path(read_path(str(path)), parse_file({"path": str(path), "content": "new", **ME}), str)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
