# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program before each start: in which role a server may come up, and the file that it starts with."""

from __future__ import annotations

import hashlib
import itertools
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from start_guard import assemble

ME, P2, P3 = ("10.0.0.1", 6379), ("10.0.0.2", 6379), ("10.0.0.3", 6379)
PARKED = ("127.0.0.1", 0)


def peer(address: tuple[str, int], what: str) -> Any:
    """Return a peer of one of the kinds that matter."""
    kinds: dict[str, dict[str, Any]] = {
        "down": {"up": False},
        "parked": {"follows": PARKED},
        "empty replica": {"follows": ME},
        "full replica": {"follows": ME, "keys": 5},
        "orphan": {"follows": ME, "keys": 5, "was_linked": True},
        "empty orphan": {"follows": ME, "was_linked": True},
        "empty primary": {"primary": True},
        "empty primary with replicas": {"primary": True, "replicas": 1},
        "full primary": {"primary": True, "keys": 5},
        "full primary with replicas": {"primary": True, "keys": 5, "replicas": 1},
    }
    return assemble.Peer(address, **{"up": True, **kinds[what]})


KINDS = (
    *("down", "parked", "empty replica", "full replica", "orphan"),
    *("empty primary", "empty primary with replicas", "full primary", "full primary with replicas"),
)
# What three Sentinels may say: nobody answers, they do not watch it, a minority, no agreement, this one, another.
VOTES: dict[str, dict[str, Any]] = {
    "none declared": {"sentinels": 0},
    "silent": {"sentinels": 3},
    "unwatched": {"sentinels": 3, "strangers": 2},
    "half unwatched": {"sentinels": 4, "strangers": 2},
    "one for me": {"sentinels": 3, "votes": {ME: 1}},
    "one for P2": {"sentinels": 3, "votes": {P2: 1}},
    "split": {"sentinels": 3, "votes": {ME: 1, P2: 1, P3: 1}},
    "half for P2": {"sentinels": 4, "votes": {P2: 2}},
    "me": {"sentinels": 3, "votes": {ME: 2}},
    "P2": {"sentinels": 3, "votes": {P2: 2, ME: 1}},
    "stranger": {"sentinels": 3, "votes": {("10.9.9.9", 1): 3}},
}


def evidence(
    votes: str, recorded: str | None, data: bool, clean: bool = True, peers: tuple[str, str] = ("parked", "parked")
) -> Any:
    return assemble.Evidence(
        me=ME,
        recorded=recorded,
        recorded_target=P3 if recorded == "replica" else None,
        has_data=data,
        clean_stop=clean,
        peers=[peer(P2, peers[0]), peer(P3, peers[1])],
        **VOTES[votes],
    )


EVERYTHING = [
    evidence(votes, recorded, data, clean, (one, two))
    for votes, recorded, data, clean, one, two in itertools.product(
        VOTES, (None, "primary", "replica"), (False, True), (False, True), KINDS, KINDS
    )
]


def as_primary(decision: Any) -> bool:
    return bool(decision.start and decision.target is None)


# --- what holds in every case ---


def test_nobody_becomes_a_second_primary_beside_one_with_data() -> None:
    for case in EVERYTHING:
        if any(one.up and one.primary and one.keys for one in case.peers):
            assert not as_primary(assemble.decide(case)), case


def test_a_majority_of_the_sentinels_that_names_another_is_always_followed() -> None:
    for case in EVERYTHING:
        if case.elected() not in (None, ME):
            decision = assemble.decide(case)
            assert (decision.start, decision.target) == (True, case.elected()), case


def test_no_member_without_data_ever_starts_as_primary_over_a_peer_that_has_some_or_may_have() -> None:
    for case in EVERYTHING:
        if not case.has_data and any(p.keys or not p.up for p in case.peers):
            assert not as_primary(assemble.decide(case)), case


def test_a_member_that_no_majority_names_never_starts_beside_a_primary_with_data_or_replicas() -> None:
    for case in EVERYTHING:
        rivals = [p for p in case.peers if p.up and p.primary and (p.keys or p.replicas)]
        if rivals and case.elected() is None:
            assert not as_primary(assemble.decide(case)), case


def test_a_new_member_starts_as_primary_only_when_a_majority_names_it() -> None:
    for case in EVERYTHING:
        if case.recorded is None and case.elected() != ME:
            decision = assemble.decide(case)
            assert decision.start, case
            assert decision.target == (case.elected() or PARKED), case


