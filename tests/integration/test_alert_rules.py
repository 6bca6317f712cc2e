# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The alert rules, as Prometheus evaluates them on invented series: which alerts fire, exactly, and when none does.

The series are a set of three members under three Sentinels, as the exporters show them; each case changes some.
"""

from __future__ import annotations

import functools
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import yaml
from ansible_collections.quorum.redis.plugins.module_utils._model.facts import HELP
from watcher import RULES, list_durations

ROOT = Path(__file__).resolve().parents[2]
PROMTOOL = ROOT / ".cache" / "prometheus" / "promtool"
HOSTS = ("a", "b", "c")
STEP = 5
LONG = 400  # seconds of series: longer than most `for:`
LONGER = 800  # and than all of them
STEPS = LONGER // STEP
DURATIONS = list_durations()

Series = dict[str, str]


def server(host: str, **more: str) -> str:
    """Return the labels of the server of a host."""
    labels = {"job": "redis", "deployment": "redis", "set": "main", "host": host, "addr": f"{host}:6379", **more}
    return "{" + ", ".join(f'{key}="{value}"' for key, value in labels.items()) + "}"


def sentinel(host: str, **more: str) -> str:
    """Return the labels of the Sentinel of a host."""
    labels = {"job": "redis_sentinel", "deployment": "redis", "host": host, "addr": f"{host}:26379", **more}
    return "{" + ", ".join(f'{key}="{value}"' for key, value in labels.items()) + "}"


def always(value: object) -> str:
    """Return the same value all the time."""
    return f"{value}x{STEPS}"


def grows(by: int, since: int = 0) -> str:
    """Return a value that grows by so much at each scrape."""
    return f"{since}+{by}x{STEPS}"


def named(host: str, primary: str = "a") -> str:
    """Return the series in which a Sentinel names a primary."""
    told = {"master_name": "main", "master_address": f"{primary}:6379", "master_status": "ok"}
    return f"redis_sentinel_master_status{sentinel(host, **told)}"


def role(host: str, is_a: str, policy: str = "noeviction") -> str:
    """Return the series in which a server says what it is."""
    return f"redis_instance_info{server(host, role=is_a, maxmemory_policy=policy)}"


def link(host: str, primary: str = "a") -> str:
    """Return the series of a replica's link."""
    return f"redis_master_link_up{server(host, master_host=primary, master_port='6379')}"


def offset(host: str) -> str:
    """Return the series of what a replica has."""
    return f"redis_slave_repl_offset{server(host, master_host='a', master_port='6379')}"


def verdict(host: str) -> str:
    """Return the series of what a Sentinel thinks of its quorum."""
    return f"redis_sentinel_master_ckquorum_status{sentinel(host, master_name='main', message='...')}"


def fact(name: str, host: str, **more: str) -> str:
    """Return the series of a fact of a host."""
    labels = {"deployment": "redis", "host": host, **(more or {"set": "main"})}
    return f"quorum_redis_{name}{{" + ", ".join(f'{key}="{value}"' for key, value in labels.items() if value) + "}"


ALONE = {"set": ""}  # a fact of the host itself
PERIOD, DAYS = 86400, 30 * 86400
SLOW, HOURS = 3600, 72


def facts() -> Series:
    """Return the facts of hosts on which all is well."""
    steps, now = f"x{HOURS}", f"0+{SLOW}x{HOURS}"
    found: Series = {}
    for host in HOSTS:
        found[fact("facts_timestamp_seconds", host, **ALONE)] = now
        found[fact("healthy", host)] = f"1{steps}"
        found[fact("restart_wanted", host, set="main", addr=f"{host}:6379")] = f"0{steps}"
        found[fact("restart_wanted", host, addr=f"{host}:26379")] = f"0{steps}"
        found[fact("certificate_not_after_timestamp_seconds", host, **ALONE)] = f"{DAYS}{steps}"
        served = fact("certificate_served_not_after_timestamp_seconds", host, set="main", addr=f"{host}:6379")
        found[served] = f"{DAYS}{steps}"
    for host in "bc":
        found[fact("backup_period_seconds", host)] = f"{PERIOD}{steps}"
    # One carrier makes the backups, and the other one has old ones.
    found[fact("backup_last_success_timestamp_seconds", "b")] = now
    found[fact("backup_last_proof_timestamp_seconds", "b")] = now
    found[fact("backup_last_success_timestamp_seconds", "c")] = f"-400000{steps}"
    return found


