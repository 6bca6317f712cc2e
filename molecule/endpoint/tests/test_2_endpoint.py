# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients that know one address are led to the primary, which moves, dies, comes back and is cut off."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
import redis
import testinfra
from deployment import DataSet, given, paths_with, until
from deployment.partial import leaving_out
from lab import Lab
from ledger import Ledger
from measured import note

HOSTS, FRONTS = ["e1", "e2", "e3"], ["app", "old"]
WRITES, READS = 7379, 7380
PASSWORD = "server-Lw6tQz"
CHECKS, OTHERS = ["Ty8vKm", "Pd5gJs"], [PASSWORD, "sentinel-Rb3nHd"]  # in the passwords of the checks, and no others
PLAIN, SECURE = (6379, 26379), (16379, 36379)
PID = "systemctl show --property MainPID --value redis-server@main"
Hosts = dict[str, testinfra.host.Host]


@pytest.fixture(scope="module")
def main(lab: Lab) -> DataSet:
    """Return the data set as inventory.yml declares it."""
    return DataSet(lab, HOSTS, PASSWORD, HOSTS, "sentinel-Rb3nHd")


@dataclass
class Application:
    """What clients of the endpoints have been told."""

    passwords: list[str]
    ca: str = ""


CLIENTS = Application([PASSWORD])


def declared(config: dict[str, Any] | None = None, variables: Any = None, **endpoint: Any) -> tuple[str, str]:
    """Return the arguments that declare another endpoint, or none."""
    entry = {"name": "main", "config": {"repl-diskless-sync-delay": 0, **(config or {})}}
    return given(redis_instances=[{**entry, **({"endpoint": endpoint} if endpoint else {})}], **(variables or {}))


def on_the_way(mode: str, tls: str = "off", **variables: Any) -> tuple[str, str]:
    """Return the arguments for one step of redis_tls, with a setting that takes a restart."""
    endpoint = {"port": WRITES, "read_port": READS, "address": "0.0.0.0", "tls": tls}  # noqa: S104
    return declared({"databases": 17}, {"redis_tls": mode, **variables}, **endpoint)


def through(lab: Lab, front: str, port: int = WRITES) -> redis.Redis[str]:
    """Return a client that knows the endpoint and nothing else."""
    found = DataSet(lab, [front], CLIENTS.passwords[0], port=port)
    found.ca = CLIENTS.ca
    return found.client(front, timeout=30)


def leads(lab: Lab, front: str, port: int = WRITES) -> str:
    """Return the member to which a new connection leads, empty when it is refused."""
    try:
        with through(lab, front, port) as client:
            address = client.config_get("replica-announce-ip")["replica-announce-ip"]
    except (redis.ConnectionError, redis.TimeoutError):
        return ""
    return next(host for host in HOSTS if lab.host_ip(host) == address)


def refuses(lab: Lab, front: str, port: int = WRITES) -> bool:
    """Return whether a new connection is refused."""
    return not leads(lab, front, port)


def reaches(lab: Lab, front: str, members: set[str]) -> bool:
    """Return whether some reads reach these members, and no other."""
    return {leads(lab, front, READS) for _ in range(6)} == members


def until_leads(lab: Lab, primary: str, fronts: list[str] = FRONTS) -> None:
    """Wait until endpoints lead writes there."""
    until(lab, f"{fronts} lead to {primary}", lambda: {leads(lab, front) for front in fronts} == {primary})


@contextmanager
def written(lab: Lab, main: DataSet, what: str, anew: int = 0, fronts: list[str] = FRONTS) -> Iterator[Ledger]:
    """Write through endpoints meanwhile; afterwards no acknowledged write may be missing.

    With `anew` the writers connect anew after so many writes: a second primary would get some of them.
    """
    ledgers = [
        Ledger(
            "main",
            [],
            [(lab.host_ip(front), WRITES)],
            CLIENTS.passwords,
            threads=2,
            rate=50,
            anew=anew,
            ca=CLIENTS.ca,
        )
        for front in fronts
    ]
    try:
        for ledger in ledgers:
            ledger.start()
        yield ledgers[0]
    finally:
        for ledger in ledgers:
            ledger.stop()
    until_leads(lab, main.settled())
    for front, ledger in zip(fronts, ledgers, strict=True):
        report = ledger.report()
        note(f"{what}, through {front}", f"{report.in_a_line()}, {report.errors} operations failed")
        assert report.acknowledged > 20, f"hardly anything was written:\n{report}"
        assert report.lost == 0, f"acknowledged writes are lost:\n{report}"


