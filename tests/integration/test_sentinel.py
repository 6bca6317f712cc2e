# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module sentinel, and replication under Sentinel, against real processes."""

from __future__ import annotations

from typing import Any, Dict, List

import pytest

from .conftest import PASSWORD, Answer, Lab, Server, free_port, wait_until

SENTINEL_PASSWORD = "s3cret-of-the-sentinels"


class Set:
    """Three members and three Sentinels."""

    def __init__(self, lab: Lab) -> None:
        """Start everything; nothing is connected yet."""
        self.lab = lab
        self.servers = [lab.server(f"r{count}", parked=True, password=PASSWORD) for count in (1, 2, 3)]
        self.sentinels = [lab.sentinel(f"s{count}", password=SENTINEL_PASSWORD) for count in (1, 2, 3)]

    @staticmethod
    def places(servers: List[Server]) -> List[Dict[str, Any]]:
        """Return them as member options."""
        return [
            {"host": f"r{count}", "address": server.address, "port": server.port}
            for count, server in enumerate(servers, 1)
        ]

    def replicate(self, **more: Any) -> Answer:
        """Run the module replication."""
        return self.lab.run(
            "replication",
            **{
                "name": "main",
                "members": self.places(self.servers),
                "sentinels": self.places(self.sentinels),
                "password": PASSWORD,
                "sentinel_password": SENTINEL_PASSWORD,
                "wait": 120,
                **more,
            },
        )

    def watch(self, one: Server, check: bool = False, extra: Any = (), wait: int = 120, **more: Any) -> Answer:
        """Run the module sentinel for one of them."""
        master = {
            "name": "main",
            "members": self.places(self.servers),
            "quorum": 2,
            "down_after": 30000,
            "failover_timeout": 60000,
            "parallel_syncs": 1,
            "password": PASSWORD,
            **more,
        }
        return self.lab.run(
            "sentinel",
            check=check,
            masters=[master, *extra],
            wait=wait,
            sentinels=self.places(self.sentinels),
            state_file=str(one.config),
            **one.endpoint(),
        )

    def addresses(self) -> List[str]:
        """Return the port that each Sentinel names."""
        return [one.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "main")[1] for one in self.sentinels]

    def master(self, one: Server) -> Dict[str, str]:
        """Return what a Sentinel says about main."""
        reply = one.call("SENTINEL", "MASTER", "main")
        return dict(zip(reply[::2], reply[1::2], strict=True))

    def myid(self, one: Server) -> str:
        """Return the identity in a Sentinel's file."""
        return next(line for line in one.config.read_text().splitlines() if line.startswith("sentinel myid"))


@pytest.fixture
def watched(lab: Lab) -> Set:
    """Return a set that is replicated and watched."""
    found = Set(lab)
    assert not found.replicate().failed
    for one in found.sentinels:
        answer = found.watch(one)
        assert answer.changed and not answer.failed, answer.text
    found.servers[0].call("SET", "k", "v")
    for one in found.sentinels:
        answer = found.watch(one)
        assert not answer.failed and answer["steps"] == [], answer.text
    return found


def test_first_run(lab: Lab) -> None:
    """Check mode predicts what the run then does; a second run finds nothing to do; no password is shown."""
    found = Set(lab)
    one = found.sentinels[0]
    assert not found.replicate().failed
    predicted = found.watch(one, check=True)
    assert predicted.changed and one.call("SENTINEL", "MASTERS") == [], predicted.text
    done = found.watch(one)
    assert done["steps"] == predicted["steps"] and len(done["steps"]) == 1, done.text
    seen = done["sentinel"]["masters"]["main"]
    assert seen["flags"] == ["master"] and len(seen["replicas"]) == 2 and seen["down_after"] == 30000
    assert done["unexpected"] == []
    for check in (True, False):
        again = found.watch(one, check=check)
        assert not again.changed and not again.failed, again.text
    assert PASSWORD not in done.text + predicted.text and SENTINEL_PASSWORD not in done.text


def test_differences(watched: Set) -> None:
    """Only what differs is set; identity and epochs are kept; what is declared absent goes, what is unknown stays."""
    one = watched.sentinels[0]
    myid, epoch = watched.myid(one), watched.master(one)["config-epoch"]
    changed = watched.watch(one, quorum=3, down_after=40000)
    assert changed["steps"] == ["main: set quorum 2 -> 3, down-after-milliseconds 30000 -> 40000"], changed.text
    assert (watched.master(one)["quorum"], watched.master(one)["down-after-milliseconds"]) == ("3", "40000")
    one.call("SENTINEL", "SET", "main", "auth-pass", "stale")
    repaired = watched.watch(one, quorum=3, down_after=40000)
    assert repaired["steps"] == ["main: set auth-pass ******** -> ********"], repaired.text
    one.call("SENTINEL", "MONITOR", "other", "127.0.0.1", "20999", "2")
    noticed = watched.watch(one, quorum=3, down_after=40000)
    assert not noticed.changed and noticed["unexpected"] == ["other is monitored but not declared"], noticed.text
    gone = watched.watch(one, quorum=3, down_after=40000, extra=[{"name": "other", "state": "absent"}])
    assert gone["steps"] == ["other: monitor no longer"], gone.text
    assert (watched.myid(one), watched.master(one)["config-epoch"]) == (myid, epoch)


