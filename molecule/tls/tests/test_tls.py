# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""To TLS only and back: one primary, no lost write, certificates and passwords renewed while servers run; in order."""

from __future__ import annotations

import platform
import shutil
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from copy import copy
from pathlib import Path
from typing import Any

import pytest
import redis
from authority import Authority, Pair
from deployment import DataSet, given, until
from deployment.outsider import is_shut_out, say
from lab import ROOT, Lab, Run
from rotating import nothing_fails, refuses, renewed

HOSTS = ["t1", "t2", "t3"]
PASSWORD, SENTINEL_PASSWORD = "server-Lw8nC3", "sentinel-Fp5vJ7"
AUTHORITY = str(ROOT / ".cache" / "authority-tls")
PLAIN, SECURE = (6379, 26379), (16379, 36379)
USERS: list[dict[str, Any]] = [
    {"name": "default", "enabled": False},
    {"name": "app", "passwords": ["app-Dc9xB3"], "keys": ["*"]},
    *({"name": job, "job": job, "passwords": [f"{job}-Hd3kT6"]} for job in ("operator", "replication", "sentinel")),
]
BOTH, LATER = renewed(USERS)
NEW: dict[str, Any] = {"redis_acl_users": LATER, "redis_sentinel_password": f"{SENTINEL_PASSWORD}-2"}