def go_on(lab: Lab, ledger: Ledger) -> None:
    """Wait until clients write again."""
    since = ledger.now
    until(lab, "writes are acknowledged", lambda: ledger.acknowledged_since(since) > 20)


def replaced(lab: Lab, main: DataSet, old: str) -> str:
    """Wait until Sentinel has made another member the primary, and return it."""
    found: list[str] = until(lab, f"Sentinel replaces {old}", lambda: [one for one in main.primaries() if one != old])
    return found[0]


def test_the_first_run_is_predicted_and_the_second_has_nothing_to_do(lab: Lab, hosts: Hosts) -> None:
    predicted = lab.run_playbook("endpoint", "--check", "--diff").expect(changed=len(FRONTS))
    for front in FRONTS:
        assert not hosts[front].file("/etc/redis-endpoint").exists
        assert not hosts[front].package("haproxy").is_installed
    done = lab.run_playbook("endpoint", "--diff").expect(changed=len(FRONTS))
    for run in (predicted, done):
        assert "backend main_primary" in run.stdout
        assert not [word for word in CHECKS + OTHERS if word in run.stdout or word.encode().hex() in run.stdout]
    lab.run_playbook("endpoint").expect(changed=0)
    lab.run_playbook("endpoint", "--check").expect(changed=0)


def test_part_of_the_members_is_refused(lab: Lab, main: DataSet) -> None:
    """An endpoint would never lead to who is left out. A member says so: these hosts have no way to ask."""
    main.settled()
    part = leaving_out(lab, "e2", "e3")  # an even number of Sentinels is refused before
    files = {front: lab.sh(front, "cat /etc/redis-endpoint/* | sha256sum") for front in FRONTS}
    run = part.run_playbook("endpoint")
    assert not run.ok and run.changed == 0, run.stdout
    assert f"the member {lab.host_ip('e3')}:6379" in " ".join(run.stdout.split()), run.stdout
    assert {front: lab.sh(front, "cat /etc/redis-endpoint/* | sha256sum") for front in FRONTS} == files


def test_the_unit_alone_reads_the_passwords(lab: Lab, hosts: Hosts) -> None:
    encoded = [word.encode().hex() for word in CHECKS]
    for front in FRONTS:
        file = hosts[front].file("/etc/redis-endpoint/haproxy.cfg")
        assert (file.user, file.group, file.mode) == ("root", "redis-endpoint", 0o640)
        assert all(word in file.content_string for word in encoded)
        assert not [word for word in OTHERS if word.encode().hex() in file.content_string]
        for user in ("nobody", "haproxy"):
            assert paths_with(lab, front, encoded, user) == []
        assert hosts[front].service("redis-endpoint").is_enabled and not hosts[front].service("haproxy").is_running
        journal = lab.sh(front, "journalctl --no-pager")
        assert not [word for word in [*CHECKS, *OTHERS, *encoded] if word in journal]


def test_writes_reach_the_primary_and_reads_the_replicas(lab: Lab, main: DataSet) -> None:
    primary = main.settled()
    replicas = {host for host in HOSTS if host != primary}
    until_leads(lab, primary)
    for front in FRONTS:
        until(lab, f"reads of {front} reach both replicas", partial(reaches, lab, front, replicas))
    page = " ".join(lab.run_playbook("status").expect(changed=0).stdout.split())
    reads = ", ".join(host for host in HOSTS if host != primary)
    assert all(f"{front} {primary} {reads} leads to the primary" in page for front in FRONTS), page


