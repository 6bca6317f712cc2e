# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module cluster against real servers in cluster mode."""

from __future__ import annotations

import re
import threading
import time
from typing import Any

import pytest
import redis
from ledger.blocked import Blocked, all_wait
from measured import note

from .conftest import PASSWORD, Answer, Lab, Server, engines, free_port, wait_until

# Long enough for a server that gets no processor for a while, short enough to wait for a failover.
NODE_TIMEOUT = 6000
# Engines whose nodes know of shards.
SHARDS = [one for one in engines() if one.name == "valkey-server"]
WAITING = (
    ("BLPOP", "{b}none", "0"),
    ("BLMOVE", "{b}none", "{b}other", "LEFT", "RIGHT", "0"),
    ("XREADGROUP", "GROUP", "group", "me", "BLOCK", "0", "STREAMS", "{b}stream", ">"),
)


def start(lab: Lab, name: str, *more: str) -> Server:
    """Start a server in cluster mode, with the port of its bus not where it usually is, which others must be told."""
    later = [f"cluster-port {free_port()}", "cluster-allow-replica-migration no"]
    lines = [
        *([] if lab.engine.name.endswith("6.0") else later),
        "cluster-enabled yes",
        "cluster-config-file nodes.conf",
        f"cluster-node-timeout {NODE_TIMEOUT}",
        "cluster-announce-ip 127.0.0.1",
    ]
    return lab.server(name, *lines, *more, password=PASSWORD)


def options(servers: list[Server], **more: Any) -> dict[str, Any]:
    """Return the options for these servers, each on a host of its own that is named by its directory."""
    members = [{"host": one.directory.name, "address": one.address, "port": one.port} for one in servers]
    return {"name": "cart", "members": members, "password": PASSWORD, "wait": 120, **more}


def meet(one: Server, other: Server) -> None:
    """Let two servers know each other, as somebody would by hand."""
    bus = other.call("CLUSTER", "NODES").split()[1].split("@")[1].split(",")[0]
    one.call("CLUSTER", "MEET", "127.0.0.1", other.port, bus)

    def met() -> bool:
        views = [each.call("CLUSTER", "NODES") for each in (one, other)]
        return all(view.count("\n") == 2 and "handshake" not in view for view in views)

    wait_until("they know each other", met)


def owners(servers: list[Server]) -> list[str]:
    """Return what every member says about every node, without what changes by itself."""
    lines = [line.split() for one in servers for line in one.call("CLUSTER", "NODES").splitlines()]
    return sorted(" ".join([words[0], words[3], *words[8:]]) for words in lines)


def shape(answer: Answer) -> list[tuple[str, list[str]]]:
    """Return the shards as names."""
    return [(one["primary"]["host"], [each["host"] for each in one["replicas"]]) for one in answer["shards"]]


def unchanged(servers: list[Server]) -> list[Any]:
    """Return what a refused run must leave as it was: identity, primary and slots, how many are known, and keys."""
    views = [one.call("CLUSTER", "NODES") for one in servers]
    own = [next(line.split() for line in view.splitlines() if "myself" in line) for view in views]
    kept = [(words[0], words[3], words[8:], view.count("\n")) for words, view in zip(own, views, strict=True)]
    return [*kept, *(one.call("DBSIZE") for one in servers)]


@pytest.fixture
def six(lab: Lab) -> list[Server]:
    """Return six servers that know nobody."""
    return [start(lab, f"c{count}") for count in range(1, 7)]


