# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module host on this very kernel: it only ever sets what is set already."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._core.errors import Refused
from ansible_collections.quorum.redis.plugins.module_utils._host import process
from ansible_collections.quorum.redis.plugins.module_utils._host.listeners import leads_here
from ansible_collections.quorum.redis.plugins.module_utils._redis.endpoint import Endpoint
from authority import Authority

from integration.conftest import PASSWORD, Lab

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


def test_a_look_tells_what_is_to_do_and_does_nothing(lab: Lab, tmp_path: Path) -> None:
    """The first execution of a run, on all hosts; a second one does it on those that have something to do."""
    program, mask, gone = tmp_path / "lib" / "program", tmp_path / "mask", tmp_path / "gone"
    gone.touch()
    files = [
        {"path": str(program), "content": "#!/bin/sh\n", "mode": "0755"},
        {"path": str(mask), "link": "/dev/null"},
        {"path": str(gone), "state": "absent"},
    ]
    wish = options(tmp_path, swappiness=CURRENT, files=files)
    look = lab.run("host", apply=False, **wish)
    kernel = f"create {tmp_path / '90.conf'}"
    assert look["steps"] == [f"create {program}", f"make {mask} a link to /dev/null", f"remove {gone}", kernel]
    assert gone.exists() and not program.exists() and not (tmp_path / "90.conf").exists()
    assert lab.run("host", **wish)["steps"] == look["steps"]
    assert program.stat().st_mode & 0o777 == 0o755 and mask.is_symlink() and not gone.exists()
    assert not lab.run("host", apply=False, **wish).changed


def test_a_file_that_cannot_be_written_stops_the_run(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "unit").mkdir()
    files = [{"path": str(tmp_path / "unit"), "content": ""}]
    answer = lab.run("host", apply=False, **options(tmp_path, swappiness=CURRENT, files=files))
    assert "is a directory, not a file. Nothing was changed" in answer.msg


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


def test_the_process_of_a_unit_is_found_where_nobody_looks_for_it(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong bind has left it on another address, so that a plain run can mend that."""
    inner = lab.server("inner", "bind 127.0.0.1", password=PASSWORD)
    assert inner.process
    pid = inner.process.pid
    declared = Endpoint("127.0.0.9", inner.port, password=PASSWORD)
    monkeypatch.setattr(process, "main_pid", lambda _unit: pid)
    assert process.connect_unit(declared, None, "redis_password", "") is None
    client = process.connect_unit(declared, None, "redis_password", "redis-server@main.service")
    assert client is not None and (client.endpoint.address, client.endpoint.port) == ("127.0.0.1", inner.port)
    client.close()
    monkeypatch.setattr(process, "main_pid", lambda _unit: os.getpid())
    here = Endpoint("127.0.0.1", inner.port, password=PASSWORD)
    with pytest.raises(Refused, match=f"What answers there is process {pid} of 127.0.0.1, but redis-server@main"):
        process.connect_unit(here, None, "redis_password", "redis-server@main.service")


def test_an_address_leads_here_or_to_another_process(lab: Lab) -> None:
    mine, other = lab.server("mine"), lab.server("other", "bind 127.0.0.1 ::1")
    with mine.client() as busy:
        busy.ping()
        assert leads_here("127.0.0.1", mine.port, [mine.port])
        assert leads_here("::1", other.port, [mine.port, other.port])
        assert not leads_here("127.0.0.1", other.port, [mine.port], 0.1)
    assert not leads_here("127.0.0.9", mine.port, [mine.port]), "nobody answers there"
