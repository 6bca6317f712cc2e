#!/usr/bin/env python3
# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the dashboards for Grafana from the tables below; with --check say which are out of date instead."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PLACE = Path(__file__).resolve().parent.parent / "roles" / "redis_monitoring" / "files"
SOURCE = {"type": "prometheus", "uid": "${datasource}"}  # whichever the reader chooses
ALL, ONE = 'deployment="$deployment"', 'deployment="$deployment", set="$set"'
WIDTH = 24  # columns of a dashboard
BAD, GOOD, BLUE = "red", "green", "blue"
ASKED = "One ERR for each scrape is the exporter's own: it is told to ask for no settings, and does so with a command."
Query = tuple[str, str]


@dataclass
class Panel:
    """One picture: its queries, each with the name of what it shows."""

    title: str
    queries: list[Query]
    kind: str = "timeseries"
    unit: str = "short"
    about: str = ""
    width: int = 8
    height: int = 7
    words: dict[int, tuple[str, str]] | None = None  # what values mean, and their colours
    units: dict[str, str] | None = None  # of the columns of a table that have another one


YES = {0: ("no", BAD), 1: ("yes", GOOD)}
OVERVIEW = [
    Panel(
        "Sets as declared",
        [(f"min by (set) (quorum_redis_healthy{{{ALL}}})", "{{set}}")],
        "stat",
        about="What quorum.redis.status would say, asked from the host that sees most problems.",
        words=YES,
    ),
    Panel(
        "Alerts that fire",
        [(f'count by (alertname, set) (ALERTS{{alertstate="firing", {ALL}}})', "{{alertname}} {{set}}")],
        "stat",
    ),
    Panel(
        "Servers and Sentinels that answer",
        [
            (f'sum(redis_up{{job="redis", {ALL}}})', "servers"),
            (f'count(up{{job="redis", {ALL}}})', "servers declared"),
            (f'sum(redis_up{{job="redis_sentinel", {ALL}}})', "Sentinels"),
            (f'count(up{{job="redis_sentinel", {ALL}}})', "Sentinels declared"),
        ],
        "stat",
    ),
    Panel(
        "Sets",
        [
            (f"min by (set) (quorum_redis_healthy{{{ALL}}})", "as declared"),
            (f"count by (set) (quorum_redis:primary{{{ALL}}})", "primaries"),
            (f'sum by (set) (redis_master_link_up{{job="redis", {ALL}}})', "replicas with a link"),
            (f"max by (set) (quorum_redis:lag_bytes{{{ALL}}})", "behind"),
            (f"min by (set) (quorum_redis:backlog_seconds{{{ALL}}})", "backlog"),
            (f"time() - max by (set) (quorum_redis_backup_last_success_timestamp_seconds{{{ALL}}})", "backup"),
            (f"time() - max by (set) (quorum_redis_backup_last_proof_timestamp_seconds{{{ALL}}})", "proven backup"),
            (f'count by (set) (ALERTS{{alertstate="firing", {ALL}}})', "alerts"),
        ],
        "table",
        width=WIDTH,
        units={"behind": "bytes", "backlog": "s", "backup": "s", "proven backup": "s"},
    ),
    Panel(
        "Primary of each set",
        [(f"max by (set, host) (quorum_redis:primary{{{ALL}}})", "{{set}}: {{host}}")],
        "state-timeline",
        about="A bar while the member says that it is primary. Two bars of a set at the same time are two primaries.",
        width=WIDTH,
        height=8,
        words={1: ("primary", BLUE)},
    ),
    Panel(
        "Commands",
        [(f'sum by (set) (rate(redis_commands_processed_total{{job="redis", {ALL}}}[$__rate_interval]))', "{{set}}")],
        unit="ops",
    ),
    Panel("Memory", [(f'sum by (host) (redis_memory_used_bytes{{job="redis", {ALL}}})', "{{host}}")], unit="bytes"),
    Panel(
        "Errors",
        [(f'sum by (set, err) (rate(redis_errors_total{{job="redis", {ALL}}}[$__rate_interval]))', "{{set}} {{err}}")],
        unit="ops",
        about=ASKED,
    ),
    Panel(
        "Hosts",
        [
            (f"min by (host) (quorum_redis_certificate_not_after_timestamp_seconds{{{ALL}}}) - time()", "certificate"),
            (f"sum by (host) (quorum_redis_restart_wanted{{{ALL}}})", "restarts wanted"),
            (f"time() - min by (host) (quorum_redis_rotation_began_timestamp_seconds{{{ALL}}})", "rotation for"),
            (f"time() - max by (host) (quorum_redis_facts_timestamp_seconds{{{ALL}}})", "facts"),
        ],
        "table",
        width=WIDTH,
        units={"certificate": "s", "rotation for": "s", "facts": "s"},
    ),
]
SET = [
    Panel(
        "As declared",
        [(f"min(quorum_redis_healthy{{{ONE}}})", "as declared")],
        "stat",
        width=4,
        words=YES,
    ),
    Panel(
        "Alerts that fire",
        [(f'count by (alertname) (ALERTS{{alertstate="firing", {ONE}}})', "{{alertname}}")],
        "stat",
        width=8,
    ),
    Panel(
        "Age of the newest backup",
        [
            (f"time() - max(quorum_redis_backup_last_success_timestamp_seconds{{{ONE}}})", "made"),
            (f"time() - max(quorum_redis_backup_last_proof_timestamp_seconds{{{ONE}}})", "proven"),
            (f"time() - max(quorum_redis_backup_last_copy_timestamp_seconds{{{ONE}}})", "copied away"),
            (f"time() - max(quorum_redis_backup_last_drill_timestamp_seconds{{{ONE}}})", "restore drill"),
        ],
        "stat",
        unit="s",
        width=12,
    ),
    Panel(
        "Role, as each member says",
        [
            (
                f'2 * max by (host) (redis_instance_info{{job="redis", role="master", {ONE}}}) '
                f'or max by (host) (redis_instance_info{{job="redis", role="slave", {ONE}}}) '
                f'or 0 * max by (host) (up{{job="redis", {ONE}}})',
                "{{host}}",
            )
        ],
        "state-timeline",
        width=12,
        height=8,
        words={0: ("no answer", BAD), 1: ("replica", GOOD), 2: ("primary", BLUE)},
    ),
    Panel(
        "Primary, as each Sentinel says",
        [
            (
                "max by (host, master_address) (redis_sentinel_master_status"
                f'{{job="redis_sentinel", {ALL}, master_name="$set"}})',
                "{{host}}: {{master_address}}",
            )
        ],
        "state-timeline",
        about="A bar while the Sentinel names this address.",
        width=12,
        height=8,
        words={0: ("named, down", BAD), 1: ("named", BLUE)},
    ),
    Panel(
        "Problems that quorum.redis.status names",
        [(f"max by (code) (quorum_redis_problems{{{ONE}}})", "{{code}}")],
        width=12,
    ),
    Panel(
        "Sentinels with a quorum",
        [
            (
                "max by (host) (redis_sentinel_master_ckquorum_status"
                f'{{job="redis_sentinel", {ALL}, master_name="$set"}})',
                "{{host}}",
            )
        ],
        "state-timeline",
        width=12,
        words=YES,
    ),
    Panel(
        "To whom the endpoints lead writes",
        [(f"max by (host, addr) (quorum_redis:endpoint{{{ONE}}})", "{{host}}: {{addr}}")],
        "state-timeline",
        about="A bar while the endpoint of the host leads there. Needs redis_endpoint_metrics_address.",
        width=WIDTH,
        words={1: ("leads there", BLUE)},
    ),
    Panel("Behind the primary", [(f"quorum_redis:lag_bytes{{{ONE}}}", "{{host}}")], unit="bytes"),
    Panel("Time that the backlog covers", [(f"quorum_redis:backlog_seconds{{{ONE}}}", "{{host}}")], unit="s"),
    Panel(
        "Link to the primary",
        [(f'max by (host) (redis_master_link_up{{job="redis", {ONE}}})', "{{host}}")],
        "state-timeline",
        words={0: ("down", BAD), 1: ("up", GOOD)},
    ),
    Panel(
        "Memory",
        [
            (f'redis_memory_used_bytes{{job="redis", {ONE}}}', "{{host}}"),
            (f'redis_memory_max_bytes{{job="redis", {ONE}}} > 0', "maxmemory of {{host}}"),
        ],
        unit="bytes",
    ),
    Panel("Keys", [(f'sum by (host) (redis_db_keys{{job="redis", {ONE}}})', "{{host}}")]),
    Panel(
        "Keys that expired or were evicted",
        [
            (f'rate(redis_expired_keys_total{{job="redis", {ONE}}}[$__rate_interval])', "expired on {{host}}"),
            (f'rate(redis_evicted_keys_total{{job="redis", {ONE}}}[$__rate_interval])', "evicted on {{host}}"),
        ],
        unit="ops",
    ),
    Panel(
        "Commands",
        [(f'rate(redis_commands_processed_total{{job="redis", {ONE}}}[$__rate_interval])', "{{host}}")],
        unit="ops",
    ),
    Panel(
        "Mean time of a command",
        [
            (
                f'sum by (host) (rate(redis_commands_duration_seconds_total{{job="redis", {ONE}}}[$__rate_interval])) '
                f'/ sum by (host) (rate(redis_commands_total{{job="redis", {ONE}}}[$__rate_interval]))',
                "{{host}}",
            )
        ],
        unit="s",
    ),
    Panel(
        "Clients",
        [
            (f'redis_connected_clients{{job="redis", {ONE}}}', "{{host}}"),
            (f'redis_blocked_clients{{job="redis", {ONE}}} > 0', "blocked on {{host}}"),
        ],
    ),
    Panel(
        "Errors by kind",
        [(f'sum by (err) (rate(redis_errors_total{{job="redis", {ONE}}}[$__rate_interval]))', "{{err}}")],
        unit="ops",
        about=ASKED,
    ),
    Panel("Last fork", [(f'redis_latest_fork_seconds{{job="redis", {ONE}}}', "{{host}}")], unit="s"),
    Panel(
        "Snapshots and AOF",
        [
            (f'min by (host) (redis_rdb_last_bgsave_status{{job="redis", {ONE}}})', "snapshot on {{host}}"),
            (f'min by (host) (redis_aof_last_write_status{{job="redis", {ONE}}})', "AOF on {{host}}"),
            (f'min by (host) (redis_aof_last_bgrewrite_status{{job="redis", {ONE}}})', "rewrite on {{host}}"),
        ],
        "state-timeline",
        words={0: ("failed", BAD), 1: ("well", GOOD)},
    ),
]
OF_NODES = f'job="redis_cluster", {ONE}'
CLUSTER = [
    Panel(
        "As declared",
        [(f"min(quorum_redis_healthy{{{ONE}}})", "as declared")],
        "stat",
        width=4,
        words=YES,
    ),
    Panel(
        "Alerts that fire",
        [(f'count by (alertname) (ALERTS{{alertstate="firing", {ONE}}})', "{{alertname}}")],
        "stat",
        width=8,
    ),
    Panel(
        "Members, shards and slots",
        [
            (f"sum(redis_up{{{OF_NODES}}})", "members that answer"),
            (f"count(up{{{OF_NODES}}})", "members declared"),
            (f"max(redis_cluster_size{{{OF_NODES}}})", "shards with slots"),
            (f"min(redis_cluster_slots_ok{{{OF_NODES}}})", "slots served, of 16384"),
        ],
        "stat",
        width=12,
    ),
    Panel(
        "Role, as each member says",
        [
            (
                f'2 * max by (addr) (redis_instance_info{{role="master", {OF_NODES}}}) '
                f'or max by (addr) (redis_instance_info{{role="slave", {OF_NODES}}}) '
                f"or 0 * max by (addr) (up{{{OF_NODES}}})",
                "{{addr}}",
            )
        ],
        "state-timeline",
        width=12,
        height=9,
        words={0: ("no answer", BAD), 1: ("replica", GOOD), 2: ("primary", BLUE)},
    ),
    Panel(
        "Whom each replica follows",
        [
            (
                f"max by (addr, master_host, master_port) (redis_master_link_up{{{OF_NODES}}})",
                "{{addr}} follows {{master_host}}:{{master_port}}",
            )
        ],
        "state-timeline",
        about="A bar while the replica is in the shard of this primary, red while it has no link to it.",
        width=12,
        height=9,
        words={0: ("no link", BAD), 1: ("link up", GOOD)},
    ),
    Panel(
        "Cluster, as each member says",
        [(f"max by (addr) (redis_cluster_state{{{OF_NODES}}})", "{{addr}}")],
        "state-timeline",
        about="A member that says no answers its clients with CLUSTERDOWN.",
        width=12,
        height=9,
        words={0: ("fail", BAD), 1: ("ok", GOOD)},
    ),
    Panel(
        "Slots of each member",
        [(f"max by (addr) (quorum_redis_cluster_slots{{{ONE}}}) > 0", "{{addr}}")],
        about="From the facts of the hosts, once a minute. A shard that moves to another primary takes its line along.",
        width=12,
        height=9,
    ),
    Panel(
        "Slots that are not served, as each member says",
        [
            (f"max by (addr) (16384 - redis_cluster_slots_ok{{{OF_NODES}}}) > 0", "{{addr}}"),
            (f"max by (addr) (redis_cluster_slots_fail{{{OF_NODES}}}) > 0", "failed, {{addr}}"),
            (f"max by (addr) (redis_cluster_slots_pfail{{{OF_NODES}}}) > 0", "perhaps failed, {{addr}}"),
        ],
    ),
    Panel(
        "Epoch of the cluster",
        [(f"max by (addr) (redis_cluster_current_epoch{{{OF_NODES}}})", "{{addr}}")],
        about="A step is a failover or a slot that went to another shard.",
    ),
    Panel("Members that each one knows", [(f"max by (addr) (redis_cluster_known_nodes{{{OF_NODES}}})", "{{addr}}")]),
    Panel(
        "Problems that quorum.redis.status names",
        [(f"max by (code) (quorum_redis_problems{{{ONE}}})", "{{code}}")],
    ),
    Panel(
        "Behind the primary",
        [
            (
                f"label_replace(max by (addr) (redis_master_repl_offset{{{OF_NODES}}}), "
                '"shard", "$1", "addr", "(.+)") '
                "- on (shard) group_right () max by (addr, shard) (label_join("
                f'redis_slave_repl_offset{{{OF_NODES}}}, "shard", ":", "master_host", "master_port"))',
                "{{addr}}",
            )
        ],
        unit="bytes",
        about="Members with an IPv6 address are not compared.",
    ),
    Panel("Keys", [(f"sum by (addr) (redis_db_keys{{{OF_NODES}}})", "{{addr}}")]),
    Panel(
        "Memory",
        [
            (f"redis_memory_used_bytes{{{OF_NODES}}}", "{{addr}}"),
            (f"redis_memory_max_bytes{{{OF_NODES}}} > 0", "maxmemory of {{addr}}"),
        ],
        unit="bytes",
    ),
    Panel(
        "Commands",
        [(f"rate(redis_commands_processed_total{{{OF_NODES}}}[$__rate_interval])", "{{addr}}")],
        unit="ops",
    ),
    Panel(
        "Errors by kind",
        [(f"sum by (err) (rate(redis_errors_total{{{OF_NODES}}}[$__rate_interval]))", "{{err}}")],
        unit="ops",
        about="MOVED and ASK are how a client learns where a slot is. " + ASKED,
    ),
    Panel(
        "Messages on the bus",
        [(f"sum by (addr) (rate(redis_cluster_messages_sent_total{{{OF_NODES}}}[$__rate_interval]))", "{{addr}}")],
        unit="ops",
    ),
]
VARIABLES = {"deployment": 'label_values(up{job="redis"}, deployment)'}
DASHBOARDS = {
    "deployment": ("Redis and Valkey: deployment", OVERVIEW, VARIABLES),
    "set": (
        "Redis and Valkey: one set",
        SET,
        {**VARIABLES, "set": 'label_values(up{job="redis", deployment="$deployment"}, set)'},
    ),
    "cluster": (
        "Redis and Valkey: one cluster",
        CLUSTER,
        {
            "deployment": 'label_values(up{job="redis_cluster"}, deployment)',
            "set": 'label_values(up{job="redis_cluster", deployment="$deployment"}, set)',
        },
    ),
}


