# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is not ours and holds a port or data stops the run before the first change on any host, and goes when told."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import pytest
from deployment import DataSet, given
from lab import Lab

NEW = (
    "find /etc /opt /root /usr /var/lib -newer /run/before -not -type d -not -path '*/__pycache__/*' "
    "-not -path '/var/lib/apt/*' -not -path '/var/lib/systemd/*' -not -path '/var/lib/redis/*' "
    "-not -path /etc/redis/sentinel.conf"  # which the Sentinel of the package rewrites when it likes
)
PACKAGES = "apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qqy install redis-server redis-sentinel"
BY_HAND = "setsid redis-server --port 6379 --dir /srv/old --save '' --daemonize yes"
UNIT = r"""[Unit]\nDescription=another role\n[Service]\nExecStart=/usr/bin/redis-server --port 6379 --dir /srv/other
Restart=always\n[Install]\nWantedBy=multi-user.target\n""".replace("\n", r"\n")


@pytest.fixture(scope="module", autouse=True)
def others(lab: Lab) -> None:
    """Let each host have servers of somebody else: of packages with data, by hand, of packages and empty."""
    for host in lab.hosts:
        lab.sh(host, PACKAGES, 300)
    lab.sh("x1", "redis-cli SET precious 42 && redis-cli SAVE")
    lab.sh("x2", "systemctl disable --now redis-server redis-sentinel && mkdir -p /srv/old /srv/other")
    lab.sh("x2", BY_HAND)
    lab.sh("x2", "redis-cli SET by hand")


def unchanged(lab: Lab, *args: str, modes: Sequence[Sequence[str]] = ((),)) -> str:
    """Run the playbook, which must refuse on the way, with nothing written on any host; return what it says."""
    said = ""
    for mode in modes:
        for host in lab.hosts:
            lab.sh(host, "touch /run/before")
        run = lab.run_playbook("site", *args, *mode)
        assert run.rc != 0, run.stdout
        assert all(host.changed == 0 for host in run.recap.values()), run.stdout
        assert [lab.sh(host, NEW) for host in lab.hosts] == ["", "", ""]
        assert [lab.run(host, "grep -l quorum.redis /etc/redis/*").stdout for host in lab.hosts] == ["", "", ""]
        said = " ".join(run.stdout.split())
        assert "Nothing was changed on any host" in said
    return said


def test_the_server_of_a_package_and_one_by_hand_are_named(lab: Lab) -> None:
    said = unchanged(lab, modes=((), ("--check", "--diff")))
    assert "port 6379 is held by redis-server.service (redis 8." in said
    assert "primary with 0 replicas, 1 key, 2 other clients" in said  # its Sentinel
    assert "redis_replace_foreign=x1" in said and "stays in /var/lib/redis" in said
    assert "port 6379 is held by redis-server (no unit of its own, redis 8." in said
    assert "redis_replace_foreign=x2" in said and "stays in /srv/old" in said
    assert "fatal: [x3]" not in said  # its server and its Sentinel are as the package made them
    assert lab.sh("x1", "redis-cli GET precious") == "42"


def test_one_that_asks_for_a_password_even_ours(lab: Lab, main: DataSet) -> None:
    lab.sh("x1", f"redis-cli CONFIG SET requirepass {main.password}")
    said = unchanged(lab, "--limit", "x1")
    lab.sh("x1", f"REDISCLI_AUTH={main.password} redis-cli CONFIG SET requirepass ''")
    assert "it asks for a password, so what it holds is not known" in said


def test_three_that_replicate(lab: Lab) -> None:
    lab.sh("x1", "redis-cli CONFIG SET protected-mode no && redis-cli CONFIG SET bind '* -::*'")
    lab.sh("x2", "redis-cli FLUSHALL")
    for host in ("x2", "x3"):
        lab.sh(host, f"redis-cli REPLICAOF {lab.host_ip('x1')} 6379")
    for host in ("x2", "x3"):
        follows = functools.partial(lab.sh, host, "redis-cli GET precious | grep 42")
        lab.wait_until("it follows", follows)
    said = unchanged(lab)
    assert "primary with 2 replicas, 1 key" in said
    assert said.count(f"replica of {lab.host_ip('x1')}:6379, 1 key") >= 2
    for host in ("x2", "x3"):
        lab.sh(host, "redis-cli REPLICAOF NO ONE && redis-cli FLUSHALL")


