# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small files: what differs, what is refused, and nothing half-written."""

from __future__ import annotations

import getpass
import grp
import os
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._core.errors import BadConfig, QuorumError
from ansible_collections.quorum.redis.plugins.module_utils._host.files import (
    Seen,
    Wanted,
    check,
    describe,
    diff,
    differences,
    look,
    put,
    wanted,
)

ME = {"owner": getpass.getuser(), "group": grp.getgrgid(os.getegid()).gr_name}
FILE = Seen("file", b"old", mode=0o644, owner="root", group="root")


@pytest.mark.parametrize(
    ("seen", "want", "expected", "sentence"),
    [
        (Seen(), Wanted("/f", content=b"x"), ["file"], "create /f"),
        (FILE, Wanted("/f", content=b"old"), [], ""),
        (FILE, Wanted("/f", content=b"new"), ["content"], "change /f"),
        (FILE, Wanted("/f", content=b"old", mode=0o600), ["mode"], "give /f root:root 0600"),
        (FILE, Wanted("/f", content=b"old", group="redis"), ["group"], "give /f root:redis 0644"),
        (FILE, Wanted("/f", "absent"), ["absent"], "remove /f"),
        (Seen(), Wanted("/f", "absent"), [], ""),
        (FILE, Wanted("/f", "link", link="/dev/null"), ["link"], "make /f a link to /dev/null"),
        (Seen("link", link="/dev/null"), Wanted("/f", "link", link="/dev/null"), [], ""),
        (Seen("link", link="/other"), Wanted("/f", "link", link="/dev/null"), ["link"], "make /f a link to /dev/null"),
        (Seen("link", link="/other"), Wanted("/f", content=b"x"), ["file"], "create /f"),
    ],
)
def test_differences(seen: Seen, want: Wanted, expected: list[str], sentence: str) -> None:
    assert differences(seen, want) == expected
    assert not sentence or describe(seen, want) == sentence


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
        wanted(option)


def test_a_directory_in_the_way_is_refused(tmp_path: Path) -> None:
    want = wanted({"path": str(tmp_path), "state": "absent"})
    with pytest.raises(BadConfig, match="is a directory"):
        check(look(str(tmp_path)), want, sure=True)


def test_an_unknown_group_is_refused_only_when_it_must_be_there() -> None:
    want = Wanted("/f", content=b"", owner=ME["owner"], group="no-such-group")
    check(Seen(), want, sure=False)
    with pytest.raises(BadConfig, match="no-such-group"):
        check(Seen(), want, sure=True)


def test_files_and_links_are_put(tmp_path: Path) -> None:
    labelled: list[str] = []
    path = tmp_path / "a" / "b" / "file"
    want = wanted({"path": str(path), "content": "text", "mode": "0600", **ME})
    for _ in range(2):
        put(look(str(path)), want, labelled.append)
        assert not differences(look(str(path)), want)
    assert path.parent.stat().st_mode & 0o777 == 0o755
    link = wanted({"path": str(path), "link": "/dev/null"})
    put(look(str(path)), link, labelled.append)
    assert path.readlink() == Path("/dev/null")
    put(look(str(path)), want, labelled.append)
    assert path.read_text() == "text"
    assert not path.is_symlink()
    put(look(str(path)), wanted({"path": str(path), "state": "absent"}), labelled.append)
    assert not list(path.parent.iterdir())
    assert labelled == [str(path)] * 4


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def full(_number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(QuorumError, match=r"cannot be written: No space left on device. The previous file"):
        put(look(str(path)), wanted({"path": str(path), "content": "new", **ME}), str)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_diff_has_the_mode_where_that_changes() -> None:
    shown = diff(FILE, Wanted("/f", content=b"new", mode=0o600))
    assert shown["before"] == "# root:root 0644\nold"
    assert shown["after"] == "# root:root 0600\nnew"