def panel(one: Panel, number: int, across: int, down: int) -> dict[str, Any]:
    """Return a panel as Grafana reads it."""
    instant = one.kind in ("table", "stat")
    letters = [chr(ord("A") + count) for count in range(len(one.queries))]
    defaults: dict[str, Any] = {"unit": one.unit, "mappings": []}
    if one.words:
        words = {str(value): {"text": text, "color": colour} for value, (text, colour) in one.words.items()}
        defaults["mappings"] = [{"type": "value", "options": words}]
    found: dict[str, Any] = {
        "id": number,
        "title": one.title,
        "description": one.about,
        "type": one.kind,
        "datasource": SOURCE,
        "gridPos": {"x": across, "y": down, "w": one.width, "h": one.height},
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "targets": [
            {
                "refId": letter,
                "datasource": SOURCE,
                "expr": expression,
                "legendFormat": legend,
                "instant": instant,
                "range": not instant,
                "format": "table" if one.kind == "table" else "time_series",
            }
            for letter, (expression, legend) in zip(letters, one.queries, strict=True)
        ],
    }
    if one.kind == "table":
        names = {f"Value #{letter}": legend for letter, (_expression, legend) in zip(letters, one.queries, strict=True)}
        found["transformations"] = [
            {"id": "merge", "options": {}},
            {"id": "organize", "options": {"excludeByName": {"Time": True}, "renameByName": names}},
        ]
        found["fieldConfig"]["overrides"] = [
            {"matcher": {"id": "byName", "options": name}, "properties": [{"id": "unit", "value": unit}]}
            for name, unit in (one.units or {}).items()
        ]
    if one.kind == "stat":
        found["options"] = {"textMode": "value_and_name", "colorMode": "background" if one.words else "value"}
    return found


