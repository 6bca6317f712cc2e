# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a cluster does not mend by itself, done to real servers and repaired when it is confirmed."""

from __future__ import annotations

import signal
import threading
import time
from typing import Any

import pytest
import redis
from connection import fold_connection
from measured import note

from .conftest import PASSWORD, Answer, Lab, Server, wait_until
from .test_cluster import options, start
from .test_cluster_moves import open_marks

KEYS = 300
# Kills the run when it has done so many steps of a kind.
KILLED = """
import os, signal
from ansible_collections.quorum.redis.plugins.module_utils._cluster.repairer import Repairer
from ansible_collections.quorum.redis.plugins.modules.cluster_repair import main

real, done = Repairer.apply, []

def apply(self, step):
    real(self, step)
    done.append(step)
    if sum({word!r} in each.text for each in done) == {count}:
        os.kill(os.getpid(), signal.SIGKILL)

Repairer.apply = apply
main()
"""


@pytest.fixture
def six(lab: Lab) -> list[Server]:
    """Return a cluster of three shards with keys in all of them, on servers that notice a failure soon."""
    servers = [start(lab, f"c{number}", "appendonly yes") for number in range(1, 7)]
    for one in servers:
        one.call("CONFIG", "SET", "cluster-node-timeout", 2000)
    done = lab.run("cluster", **options(servers))
    assert not done.failed, done.text
    written = [fill(servers, number) for number in range(KEYS)]
    assert all(written)
    for primary, replica in zip(servers, servers[3:], strict=False):
        has_all(primary, replica)
    return servers


def has_all(primary: Server, replica: Server) -> None:
    """Wait until a replica has as many keys as its primary."""
    wait_until("it has all keys", lambda: primary.call("DBSIZE") == replica.call("DBSIZE"))


def owner_of(servers: list[Server], key: str) -> Server:
    """Return who has a key, by what the living ones say."""
    for one in servers:
        if one.process is None:
            continue
        slot = int(one.call("CLUSTER", "KEYSLOT", key))
        own = next(line.split() for line in one.call("CLUSTER", "NODES").splitlines() if "myself" in line)
        for word in own[8:]:
            first, _dash, last = word.partition("-")
            if word[0] != "[" and int(first) <= slot <= int(last or first):
                return one
    raise AssertionError(f"nobody has {key}")


def fill(servers: list[Server], number: int) -> Any:
    """Write one key to its owner in a cluster that was just created."""
    slot = int(servers[0].call("CLUSTER", "KEYSLOT", f"k{number}"))
    return servers[0 if slot < 5461 else 1 if slot < 10923 else 2].call("SET", f"k{number}", number)


def kept(servers: list[Server]) -> int:
    """Return how many of the keys are there, each at its owner."""
    own = {one.port: one for one in servers if one.process is not None}
    count = 0
    for number in range(KEYS):
        server = owner_of(list(own.values()), f"k{number}")
        count += server.call("GET", f"k{number}") == str(number)
    return count


def repair(lab: Lab, servers: list[Server], check: bool = False, **more: Any) -> Answer:
    """Run the repair."""
    return lab.run("cluster_repair", check=check, **options(servers, **more))


def seen(lab: Lab, servers: list[Server], kind: str, word: str, **more: Any) -> Answer:
    """Expect this damage, shown and not repaired: not without the word, not with a wrong one, not in check mode."""
    shown = repair(lab, servers, **more)
    assert not shown.failed and not shown.changed and shown["steps"] == [], shown.text
    assert (shown["damage"][0]["kind"], shown["confirmation"]) == (kind, word), shown.text
    wrong = repair(lab, servers, confirm="cart", **more)
    assert wrong.failed and not wrong.changed and f"confirm with {word}" in wrong.msg, wrong.text
    predicted = repair(lab, servers, check=True, confirm=word, **more)
    assert predicted.changed and predicted["steps"] == shown["damage"][0]["steps"], predicted.text
    assert repair(lab, servers, **more)["damage"] == shown["damage"], "something was changed"
    return shown


