# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From one password to users of our own, by plain runs of site.yml; the tests build on each other, in this order."""

from __future__ import annotations

from typing import Any

import pytest
import redis
from deployment import DataSet, connect, given, paths_with, until
from lab import Lab
from rotating import forced_anew, nothing_fails, refuses, renewed

HOSTS = ["u1", "u2", "u3"]
PASSWORD, SENTINEL_PASSWORD = "server-Rk2mW8", "sentinel-Yh6tQ4"
SECRETS = {job: f"{job}-Vn4sL7" for job in ("operator", "replication", "sentinel", "monitoring", "backup")}
USERS: list[dict[str, Any]] = [
    {"name": "default", "enabled": False},
    {"name": "app", "passwords": ["app-Dc9xB3"], "keys": ["*"]},
    *({"name": f"our-{job}", "job": job, "passwords": [secret]} for job, secret in SECRETS.items()),
]


@pytest.fixture(scope="module")
def main(lab: Lab) -> DataSet:
    """Return the data set, to which the application writes as its user as soon as there is one."""
    found = DataSet(lab, HOSTS, PASSWORD, HOSTS, SENTINEL_PASSWORD)
    found.writer = ("app", "app-Dc9xB3", PASSWORD)
    return found


def as_operator(main: DataSet) -> None:
    main.username, main.password = "our-operator", SECRETS["operator"]


def test_check_mode_shows_the_users_and_makes_none(lab: Lab, main: DataSet) -> None:
    run = lab.run_playbook("site", "--check", "--diff", *given(redis_acl_users=USERS)).expect()
    assert run.changed > 0 and "user our-replication on #" in run.stdout
    assert not [secret for secret in [*SECRETS.values(), "app-Dc9xB3", PASSWORD] if secret in run.stdout]
    assert {len(main.ask(host, "ACL", "LIST")) for host in HOSTS} == {1}


def test_the_default_user_goes_without_a_restart_and_without_a_lost_write(lab: Lab, main: DataSet) -> None:
    processes, primary = main.run_ids(), main.settled()
    with main.watched() as roles:
        with main.written():
            lab.run_playbook("site", *given(redis_acl_users=USERS)).expect()
            as_operator(main)
        roles.stop()
    assert main.run_ids() == processes and main.settled() == primary
    for host in HOSTS:
        with pytest.raises(redis.exceptions.AuthenticationError):
            DataSet(lab, HOSTS, PASSWORD).ask(host, "PING")
        assert main.setting(host, "masteruser") == "our-replication"
    lab.run_playbook("site", *given(redis_acl_users=USERS)).expect(changed=0)
    lab.run_playbook("site", "--check", "--diff", *given(redis_acl_users=USERS)).expect(changed=0)
    lab.run_playbook("status", *given(redis_acl_users=USERS)).expect(changed=0)


def test_no_password_is_readable_or_more_on_the_disk_than_must_be(lab: Lab, main: DataSet) -> None:
    """Until its next start the file of the engine itself has the old password, because the server still knows it."""
    own = "/var/lib/redis/main/redis.conf"
    for host in HOSTS:
        assert paths_with(lab, host, [PASSWORD, "app-Dc9xB3", *SECRETS.values()]) == []
        assert paths_with(lab, host, ["app-Dc9xB3", SECRETS["operator"], SECRETS["backup"]], "root") == []
        assert {*paths_with(lab, host, [PASSWORD], "root")} <= {own}
    assert lab.sh("u2", "stat --format '%U %G %a' /etc/redis/main.acl") == "root redis 640"


def test_what_would_lock_the_replicas_out_is_refused(lab: Lab, main: DataSet) -> None:
    wrong = {"name": "our-replication", "passwords": [SECRETS["replication"]], "commands": ["+ping"]}
    users = [user for user in USERS if user["name"] != "our-replication"] + [wrong]
    before = {host: sorted(main.ask(host, "ACL", "LIST")) for host in HOSTS}
    run = lab.run_playbook("site", *given(redis_acl_users=users))
    assert not run.ok and run.changed == 0, run.stdout
    assert {host: sorted(main.ask(host, "ACL", "LIST")) for host in HOSTS} == before
    main.settled()


