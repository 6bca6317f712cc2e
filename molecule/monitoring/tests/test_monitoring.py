# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prometheus and Alertmanager of the distribution, with the rules as they are installed: quiet, and when it burns."""

from __future__ import annotations

import json
import re
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest
import redis
from deployment import DataSet, given, paths_with, until
from deployment.partial import leaving_out
from lab import ROOT, Lab
from measured import note
from patience import allowed
from watcher import list_durations

HOSTS = ["m1", "m2", "m3"]
WATCH = "watch"
PASSWORD, EXPORTER, OTHERS = "server-Qe4wNv", "exporter-Wp9dJs", ["sentinel-Zt8kLm", "client-Hc5xBr", "front-Nv3sTy"]
SECRETS = [PASSWORD, EXPORTER, *OTHERS]
PROGRAM = "/usr/local/lib/quorum-redis-facts/facts"
PROCESSES = "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n'"
LEFT = (
    "find / -xdev -not -path '/proc/*' -not -path '/sys/*' -not -path '/var/log/*' -not -path '/var/cache/*' "
    "'(' -iname '*redis-exporter*' -o -iname '*redis-facts*' -o -name 'quorum-redis.prom' -o -path "
    "/etc/prometheus/quorum-redis ')'; getent passwd redis-exporter || true"
)
SLACK = 60  # seconds from a fault to the alert beside its `for:`; a look for facts comes once a minute
# True of a machine that stands still for seconds, as one that is full of tests may.
OF_THE_MACHINE = {"RedisSentinelTilt", "RedisForkSlow"}
SENTINEL, QUEUE = "redis-sentinel@sentinel", "/var/lib/redis/queue"
FACTS = "/var/lib/quorum-redis-facts/quorum-redis.prom"
DAY = 86400
# As after three days in which none was made, and the newest one could not be loaded.
AGED = """import glob, json, time
(path,) = glob.glob("/var/backups/redis/main/*/manifest.json")
told = json.load(open(path))
told["ended"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 3 * 86400))
told["verified"]["load"] = "not done: no memory"
json.dump(told, open(path, "w"))"""


@pytest.fixture(scope="module")
def main(lab: Lab) -> DataSet:
    """Return the set under Sentinels."""
    return DataSet(lab, HOSTS, PASSWORD, HOSTS, OTHERS[0])


@pytest.fixture(scope="module")
def queue(lab: Lab) -> DataSet:
    """Return the set without."""
    return DataSet(lab, HOSTS, PASSWORD, name="queue", port=6380)


def get(lab: Lab, host: str, port: int, path: str, **query: str) -> str:
    """Return what an HTTP server of a host says."""
    url = f"http://{lab.host_ip(host)}:{port}{path}?{urllib.parse.urlencode(query)}"
    with urllib.request.urlopen(url, timeout=30) as answer:
        return str(answer.read().decode())


def series(lab: Lab, expression: str) -> list[dict[str, str]]:
    """Return the labels of what Prometheus finds."""
    found: list[dict[str, Any]] = json.loads(get(lab, WATCH, 9090, "/api/v1/query", query=expression))["data"]["result"]
    return [one["metric"] for one in found]


def ever(lab: Lab, state: str) -> set[str]:
    """Return the alerts that were in this state at any time."""
    return {one["alertname"] for one in series(lab, f'max_over_time(ALERTS{{alertstate="{state}"}}[1h])')}


def alerts(lab: Lab) -> set[tuple[str, str]]:
    """Return the alerts that Alertmanager has now, with the set or the host that they are about."""
    found = [one["labels"] for one in json.loads(get(lab, WATCH, 9093, "/api/v2/alerts"))]
    return {(one["alertname"], one.get("set") or one.get("host", "")) for one in found}