def mended(lab: Lab, servers: list[Server], shown: Answer, **more: Any) -> float:
    """Repair what was shown, see that a second run finds nothing, and return how long it took."""
    began = time.monotonic()
    done = repair(lab, servers, confirm=shown["confirmation"], **more)
    took = time.monotonic() - began
    assert not done.failed and done.changed and done["steps"] == shown["damage"][0]["steps"], done.text
    again = repair(lab, servers, confirm=shown["confirmation"], **more)
    assert not again.failed and not again.changed and again["damage"] == [], again.text
    assert PASSWORD not in shown.text + done.text
    return took


def missed(servers: list[Server], gone: list[Server]) -> None:
    """Wait until everybody that is left has missed them."""
    ports = [f":{one.port}@" for one in gone]

    def all_fail() -> bool:
        lines = [line for one in servers if one not in gone for line in one.call("CLUSTER", "NODES").splitlines()]
        return all("fail" in line.split()[2] for line in lines if any(port in line for port in ports))

    wait_until("they are missed", all_fail)


def test_a_lost_majority_is_replaced_without_a_vote(lab: Lab, six: list[Server]) -> None:
    """Two of three primaries are killed; their replicas take over, no key is lost, and the old ones follow them."""
    healthy = repair(lab, six, confirm="cart:2-primaries")
    assert not healthy.failed and not healthy.changed and healthy["damage"] == [], healthy.text
    refused = repair(lab, six, gone=["c9"])
    assert refused.failed and "No member is called c9" in refused.msg, refused.text
    refused = repair(lab, six, gone=[f"c1:{six[0].port}"])
    assert refused.failed and "is said to be gone and answers" in refused.msg, refused.text

    gone = six[:2]
    six[0].stop(kill=True)
    six[1].signal(signal.SIGSTOP)
    missed(six, gone)
    refused = repair(lab, six, timeout=1, confirm="cart:2-primaries")
    name = f"c2:{six[1].port}"
    assert refused.failed and f"redis_repair_gone={name}" in refused.msg and "may live" in refused.msg, refused.text
    shown = seen(lab, six, "majority", "cart:2-primaries", timeout=1, gone=[name])
    assert "1 of 3 primaries answer" in shown["damage"][0]["what"], shown.text
    took = mended(lab, six, shown, timeout=1, gone=[name])
    six[1].signal(signal.SIGCONT)
    six[0].start()
    wait_until(
        "they follow", lambda: [one.follows()[1] for one in gone] == [f"127.0.0.1:{one.port}" for one in six[3:5]]
    )
    assert kept(six) == KEYS
    after = lab.run("cluster", **options(six))
    assert not after.failed and not after.changed, after.text
    note(f"lost majority of a cluster repaired, {lab.engine.name}", f"{took:.1f} s, {KEYS} of {KEYS} keys kept")


def test_one_lost_primary_is_left_to_the_cluster(lab: Lab, six: list[Server]) -> None:
    """It elects a replica by itself; one that cannot be reached and is not missed by all is no damage."""
    six[0].stop(kill=True)
    looked = repair(lab, six, confirm="cart:1-primary")  # waits for the election
    assert not looked.failed and not looked.changed and looked["damage"] == [], looked.text
    assert six[3].info()["role"] == "master" and "that needs no repair" in looked.text, looked.text


def epoch_of(server: Server) -> int:
    """Return the epoch with which a server has its slots."""
    return int(next(line.split()[6] for line in server.call("CLUSTER", "NODES").splitlines() if "myself" in line))


def slots_told(server: Server) -> list[str]:
    """Return the slots that a server says are its own."""
    return next(line.split()[8:] for line in server.call("CLUSTER", "NODES").splitlines() if "myself" in line)


def serves(server: Server, key: str) -> bool:
    """Return whether a server takes a key by itself, and does not refuse it or name another one."""
    try:
        return bool(server.call("SET", key, "stray") == "OK")
    except redis.RedisError:
        return False