def dashboard(name: str) -> dict[str, Any]:
    """Return a dashboard as Grafana reads it."""
    title, panels, variables = DASHBOARDS[name]
    drawn, across, down, height = [], 0, 0, 0
    for number, one in enumerate(panels, 1):
        if across + one.width > WIDTH:
            across, down, height = 0, down + height, 0
        drawn.append(panel(one, number, across, down))
        across, height = across + one.width, max(height, one.height)
    chosen: list[dict[str, Any]] = [
        {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus"}
    ]
    chosen += [
        {
            "name": variable,
            "type": "query",
            "datasource": SOURCE,
            "query": {"query": query, "refId": variable},
            "definition": query,
            "refresh": 2,
            "sort": 1,
        }
        for variable, query in variables.items()
    ]
    return {
        "uid": f"quorum-redis-{name}",
        "title": title,
        "tags": ["quorum-redis"],
        "schemaVersion": 39,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": chosen},
        "links": [{"type": "dashboards", "title": "Redis and Valkey", "tags": ["quorum-redis"], "includeVars": True}],
        "panels": drawn,
    }


def main() -> int:
    """Write or compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing")
    check = parser.parse_args().check
    stale = []
    for name in DASHBOARDS:
        path = PLACE / f"quorum-redis-{name}.json"
        wanted = json.dumps(dashboard(name), indent=1) + "\n"
        if not path.exists() or path.read_text(encoding="utf-8") != wanted:
            stale.append(path.name)
            if not check:
                path.write_text(wanted, encoding="utf-8")
    if stale:
        print(f"{'out of date, run tools/dashboards.py' if check else 'written'}: {', '.join(stale)}")
    return int(bool(stale) and check)


if __name__ == "__main__":
    sys.exit(main())