def test_a_system_without_packages_for_it(lab: Lab) -> None:
    lab.sh("x2", "mv /etc/os-release /run/kept && printf 'ID=alpine\\nPRETTY_NAME=\"Alpine 3\"\\n' > /etc/os-release")
    said = unchanged(lab)
    lab.sh("x2", "mv /run/kept /etc/os-release")
    assert "redis on Alpine 3 is not in the platform table of the role redis (x2). Use a release of Debian" in said
    assert "fatal: [x1]" in said, "the others go on without it"


def test_the_unit_of_another_role(lab: Lab) -> None:
    lab.sh("x2", "redis-cli SHUTDOWN NOSAVE; sleep 0.3")
    lab.sh("x2", f"printf '{UNIT}' > /etc/systemd/system/redis_6379.service && systemctl enable --now redis_6379")
    lab.wait_until("it answers", lambda: lab.sh("x2", "redis-cli SET other role") == "OK")
    said = unchanged(lab)
    assert "port 6379 is held by redis_6379.service (redis 8." in said and "stays in /srv/other" in said


def test_what_is_no_server_at_all(lab: Lab) -> None:
    lab.sh("x3", "systemctl stop redis-sentinel; systemd-run --unit=web python3 -m http.server 26379")
    lab.wait_until("it answers", lambda: lab.sh("x3", "ss -Hltn sport = 26379"))
    said = unchanged(lab, *given(redis_replace_foreign="x1, x2,x3"))
    assert "port 26379 is held by web.service" in said and "it does not answer INFO" in said
    assert "Stop it" in said or "stop it, or give" in said
    lab.sh("x3", "systemctl stop web; systemctl start redis-sentinel")


def test_one_gives_way_and_its_data_comes_in(lab: Lab, main: DataSet) -> None:
    """As docs/operations.md says; what the old servers held stays where it was."""
    lab.sh("x1", "redis-cli SAVE && install -d -o redis -g redis -m 0700 /var/lib/redis/main")
    lab.sh("x1", "install -o redis -g redis -m 0600 /var/lib/redis/dump.rdb /var/lib/redis/main/dump.rdb")
    run = lab.run_playbook("site", *given(redis_replace_foreign="x1,x2,x3", redis_trust="x1")).expect()
    said = " ".join(run.stdout.split())
    for unit, place in (("redis-server", "/var/lib/redis"), ("redis_6379", "/srv/other")):
        assert f"{unit}.service (redis 8" in said, said
        assert f"It gives way: it is stopped, and its data stays in {place}" in said, said
    assert main.settled() == "x1"
    assert [main.ask(host, "GET", "precious") for host in lab.hosts] == ["42", "42", "42"]
    assert main.ask("x2", "EXISTS", "other") == 0
    for host, key, place in (("x1", "precious", "/var/lib/redis"), ("x2", "other", "/srv/other")):
        assert lab.sh(host, f"grep --text --count {key} {place}/dump.rdb") == "1"
    old = "systemctl is-enabled redis_6379; systemctl is-active redis_6379"
    assert lab.run("x2", old).stdout.split() == ["disabled", "inactive"]
    run = lab.run_playbook("site", "--diff").expect(changed=1)
    assert run.recap["x1"].changed == 1, "the AOF is switched on in the server that was started on a snapshot"
    assert main.setting("x1", "appendonly") == "yes"
    drop_in = "/etc/systemd/system/redis-server@main.service.d"
    lab.sh(
        "x3",
        f"mkdir {drop_in} && printf '[Service]\\nExecStartPre=\\n' > {drop_in}/own.conf && systemctl daemon-reload",
    )
    said = " ".join(lab.run_playbook("site").expect(changed=0).stdout.split())
    assert f"{drop_in}/own.conf sets ExecStartPre of redis-server@main.service" in said, "the start guard is left out"
