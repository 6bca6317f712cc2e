# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host is retired, alive with the primary on it or dead, without losing a write, and nothing remembers it."""

from __future__ import annotations

import time

from deployment import given, until
from deployment.partial import Among, Of
from lab import Lab

FOREIGN = "systemd-run --quiet --unit=foreign redis-server --port 6379 --bind 0.0.0.0 --protected-mode no --save ''"
KINDS = ("SENTINELS", "REPLICAS")
WIPE = (
    "systemctl stop 'redis-*'; apt-get -qq purge -y redis-server redis-tools redis-sentinel python3-redis; "
    "rm -rf /etc/redis /var/lib/redis /etc/systemd/system/redis-* /usr/local/lib/quorum-redis; systemctl daemon-reload"
)


def test_what_would_not_work_without_it_is_refused(lab: Lab, of: Of) -> None:
    main = of(*lab.hosts)
    primary = main.settled()
    for hosts, words in (("q9", "q9"), ("q1,q2,q3,q4", "no member is left"), ("", "redis_retire_hosts")):
        run = lab.run_playbook("retire", *given(redis_retire_hosts=hosts))
        assert not run.ok and run.changed == 0, run.stdout
        assert words in " ".join(run.stdout.split()), run.stdout
    run = lab.run_playbook("retire", "-e", "redis_retire_host=q4")
    assert not run.ok and "is redis_retire_hosts meant?" in " ".join(run.stdout.split()), run.stdout
    for host in main.hosts:
        main.ask(host, "CONFIG", "SET", "min-replicas-to-write", "3")
    run = lab.run_playbook("retire", *given(redis_retire_hosts="q4"))
    for host in main.hosts:
        main.ask(host, "CONFIG", "SET", "min-replicas-to-write", "0")
    assert not run.ok and run.changed == 0
    assert "min-replicas-to-write is 3" in " ".join(run.stdout.split()), run.stdout
    assert main.settled() == primary


def test_a_primary_s_host_is_retired_without_a_lost_write(lab: Lab, among: Among, of: Of) -> None:
    main, rest, left = of(*lab.hosts), of("q1", "q2", "q3"), among("q1", "q2", "q3")
    while main.settled() != "q4":
        lab.run_playbook("failover", *given(redis_failover_to="q4")).expect()
    main.fill(1000)
    with main.written(rest):
        run = lab.run_playbook("retire", *given(redis_retire_hosts="q4")).expect()
    said = " ".join(run.stdout.split())
    assert "q4" in said and "out of the inventory" in said and "/var/lib/redis, readable by root only" in said
    rest.settled()
    rest.holds(1000)
    left.run_playbook("site").expect(changed=0)
    left.run_playbook("status").expect(changed=0)
    assert {said.quorum for said in rest.sentinel_views().values()} == {2}
    assert lab.sh("q4", "stat -c '%U %a' /var/lib/redis/main") == "root 700"
    assert lab.sh("q4", "systemctl is-enabled redis-server@main redis-sentinel@sentinel || true").split() == [
        "disabled",
        "disabled",
    ]

    lab.sh("q4", FOREIGN)
    other = of("q4")
    other.password = ""
    lab.wait_until("it answers", lambda: lab.run("q4", "redis-cli ping").stdout.strip() == "PONG")
    with other.client("q4") as client:
        client.mset({f"own:{number}": number for number in range(500)})
    time.sleep(60)  # Sentinel looks every ten seconds at what it knows
    assert other.count("q4") == 500 and other.ask("q4", "ROLE")[0] == "master"
    lab.sh("q4", "systemctl stop foreign")


def test_a_new_host_takes_the_place_of_a_dead_one(lab: Lab, among: Among, of: Of) -> None:
    """In the inventory too: once all are there, the Sentinels forget who is dead and not declared.

    In the first run, where the new Sentinel is there before the others look; else that run says so.
    """
    lab.sh("q4", WIPE, 120)
    before, now, left = of("q1", "q2", "q3"), of("q1", "q2", "q4"), among("q1", "q2", "q4")
    before.fill(1000)
    lab.sh("q3", "systemctl disable redis-server@main redis-sentinel@sentinel")  # dead for good
    lab.kill("q3")
    rest = of("q1", "q2")

    def known() -> list[str]:
        return [str(rest.ask_sentinel(host, "SENTINEL", kind, "main")) for host in rest.hosts for kind in KINDS]

    until(lab, "the Sentinels have seen it", lambda: len(rest.primaries()) == 1 and all("s_down" in s for s in known()))
    said = " ".join(left.run_playbook("site").expect().stdout.split())
    forgotten = not any(lab.host_ip("q3") in text for text in known())
    assert forgotten != ("They forget it in a run in which all are there" in said), said
    left.run_playbook("site").expect()
    assert not any(lab.host_ip("q3") in text for text in known())
    now.settled()
    now.holds(1000)
    left.run_playbook("site").expect(changed=0)
    left.run_playbook("status").expect(changed=0)


def test_a_reinstalled_host_joins_under_its_old_name(lab: Lab, among: Among, of: Of) -> None:
    """And another one with nothing but a Sentinel, and the timer of the backups."""
    for host in ("q3", "q4"):
        lab.sh(host, WIPE, 120)
    for host in ("q3", "q4"):  # two slices of a job on fresh hosts, which would be two primaries
        run = among(host).run_playbook("site", *given(redis_member_count=4))
        assert not run.ok and run.changed == 0 and "redis_member_count is 4" in " ".join(run.stdout.split()), run.stdout
        assert lab.run(host, "ls /etc/redis").returncode, "something was written"
    more = among("q1", "q2", "q4", watching="q3")
    more.run_playbook("site").expect()
    main = of("q1", "q2", "q4")
    main.sentinels.append("q3")
    main.settled()
    more.run_playbook("site").expect(changed=0)


def test_a_dead_primary_s_host_is_retired_and_one_with_a_sentinel_only(lab: Lab, among: Among, of: Of) -> None:
    more, left, main, rest = among("q1", "q2", "q4", watching="q3"), among("q1", "q2"), of(*lab.hosts), of("q1", "q2")
    main.hosts.remove("q3")
    if main.settled() != "q4":
        more.run_playbook("failover", *given(redis_failover_to="q4")).expect()
    lab.kill("q4")
    lab.wait_until("another one is primary", lambda: len(rest.primaries()) == 1)
    run = more.run_playbook("retire", *given(redis_retire_hosts="q3,q4"))
    said = " ".join(run.stdout.split())
    assert "out of the inventory" in said and "Nothing was done on q4, which is out of reach" in said, run.stdout
    assert "redis_backup" in said and "No timer makes backups any more" in said, run.stdout
    rest.settled()
    left.run_playbook("site").expect(changed=0)
    left.run_playbook("status").expect(changed=0)
    units = "systemctl is-enabled redis-sentinel@sentinel redis-backup.timer 2>/dev/null || true"
    assert lab.sh("q3", units).split() == ["disabled"], "the timer is gone"
    assert lab.sh("q3", "stat -c '%U %a' /var/lib/redis/sentinel") == "root 700"
