# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients that know one address are led to the primary, which moves, dies, comes back and is cut off."""

from __future__ import annotations

import itertools
import json
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import redis
import testinfra
from deployment import DataSet, given, paths_with, until
from deployment.partial import leaving_out
from lab import Lab
from ledger import Ledger
from measured import note
from patience import allowed
from trials import SOAK, trials

HOSTS, FRONTS = ["e1", "e2", "e3"], ["app", "old"]
WRITES, READS = 7379, 7380
PASSWORD, DOWN_AFTER, HARD_STOP = "server-Lw6tQz", 5.0, 5.0
READS_WITHIN = 10.0  # after the set is whole
INSTANT = 0.05  # before a crash, in which a server answers what it has not sent to its replicas yet
OWN_PASSWORD = "front \"'\\ #$x é Pd5gJs"  # of the user of the checks
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


def until_reads(lab: Lab, main: DataSet, primary: str, fronts: list[str] = FRONTS) -> None:
    """Wait until reads of endpoints reach both replicas, each in sync, and nobody else; that takes no long."""
    replicas = set(HOSTS) - {primary}
    for front in fronts:
        until(lab, f"reads of {front} reach {replicas}", partial(reaches, lab, front, replicas), allowed(READS_WITHIN))
    for host in replicas:
        told = main.info(host)
        assert (told["role"], told["master_link_status"], told["master_sync_in_progress"]) == ("slave", "up", "0"), host


def client_of(lab: Lab, front: str, anew: int = 0) -> Ledger:
    """Return two writers that know an endpoint alone."""
    places, way = [(lab.host_ip(front), WRITES)], CLIENTS
    return Ledger("main", [], places, way.passwords, threads=2, rate=50, anew=anew, ca=way.ca, timeout=0.5)


def client_of_sentinels(lab: Lab, main: DataSet) -> Ledger:
    """Return two writers that ask the Sentinels when they are cut off, as client libraries do."""
    places, passwords = [(lab.host_ip(host), 26379) for host in HOSTS], (CLIENTS.passwords, main.sentinel_password)
    return Ledger("main", places, [], *passwords, threads=2, rate=50, timeout=0.5)


@contextmanager
def written(
    lab: Lab,
    main: DataSet,
    what: str,
    anew: int = 0,
    fronts: list[str] = FRONTS,
    lossy: dict[str, float] | None = None,
    gap: float = 0.0,
    everybody: bool = False,
    crash: bool = False,
) -> Iterator[list[Ledger]]:
    """Write through endpoints meanwhile, and on plain ports as a client of the Sentinels beside them.

    Afterwards no acknowledged write may be missing but, by endpoint, those between the first and the last lost one of
    so many seconds; and no writer may have been kept waiting for longer than `gap` seconds, where that is said. With
    `anew` the writers of the first endpoint connect anew after so many writes: a second primary would get some of them;
    with `everybody` those of the others do, too. A `crash` may take what was acknowledged in the instant before it.
    Reads reach the replicas again.
    """
    ledgers = [client_of(lab, front, anew if everybody or front == fronts[0] else 0) for front in fronts]
    beside = [] if main.ways else [client_of_sentinels(lab, main)]
    try:
        for ledger in [*ledgers, *beside]:
            ledger.start()
        yield [*ledgers, *beside]
    finally:
        for ledger in [*ledgers, *beside]:
            ledger.stop()
    primary = main.settled()
    until_leads(lab, primary, fronts)
    until_reads(lab, main, primary, fronts)
    for front, ledger in zip([*fronts, "the Sentinels"], [*ledgers, *beside], strict=False):
        report = ledger.report()
        window = f", within {report.lossy_window_ms / 1000:.1f} s" if report.lost else ""
        note(f"{what}, through {front}", f"{report.in_a_line()}{window}, {report.errors} operations failed")
        assert report.acknowledged > 20, f"hardly anything was written:\n{report}"
        if ledger in beside:
            continue
        most = (lossy or {}).get(front, 0.0)
        spared = report.lost_before(DOWN_AFTER * 900, allowed(INSTANT)) if crash else 0
        fits = report.lossy_window_ms <= allowed(most) * 1000 if most else report.lost == spared
        assert fits, f"acknowledged writes are lost:\n{report}"
        assert not gap or report.gap_ms <= allowed(gap) * 1000, f"no writes for too long:\n{report}"


