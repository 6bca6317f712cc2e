# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module acl on real servers: changes without a restart, refusals, and what our own users can and cannot do."""

from __future__ import annotations

import getpass
from typing import Any, Dict, List

import pytest
import redis

from .conftest import PASSWORD, Answer, Lab, Server, wait_until

JOBS = ["operator", "replication", "sentinel", "monitoring", "backup", "endpoint"]
OWN: List[Dict[str, Any]] = [{"name": f"q-{job}", "job": job, "passwords": [f"secret-of-{job}"]} for job in JOBS]
APP = {"name": "app", "passwords": ["secret-of-app"], "keys": ["app:*"], "commands": ["+@read", "+@write", "+ping"]}
OFF = {"name": "default", "enabled": False}
# A command that the job needs, and commands that it must not run.
CAN = {
    "operator": ["CONFIG GET dir", "CLIENT LIST", "ACL LIST", "INFO", "DBSIZE", "ROLE"],
    "replication": ["PING", "REPLCONF listening-port 1", "INFO"],
    "sentinel": ["PING", "INFO", "CONFIG REWRITE", "PUBLISH __sentinel__:hello x", "CLIENT SETNAME x"],
    "monitoring": [
        *("PING", "INFO", "ROLE", "DBSIZE", "SLOWLOG GET", "LATENCY LATEST", "MEMORY STATS", "CLIENT LIST"),
        *("CLIENT SETNAME x", "SLOWLOG LEN"),
    ],
    "backup": ["PING", "INFO", "LASTSAVE", "TIME", "CONFIG GET dir", "BGSAVE"],
    "endpoint": ["ROLE", "INFO replication"],
}
CANNOT = {
    "operator": ["GET x", "SET x 1", "FLUSHALL", "KEYS *", "EVAL return 0", "SHUTDOWN NOSAVE", "MONITOR"],
    "replication": ["GET x", "CONFIG GET dir", "REPLICAOF NO ONE", "ACL LIST", "FLUSHALL", "CLIENT LIST"],
    "sentinel": ["GET x", "CONFIG GET dir", "CONFIG SET maxmemory 0", "ACL LIST", "FLUSHALL", "SHUTDOWN NOSAVE"],
    "monitoring": ["GET x", "CONFIG GET dir", "SLOWLOG RESET", "CLIENT KILL TYPE normal", "KEYS *", "ACL LIST"],
    "endpoint": ["GET x", "PING", "CONFIG GET dir", "CLIENT LIST", "SUBSCRIBE x", "FLUSHALL", "ACL LIST"],
    "backup": ["GET x", "CONFIG REWRITE", "REPLICAOF NO ONE", "FLUSHALL", "SHUTDOWN NOSAVE", "ACL LIST"],
}


def logins(*duties: str) -> Dict[str, Dict[str, str]]:
    return {duty: {"username": f"q-{duty}", "password": f"secret-of-{duty}"} for duty in duties}


def acl(lab: Lab, server: Server, users: List[Dict[str, Any]], **options: Any) -> Answer:
    """Run the module as the role does: as the operator where that one is known, else with the password of all."""
    options = {
        "users": users,
        "username": "q-operator",
        "password": "secret-of-operator",
        "fallback_password": PASSWORD,
        "logins": logins("operator"),
        "wait": 60,
        **options,
    }
    who = getpass.getuser()
    options.update(host="127.0.0.1", port=server.port, path=str(server.directory / "main.acl"))
    options.update(owner=who, group=who, user=who, binary=lab.engine.binary)
    return lab.run("acl", name="main", **options)


def try_as(server: Server, user: str, command: str) -> str:
    """Return what a server says to a command of a user, as text; empty when it does not let the user run it."""
    with redis.Redis(
        port=server.port, username=user, password=f"secret-of-{user.removeprefix('q-')}", protocol=2
    ) as client:
        client.response_callbacks.clear()
        try:
            return str(client.execute_command(*command.split()) or "nothing")
        except (redis.exceptions.NoPermissionError, redis.exceptions.AuthenticationError):
            return ""
        except redis.exceptions.ResponseError as problem:
            return "" if "NOPERM" in str(problem) or "permission" in str(problem) else str(problem)