def test_create_and_survive(lab: Lab, six: list[Server]) -> None:
    """Six servers become a cluster; a second run changes nothing, nor does one after a failover."""
    predicted = lab.run("cluster", check=True, **options(six))
    assert predicted.changed and len(predicted["steps"]) == 3 + 3 + 5 + 3, predicted.text
    assert all(one.call("CLUSTER", "NODES").count("\n") == 1 for one in six), "check mode changed something"
    done = lab.run("cluster", **options(six))
    assert done.changed and done["steps"] == predicted["steps"] and done["diff"] == predicted["diff"], done.text
    assert shape(done) == [("c1", ["c4"]), ("c2", ["c5"]), ("c3", ["c6"])]
    assert [one["slots"] for one in done["shards"]] == ["0-5460", "5461-10922", "10923-16383"]
    assert done["violations"] == done["moves"] == done["silent_members"] == []
    six[0].call("SET", "{b}1", "x")  # a slot of the first one
    for check in (False, True):
        again = lab.run("cluster", check=check, **options(six))
        assert not again.failed and not again.changed and again["steps"] == [], again.text
    assert PASSWORD not in predicted.text + done.text

    six[1].stop(kill=True)
    after = lab.run("cluster", **options(six))  # it waits until the replica has taken over
    assert not after.failed and not after.changed, after.text
    assert after["silent_members"] == ["c2"] and shape(after) == [("c1", ["c4"]), ("c3", ["c6"]), ("c5", [])]
    assert after["violations"] == ["c5 has 0 replicas, 1 are declared"]
    six[1].start()
    wait_until("c2 follows", lambda: six[1].info()["role"] == "slave")
    back = lab.run("cluster", **options(six))
    assert not back.failed and not back.changed and back["violations"] == [], back.text
    assert shape(back) == [("c1", ["c4"]), ("c3", ["c6"]), ("c5", ["c2"])]

    # Had c1 and c5 been on one host, its loss would leave no majority now: one of the two is moved, once.
    racks = dict(zip(["c1", "c2", "c3", "c4", "c5", "c6"], "abccab", strict=True))
    zones = {"members": [{**one, "zone": racks[one["host"]]} for one in options(six)["members"]]}
    named = lab.run("cluster", **{**options(six), **zones})
    assert not named.changed and "zone a holds 2 of 3 primaries" in named["violations"][0], named.text
    predicted = lab.run("cluster", check=True, **{**options(six, repair=True), **zones})
    assert predicted["diff"][0]["after"].count("c2: slots 5461-10922, replicas c5") == 1, predicted.text
    mended = lab.run("cluster", **{**options(six, repair=True), **zones})
    assert mended.changed and mended["diff"] == predicted["diff"] and mended["violations"] == [], mended.text
    assert [text.split("take over")[1].split(" (")[0] for text in mended["steps"]] == [" from c5"]
    assert mended["steps"][0].endswith("because zone a holds 2 of 3 primaries")
    assert shape(mended) == [("c1", ["c4"]), ("c2", ["c5"]), ("c3", ["c6"])]
    again = lab.run("cluster", **{**options(six, repair=True), **zones})
    assert not again.failed and not again.changed, again.text
    assert six[0].call("GET", "{b}1") == "x"


def test_half_created_is_finished_and_new_members_join(lab: Lab, six: list[Server]) -> None:
    """What somebody has begun is finished as it would have been; two more members are joined, with a replica each."""
    six[0].call("CLUSTER", "SET-CONFIG-EPOCH", "1")
    six[0].call("CLUSTER", "ADDSLOTS", *range(100))
    meet(six[0], six[4])
    done = lab.run("cluster", **options(six))
    assert not done.failed and done.changed, done.text
    assert shape(done) == [("c1", ["c4"]), ("c2", ["c5"]), ("c3", ["c6"])]
    assert [one["slot_count"] for one in done["shards"]] == [5461, 5462, 5461]
    six[0].call("SET", "{b}1", "x")

    eight = [*six, start(lab, "c7"), start(lab, "c8")]
    before = owners(six)
    predicted = lab.run("cluster", check=True, **options(eight))
    joined = lab.run("cluster", **options(eight))
    assert not joined.failed and joined["steps"] == predicted["steps"] and len(joined["steps"]) == 3, joined.text
    assert shape(joined)[3] == ("c7", ["c8"]) and joined["shards"][3]["slot_count"] == 0
    assert sum(int(text.split()[1].split("-")[1]) >= 0 for text in joined["moves"]) == 3, joined["moves"]
    assert set(before) <= set(owners(six)) and six[0].call("GET", "{b}1") == "x"
    again = lab.run("cluster", **options(eight))
    assert not again.failed and not again.changed and again["moves"] == joined["moves"], again.text


