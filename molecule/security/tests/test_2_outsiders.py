# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is shut out: strangers in the network, ordinary users of a member, and users with another job."""

from __future__ import annotations

import redis
from deployment import DataSet, until
from deployment.outsider import BEYOND_AN_APPLICATION, BEYOND_ASKING, cannot_replicate, is_held, is_shut_out
from lab import Lab
from redis.sentinel import Sentinel

OTHERS = "setpriv --reuid=nobody --regid=nogroup --clear-groups"


def test_without_credentials_nothing_answers(main: DataSet) -> None:
    is_shut_out(main)


def test_the_server_of_a_stranger_cannot_become_a_replica(lab: Lab, main: DataSet) -> None:
    lab.sh("stranger", "apt-get install --yes redis-server && systemctl stop redis-server")
    cannot_replicate(main, "stranger")


def test_users_can_do_their_job_only(main: DataSet, secrets: dict[str, str]) -> None:
    is_held(main, "app", secrets["app"], BEYOND_AN_APPLICATION)
    data = [("GET", "k1"), ("SET", "k1", "v"), ("DEL", "k1"), ("EVAL", "return 1", "0")]
    is_held(main, "our-monitoring", secrets["monitoring"], [*data, ("CONFIG", "GET", "*"), ("REPLICAOF", "NO", "ONE")])
    more = [("CONFIG", "GET", "*"), ("REPLICAOF", "NO", "ONE"), ("ACL", "LIST"), ("SHUTDOWN", "NOSAVE")]
    is_held(main, "our-replication", secrets["replication"], [*data, *more])
    is_held(main, "our-backup", secrets["backup"], [*data, *more[1:]])
    is_held(main, "our-sentinel", secrets["sentinel"], [*data, ("CONFIG", "GET", "*"), ("ACL", "LIST")])
    is_held(main, "our-operator", secrets["operator"], [*data, ("SHUTDOWN", "NOSAVE"), ("MODULE", "LOAD", "/srv/x.so")])


def test_an_application_finds_the_primary_and_can_do_nothing_else_on_sentinels(
    lab: Lab, main: DataSet, secrets: dict[str, str]
) -> None:
    is_held(main, "client", secrets["clients"], BEYOND_ASKING, main.sentinel_port)
    login = {"username": "client", "password": secrets["clients"]}
    ends = [(lab.host_ip(host), main.sentinel_port) for host in main.sentinels]
    library = Sentinel(ends, sentinel_kwargs=login, username="app", password=secrets["app"])
    application = library.master_for("main", socket_timeout=2, decode_responses=True)
    old = main.settled()
    assert library.discover_master("main")[0] == lab.host_ip(old) and len(library.discover_slaves("main")) == 2
    application.set("asked", "before")
    with redis.Redis(host=ends[0][0], port=ends[0][1], decode_responses=True, **login) as listener:
        events = listener.pubsub(ignore_subscribe_messages=True)
        events.psubscribe("+switch-master")
        events.get_message(timeout=2)
        main.order_failover(old)
        told = until(lab, "the application hears of the new primary", lambda: events.get_message(timeout=1))
        assert told["data"].split()[:2] == ["main", lab.host_ip(old)]
        events.close()
    new = main.settled()
    assert new != old and library.discover_master("main")[0] == lab.host_ip(new)
    assert application.set("asked", "after") and main.count(new) > 0


def test_an_ordinary_user_of_a_member_learns_nothing(lab: Lab, main: DataSet) -> None:
    for host in main.hosts:
        assert "NOAUTH" in lab.run(host, f"{OTHERS} redis-cli PING").stdout
        for path in ("/etc/redis", "/var/lib/redis", "/var/lib/redis/main", "/run/redis/main", "/var/backups/redis"):
            denied = lab.run(host, f"{OTHERS} ls {path} 2>&1").stdout
            assert "Permission denied" in denied or "No such file" in denied, f"{host}: {denied}"
        pid = lab.sh(host, "systemctl show --property MainPID --value redis-server@main")
        for what in ("environ", "mem", "maps"):
            assert "Permission denied" in lab.run(host, f"{OTHERS} cat /proc/{pid}/{what} 2>&1").stdout
        assert "main" not in lab.run(host, f"{OTHERS} journalctl --no-pager -u redis-server@main -n 5").stdout


def test_what_is_open_is_what_was_declared(lab: Lab, main: DataSet) -> None:
    for host in main.hosts:
        listening = lab.sh(host, "ss -Hltn | awk '{print $4}'").split()
        ours = {end for end in listening if end.endswith((":6379", ":26379"))}
        assert ours == {f"{at}:{port}" for at in (lab.host_ip(host), "127.0.0.1") for port in (6379, 26379)}
        others = {end.rpartition(":")[2] for end in listening} - {"6379", "26379"}
        assert others == {"22"}
        assert main.setting(host, "protected-mode") == "yes"
        for key in ("enable-debug-command", "enable-module-command", "enable-protected-configs"):
            assert main.setting(host, key) == "no"