def test_own_users_can_do_their_job_and_nothing_else(lab: Lab) -> None:
    server = lab.server("main", password=PASSWORD)
    server.call("SET", "x", "1")
    done = acl(lab, server, OWN)
    assert done.changed and not done.failed, done.text
    assert sorted(done["users"]) == sorted(user["name"] for user in OWN)
    assert done["pending"] == []
    for job in JOBS:
        assert [command for command in CAN[job] if not try_as(server, f"q-{job}", command)] == []
        assert [command for command in CANNOT[job] if try_as(server, f"q-{job}", command)] == []
    assert server.call("GET", "x") == "1"
    assert not acl(lab, server, OWN).changed


def test_users_are_changed_at_run_time_and_written_as_hashes(lab: Lab) -> None:
    server = lab.server("main", password=PASSWORD)
    run_id = server.info()["run_id"]
    predicted = acl(lab, server, [*OWN, APP], check=True)
    assert predicted.changed and "app" in predicted["users"] and not (server.directory / "main.acl").exists()
    done = acl(lab, server, [*OWN, APP])
    assert done["steps"] == predicted["steps"]
    assert try_as(server, "app", "SET app:1 x")
    assert not try_as(server, "app", "SET other:1 x") and not try_as(server, "app", "CONFIG GET dir")
    file = server.directory / "main.acl"
    assert file.stat().st_mode & 0o777 == 0o640 and "secret-of" not in file.read_text()
    # By hand, and in another order, which means the same.
    server.call("ACL", "SETUSER", "app", "-@all", "+ping", "+@write", "+@read")
    assert not acl(lab, server, [*OWN, {**APP, "commands": ["+ping", "+@write", "+@read"]}]).changed
    server.call("ACL", "SETUSER", "app", "+config", "~*")
    put_right = acl(lab, server, [*OWN, APP])
    assert put_right["users"] == ["app"] and not try_as(server, "app", "CONFIG GET dir")
    fewer = acl(lab, server, [*OWN, {**APP, "passwords": ["another"], "commands": ["+get"]}])
    assert fewer.changed and "another" not in fewer.text and "secret-of" not in fewer.text.split("invocation")[0]
    assert not try_as(server, "app", "GET app:1")
    gone = acl(lab, server, [*OWN, {"name": "app", "state": "absent"}])
    assert gone["users"] == ["app"] and "app" not in file.read_text()
    assert "user app" not in " ".join(server.call("ACL", "LIST")) + server.config.read_text()
    assert server.info()["run_id"] == run_id
    assert not acl(lab, server, [*OWN, {"name": "app", "state": "absent"}]).changed


# What each kind of application sends, in its own words; `app:` is its prefix.
EVERY = ["PING", "INFO", "ROLE", "SELECT 0", "CLIENT SETNAME x", "GET app:1", "SCAN 0"]
WRITES = ["SET app:1 x", "MULTI", "EVAL return(1) 1 app:1", "SCRIPT LOAD return(1)", "DEL app:1"]
QUEUES = ["LPUSH app:q x", "BRPOP app:q 1", "XADD app:s * f x", "PUBLISH app:c x", "SUBSCRIBE app:c"]
OTHERS = ["GET other:1", "CONFIG GET dir", "FLUSHALL", "KEYS *", "SCRIPT FLUSH", "CLIENT LIST", "SHUTDOWN NOSAVE"]
MAY = {
    "application": [*EVERY, *WRITES, *QUEUES],
    "cache": [*EVERY, *WRITES],
    "session": [*EVERY, "SET app:1 x EX 9", "EXPIRE app:1 9", "DEL app:1"],
    "queue": [*EVERY, *WRITES, *QUEUES],
    "celery": [*EVERY, *WRITES, *QUEUES, "PSUBSCRIBE app:/0.celery.pidbox", "PSUBSCRIBE app:/0.celeryev/worker.*"],
    "reader": EVERY,
}
MAY_NOT = {
    "session": [*OTHERS, "LPUSH app:1 x", "EVAL return(1) 0"],
    "reader": [*OTHERS, "SET app:1 x", "DEL app:1"],
}


