# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nothing but TLS: one primary, no lost write, certificates renewed while servers run; in this order."""

from __future__ import annotations

import ssl

import pytest
import redis
from estate import DataSet, given, until
from lab import ROOT, Lab

HOSTS = ["t1", "t2", "t3"]
PASSWORD, SENTINEL_PASSWORD = "server-Lw8nC3", "sentinel-Fp5vJ7"
CERTIFICATES = ROOT / "molecule" / "tls" / "certificates.yml"


@pytest.fixture(scope="module")
def main(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> DataSet:
    """Return the data set, whose clients know the CA and have no certificate of their own."""
    ca = tmp_path_factory.mktemp("tls") / "ca.crt"
    ca.write_text(lab.sh("t1", "cat /etc/ssl/redis/ca.crt") + "\n")
    found = DataSet(lab, HOSTS, PASSWORD, HOSTS, SENTINEL_PASSWORD)
    found.ca = str(ca)
    return found


def serials(lab: Lab, port: int) -> dict[str, str]:
    """Return the certificate that each host shows."""
    return {host: ssl.get_server_certificate((lab.host_ip(host), port)) for host in HOSTS}


def test_nothing_speaks_plain_and_a_second_run_changes_nothing(lab: Lab, main: DataSet) -> None:
    main.settled()
    for host in HOSTS:
        ports = lab.sh(host, "ss -Hltn | awk '{print $4}' | grep -oE '[0-9]+$' | sort -un").split()
        assert [port for port in ports if port not in ("22",)] == ["6379", "26379"]
        with pytest.raises(redis.ConnectionError):
            DataSet(lab, HOSTS, PASSWORD).ask(host, "PING")
        assert main.setting(host, "tls-replication") == "yes"
    lab.run_playbook("site").expect(changed=0)
    lab.run_playbook("site", "--check", "--diff").expect(changed=0)
    lab.run_playbook("status").expect(changed=0)


def test_the_primary_moves_without_a_lost_write(lab: Lab, main: DataSet) -> None:
    old = main.settled()
    with main.written(what="move over TLS"):
        lab.run_playbook("failover").expect()
    assert main.settled() != old


def test_a_crashed_primary_comes_back_as_a_replica(lab: Lab, main: DataSet) -> None:
    old = main.settled()
    lab.sh(old, "systemctl kill -s KILL redis-server@main")
    until(lab, "another one is primary", lambda: main.primaries() not in ([old], []))
    assert main.settled() != old
    said = lab.sh(old, "journalctl --no-pager -o cat -u redis-server@main | grep -E 'start as|no TLS' | tail -n 1")
    assert said.startswith("start as replica of ") and "the Sentinels name" in said


def test_certificates_are_renewed_while_the_servers_run(lab: Lab, main: DataSet) -> None:
    main.settled()
    processes, before = main.run_ids(), (serials(lab, 6379), serials(lab, 26379))
    lab.run_playbook(str(CERTIFICATES), *given(lab_prefix=lab.state.name)).expect()
    with main.written(what="renewal"):
        lab.run_playbook("site").expect()
    after = (serials(lab, 6379), serials(lab, 26379))
    assert main.run_ids() == processes
    for old, new in zip(before, after, strict=True):
        assert not set(old.values()) & set(new.values())
    lab.run_playbook("site").expect(changed=0)


def test_a_bad_certificate_stops_the_run_before_anything_changes(lab: Lab, main: DataSet) -> None:
    lab.sh("t2", "cp -p /etc/ssl/redis/host.crt /root/ && cat /etc/ssl/redis/ca.crt > /etc/ssl/redis/host.crt")
    try:
        run = lab.run_playbook("site")
        assert not run.ok
        assert "Certificate and key do not belong together" in " ".join(run.stdout.split())
    finally:
        lab.sh("t2", "cat /root/host.crt > /etc/ssl/redis/host.crt && rm /root/host.crt")
    lab.run_playbook("site").expect(changed=0)
    main.settled()


def test_a_backup_is_made_and_restored_over_tls(lab: Lab, main: DataSet) -> None:
    main.fill(200)
    lab.run_playbook("backup").expect()
    with main.client(main.settled()) as client:
        client.flushall()
    lab.run_playbook("restore", *given(redis_restore_instance="main", redis_restore_confirm="main")).expect()
    main.settled()
    main.holds(200)