def test_failover_is_respected(watched: Set) -> None:
    """After a failover both modules change nothing, and the primary is the one that Sentinel chose."""
    ids = [watched.myid(one) for one in watched.sentinels]
    old = watched.addresses()[0]

    def asked() -> bool:
        return bool(watched.sentinels[0].call("SENTINEL", "FAILOVER", "main") == "OK")

    wait_until("a failover is accepted", asked)
    wait_until(
        "all Sentinels name another one",
        lambda: old not in watched.addresses() and len(set(watched.addresses())) == 1,
    )
    chosen = watched.addresses()[0]
    epoch = watched.master(watched.sentinels[0])["config-epoch"]
    wait_until("the old primary follows", lambda: watched.servers[0].follows() == ("slave", f"127.0.0.1:{chosen}"))
    again = watched.replicate()
    assert not again.changed and str(again["primary"]["port"]) == chosen, again.text
    for one in watched.sentinels:
        answer = watched.watch(one)
        assert not answer.changed and not answer.failed, answer.text
    assert [watched.myid(one) for one in watched.sentinels] == ids
    assert watched.master(watched.sentinels[0])["config-epoch"] == epoch


def test_killed_primary(watched: Set) -> None:
    """While the Sentinels are failing over, replication waits for the end and then changes nothing."""
    for one in watched.sentinels:
        one.call("SENTINEL", "SET", "main", "down-after-milliseconds", "3000")
    watched.servers[0].stop(kill=True)
    again = watched.replicate()
    assert not again.failed and not again.changed, again.text
    assert again["primary"]["host"] in ("r2", "r3") and again["silent_members"] == ["r1"]
    watched.servers[0].config.write_text(watched.servers[0].config.read_text() + "replicaof 127.0.0.1 0\n")
    watched.servers[0].start()
    back = watched.replicate()
    assert not back.failed and watched.servers[0].call("GET", "k") == "v", back.text


def stale(one: Server, port: int) -> None:
    """Point a Sentinel at another address, the way an old file does."""
    one.call("SENTINEL", "REMOVE", "main")
    one.call("SENTINEL", "MONITOR", "main", "127.0.0.1", str(port), "2")
    one.call("SENTINEL", "SET", "main", "auth-pass", PASSWORD)


def test_stale_sentinel(watched: Set) -> None:
    """One Sentinel at the address of a replica is repaired; the others are not touched."""
    one = watched.sentinels[0]
    myid = watched.myid(one)
    stale(one, watched.servers[1].port)
    done = watched.watch(one)
    assert not done.failed and watched.addresses() == [str(watched.servers[0].port)] * 3, done.text
    assert watched.myid(one) == myid
    assert not watched.watch(one).changed and not watched.watch(watched.sentinels[1]).changed


def test_all_sentinels_stale(watched: Set) -> None:
    """All at a replica: replication stops and shows it although CKQUORUM is content; each Sentinel can be repaired."""
    for one in watched.sentinels:
        stale(one, watched.servers[1].port)
    refused = watched.replicate(wait=1)
    assert refused.failed and "The Sentinels name r2, but its role is replica" in refused.msg, refused.text
    assert "does not" not in refused.msg and refused.msg.count("r2 (") >= 3, refused.msg
    for one in watched.sentinels:
        done = watched.watch(one)
        assert not done.failed, done.text
    assert watched.addresses() == [str(watched.servers[0].port)] * 3
    assert not watched.replicate().changed


def test_wrong_passwords(watched: Set) -> None:
    """A wrong password names its variable."""
    one = watched.sentinels[0]
    wrong = watched.lab.run("sentinel", masters=[], host="127.0.0.1", port=one.port, password="nonsense")
    assert wrong.failed and "redis_sentinel_password" in wrong.msg, wrong.text
    members = watched.watch(one, password="nonsense")
    assert members.failed and "redis_password" in members.msg, members.text
    assert watched.replicate(sentinel_password="nonsense").failed


def test_all_of_a_host_in_one_look(watched: Set) -> None:
    """Each with its own login and in its place; who does not answer is a finding beside the others."""
    server, sentinel = watched.servers[0], watched.sentinels[0]
    looked_at = [
        {"name": "main", **server.endpoint()},
        {"name": "gone", **server.endpoint(), "port": free_port()},
        {"name": "other", **server.endpoint(), "password": "nonsense"},
        {"name": "sentinel", "kind": "sentinel", **sentinel.endpoint()},
    ]
    looked_at = [{key: value for key, value in one.items() if key != "host"} for one in looked_at]
    main, gone, other, watcher = watched.lab.run("instance_info", instances=looked_at, host="127.0.0.1")["instances"]
    assert (main["name"], main["instance"]["role"]) == ("main", "primary")
    assert (gone["name"], gone["instance"]["error_kind"]) == ("gone", "refused")
    assert (other["name"], other["instance"]["error_kind"]) == ("other", "auth")
    assert (watcher["name"], set(watcher["sentinel"]["masters"])) == ("sentinel", {"main"})
    assert "instance" not in watcher and "sentinel" not in main
    assert watched.lab.run("instance_info", instances=[], host="127.0.0.1")["instances"] == []


def test_same_identity(watched: Set) -> None:
    """Two Sentinels with one identity are named; Redis 6.0 does not tell its own, so nothing is claimed there."""
    one, two, _three = watched.sentinels
    seen = watched.lab.run("instance_info", kind="sentinel", **one.endpoint())["sentinel"]
    assert bool(seen["myid"]) is not seen["version"].startswith("6.0."), seen
    if not seen["myid"]:
        return
    two.stop()
    text = two.config.read_text().replace(watched.myid(two), watched.myid(one))
    two.config.write_text(text)
    two.start()
    answer = watched.watch(one)
    assert answer.failed and "the same identity" in answer.msg, answer.text


def test_fresh_host_in_check_mode(lab: Lab) -> None:
    """Nothing runs yet: check mode predicts that the seed is monitored."""
    found = Set(lab)
    for process in (*found.servers, *found.sentinels):
        process.stop()
    predicted = found.watch(found.sentinels[0], check=True)
    assert predicted.changed and "main: monitor r1" in predicted["steps"][0], predicted.text
