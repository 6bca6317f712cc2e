# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster gets ports for TLS while clients write; its bus and its replication go over to TLS while it is stopped."""

from __future__ import annotations

from typing import Any, Dict, List

import pytest
import redis
from authority import Authority, Pair
from ledger.cluster_writer import ClusterWriter, tags_of
from measured import note

from .conftest import PASSWORD, Answer, Lab, free_port
from .test_cluster import options, start

TAGS = tags_of("t", range(16384), 60)


class Way:
    """Six servers on their way from plain to nothing but TLS, and back."""

    def __init__(self, lab: Lab, authority: Authority, pair: Pair) -> None:
        """Start them in plain."""
        self.lab, self.authority, self.pair = lab, authority, pair
        self.servers = [start(lab, f"c{number}", "appendonly yes") for number in range(1, 7)]
        self.base = [one.config.read_text().partition("\n")[2] for one in self.servers]
        self.plain = [one.port for one in self.servers]
        self.secure = [free_port() for _one in self.servers]
        self.mode = "off"

    def write(self, number: int, mode: str) -> None:
        """Write the file of one, as the model has it, and remember how the modules reach it."""
        one, peers = self.servers[number], mode in ("peers", "only")
        lines = [f"port {0 if mode == 'only' else self.plain[number]}"]
        if mode != "off":
            lines += [f"tls-port {self.secure[number]}", f"tls-ca-cert-file {self.authority.ca}"]
            lines += [f"tls-cert-file {self.pair.cert}", f"tls-key-file {self.pair.key}"]
        lines += ["tls-replication yes", "tls-cluster yes"] if peers else []
        one.config.write_text("\n".join(lines) + "\n" + self.base[number])
        one.ca, one.own = (self.authority.ca, self.pair) if peers else (None, None)
        one.port = self.secure[number] if peers else self.plain[number]
        self.mode = mode

    def ask(self, **more: Any) -> Answer:
        """Run the module cluster, as the members are reached now."""
        given = options(self.servers, **{**self.servers[0].tls(), **more})
        answer = self.lab.run("cluster", **given)
        assert not answer.failed, answer.text
        return answer

    def restart(self, numbers: List[int], mode: str) -> None:
        """Restart these one at a time with another file; the next one when the cluster is whole again."""
        for number in numbers:
            self.servers[number].stop()
            self.write(number, mode)
            self.servers[number].start()
            assert not self.ask(whole=True).changed

    def roll(self, mode: str) -> None:
        """Restart all as roll_cluster.yml does: replicas, then former primaries."""
        answer = self.ask(whole=True)
        names = [one["primary"]["host"] for one in answer["shards"]]
        first = [number for number, one in enumerate(self.servers) if one.directory.name not in names]
        self.restart(first, mode)
        assert self.ask(avoid=names).changed
        self.restart([number for number in range(6) if number not in first], mode)

    def switch(self, mode: str) -> None:
        """Stop all, and start them with other files."""
        for one in self.servers:
            one.stop()
        for number, one in enumerate(self.servers):
            self.write(number, mode)
            one.start()
        assert not self.ask(whole=True).changed

    def moved_to(self, secure: bool) -> Dict[int, int]:
        """Return to which ports a client of one of the two ports is sent, of the plain ones that it could be."""
        found: Dict[int, int] = {}
        for number, ports in enumerate(zip(self.plain, self.secure, strict=True)):
            files = {"ssl_ca_certs": str(self.authority.ca), "ssl_certfile": str(self.pair.cert)}
            tls = {"ssl": True, "ssl_keyfile": str(self.pair.key), **files} if secure else {}
            with redis.Redis(
                host="127.0.0.1", port=ports[secure], password=PASSWORD, protocol=2, driver_info=None, **tls
            ) as client:
                for tag in TAGS:
                    try:
                        client.execute_command("GET", tag)
                    except redis.exceptions.MovedError as problem:
                        found[problem.port] = number
        return found


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def way(lab: Lab, authority: Authority) -> Way:
    found = Way(lab, authority, authority.issue("server"))
    assert found.ask().changed
    return found


def test_from_plain_to_nothing_but_tls_and_back(way: Way) -> None:
    """While clients write as far as bus and replication keep what they speak, else while it is stopped; no key goes."""
    writer = ClusterWriter([("127.0.0.1", port) for port in way.plain], PASSWORD, TAGS)
    writer.start()
    writer.more(50)
    way.roll("dual")
    writer.more(50)
    # Redis 7.0 leads clients of either port to the plain ones as long as its bus is plain.
    kind = way.plain if "redis" in way.lab.engine.name else way.secure
    assert set(way.moved_to(secure=False)) <= set(way.plain) and set(way.moved_to(secure=True)) <= set(kind)
    missing = writer.lost()
    assert missing == []
    note("cluster: ports for TLS", f"{writer.acknowledged} writes, 0 lost, longest gap {writer.gap * 1000:.0f} ms")

    keys = sum(shard["key_count"] for shard in way.ask()["shards"])
    way.switch("peers")
    assert sum(shard["key_count"] for shard in way.ask()["shards"]) == keys
    assert set(way.moved_to(secure=False)) <= set(way.plain) and set(way.moved_to(secure=True)) <= set(way.secure)
    names = {one["primary"]["host"] for one in way.ask()["shards"]}
    way.restart([number for number, one in enumerate(way.servers) if one.directory.name not in names], "only")
    way.switch("only")
    way.switch("dual")
    answer = way.ask(whole=True)
    assert sum(shard["key_count"] for shard in answer["shards"]) == keys and not answer["violations"]
