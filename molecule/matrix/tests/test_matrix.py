# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every engine and release: deployed in one run, found right by the second, failing over and guarded."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis
from ansible_collections.quorum.redis.plugins.module_utils._model.acl_applications import PRESETS
from deployment import DataSet, Roles, connect, given, until
from deployment.matrix import HOSTS
from lab import Lab
from patience import LONG
from rotating import nothing_fails, refuses, renewed

RUNS = {
    "redis_6_0": ("redis", "6.0."),
    "redis_7_0": ("redis", "7.0."),
    "redis_8_0": ("redis", "8.0."),
    "valkey_8_0": ("valkey", "8.0."),
    "valkey_8_1": ("valkey", "8.1."),
    "source_redis": ("redis", "8."),
    "source_valkey": ("valkey", "9."),
}
PACKAGES = [name for name, hosts in HOSTS.items() if len(hosts) > 1]
PORTS = (16379, 36379)  # the defaults for TLS
PID = "systemctl show --property MainPID --value redis-server@main"
EVERYWHERE = given(redis_hosts="all:!localhost")
USERS: list[dict[str, Any]] = [  # as the inventory has them
    {"name": "default", "enabled": False},
    {"name": "app", "passwords": ["app-Wm6zK1"], "keys": ["*"]},
    {"name": "shop", "passwords": ["shop-Hn5wT8"], "preset": "celery", "prefix": "shop:"},
    {"name": "our-operator", "job": "operator", "passwords": ["operator-Pt4gN9"]},
    {"name": "our-replication", "job": "replication", "passwords": ["replication-Xs8bL2"]},
    {"name": "our-sentinel", "job": "sentinel", "passwords": ["sentinel-Vj3cR7"]},
]


@dataclass
class Crash:
    """How a set went through the death of its primary."""

    old: str
    new: str
    before: str
    after: str
    roles: Roles


