# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The alerts for which hosts of the lab are not kept waiting, told by the fault itself: over TLS, and in a cluster.

Servers, a Sentinel, exporters, the program of the facts, node_exporter, Prometheus and Alertmanager are real, on
loopback. An alert has to last for ten seconds here where its rule says longer; QUORUM_LONGEST_FOR=3600 leaves all as
they are but one of a day.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import redis
import yaml
from ansible_collections.quorum.redis.plugins.module_utils._config.sentinel_client_user import client_rules
from ansible_collections.quorum.redis.plugins.module_utils._model.acl_presets import job_rules
from ansible_collections.quorum.redis.plugins.module_utils._model.monitoring import (
    build_exporters,
    facts_settings,
    list_targets,
)
from ansible_collections.quorum.redis.plugins.module_utils._model.versions import parse_version, running_version
from authority import Authority
from measured import note
from patience import LONG, allowed
from redis.backoff import NoBackoff
from redis.retry import Retry
from watcher import RULES, Alertmanager, Program, Prometheus, seconds_of

from .conftest import Lab, Server, engines, free_port, wait_until
from .test_backup import options as backup_options
from .test_facts import CLIENTS, EXPORTER, OPTIONS, PASSWORD, WATCH, Facts, program

__all__ = ["program"]
HOSTS = ("a", "b", "c")
LONGEST = float(os.environ.get("QUORUM_LONGEST_FOR", "10"))
SHORT = LONGEST < 60
SCRAPE = 5
LOOK = SCRAPE if SHORT else 60  # the timer of a host looks once a minute
LARGE = "x" * 300_000
SLOW = 0.5  # seconds of a fork
GATHERED = 15  # in which so much is written that it counts in a mean of ten minutes
QUIET = "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"
# What the others bring with them: a member that is gone, a link that is lost, a server that got no processor.
BESIDE = {"RedisServerDown", "RedisReplicaLinkDown", "RedisNoReplicaInSync", "RedisFullSyncAhead", "RedisNoPrimary"}
OF_THE_MACHINE = {"RedisSentinelTilt"}