def go_on(lab: Lab, ledgers: list[Ledger]) -> None:
    """Wait until clients of the first endpoint write again."""
    since = ledgers[0].now
    until(lab, "writes are acknowledged", lambda: ledgers[0].acknowledged_since(since) > 20)


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
    until_leads(lab, primary)
    until_reads(lab, main, primary)
    page = " ".join(lab.run_playbook("status").expect(changed=0).stdout.split())
    reads = ", ".join(host for host in HOSTS if host != primary)
    assert all(f"{front} {primary} {reads} leads to the primary" in page for front in FRONTS), page


def test_planned_moves_lose_nothing(lab: Lab, main: DataSet, tmp_path: Path) -> None:
    """No client of an endpoint is kept waiting for longer than one of the Sentinels is, or hardly.

    An endpoint host that is off is named, and does not stop them.
    """
    ghost = {"ansible_host": "127.0.0.1", "ansible_port": 1, "redis_address": "192.0.2.1"}
    told = {"redis_endpoint": {"hosts": {"ghost": ghost}}}
    (tmp_path / "ghost.yml").write_text(json.dumps(told), encoding="utf-8")
    moments: list[list[float]] = []
    with written(lab, main, "planned moves", gap=1.0) as writers:
        for _each in range(trials(2)):
            old = main.settled()
            moments.append([ledger.now for ledger in writers])
            run = lab.run_playbook("failover", "--inventory", str(tmp_path / "ghost.yml"))
            assert run.rc == 0, run.stdout
            new = main.settled()
            assert new != old
            said = [f"main: the endpoint on {front} leads writes to {new}" for front in FRONTS]
            said += ["ghost does not answer: where its endpoints lead is not known"]
            assert all(line in " ".join(run.stdout.split()) for line in said), run.stdout
            go_on(lab, writers)
    moments.append([ledger.now for ledger in writers])
    median = {}
    for number, name in enumerate([*FRONTS, "the Sentinels"]):
        report = writers[number].report()
        gaps = [report.gap_between(now[number], then[number]) for now, then in itertools.pairwise(moments)]
        median[name] = statistics.median(gaps)
        note(f"planned moves, ms of each through {name}", " ".join(f"{gap:.0f}" for gap in gaps))
    assert max(median[front] for front in FRONTS) <= allowed(1.25 * median["the Sentinels"]), median


def test_a_move_that_an_endpoint_does_not_follow_says_so(lab: Lab, main: DataSet) -> None:
    """One does not run. The primary has moved all the same."""
    old = main.settled()
    lab.sh("old", "systemctl stop redis-endpoint")
    run = lab.run_playbook("failover")
    new = main.settled()
    text = " ".join(run.stdout.split())
    assert not run.ok and new != old
    assert f"main: the endpoint on old refuses writes, and {new} is primary" in text, run.stdout
    lab.sh("old", "systemctl start redis-endpoint")
    until_leads(lab, new)


def received(main: DataSet) -> dict[str, int]:
    """Return how many connections each server, and each Sentinel, has taken so far."""
    found = {}
    for host in HOSTS:
        found[f"server {host}"] = int(main.info(host)["total_connections_received"])
        text = str(main.ask_sentinel(host, "INFO", "stats"))
        found[f"Sentinel {host}"] = int(text.split("total_connections_received:")[1].split()[0])
    return found


def typical_ms(client: redis.Redis[str]) -> float:
    """Return the median time of a command over one connection."""
    client.ping()
    times = []
    for _each in range(500):
        began = time.perf_counter()
        client.ping()
        times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times)


def test_what_the_checks_cost(lab: Lab, main: DataSet) -> None:
    """Each endpoint asks each server 25 times a second at most, each Sentinel 10 times, and needs little memory."""
    primary = main.settled()
    ticks = "ps -o cputimes= -o rss= -C haproxy | awk '{cpu += $1; if ($2 > rss) rss = $2} END {print cpu, rss}'"
    worker = "cat /proc/$(pgrep -n haproxy)/stat | awk '{print $14 + $15}'"
    seconds = 5.0 * SOAK
    before, used, began = received(main), int(lab.sh("app", worker)), time.monotonic()
    lab.wait_until("some seconds are over", lambda: time.monotonic() > began + seconds)
    took = time.monotonic() - began
    after, used = received(main), int(lab.sh("app", worker)) - used
    rates = {name: (after[name] - before[name]) / took / len(FRONTS) for name in before}
    memory = int(lab.sh("app", ticks).split()[1]) / 1024
    with main.client(primary) as direct, through(lab, "app") as led:
        times = [typical_ms(direct), typical_ms(led)]
    servers, sentinels = (max(rates[name] for name in rates if name.startswith(kind)) for kind in ("server", "Sent"))
    note(
        "connections a second for the checks of one endpoint",
        f"{servers:.1f} to a server, {sentinels:.1f} to a Sentinel",
    )
    note("HAProxy of one endpoint", f"{used / took:.1f} % of a processor, {memory:.0f} MB with what it shares")
    note("median of a command over one connection", f"{times[0]:.3f} ms direct, {times[1]:.3f} ms through an endpoint")
    assert servers <= 25 and sentinels <= 10, rates
    assert memory <= 40


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