@pytest.fixture(scope="module")
def sets(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> dict[str, DataSet]:
    """Return the data set of each deployment; where it comes from packages, as an application sees it."""
    ca = tmp_path_factory.mktemp("tls") / "ca.crt"
    ca.write_text(lab.sh("a1", "cat /etc/ssl/redis/ca.crt") + "\n")
    found = {name: DataSet(lab, hosts, "server-Jd5hC7", hosts, "sentinel-Bq1wE9") for name, hosts in HOSTS.items()}
    for one in (found[name] for name in [*PACKAGES, "source_valkey"]):
        one.ca, one.port, one.sentinel_port = str(ca), *PORTS
    for one in (found[name] for name in PACKAGES):
        one.username, one.password = "app", "app-Wm6zK1"
        one.writer = (one.username, one.password, "")
    return found


@pytest.fixture(scope="module")
def crashes(lab: Lab, sets: dict[str, DataSet]) -> dict[str, Crash]:
    """Kill the primary of every set at the same time, and see what each makes of it."""

    def crash(data_set: DataSet) -> Crash:
        data_set.fill(500)
        old = data_set.settled()
        before = data_set.run_ids()[old]
        # Two Sentinels that stand at the same moment get one vote each: here one of them is patient.
        patience = ("SENTINEL", "SET", data_set.name, "down-after-milliseconds")
        data_set.ask_sentinel(old, *patience, "30000")
        with data_set.watched() as roles:
            lab.sh(old, f"kill -9 $({PID})")
            until(lab, f"{old} runs again", lambda: data_set.run_ids()[old] != before)
            new = data_set.settled()
        data_set.ask_sentinel(old, *patience, "5000")
        return Crash(old, new, before, data_set.run_ids()[old], roles)

    with ThreadPoolExecutor(len(sets)) as pool:
        return dict(zip(sets, pool.map(crash, sets.values()), strict=True))


@pytest.mark.parametrize("deployment", HOSTS)
def test_declared_engine_and_version_run(sets: dict[str, DataSet], deployment: str) -> None:
    engine, version = RUNS[deployment]
    for host in HOSTS[deployment]:
        info = sets[deployment].info(host)
        assert ("valkey_version" in info) == (engine == "valkey")
        assert info.get("valkey_version", info["redis_version"]).startswith(version)


@pytest.mark.parametrize("deployment", HOSTS)
def test_set_is_whole(sets: dict[str, DataSet], deployment: str) -> None:
    assert sets[deployment].settled() == HOSTS[deployment][0]
    sets[deployment].fill(200, "first")
    sets[deployment].holds(200, "first")


@pytest.mark.parametrize("deployment", HOSTS)
def test_presets_are_what_they_say(lab: Lab, sets: dict[str, DataSet], deployment: str) -> None:
    """The run that deployed them had each proven by this engine; here is what clients see of it."""
    one = sets[deployment]

    def refused(name: str, *command: str) -> bool:
        with connect(lab.host_ip(one.hosts[0]), one.port, "preset-Rk2dM7", LONG, f"p-{name}", one.ca) as client:
            try:
                client.execute_command(*command)
            except redis.exceptions.NoPermissionError:
                return True
            return False

    assert [name for name in PRESETS if refused(name, "GET", "app:1")] == []
    assert [name for name in PRESETS if refused(name, "SET", "app:1", "x")] == ["reader"]
    assert [name for name in PRESETS if refused(name, "LPUSH", "app:q", "x")] == ["session", "reader"]
    assert [name for name in PRESETS if refused(name, "PUBLISH", "app:c", "x")] == ["cache", "session", "reader"]
    for command in (["GET", "other:1"], ["FLUSHALL"], ["SCRIPT", "FLUSH"]):
        assert [name for name in PRESETS if not refused(name, *command)] == [], command


@pytest.mark.parametrize("deployment", ["source_redis", "source_valkey"])
def test_source_build_runs_without_packages(lab: Lab, deployment: str) -> None:
    (host,) = HOSTS[deployment]
    assert lab.sh(host, f"readlink /proc/$({PID})/exe").startswith("/opt/quorum-redis/")
    assert lab.run(host, "dpkg --status redis-server || dpkg --status valkey-server").returncode != 0


def test_primaries_move_without_a_lost_write(lab: Lab, sets: dict[str, DataSet]) -> None:
    old = {name: sets[name].settled() for name in PACKAGES}
    with ExitStack() as stack:
        for name in PACKAGES:
            stack.enter_context(sets[name].written(what=f"{name}: move over TLS, beside four others"))
        lab.run_playbook("failover", *given(redis_hosts="packages")).expect()
    assert not [name for name in PACKAGES if sets[name].settled() == old[name]]


def test_backups_come_back(lab: Lab, sets: dict[str, DataSet]) -> None:
    for name in PACKAGES:
        sets[name].fill(300, "kept")
    lab.run_playbook("backup", *given(redis_hosts="packages")).expect()

    def restore(name: str) -> None:
        one = sets[name]
        assert one.ask(one.settled(), "DEL", *[f"kept:{number}" for number in range(300)]) == 300
        wish = given(redis_hosts=name, redis_restore_instance="main", redis_restore_confirm="main")
        lab.run_playbook("restore", *wish).expect()
        one.settled()
        one.holds(300, "kept")

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(restore, PACKAGES))


@pytest.mark.parametrize("deployment", PACKAGES)
def test_killed_primary_is_replaced_and_comes_back_as_replica(
    crashes: dict[str, Crash], sets: dict[str, DataSet], deployment: str
) -> None:
    crash = crashes[deployment]
    assert crash.new != crash.old
    assert crash.after != crash.before
    crash.roles.expect_one_primary()
    sets[deployment].holds(500)


@pytest.mark.parametrize("deployment", ["source_redis", "source_valkey"])
def test_killed_single_server_comes_back_with_its_data(
    crashes: dict[str, Crash], sets: dict[str, DataSet], deployment: str
) -> None:
    crash = crashes[deployment]
    assert crash.new == crash.old
    assert crash.after != crash.before
    sets[deployment].holds(500)


def test_a_backup_of_valkey_9_comes_back(lab: Lab, sets: dict[str, DataSet]) -> None:
    """Its RDB has a magic and a number of its own."""
    data_set = sets["source_valkey"]
    data_set.fill(300, "kept")
    lab.run_playbook("backup", *given(redis_hosts="source_valkey")).expect()
    told = json.loads(lab.sh("g1", "cat /var/backups/redis/main/*/manifest.json"))
    assert (told["engine"], told["rdb_version"] >= 80, told["verified"]["load"]) == ("valkey", True, "passed")
    data_set.ask("g1", "FLUSHALL")
    lab.run_playbook("restore", *given(redis_hosts="source_valkey", redis_restore_confirm="main")).expect(changed=1)
    data_set.holds(300, "kept")