def test_a_planned_move_loses_nothing(lab: Lab, main: DataSet) -> None:
    old = main.settled()
    with main.watched() as roles, main.written():
        lab.run_playbook("failover", *given(redis_acl_users=USERS)).expect()
    roles.expect_one_primary(planned=True)
    assert main.settled() != old


def test_a_crash_is_survived_and_the_next_run_has_nothing_to_do(lab: Lab, main: DataSet) -> None:
    """The killed server comes back through its start guard, with its users, as a replica."""
    as_app = DataSet(lab, HOSTS, "app-Dc9xB3", HOSTS, SENTINEL_PASSWORD)
    as_app.username = "app"
    as_app.fill(1000)
    old = main.settled()
    with main.watched() as roles:
        lab.sh(old, "kill -9 $(systemctl show --property MainPID --value redis-server@main)")
        until(lab, "Sentinel promotes another member", lambda: set(main.primaries()) - {old})
        new = main.settled()
    roles.expect_one_primary()
    assert new != old
    as_app.holds(1000)
    assert "our-backup" in str(main.ask(old, "ACL", "LIST"))
    assert paths_with(lab, old, [PASSWORD], "root") == []
    lab.run_playbook("site", *given(redis_acl_users=USERS)).expect(changed=0)


def test_a_backup_comes_back_by_these_users(lab: Lab, main: DataSet) -> None:
    """The backup is made by the user whose job that is, the restore by the operator and the replication user."""
    as_app = DataSet(lab, HOSTS, "app-Dc9xB3", HOSTS, SENTINEL_PASSWORD)
    as_app.username = "app"
    primary = main.settled()
    lab.run_playbook("backup", *given(redis_acl_users=USERS)).expect()
    assert as_app.ask(primary, "DEL", *[f"filled:{number}" for number in range(1000)]) == 1000
    wish = given(redis_acl_users=USERS, redis_restore_instance="main", redis_restore_confirm="main")
    lab.run_playbook("restore", *wish).expect()
    assert main.settled() == primary
    as_app.holds(1000)
    lab.run_playbook("site", *given(redis_acl_users=USERS)).expect(changed=0)


def test_every_user_gets_a_new_password(lab: Lab, main: DataSet) -> None:
    """A client that knows the previous one only is named, and nothing is taken away; one that knows both goes on."""
    changed = [user for user in USERS if "passwords" in user]
    both, later = renewed(USERS)
    primary, processes = main.settled(), main.run_ids()
    stale = connect(lab.host_ip(primary), 6379, "app-Dc9xB3", username="app")
    stale.client_setname("shop")
    with nothing_fails(main, "new passwords of all users", "app", ["app-Dc9xB3-2", "app-Dc9xB3"], [SENTINEL_PASSWORD]):
        run = lab.run_playbook("rotate", *given(redis_acl_users=both))
        assert not run.ok and "app from" in run.stdout and "named shop" in " ".join(run.stdout.split()), run.stdout
        for user in changed:
            assert refuses(lab, HOSTS, user["passwords"][0], SENTINEL_PASSWORD, user["name"]) == [False] * 6
        stale.close()
        lab.run_playbook("rotate", *given(redis_acl_users=both)).expect()
    for user in changed:
        word = user["passwords"][0]
        assert refuses(lab, HOSTS, word, SENTINEL_PASSWORD, user["name"]) == [True] * 3 + [False] * 3
        assert refuses(lab, HOSTS, f"{word}-2", SENTINEL_PASSWORD, user["name"]) == [False] * 6
    main.password += "-2"
    assert main.settled() == primary and main.run_ids() == processes
    forced_anew(main)
    lab.sh("u2", "systemctl restart redis-sentinel@sentinel")
    assert main.settled() == primary
    for users in (both, later):
        lab.run_playbook("site", *given(redis_acl_users=users)).expect(changed=0)
    lab.run_playbook("backup", *given(redis_acl_users=later)).expect()