def test_presets_are_proven_and_let_applications_work(lab: Lab) -> None:
    server = lab.server("main", password=PASSWORD)
    version = tuple(int(part) for part in server.info()["redis_version"].split(".")[:2])
    users = [{"name": p, "passwords": [f"secret-of-{p}"], "preset": p, "prefix": "app:"} for p in MAY]
    channels = {"channels": ["app:*"]} if version >= (6, 2) else {}
    users.append({"name": "plain", "passwords": ["secret-of-plain"], "keys": ["app:*"], **channels})
    done = acl(lab, server, [*OWN, *users])
    assert done.changed and not done.failed, done.text
    functions = ["FUNCTION FLUSH", "FUNCTION DELETE x"] if version >= (7, 0) else []
    for name in [*MAY, "plain"]:
        assert [command for command in MAY.get(name, MAY["application"]) if not try_as(server, name, command)] == []
        assert [command for command in [*MAY_NOT.get(name, OTHERS), *functions] if try_as(server, name, command)] == []
    # One pattern is warned of, once: that which was written by hand.
    said = [str(text) for text in done.data.get("warnings", []) if "PSUBSCRIBE" in str(text)]
    if version >= (6, 2):
        assert len(said) == 1 and "app:*" in said[0] and "plain" in said[0], done.text
        assert not try_as(server, "plain", "PSUBSCRIBE app:x") and try_as(server, "plain", "PSUBSCRIBE app:*")
    login = {**server.endpoint(), "username": "q-operator", "password": "secret-of-operator"}
    refused = lab.run("instance_info", **login, refused_hours=24)["instance"]["refused"]
    assert ("reader", "command", "set") in {(one["user"], one["kind"], one["object"]) for one in refused}
    assert all(one["age"] < 3600 and one["times"] for one in refused) and "auth" not in {one["kind"] for one in refused}
    assert lab.run("instance_info", **login)["instance"]["refused"] == []
    assert "reader" in lab.run("instance_info", **login, refused_hours=24)["instance"]["users"]
    again = acl(lab, server, [*OWN, *users])
    assert not again.changed and "PSUBSCRIBE" not in str(again.data.get("warnings")), again.text


def test_what_is_not_declared_is_reported_and_removed_only_when_asked(lab: Lab) -> None:
    server = lab.server("main", password=PASSWORD)
    assert acl(lab, server, OWN).changed
    server.call("ACL", "SETUSER", "guest", "on", ">guest", "+get")
    told = acl(lab, server, OWN)
    assert not told.changed and told["undeclared"] == ["guest"] and "guest" in str(told.data["warnings"])
    assert acl(lab, server, OWN, purge=True)["users"] == ["guest"]
    assert "guest" not in " ".join(server.call("ACL", "LIST"))