def test_a_crashed_primary_starts_as_one_only_when_all_answer_and_nobody_was_linked() -> None:
    for case in EVERYTHING:
        crashed = case.recorded == "primary" and case.elected() == ME and not case.clean_stop
        if crashed and any(not p.up or (p.follows == ME and p.was_linked) for p in case.peers):
            assert not as_primary(assemble.decide(case)), case


def test_a_declared_majority_that_does_not_answer_lets_no_recorded_primary_start_as_one() -> None:
    for case in EVERYTHING:
        if case.recorded == "primary" and case.elected() is None and not case.unwatched():
            assert not as_primary(assemble.decide(case)), case


def test_data_is_given_up_only_for_a_primary_that_a_majority_names_or_that_has_keys() -> None:
    for case in EVERYTHING:
        decision = assemble.decide(case)
        if case.has_data and decision.start and case.recorded == "primary" and case.elected() is None:
            assert decision.target is None or any(p.address == decision.target and p.keys for p in case.peers), case


def test_every_decision_gives_its_reason_and_only_a_refusal_is_final() -> None:
    for case in EVERYTHING:
        decision = assemble.decide(case)
        assert decision.why
        assert not (decision.start and decision.final)
        assert decision.start or decision.target is None


# --- the cases by name ---

START, WAIT, REFUSE = "start", "wait", "refuse"


@pytest.mark.parametrize(
    ("case", "outcome", "target", "why"),
    [
        # First start.
        (evidence("none declared", None, False), START, PARKED, "parked until it is told"),
        (evidence("none declared", None, True), START, PARKED, "parked until it is told"),
        (evidence("silent", None, False), START, PARKED, "parked"),
        (evidence("unwatched", None, False), START, PARKED, "parked"),
        (evidence("P2", None, False), START, P2, "the Sentinels name 10.0.0.2:6379"),
        # A replica comes back.
        (evidence("none declared", "replica", True), START, P3, "as recorded"),
        (evidence("silent", "replica", True), START, P3, "as recorded"),
        (evidence("split", "replica", False), START, P3, "as recorded"),
        (evidence("P2", "replica", True), START, P2, "the Sentinels name"),
        (evidence("me", "replica", True), START, None, "the Sentinels name this member"),
        (evidence("me", "replica", False, peers=("full replica", "down")), REFUSE, None, "would be wiped"),
        # A primary comes back.
        (evidence("P2", "primary", True, clean=False), START, P2, "the Sentinels name 10.0.0.2:6379"),
        (evidence("me", "primary", True), START, None, "the Sentinels name this member"),
        (evidence("me", "primary", True, peers=("orphan", "orphan")), START, None, "the Sentinels name this member"),
        (evidence("me", "primary", True, False, ("orphan", "orphan")), WAIT, None, "this primary crashed"),
        (evidence("me", "primary", True, False, ("empty orphan", "down")), WAIT, None, "this primary crashed"),
        (evidence("me", "primary", False, False, ("empty orphan", "parked")), WAIT, None, "this primary crashed"),
        (evidence("me", "primary", True, False, ("full replica", "down")), WAIT, None, "its replicas may live"),
        (evidence("me", "primary", True, False, ("full replica", "parked")), START, None, "the Sentinels name this"),
        (evidence("me", "primary", True, True, ("full replica", "down")), START, None, "the Sentinels name this"),
        (evidence("me", "primary", True, False, ("full primary", "orphan")), REFUSE, None, "do not name yet: 10.0.0.2"),
        (evidence("me", "primary", True, True, ("full primary", "orphan")), REFUSE, None, "do not name yet: 10.0.0.2"),
        (evidence("silent", "primary", True), WAIT, None, "no majority of the Sentinels answers"),
        (evidence("one for me", "primary", True), WAIT, None, "no majority of the Sentinels answers"),
        (evidence("one for P2", "primary", True), WAIT, None, "no majority of the Sentinels answers"),
        (evidence("half for P2", "primary", True), WAIT, None, "no majority of the Sentinels answers"),
        (evidence("half unwatched", "primary", True), WAIT, None, "no majority of the Sentinels answers"),
        (evidence("unwatched", "primary", True), START, None, "no other primary answers"),
        (evidence("none declared", "primary", True, False), START, None, "no other primary answers"),
        (evidence("none declared", "primary", True, peers=("down", "down")), START, None, "no other primary"),
        (
            evidence("none declared", "primary", True, peers=("full primary with replicas", "full replica")),
            START,
            P2,
            "10.0.0.2:6379 serves as the primary",
        ),
        (
            evidence("none declared", "primary", True, peers=("empty primary with replicas", "down")),
            REFUSE,
            None,
            "another primary with data answers: 10.0.0.2:6379; redis_trust decides",
        ),
        (
            evidence("none declared", "primary", True, peers=("full primary", "full primary")),
            REFUSE,
            None,
            "answers: 10.0.0.2:6379, 10.0.0.3:6379; redis_trust decides",
        ),
        (evidence("none declared", "primary", True, peers=("empty primary", "down")), START, None, "no other primary"),
        # A primary comes back without its data.
        (
            evidence("me", "primary", False, peers=("full replica", "full replica")),
            REFUSE,
            None,
            "no data, but 10.0.0.2:6379 (5 keys), 10.0.0.3:6379 (5 keys) would be wiped",
        ),
        (evidence("none declared", "primary", False, peers=("full replica", "down")), REFUSE, None, "would be wiped"),
        (evidence("silent", "primary", False, peers=("full replica", "down")), REFUSE, None, "would be wiped"),
        (evidence("me", "primary", False, peers=("down", "down")), WAIT, None, "not all of its peers answer"),
        (evidence("none declared", "primary", False, peers=("down", "parked")), WAIT, None, "not all of its peers"),
        (
            evidence("none declared", "primary", False, peers=("full primary", "down")),
            START,
            P2,
            "this member has no data, 10.0.0.2:6379 has",
        ),
        (
            evidence("none declared", "primary", False, peers=("full primary", "full primary")),
            REFUSE,
            None,
            "would be wiped",
        ),
        (evidence("me", "primary", False, peers=("empty replica", "empty replica")), START, None, "name this member"),
        (evidence("none declared", "primary", False, peers=("empty replica", "parked")), START, None, "as recorded"),
    ],
)
def test_decisions(case: Any, outcome: str, target: tuple[str, int] | None, why: str) -> None:
    decision = assemble.decide(case)
    assert (START if decision.start else REFUSE if decision.final else WAIT) == outcome
    assert decision.target == target
    assert why in decision.why