def test_slots_of_a_lost_shard_are_given_to_others(lab: Lab, six: list[Server]) -> None:
    """A primary with the latest epoch and its only replica are gone, and start all the same when others have its slots.

    Nothing happens until both are declared gone, and the rest is kept. Who comes back with its data serves nothing.
    """
    gone, left = [six[2], six[5]], [six[0], six[1], six[3], six[4]]
    theirs = [f"k{number}" for number in range(KEYS) if owner_of(six, f"k{number}") is six[2]]
    latest = epoch_of(six[2])
    assert latest > max(epoch_of(one) for one in six[:2])
    names = [f"{one.directory.name}:{one.port}" for one in gone]
    for one in gone:
        one.stop(kill=True)
    missed(six, gone)
    for given in ([], names[:1]):
        refused = repair(lab, six, gone=given, confirm="cart:5461-slots")
        assert refused.failed and f"redis_repair_gone={','.join(names)}" in refused.msg, refused.text
    shown = seen(lab, six, "slots", "cart:5461-slots", gone=names)
    assert "All keys in 5461 slots of 16384" in shown["damage"][0]["gives_up"], shown.text
    for word, count in (("forget", 2), ("take slots", 1)):
        confirmed = fold_connection({**options(six), "gone": names, "confirm": shown["confirmation"], "timeout": 10})
        code = KILLED.format(word=word, count=count)
        assert lab.fork(code, confirmed, how="-c").returncode == -signal.SIGKILL
    shown = seen(lab, six, "slots", "cart:2730-slots", gone=names)
    assert len(shown["damage"][0]["steps"]) == 2, shown.text
    took = mended(lab, six, shown, gone=names)
    assert kept(left) == KEYS - len(theirs) and 60 < len(theirs) < 140
    assert min(epoch_of(one) for one in six[:2]) > latest
    assert all(owner_of(left, key).call("SET", key, "new") == "OK" for key in theirs)
    for one in gone:  # somebody starts them all the same, with all they had
        one.start()
    over = time.monotonic() + 10
    while time.monotonic() < over:
        assert not any(serves(one, key) for one in gone for key in theirs[:3]), "it serves what others have"
        time.sleep(0.02)
    assert all(owner_of(left, key).call("GET", key) == "new" for key in theirs)
    ids = [one.call("CLUSTER", "MYID") for one in gone]
    rows = [row.split() for one in left for row in one.call("CLUSTER", "NODES").splitlines()]
    assert not any(row[8:] for row in rows if row[0] in ids), "the others give them slots again"
    assert all(slots_told(one) == [] for one in gone), "they think that they have slots still"
    note(
        "keys on a primary that was forgotten and is started all the same",
        f"{six[2].call('DBSIZE')}, {lab.engine.name}",
    )
    again = repair(lab, six, gone=names, confirm=shown["confirmation"])
    assert not again.failed and not again.changed and "is back, and the others do not know it" in again.text, again.text
    note(
        f"slots of a lost shard of a cluster given to others, {lab.engine.name}",
        f"{len(theirs)} keys lost with 5461 slots, {KEYS - len(theirs)} of {KEYS - len(theirs)} others kept; the last "
        f"run took {took:.1f} s",
    )


def test_what_else_is_open_or_new_does_not_end_a_repair(lab: Lab, six: list[Server]) -> None:
    """A majority is lost while a slot is open, and a new host is among the members that nobody knows yet."""
    seven = [*six, start(lab, "c7")]
    slot = int(
        six[2].call("CLUSTER", "KEYSLOT", next(key for key in map(str, range(99)) if owner_of(six, key) is six[2]))
    )
    six[2].call("CLUSTER", "SETSLOT", slot, "MIGRATING", six[1].call("CLUSTER", "MYID"))
    for one in six[:2]:
        one.stop(kill=True)
    missed(six, six[:2])
    shown = repair(lab, seven)
    assert shown["confirmation"] == "cart:2-primaries", shown.text
    done = repair(lab, seven, confirm=shown["confirmation"], wait=30)
    assert not done.failed and done.changed and done["steps"] == shown["damage"][0]["steps"], done.text
    assert "There is more to repair" in done.text
    for one in six[:2]:
        one.start()
    wait_until("they follow", lambda: {one.follows()[0] for one in six[:2]} == {"slave"})
    shown = seen(lab, seven, "open", "cart:no-key")
    mended(lab, seven, shown)
    assert open_marks(six) == [] and kept(six) == KEYS


def test_a_replica_whose_data_is_too_old_is_let_stand(lab: Lab, six: list[Server]) -> None:
    """It was away when its primary died: no election, until somebody does what the refusal says."""
    six[3].stop(kill=True)
    six[0].stop(kill=True)
    six[3].start()
    refused = repair(lab, six, wait=8)
    way_out = "CONFIG SET cluster-replica-validity-factor 0 there"
    assert refused.failed and not refused.changed and way_out in refused.msg and "c4 (" in refused.msg, refused.text
    six[3].call("CONFIG", "SET", "cluster-replica-validity-factor", 0)
    looked = repair(lab, six)
    assert not looked.failed and looked["damage"] == [], looked.text
    assert six[3].info()["role"] == "master"
    # Nobody repaired anything: who was elected counts its peers, and says so, in its own time.
    wait_until("it serves", lambda: "cluster_state:ok" in six[3].call("CLUSTER", "INFO"))
    assert kept(six) == KEYS