def documented(how: str) -> set[str]:
    """Return the alerts of which the guide says that they are told on hosts of the lab, or on loopback."""
    guide = (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")
    found = set(re.findall(rf"^\| `(\w+)` \|[^|]*\|[^|]*\|[^|]*\| {how}\b[^|]*\|$", guide, re.MULTILINE))
    assert len(found) > 5, guide
    return found


def test_the_first_run_is_predicted_and_the_second_has_nothing_to_do(lab: Lab, main: DataSet, queue: DataSet) -> None:
    """A program that is another one is brought, and no exporter restarted for it."""
    main.settled()
    queue.settled()
    lab.run_playbook("endpoint").expect()
    predicted = lab.run_playbook("monitoring", "--check", "--diff").expect()
    assert all(predicted.recap[host].changed for host in HOSTS)
    assert [lab.sh(host, LEFT) for host in lab.hosts] == [""] * len(lab.hosts)
    done = lab.run_playbook("monitoring", "--diff").expect()
    for run in (predicted, done):
        assert not [word for word in SECRETS if word in run.stdout]
    lab.run_playbook("monitoring").expect(changed=0)
    run = leaving_out(lab, "m2", "m3").run_playbook("monitoring")  # Prometheus would no longer ask them
    assert not run.ok and run.changed == 0, run.stdout
    assert f"the member {lab.host_ip('m3')}:6379" in " ".join(run.stdout.split()), run.stdout
    # Where one host is to export nothing, Prometheus goes on to ask the others.
    limited = lab.run_playbook("monitoring", "--limit", "m3", "--check", "--diff", *given(redis_exporter=False))
    assert limited.expect().recap["m3"].changed and "targets.json" not in limited.stdout
    lab.sh("m1", f"echo '# another version' >> {PROGRAM}")
    assert lab.run_playbook("monitoring", "--check").expect(changed=1).recap["m1"].changed == 1


def test_no_secret_is_told(lab: Lab, main: DataSet, queue: DataSet) -> None:
    for host in HOSTS:
        asked = [(9121, main.port), (9121, queue.port), (9122, main.sentinel_port)]
        said = [get(lab, host, port, "/scrape", target=f"redis://{lab.host_ip(host)}:{at}") for port, at in asked]
        assert all("redis_up 1" in text for text in said), said
        said += [get(lab, host, port, "/metrics") for port in (9100, 9121, 9122)] + [lab.sh(host, PROCESSES)]
        assert not [word for word in SECRETS for text in said if word in text]
        assert paths_with(lab, host, SECRETS) == []
    assert paths_with(lab, WATCH, SECRETS, "root") == []


def test_moves_restarts_and_backups_are_silent(lab: Lab, main: DataSet, queue: DataSet, tmp_path: Path) -> None:
    """A move is told for information; the page of the status says from where to where, and why."""

    def all_seen() -> bool:
        wanted = {"redis_up == 1": 9, "quorum_redis_healthy == 1": 6, "quorum_redis:endpoint": 1}
        return all(len(series(lab, expression)) == count for expression, count in wanted.items())

    until(lab, "Prometheus sees everybody, and the facts", all_seen)
    until(lab, "Alertmanager has the alert of the user", lambda: ("Watchdog", "") in alerts(lab))
    lab.run_playbook("restart").expect()
    lab.run_playbook("failover", *given(redis_failover_to="m2")).expect()
    assert main.settled() == "m2" and queue.settled() == "m2"
    page = tmp_path / "status.html"
    lab.run_playbook("status", *given(redis_status_html=str(page))).expect()
    moves = re.findall(r"<tr><th[^>]*>[^<]* UTC</th><td>(.*?)</td></tr>", page.read_text(encoding="utf-8"))
    assert re.fullmatch("m2</td><td>m[13]</td><td>asked for, the previous one was not down", moves[0]), moves
    until(lab, "the move is told", lambda: ("RedisPrimaryMoved", "main") in alerts(lab))
    lab.sh("m1", "systemctl start redis-backup")
    lab.sh("m1", "systemctl restart redis-facts")
    backups = "quorum_redis_backup_last_proof_timestamp_seconds"
    until(
        lab,
        "Prometheus knows of the backups",
        lambda: {one["set"] for one in series(lab, backups)} == {"main", "queue"},
    )
    assert ever(lab, "firing") - OF_THE_MACHINE == {"Watchdog", "RedisPrimaryMoved"}
    note("pending while all was well", ", ".join(sorted(ever(lab, "pending"))) or "nothing")


class Fire:
    """What was told since the faults, while clients go on with what they should not do."""

    def __init__(self, lab: Lab, queue: DataSet, replica: str) -> None:
        """Prepare; `replica` is one of the queue that clients take for the primary."""
        self.lab, self.queue, self.replica = lab, queue, replica
        self.told: dict[tuple[str, str], float] = {}
        self.made: dict[str, float] = {}
        self.began = time.monotonic()
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._go_on, args=(what,)) for what in (self._look, self._err)]

    def __enter__(self) -> Fire:
        """Begin."""
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        """End."""
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _go_on(self, what: Callable[[], None]) -> None:
        while not self._over.wait(0.5):
            with suppress(OSError, HTTPException, redis.RedisError):
                what()

    def _look(self) -> None:
        for alert in alerts(self.lab):
            self.told.setdefault(alert, time.monotonic() - self.began)

    def _err(self) -> None:
        for _ in range(5):
            with suppress(redis.RedisError):
                self.queue.ask(self.replica, "AUTH", "default", "of-yesterday")
        for host in (self.replica, "m2"):
            with suppress(redis.RedisError):
                self.queue.ask(host, "SET", "more", "data")

    def breaks(self, *names: str) -> None:
        """Note that what these alerts are about is there now."""
        for name in names:
            self.made.setdefault(name, time.monotonic() - self.began)

    def list_times(self) -> dict[str, float]:
        """Return how many seconds after its fault each was told first."""
        first: dict[str, float] = {}
        for (name, _about), when in sorted(self.told.items(), key=lambda row: row[1]):
            first.setdefault(name, when)
        return {name: first[name] - when for name, when in self.made.items()}

    def wait(self, *wanted: tuple[str, str]) -> None:
        """Wait until Alertmanager was told these."""
        self.lab.wait_until(f"{wanted} are told", lambda: set(wanted) <= set(self.told))

    def wait_begun(self, *wanted: str) -> None:
        """Wait until Prometheus has seen these begin; it tells them when they last as long as their rules say."""
        self.lab.wait_until(f"{wanted} begin", lambda: set(wanted) <= ever(self.lab, "pending"))