@pytest.mark.parametrize(
    ("user", "words"),
    [
        ({**APP, "commands": ["+get", "+nosuch"]}, ["app", "+nosuch"]),
        ({**APP, "commands": ["+@nosuch"]}, ["app", "+@nosuch"]),
        (
            {"name": "q-operator", "passwords": ["secret-of-operator"], "commands": ["+@all", "-config"]},
            ["q-operator", "CONFIG"],
        ),
        ({"name": "q-operator", "passwords": ["another"], "commands": ["+@all"]}, ["q-operator", "password"]),
        ({"name": "q-operator", "enabled": False}, ["q-operator", "switched off"]),
        ({"name": "q-operator", "state": "absent"}, ["q-operator", "removed"]),
    ],
)
def test_a_bad_rule_and_a_lockout_change_nothing(lab: Lab, user: Dict[str, Any], words: List[str]) -> None:
    server = lab.server("main", password=PASSWORD)
    assert acl(lab, server, OWN).changed
    before, file = server.call("ACL", "LIST"), (server.directory / "main.acl").read_text()
    users = [own for own in OWN if own["name"] != user["name"]] + [{"name": "new", "passwords": ["x"]}, user]
    refused = acl(lab, server, users)
    assert refused.failed and not refused.changed, refused.text
    assert all(word in refused.msg for word in words), refused.msg
    assert (server.call("ACL", "LIST"), (server.directory / "main.acl").read_text()) == (before, file)


def sentinel_of(lab: Lab, primary: Server) -> Server:
    watcher = lab.sentinel("sentinel")
    for word in (
        ["MONITOR", "main", "127.0.0.1", str(primary.port), "1"],
        ["SET", "main", "auth-pass", PASSWORD, "down-after-milliseconds", "30000", "failover-timeout", "60000"],
    ):
        watcher.call("SENTINEL", *word)
    return watcher


def flags(watcher: Server) -> str:
    reply = watcher.call("SENTINEL", "MASTER", "main")
    return dict(zip(reply[::2], reply[1::2], strict=True))["flags"]


def denied(log: List[Any]) -> List[Any]:
    """Return what our own users were not allowed to do; that they were unknown at first is no such thing."""
    return [entry for entry in log if "q-" in str(entry) and entry[entry.index("reason") + 1] != "auth"]


def test_the_default_user_goes_when_nobody_depends_on_it(lab: Lab) -> None:
    """From one password to users of our own, while a replica and a Sentinel are at work; then Sentinel fails over."""
    primary, replica = (lab.server(name, password=PASSWORD) for name in ("one", "two"))
    replica.call("REPLICAOF", "127.0.0.1", primary.port)
    watcher = sentinel_of(lab, primary)
    wait_until("the replica is linked", lambda: replica.info().get("master_link_status") == "up")
    wait_until("Sentinel sees the replica", lambda: watcher.call("SENTINEL", "REPLICAS", "main"))
    both, users = (primary, replica), [*OWN, OFF]
    others = {
        one.port: [{"host": other.directory.name, "address": "127.0.0.1", "port": other.port}]
        for one, other in (both, both[::-1])
    }
    common = {"logins": logins("operator", "replication", "sentinel"), "sentinels": 1}

    first = acl(lab, primary, users, members=others[primary.port], **common)
    assert first["pending"] == ["default"] and first.changed
    # The other member does not know the users yet: the old rights stay.
    early = acl(lab, primary, users, members=others[primary.port], final=True, wait=2, **common)
    assert early.failed and "two" in early.msg and primary.call("PING")
    assert acl(lab, replica, users, members=others[replica.port], **common)["pending"] == ["default"]
    # Replica and Sentinel still log in as the default user: the old rights stay.
    early = acl(lab, primary, users, members=others[primary.port], final=True, wait=2, **common)
    assert early.failed and "default" in early.msg and primary.call("PING"), early.text
    wait_until("the replica is linked", lambda: replica.info().get("master_link_status") == "up")

    for server in both:
        server.call("CONFIG", "SET", "masteruser", "q-replication")
        server.call("CONFIG", "SET", "masterauth", "secret-of-replication")
    watcher.call("SENTINEL", "SET", "main", "auth-user", "q-sentinel")
    watcher.call("SENTINEL", "SET", "main", "auth-pass", "secret-of-sentinel")
    for server in both:
        last = acl(lab, server, users, members=others[server.port], final=True, **common)
        assert last["users"] == ["default"] and not last.failed, last.text
    for server in both:
        with pytest.raises(redis.exceptions.AuthenticationError):
            server.call("PING")
        again = acl(lab, server, users, members=others[server.port], **common)
        assert not again.changed and again["pending"] == [], again.text

    def ask(server: Server, *command: str) -> Any:
        with redis.Redis(
            port=server.port, username="q-operator", password="secret-of-operator", decode_responses=True, protocol=2
        ) as client:
            client.response_callbacks.clear()
            return client.execute_command(*command)

    wait_until("the link is up", lambda: "master_link_status:up" in ask(replica, "INFO", "replication"))
    wait_until("Sentinel sees the primary", lambda: flags(watcher) == "master")
    moved = lab.run(
        "failover",
        name="main",
        members=[place for places in others.values() for place in places],
        sentinels=[{"host": "s", "address": "127.0.0.1", "port": watcher.port}],
        username="q-operator",
        password="secret-of-operator",
        wait=120,
        limit=10000,
    )
    assert moved.changed and not moved.failed, moved.text
    assert ask(replica, "ROLE")[0] == "master"
    assert [entry for server in both for entry in denied(ask(server, "ACL", "LOG"))] == []
    watcher.call("SENTINEL", "SET", "main", "down-after-milliseconds", "3000", "failover-timeout", "5000")
    replica.stop(kill=True)
    wait_until("Sentinel promotes the other one", lambda: ask(primary, "ROLE")[0] == "master")
    assert denied(ask(primary, "ACL", "LOG")) == []