class Scene(Facts):
    """Hosts a, b and c: a set on two with a Sentinel, one alone, a cluster of three; all with nothing but TLS."""

    def __init__(self, lab: Lab, program: Path, folder: Path) -> None:
        """Start servers and Sentinel, and let a user with the least rights in."""
        super().__init__(lab, program, "main")
        self.folder = folder
        self.authority = Authority(folder / "authority")
        self.pairs = {host: self.authority.issue(host, days=20) for host in HOSTS}
        self.primary = self.server("a", "main")
        self.replica = self.server("b", "copy", f"replicaof 127.0.0.1 {self.primary.port}")
        self.queue = self.server("c", "queue")
        watched = (f"sentinel monitor main 127.0.0.1 {self.primary.port} 1", f"sentinel auth-pass main {PASSWORD}")
        self.sentinel = lab.sentinel("watch", *watched, password=WATCH, **self.tls("a"))
        self.version = parse_version(running_version(self.primary.info()))
        self.sentinel.call("ACL", "SETUSER", "client", *client_rules([], self.version), f">{CLIENTS}")
        clustered = ("cluster-enabled yes", "tls-cluster yes", "cluster-node-timeout 4000")
        self.nodes = [self.server(host, f"cart-{host}", *clustered, f"cluster-port {free_port()}") for host in HOSTS]
        for server in (self.primary, self.replica, self.queue, *self.nodes):
            rules = job_rules("monitoring", self.version, cluster=server in self.nodes)
            server.call("ACL", "SETUSER", "exporter", "on", f">{EXPORTER}", *rules)
        members = self._members(dict(zip(HOSTS, self.nodes, strict=True)))
        secured = {**self.nodes[0].tls(), "password": PASSWORD, "wait": 120}
        made = lab.run("cluster", name="cart", members=members, replicas=0, **secured)
        assert not made.failed, made.text
        self.looks = {host: self._settings(host) for host in HOSTS}

    def tls(self, host: str) -> dict[str, Any]:
        """Return with what processes of a host prove who they are."""
        return {"ca": self.authority.ca, "own": self.pairs[host]}

    def server(self, host: str, name: str, *lines: str) -> Server:
        """Start a server of a host."""
        return self.lab.server(name, *lines, password=PASSWORD, **self.tls(host))

    @staticmethod
    def _members(servers: dict[str, Server]) -> list[dict[str, Any]]:
        return [{"host": host, "address": "127.0.0.1", "port": one.port} for host, one in servers.items()]

    def describe(self, host: str) -> dict[str, Any]:
        """Return the model of the deployment as one of its hosts has it."""
        sets = {"main": {"a": self.primary, "b": self.replica}, "queue": {"c": self.queue}}
        instances = [
            {
                "name": name,
                "members": self._members(of_set),
                "sentinel": name == "main",
                "local": host in of_set,
                "tls_port": of_set[host].port if host in of_set else 0,
            }
            for name, of_set in sets.items()
        ]
        of_cluster = self._members(dict(zip(HOSTS, self.nodes, strict=True)))
        node = self.nodes[HOSTS.index(host)]
        own = {"name": "cart-7000", "cluster": "cart", "port": node.port, "members": of_cluster, "local": True}
        cart = {
            "name": "cart",
            "members": of_cluster,
            "replicas": 0,
            "local": True,
            "places": [{**member, "zone": member["host"]} for member in of_cluster],
            "servers": [{"name": f"cart-{one.port}", "port": one.port} for one in self.nodes],
        }
        pair = self.pairs[host]
        secured = {"tls_port": self.sentinel.port} if host == "a" else {}
        return {
            "deployment": "redis",
            "instances": instances,
            "clusters": [cart],
            "servers": [*(one for one in instances if one["local"]), {**own, "tls_port": node.port}],
            "sentinel": {
                "name": "sentinel",
                "members": self._members({"a": self.sentinel}),
                "local": host == "a",
                **secured,
            },
            "tls": {"on": True, "ca": str(self.authority.ca), "cert": str(pair.cert), "key": str(pair.key)},
            "options": {
                **OPTIONS,
                "redis_tls_cert_file": str(pair.cert),
                "redis_tls_key_file": str(pair.key),
                "redis_backup_directory": str(self.folder / "backups"),
                "redis_monitoring_address": "127.0.0.1",
            },
        }

    def _settings(self, host: str) -> dict[str, Any]:
        login = {"monitoring": {"username": "exporter", "password": EXPORTER}}
        access = dict.fromkeys(("main", "queue", "cart", "cart-7000"), login)
        told = facts_settings(self.describe(host), access, {"password": WATCH, "clients": [CLIENTS]}, host, host != "b")
        for process in told["settings"]["processes"]:
            process["note"] = str(self.folder / f"{process['set']}.restart-wanted")
            process["pending"] = process["users"] = str(self.folder / "none")
        return {**told["settings"], **told["secrets"], "binary": self.lab.engine.binary}

    def write_facts(self) -> None:
        """Look from each host, as their timers do."""
        for host, settings in self.looks.items():
            self.settings = settings
            draft = self.folder / "textfile" / f".{host}"
            draft.write_text(self.look(), encoding="utf-8")
            draft.replace(draft.with_name(f"{host}.prom"))

    def back_up(self, name: str, server: Server, **more: Any) -> None:
        """Make a backup of a set."""
        given = backup_options(server, self.folder, name=name, **server.tls(), **more)
        made = self.lab.run("backup", **given)
        if "Run it again" in made.msg:
            made = self.lab.run("backup", **given)
        assert not made.failed, made.text


