# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of the status as a file: what is a change, and what stops it."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible.errors import AnsibleActionFail
from ansible_collections.quorum.redis.plugins.plugin_utils.page_file import save_page

FIRST = '<p>r1 <span class="now">10 bytes</span></p>'
LATER = '<p>r1 <span class="now">90 bytes</span></p>'
OTHER = '<p>r2 <span class="now">90 bytes</span></p>'


def test_a_page_is_written_each_time_and_changed_is_what_it_shows(tmp_path: Path) -> None:
    page = tmp_path / "status.html"
    assert save_page(str(page), FIRST) == {"changed": True, "path": str(page)}
    assert page.stat().st_mode & 0o777 == 0o644
    page.chmod(0o600)
    assert save_page(str(page), LATER)["changed"] is False
    assert page.read_text() == LATER
    assert save_page(str(page), OTHER, diff=True) == {
        "changed": True,
        "path": str(page),
        "diff": {
            "before": '<p>r1 <span class="now"></span></p>',
            "after": '<p>r2 <span class="now"></span></p>',
            "before_header": str(page),
            "after_header": str(page),
        },
    }
    assert page.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [page]


def test_check_mode_says_it_and_writes_nothing(tmp_path: Path) -> None:
    page = tmp_path / "status.html"
    assert save_page(str(page), FIRST, check=True)["changed"] is True
    assert not page.exists()
    save_page(str(page), FIRST)
    assert save_page(str(page), LATER, check=True)["changed"] is False
    assert page.read_text() == FIRST


def test_a_link_stays_one_and_a_name_is_one_of_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "now.html").symlink_to(tmp_path / "real.html")
    assert save_page("now.html", FIRST)["path"] == str(tmp_path / "real.html")
    assert (tmp_path / "now.html").is_symlink() and (tmp_path / "real.html").read_text() == FIRST


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        (".", "is no file. Name a file."),
        ("none/status.html", "the controller has no directory {tmp}/none. Create it."),
        ("file/status.html", "the controller has no directory {tmp}/file. Create it."),
    ],
)
def test_what_cannot_be_written_is_told(tmp_path: Path, name: str, sentence: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(AnsibleActionFail) as refused:
        save_page(str(tmp_path / name), FIRST)
    assert str(refused.value).startswith("redis_status_html: ") and sentence.format(tmp=tmp_path) in str(refused.value)