def test_slots_that_a_stranger_has_opened_are_closed(lab: Lab, six: list[Server]) -> None:
    """Marks to nobody, keys that went half-way, keys on a third one, a slot taken away by hand: all keys are kept."""
    ids = [one.call("CLUSTER", "MYID") for one in six]
    mine = [number for number in range(KEYS) if owner_of(six, f"k{number}") is six[0]][:3]
    slots = [int(six[0].call("CLUSTER", "KEYSLOT", f"k{number}")) for number in mine]
    # One half-way to c2, the key of one on c3 and its mark on c2, one only begun.
    six[1].call("CLUSTER", "SETSLOT", slots[0], "IMPORTING", ids[0])
    six[0].call("CLUSTER", "SETSLOT", slots[0], "MIGRATING", ids[1])
    six[0].call("MIGRATE", "127.0.0.1", six[1].port, f"k{mine[0]}", 0, 5000, "AUTH", PASSWORD)
    six[2].call("CLUSTER", "SETSLOT", slots[1], "IMPORTING", ids[0])
    six[0].call("CLUSTER", "SETSLOT", slots[1], "MIGRATING", ids[2])
    six[0].call("MIGRATE", "127.0.0.1", six[2].port, f"k{mine[1]}", 0, 5000, "AUTH", PASSWORD)
    six[2].call("CLUSTER", "SETSLOT", slots[1], "STABLE")
    six[1].call("CLUSTER", "SETSLOT", slots[1], "IMPORTING", ids[2])
    six[0].call("CLUSTER", "SETSLOT", slots[2], "MIGRATING", ids[1])
    shown = seen(lab, six, "open", "cart:no-key")
    took = mended(lab, six, shown)
    assert open_marks(six) == [] and kept(six) == KEYS

    owner = owner_of(six, f"k{mine[2]}")
    owner.call("CLUSTER", "DELSLOTS", slots[2])
    if owner.call("CLUSTER", "COUNTKEYSINSLOT", slots[2]):
        mended(lab, six, seen(lab, six, "slots", "cart:no-key"))
        assert kept(six) == KEYS
    else:
        pytest.fail("the engine deletes the keys of a slot that is taken away")
    note(f"open slots of a cluster closed, {lab.engine.name}", f"3 slots in {took:.1f} s, {KEYS} of {KEYS} keys kept")


@pytest.mark.parametrize("copied", [True, False])
def test_a_slot_on_its_way_to_who_is_gone(lab: Lab, six: list[Server], copied: bool) -> None:
    """Its keys come back from the replica of the target, where there is one; else they are counted as given up."""
    eight = [*six, start(lab, "c7"), start(lab, "c8")]
    grown = lab.run("cluster", **options(eight))
    assert not grown.failed, grown.text
    target, copy = eight[6:] if eight[7].follows()[1].endswith(f":{eight[6].port}") else eight[:5:-1]
    key = next(f"k{number}" for number in range(KEYS) if owner_of(six, f"k{number}") is six[0])
    slot = int(six[0].call("CLUSTER", "KEYSLOT", key))
    target.call("CLUSTER", "SETSLOT", slot, "IMPORTING", six[0].call("CLUSTER", "MYID"))
    six[0].call("CLUSTER", "SETSLOT", slot, "MIGRATING", target.call("CLUSTER", "MYID"))
    six[0].call("MIGRATE", "127.0.0.1", target.port, key, 0, 5000, "AUTH", PASSWORD)
    has_all(target, copy)
    gone = [target] if copied else [target, copy]
    for one in gone:
        one.stop(kill=True)
    missed(eight, gone)
    names = [f"{one.directory.name}:{one.port}" for one in gone]
    if copied:
        refused = repair(lab, eight, gone=names, confirm="cart:no-key")
        assert refused.failed and "CLUSTER FAILOVER TAKEOVER" in refused.msg, refused.text
        assert copy.call("CLUSTER", "FAILOVER", "TAKEOVER") == "OK"
        wait_until("it has taken over", lambda: copy.info()["role"] == "master")
    # Valkey's owner turns its mark to the successor by itself. Elsewhere nobody knows whether that one had got all.
    known = copied and lab.engine.name == "valkey-server"
    shown = seen(lab, eight, "open", "cart:no-key" if known else "cart:1-slot", gone=names)
    assert ("but those that c" in shown["damage"][0]["gives_up"]) == (copied and not known), shown.text
    mended(lab, eight, shown, gone=names)
    left = [one for one in eight if one not in gone]
    assert open_marks(left) == [] and kept(left) == KEYS - (not copied)