def test_planned_moves_lose_nothing(lab: Lab, main: DataSet) -> None:
    with written(lab, main, "a planned move") as ledger:
        old = main.settled()
        lab.run_playbook("failover").expect()
        assert main.settled() != old
        go_on(lab, ledger)


def test_another_declaration_is_a_reload(lab: Lab, main: DataSet) -> None:
    """By the playbook of the endpoints, and by `site`, which brings what the inventory says."""
    with written(lab, main, "reloads by two runs"):
        before = {front: lab.sh(front, "systemctl show --property MainPID redis-endpoint") for front in FRONTS}
        lab.run_playbook("endpoint", *declared(port=WRITES, address="0.0.0.0")).expect(changed=len(FRONTS))  # noqa: S104
        for front in FRONTS:
            until(lab, f"{front} has no port for reads", partial(refuses, lab, front, READS))
        lab.run_playbook("site").expect(changed=len(FRONTS))
    for front in FRONTS:
        assert lab.sh(front, "systemctl show --property MainPID redis-endpoint") == before[front]
        until(lab, f"{front} leads reads again", partial(leads, lab, front, READS))


def test_a_killed_primary_is_replaced_and_comes_back_as_a_replica(lab: Lab, main: DataSet) -> None:
    old = main.settled()
    with written(lab, main, "kill -9, back by its unit", anew=10) as ledger:
        lab.sh(old, f"kill -9 $({PID})")
        replaced(lab, main, old)
        main.settled()
        go_on(lab, ledger)


def test_a_second_primary_gets_no_write(lab: Lab, main: DataSet) -> None:
    """The engine started by hand, without the start guard; it cannot be told to follow, so that it stays one."""
    old = main.settled()
    with written(lab, main, "kill -9, back as a second primary", anew=10) as ledger:
        lab.sh(old, f"kill -9 $({PID}); systemctl stop redis-server@main")
        new = replaced(lab, main, old)
        go_on(lab, ledger)
        lab.sh(
            old,
            "install -d /tmp/lone; grep -E '^(requirepass|masterauth|port|bind|user|replica-announce-ip) ' "
            "/var/lib/redis/main/redis.conf > /tmp/lone/redis.conf; "
            "systemd-run --unit lone /usr/bin/redis-server /tmp/lone/redis.conf --dir /tmp/lone "
            "--rename-command SLAVEOF nobody --rename-command REPLICAOF nobody2",
        )
        until(lab, f"{old} is a second primary", lambda: sorted(main.primaries()) == sorted([old, new]))
        for _ in range(3):
            go_on(lab, ledger)
            assert {leads(lab, front) for front in FRONTS} <= {new, ""}
        assert sorted(main.primaries()) == sorted([old, new])
        assert main.count(old) == 0
        lab.sh(old, "systemctl stop lone; rm -r /tmp/lone; systemctl start --no-block redis-server@main")
        assert main.settled() == new
        go_on(lab, ledger)


def test_a_primary_that_is_cut_off_gets_no_write_once_it_is_replaced(lab: Lab, main: DataSet) -> None:
    """One endpoint sees everybody, the other one is on the side of the primary, with one Sentinel of three."""
    far, near = FRONTS
    old = main.settled()
    others = [host for host in HOSTS if host != old]
    for host in others:
        lab.partition(old, host)
        lab.partition(near, host)
    until(lab, f"{near} believes nobody", partial(refuses, lab, near))
    new = replaced(lab, main, old)
    until_leads(lab, new, [far])
    with written(lab, main, "a partition heals", anew=10, fronts=[far]) as ledger:
        go_on(lab, ledger)
        assert main.ask(old, "ROLE")[0] == "master" and not leads(lab, near)
        lab.heal()
        assert main.settled() == new
        go_on(lab, ledger)


