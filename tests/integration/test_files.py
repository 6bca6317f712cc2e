# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module files as Ansible runs it."""

from __future__ import annotations

import getpass
import grp
import json
import os
from pathlib import Path
from typing import Any

import pytest

from integration.conftest import Lab

ME = {"owner": getpass.getuser(), "group": grp.getgrgid(os.getegid()).gr_name}


@pytest.fixture
def wish(tmp_path: Path) -> list[dict[str, Any]]:
    (tmp_path / "old").write_text("old")
    return [
        {"path": str(tmp_path / "units" / "redis-server@.service"), "content": "[Unit]\nü\n", **ME},
        {"path": str(tmp_path / "program"), "content": "#!/bin/sh\n", "mode": "0755", **ME},
        {"path": str(tmp_path / "mask"), "link": "/dev/null"},
        {"path": str(tmp_path / "old"), "state": "absent"},
    ]


def test_all_is_predicted_then_written_then_left_alone(lab: Lab, tmp_path: Path, wish: list[dict[str, Any]]) -> None:
    predicted = lab.run("files", check=True, files=wish)
    assert (tmp_path / "old").exists()
    assert not (tmp_path / "units").exists()
    done = lab.run("files", files=wish)
    assert done["paths"] == [item["path"] for item in wish] and done["places"] == [0, 1, 2, 3]
    for key in ("steps", "paths", "places", "diff", "changed"):
        assert predicted[key] == done[key]
    assert (tmp_path / "program").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "units" / "redis-server@.service").read_text(encoding="utf-8") == "[Unit]\nü\n"
    for check in (True, False):
        again = lab.run("files", check=check, files=wish)
        assert not again.changed
        assert again["paths"] == []


def test_a_fresh_host_without_the_account_is_predicted(lab: Lab, tmp_path: Path) -> None:
    wish = [{"path": str(tmp_path / "file"), "content": "x", "owner": ME["owner"], "group": "not-yet-there"}]
    assert lab.run("files", check=True, files=wish).changed
    answer = lab.run("files", files=wish)
    assert "the group 'not-yet-there' does not exist" in answer.msg
    assert not (tmp_path / "file").exists()


def test_everything_is_checked_before_the_first_file(lab: Lab, tmp_path: Path, wish: list[dict[str, Any]]) -> None:
    answer = lab.run("files", files=[*wish, {"path": str(tmp_path), "state": "absent"}])
    assert "is a directory" in answer.msg
    assert not (tmp_path / "program").exists()
    assert "more than once" in lab.run("files", files=[*wish, wish[0]]).msg


def test_what_was_written_is_known_where_a_secret_is_part_of_its_path(lab: Lab, tmp_path: Path) -> None:
    """Ansible masks it there: exporters of a user with the name exporter were not restarted."""
    wish: list[dict[str, Any]] = [
        {"path": str(tmp_path / "redis-exporter.service"), "content": "a", **ME},
        {"path": str(tmp_path / "b.json"), "content": "{}", "secrets": {"username": "exporter"}, **ME},
    ]
    done = lab.run("files", files=wish)
    assert done["places"] == [0, 1] and done["paths"] != [item["path"] for item in wish]
    (tmp_path / "b.json").unlink()
    assert lab.run("files", files=wish)["places"] == [1]


def test_secrets_stay_hidden(lab: Lab, tmp_path: Path) -> None:
    """They are in none of the arguments that a module repeats, and in no diff."""
    secret = 's3cret "x" \\ \u00e9'
    path = tmp_path / "f"
    wish = [{"path": str(path), "content": '{"a": 1}', "secrets": {"password": secret}, "mode": "0640", **ME}]
    answer = lab.run("files", files=wish)
    assert json.loads(answer["diff"][0]["after"]) == {"a": 1, "password": "********"}
    assert "s3cret" not in answer.text
    assert json.loads(path.read_text(encoding="utf-8")) == {"a": 1, "password": secret}