def test_a_copy_that_differs_is_never_overwritten(lab: Lab, six: list[Server]) -> None:
    """The same key on the owner and on another one: the run ends and names it, and both are as they were."""
    ids = [one.call("CLUSTER", "MYID") for one in six]
    number = next(number for number in range(KEYS) if owner_of(six, f"k{number}") is six[0])
    slot = int(six[0].call("CLUSTER", "KEYSLOT", f"k{number}"))
    six[1].call("CLUSTER", "SETSLOT", slot, "IMPORTING", ids[0])
    assert six[1].calls(("ASKING",), ("SET", f"k{number}", "other"))[1] == "OK"
    shown = repair(lab, six)
    refused = repair(lab, six, confirm=shown["confirmation"])
    assert refused.failed and f"'k{number}'" in refused.msg and "differ" in refused.msg, refused.text
    assert six[0].call("GET", f"k{number}") == str(number)
    assert six[1].calls(("ASKING",), ("GET", f"k{number}"))[1] == "other"


def empty(server: Server) -> None:
    """Take everything from a server but its configuration."""
    for path in server.directory.iterdir():
        if path.name not in ("redis.conf", "log"):
            path.rename(server.directory.parent / f"gone-{server.port}-{path.name}")


def start_when_forgotten(server: Server, others: list[Server], identity: str) -> None:
    """Start a server once nobody knows it any more, as the start guard of its host does."""
    wait_until("it is forgotten", lambda: all(identity not in one.call("CLUSTER", "NODES") for one in others))
    server.start()


def test_a_member_that_lost_its_identity_joins_anew(lab: Lab, six: list[Server]) -> None:
    """A primary loses all it had and comes back as nobody: forgotten, joined, and in sync."""
    six[0].stop(kill=True)
    wait_until("its replica takes over", lambda: six[3].info()["role"] == "master")
    empty(six[0])
    six[0].start()
    old = lab.run("cluster", check=True, **options(six))
    assert old.failed or old["steps"], old.text
    shown = seen(lab, six, "identity", "cart:1-identity")
    took = mended(lab, six, shown)
    has_all(six[3], six[0])
    assert kept(six) == KEYS and all(one.call("CLUSTER", "NODES").count("\n") == 6 for one in six)
    after = lab.run("cluster", **options(six))
    assert not after.failed and not after.changed, after.text
    others, identity = [one for one in six if one is not six[4]], six[4].call("CLUSTER", "MYID")
    six[4].stop(kill=True)
    empty(six[4])
    missed(six, [six[4]])
    assert repair(lab, six)["damage"] == []  # it may come back as it was
    name = f"c5:{six[4].port}"
    shown = seen(lab, six, "identity", "cart:1-identity", gone=[name])
    guard = threading.Thread(target=start_when_forgotten, args=[six[4], others, identity])
    guard.start()
    mended(lab, six, shown, gone=[name])
    guard.join()
    has_all(six[1], six[4])
    six[5].stop(kill=True)
    empty(six[5])
    missed(six, [six[5]])
    name = f"c6:{six[5].port}"
    shown = seen(lab, six, "identity", "cart:1-identity", gone=[name])
    alone = repair(lab, six, gone=[name], confirm=shown["confirmation"], wait=3)  # nobody starts it
    assert not alone.failed and alone.changed and "It has not joined: quorum.redis.site" in alone.text, alone.text
    six[5].start()
    joined = lab.run("cluster", **options(six))
    assert not joined.failed and joined.changed and kept(six) == KEYS, joined.text
    note(f"member of a cluster with a lost identity joined anew, {lab.engine.name}", f"{took:.1f} s")