# --- the file ---


def assembled(managed: str, *extra: str) -> str:
    digest = hashlib.sha256(managed.encode()).hexdigest()
    return "\n".join([assemble.HEADER + digest, managed.rstrip("\n"), assemble.FOOTER, *extra, ""])


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the root of a host with one data set, main, and nobody else."""
    (tmp_path / "etc").mkdir()
    for name in ("main", "sentinel"):
        (tmp_path / "lib" / name).mkdir(parents=True)
    monkeypatch.setattr(assemble, "ETC", tmp_path / "etc")
    monkeypatch.setattr(assemble, "LIB", tmp_path / "lib")
    (tmp_path / "etc" / "main.conf").write_text("port 6379\nappendonly yes\n")
    (tmp_path / "etc" / "sentinel.conf").write_text('port 26379\nsentinel announce-ip "10.0.0.1"\n')
    facts = {"name": "main", "address": "10.0.0.1", "port": 6379, "members": [], "sentinels": []}
    facts.update(password="", sentinel_password="", policy="wait", wait=0)
    (tmp_path / "etc" / "main.json").write_text(json.dumps(facts))
    return tmp_path


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["assemble", *words])
    code: int = assemble.main()
    return code


def test_the_first_start_is_parked(host: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, "server", "main") == 0
    lines = (host / "lib/main/redis.conf").read_text().splitlines()
    assert lines[0] == assemble.HEADER + hashlib.sha256(b"port 6379\nappendonly yes").hexdigest()
    assert lines[1:] == ["port 6379", "appendonly yes", "replicaof 127.0.0.1 0", assemble.FOOTER]


@pytest.mark.parametrize(
    ("left_behind", "expected"),
    [
        (["replicaof 10.0.0.2 6379"], ["replicaof 10.0.0.2 6379"]),
        (["slaveof 10.0.0.2 6379"], ["replicaof 10.0.0.2 6379"]),
        (['replicaof "10.0.0.2" 6379'], ["replicaof 10.0.0.2 6379"]),
        (["replicaof 10.0.0.2 6379", "replicaof no one"], []),
        (["replicaof 10.0.0.2 6379", "replicaof 10.0.0.3 6379"], ["replicaof 10.0.0.3 6379"]),
        (["# Generated by CONFIG REWRITE", "maxmemory 5gb", "user default on nopass ~* &* +@all", "save 1 1"], []),
        ([], []),
    ],
)
def test_only_the_role_is_carried_over(
    host: Path, monkeypatch: pytest.MonkeyPatch, left_behind: list[str], expected: list[str]
) -> None:
    state = host / "lib/main/redis.conf"
    state.write_text(assembled("port 1\nsave 9 9\n", *left_behind))
    (host / "lib/main/dump.aof").write_text("x")
    assert run(monkeypatch, "server", "main") == 0
    assert state.read_text().splitlines()[1:] == ["port 6379", "appendonly yes", *expected, assemble.FOOTER]


def test_declared_users_are_added_and_others_are_kept(host: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The default user that the engine wrote down is not: it may be one that is ruled elsewhere by now."""
    (host / "etc/main.acl").write_text("# header\nuser app on #1 +get\nuser default off\n")
    state = host / "lib/main/redis.conf"
    left = [
        "user default on nopass ~* +@all",
        "user app on nopass +@all",
        "user guest on nopass +get",
        "replicaof no one",
    ]
    state.write_text(assembled("port 1\nuser app on #0\n", *left))
    (host / "lib/main/dump.aof").write_text("x")
    for _ in range(2):
        assert run(monkeypatch, "server", "main") == 0
        users = [line for line in state.read_text().splitlines() if line.startswith("user ")]
        assert users == ["user app on #1 +get", "user default off", "user guest on nopass +get"]