def tell(lab: Lab, queue: DataSet, host: str, *command: str) -> None:
    """Send a command to a member until it is taken."""
    until(lab, f"{host} takes {command[0]}", lambda: queue.ask(host, *command))


def spoil_care(lab: Lab) -> None:
    """Leave undone what somebody should have done days ago: nobody waits for days here."""
    mark = f"# our-exporter: the new password opens beside the previous one since {int(time.time()) - 2 * DAY}"
    lab.sh("m1", f"echo '{mark}' >> /etc/redis/main.acl; touch /var/lib/redis/main/restart-wanted")
    lab.sh("m1", f"python3 - <<'END'\n{AGED}\nEND\nrm -r /var/backups/redis/queue/*; systemctl restart redis-facts")
    old = int(time.time()) - 600
    stop = "systemctl stop redis-facts.timer redis-facts.service"
    lab.sh("m3", f"{stop}; sed -i -E '/^[^#]*_facts_timestamp/s/ [0-9.]+$/ {old}/' {FACTS}")


def spoil_queue(lab: Lab, queue: DataSet, fire: Fire) -> None:
    """Write more than the backlog holds to the primary that is cut off, then fill its disk and its memory."""
    for _ in range(16):
        tell(lab, queue, "m2", "SET", "large", "x" * 1_000_000)
    until(lab, "m1 loses its link", lambda: queue.info("m1")["master_link_status"] == "down")
    fire.breaks("RedisFullSyncAhead", "RedisReplicaLinkDown", "RedisNoReplicaInSync")
    lab.sh("m2", f"dd if=/dev/zero of={QUEUE}/filler bs=64k 2>&1 | grep -q 'No space left'")
    with suppress(redis.RedisError):
        queue.ask("m2", "SET", "large", "y" * 1_000_000)

    def fails(what: str, *command: str) -> bool:
        with suppress(redis.RedisError):
            queue.ask("m2", *command)
        return queue.info("m2")[f"{what}_status"] == "err"

    tried = {"aof_last_write": "PING", "aof_last_bgrewrite": "BGREWRITEAOF", "rdb_last_bgsave": "BGSAVE"}
    for what, command in tried.items():
        until(lab, f"{what} fails", partial(fails, what, command))
        fire.breaks("RedisAofWriteFails", "RedisWritesRefused")


