# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much memory and disk a host, or the container it is, has left."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._host.capacity import (
    CGROUPS,
    disk_free,
    memory_free,
    memory_total,
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a root directory whose kernel has 4 MiB, half of them free, and limits nobody."""
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/meminfo").write_text("MemTotal: 4096 kB\nMemAvailable: 2048 kB\n")
    return tmp_path


def limited(root: Path, version: int, most: str, used: str, stat: str = "") -> None:
    """Put it into a container."""
    for name, text in zip(CGROUPS[version], (most, used, stat), strict=False):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"{text}\n")


def test_the_memory_of_a_host_is_what_its_kernel_says(root: Path) -> None:
    assert (memory_total(root), memory_free(root)) == (4096 * 1024, 2048 * 1024)
    limited(root, 0, "max", "400000")
    assert (memory_total(root), memory_free(root)) == (4096 * 1024, 2048 * 1024)


@pytest.mark.parametrize("version", [0, 1])
def test_the_memory_of_a_container_is_what_its_limit_leaves(root: Path, version: int) -> None:
    limited(root, version, "1000000", "400000")
    assert (memory_total(root), memory_free(root)) == (1000000, 600000)
    limited(root, version, "1000000", "1200000")
    assert memory_free(root) == 0


@pytest.mark.parametrize("version", [0, 1])
def test_cache_that_the_kernel_gives_back_is_free(root: Path, version: int) -> None:
    limited(root, version, "1000000", "900000", f"anon 300000\n{CGROUPS[version][3]} 500000")
    assert memory_free(root) == 600000


def test_nothing_is_known_where_there_is_no_such_kernel(tmp_path: Path) -> None:
    assert (memory_total(tmp_path), memory_free(tmp_path)) == (0, 0)


def test_free_disk_of_a_directory_that_is_not_there_yet(tmp_path: Path) -> None:
    assert disk_free(str(tmp_path / "not" / "yet")) > 0
