# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs leave behind: the first and the second one, one that fails, a backup, a failover; in this order."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from deployment import DataSet, given
from deployment.traces import Traces
from lab import ROOT, Lab

STATE, ETC = "/var/lib/redis", "/etc/redis"


def test_check_mode_and_the_first_run(lab: Lab, main: DataSet, traces: Traces) -> None:
    """All of the secrets are vaulted."""
    assert traces.play("site", "--check").expect().changed > 0
    traces.play("site").expect()
    main.settled()


def test_the_second_run_changes_nothing(
    lab: Lab, main: DataSet, traces: Traces, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the oldest Ansible, to which a vaulted value is no string, and without pipelining: arguments are in files."""
    oldest = subprocess.run([ROOT / "tools" / "oldest_ansible"], stdout=subprocess.PIPE, text=True, check=True)
    monkeypatch.setattr(lab, "program", oldest.stdout.strip())
    traces.play("site", "-e", "ansible_ssh_pipelining=false").expect(changed=0)
    assert lab.sh("s1", "find / -xdev -name 'AnsiballZ*'") == ""


def test_a_wrong_password_stops_the_run_and_is_not_told(
    main: DataSet, traces: Traces, secrets: dict[str, str], tmp_path: Path
) -> None:
    users: list[dict[str, Any]] = [{"name": "default", "enabled": False}]
    for job in ("operator", "replication", "sentinel"):
        secret = secrets["mistaken" if job == "operator" else job]
        users.append({"name": f"our-{job}", "job": job, "passwords": [secret]})
    (tmp_path / "wrong.yml").write_text(json.dumps({"redis_acl_users": users}), encoding="utf-8")
    run = traces.play("site", "-e", f"@{tmp_path}/wrong.yml")
    assert not run.ok and run.changed == 0
    assert "our-operator" in run.stdout and "password" in run.stdout


def test_a_backup_and_a_failover(lab: Lab, main: DataSet, traces: Traces, secrets: dict[str, str]) -> None:
    app = DataSet(lab, main.hosts, secrets["app"])
    app.username = "app"
    with app.client(main.settled()) as client:
        client.mset({f"k{number}": "v" for number in range(100)})
    traces.play("backup").expect()
    with traces.sampled():
        lab.sh("s2", "systemctl start redis-backup.service")
    old = main.settled()
    traces.play("failover").expect()
    assert main.settled() != old


# What a check takes to say what it would do, or why it does not.
OTHERS = {
    "status": ["-e", "redis_status_fail=false"],
    "restart": ["--check"],
    "rotate": ["--check"],
    "upgrade": ["--check"],
    "retire": ["--check", "-e", "redis_retire_hosts=s3"],
    "restore": ["--check"],
    "monitoring": ["--check"],
    "notify": ["--check"],
    "remove": ["--check", "-e", "redis_remove_confirm=redis"],
    "rebalance": ["--check"],
    "repair": ["--check"],
    "notify_test": ["--check"],
    "certificates": [
        "--check",
        *given(
            redis_tls_authority="/srv/none", **{f"redis_tls_{one}_file": f"/etc/{one}" for one in ("ca", "cert", "key")}
        ),
    ],
}


@pytest.mark.parametrize("name", OTHERS)
def test_no_other_verb_tells_a_secret(main: DataSet, traces: Traces, name: str) -> None:
    """Whether it succeeds is the subject of others."""
    run = traces.play(name, *OTHERS[name])
    assert run.recap, run.stdout


def test_no_file_holds_a_secret_that_it_need_not(
    lab: Lab, main: DataSet, traces: Traces, secrets: dict[str, str]
) -> None:
    """The password of the application and that of the operator are on no host at all."""
    owners = {host: lab.sh(host, "echo $(id -u redis):$(id -g redis)") for host in main.hosts}
    for host in main.hosts:
        group, engine = "0:" + owners[host].partition(":")[2], owners[host]
        wanted = {
            f"{ETC}/main.conf": f"640 {group}",
            f"{ETC}/main.json": f"640 {group}",
            f"{ETC}/sentinel.conf": f"640 {group}",
            f"{STATE}/main/redis.conf": f"600 {engine}",
            f"{STATE}/sentinel/redis.conf": f"600 {engine}",
        }
        if host != "s1":
            wanted["/etc/quorum-redis/backup.json"] = "600 0:0"
        assert traces.files(host) == wanted
        nowhere = [secrets[who] for who in ("operator", "app", "clients", "monitoring", "mistaken")]
        assert Traces(lab, [host], nowhere, traces.cache, traces.key).files(host) == {}
        assert traces.files(host, ordinary=True) == {}
    assert traces.files("stranger") == {}


def test_an_endpoint_has_two_passwords_in_one_file(
    lab: Lab, main: DataSet, traces: Traces, secrets: dict[str, str]
) -> None:
    """That of the checks and that of the Sentinels' clients, for the unit alone; its removal leaves none."""
    group = {"redis_hosts": "s2", "redis_endpoint_group": "redis_backup"}
    front = {"name": "main", "endpoint": {"port": 7379}}
    path = "/etc/redis-endpoint/haproxy.cfg"
    traces.play("endpoint", "--check", *given(**group, redis_instances=[front])).expect()
    traces.play("endpoint", *given(**group, redis_instances=[front])).expect()
    found, number = traces.files("s2"), lab.sh("s2", "id -g redis-endpoint")
    assert found.pop(path) == f"640 0:{number}"
    assert not [other for other in found if not other.startswith((f"{ETC}/", f"{STATE}/", "/etc/quorum-redis/"))]
    others = [secret for who, secret in secrets.items() if who not in ("endpoint", "clients")]
    held = lab.sh("s2", f"cat {path}")
    for who in ("endpoint", "clients"):
        assert Traces(lab, [], [secrets[who]], traces.cache, traces.key).told(held), who
    assert not Traces(lab, [], others, traces.cache, traces.key).told(held)
    traces.play("endpoint", *given(**group)).expect()
    rest = {path for path, _mode in traces.files("s2").items() ^ found.items()}
    assert all("temp" in path or "tmp" in path for path in rest), rest  # a Sentinel may be writing its file anew


def test_files_and_directories_have_tight_modes(lab: Lab, main: DataSet) -> None:
    """Also after the engine has written its files anew: it takes 0644 less the umask of the unit."""
    for host in main.hosts:
        main.ask(host, "CONFIG", "REWRITE")
        main.ask_sentinel(host, "SENTINEL", "FLUSHCONFIG")
        wide = lab.sh(host, f"find {STATE} {ETC} /run/redis/* /var/backups/redis -perm /o=rwx 2>/dev/null || true")
        assert wide == "", f"{host}: {wide}"
        loose = lab.sh(host, f"find {STATE}/*/ -perm /g=rwx")
        assert loose == "", f"{host}: {loose}"
        assert lab.sh(host, f"stat -c '%U:%G %a' {STATE}/main/redis.conf {STATE}/main {ETC}").splitlines() == [
            "redis:redis 600",
            "redis:redis 700",
            "root:redis 750",
        ]


def test_nothing_is_in_a_journal_or_in_the_slow_log(
    lab: Lab, main: DataSet, traces: Traces, secrets: dict[str, str]
) -> None:
    """Every command went into the slow log of these servers: monitoring may read it."""
    for host in lab.hosts:
        assert traces.journal(host) == []
    for host in main.hosts:
        assert not traces.told(str(main.ask(host, "ACL", "LOG")))
        monitor = DataSet(lab, main.hosts, secrets["monitoring"])
        monitor.username = "our-monitoring"
        slow = str(monitor.ask(host, "SLOWLOG", "GET", "10000"))
        assert "ACL" in slow or "CONFIG" in slow
        assert not traces.told(slow)
