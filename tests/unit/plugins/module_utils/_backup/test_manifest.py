# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A manifest survives its JSON, refuses what is no manifest, and catches every changed file."""

from __future__ import annotations

import gzip
import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._backup.manifest import (
    check_files,
    list_backups,
    read_manifest,
)
from ansible_collections.quorum.redis.plugins.module_utils._core.errors import Damaged, QuorumError
from ansible_collections.quorum.redis.plugins.module_utils._host.compression import open_reader, open_writer
from ansible_collections.quorum.redis.plugins.module_utils._host.files import size_and_digest
from ansible_collections.quorum.redis.plugins.module_utils._model.backup_manifest import (
    Manifest,
    Verified,
    iso_time,
    name_time,
    parse_manifest,
    parse_time,
)
from ansible_collections.quorum.redis.plugins.module_utils._model.rdb_header import read_header

# The first bytes of dump.rdb as BGSAVE of each engine wrote it.
REDIS = (
    b"REDIS0010\xfa\tredis-ver\x067.0.15\xfa\nredis-bits\xc0@\xfa\x05ctime\xc2\x80\x94\x22\x69"
    b"\xfa\x08used-mem\xc2\x10\x8f\x14\x00\xfa\x0erepl-stream-db\xc0\x00\xfa\x07repl-id(" + b"a1" * 20 + b"\xfa\x0b"
    b"repl-offset\xc1\x2c\x01\xfa\x08aof-base\xc0\x00\xfe\x00\xfb\x01\x00"
)
VALKEY = b"VALKEY080\xfa\nvalkey-ver\x059.1.2\xfa\nredis-bits\xc0@\xff"


def manifest(**changed: Any) -> Manifest:
    found = Manifest(
        data_set="main",
        name="20261122T101112Z-db2",
        member="db2",
        address="192.0.2.2",
        port=6379,
        engine="redis",
        version="7.0.15",
        rdb_version=10,
        role="replica",
        replication_id="a1" * 20,
        replication_offset=300,
        databases={"0": {"key_count": 3, "expires": 1}, "2": {"key_count": 2, "expires": 0}},
        began="2026-11-22T10:11:12Z",
        ended="2026-11-22T10:11:15Z",
        seconds=3.0,
        compression="none",
        rdb="dump.rdb",
        rdb_size=4,
        rdb_sha256="",
        files={},
        verified=Verified(file_check="passed", load="not done: switched off"),
    )
    return replace(found, **changed)


def backup(directory: Path, **changed: Any) -> Path:
    place = directory / "20261122T101112Z-db2"
    place.mkdir(parents=True)
    (place / "dump.rdb").write_bytes(b"data")
    (place / "redis.conf").write_text("port 6379\n")
    files = {name: size_and_digest(place / name) for name in ("dump.rdb", "redis.conf")}
    (place / "manifest.json").write_text(manifest(files=files, **changed).to_json())
    return place


def test_a_manifest_is_the_same_after_its_json(tmp_path: Path) -> None:
    place = backup(tmp_path, drills=[{"at": "2026-11-23T00:00:00Z", "result": "passed"}])
    found = read_manifest(str(place))
    check_files(str(place), found)
    assert found == parse_manifest(found.to_json())
    assert found.key_count == 5 and found.good
    assert found.verified.load == "not done: switched off"


def test_a_key_of_a_later_version_is_left_out() -> None:
    data = {**asdict(manifest()), "mood": "fine"}
    data["verified"]["smell"] = "none"
    assert parse_manifest(json.dumps(data)) == manifest()


def test_a_manifest_of_the_first_format_is_read_as_one_of_today() -> None:
    """It has `keys`, which is no count where it is the name of a file."""
    drills = [{"at": "2026-11-23T00:00:00Z", "result": "passed", "databases": {"0": {"key_count": 3, "expires": 1}}}]
    today = manifest(drills=drills, files={"keys": {"size": 1, "sha256": ""}})
    text = today.to_json().replace('"format": 2', '"format": 1').replace('"key_count"', '"keys"')
    assert text.count('"keys": 3') == 2 and parse_manifest(text) == today


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"format": 3}, "known is 2"),
        ({"format": "1"}, "not that of a backup"),
        ({"rdb_size": "4"}, "rdb_size is not what it should be"),
        ({"files": []}, "files is not what it should be"),
        ({"compression": "lz4"}, "lz4 is unknown"),
        ({"rdb": "../../etc/shadow"}, "outside the backup"),
        ({"files": {"/etc/shadow": {}}}, "outside the backup"),
        ({"member": None}, "member is not what it should be"),
    ],
)
def test_what_is_no_manifest_is_refused(change: dict[str, Any], says: str) -> None:
    with pytest.raises(Damaged, match=says):
        parse_manifest(json.dumps({**asdict(manifest()), **change}))


