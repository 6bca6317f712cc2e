# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ours, where nobody looks for it or where it cannot start: refused before, found and mended, told in its own words."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from deployment import DataSet, given, until
from lab import Lab

SERVER, SENTINEL = "redis-server@main", "redis-sentinel@sentinel"
FILES = "cat /etc/redis/* /etc/systemd/system/redis* | sha256sum"
AOF = "/var/lib/redis/main/appendonlydir"
INNER = (
    "{ grep -v '^bind ' /etc/redis/sentinel.conf; echo 'bind 127.0.0.1'; } > /run/inner && "
    f"cat /run/inner > /etc/redis/sentinel.conf && systemctl restart {SENTINEL}"
)


@pytest.fixture(scope="module", autouse=True)
def guarded(lab: Lab) -> None:
    """Let the start guard run everywhere again."""
    lab.sh("x3", f"rm -rf /etc/systemd/system/{SERVER}.service.d && systemctl daemon-reload")


def test_a_wrong_bind_is_refused(lab: Lab, main: DataSet) -> None:
    before, processes = [lab.sh(host, FILES) for host in lab.hosts], main.run_ids()
    for arguments, words in (
        (given(redis_bind=["10.99.99.99"]), "redis_bind names 10.99.99.99, which is no address of this host"),
        (
            ("--limit", "x3", *given(redis_bind=["127.0.0.2"])),
            f"redis_bind is 127.0.0.2, without {lab.host_ip('x3')}, by which modules and other members",
        ),
    ):
        run = lab.run_playbook("site", *arguments)
        assert not run.ok and run.changed == 0, run.stdout
        assert words in " ".join(run.stdout.split()), run.stdout
    assert [lab.sh(host, FILES) for host in lab.hosts] == before and main.run_ids() == processes


def test_a_wrong_address_of_the_living_primary(lab: Lab, main: DataSet, tmp_path: Path) -> None:
    before, old = [lab.sh(host, FILES) for host in lab.hosts], main.settled()
    nowhere = lab.host_ip(old).rpartition(".")[0] + ".250"
    (tmp_path / "wrong.yml").write_text(yaml.safe_dump({"all": {"hosts": {old: {"redis_address": nowhere}}}}))
    run = lab.run_playbook("site", "--inventory", str(tmp_path / "wrong.yml"))
    said = " ".join(run.stdout.split())
    assert not run.ok and run.changed == 0, run.stdout
    assert f"the member {lab.host_ip(old)}:6379" in said, run.stdout
    assert f"{old} is declared at {nowhere}:6379 and does not answer there" in said, run.stdout
    assert "redis_trust" not in said and "Nothing was changed" in said
    alone = {"one": {"hosts": {old: {"redis_address": nowhere}}}}  # nobody is declared who knows where it lives
    (tmp_path / "alone.yml").write_text(yaml.safe_dump(alone))
    ours = given(redis_group="one", redis_sentinel_group="one", redis_hosts="one")
    run = lab.run_playbook("site", "--inventory", str(tmp_path / "alone.yml"), *ours)
    said = " ".join(run.stdout.split())
    assert not run.ok and run.changed == 0, run.stdout
    assert f"redis_address is {nowhere}, which is no address of this host, and nothing answers there" in said, said
    assert all(unit in said for unit in (SERVER, SENTINEL)), said
    assert [lab.sh(host, FILES) for host in lab.hosts] == before
    assert main.settled() == old


def test_two_hosts_with_each_other_s_address(lab: Lab, main: DataSet, tmp_path: Path) -> None:
    """All is there that shall be, under the wrong names: only the hosts themselves can tell."""
    before, old = [lab.sh(host, FILES) for host in lab.hosts], main.settled()
    crossed = {one: {"redis_address": lab.host_ip(two)} for one, two in (("x1", "x2"), ("x2", "x1"))}
    (tmp_path / "crossed.yml").write_text(yaml.safe_dump({"all": {"hosts": crossed}}))
    run = lab.run_playbook("site", "--inventory", str(tmp_path / "crossed.yml"))
    said = " ".join(run.stdout.split())
    assert not run.ok and run.changed == 0, run.stdout
    assert said.count("what answers there is another machine's, not redis-server@main.service") == 2, run.stdout
    assert "Nothing was changed on any host" in said, run.stdout
    assert [lab.sh(host, FILES) for host in lab.hosts] == before
    assert main.settled() == old