class Watch:
    """Exporters of each host, node_exporter, Prometheus and Alertmanager, as docs/monitoring.md lets them be."""

    def __init__(self, scene: Scene) -> None:
        """Start them."""
        self.scene, self.folder = scene, scene.folder
        (self.folder / "textfile").mkdir()
        ports = {host: (free_port(), free_port()) for host in HOSTS}
        self.started: list[Program] = []
        for host in HOSTS:
            self._export(host, ports[host])
        textfile = f"--collector.textfile.directory={self.folder}/textfile"
        arguments = ["--collector.disable-defaults", "--collector.textfile", textfile]
        node = self._begin("prometheus-node-exporter", free_port(), *arguments)
        self.alertmanager = Alertmanager(self.folder, free_port(), QUIET)
        groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))
        self.rules = {rule["alert"]: rule for group in groups["groups"] for rule in group["rules"] if "alert" in rule}
        for rule in self.rules.values():
            rule["for"] = f"{min(seconds_of(rule), LONGEST):.0f}s"
        for group in groups["groups"] if SHORT else []:
            group["interval"] = f"{SCRAPE}s"
        (self.folder / "short.rules.yml").write_text(json.dumps(groups), encoding="utf-8")
        told = {
            host: {
                "redis_monitoring_address": "127.0.0.1",
                "redis_monitoring_port": of_servers,
                "redis_monitoring_sentinel_port": of_sentinel,
            }
            for host, (of_servers, of_sentinel) in ports.items()
        }
        targets = list_targets(scene.describe("a"), told)
        (self.folder / "redis.targets.json").write_text(json.dumps(targets), encoding="utf-8")
        configuration = {
            "global": {"scrape_interval": f"{SCRAPE}s", "evaluation_interval": f"{SCRAPE}s"},
            "alerting": {"alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{self.alertmanager.port}"]}]}]},
            "rule_files": ["short.rules.yml"],
            "scrape_configs": [
                {"job_name": "quorum-redis", "file_sd_configs": [{"files": ["redis.targets.json"]}]},
                {"job_name": "node", "static_configs": [{"targets": [f"127.0.0.1:{node.port}"]}]},
            ],
        }
        self.prometheus = Prometheus(self.folder, free_port(), configuration)
        self.started += [self.alertmanager, self.prometheus]
        self.broken: dict[str, float] = {}
        self.told: dict[str, float] = {}

    def _begin(self, name: str, port: int, *arguments: str) -> Program:
        found = Program(name, self.folder, port, *arguments, ready="/metrics")
        self.started.append(found)
        return found

    def _export(self, host: str, ports: tuple[int, int]) -> None:
        topology = self.scene.describe(host)
        topology["options"].update(redis_monitoring_port=ports[0], redis_monitoring_sentinel_port=ports[1])
        login = {"monitoring": {"username": "exporter", "password": EXPORTER}}
        access = dict.fromkeys(("main", "queue", "cart", "cart-7000"), login)
        found = build_exporters(topology, access, {"password": WATCH, "clients": [CLIENTS]}, host)
        assert not found["problems"]
        for entry, port in zip(found["processes"], ports, strict=False):
            path = self.folder / f"{entry['name']}-{host}.json"
            path.write_text(json.dumps(entry["passwords"]), encoding="utf-8")
            arguments = [re.sub(r"/etc/quorum-redis/\S+", str(path), word) for word in entry["arguments"]]
            for source, copy in entry["copies"].items():
                arguments = [word.replace(copy, source) for word in arguments]
            self._begin("prometheus-redis-exporter", port, *(word for word in arguments if "-web.listen" not in word))

    def stop(self) -> None:
        """End all of them."""
        for one in self.started:
            one.stop()

    def sees(self, expression: str, count: int) -> bool:
        """Return whether Prometheus finds so many."""
        return len(self.prometheus.list_series(expression)) == count

    def breaks(self, *names: str) -> None:
        """Note that the fault of these alerts is there now."""
        self.broken.update(dict.fromkeys(names, time.monotonic()))

    def look(self) -> None:
        """Note what Alertmanager has been told."""
        for alert in self.alertmanager.list_alerts():
            self.told.setdefault(alert["labels"]["alertname"], time.monotonic())

    def wait(self, *names: str) -> None:
        """Wait until Alertmanager was told these."""
        longest = max(seconds_of(self.rules[name]) for name in names)
        wait_until("all are told", lambda: not self.list_missing(names), max(LONG, 2 * longest + 60))

    def list_missing(self, names: Iterable[str]) -> list[str]:
        """Return what was not told yet."""
        return sorted(set(names) - set(self.told))