def test_run_after_the_failovers_changes_nothing(lab: Lab, crashes: dict[str, Crash]) -> None:
    lab.run_playbook("site", *EVERYWHERE).expect(changed=0)


def test_version_that_cannot_be_had_is_refused(lab: Lab, sets: dict[str, DataSet]) -> None:
    processes = sets["redis_7_0"].run_ids()
    run = lab.run_playbook("site", *given(redis_hosts="redis_7_0", redis_version="7.4"))
    assert not run.ok and run.changed == 0
    assert "redis_version 7.4 of redis cannot be had" in " ".join(run.stdout.split())
    assert sets["redis_7_0"].run_ids() == processes


def test_other_version_of_what_runs_is_left_to_upgrade(lab: Lab, sets: dict[str, DataSet]) -> None:
    processes = sets["source_redis"].run_ids()
    run = lab.run_playbook("site", *given(redis_hosts="source_redis", redis_version="8.0.99"))
    assert not run.ok and run.changed == 0
    assert "quorum.redis.upgrade" in run.stdout
    assert sets["source_redis"].run_ids() == processes


def test_tarball_with_another_checksum_is_refused(lab: Lab, tmp_path: Path) -> None:
    parts = [{"name": "quorum.redis.redis", "tasks_from": part} for part in ("topology", "source")]
    play = {"hosts": "f1", "gather_facts": False, "tasks": [{"ansible.builtin.import_role": one} for one in parts]}
    (tmp_path / "build.yml").write_text(json.dumps([play]), encoding="utf-8")
    wrong = given(redis_version="8.0.99", redis_source_checksum="sha256:" + "0" * 64)
    run = lab.run_playbook(str(tmp_path / "build.yml"), *wrong)
    assert not run.ok
    assert "as redis_source_checksum says. Nothing was built" in " ".join(run.stdout.split())
    assert lab.run("f1", "test -e /opt/quorum-redis/redis-8.0.99/bin").returncode != 0


def test_what_a_sentinel_of_redis_6_0_cannot_have_is_refused_before_anything_changes(
    lab: Lab, sets: dict[str, DataSet]
) -> None:
    """Its users; the same run would have made one of the servers before it came to the Sentinels."""
    data_set, word = sets["redis_6_0"], "later-Hq8sTn"
    users = [*USERS, {"name": "later", "passwords": [word], "keys": ["later:*"]}]
    wish = {"redis_acl_users": users, "redis_sentinel_clients_passwords": ["client-Xv2mPd"]}
    run = lab.run_playbook("site", *given(redis_hosts="redis_6_0", **wish))
    assert not run.ok and run.changed == 0, run.stdout
    assert "has no users (/etc/redis/sentinel.conf)" in " ".join(run.stdout.split()), run.stdout
    refused = refuses(lab, data_set.hosts, word, data_set.sentinel_password, "later", PORTS, data_set.ca)
    assert refused == [True] * 2 + [False] * 2


def test_redis_6_0_changes_all_passwords_but_that_of_its_sentinels(lab: Lab, sets: dict[str, DataSet]) -> None:
    """Such a Sentinel knows one password, which is said before anything changes."""
    one, wish = sets["redis_6_0"], {"redis_hosts": "redis_6_0"}
    primary, processes, word = one.settled(), one.run_ids(), one.sentinel_password
    more = {"redis_sentinel_password": f"{word}-2", "redis_sentinel_password_previous": word}
    run = lab.run_playbook("rotate", *given(**wish, **more))
    assert not run.ok and run.changed == 0, run.stdout
    assert "a Sentinel of Redis 6.0 knows one password only" in " ".join(run.stdout.split())
    both, later = renewed(USERS)
    with nothing_fails(one, "redis_6_0: new passwords over TLS", "app", ["app-Wm6zK1", "app-Wm6zK1-2"], [word]):
        lab.run_playbook("rotate", *given(**wish, redis_acl_users=both, redis_rotate_ignore_clients=True)).expect()
    for users, refused in ((USERS, True), (later, False)):
        for user in users[1:]:
            said = refuses(lab, one.hosts, user["passwords"][0], word, user["name"], PORTS, one.ca)
            assert said == [refused] * 2 + [False] * 2, user["name"]
    one.password += "-2"
    assert one.settled() == primary and one.run_ids() == processes
    lab.run_playbook("site", *given(**wish, redis_acl_users=later)).expect(changed=0)
