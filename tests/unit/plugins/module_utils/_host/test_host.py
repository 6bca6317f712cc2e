# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel of a host, on a made-up /proc and /sys."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._core.errors import BadConfig
from ansible_collections.quorum.redis.plugins.module_utils._host import kernel
from ansible_collections.quorum.redis.plugins.module_utils._host.kernel import (
    Setting,
    View,
    check_memory,
    observe_kernel,
    settings_files,
)

NOTHING: dict[str, Any] = {
    "overcommit_memory": None,
    "somaxconn": None,
    "swappiness": None,
    "transparent_hugepages": None,
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in {
        "proc/sys/vm/overcommit_memory": "0\n",
        "proc/sys/net/core/somaxconn": "4096\n",
        "proc/sys/vm/swappiness": "60\n",
        kernel.HUGEPAGES: "always [madvise] never\n",
        "proc/meminfo": "MemTotal:  2048 kB\nMemFree: 1 kB\n",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def params(root: Path, **wish: Any) -> dict[str, Any]:
    return {**NOTHING, "sysctl_file": str(root / "sysctl"), "tmpfiles_file": str(root / "tmpfiles"), **wish}


def test_only_what_is_asked_for_is_looked_at(root: Path) -> None:
    view = observe_kernel(params(root), root)
    assert not view.settings
    assert not view.files
    assert view.memory == 2048 * 1024


def test_values_are_set_and_files_written(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wish = params(root, overcommit_memory=1, somaxconn=4096, transparent_hugepages="never")
    view = observe_kernel(wish, root)
    assert [item.name for item in view.settings if item.differs] == ["overcommit_memory", "transparent_hugepages"]
    assert all(item.writable for item in view.settings)
    assert [want.content.decode().splitlines()[1:] for _, want in view.files] == [
        ["vm.overcommit_memory = 1", "net.core.somaxconn = 4096"],
        ["w! /sys/kernel/mm/transparent_hugepage/enabled - - - - never"],
    ]
    kernel.put_setting(view.settings[0])
    assert (root / "proc/sys/vm/overcommit_memory").read_text() == "1\n"
    monkeypatch.setattr(Path, "write_text", refuse)
    assert not next(item for item in observe_kernel(wish, root).settings if item.differs).writable


def refuse(*_: object, **__: object) -> int:
    raise OSError(30, "Read-only file system")


def test_a_kernel_without_huge_pages_is_fine(root: Path) -> None:
    (root / kernel.HUGEPAGES).unlink()
    assert not observe_kernel(params(root, transparent_hugepages="never"), root).settings


def test_a_file_without_lines_is_not_there() -> None:
    owner = {"sysctl_file": "/a", "tmpfiles_file": "/b"}
    assert [want.kind for want in settings_files(owner, [])] == ["absent", "absent"]
    only = [Setting("swappiness", Path("/x"), "1", "60")]
    assert [want.kind for want in settings_files(owner, only)] == ["file", "absent"]


@pytest.mark.parametrize("place", kernel.MEMORY_LIMITS)
def test_the_limit_of_a_container_counts(root: Path, place: str) -> None:
    (root / place).parent.mkdir(parents=True, exist_ok=True)
    (root / place).write_text("1048576\n")
    assert observe_kernel(params(root), root).memory == 1048576
    (root / place).write_text("max\n")
    assert observe_kernel(params(root), root).memory == 2048 * 1024


def test_memory_that_is_not_there_is_refused() -> None:
    view = View(memory=100 << 20)
    check_memory(view, 100 << 20)
    with pytest.raises(BadConfig, match=r"101 MiB, with the room that a fork needs .* it has 100 MiB"):
        check_memory(view, 101 << 20)