@contextmanager
def repeating(*what: tuple[float, Callable[[], None]]) -> Iterator[None]:
    """Do these again and again, each after a rest of so many seconds, until the end."""
    over = threading.Event()

    def go_on(rest: float, one: Callable[[], None]) -> None:
        while not over.wait(rest):
            with suppress(redis.RedisError, OSError):
                one()

    threads = [threading.Thread(target=go_on, args=each) for each in what]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


def threads_of(pid: int) -> list[int]:
    """Return the threads of a process."""
    return [int(path.name) for path in Path(f"/proc/{pid}/task").iterdir()]


@contextmanager
def starved(server: Server, others: int) -> Iterator[None]:
    """Let a server have what other processes on its processor leave, as on a crowded hypervisor."""
    assert server.process
    pid, where = server.process.pid, {min(os.sched_getaffinity(0))}
    before = os.sched_getaffinity(pid)
    for task in threads_of(pid):
        os.sched_setaffinity(task, where)
        os.sched_setscheduler(task, os.SCHED_IDLE, os.sched_param(0))
    busy = ["taskset", "--cpu-list", str(*where), "timeout", "120", "sh", "-c", "while :; do :; done"]
    hogs = [subprocess.Popen(busy) for _ in range(others)]
    try:
        for hog in hogs:
            children = Path(f"/proc/{hog.pid}/task/{hog.pid}/children")
            wait_until("the hog", children.read_text)
        yield
    finally:
        for hog in hogs:
            hog.terminate()
            hog.wait()
        for task in threads_of(pid):
            os.sched_setscheduler(task, os.SCHED_OTHER, os.sched_param(0))
            os.sched_setaffinity(task, before)


def fork_slowly(server: Server) -> None:
    """Let a server fork while it has hardly any processor; how many others that takes depends on their own priority."""
    for number in range(80):
        server.call("SETRANGE", f"filler:{number}", 2_000_000, "x")
    for others in range(1, 9):
        wait_until("no other fork", lambda: server.info()["rdb_bgsave_in_progress"] == "0")
        with starved(server, others):
            with suppress(redis.ResponseError):  # it has begun one by itself meanwhile
                server.call("BGSAVE")
            slow = int(server.info()["latest_fork_usec"]) > SLOW * 1e6
        if slow:
            return
    pytest.fail(f"no fork took {SLOW} s")


def spoil_copies(scene: Scene) -> None:
    """Take a backup away, let one be unproven, let certificates end and be renewed unread, leave a restart undone."""
    shutil.rmtree(scene.folder / "backups" / "main")
    scene.back_up("queue", scene.queue, load=False)
    scene.authority.issue("c", days=13)
    scene.authority.issue("a", days=25)  # into the same files, and nobody reads them again
    (scene.folder / "queue.restart-wanted").touch()


def failed(server: Server, status: str) -> bool:
    """Return whether a server says that it could not do this."""
    return server.info()[status] == "err"


def lose_directory(server: Server) -> None:
    """Take its directory from a server, and let it fail to save and to rewrite."""
    shutil.rmtree(server.directory)
    for command, status in (("BGSAVE", "rdb_last_bgsave_status"), ("BGREWRITEAOF", "aof_last_bgrewrite_status")):
        with suppress(redis.ResponseError):  # some say so at once
            server.call(command)
        wait_until(f"{command} fails", partial(failed, server, status))


@pytest.mark.parametrize("engine", engines()[:1], ids=[one.name for one in engines()[:1]])
def test_what_takes_its_time_is_told(lab: Lab, program: Path, tmp_path: Path) -> None:
    scene = Scene(lab, program, tmp_path)
    scene.back_up("main", scene.primary)
    scene.back_up("queue", scene.queue)
    watch = Watch(scene)
    try:
        told_when_broken(scene, watch)
    finally:
        watch.stop()