def test_a_killed_primary_is_replaced_and_comes_back_as_a_replica(lab: Lab, main: DataSet) -> None:
    old = main.settled()
    with written(lab, main, "kill -9, back by its unit", anew=10, gap=DOWN_AFTER + 2, crash=True) as writers:
        lab.sh(old, f"kill -9 $({PID})")
        replaced(lab, main, old)
        main.settled()
        go_on(lab, writers)


def silence(lab: Lab, host: str, seconds: float) -> float:
    """Stop the server of a host, and return for how long it was stopped: on a busy machine it is longer."""
    stop = f"pid=$({PID}); date +%s.%N; kill -STOP $pid; sleep {seconds}; kill -CONT $pid; date +%s.%N"
    began, ended = lab.sh(host, stop).split()
    return float(ended) - float(began)


def is_same(session: redis.Redis[str], number: int) -> bool:
    """Return whether a session is the one of before."""
    try:
        return bool(session.client_id() == number)
    except redis.ConnectionError:
        return False


@pytest.mark.parametrize(("seconds", "kept"), [(2.0, True), (3.5, False)])
def test_a_primary_that_is_silent_for_a_moment_stays_it(lab: Lab, main: DataSet, seconds: float, kept: bool) -> None:
    """Until half of `down_after` its sessions go on, then they end; Sentinel replaces it later than that."""
    primary = main.settled()
    until_leads(lab, primary)
    epochs = {view.config_epoch for view in main.sentinel_views().values()}
    sessions = {front: through(lab, front) for front in FRONTS}
    numbers = {front: session.client_id() for front, session in sessions.items()}
    with written(lab, main, f"the primary silent for {seconds:g} s", gap=seconds + 1.5) as writers:
        silent = silence(lab, primary, seconds)
        go_on(lab, writers)
    same = {front: is_same(session, numbers[front]) for front, session in sessions.items()}
    if silent < DOWN_AFTER - 1:  # else this machine has made another case of it
        assert main.settled() == primary
        assert {view.config_epoch for view in main.sentinel_views().values()} == epochs
    if not kept or silent < DOWN_AFTER / 2:
        assert same == dict.fromkeys(FRONTS, kept), f"silent for {silent:.2f} s"


def test_a_second_primary_gets_no_write(lab: Lab, main: DataSet) -> None:
    """The engine started by hand, without the start guard; it cannot be told to follow, so that it stays one."""
    old = main.settled()
    with written(lab, main, "kill -9, back as a second primary", anew=10, crash=True) as writers:
        lab.sh(old, f"kill -9 $({PID}); systemctl stop redis-server@main")
        new = replaced(lab, main, old)
        go_on(lab, writers)
        lab.sh(
            old,
            "install -d /tmp/lone; grep -E '^(requirepass|masterauth|port|bind|user|replica-announce-ip) ' "
            "/var/lib/redis/main/redis.conf > /tmp/lone/redis.conf; "
            "systemd-run --unit lone /usr/bin/redis-server /tmp/lone/redis.conf --dir /tmp/lone "
            "--rename-command SLAVEOF nobody --rename-command REPLICAOF nobody2",
        )
        until(lab, f"{old} is a second primary", lambda: sorted(main.primaries()) == sorted([old, new]))
        for _ in range(3):
            go_on(lab, writers)
            assert {leads(lab, front) for front in FRONTS} <= {new, ""}
        assert sorted(main.primaries()) == sorted([old, new])
        assert main.count(old) == 0
        lab.sh(old, "systemctl stop lone; rm -r /tmp/lone; systemctl start --no-block redis-server@main")
        assert main.settled() == new
        go_on(lab, writers)


def cut_off(lab: Lab, main: DataSet, what: str, reload: bool = False, **lossy: float) -> None:
    """Cut the primary off from the others while clients write; then let it back.

    One endpoint sees everybody, the other one is on the side of the primary, with one Sentinel of three.
    """
    far, near = FRONTS
    old = main.settled()
    with written(lab, main, what, lossy=lossy) as writers:
        for front in FRONTS if reload else []:
            lab.sh(front, "systemctl reload redis-endpoint")
        for host in [host for host in HOSTS if host != old]:
            lab.partition(old, host)
            lab.partition(near, host)
        until(lab, f"{near} believes nobody", partial(refuses, lab, near))
        new = replaced(lab, main, old)
        until_leads(lab, new, [far])
        go_on(lab, writers)
        assert main.ask(old, "ROLE")[0] == "master" and not leads(lab, near)
        lab.heal()
        assert main.settled() == new
        go_on(lab, writers)


