# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster of two engines: replicas follow older primaries, take over from them, and are followed by them."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from measured import note

from .conftest import Lab, Server, engines, wait_until
from .test_cluster import Writer, options, shape, start

ZONES = {"c1": "a", "c2": "b", "c3": "c", "c4": "a", "c5": "b", "c6": "c"}
OLD = [one for one in engines() if one.name == "redis-server"]
NEW = [one for one in engines() if one.name == "valkey-server"]


def placed(servers: list[Server], **more: Any) -> dict[str, Any]:
    """Return the options for these servers, two in each zone."""
    found = options(servers, **more)
    return {**found, "members": [{**one, "zone": ZONES[one["host"]]} for one in found["members"]]}


def follows(server: Server) -> bool:
    """Return whether a server is in sync with a primary."""
    info = server.info()
    return info["role"] == "slave" and info["master_link_status"] == "up"


@pytest.mark.parametrize("engine", OLD, ids=lambda engine: engine.name, indirect=True)
def test_hosts_go_one_by_one_from_redis_to_valkey(lab: Lab) -> None:
    """The primaries of a host give their shards away, its servers start as the other engine; no write is lost."""
    six = [start(lab, f"c{count}", "appendonly yes") for count in range(1, 7)]
    assert not lab.run("cluster", **placed(six)).failed
    writer = Writer(six[0])
    writer.start()
    try:
        for pair in (six[0::3], six[1::3], six[2::3]):
            writer.more()
            handed = lab.run("cluster", **placed(six, avoid=[one.directory.name for one in pair]))
            assert not handed.failed, handed.text  # it waits until the older one follows the newer one
            for one in pair:
                one.stop()
                one.engine = NEW[0]
                one.start()
                wait_until(f"{one.directory.name} is in sync", partial(follows, one))
        writer.more()
        mended = lab.run("cluster", **placed(six, repair=True))
        assert not mended.failed and mended["violations"] == [], mended.text
        assert len({ZONES[primary] for primary, _replicas in shape(mended)}) == 3
        writer.more()
    finally:
        writer.ended.set()
        writer.join()
    assert all(one.info()["valkey_version"] for one in six)
    owner = next(one for one in six if one.port == int(writer.owner.rpartition(":")[2]))
    kept = owner.call("MGET", *(f"{{b}}{number}" for number in range(1, writer.acknowledged + 1)))
    lost = [number for number, value in enumerate(kept, 1) if value != str(number)]
    said = f"{writer.acknowledged} writes, {len(lost)} lost, longest gap {writer.gap * 1000:.0f} ms"
    note("a cluster from Redis 7.0 to Valkey 8.0, host by host", said)
    assert not lost
