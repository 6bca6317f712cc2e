# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A new password takes the place of the previous one on every member of a cluster, while clients write."""

from __future__ import annotations

import getpass
from typing import Any, Dict, List

import redis
from ledger.cluster_writer import ClusterWriter, tags_of
from measured import note

from .conftest import PASSWORD, Answer, Lab, Server, wait_until
from .test_cluster import NODE_TIMEOUT, options, start

OLD, NEW = PASSWORD, "new-of-the-cluster"
WHO = getpass.getuser()
TAGS = tags_of("r", range(16384), 60)


def step(lab: Lab, servers: List[Server], server: Server, module: str, phase: str = "open") -> Answer:
    """Run one module for one member, as rotate.yml does."""
    label, folder = server.directory.name, server.directory
    places = [{"host": s.directory.name, "address": s.address, "port": s.port} for s in servers if s is not server]
    given: Dict[str, Any] = {"name": label, "owner": WHO, "group": WHO, "user": WHO, "binary": lab.engine.binary}
    given.update(host=server.address, port=server.port, password=[NEW, OLD], previous=phase, ignore_clients=True)
    given["path"] = str(folder / f"{label}.{'acl' if module == 'acl' else 'conf'}")
    if module == "acl":
        default = {"name": "default", "passwords": [NEW], "passwords_previous": [OLD], "passwords_only": True}
        logins = {job: {"username": "", "password": NEW} for job in ("operator", "replication")}
        return lab.run("acl", **given, users=[default], logins=logins, members=places, wait=60)
    lines: Dict[str, Any] = {
        "port": server.port,
        "bind": "127.0.0.1",
        "dir": str(folder),
        "save": "",
        "appendonly": "no",
    }
    lines.update(
        {"repl-diskless-sync-delay": 0, "repl-timeout": 10, "repl-ping-replica-period": 3, "cluster-enabled": "yes"}
    )
    lines.update({"cluster-config-file": "nodes.conf", "cluster-node-timeout": NODE_TIMEOUT})
    lines.update({"cluster-announce-ip": "127.0.0.1", "cluster-allow-replica-migration": "no"})
    lines.update(zip(*[iter(server.call("CONFIG", "GET", "cluster-port"))] * 2, strict=True))
    guard = {"address": "127.0.0.1", "members": places, "sentinels": [], "policy": "wait", "wait": 1, "cluster": True}
    given.update(parameters=lines, guard={**guard, "acl": True}, rotating=True, kind="server")
    given.update(secrets={"requirepass": NEW, "masterauth": NEW}, guard_secrets={"password": NEW})
    return lab.run("config", **given)


def opened_by(server: Server, word: str) -> bool:
    """Tell whether a password opens a server."""
    try:
        with redis.Redis(host=server.address, port=server.port, password=word, protocol=2, driver_info=None) as client:
            return bool(client.ping())
    except redis.exceptions.AuthenticationError:
        return False


def linked(servers: List[Server]) -> bool:
    """Tell whether every replica has a link to its primary."""
    infos = [one.info() for one in servers]
    return sum(info.get("master_link_status") == "up" for info in infos) == 3


def writer(servers: List[Server], word: str) -> ClusterWriter:
    """Return a client that writes with a password."""
    found = ClusterWriter([(one.address, one.port) for one in servers], word, TAGS)
    found.start()
    found.more(50)
    return found


def test_every_member_gets_a_new_password_while_clients_write(lab: Lab) -> None:
    """A slot moves half-way through; what is open or silent is refused; nobody is cut off or left with the old one."""
    servers = [start(lab, f"c{number}") for number in range(1, 7)]
    servers[0].call("CLUSTER", "ADDSLOTS", *range(5500))  # more than its share, but not by 2 %
    done = lab.run("cluster", **options(servers))
    assert not done.failed, done.text
    both = options(servers, password=[NEW, OLD])
    ids = [one.info()["run_id"] for one in servers]

    # A slot that is on its way is only named by a run that does not care, and stops one that would disturb it.
    nodes = [one.call("CLUSTER", "MYID") for one in servers]
    servers[1].call("CLUSTER", "SETSLOT", 7, "IMPORTING", nodes[0])
    servers[0].call("CLUSTER", "SETSLOT", 7, "MIGRATING", nodes[1])
    assert not lab.run("cluster", **both).failed
    refused = lab.run("cluster", check=True, **both, whole=True)
    assert refused.failed and "slot 7 of c1 is migrating to c2" in refused.msg, refused.text
    for one in servers[:2]:
        one.call("CLUSTER", "SETSLOT", 7, "STABLE")

    old = writer(servers, OLD)
    for number, server in enumerate(servers):
        answers = [step(lab, servers, server, "acl")]
        assert answers[0].changed and not answers[0].failed, answers[0].text
        if number == 0:
            early = step(lab, servers, server, "config")
            assert early.failed and "c2" in early.msg and not early.changed, early.text
            # The first one knows both by now, the others only the old one: its keys are let in there all the same.
            keys = [one for one in TAGS if servers[0].call("CLUSTER", "KEYSLOT", one) < 5500]
            slot = int(servers[0].call("CLUSTER", "KEYSLOT", keys[0]))
            servers[1].call("CLUSTER", "SETSLOT", slot, "IMPORTING", nodes[0])
            servers[0].call("CLUSTER", "SETSLOT", slot, "MIGRATING", nodes[1])
            finished = lab.run("cluster", **both, rebalance=True)
            assert not finished.failed and finished["moved"]["slots"] == 1, finished.text
    for server in servers:
        answer = step(lab, servers, server, "config")
        assert answer.changed and not answer.failed, answer.text
        assert server.call("CONFIG", "GET", "masterauth")[1] == NEW
    for server in servers:
        assert opened_by(server, OLD) and opened_by(server, NEW)
        again = [step(lab, servers, server, module) for module in ("acl", "config")]
        assert not any(answer.changed or answer.failed for answer in again), again

    missing = old.lost()
    new = writer(servers, NEW)
    servers[5].call("CONFIG", "REWRITE")
    servers[5].stop()
    refused = lab.run("cluster", check=True, **both, whole=True)
    assert refused.failed and "c6" in refused.msg and "Nothing was changed" in refused.text, refused.text
    servers[5].start()
    wait_until("all replicas have a link", lambda: linked(servers))

    for phase in ("prove", "close"):
        assert not lab.run("cluster", check=True, **both, whole=True).failed
        answers = [step(lab, servers, server, "acl", phase) for server in servers]
        assert [a.text for a in answers if a.failed] == []
        assert [a.changed for a in answers] == [phase == "close"] * 6
    for server in servers:
        server.password = NEW
        assert opened_by(server, NEW) and not opened_by(server, OLD)
    assert [one.info()["run_id"] for one in servers[:5]] == ids[:5]
    for server in servers:
        server.call("CLIENT", "KILL", "TYPE", "replica")
    wait_until("all replicas have a link again", lambda: linked(servers))
    moved = lab.run("cluster", **options(servers, password=NEW, promote=["c4"]))
    assert not moved.failed and moved.changed, moved.text
    new.more(50)
    missing += new.lost()
    assert missing == []
    gap = max(old.gap, new.gap) * 1000
    note("new password of a cluster", f"{old.acknowledged + new.acknowledged} writes, 0 lost, longest gap {gap:.0f} ms")