def test_a_rolling_restart_and_tls_among_the_members_do_not_concern_plain_clients(
    lab: Lab, main: DataSet, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Each step is one run of `site`, which takes the endpoints along."""
    ca = tmp_path_factory.mktemp("tls") / "ca.crt"
    ca.write_text(lab.sh("e1", "cat /etc/ssl/redis/ca.crt") + "\n")
    before = main.run_ids()
    with written(lab, main, "a rolling restart, to redis_tls: dual", anew=10) as ledger:
        lab.run_playbook("site", *on_the_way("dual")).expect()
        assert not set(before.values()) & set(main.run_ids().values())
        go_on(lab, ledger)
    main.ca, main.ways = str(ca), [PLAIN, SECURE]
    with written(lab, main, "to redis_tls: peers", anew=10) as ledger:
        lab.run_playbook("site", *on_the_way("peers")).expect()
        main.port, main.sentinel_port = SECURE
        go_on(lab, ledger)


def test_clients_with_tls_go_on_when_the_plain_ports_close(lab: Lab, main: DataSet, hosts: Hosts) -> None:
    lab.run_playbook("endpoint", *on_the_way("peers", "reencrypt")).expect(changed=len(FRONTS))
    CLIENTS.ca = main.ca
    own = [f"{lab.sh(front, 'sed -n 2p /etc/ssl/redis/host.key')}" for front in FRONTS]
    with written(lab, main, "to redis_tls: only", anew=10) as ledger:
        lab.run_playbook("site", *on_the_way("only", "reencrypt")).expect()
        go_on(lab, ledger)
    lab.run_playbook("endpoint", "--check", "--diff", *on_the_way("only", "reencrypt")).expect(changed=0)
    for front, secret in zip(FRONTS, own, strict=True):
        until(lab, f"reads of {front}", partial(reaches, lab, front, set(HOSTS) - {main.settled()}))
        for user in ("nobody", "haproxy"):
            assert paths_with(lab, front, [secret], user) == []


def test_new_passwords_reach_the_endpoints_before_the_previous_ones_go(lab: Lab, main: DataSet) -> None:
    """One run of `rotate`, with clients that know both."""
    new = {word: f"{word}-2" for word in (PASSWORD, "sentinel-Rb3nHd", *CHECKS)}
    user = {"name": "our-endpoint", "job": "endpoint", "passwords": [new["Pd5gJs"]]}
    later: dict[str, Any] = {
        "redis_password": new[PASSWORD],
        "redis_password_previous": PASSWORD,
        "redis_sentinel_password": new["sentinel-Rb3nHd"],
        "redis_sentinel_password_previous": "sentinel-Rb3nHd",
        "redis_sentinel_clients_passwords": [new["Ty8vKm"], "client '\"#\\ Ty8vKm"],
        "redis_acl_users": [{**user, "passwords_previous": ["front \"'\\ #$x é Pd5gJs"]}],
    }
    CLIENTS.passwords = [new[PASSWORD], PASSWORD]
    arguments = on_the_way("only", "reencrypt", **later)
    alone = lab.run_playbook("rotate", "--limit", "redis", *arguments)
    assert not alone.ok and alone.changed == 0 and "takes part: app, old." in " ".join(alone.stdout.split()), (
        alone.stdout
    )
    with written(lab, main, "new passwords", anew=10) as ledger:
        lab.run_playbook("rotate", *arguments).expect()
        main.password, main.sentinel_password = new[PASSWORD], new["sentinel-Rb3nHd"]
        go_on(lab, ledger)
    for front in FRONTS:
        text = lab.sh(front, "cat /etc/redis-endpoint/haproxy.cfg")
        assert new["Pd5gJs"].encode().hex() in text and new["Ty8vKm"].encode().hex() in text


def test_without_a_declaration_nothing_is_left(lab: Lab, hosts: Hosts) -> None:
    lab.run_playbook("endpoint", "--check", *declared()).expect(changed=len(FRONTS))
    assert all(hosts[front].service("redis-endpoint").is_running for front in FRONTS)
    lab.run_playbook("endpoint", *declared()).expect(changed=len(FRONTS))
    for front in FRONTS:
        found = lab.sh(front, "find /etc /run /var/lib/systemd -iname '*redis-endpoint*' -o -path '/etc/*haproxy*'")
        assert found == ""
        assert not hosts[front].user("redis-endpoint").exists and not hosts[front].package("haproxy").is_installed
    lab.run_playbook("endpoint", *declared()).expect(changed=0)