def test_a_host_with_two_servers_joins_and_a_replica_goes_over(lab: Lab, six: list[Server]) -> None:
    """Both servers in one zone are no shard: one is the replica of another, whose own one follows the new primary."""

    def given(servers: list[Server], zones: str) -> dict[str, Any]:
        asked = options(servers)
        return {**asked, "members": [{**one, "zone": zone} for one, zone in zip(asked["members"], zones, strict=True)]}

    made = lab.run("cluster", **given(six, "abcabc"))
    assert not made.failed and made["violations"] == [], made.text
    for number in range(300):
        slot = int(six[0].call("CLUSTER", "KEYSLOT", f"k{number}"))
        six[0 if slot < 5461 else 1 if slot < 10923 else 2].call("SET", f"k{number}", number)
    eight = [*six, start(lab, "c7"), start(lab, "c8")]
    predicted = lab.run("cluster", check=True, **given(eight, "abcabcdd"))
    joined = lab.run("cluster", **given(eight, "abcabcdd"))
    assert not joined.failed and joined["steps"] == predicted["steps"], joined.text
    assert joined["violations"] == [] and len(joined["shards"]) == 4, joined.text
    assert sum(shard["key_count"] for shard in joined["shards"]) == 300
    counts = {one.port: one.call("DBSIZE") for one in eight}
    assert [counts[shard["replicas"][0]["port"]] for shard in joined["shards"]] == [
        shard["key_count"] for shard in joined["shards"]
    ]
    again = lab.run("cluster", repair=True, **given(eight, "abcabcdd"))
    assert not again.failed and not again.changed, again.text


def test_what_has_data_or_belongs_to_others_is_refused(lab: Lab, six: list[Server]) -> None:
    """A member with keys, one of another cluster, and one that does not answer: each stops the run before it begins."""
    six[5].call("CLUSTER", "ADDSLOTS", 0, 3300)  # a server in cluster mode takes keys of its own slots only
    six[5].call("CONFIG", "SET", "cluster-require-full-coverage", "no")
    wait_until("it takes keys", lambda: six[5].call("SET", "{b}1", "x"))
    before = unchanged(six)
    for check in (True, False):
        refused = lab.run("cluster", check=check, **options(six))
        assert refused.failed and "c6 (127.0.0.1:" in refused.msg and "holds 1 keys" in refused.msg, refused.text
    assert unchanged(six) == before

    five, foreign = six[:5], start(lab, "x1")
    meet(six[4], foreign)
    members = [*five, start(lab, "c7")]
    before = unchanged(members)
    refused = lab.run("cluster", **options(members))
    assert refused.failed and "c5 belong to a cluster with nodes that are no members" in refused.msg, refused.text
    six[3].stop()
    refused = lab.run("cluster", **options([*six[:4], foreign, six[4]]))
    assert refused.failed and "Members do not answer: c4" in refused.msg, refused.text
    six[3].start()
    assert unchanged(members) == before


def test_layouts_and_modes_that_do_not_fit_are_refused(lab: Lab) -> None:
    """Two zones are told apart from what would fit, and a server without cluster mode is named."""
    three = [start(lab, f"c{count}") for count in (1, 2, 3)]
    members = options(three)["members"]
    refused = lab.run("cluster", **{**options(three), "members": members[:2], "replicas": 0})
    assert "the members are in 2 zones (c1, c2)" in refused.msg and "What fits 3 zones" in refused.msg, refused.text
    refused = lab.run("cluster", **options(three))
    assert "3 members make no whole shards of a primary and 1 replica" in refused.msg, refused.text
    plain = lab.server("c4", password=PASSWORD)
    refused = lab.run("cluster", **options([*three, plain]))
    assert refused.failed and f"No cluster mode: c4 (127.0.0.1:{plain.port})" in refused.msg, refused.text
    assert all(one.call("CLUSTER", "NODES").count("\n") == 1 for one in three)
    done = lab.run("cluster", **options(three, replicas=0))
    assert not done.failed and shape(done) == [("c1", []), ("c2", []), ("c3", [])], done.text