def test_what_burns_is_told(lab: Lab, main: DataSet, queue: DataSet) -> None:
    """The host of both primaries is cut off from the others, not from Prometheus; much more breaks meanwhile."""
    with Fire(lab, queue, "m1") as fire:
        for host in ("m1", "m3"):
            lab.partition("m2", host)
        tell(lab, queue, "m3", "REPLICAOF", lab.host_ip("m1"), "6380")
        fire.breaks("RedisReplicasFollowDifferent")
        # As on a host that stood still, and then somebody lets this Sentinel forget whom it does not see.
        lab.sh("m2", f"systemctl kill -s STOP {SENTINEL}; sleep 4; systemctl kill -s CONT {SENTINEL}")
        fire.breaks("RedisSentinelTilt")
        spoil_queue(lab, queue, fire)
        spoil_care(lab)
        fire.breaks("RedisRotationPending", "RedisBackupOld", "RedisFactsOld")
        until(lab, "m2 forgets", lambda: main.ask_sentinel("m2", "SENTINEL", "RESET", "main"))
        (new,) = until(lab, "Sentinel replaces m2", lambda: set(main.primaries()) - {"m2"})
        fire.breaks("RedisTwoPrimaries", "RedisSentinelsDisagree")
        third = next(host for host in ("m1", "m3") if host != new)
        fire.wait(("RedisTwoPrimaries", "main"), ("RedisSentinelTilt", "m2"), ("RedisFullSyncAhead", "queue"))
        to_new = f'quorum_redis:endpoint{{addr="{lab.host_ip(new)}:6379"}}'
        lab.wait_until(f"the endpoint leads to {new}", lambda: series(lab, to_new))
        # Prometheus does not see whom the endpoint sees.
        lab.sh(new, "systemctl stop redis-exporter")
        fire.breaks("RedisEndpointLeadsElsewhere")
        fire.wait(("RedisEndpointLeadsElsewhere", "main"), ("RedisAofWriteFails", "queue"))
        lab.sh(new, "systemctl start redis-exporter")
        tell(lab, queue, "m2", "CONFIG", "SET", "maxmemory", "1")
        lab.sh(third, f"systemctl stop {SENTINEL}")
        fire.breaks("RedisEndpointNoPrimary", "RedisSentinelDown", "RedisQuorumLost")
        fire.wait(("RedisEndpointNoPrimary", "main"), ("RedisSentinelsDisagree", "main"))
        lab.sh(new, "systemctl stop redis-server@main")
        fire.breaks("RedisServerDown", "RedisSentinelNamesNoPrimary")
        lab.sh(WATCH, "systemctl stop redis-endpoint")
        fire.breaks("RedisEndpointDown")
        fire.wait(("RedisWritesRefused", "queue"))
        fire.wait_begun("RedisReplicaLagGrows", "RedisBacklogTooSmall", "RedisMemoryNoEviction")
        fire.wait_begun("RedisAofRewriteFails", "RedisSnapshotFails")
        # With a full disk it would not end.
        lab.sh("m2", f"rm {QUEUE}/filler; systemctl stop redis-server@queue")
        fire.breaks("RedisNoPrimary")
        fire.wait(
            ("RedisReplicaLinkDown", "queue"),
            ("RedisReplicasFollowDifferent", "queue"),
            ("RedisNoReplicaInSync", "queue"),
            ("RedisNoPrimary", "queue"),
            ("RedisServerDown", "main"),
            ("RedisSentinelDown", third),
            ("RedisSentinelNamesNoPrimary", "main"),
            ("RedisQuorumLost", "main"),
            ("RedisEndpointDown", WATCH),
            ("RedisRotationPending", "main"),
            ("RedisBackupOld", "main"),
            ("RedisFactsOld", "m3"),
        )
        fire.wait_begun("RedisSentinelUnknownMembers", "RedisClientsWriteToReplica", "RedisWrongPasswords")
        fire.wait_begun("RedisNotAsDeclared", "RedisBackupNone", "RedisBackupNotProven", "RedisRestartPending")
    told = {name for name, _about in fire.told}
    assert documented("lab") <= told and not documented("lab") & documented("loopback")
    times, durations = fire.list_times(), list_durations()
    for name, seconds in times.items():
        note(f"{name} told", f"{seconds:.0f} s after its fault")
    late = [name for name, seconds in times.items() if seconds > allowed(durations[name] + SLACK)]
    assert not late, times


def test_removal_leaves_nothing(lab: Lab) -> None:
    # One look fails before, as it does when it is stopped half-way.
    lab.sh(
        "m3",
        f"systemctl stop redis-facts.timer redis-facts; chmod -x {PROGRAM}; ! systemctl start redis-facts;"
        "systemctl is-failed redis-facts",
    )
    lab.run_playbook("monitoring", *given(redis_exporter=False)).expect()
    for host in lab.hosts:
        assert lab.sh(host, LEFT) == ""
        assert lab.sh(host, "systemctl list-units --all --plain --no-legend 'redis-facts*' 'redis-exporter*'") == ""
    listening = "\n".join(lab.sh(host, "ss -Hltn") for host in HOSTS)
    assert not re.search(r":912[12]\s", listening)
    # Its own files, and what is not ours, are as they were.
    assert lab.sh(WATCH, "systemctl is-active prometheus; cat /etc/prometheus/own.yml").split("\n")[0] == "active"
    lab.run_playbook("monitoring", *given(redis_exporter=False)).expect(changed=0)