def healthy() -> Series:
    """Return the series of a set that is well, `a` its primary."""
    found: Series = {}
    for host in HOSTS:
        for labels in (server(host), sentinel(host)):
            found |= {f"up{labels}": always(1), f"redis_up{labels}": always(1)}
        told = {"master_name": "main", "master_address": "a:6379"}
        found[named(host)] = always(1)
        found[verdict(host)] = always(1)
        found[f"redis_sentinel_master_sentinels{sentinel(host, **told)}"] = always(3)
        found[f"redis_sentinel_master_slaves{sentinel(host, **told)}"] = always(2)
        found[f"redis_sentinel_tilt{sentinel(host)}"] = always(0)
        found[role(host, "master" if host == "a" else "slave")] = always(1)
        found[f"redis_master_repl_offset{server(host)}"] = grows(5000)
        found[f"redis_replication_backlog_bytes{server(host)}"] = always(1 << 20)
        found[f"redis_repl_backlog_history_bytes{server(host)}"] = always(1 << 20)
        for status in ("aof_last_write", "aof_last_bgrewrite", "rdb_last_bgsave"):
            found[f"redis_{status}_status{server(host)}"] = always(1)
        found[f"redis_latest_fork_seconds{server(host)}"] = always(0.01)
        found[f"redis_memory_used_bytes{server(host)}"] = always(50)
        found[f"redis_memory_max_bytes{server(host)}"] = always(100)
    for host in "bc":
        found[link(host)] = always(1)
        found[offset(host)] = grows(5000)
    return found


def gone(*names: str) -> dict[str, str | None]:
    """Return series that are not there."""
    return dict.fromkeys(names)


def silent(job: str, *hosts: str) -> dict[str, str | None]:
    """Return what is left of a process that does not answer: its exporter says so, and nothing else."""
    labels = [server(host) if job == "redis" else sentinel(host) for host in hosts]
    of_job = [name for name in healthy() if f'{{job="{job}",' in name and not name.startswith("up{")]
    lost = [name for name in of_job if any(f' host="{host}"' in name for host in hosts)]
    return {**gone(*lost), **{f"redis_up{label}": always(0) for label in labels}}


def front(**more: str) -> str:
    """Return the labels of an endpoint."""
    labels = {"job": "redis_endpoint", "deployment": "redis", "host": "app", "addr": "192.0.2.9:9123", **more}
    return "{" + ", ".join(f'{key}="{value}"' for key, value in labels.items()) + "}"


def endpoint(leads_to: str, up: dict[str, str] | None = None) -> dict[str, str | None]:
    """Return the series of an endpoint in front of members with addresses; HAProxy 2.2 has no label for the state."""
    up = {"state": "UP"} if up is None else up
    found: dict[str, str | None] = {
        f"up{front()}": always(1),
        f"haproxy_backend_active_servers{front(proxy='main_primary')}": always(int(bool(leads_to))),
        f"haproxy_backend_active_servers{front(proxy='main_votes_192.0.2.1-6379')}": always(3),
    }
    for number, host in enumerate(HOSTS, 1):
        name = f"192.0.2.{number}-6379"
        found[f"haproxy_server_status{front(proxy='main_primary', server=name, **up)}"] = always(int(host == leads_to))
        addressed = {"addr": f"192.0.2.{number}:6379", "maxmemory_policy": "noeviction"}
        found |= gone(role(host, "master" if host == "a" else "slave"))
        labels = server(host, role="master" if host == "a" else "slave", **addressed)
        found[f"redis_instance_info{labels}"] = always(1)
    found |= {named(host): None for host in HOSTS}
    return found


def node(host: str) -> str:
    """Return the labels of a member of a cluster."""
    return server(host, job="redis_cluster", set="cart", addr=f"{host}:7000")


def cluster(**state: int) -> dict[str, str | None]:
    """Return the series of a cluster of three primaries; `state` is what some say of it."""
    found: dict[str, str | None] = {}
    for host in HOSTS:
        found |= {f"up{node(host)}": always(1), f"redis_up{node(host)}": always(1)}
        found[f"redis_cluster_state{node(host)}"] = always(state.get(host, 1))
        role_of = server(host, job="redis_cluster", set="cart", addr=f"{host}:7000", role="master")
        found[f"redis_instance_info{role_of}"] = always(1)
    return found


