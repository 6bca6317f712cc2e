# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""To TLS only, then: one primary, no lost write, certificates renewed while servers run; in this order."""

from __future__ import annotations

import ssl
from contextlib import suppress
from copy import copy
from pathlib import Path
from typing import Any

import pytest
import redis
from estate import DataSet, given, until
from estate.outsider import is_shut_out, say
from lab import ROOT, Lab, Run

HOSTS = ["t1", "t2", "t3"]
PASSWORD, SENTINEL_PASSWORD = "server-Lw8nC3", "sentinel-Fp5vJ7"
AUTHORITY = str(ROOT / ".cache" / "authority-tls")
PLAIN, SECURE = (6379, 26379), (16379, 36379)
USERS: list[dict[str, Any]] = [
    {"name": "default", "enabled": False},
    {"name": "app", "passwords": ["app-Dc9xB3"], "keys": ["*"]},
    *({"name": job, "job": job, "passwords": [f"{job}-Hd3kT6"]} for job in ("operator", "replication", "sentinel")),
]


@pytest.fixture(scope="module")
def main(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> DataSet:
    """Return the data set, whose clients know both ways and the CA, and have no certificate of their own."""
    ca = tmp_path_factory.mktemp("tls") / "ca.crt"
    ca.write_text(lab.sh("t1", "cat /etc/ssl/redis/ca.crt") + "\n")
    found = DataSet(lab, HOSTS, PASSWORD, HOSTS, SENTINEL_PASSWORD)
    found.ca, found.ways = str(ca), [PLAIN, SECURE]
    found.writer = ("app", "app-Dc9xB3", PASSWORD)
    return found


def play(lab: Lab, name: str, *words: str, mode: str = "only", **variables: Any) -> Run:
    """Run a playbook of the set with its users, as far on its way as the mode says."""
    return lab.run_playbook(name, *words, *given(redis_tls=mode, redis_acl_users=USERS, **variables))


def serials(lab: Lab, port: int) -> dict[str, str]:
    """Return the certificate that each host shows."""
    return {host: ssl.get_server_certificate((lab.host_ip(host), port)) for host in HOSTS}


def test_from_plain_to_tls_only_while_clients_write(lab: Lab, main: DataSet) -> None:
    """Each step is a plain run; nothing is lost, nothing restarts where peers move, and no step can be left out."""
    for mode in ("off", "dual", "peers", "only"):
        if mode == "peers":
            run = play(lab, "site", mode="only")
            assert not run.ok and run.changed == 0, run.stdout
            assert "Run with redis_tls: peers first" in " ".join(run.stdout.split())
            before = main.run_ids()
        with main.written(what=f"redis_tls: {mode}, with users of our own"):
            play(lab, "site", mode=mode).expect()
            main.username, main.password = "operator", "operator-Hd3kT6"
            main.port, main.sentinel_port = SECURE if mode in ("peers", "only") else PLAIN
        assert {main.setting(host, "tls-replication") for host in HOSTS} == {"yes" if main.port == SECURE[0] else "no"}
        if mode == "peers":
            assert main.run_ids() == before
        play(lab, "site", mode=mode).expect(changed=0)
    play(lab, "site", "--check", "--diff").expect(changed=0)


def test_nothing_speaks_plain(lab: Lab, main: DataSet) -> None:
    main.settled()
    for host in HOSTS:
        ports = lab.sh(host, "ss -Hltn | awk '{print $4}' | grep -oE '[0-9]+$' | sort -un").split()
        assert [port for port in ports if port not in ("22",)] == [str(port) for port in SECURE]
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
    assert said.startswith("start as replica of ") and "the Sentinels name" in said


def test_the_ca_and_all_certificates_are_replaced_while_the_servers_run(
    lab: Lab, main: DataSet, tmp_path: Path
) -> None:
    """At once it is refused. First both are trusted, then the new one issues, then the old one is forgotten."""
    main.settled()
    processes, before = main.run_ids(), (serials(lab, SECURE[0]), serials(lab, SECURE[1]))
    old, new = AUTHORITY, str(tmp_path / "new")
    lab.run_playbook("certificates", *given(redis_tls_authority=new)).expect()
    run = play(lab, "site")
    assert not run.ok and run.changed == 0, run.stdout
    assert "shows a certificate of a CA that is not in the new file" in " ".join(run.stdout.split())
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
    play(lab, "site").expect(changed=0)


def test_a_bad_certificate_stops_the_run_before_anything_changes(lab: Lab, main: DataSet) -> None:
    lab.sh("t2", "cp -p /etc/ssl/redis/host.crt /root/ && cat /etc/ssl/redis/ca.crt > /etc/ssl/redis/host.crt")
    try:
        run = play(lab, "site")
        assert not run.ok
        assert "Certificate and key do not belong together" in " ".join(run.stdout.split())
    finally:
        lab.sh("t2", "cat /root/host.crt > /etc/ssl/redis/host.crt && rm /root/host.crt")
    play(lab, "site").expect(changed=0)
    main.settled()


def test_a_backup_is_made_and_restored_over_tls(lab: Lab, main: DataSet) -> None:
    app = copy(main)
    app.username, app.password, _old = main.writer or ("", "", "")
    app.fill(200)
    play(lab, "backup").expect()
    assert app.ask(app.settled(), "DEL", *[f"filled:{number}" for number in range(200)]) == 200
    play(lab, "restore", redis_restore_instance="main", redis_restore_confirm="main").expect()
    main.settled()
    app.holds(200)
    play(lab, "site").expect(changed=0)