def test_what_is_missing_is_named() -> None:
    data = asdict(manifest())
    del data["rdb_sha256"], data["data_set"]
    with pytest.raises(Damaged, match="lacks data_set, rdb_sha256"):
        parse_manifest(json.dumps(data), "/x")
    with pytest.raises(Damaged, match=r"no JSON.*"):
        parse_manifest(json.dumps(data)[:-9])


def test_a_directory_without_a_manifest_is_no_backup(tmp_path: Path) -> None:
    with pytest.raises(Damaged, match=r"There is no manifest\.json"):
        read_manifest(str(tmp_path))


@pytest.mark.parametrize(
    ("content", "says"),
    [(None, "dump.rdb: No such file"), (b"date", "another check sum"), (b"dat", "3 bytes instead of 4")],
)
def test_every_changed_file_is_found(tmp_path: Path, content: bytes | None, says: str) -> None:
    place = backup(tmp_path)
    if content is None:
        (place / "dump.rdb").unlink()
    else:
        (place / "dump.rdb").write_bytes(content)
    with pytest.raises(Damaged, match=says):
        check_files(str(place), read_manifest(str(place)))


def test_a_manifest_that_forgets_its_rdb_proves_nothing(tmp_path: Path) -> None:
    with pytest.raises(Damaged, match=r"nothing of its own file dump\.rdb"):
        check_files(str(tmp_path), manifest(files={}))


def test_only_complete_backups_have_a_name(tmp_path: Path) -> None:
    for name in ("20261122T101112Z-db2", ".partial-20261122T101113Z-db2", "20261121T000000Z-a-b", "lost+found"):
        (tmp_path / name).mkdir()
    (tmp_path / "20261122T101114Z-file").touch()
    assert list_backups(str(tmp_path)) == ["20261121T000000Z-a-b", "20261122T101112Z-db2"]
    assert list_backups(str(tmp_path / "missing")) == []


def test_times_come_back() -> None:
    now = 1795342272.0
    assert parse_time(name_time(now)) == parse_time(iso_time(now)) == parse_time(name_time(now) + "-db2") == now
    with pytest.raises(Damaged, match="does not begin with a time"):
        parse_time("db2")


@pytest.mark.parametrize(
    ("verified", "drills", "good"),
    [
        (Verified("passed", "passed"), [], True),
        (Verified("not done: switched off", "not done: switched off"), [], True),
        (Verified("passed", "failed: 3 keys"), [], False),
        (Verified("passed", "passed"), [{"result": "failed: it ended"}], False),
        (Verified("passed", "passed"), [{"result": "failed: it ended"}, {"result": "passed"}], True),
    ],
)
def test_good_is_what_nothing_speaks_against(verified: Verified, drills: list[dict[str, Any]], good: bool) -> None:
    assert manifest(verified=verified, drills=drills).good is good


def test_the_header_of_an_rdb_is_read() -> None:
    found = read_header(REDIS)
    assert (found.engine, found.version, found.rdb_version) == ("redis", "7.0.15", 10)
    assert found.aux["repl-id"] == "a1" * 20
    assert found.aux["repl-offset"] == "300"
    assert found.aux["used-mem"] == "1347344"
    found = read_header(VALKEY)
    assert (found.engine, found.version, found.rdb_version) == ("valkey", "9.1.2", 80)


def test_a_header_that_is_cut_off_gives_what_it_has() -> None:
    for end in range(9, len(REDIS)):
        assert read_header(REDIS[:end]).rdb_version == 10


def test_a_compressed_text_in_the_header_is_passed_over() -> None:
    packed = b"REDIS0009\xfa\x07repl-id\xc3\x04\x28abcd\xfa\x05ctime\xc0\x07\xff"
    assert read_header(packed).aux == {"repl-id": "", "ctime": "7"}


@pytest.mark.parametrize("data", [b"", b"RED", b"hello world", b"REDISabcd", b"VALKEY08"])
def test_what_is_no_rdb_is_refused(data: bytes) -> None:
    with pytest.raises(Damaged, match="no RDB"):
        read_header(data, "/x")


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_a_stream_comes_back(tmp_path: Path, compression: str) -> None:
    content, path = b"0123456789" * 300_000, tmp_path / "file"
    with path.open("wb") as file, open_writer(file, compression) as stream:
        stream.write(content)
    with open_reader(str(path), compression) as stream:
        assert stream.read() == content
    assert (path.read_bytes() == content) is (compression == "none")


def test_a_stream_that_is_cut_off_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with path.open("wb") as file, open_writer(file, "gzip") as stream:
        stream.write(bytes(range(256)) * 4000)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(Damaged, match="cannot be unpacked"), open_reader(str(path), "gzip") as stream:
        stream.read()


def test_a_missing_zstd_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(QuorumError, match="zstd is not on this host"), open_reader("/x", "zstd"):
        pass


def test_gzip_leaves_no_trace_of_the_time(tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb") as file, open_writer(file, "gzip") as stream:
        stream.write(b"data")
    assert gzip.decompress((tmp_path / "file").read_bytes()) == b"data"
    assert (tmp_path / "file").read_bytes()[4:8] == b"\0\0\0\0"