def told_when_broken(scene: Scene, watch: Watch) -> None:
    """See that all is silent, then break it."""
    wait_until("the link", lambda: scene.replica.info()["master_link_status"] == "up")
    scene.write_facts()
    seen = {"redis_up == 1": 7, "quorum_redis_healthy == 1": 6, "quorum_redis_cluster_slots": 9}
    for expression, count in seen.items():
        wait_until(expression, partial(watch.sees, expression, count))
    assert watch.prometheus.list_ever("firing") == watch.prometheus.list_ever("pending") == []

    def misuse() -> None:
        scene.primary.call("SET", "large", LARGE)
        with scene.replica.client() as client:
            client.set_retry(Retry(NoBackoff(), 0))
            for command in (("SET", "more", "data"), ("AUTH", "default", "of-yesterday")):
                with suppress(redis.RedisError):
                    client.execute_command(*command)

    with repeating((LOOK, scene.write_facts), (0.3, watch.look)):
        fork_slowly(scene.queue)
        watch.breaks("RedisForkSlow")
        watch.wait("RedisForkSlow")  # before the next fork, of a backup, which is quick
        scene.queue.call("CONFIG", "SET", "maxmemory", int(int(scene.queue.info()["used_memory"]) * 1.1))
        watch.breaks("RedisMemoryNoEviction")
        scene.server("c", "stranger", f"replicaof 127.0.0.1 {scene.primary.port}")
        lose_directory(scene.replica)
        watch.breaks("RedisAofRewriteFails", "RedisSnapshotFails")
        scene.replica.call("CONFIG", "SET", "masterauth", "of-yesterday")
        scene.replica.call("CLIENT", "KILL", "TYPE", "master")
        scene.nodes[1].stop(kill=True)
        watch.breaks("RedisBacklogTooSmall", "RedisClientsWriteToReplica", "RedisWrongPasswords")
        with repeating((0.3, misuse)):
            wait_until("the replica is behind", lambda: bytes_behind(scene) > 1e6)
            watch.breaks("RedisReplicaLagGrows")
            spoil_copies(scene)
            watch.breaks("RedisBackupNone", "RedisBackupNotProven", "RedisRestartPending", "RedisNotAsDeclared")
            watch.breaks("RedisCertificateExpires", "RedisCertificateNotReloaded")
            wait_until("the cluster fails", lambda: "cluster_state:fail" in scene.nodes[0].call("CLUSTER", "INFO"))
            watch.breaks("RedisClusterDown")
            wait_until("Sentinel finds the stranger", lambda: knows_two(scene.sentinel))
            watch.breaks("RedisSentinelUnknownMembers")
            watch.wait(*watch.broken)
    late = {}
    for name, when in watch.broken.items():
        lasts = seconds_of(watch.rules[name])
        late[name] = watch.told[name] - when - lasts
        note(f"{name} told", f"{watch.told[name] - when:.0f} s after its fault; for: {lasts:.0f} s")
    assert not set(watch.told) - set(watch.broken) - BESIDE - OF_THE_MACHINE
    for name, seconds in late.items():
        # Two scrapes, one for the rule; facts are as old as the timer lets them be, and judged when it is their turn.
        rest = LOOK + (SCRAPE if SHORT else 30) if "quorum_redis_" in watch.rules[name]["expr"] else SCRAPE
        rest += GATHERED if name == "RedisBacklogTooSmall" else 0
        assert seconds <= allowed(2 * SCRAPE + rest), name


def bytes_behind(scene: Scene) -> int:
    """Return what the replica lacks."""
    offsets = (one.info()[f"{role}_repl_offset"] for one, role in ((scene.primary, "master"), (scene.replica, "slave")))
    written, has = map(int, offsets)
    return written - has


def knows_two(sentinel: Server) -> bool:
    """Return whether a Sentinel counts two replicas."""
    told = sentinel.call("SENTINEL", "MASTER", "main")
    return dict(zip(told[::2], told[1::2], strict=True))["num-slaves"] == "2"