def test_a_primary_that_is_cut_off_gets_no_write_once_it_is_replaced(lab: Lab, main: DataSet) -> None:
    """What it acknowledges until then is lost: a client of the Sentinels that sees it loses more.

    `make soak`, half a minute each: the old process of a reload ends no session by itself, and a primary that hears of
    no replica stops by itself.
    """
    cut_off(lab, main, "a partition", app=DOWN_AFTER + 3, old=1.5)
    if SOAK == 1:
        return
    cut_off(lab, main, "a partition after a reload", reload=True, app=DOWN_AFTER + 3, old=HARD_STOP + 1.5)
    for host in HOSTS:
        main.ask(host, "CONFIG", "SET", "min-replicas-to-write", "1", "min-replicas-max-lag", "3")
    cut_off(lab, main, "a partition, min-replicas-to-write: 1", app=5.0, old=1.5)
    for host in HOSTS:
        main.ask(host, "CONFIG", "SET", "min-replicas-to-write", "0", "min-replicas-max-lag", "10")


def test_without_sentinels_clients_notice_nothing(lab: Lab, main: DataSet) -> None:
    main.settled()
    with written(lab, main, "all Sentinels stopped", anew=10, gap=0.5) as writers:
        for host in HOSTS:
            lab.sh(host, "systemctl stop redis-sentinel@sentinel")
        for _each in range(trials(2)):
            go_on(lab, writers[:1])
        for host in HOSTS:
            lab.sh(host, "systemctl start redis-sentinel@sentinel")
        main.settled()


def test_a_failover_that_is_typed_by_hand_loses_little(lab: Lab, main: DataSet) -> None:
    """Sentinel tells the former primary nothing: what it acknowledges meanwhile is lost."""
    with written(lab, main, "SENTINEL FAILOVER by hand", lossy=dict.fromkeys(FRONTS, 1.5), gap=2.0) as writers:
        main.fail_over()
        go_on(lab, writers)


def test_a_killed_haproxy_is_back_in_a_second(lab: Lab, main: DataSet) -> None:
    main.settled()
    with written(lab, main, "HAProxy killed", fronts=["app"], gap=3.0) as writers:
        lab.sh("app", "systemctl kill -s KILL redis-endpoint")
        go_on(lab, writers)


def test_an_endpoint_that_does_not_see_or_is_not_let_in_by_a_member(lab: Lab, main: DataSet) -> None:
    """Without a replica it goes by the Sentinels, and its reads by the other one; without the primary it refuses."""
    primary = main.settled()
    one, other = [host for host in HOSTS if host != primary]
    with written(lab, main, "an endpoint without sight of a replica", fronts=["old", "app"], gap=0.5):
        lab.partition("old", one)
        until(lab, "its reads reach the other one", partial(reaches, lab, "old", {other}))
        until(lab, "writes go on", lambda: leads(lab, "old") == primary)
        lab.heal()
    with written(lab, main, "another endpoint without sight of the primary", fronts=["app"], gap=0.5):
        lab.partition("old", primary)
        until(lab, "it refuses writes", partial(refuses, lab, "old"))
        lab.heal()
        until_leads(lab, primary)
    with written(lab, main, "a member with another password of the checks", gap=0.5):
        main.ask(one, "ACL", "SETUSER", "our-endpoint", "resetpass", ">another")
        for front in FRONTS:
            until(lab, f"reads of {front} reach the other one", partial(reaches, lab, front, {other}))
        run = lab.run_playbook("endpoint", "--check")
        text = " ".join(run.stdout.split())
        assert not run.ok and f"{one}:6379 of main does not let the endpoint on" in text, run.stdout
        main.ask(one, "ACL", "SETUSER", "our-endpoint", "resetpass", f">{OWN_PASSWORD}")