def errors(host: str, kind: str, by: int) -> dict[str, str | None]:
    """Return a counter of error replies."""
    return {f"redis_errors_total{server(host, err=kind)}": grows(by)}


BEFORE = f"1x{LONG // STEP - 20} stale"
AFTER = f"_x{LONG // STEP - 20} 1x{STEPS}"
FAST = {f"redis_master_repl_offset{server('a')}": grows(50000), offset("b"): grows(50000)}
MOVED_BEFORE = "the primary moved more than ten minutes ago"
# What changes, and the alerts that fire at the end of the series: how many of each.
CASES: dict[str, tuple[dict[str, str | None], dict[str, int]]] = {
    "healthy": ({}, {}),
    "one server without Sentinels": (
        {**gone(*(n for n in healthy() if ' host="a"' not in n or "sentinel" in n))},
        {},
    ),
    "the primary is gone and nobody has taken its place": (
        {**silent("redis", "a"), link("b"): always(0), link("c"): always(0)},
        {
            "RedisServerDown": 1,
            "RedisNoPrimary": 1,
            "RedisSentinelNamesNoPrimary": 1,
            "RedisReplicaLinkDown": 2,
            "RedisNoReplicaInSync": 1,
        },
    ),
    "a replica is gone": (silent("redis", "c"), {"RedisServerDown": 1}),
    "both replicas are gone": (silent("redis", "b", "c"), {"RedisServerDown": 2, "RedisNoReplicaInSync": 1}),
    "a host is gone": (
        {
            **gone(*(n for n in healthy() if ' host="c"' in n)),
            f"up{server('c')}": always(0),
            f"up{sentinel('c')}": always(0),
        },
        {"RedisServerDown": 1, "RedisSentinelDown": 1},
    ),
    "two primaries": ({role("b", "slave"): None, role("b", "master"): always(1)}, {"RedisTwoPrimaries": 1}),
    "the Sentinels disagree": (
        {named("c"): None, named("c", "b"): always(1)},
        {"RedisSentinelsDisagree": 1, "RedisSentinelNamesNoPrimary": 1, "RedisPrimaryMoved": 1},
    ),
    "the primary has moved": (
        {
            **{named(host): BEFORE for host in HOSTS},
            **{named(host, "b"): AFTER for host in HOSTS},
            role("a", "master"): BEFORE,
            role("b", "slave"): BEFORE,
            role("b", "master"): AFTER,
        },
        {"RedisPrimaryMoved": 1},
    ),
    "a Sentinel is gone": (silent("redis_sentinel", "c"), {"RedisSentinelDown": 1}),
    "two Sentinels are gone": (
        {**silent("redis_sentinel", "b", "c"), verdict("a"): always(0)},
        {"RedisSentinelDown": 2, "RedisQuorumLost": 1},
    ),
    "all Sentinels are gone": (
        silent("redis_sentinel", *HOSTS),
        {"RedisSentinelDown": 3, "RedisQuorumLost": 1},
    ),
    "two Sentinels reach nobody": (
        {verdict("b"): always(0), verdict("c"): always(0)},
        {"RedisQuorumLost": 1},
    ),
    "one Sentinel reaches nobody": ({verdict("c"): always(0)}, {}),
    "a Sentinel knows a replica too many": (
        {f"redis_sentinel_master_slaves{sentinel('c', master_name='main', master_address='a:6379')}": always(3)},
        {"RedisSentinelUnknownMembers": 1},
    ),
    "a Sentinel knows a Sentinel too few": (
        {f"redis_sentinel_master_sentinels{sentinel('c', master_name='main', master_address='a:6379')}": always(2)},
        {"RedisSentinelUnknownMembers": 1},
    ),
    "a clock has jumped": ({f"redis_sentinel_tilt{sentinel('c')}": always(1)}, {"RedisSentinelTilt": 1}),
    "a replica has lost its link": ({link("c"): always(0)}, {"RedisReplicaLinkDown": 1}),
    "a replica has lost its link for too long": (
        {**FAST, link("c"): always(0), offset("c"): always(0)},
        {"RedisReplicaLinkDown": 1, "RedisFullSyncAhead": 1, "RedisReplicaLagGrows": 1},
    ),
    "a replica was restarted with another engine, and copies everything": (
        {
            **FAST,
            link("c"): f"1x{LONG // STEP - 2} 0x{STEPS}",
            offset("c"): f"0+50000x{LONG // STEP - 2} 0x{STEPS}",
        },
        {},
    ),
    "both replicas have lost their links": (
        {link("b"): always(0), link("c"): always(0)},
        {"RedisReplicaLinkDown": 2, "RedisNoReplicaInSync": 1},
    ),
    "a replica follows another replica": (
        {link("c"): None, link("c", "b"): always(1)},
        {"RedisReplicasFollowDifferent": 1},
    ),
    "a replica falls behind": ({**FAST, offset("c"): grows(1000)}, {"RedisReplicaLagGrows": 1}),
    "a replica is behind and catches up": (
        {f"redis_master_repl_offset{server('a')}": grows(5000, 3000000), offset("c"): grows(6000)},
        {},
    ),
    "more is written than the backlog holds for a minute": (
        {
            **{f"redis_master_repl_offset{server(host)}": grows(5000000) for host in HOSTS},
            **{offset(host): grows(5000000) for host in "bc"},
        },
        {"RedisBacklogTooSmall": 1},
    ),
    "writes are refused": (errors("a", "NOREPLICAS", 1), {"RedisWritesRefused": 1}),
    "writes were refused once": ({f"redis_errors_total{server('a', err='OOM')}": always(7)}, {}),
    "a client writes to a replica": (errors("b", "READONLY", 1), {"RedisClientsWriteToReplica": 1}),
    "clients come with a wrong password": (errors("a", "WRONGPASS", 5), {"RedisWrongPasswords": 1}),
    "other errors": (errors("a", "WRONGTYPE", 5), {}),
    "the append only file cannot be written": (
        {f"redis_aof_last_write_status{server('a')}": always(0)},
        {"RedisAofWriteFails": 1},
    ),
    "the append only file cannot be rewritten": (
        {f"redis_aof_last_bgrewrite_status{server('a')}": always(0)},
        {"RedisAofRewriteFails": 1},
    ),
    "a snapshot has failed": ({f"redis_rdb_last_bgsave_status{server('b')}": always(0)}, {"RedisSnapshotFails": 1}),
    "a fork took long": ({f"redis_latest_fork_seconds{server('a')}": always(1.5)}, {"RedisForkSlow": 1}),
    "memory is nearly full": (
        {f"redis_memory_used_bytes{server('a')}": always(90)},
        {"RedisMemoryNoEviction": 1},
    ),
    "memory will be full": (
        {
            f"redis_memory_used_bytes{server('a')}": grows(500, 50000),
            f"redis_memory_max_bytes{server('a')}": always(1000000),
        },
        {"RedisMemoryNoEviction": 1},
    ),
    "memory of a cache is full": (
        {
            f"redis_memory_used_bytes{server('a')}": always(99),
            role("a", "master"): None,
            role("a", "master", "allkeys-lru"): always(1),
        },
        {},
    ),
    "endpoints lead to the primary": (endpoint("a"), {}),
    "an old HAProxy leads to the primary": (endpoint("a", {}), {}),
    "an endpoint leads to a replica": (endpoint("b"), {"RedisEndpointLeadsElsewhere": 1}),
    "an old HAProxy leads to a replica": (endpoint("b", {}), {"RedisEndpointLeadsElsewhere": 1}),
    "an endpoint leads to nobody": (endpoint(""), {"RedisEndpointNoPrimary": 1}),
    "an endpoint does not answer": ({f"up{front()}": always(0)}, {"RedisEndpointDown": 1}),
    "nobody collects the facts of a host any more": (
        {fact("facts_timestamp_seconds", "c", **ALONE): "0x4 stale"},
        {"RedisFactsOld": 1},
    ),
    "Prometheus was away, and has not got all facts yet": (
        {
            fact("facts_timestamp_seconds", "c", **ALONE): "0x4",
            **{f"up{labels}": "1x4 _x74 1x5" for labels in (server("c"), sentinel("c"))},
        },
        {},
    ),
    "a cluster is well": (cluster(), {}),
    "a member of a cluster is gone, and another one takes over": (
        {**cluster(), f"redis_cluster_state{node('c')}": None, f"redis_up{node('c')}": always(0)},
        {"RedisServerDown": 1},
    ),
    "slots have no primary": (cluster(a=0, b=0, c=0), {"RedisClusterDown": 3}),
    "a fork took a little": ({f"redis_latest_fork_seconds{server('a')}": always(0.45)}, {}),
    "memory is not nearly full": ({f"redis_memory_used_bytes{server('a')}": always(80)}, {}),
    "a client came with a wrong password": (
        {f"redis_errors_total{server('a', err='WRONGPASS')}": f"0x40 5x{STEPS}"},
        {},
    ),
    "a client wrote to a replica once": ({f"redis_errors_total{server('b', err='READONLY')}": always(3)}, {}),
    MOVED_BEFORE: (
        {
            **{named(host): "1x20 stale" for host in HOSTS},
            **{named(host, "b"): f"_x20 1x{STEPS}" for host in HOSTS},
            role("a", "master"): "1x20 stale",
            role("b", "slave"): "1x20 stale",
            role("b", "master"): f"_x20 1x{STEPS}",
        },
        {},
    ),
    "memory has no limit": ({f"redis_memory_max_bytes{server('a')}": always(0)}, {}),
}