@pytest.fixture(scope="module")
def main(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> DataSet:
    """Return the data set, whose clients know both ways and the CA, and have no certificate of their own."""
    ca = tmp_path_factory.mktemp("tls") / "ca.crt"
    ca.write_text(lab.sh("t1", "cat /etc/ssl/redis/ca.crt") + "\n")
    found = DataSet(lab, HOSTS, PASSWORD, HOSTS, SENTINEL_PASSWORD)
    found.ca, found.ways = str(ca), [PLAIN, SECURE]
    found.writer = ("app", "app-Dc9xB3", PASSWORD)
    return found


@pytest.fixture(scope="module")
def successor(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the directory of the CA that takes the place of the first one."""
    return str(tmp_path_factory.mktemp("successor") / "new")


def play(lab: Lab, name: str, *words: str, mode: str = "only", **variables: Any) -> Run:
    """Run a playbook of the set with its users, as far on its way as the mode says."""
    return lab.run_playbook(name, *words, *given(**{"redis_tls": mode, "redis_acl_users": USERS} | variables))


def serials(lab: Lab, port: int) -> dict[str, str]:
    """Return the certificate that each host shows."""
    return {host: ssl.get_server_certificate((lab.host_ip(host), port)) for host in HOSTS}


def ports_of(lab: Lab) -> dict[str, list[str]]:
    """Return the ports that each host listens at, but that of SSH."""
    listed = "ss -Hltn | awk '{print $4}' | grep -oE '[0-9]+$' | grep -vx 22 | sort -un"
    return {host: lab.sh(host, listed).split() for host in HOSTS}


@contextmanager
def brought(lab: Lab, files: dict[str, Pair]) -> Iterator[None]:
    """Let hosts have another certificate and key meanwhile."""
    place = "/etc/ssl/redis/host"
    for host, pair in files.items():
        texts = {"crt": pair.cert.read_text(), "key": pair.key.read_text()}
        new = "".join(f"cat > {place}.{end} <<'END'\n{text}END\n" for end, text in texts.items())
        lab.sh(host, f"cp -p {place}.crt {place}.key /root/\n{new}")
    try:
        yield
    finally:
        for host in files:
            lab.sh(host, f"for end in crt key; do cat /root/host.$end > {place}.$end && rm /root/host.$end; done")


def seen(lab: Lab, main: DataSet, *ports: int) -> tuple[object, ...]:
    """Return who is primary, which processes run, which certificates they show, and what their files hold."""
    files = {host: lab.sh(host, "cd /etc && sha256sum redis/* systemd/system/redis*") for host in HOSTS}
    return main.settled(), main.run_ids(), [serials(lab, port) for port in ports], files


def one_stays_behind(lab: Lab, main: DataSet, mode: str, place: Path) -> None:
    """Where members and Sentinels begin to speak TLS, nobody begins without the others."""
    before = seen(lab, main)
    with brought(lab, {"t2": Authority(place).issue("t2", f"IP:{lab.host_ip('t2')}")}):
        unfit = play(lab, "site", mode=mode)
    alone = play(lab, "site", "--limit", "t1:t3", mode=mode)
    for run, words in ((unfit, "TLS: The certificate is not of the known CA"), (alone, "this one is without t2")):
        assert not run.ok and run.changed == 0 and words in " ".join(run.stdout.split()), run.stdout
        assert seen(lab, main) == before


def test_from_plain_to_tls_only_while_clients_write(lab: Lab, main: DataSet, tmp_path: Path) -> None:
    """Each step is a plain run; nothing is lost, nothing restarts where peers move, and no step can be left out."""
    for mode in ("off", "dual", "peers", "only"):
        if mode == "peers":
            run = play(lab, "site", mode="only")
            assert not run.ok and run.changed == 0, run.stdout
            assert "Run with redis_tls: peers first" in " ".join(run.stdout.split())
            before = main.run_ids()
            one_stays_behind(lab, main, mode, tmp_path)
        with main.written(what=f"redis_tls: {mode}, with users of our own"):
            play(lab, "site", mode=mode).expect()
            main.username, main.password = "operator", "operator-Hd3kT6"
            main.port, main.sentinel_port = SECURE if mode in ("peers", "only") else PLAIN
        assert {main.setting(host, "tls-replication") for host in HOSTS} == {"yes" if main.port == SECURE[0] else "no"}
        if mode == "peers":
            assert main.run_ids() == before
        if mode != "off":
            play(lab, "site", "--check", "--diff", mode=mode).expect(changed=0)


def test_nothing_speaks_plain(lab: Lab, main: DataSet) -> None:
    main.settled()
    assert ports_of(lab) == {host: [str(port) for port in SECURE] for host in HOSTS}
    for host in HOSTS:
        with pytest.raises(redis.ConnectionError):
            DataSet(lab, HOSTS, PASSWORD, port=SECURE[0]).ask(host, "PING")
    play(lab, "status").expect(changed=0)


def test_strangers_are_shut_out(main: DataSet) -> None:
    is_shut_out(main)
    for host in HOSTS:
        for port in (main.port, main.sentinel_port):
            with suppress(ConnectionError):  # else an alert of TLS, which is none of the protocol's replies
                (said,) = say(main, host, port, ["PING"], tls=False)
                assert not said.startswith(("+", "-")), said


def test_the_primary_moves_without_a_lost_write(lab: Lab, main: DataSet) -> None:
    old = main.settled()
    with main.written(what="move over TLS"):
        play(lab, "failover").expect()
    assert main.settled() != old


def test_a_crashed_primary_comes_back_as_a_replica(lab: Lab, main: DataSet) -> None:
    old = main.settled()
    lab.sh(old, "systemctl kill -s KILL redis-server@main")
    until(lab, "another one is primary", lambda: main.primaries() not in ([old], []))
    assert main.settled() != old
    said = lab.sh(old, "journalctl --no-pager -o cat -u redis-server@main | grep -E 'start as|no TLS' | tail -n 1")
    assert said.startswith("start as replica of ") and "the Sentinels name" in said, said


def test_the_ca_and_all_certificates_are_replaced_while_the_servers_run(
    lab: Lab, main: DataSet, successor: str, tmp_path: Path
) -> None:
    """At once it is refused. First both are trusted, then the new one issues, then the old one is forgotten."""
    main.settled()
    processes, before = main.run_ids(), (serials(lab, SECURE[0]), serials(lab, SECURE[1]))
    old, new = AUTHORITY, successor
    run = lab.run_playbook("certificates", *given(redis_tls_authority=new)).expect()
    assert f"{new} on {platform.node()}, on which Ansible runs" in " ".join(run.stdout.split())
    run = play(lab, "site")
    assert not run.ok and run.changed == 0, run.stdout
    assert "a change of the CA takes three rounds" in " ".join(run.stdout.split())
    for issuing, other in ((old, new), (new, old), (new, "")):
        wish = given(redis_tls_authority=issuing, redis_tls_authority_other=other)
        lab.run_playbook("certificates", *wish).expect()
        main.ca = f"{tmp_path}/ca.crt"
        Path(main.ca).write_text(lab.sh("t1", "cat /etc/ssl/redis/ca.crt") + "\n")
        with main.written(what=f"CA {Path(issuing).name}, beside {Path(other).name or 'none'}"):
            play(lab, "site").expect()
    lab.run_playbook("certificates", *wish).expect(changed=0)
    after = (serials(lab, SECURE[0]), serials(lab, SECURE[1]))
    assert main.run_ids() == processes
    for first, last in zip(before, after, strict=True):
        assert not set(first.values()) & set(last.values())


def test_bad_certificates_stop_the_run_before_anything_changes(
    lab: Lab, main: DataSet, successor: str, tmp_path: Path
) -> None:
    """Something else is wrong with that of each host; then with that of one, and the others have nothing to do."""
    ours, former = (
        Authority(Path(shutil.copytree(place, tmp_path / name)))
        for place, name in ((successor, "ours"), (AUTHORITY, "former"))
    )
    names = {host: f"IP:{lab.host_ip(host)},DNS:{host}" for host in HOSTS}
    torn = Pair(ours.issue("torn", names["t3"]).cert, ours.issue("other", names["t3"]).key)
    rounds = (
        {
            "t1": (ours.issue("ended", names["t1"], days=-1), "The certificate has expired"),
            "t2": (ours.issue("peer", names["t1"]), "The certificate is of somebody else"),
            "t3": (torn, "Certificate and key do not belong together"),
        },
        {"t2": (former.issue("former", names["t2"]), "The certificate is not of the known CA")},
    )

    before = seen(lab, main, *SECURE)
    for bad in rounds:
        with brought(lab, {host: pair for host, (pair, _words) in bad.items()}):
            run = play(lab, "site")
            fatal = {part[:2]: " ".join(part.split()) for part in run.stdout.split("fatal: [")[1:]}
            assert not run.ok and run.changed == 0 and set(fatal) == set(bad), run.stdout
            for host, (_pair, words) in bad.items():
                assert words in fatal[host] and "/etc/ssl/redis/host.crt" in fatal[host], fatal[host]
            assert seen(lab, main, *SECURE) == before


def test_every_password_changes_over_tls(lab: Lab, main: DataSet) -> None:
    """Those of users, jobs and Sentinels, without a restart; a client that knows both notices nothing."""
    primary, processes = main.settled(), main.run_ids()
    words = SENTINEL_PASSWORD, NEW["redis_sentinel_password"]
    wish = NEW | {"redis_acl_users": BOTH, "redis_sentinel_password_previous": SENTINEL_PASSWORD}
    with nothing_fails(main, "new passwords over TLS", "app", ["app-Dc9xB3", "app-Dc9xB3-2"], words):
        play(lab, "rotate", redis_rotate_ignore_clients=True, **wish).expect()
    for users, word, refused in ((USERS, words[0], True), (LATER, words[1], False)):
        for user in users[1:]:
            said = refuses(lab, HOSTS, user["passwords"][0], word, user["name"], SECURE, main.ca)
            assert said == [refused] * 6, user["name"]
    main.password, main.sentinel_password = "operator-Hd3kT6-2", words[1]
    main.writer = ("app", "app-Dc9xB3-2", "")
    assert main.settled() == primary and main.run_ids() == processes


def test_a_backup_is_made_and_restored_over_tls(lab: Lab, main: DataSet) -> None:
    app = copy(main)
    app.username, app.password, _old = main.writer or ("", "", "")
    app.fill(200)
    play(lab, "backup", **NEW).expect()
    assert app.ask(app.settled(), "DEL", *[f"filled:{number}" for number in range(200)]) == 200
    play(lab, "restore", redis_restore_instance="main", redis_restore_confirm="main", **NEW).expect()
    main.settled()
    app.holds(200)


def test_back_to_plain_while_clients_write(lab: Lab, main: DataSet) -> None:
    for mode in ("peers", "dual", "off"):
        with main.written(what=f"back to redis_tls: {mode}"):
            play(lab, "site", mode=mode, **NEW).expect()
            main.port, main.sentinel_port = SECURE if mode == "peers" else PLAIN
        assert {main.setting(host, "tls-replication") for host in HOSTS} == {"yes" if mode == "peers" else "no"}
    assert ports_of(lab) == {host: [str(port) for port in PLAIN] for host in HOSTS}
    play(lab, "site", mode="off", **NEW).expect(changed=0)