def test_a_rolling_restart_and_tls_among_the_members_do_not_concern_plain_clients(
    lab: Lab, main: DataSet, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Each step is one run of `site`, which takes the endpoints along."""
    ca = tmp_path_factory.mktemp("tls") / "ca.crt"
    ca.write_text(lab.sh("e1", "cat /etc/ssl/redis/ca.crt") + "\n")
    before = main.run_ids()
    with written(lab, main, "a rolling restart, to redis_tls: dual", anew=10) as writers:
        lab.run_playbook("site", *on_the_way("dual")).expect()
        assert not set(before.values()) & set(main.run_ids().values())
        go_on(lab, writers)
    main.ca, main.ways = str(ca), [PLAIN, SECURE]
    with written(lab, main, "to redis_tls: peers", anew=10) as writers:
        lab.run_playbook("site", *on_the_way("peers")).expect()
        main.port, main.sentinel_port = SECURE
        go_on(lab, writers)


def test_clients_with_tls_go_on_when_the_plain_ports_close(lab: Lab, main: DataSet, hosts: Hosts) -> None:
    lab.run_playbook("endpoint", *on_the_way("peers", "reencrypt")).expect(changed=len(FRONTS))
    CLIENTS.ca = main.ca
    own = [f"{lab.sh(front, 'sed -n 2p /etc/ssl/redis/host.key')}" for front in FRONTS]
    with written(lab, main, "to redis_tls: only", anew=10) as writers:
        lab.run_playbook("site", *on_the_way("only", "reencrypt")).expect()
        go_on(lab, writers)
    lab.run_playbook("endpoint", "--check", "--diff", *on_the_way("only", "reencrypt")).expect(changed=0)
    for front, secret in zip(FRONTS, own, strict=True):
        for user in ("nobody", "haproxy"):
            assert paths_with(lab, front, [secret], user) == []


def test_new_passwords_reach_the_endpoints_before_the_previous_ones_go(lab: Lab, main: DataSet) -> None:
    """One run of `rotate`, with clients that know both. One notifier tells that it has begun, and ended."""
    told: dict[str, Any] = {"redis_notify": {"keep": 3600}}  # the journal alone
    lab.run_playbook("notify", *on_the_way("only", "reencrypt", **told)).expect(changed=len(HOSTS))
    new = {word: f"{word}-2" for word in (PASSWORD, "sentinel-Rb3nHd", *CHECKS)}
    user = {"name": "our-endpoint", "job": "endpoint", "passwords": [new["Pd5gJs"]]}
    later: dict[str, Any] = {
        **told,
        "redis_password": new[PASSWORD],
        "redis_password_previous": PASSWORD,
        "redis_sentinel_password": new["sentinel-Rb3nHd"],
        "redis_sentinel_password_previous": "sentinel-Rb3nHd",
        "redis_sentinel_clients_passwords": [new["Ty8vKm"], "client '\"#\\ Ty8vKm"],
        "redis_acl_users": [{**user, "passwords_previous": [OWN_PASSWORD]}],
    }
    CLIENTS.passwords = [new[PASSWORD], PASSWORD]
    arguments = on_the_way("only", "reencrypt", **later)
    alone = lab.run_playbook("rotate", "--limit", "redis", *arguments)
    assert not alone.ok and alone.changed == 0 and "takes part: app, old." in " ".join(alone.stdout.split()), (
        alone.stdout
    )
    # Who holds a connection with the previous one is a reason for `rotate` to stop.
    with written(lab, main, "new passwords", anew=10, everybody=True) as writers:
        lab.run_playbook("rotate", *arguments).expect()
        main.password, main.sentinel_password = new[PASSWORD], new["sentinel-Rb3nHd"]
        go_on(lab, writers)
    lab.wait_until("one notifier has told it", lambda: told_of_rotations(lab) == ["begun", "ended"])
    for front in FRONTS:
        text = lab.sh(front, "cat /etc/redis-endpoint/haproxy.cfg")
        assert new["Pd5gJs"].encode().hex() in text and new["Ty8vKm"].encode().hex() in text


def told_of_rotations(lab: Lab) -> list[str]:
    """Return what the notifiers of all hosts have told of new passwords."""
    said = [lab.sh(host, "journalctl --quiet --no-pager -o cat -t redis-notify QUORUM_KIND=rotation") for host in HOSTS]
    return [row.split(".")[0].rpartition(" ")[2] for text in said for row in text.splitlines()]


def test_without_a_declaration_nothing_is_left(lab: Lab, hosts: Hosts) -> None:
    lab.run_playbook("endpoint", "--check", *declared()).expect(changed=len(FRONTS))
    assert all(hosts[front].service("redis-endpoint").is_running for front in FRONTS)
    lab.run_playbook("endpoint", *declared()).expect(changed=len(FRONTS))
    for front in FRONTS:
        found = lab.sh(front, "find /etc /run /var/lib/systemd -iname '*redis-endpoint*' -o -path '/etc/*haproxy*'")
        assert found == ""
        assert not hosts[front].user("redis-endpoint").exists and not hosts[front].package("haproxy").is_installed
    lab.run_playbook("endpoint", *declared()).expect(changed=0)
