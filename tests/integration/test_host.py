# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module host on this very kernel: it only ever sets what is set already."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from authority import Authority

from integration.conftest import Lab

CURRENT = int(Path("/proc/sys/vm/swappiness").read_text(encoding="ascii"))


def options(tmp_path: Path, **wish: Any) -> dict[str, Any]:
    return {"sysctl_file": str(tmp_path / "90.conf"), "tmpfiles_file": str(tmp_path / "tmp.conf"), **wish}


def test_the_file_is_predicted_written_and_removed(lab: Lab, tmp_path: Path) -> None:
    wish = options(tmp_path, swappiness=CURRENT)
    predicted = lab.run("host", check=True, **wish)
    done = lab.run("host", **wish)
    assert predicted["steps"] == done["steps"] == [f"create {tmp_path / '90.conf'}"]
    assert f"vm.swappiness = {CURRENT}\n" in (tmp_path / "90.conf").read_text()
    assert not lab.run("host", **wish).changed
    assert lab.run("host", **options(tmp_path))["steps"] == [f"remove {tmp_path / '90.conf'}"]
    assert not lab.run("host", check=True, **options(tmp_path)).changed


def test_memory_that_is_not_there_stops_the_run(lab: Lab, tmp_path: Path) -> None:
    known = lab.run("host", check=True, **options(tmp_path))["memory"]
    assert known > 0
    answer = lab.run("host", **options(tmp_path, swappiness=CURRENT, memory_needed=known + (64 << 20)))
    assert "Nothing was changed" in answer.msg
    assert not (tmp_path / "90.conf").exists()


def test_certificates_that_will_not_do_stop_the_run(lab: Lab, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    for name, days, words in (("good", 20, ""), ("old", -1, "TLS: The certificate has expired")):
        pair = authority.issue(name, days=days)
        files = {"authorities": str(authority.ca), "certificate": str(pair.cert), "key": str(pair.key)}
        wish = options(tmp_path, swappiness=CURRENT, address="127.0.0.1", **files)
        answer = lab.run("host", check=True, **wish)
        assert answer.failed == bool(words) and words in str(answer.msg), answer.msg
    assert not (tmp_path / "90.conf").exists()
