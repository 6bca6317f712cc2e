# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A set gets a newer engine from the packages of the next Debian, keeps every write, and raises no alarm."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from deployment import DataSet, given, until
from deployment.sharded import ShardedSet
from lab import ROOT, Lab
from ledger import Ledger
from measured import note
from patience import allowed
from watcher import RULES, Prometheus, find_port

PASSWORD, SENTINEL_PASSWORD = "upgrade-Ta4vR8", "upgrade-Nm6cX3"
# True of a machine that stands still for seconds, as one that is full of tests may.
OF_THE_MACHINE = {"RedisSentinelTilt", "RedisForkSlow"}


@dataclass
class Way:
    """From where to where a set goes."""

    hosts: list[str]
    watched: bool
    old: str
    new: str
    suite: str


WAYS = {
    "debian_12": Way(["u1", "u2", "u3"], True, "7.0", "8.0", "trixie"),
    "debian_11": Way(["o1", "o2"], False, "6.0", "7.0", "bookworm"),
}


@pytest.mark.parametrize("deployment", WAYS)
def test_set_is_upgraded_without_losing_a_write(lab: Lab, deployment: str, tmp_path: Path) -> None:
    """Each member runs the new version in the end, and neither a second run nor site.yml changes anything."""
    way = WAYS[deployment]
    sentinels = way.hosts if way.watched else []
    data_set = DataSet(lab, way.hosts, PASSWORD, sentinels, SENTINEL_PASSWORD)
    source = f"deb http://deb.debian.org/debian {way.suite} main"
    with ThreadPoolExecutor() as pool:
        add = f"echo '{source}' >/etc/apt/sources.list.d/next.list && apt-get -qq update"
        list(pool.map(lambda host: lab.sh(host, add, 120), way.hosts))
    assert versions(data_set) == {way.old}

    def run(playbook: str, **variables: Any) -> Any:
        only = given(redis_hosts=deployment, redis_version=way.new, **variables)
        return lab.run_playbook(playbook, *only).expect(changed=None if variables else 0)

    what = f"upgrade.yml, Redis {way.old} to {way.new}"
    cart = ShardedSet(lab, way.hosts, [7000, 7001], PASSWORD) if way.watched else None
    sharded = cart.written(f"{what}, a cluster") if cart else nullcontext()
    quiet = silent(lab, way.hosts, tmp_path) if way.watched else nullcontext()
    front = fronted(lab, what) if way.watched else nullcontext()
    with quiet, data_set.watched() as roles, data_set.waited(), data_set.written(what=what), sharded, front:
        told = run("upgrade", redis_upgrade_without_backup=True)
    assert ("main: the endpoint on u1 leads writes to u" in " ".join(told.stdout.split())) == way.watched
    roles.expect_one_primary(planned=True)
    roles.expect_one_down()
    assert versions(data_set) == {way.new}
    if cart:
        infos = [cart.ask(place, "INFO", "server") for place in cart.places]
        assert all(f"redis_version:{way.new}." in info for info in infos)
        assert len({primary.split(":")[0] for primary in cart.settled()}) == 3  # one on each host
    run("upgrade")
    run("site")


@contextmanager
def fronted(lab: Lab, what: str) -> Iterator[None]:
    """Write through the endpoint alone; each move of the primary, two at most, fails one operation of a writer."""
    ledger = Ledger("main", [], [(lab.host_ip("u1"), 7379)], PASSWORD, threads=2, rate=100)
    with ledger:
        yield
    report = ledger.report()
    note(f"{what}, through an endpoint", f"{report.in_a_line()}, {report.errors} operations failed")
    assert report.acknowledged > 100 and report.lost == 0, report
    assert report.errors <= allowed(4), report


@contextmanager
def silent(lab: Lab, hosts: list[str], folder: Path) -> Iterator[None]:
    """Let Prometheus watch a set and a cluster, with the rules as they are installed; only the move may be told."""
    subprocess.run([ROOT / "tools" / "prometheus"], check=True)
    shutil.copy(RULES, folder)
    given_to_it = lab.sh(hosts[0], "cat /etc/prometheus/quorum-redis/*.targets.json")
    (folder / "set.targets.json").write_text(given_to_it, encoding="utf-8")
    nodes = [f"{lab.host_ip(host)}:9100" for host in hosts]
    scraped = [
        {"job_name": "quorum-redis", "file_sd_configs": [{"files": ["*.targets.json"]}]},
        {"job_name": "node", "static_configs": [{"targets": nodes}]},
    ]
    often = {"scrape_interval": "5s", "evaluation_interval": "5s"}
    watching = {"global": often, "rule_files": ["*.rules.yml"], "scrape_configs": scraped}
    prometheus = Prometheus(folder, find_port(), watching)
    try:
        # Servers and Sentinels; members of the cluster; what each host finds of both, and whose slots are whose.
        seen = {
            'redis_up{job!="redis_cluster"} == 1': 6,
            'redis_up{job="redis_cluster"} == 1': 6,
            "quorum_redis_healthy == 1": 6,
            "quorum_redis_cluster_slots": 18,
        }
        for expression, count in seen.items():
            found = lambda e=expression, n=count: len(prometheus.list_series(e)) == n  # noqa: E731
            until(lab, f"Prometheus sees {count} of {expression}", found)
        yield
        assert set(prometheus.list_ever("firing")) - OF_THE_MACHINE == {"RedisPrimaryMoved"}
        note("pending while a set and a cluster were upgraded", ", ".join(prometheus.list_ever("pending")) or "nothing")
    finally:
        prometheus.stop()


def versions(data_set: DataSet) -> set[str]:
    """Return the minor versions of all servers and Sentinels."""
    servers = [data_set.info(host)["redis_version"] for host in data_set.hosts]
    said = [data_set.ask_sentinel(host, "INFO", "server") for host in data_set.sentinels]
    sentinels = [line.split(":")[1] for text in said for line in text.splitlines() if line.startswith("redis_version:")]
    assert len(sentinels) == len(data_set.sentinels)
    return {version.rpartition(".")[0] for version in servers + sentinels}
