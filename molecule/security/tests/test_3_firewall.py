# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The firewall: set on a running set with a connected application, kept, mistaken, and taken away; in this order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import redis
from deployment import DataSet, given
from deployment.traces import Traces
from lab import Lab

ON = {"redis_firewall": True}


@pytest.fixture(scope="module")
def here(lab: Lab) -> str:
    """Return the address from which this test, and so Ansible itself, comes."""
    return lab.host_ip("s1").rpartition(".")[0] + ".1"


@pytest.fixture(scope="module")
def app(lab: Lab, main: DataSet, secrets: dict[str, str]) -> Iterator[redis.Redis[str]]:
    """Return an application that has one connection to s1 all the time, as its client list shows."""
    known = DataSet(lab, main.hosts, secrets["app"])
    known.username = "app"
    with known.client("s1") as client:
        client.client_setname("patient")
        yield client


def tables(lab: Lab, host: str) -> str:
    return lab.sh(host, "nft list tables 2>/dev/null | grep quorum-redis || true")


def opened(lab: Lab, host: str, at: str, port: int) -> str:
    """Say what a host hears that opens a connection; nothing when it is let in."""
    return lab.sh(host, f"timeout 3 bash -c '</dev/tcp/{lab.host_ip(at)}/{port}' 2>&1 | sed -n 's/.*: //p' | head -1")


def is_shut(lab: Lab, main: DataSet, app: Any) -> None:
    """Stop the test unless strangers hear at once that nothing is there, and members and the application work on."""
    for host in main.hosts:
        assert opened(lab, "stranger", host, 6379) == opened(lab, "stranger", host, 26379) == "Connection refused"
        assert opened(lab, "stranger", host, 22) == ""
        assert opened(lab, host, "s1", 6379) == opened(lab, host, "s1", 26379) == ""
    assert app.client_getname() == "patient"


def test_who_is_connected_would_be_shut_out(
    lab: Lab, main: DataSet, traces: Traces, app: redis.Redis[str], here: str
) -> None:
    """It is said before anything is set on any host, in check mode too."""
    main.settled()
    assert app.client_getname() == "patient" and opened(lab, "stranger", "s1", 6379) == ""
    for more in (["--check"], []):
        run = traces.play("site", *more, *given(**ON))
        assert not run.ok and f"from {here}" in run.stdout and "redis_firewall_clients" in run.stdout
        assert [tables(lab, host) for host in main.hosts] == [""] * len(main.hosts)


def test_a_running_set_is_walled_in(lab: Lab, main: DataSet, traces: Traces, app: redis.Redis[str], here: str) -> None:
    traces.play("site", *given(**ON, redis_firewall_clients=[f"{here}/32"])).expect()
    is_shut(lab, main, app)
    old = main.settled()
    main.fail_over()
    assert main.settled() != old
    # A failover ends all connections of clients.
    app.connection_pool.disconnect()
    app.client_setname("patient")


def test_it_outlives_the_firewall_of_the_system_and_a_boot(
    lab: Lab, main: DataSet, traces: Traces, app: Any, here: str
) -> None:
    """The service nftables flushes all tables when it starts, and when it is told to read its file again."""
    for command in ("restart", "reload", "stop", "start"):
        lab.sh("s1", f"systemctl {command} nftables")
    replica = next(host for host in ("s3", "s2") if host != main.settled())
    lab.kill(replica)
    lab.start(replica)
    main.settled()
    is_shut(lab, main, app)
    traces.play("site", *given(**ON, redis_firewall_clients=[here])).expect(changed=0)


def test_a_mistake_ends_nobody_s_connection(
    lab: Lab, main: DataSet, traces: Traces, app: redis.Redis[str], here: str
) -> None:
    """Somebody forgets the applications, insists, and has flushed the tables of one host by hand before."""
    lab.sh("s3", "nft flush ruleset")
    assert opened(lab, "stranger", "s3", 6379) == ""
    traces.play("site", *given(**ON, redis_firewall_ignore_clients=True)).expect()
    is_shut(lab, main, app)
    with pytest.raises(redis.ConnectionError, match="refused"):
        redis.Redis(lab.host_ip("s1"), 6379).ping()


def test_it_goes_as_it_came(lab: Lab, main: DataSet, traces: Traces, app: redis.Redis[str]) -> None:
    traces.play("site", "--tags", "redis_firewall").expect()
    for host in main.hosts:
        assert tables(lab, host) == "" and opened(lab, "stranger", host, 6379) == ""
        assert lab.sh(host, "ls /etc/quorum-redis/*.nft 2>/dev/null || true") == ""
        assert "redis-firewall" not in lab.sh(host, "systemctl list-units --all --plain 'redis-firewall@*' --no-legend")
    main.settled()
    assert app.client_getname() == "patient"
    traces.play("site").expect(changed=0)