TAKE_LONGER = {
    MOVED_BEFORE,
    *(name for name, (_changes, expected) in CASES.items() if "RedisBacklogTooSmall" in expected),
}


# What lasts for hours and days, evaluated once an hour.
ROTATING = fact("rotation_began_timestamp_seconds", "b", set="main", addr="b:6379", user="app")
DAILY: dict[str, tuple[dict[str, str | None], dict[str, int]]] = {
    "all is well for days": ({}, {}),
    "one host sees problems": ({fact("healthy", "b"): "0x72"}, {"RedisNotAsDeclared": 1}),
    "a problem was over soon": ({fact("healthy", "b"): "1x70 0 1"}, {}),
    "no backup for days": (
        {
            fact("backup_last_success_timestamp_seconds", "b"): "60000x72",
            fact("backup_last_proof_timestamp_seconds", "b"): "60000x72",
        },
        {"RedisBackupOld": 1},
    ),
    "no backup for a day, which may be": (
        {
            fact("backup_last_success_timestamp_seconds", "b"): "130000x72",
            fact("backup_last_proof_timestamp_seconds", "b"): "130000x72",
        },
        {},
    ),
    "no backup at all": (
        gone(
            *(
                f'quorum_redis_backup_last_{what}_timestamp_seconds{{deployment="redis", host="{host}", set="main"}}'
                for what in ("success", "proof")
                for host in "bc"
            )
        ),
        {"RedisBackupNone": 1},
    ),
    "no backup is declared": (gone(*(name for name in facts() if "backup" in name)), {}),
    "the newest backup was not loaded": (
        {fact("backup_last_proof_timestamp_seconds", "b"): "200000x72"},
        {"RedisBackupNotProven": 1},
    ),
    "no backup was ever loaded": (gone(fact("backup_last_proof_timestamp_seconds", "b")), {"RedisBackupNotProven": 1}),
    "a certificate ends": (
        {
            fact("certificate_not_after_timestamp_seconds", "a", **ALONE): f"{15 * 86400}x72",
            fact("certificate_served_not_after_timestamp_seconds", "a", set="main", addr="a:6379"): f"{15 * 86400}x72",
        },
        {"RedisCertificateExpires": 1},
    ),
    "a renewed certificate was not read again": (
        {fact("certificate_not_after_timestamp_seconds", "a", **ALONE): f"{60 * 86400}x72"},
        {"RedisCertificateNotReloaded": 1},
    ),
    "a rotation has not come to its end": ({ROTATING: "100000x72"}, {"RedisRotationPending": 1}),
    "a rotation is under way": ({ROTATING: "240000x72"}, {}),
    "the Sentinels have two passwords": (
        {fact("rotation_began_timestamp_seconds", "b", addr="b:26379", user="default"): "100000x72"},
        {"RedisRotationPending": 1},
    ),
    "another program is installed": (
        {fact("restart_wanted", host, set="main", addr=f"{host}:6379"): "1x72" for host in "ab"},
        {"RedisRestartPending": 2},
    ),
    "another program was installed today": (
        {fact("restart_wanted", "a", set="main", addr="a:6379"): "0x60 1x12"},
        {},
    ),
    "a certificate ends in more than two weeks": (
        {
            fact("certificate_not_after_timestamp_seconds", "a", **ALONE): f"{18 * 86400}x72",
            fact("certificate_served_not_after_timestamp_seconds", "a", set="main", addr="a:6379"): f"{18 * 86400}x72",
        },
        {},
    ),
    "facts are some minutes old": ({fact("facts_timestamp_seconds", "c", **ALONE): "258950x72"}, {}),
    "a host has left, and its facts with it": (
        {fact("facts_timestamp_seconds", "c", **ALONE): f"0+{SLOW}x{HOURS - 4} stale"},
        {},
    ),
    "no new facts": ({fact("facts_timestamp_seconds", "c", **ALONE): "250000x72"}, {"RedisFactsOld": 1}),
}


