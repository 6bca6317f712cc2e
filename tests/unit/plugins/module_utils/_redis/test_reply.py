# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replies recorded from every engine come out in the same shape (tests/integration/record_replies.py records them)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._model.observed import Observed
from ansible_collections.quorum.redis.plugins.module_utils._redis.replies import (
    apply_info,
    engine_of,
    parse_info,
    parse_master,
    parse_number,
    parse_replicas,
    parse_sentinels,
)

RECORDED = sorted((Path(__file__).parent / "fixtures").glob("*.json"))


@pytest.fixture(params=RECORDED, ids=lambda path: path.stem)
def recorded(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Return the replies of one engine, with its name and version."""
    engine, version = request.param.stem.split("-")
    return {**json.loads(request.param.read_text()), "engine": engine, "version": version}


def test_every_engine_is_recorded() -> None:
    """The engines that the collection promises."""
    names = {path.stem.rpartition(".")[0] for path in RECORDED}
    assert {"redis-6.0", "redis-7.0", "redis-8.0", "valkey-8.0", "valkey-8.1"} <= names


def test_primary(recorded: dict[str, Any]) -> None:
    """A primary with one replica and two keys."""
    seen = apply_info(Observed(host="r1"), recorded["info_primary"])
    assert (seen.engine, seen.version, seen.mode) == (recorded["engine"], recorded["version"], "standalone")
    assert (seen.reachable, seen.role, seen.empty) == (True, "primary", False)
    assert (seen.key_count, seen.databases) == (2, {"0": 2})
    assert seen.primary is None
    assert not seen.parked
    assert not seen.loading
    assert len(seen.run_id) == len(seen.replication_id) == 40
    assert seen.replication_id2 == ""
    assert [(one.address, one.port, one.state) for one in seen.replicas] == [
        ("127.0.0.1", recorded["ports"]["replica"], "online")
    ]
    assert seen.memory["maxmemory"] == 0
    assert seen.persistence["rdb_last_bgsave_status"] == "ok"
    assert json.dumps(seen.to_dict())


def test_replica(recorded: dict[str, Any]) -> None:
    """A replica in sync shares the history of its primary."""
    first = apply_info(Observed(), recorded["info_primary"])
    seen = apply_info(Observed(), recorded["info_replica"])
    assert seen.role == "replica"
    assert seen.primary is not None
    assert (seen.primary.address, seen.primary.port) == ("127.0.0.1", recorded["ports"]["primary"])
    assert (seen.primary.link, seen.primary.sync_in_progress) == ("up", False)
    assert seen.replication_id == first.replication_id
    assert seen.priority == 100
    assert not seen.parked


def test_parked(recorded: dict[str, Any]) -> None:
    """A parked member says so on every engine."""
    seen = apply_info(Observed(), recorded["info_parked"])
    assert (seen.parked, seen.role, seen.empty) == (True, "replica", True)
    assert seen.primary is not None
    assert seen.primary.link == "down"


def test_sentinel(recorded: dict[str, Any]) -> None:
    """What a Sentinel says about its data set, the replica and its peer."""
    assert engine_of(parse_info(recorded["info_sentinel"])) == (recorded["engine"], recorded["version"])
    name, seen = parse_master(recorded["masters"][0])
    assert (name, seen.address, seen.port) == ("main", "127.0.0.1", recorded["ports"]["primary"])
    assert (seen.flags, seen.quorum, seen.parallel_syncs, seen.config_epoch) == (["master"], 2, 1, 0)
    assert (seen.down_after, seen.failover_timeout) == (30000, 180000)
    replicas = parse_replicas(recorded["replicas"])
    assert [(one["port"], one["flags"], one["link"]) for one in replicas] == [
        (recorded["ports"]["replica"], ["slave"], "ok")
    ]
    (other,) = parse_sentinels(recorded["sentinels"])
    assert (other["port"], other["flags"], len(other["myid"])) == (recorded["ports"]["other"], ["sentinel"], 40)


def test_loading() -> None:
    """While a data set is being loaded its keys do not count."""
    seen = apply_info(Observed(), "# Persistence\r\nloading:1\r\nrole:master\r\n")
    assert (seen.loading, seen.error_kind, seen.reachable) == (True, "loading", True)


@pytest.mark.parametrize(("text", "expected"), [("7", 7), ("-1", -1), ("", 5), (None, 5), ("x", 5)])
def test_number(text: str | None, expected: int) -> None:
    """A missing number is the default."""
    assert parse_number(text, 5) == expected