def test_credentials_move_only_when_every_member_lets_them_in(lab: Lab) -> None:
    one, two = (lab.server(name, password=PASSWORD) for name in ("one", "two"))
    two.call("REPLICAOF", "127.0.0.1", one.port)
    watcher = lab.sentinel("sentinel")
    places = [{"host": s.directory.name, "address": "127.0.0.1", "port": s.port} for s in (one, two)]
    who = getpass.getuser()

    def config() -> Answer:
        return lab.run(
            "config",
            host="127.0.0.1",
            port=one.port,
            password=PASSWORD,
            name="main",
            path=str(one.directory / "main.conf"),
            owner=who,
            group=who,
            user=who,
            binary=lab.engine.binary,
            parameters={
                "port": one.port,
                "dir": str(one.directory),
                "save": "",
                "repl-timeout": 10,
                "repl-ping-replica-period": 3,
                "masteruser": "q-replication",
            },
            secrets={"requirepass": None, "masterauth": "secret-of-replication"},
            guard={"address": "127.0.0.1", "members": places[1:], "sentinels": [], "policy": "wait", "wait": 1},
            allow_dangerous=False,
        )

    def watch() -> Answer:
        login = {"name": "main", "username": "q-operator", "password": "secret-of-operator"}
        return lab.run(
            "sentinel",
            port=watcher.port,
            state_file=str(watcher.config),
            masters=[{"name": "main", "members": places, "quorum": 1}],
            users={"main": "q-sentinel"},
            passwords={"main": "secret-of-sentinel"},
            logins=[{**login, "fallback_password": PASSWORD}],
            wait=120,
        )

    assert acl(lab, one, OWN).changed
    wait_until("the replica is linked", lambda: two.info().get("master_link_status") == "up")
    for refused in (config(), watch()):
        assert refused.failed and "two" in refused.msg and not refused.changed, refused.text
    assert one.call("CONFIG", "GET", "masteruser")[1] == "" and watcher.call("SENTINEL", "MASTERS") == []
    assert acl(lab, two, OWN).changed
    told = config()
    assert told.changed and not told.failed and "requirepass" not in told["live"], told.text
    assert one.call("CONFIG", "GET", "masteruser")[1] == "q-replication"
    assert "requirepass" not in (one.directory / "main.conf").read_text()
    assert not config().changed
    seen = watch()
    assert seen.changed and not seen.failed, seen.text
    assert not watch().changed
    assert "secret-of" not in told.text.split("invocation")[0] + seen.text.split("invocation")[0]
