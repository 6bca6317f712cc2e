# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the facts of a host are taken from: backups, certificates, programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._model.backup_manifest import (
    MANIFEST,
    PASSED,
    Manifest,
    Verified,
    parse_time,
)
from ansible_collections.quorum.redis.plugins.module_utils._monitoring.agent import (
    certificate_until,
    find_backups,
    main,
)

OLD, MIDDLE, NEW = "20261120T010000Z-r1", "20261121T010000Z-r1", "20261122T010000Z-r1"
DRILL = {"at": "2026-11-21T05:00:00Z", "result": PASSED}


def keep(place: Path, name: str, load: str = PASSED, check: str = PASSED, drills: Any = (), part: Any = None) -> float:
    """Write the manifest of a backup; return when it ended."""
    ended = f"{name[:4]}-{name[4:6]}-{name[6:8]}T01:00:05Z"
    told: dict[str, Any] = {"data_set": "main", "name": name, "member": "r1", "address": "", "port": 1}
    told |= {"engine": "redis", "version": "7", "rdb_version": 10, "role": "replica", "replication_id": ""}
    told |= {"replication_offset": 0, "databases": {}}
    told |= {"began": ended, "ended": ended, "seconds": 1, "compression": "none", "rdb": "dump.rdb", "rdb_size": 1}
    found = Manifest(
        **told,
        rdb_sha256="",
        files={},
        verified=Verified(file_check=check, load=load),
        drills=list(drills),
        part=part or {},
    )
    (place / name).mkdir(parents=True)
    (place / name / MANIFEST).write_text(found.to_json(), encoding="utf-8")
    return parse_time(ended)


def seen(place: Path, load: bool = True) -> dict[str, float]:
    told: dict[str, Any] = {"directories": {"main": str(place / "main")}, "load": load, "clusters": []}
    told["report"] = str(place / "report.json")
    return find_backups(told, "main")


def test_the_newest_good_backup_counts(tmp_path: Path) -> None:
    assert seen(tmp_path) == {}
    middle = keep(tmp_path / "main", MIDDLE)
    keep(tmp_path / "main", NEW, load="failed: the engine says no")
    (tmp_path / "main" / ".partial-20261123T010000Z-r1").mkdir()
    (tmp_path / "main" / "20261123T010000Z-r1").mkdir()  # without a manifest
    assert seen(tmp_path) == {"success": middle, "proof": middle}


def test_of_a_cluster_those_count_that_are_whole(tmp_path: Path) -> None:
    told: dict[str, Any] = {"directories": {"cart": str(tmp_path)}, "load": True, "clusters": ["cart"], "report": "/x"}
    keep(tmp_path, OLD)
    assert find_backups(told, "cart") == {}
    old = keep(tmp_path, "20261120T020000Z-r1-7001", part={"whole": True})
    keep(tmp_path, NEW, part={"whole": False})
    keep(tmp_path, "20261122T020000Z-r1-7001")  # by a playbook that has failed, or has not ended
    assert find_backups(told, "cart") == {"success": old, "proof": old}
    middle = keep(tmp_path, MIDDLE)
    (tmp_path / "20261121T010000Z.json").touch()
    assert find_backups(told, "cart") == {"success": middle, "proof": middle}


def test_a_proof_is_what_is_declared_as_one(tmp_path: Path) -> None:
    old = keep(tmp_path / "main", OLD)
    new = keep(tmp_path / "main", NEW, load="not done: too little memory")
    assert seen(tmp_path) == {"success": new, "proof": old}
    assert seen(tmp_path, load=False) == {"success": new, "proof": new}


def test_copies_and_drills_of_older_backups_count(tmp_path: Path) -> None:
    keep(tmp_path / "main", OLD, drills=[DRILL])
    keep(tmp_path / "main", MIDDLE, drills=[])
    new = keep(tmp_path / "main", NEW)
    (tmp_path / "report.json").write_text(json.dumps({"sets": {"main": {"copied": MIDDLE}}}), encoding="utf-8")
    assert seen(tmp_path) == {
        "success": new,
        "proof": new,
        "drill": parse_time(DRILL["at"]),
        "copy": parse_time(MIDDLE),
    }


@pytest.mark.parametrize("report", ["", "{", '{"sets": {}}', '{"sets": {"main": {"copied": ""}}}'])
def test_nothing_is_said_of_copies_that_are_not_known(tmp_path: Path, report: str) -> None:
    (tmp_path / "report.json").write_text(report, encoding="utf-8")
    assert seen(tmp_path) == {}


def test_no_certificate_is_no_fact(tmp_path: Path) -> None:
    assert certificate_until("") is None
    (tmp_path / "host.crt").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    assert certificate_until(str(tmp_path / "host.crt")) is None


def test_another_argument_is_no_look(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["look"]) == 2
    assert "usage" in capsys.readouterr().err