def test_a_server_and_a_sentinel_on_loopback_only_are_mended(lab: Lab, main: DataSet) -> None:
    old = main.settled()
    host = next(one for one in main.hosts if one != old)
    lab.sh(host, f"REDISCLI_AUTH={main.password} redis-cli CONFIG SET bind 127.0.0.1 && {INNER}")
    until(lab, "nobody reaches it", lambda: lab.run(host, "ss -Hltn | grep -v 127.0.0.1 | grep 6379").returncode)
    lab.run_playbook("site", "--check").expect()
    lab.run_playbook("site").expect()
    assert main.settled() == old
    lab.run_playbook("site").expect(changed=0)


@pytest.mark.parametrize(
    ("unit", "broken", "mend", "words", "todo"),
    [
        pytest.param(
            SERVER,
            f"for f in {AOF}/*.incr.aof; do printf 'no command at all\\r\\nmore of it\\r\\n' > $f; done",
            f"rm -r {AOF} /var/lib/redis/main/dump.rdb",
            "Bad file format reading the append only file",
            "redis-check-aof --fix",
            id="damaged-aof",
        ),
        pytest.param(
            SERVER,
            f"for f in {AOF}/*.base.rdb; do printf 'REDIS0099 from tomorrow' > $f; done",
            f"rm -r {AOF} /var/lib/redis/main/dump.rdb",
            "Can't handle RDB format version 99",
            "install that version again",
            id="newer-engine",
        ),
        pytest.param(
            SENTINEL,
            "sed -i '1d' /var/lib/redis/sentinel/redis.conf",
            "rm /var/lib/redis/sentinel/redis.conf",
            "is damaged, so the role it records is unknown",
            f"journalctl -u {SENTINEL}",
            id="damaged-sentinel",
        ),
    ],
)
def test_why_it_does_not_start(
    lab: Lab, main: DataSet, unit: str, broken: str, mend: str, words: str, todo: str
) -> None:
    old = main.settled()
    host = next(one for one in main.hosts if one != old)
    lab.sh(host, f"systemctl stop {unit} && {broken}")
    run = lab.run_playbook("site")
    said = " ".join(run.stdout.split())
    assert run.recap[host].failed == 1 and f"{unit}.service does not start: " in said, run.stdout
    assert words in said and todo in said, run.stdout
    lab.sh(host, f"systemctl stop {unit}; {mend}")
    lab.run_playbook("site").expect()
    assert main.settled() == old


def test_another_address_and_another_port_of_the_sentinels(lab: Lab, main: DataSet, tmp_path: Path) -> None:
    """Of a running set: links are opened anew, and nobody keeps what was announced before."""
    primary, processes = main.settled(), main.run_ids()
    moved = next(host for host in main.hosts if host != primary)
    old, new = lab.host_ip(moved), lab.host_ip(moved).rpartition(".")[0] + ".240"
    lab.readdress(moved, new)
    (tmp_path / "moved.yml").write_text(yaml.safe_dump({"all": {"hosts": {moved: {"redis_address": new}}}}))
    told = ("--inventory", str(tmp_path / "moved.yml"), *given(redis_sentinel_port=26380))
    lab.run_playbook("site", *told).expect()
    main.sentinel_port = 26380
    assert main.settled() == primary and main.run_ids() == processes
    for host in main.hosts:
        known = [main.ask_sentinel(host, "SENTINEL", kind, "main") for kind in ("SENTINELS", "REPLICAS")]
        assert old not in str(known) and "26379" not in str(known), known
    lab.run_playbook("site", *told).expect(changed=0)