@functools.cache
def rules() -> list[dict[str, Any]]:
    """Return all rules."""
    return [rule for group in yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"] for rule in group["rules"]]


def evaluate(path: Path, step: int, cases: list[tuple[str, Series, int, dict[str, int]]]) -> None:
    """Let promtool see that exactly these alerts fire: a name, the series, the time, and how many of each.

    None of them fires one step before it has lasted as long as its rule says.
    """
    tests = [
        {
            "name": name,
            "interval": f"{step}s",
            "input_series": [{"series": key, "values": value} for key, value in series.items()],
            "promql_expr_test": [
                {
                    "expr": 'count by (alertname) (ALERTS{alertstate="firing"})',
                    "eval_time": f"{when}s",
                    "exp_samples": [
                        {"labels": f'{{alertname="{alert}"}}', "value": count}
                        for alert, count in sorted(expected.items())
                    ],
                },
                *(
                    {
                        "expr": f'count(ALERTS{{alertstate="firing", alertname="{alert}"}})',
                        "eval_time": f"{DURATIONS[alert] - step}s",
                        "exp_samples": [],
                    }
                    for alert in expected
                    if DURATIONS[alert] >= step
                ),
            ],
        }
        for name, series, when, expected in cases
    ]
    told = {"rule_files": [str(RULES)], "evaluation_interval": f"{step}s", "tests": tests}
    path.write_text(yaml.safe_dump(told, sort_keys=False), encoding="utf-8")
    run = subprocess.run([PROMTOOL, "test", "rules", path], capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


def with_changes(series: Series, changes: dict[str, str | None]) -> Series:
    """Return the series that are left."""
    return {key: value for key, value in {**series, **changes}.items() if value is not None}


def test_exactly_the_right_alerts_fire(tmp_path: Path) -> None:
    cases = [
        (name, with_changes(healthy(), changes), LONGER if name in TAKE_LONGER else LONG, expected)
        for name, (changes, expected) in CASES.items()
    ]
    evaluate(tmp_path / "cases.yml", STEP, cases)


def test_what_takes_days_fires_too(tmp_path: Path) -> None:
    cases = [
        (name, with_changes(facts(), changes), HOURS * SLOW, expected) for name, (changes, expected) in DAILY.items()
    ]
    evaluate(tmp_path / "cases.yml", SLOW, cases)


def test_every_alert_fires_in_some_case() -> None:
    fired = {alert for _changes, expected in [*CASES.values(), *DAILY.values()] for alert in expected}
    assert fired == {rule["alert"] for rule in rules() if "alert" in rule}


def test_prometheus_reads_every_expression_of_the_dashboards(tmp_path: Path) -> None:
    asked = [
        re.sub(r"\$__rate_interval", "1m", target["expr"])
        for path in sorted(RULES.parent.glob("*.json"))
        for panel in json.loads(path.read_text(encoding="utf-8"))["panels"]
        for target in panel["targets"]
    ]
    made = [{"record": f"asked:{number}", "expr": text} for number, text in enumerate(asked)]
    path = tmp_path / "asked.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "dashboards", "rules": made}]}), encoding="utf-8")
    run = subprocess.run([PROMTOOL, "check", "rules", path], capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == 0 and f"{len(asked)} rules found" in run.stdout, run.stdout + run.stderr


def test_the_facts_that_rules_need_are_written() -> None:
    needed = {name for rule in rules() for name in re.findall(r"quorum_redis_(\w+)", rule["expr"])}
    assert needed and needed <= set(HELP)


def test_every_alert_says_how_bad_it_is_and_has_a_chapter() -> None:
    guide = (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")
    repository = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))["repository"]
    for rule in rules():
        if "alert" in rule:
            name = rule["alert"]
            assert rule["labels"]["severity"] in ("critical", "warning", "info")
            assert rule["annotations"]["runbook_url"] == f"{repository}/blob/main/docs/monitoring.md#{name.lower()}"
            assert re.search(rf"^### {name}$", guide, re.MULTILINE), name
            assert f"| `{name}` | {rule['labels']['severity']} | {rule.get('for', 'at once')} |" in guide, name