class Writer(threading.Thread):
    """Writes key after key of one slot to whoever owns it, and keeps account of what was acknowledged."""

    def __init__(self, first: Server) -> None:
        """Begin at this server."""
        super().__init__()
        self.first, self.acknowledged, self.gap, self.ended = first, 0, 0.0, threading.Event()
        self.refused: list[str] = []
        self.owner = f"{first.address}:{first.port}"

    def run(self) -> None:
        """Write until told to end; a write without an answer is written again."""
        client, last = self.first.client(), time.monotonic()
        while not self.ended.wait(0.002):
            number = self.acknowledged + 1
            try:
                client.set(f"{{b}}{number}", number)
            except redis.exceptions.MovedError as problem:
                client.close()
                self.owner = f"{problem.host}:{problem.port}"
                client = redis.Redis(host=problem.host, port=problem.port, password=PASSWORD, socket_timeout=30)
            except redis.exceptions.RedisError as problem:
                self.refused.append(str(problem))
                time.sleep(0.01)
            else:
                self.acknowledged = number
                self.gap, last = max(self.gap, time.monotonic() - last), time.monotonic()
        client.close()

    def more(self) -> None:
        """Wait until it has written on."""
        now = self.acknowledged
        wait_until("writes are acknowledged", lambda: self.acknowledged > now + 100)


def move_there_and_back(lab: Lab, six: list[Server], writer: Writer) -> None:
    """Let a replica take over and hand back while somebody writes."""
    for target, others in (("c4", [("c2", ["c5"]), ("c3", ["c6"]), ("c4", ["c1"])]), ("c1", None)):
        writer.more()
        predicted = lab.run("cluster", check=True, **options(six, promote=[target]))
        moved = lab.run("cluster", **options(six, promote=[target]))
        assert not moved.failed and moved["diff"] == predicted["diff"], moved.text
        assert moved["steps"] == predicted["steps"] and len(moved["steps"]) == 1, moved.text
        assert shape(moved) == (others or [("c1", ["c4"]), ("c2", ["c5"]), ("c3", ["c6"])]), moved.text
        assert moved["violations"] == []
        writer.more()
    again = lab.run("cluster", **options(six, promote=[f"c1:{six[0].port}", "c2"]))
    assert not again.failed and not again.changed, again.text


def test_a_primary_is_moved_while_clients_write(lab: Lab, six: list[Server]) -> None:
    """A replica takes over and hands back; no acknowledged write is lost, and asked again nothing is done.

    Who waits in BLPOP or the like is cut off, never answered with an error.
    """
    assert not lab.run("cluster", **options(six)).failed
    for server in six:  # on a busy machine none shall take the others for dead and answer that the cluster is down
        server.call("CONFIG", "SET", "cluster-node-timeout", "60000")
    refused = lab.run("cluster", **options(six, promote=["c9"]))
    assert refused.failed and "No member is called c9" in refused.msg, refused.text
    shard, writer = [six[0], six[3]], Writer(six[0])
    waiting = [
        Blocked(lambda: [(one.address, one.port) for one in shard], PASSWORD, command)
        for command in WAITING
        if six[0].call("COMMAND", "INFO", command[0])[0]
        for _twice in range(2)
    ]

    def all_blocked() -> bool:
        return sum(int(one.info()["blocked_clients"]) for one in shard) >= len(waiting)

    six[0].call("XGROUP", "CREATE", "{b}stream", "group", "$", "MKSTREAM")
    writer.start()
    try:
        with all_wait(waiting, lambda: wait_until("all clients wait", all_blocked)):
            move_there_and_back(lab, six, writer)
    finally:
        writer.ended.set()
        writer.join()
    assert all(one.closed for one in waiting)
    kept = six[0].call("MGET", *(f"{{b}}{number}" for number in range(1, writer.acknowledged + 1)))
    lost = [number for number, value in enumerate(kept, 1) if value != str(number)]
    note(
        f"move of a primary of a cluster, {lab.engine.name}",
        f"{writer.acknowledged} writes, {len(lost)} lost, longest gap {writer.gap * 1000:.0f} ms",
    )
    assert not lost


