# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of one server while a backup takes their place, and is undone after whatever has cut that short."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._restore.shard import Shard


class Asked:
    """What a module is asked."""

    check_mode = False

    def __init__(self, root: Path, state: str) -> None:
        """Ask for a state of the server below this directory."""
        given: dict[str, Any] = {
            "name": "cart-7000",
            "data": str(root / "data"),
            "config": str(root / "cart-7000.conf"),
        }
        given.update(backup=None, here="k1", binary="/nowhere", user=getpass.getuser(), memory_reserve=0, wait=1)
        self.params = {**given, "state": state}

    def set_default_selinux_context(self, path: str, changed: bool) -> bool:
        """Leave it."""
        return changed


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return the place of a server with data."""
    (tmp_path / "data" / "appendonlydir").mkdir(parents=True)
    (tmp_path / "cart-7000.conf").write_text("port 7000\nappendonly yes\ndbfilename cart.rdb\n")
    (tmp_path / "data" / "nodes.conf").write_text("who I am")
    (tmp_path / "data" / "cart.rdb").write_text("old")
    (tmp_path / "data" / "appendonlydir" / "appendonly.aof.manifest").write_text("old")
    return tmp_path


def bring(root: Path, state: str) -> list[str]:
    """Bring the server into a state as the module does; return the steps."""
    one = Shard(Asked(root, state))
    steps = one.plan(one.observe())
    for step in steps:
        one.apply(step)
    return [step.text for step in steps]


def files(root: Path) -> dict[str, str]:
    return {str(one.relative_to(root / "data")): one.read_text() for one in root.glob("data/**/*") if one.is_file()}


def test_all_but_the_identity_is_put_aside_and_comes_back(root: Path) -> None:
    before = files(root)
    assert bring(root, "undone") == [] and files(root) == before
    assert bring(root, "placed") == ["cart-7000: put nothing in place of the data"]
    there = {name for name in files(root) if "restore-before" not in name}
    assert there == {"nodes.conf"} and bring(root, "placed") == []
    (root / "data" / "cart.rdb").write_text("new")  # what a server has saved since
    assert bring(root, "undone") == ["cart-7000: put back what was there before"]
    assert files(root) == before


def test_what_was_not_put_aside_yet_stays(root: Path) -> None:
    before = files(root)
    kept = root / "data" / "restore-before" / "data"
    kept.mkdir(parents=True)
    (root / "data" / "cart.rdb").rename(kept / "cart.rdb")
    bring(root, "undone")
    assert files(root) == before


def test_settled_nothing_of_before_is_left(root: Path) -> None:
    bring(root, "placed")
    (root / "data" / "cart.rdb").write_text("new")
    assert bring(root, "settled") == ["cart-7000: remove what was there before"]
    assert files(root) == {"nodes.conf": "who I am", "cart.rdb": "new"} and bring(root, "settled") == []