def test_a_user_that_was_removed_while_the_server_was_down_does_not_come_back(
    host: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = json.loads((host / "etc/main.json").read_text())
    (host / "etc/main.json").write_text(json.dumps({**facts, "users_absent": ["gone"]}))
    (host / "etc/main.acl").write_text("user app on #1 +get\n")
    state = host / "lib/main/redis.conf"
    state.write_text(assembled("port 1\n", "user gone on #2 +get", "user guest on nopass +get", "replicaof no one"))
    (host / "lib/main/dump.aof").write_text("x")
    assert run(monkeypatch, "server", "main") == 0
    users = [line for line in state.read_text().splitlines() if line.startswith("user ")]
    assert users == ["user app on #1 +get", "user guest on nopass +get"]


def test_the_guard_asks_its_peers_as_the_declared_user(host: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    facts = json.loads((host / "etc/main.json").read_text())
    facts.update(username="our-replication", password="secret", members=[{"address": "10.0.0.2", "port": 1}])
    asked: list[Any] = []

    def ask(address: tuple[str, int], credentials: list[str], tls: Any) -> Any:
        assert tls is None
        asked.append((address, credentials))
        return assemble.Peer(address)

    monkeypatch.setattr(assemble, "ask_peer", ask)
    assemble.gather(facts, None, True, host / "lib/main")
    assert asked == [(("10.0.0.2", 1), ["our-replication", "secret"])]


@pytest.mark.parametrize(
    "said",
    [["Bad Request", "nginx", "close"], ["role:slave\nmaster_link_down_since_seconds:3", "", "redis_version:7"], None],
)
def test_who_is_no_server_is_no_peer(monkeypatch: pytest.MonkeyPatch, said: list[str] | None) -> None:
    """Another service took its port: that must not keep this server from its start."""

    def ask(*_given: Any) -> list[str]:
        return [str(int("x"))] if said is None else said

    monkeypatch.setattr(assemble, "ask", ask)
    assert not assemble.ask_peer(("10.0.0.2", 1), []).up


def test_who_is_known_by_the_other_port_is_the_same_member(host: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    facts = json.loads((host / "etc/main.json").read_text())
    member = {"address": "10.0.0.2", "port": 16379, "other_port": 6379}
    facts.update(port=16379, other_port=6379, members=[member], sentinels=[{"address": "10.0.0.3", "port": 1}])
    peer = assemble.Peer(("10.0.0.2", 16379), follows=("10.0.0.1", 6379))
    monkeypatch.setattr(assemble, "ask_peer", lambda *_given: peer)
    monkeypatch.setattr(assemble, "ask_sentinel", lambda *_given: ("10.0.0.2", 6379))
    found = assemble.gather(facts, ("10.0.0.2", 6379), True, host / "lib/main")
    assert found.recorded_target == ("10.0.0.2", 16379)
    assert found.votes == {("10.0.0.2", 16379): 1}
    assert found.peers[0].follows == found.me == ("10.0.0.1", 16379)


def test_a_member_that_was_parked_stays_parked(host: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(2):
        assert run(monkeypatch, "server", "main") == 0
        assert "replicaof 127.0.0.1 0" in (host / "lib/main/redis.conf").read_text()


def test_sentinel_keeps_its_memory_and_takes_what_is_declared(host: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = [
        "sentinel myid 0123",
        "sentinel monitor main 10.0.0.2 6379 2",
        "sentinel auth-pass main p",
        "sentinel config-epoch main 3",
        "sentinel known-replica main 10.0.0.1 6379",
        "sentinel known-sentinel main 10.0.0.2 26379 4567",
        "sentinel current-epoch 3",
    ]
    state = host / "lib/sentinel/redis.conf"
    engine = ["user default on nopass sanitize-payload ~* &* +@all", "latency-tracking-info-percentiles 50 99"]
    state.write_text(assembled("port 1\n", 'sentinel announce-ip "10.9.9.9"', *memory, *engine))
    assert run(monkeypatch, "sentinel", "sentinel") == 0
    expected = ["port 26379", 'sentinel announce-ip "10.0.0.1"', *memory, assemble.FOOTER]
    assert state.read_text().splitlines()[1:] == expected


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("auth-pass main a b", 'auth-pass main "a b"'),
        ('auth-pass main q"x', 'auth-pass main "q\\"x"'),
        ("auth-pass main it's \\ so", 'auth-pass main "it\'s \\\\ so"'),
        ("sentinel-pass a b", 'sentinel-pass "a b"'),
        ('auth-pass main "a b"', 'auth-pass main "a b"'),
        ("auth-pass main back\\slash#", "auth-pass main back\\slash#"),
        ("auth-pass main p\u2028w\x85", "auth-pass main p\u2028w\x85"),
        ("auth-user main our-sentinel", "auth-user main our-sentinel"),
    ],
)
def test_sentinel_can_read_its_passwords_again(
    host: Path, monkeypatch: pytest.MonkeyPatch, written: str, said: str
) -> None:
    """It writes them without quotes, and does not start with a line that needs some."""
    (host / "etc/sentinel.conf").write_text("port 26379\n")
    state = host / "lib/sentinel/redis.conf"
    state.parent.mkdir(exist_ok=True)
    state.write_text(assembled("port 1\n", f"sentinel {written}"))
    for _ in range(2):
        assert run(monkeypatch, "sentinel", "sentinel") == 0
        assert f"\nsentinel {said}\n" in state.read_text()


def test_sentinel_starts_for_the_first_time(host: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, "sentinel", "sentinel") == 0
    assert (host / "lib/sentinel/redis.conf").read_text().splitlines()[-1] == assemble.FOOTER


DAMAGED = [
    "",
    "\n",
    "port 6379\n",
    assembled("port 6379\n").replace(assemble.FOOTER + "\n", ""),
    assembled("port 6379\n")[:-1],
    assembled("port 6379\n", "replicaof 10.0.0.2 63")[:-1],
    "\0" * 512,
]


@pytest.mark.parametrize("verb", [("server", "main"), ("sentinel", "sentinel")], ids=lambda verb: str(verb[0]))
@pytest.mark.parametrize("text", DAMAGED)
def test_a_damaged_file_stops_the_start_and_is_kept(
    host: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    verb: tuple[str, str],
    text: str,
) -> None:
    state = host / "lib" / verb[1] / "redis.conf"
    state.write_text(text)
    assert run(monkeypatch, *verb) == 1
    assert state.read_text() == text
    said = capsys.readouterr().err
    assert f"{state} is damaged" in said
    assert "Not started" in said


def test_a_file_that_cannot_be_written_is_said_and_the_previous_one_stays(
    host: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    state = host / "lib/main/redis.conf"
    state.write_text(assembled("port 1\n", "replicaof 10.0.0.2 6379"))
    before = state.read_text()

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(assemble.os, "fsync", full)
    assert run(monkeypatch, "server", "main") == 1
    assert state.read_text() == before
    assert "No space left on device" in capsys.readouterr().err


@pytest.mark.parametrize("broken", ["main.conf", "main.json"])
def test_a_missing_or_broken_file_of_ansible_stops_the_start(
    host: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], broken: str
) -> None:
    (host / "etc" / broken).unlink()
    assert run(monkeypatch, "server", "main") == 1
    assert "run site.yml" in capsys.readouterr().err
    if broken == "main.json":
        (host / "etc" / broken).write_text('{"name": ')
        assert run(monkeypatch, "server", "main") == 1
        assert "run site.yml" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("files", "data", "rdb_only"),
    [
        ({}, False, False),
        ({"dump.rdb": ""}, False, False),
        ({"dump.rdb": "x"}, True, True),
        ({"temp-123.rdb": "x"}, False, False),
        ({"appendonly.aof": "x"}, True, False),
        ({"dump.rdb": "x", "appendonly.aof": "x"}, True, False),
        ({"appendonlydir/appendonly.aof.1.base.rdb": "x", "appendonlydir/appendonly.aof.manifest": "x"}, True, False),
        ({"dump.rdb": "x", "appendonlydir/appendonly.aof.manifest": "x"}, True, False),
        ({"redis.conf": "x", "clean-stop": ""}, False, False),
    ],
)
def test_what_counts_as_data(tmp_path: Path, files: dict[str, str], data: bool, rdb_only: bool) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert assemble.has_data(tmp_path) is data
    assert assemble.only_rdb(tmp_path) is rdb_only


def test_a_declared_aof_over_a_snapshot_alone_is_loaded_from_the_snapshot(
    host: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = host / "lib/main/redis.conf"
    state.write_text(assembled("port 6379\n"))
    (host / "lib/main/dump.rdb").write_text("x")
    assert run(monkeypatch, "server", "main") == 0
    assert state.read_text().splitlines()[-2:] == ["appendonly no", assemble.FOOTER]


@pytest.mark.parametrize(("result", "clean"), [("success", True), ("exit-code", False), ("signal", False), ("", False)])
def test_only_an_orderly_end_is_remembered_as_one(
    host: Path, monkeypatch: pytest.MonkeyPatch, result: str, clean: bool
) -> None:
    monkeypatch.setenv("SERVICE_RESULT", result)
    assert run(monkeypatch, "stopped", "main") == 0
    assert (host / "lib/main/clean-stop").exists() is clean
    assert run(monkeypatch, "server", "main") == 0
    assert not (host / "lib/main/clean-stop").exists()


@pytest.mark.parametrize(
    ("policy", "code", "said"),
    [("wait", 1, "not started: no majority of the Sentinels answers"), ("recorded", 0, "start as primary after 0 s")],
)
def test_the_policy_decides_when_no_majority_answers(
    host: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    policy: str,
    code: int,
    said: str,
) -> None:
    facts = json.loads((host / "etc/main.json").read_text())
    facts.update(policy=policy, sentinels=[{"host": "x", "address": "127.0.0.1", "port": 1}])
    (host / "etc/main.json").write_text(json.dumps(facts))
    (host / "lib/main/redis.conf").write_text(assembled("port 6379\n"))
    (host / "lib/main/dump.aof").write_text("x")
    assert run(monkeypatch, "server", "main") == code
    assert said in capsys.readouterr().err


def test_no_policy_overrides_a_final_refusal(host: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    facts = json.loads((host / "etc/main.json").read_text())
    refusal = assemble.Decision(False, "this member has no data", final=True)
    monkeypatch.setattr(assemble, "decide", lambda evidence: refusal)
    with pytest.raises(assemble.UnusableError, match="not started: this member has no data"):
        assemble.guard({**facts, "policy": "recorded"}, None, True, host / "lib/main")


ID = "5af21b3977201c1cb2197d99c4925dc001f01f4a"
OWN = f"{ID} 10.0.0.1:7000@17000 myself,master - 0 0 1 connected 0-5460"
VARS = "vars currentEpoch 6 lastVoteEpoch 0"


def seen(number: int, **what: Any) -> Any:
    """Return what another member of a cluster knows of this one."""
    return assemble.View((f"10.0.0.{number}", 7000), **{"up": True, **what})


def member(**what: Any) -> Any:
    return assemble.decide_member(assemble.Member(**{"id": ID, **what}))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (None, (None, False)),
        ("", (None, False)),
        (f"{OWN}\n{VARS}\n", (ID, True)),
        (f"{OWN.replace('master', 'slave').replace(' 0-5460', '')}\n{VARS}\n", (ID, False)),
        (f"{OWN.replace('0-5460', '[7-<-' + ID + ']')}\n{VARS}\n", (ID, False)),
        (f"{OWN}\n", ("", False)),
        (f"{VARS}\n", ("", False)),
    ],
)
def test_who_a_member_of_a_cluster_is_stands_in_its_file(
    tmp_path: Path, text: str | None, found: tuple[str | None, bool]
) -> None:
    if text is not None:
        (tmp_path / "nodes.conf").write_text(text)
    assert assemble.identity(tmp_path / "nodes.conf") == found


def test_a_replica_that_was_saved_in_another_shard_than_its_primary_is_put_right(tmp_path: Path) -> None:
    """Both the one whose primary stands before it and the one whose primary stands after it; nothing else changes."""
    first, second = "a" * 40, "b" * 40

    def row(name: str, shard: str, flags: str, primary: str = "-", slots: str = "") -> str:
        return f"{name * 40} 10.0.0.1:7000@17000,,tls-port=0,shard-id={shard} {flags} {primary} 0 0 1 connected{slots}"

    rows = [
        row("3", second, "slave", "1" * 40),
        row("1", first, "myself,master", slots=" 0-5460 [7-<-" + "2" * 40 + "]"),
        row("4", first, "slave", "1" * 40),
        row("5", first, "slave", "2" * 40),
        row("2", second, "master", slots=" 5461-16383"),
        f"{'6' * 40} 10.0.0.9:7000@17000 slave {'7' * 40} 0 0 1 connected",
        VARS,
        "",
    ]
    (tmp_path / "nodes.conf").write_text("\n".join(rows))
    assemble.repair_nodes(tmp_path / "nodes.conf")
    mended = (tmp_path / "nodes.conf").read_text().split("\n")
    assert mended[0] == rows[0].replace(second, first) and mended[3] == rows[3].replace(first, second)
    assert [mended[at] for at in (1, 2, 4, 5, 6, 7)] == [rows[at] for at in (1, 2, 4, 5, 6, 7)]
    before = (tmp_path / "nodes.conf").stat()
    assemble.repair_nodes(tmp_path / "nodes.conf")
    assert (tmp_path / "nodes.conf").stat().st_ino == before.st_ino
    assemble.repair_nodes(tmp_path / "none.conf")
    assert not (tmp_path / "none.conf").exists()


@pytest.mark.parametrize("primary", [True, False])
def test_a_member_with_its_data_starts_at_once(primary: bool) -> None:
    assert member(primary=primary, has_data=True).start


def test_a_new_member_starts_and_one_that_is_known_does_not() -> None:
    assert member(id=None).start
    assert member(id=None, views=[seen(2), seen(3, up=False)]).start
    lost = member(id=None, views=[seen(2, known=ID), seen(3)])
    assert not lost.start and lost.final and "lost its identity" in lost.why
    assert not member(id=None, started_before=True, views=[seen(2), seen(3, up=False)]).start
    assert not member(id=None, has_data=True).start
    assert "damaged" in member(id="").why


def test_an_emptied_primary_waits_until_its_replica_has_taken_over() -> None:
    replica = ("10.0.0.3", 7000)
    views = [
        seen(2, known=ID, slots=True, replicas=[replica]),
        seen(3, known=ID, slots=True, replicas=[replica], keys=5),
    ]
    assert not member(primary=True, views=views).start
    # Promoted: nobody says any more that the slots are ours.
    assert member(primary=True, views=[seen(2, known=ID), seen(3, known=ID, keys=5)]).start
    # Nobody holds anything.
    empty = [seen(2, known=ID, slots=True, replicas=[replica]), seen(3, known=ID, slots=True, replicas=[replica])]
    assert member(primary=True, views=empty).start
    assert not member(primary=True, views=[seen(2, up=False), seen(3, up=False)]).start
    # A replica that has failed, or that does not answer, is no reason to wait for it, unless too few answer.
    assert not member(primary=True, views=[seen(2, known=ID, slots=True), seen(3, up=False), seen(4, up=False)]).start