def test_a_dead_node_is_forgotten_and_an_empty_member_takes_its_place(lab: Lab, six: list[Server]) -> None:
    """Who has slots or still runs is not forgotten; a dead one is by all, and a new member follows in its place."""
    assert not lab.run("cluster", **options(six)).failed
    six[0].call("SET", "{b}1", "x")
    new = start(lab, "c7")
    left = [one for one in six if one is not six[1]]
    refused = lab.run("cluster", **options([*left, new], forget=["127.0.0.1"]))
    assert refused.failed and "is to be forgotten and has slots 5461-10922" in refused.msg, refused.text
    predicted = lab.run("cluster", check=True, **options([*left, new], forget=["127.0.0.1"]))
    assert not predicted.failed and len(predicted["steps"]) == 5, predicted.text

    moved = lab.run("cluster", **options([*six, new], avoid=["c2"]))  # who has not joined yet is left out
    assert not moved.failed and len(moved["steps"]) == 1, moved.text
    before = owners(left)
    refused = lab.run("cluster", **options([*left, new], forget=["127.0.0.1"]))
    assert refused.failed and f"still running: 127.0.0.1:{six[1].port}" in refused.msg, refused.text
    assert owners(left) == before
    six[1].stop(kill=True)
    done = lab.run("cluster", **options([*left, new], forget=["127.0.0.1"]))
    assert not done.failed and len(done["steps"]) == 5 + 2, done.text
    assert shape(done) == [("c1", ["c4"]), ("c3", ["c6"]), ("c5", ["c7"])] and done["violations"] == []
    again = lab.run("cluster", **options([*left, new], forget=["127.0.0.1"]))
    assert not again.failed and not again.changed, again.text
    assert all(one.call("CLUSTER", "NODES").count("\n") == 6 for one in [*left, new])
    assert six[0].call("GET", "{b}1") == "x"


def test_an_emptied_server_at_the_address_of_a_dead_node_joins(lab: Lab, six: list[Server]) -> None:
    """Its old identity is forgotten while it is away; then it is a new member like any other."""
    assert not lab.run("cluster", **options(six)).failed
    six[4].stop(kill=True)
    wait_until("all have missed it", lambda: all("fail" in one.call("CLUSTER", "NODES") for one in six[:4]))
    done = lab.run("cluster", **options(six, forget=["127.0.0.1"]))
    assert not done.failed and len(done["steps"]) == 5, done.text
    (six[4].directory / "nodes.conf").unlink()
    six[4].start()
    joined = lab.run("cluster", **options(six))
    assert not joined.failed and len(joined["steps"]) == 2 and joined["violations"] == [], joined.text
    assert shape(joined) == [("c1", ["c4"]), ("c2", ["c5"]), ("c3", ["c6"])]


@pytest.mark.parametrize("engine", SHARDS, ids=lambda engine: engine.name, indirect=True)
def test_a_replica_that_was_saved_in_another_shard_starts(lab: Lab, six: list[Server]) -> None:
    """Valkey 8.0 refuses such a file, which it writes when it ends while roles change, unless it is corrected."""
    assert not lab.run("cluster", **options(six)).failed
    nodes = six[3].directory / "nodes.conf"
    wait_until("it is saved as a replica", lambda: "myself,slave" in nodes.read_text())
    six[3].stop()
    own = next(line for line in nodes.read_text().splitlines() if "myself" in line)
    nodes.write_text(nodes.read_text().replace(own, re.sub("shard-id=[0-9a-f]+", f"shard-id={'f' * 40}", own)))
    assert f"shard-id={'f' * 40}" in nodes.read_text()
    six[3].start()
    after = lab.run("cluster", **options(six))
    assert not after.failed and not after.changed, after.text
    assert shape(after) == [("c1", ["c4"]), ("c2", ["c5"]), ("c3", ["c6"])]
