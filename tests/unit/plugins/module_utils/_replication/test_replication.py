# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every situation that a data set can be found in, and what the plan says to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._core.errors import AuthFailed, Refused, Unsettled
from ansible_collections.quorum.redis.plugins.module_utils._core.reconcile import Step
from ansible_collections.quorum.redis.plugins.module_utils._model.observed import (
    NOT_YET,
    Downstream,
    Observed,
    SentinelView,
    Upstream,
    WatchedMaster,
)
from ansible_collections.quorum.redis.plugins.module_utils._replication.election import Wish
from ansible_collections.quorum.redis.plugins.module_utils._replication.plan import (
    Planner,
    is_converged,
    is_stuck,
    list_pending,
    list_silenced,
    list_syncing,
)
from ansible_collections.quorum.redis.plugins.module_utils._replication.prediction import (
    assume_started,
    predict_members,
)
from ansible_collections.quorum.redis.plugins.module_utils._replication.steps import (
    Follow,
    ForgetSet,
    NamePrimary,
    Promote,
    Relink,
)

PORT = 6379


def address(host: str) -> str:
    """Return the address of r1, r2, ..."""
    return f"192.0.2.{host[1:]}"


def server(host: str, keys: int = 3, replid: str = "A", offset: int = 100, **more: Any) -> Observed:
    """Return a server that can be observed."""
    return Observed(
        host=host, address=address(host), port=PORT, reachable=True, run_id=f"run-{host}", mode="standalone",
        key_count=keys, replication_id=replid, offset=offset, **more,
    )  # fmt: skip


def primary(host: str, *replicas: str, **more: Any) -> Observed:
    """Return a primary with these replicas."""
    found = [Downstream(address(name), PORT, "online", 100, 0) for name in replicas]
    return replace(server(host, **more), role="primary", replicas=found)


def replica(host: str, of: str, link: str = "up", **more: Any) -> Observed:
    """Return a replica of another one."""
    upstream = Upstream(address(of), PORT, link, sync_in_progress=False, last_io_seconds=1)
    return replace(server(host, **more), role="replica", primary=upstream)


def parked(host: str, **more: Any) -> Observed:
    """Return an empty member that waits to be told its role."""
    waiting = Upstream("127.0.0.1", 0, "down", sync_in_progress=False, last_io_seconds=-1)
    found: dict[str, Any] = {"keys": 0, "replid": f"own-{host}", "offset": 0, **more}
    return replace(server(host, **found), role="replica", primary=waiting)


def gone(host: str, kind: str = "timeout") -> Observed:
    """Return a member that cannot be observed."""
    return Observed(host=host, address=address(host), port=PORT, error=f"no answer from {host}.", error_kind=kind)


def sentinel(host: str, names: str = "", flags: str = "master", knows: str = "", run_id: str = "") -> SentinelView:
    """Return a Sentinel that names this member as the primary, and knows those as replicas."""
    view = SentinelView(host=host, address=address(host), port=26379, reachable=True, myid=f"id-{host}")
    if names:
        where = address(names) if names[0] == "r" else names
        replicas = [{"address": address(name), "port": PORT, "flags": []} for name in knows.split()]
        view.masters["main"] = WatchedMaster(where, PORT, run_id, flags.split(","), replicas=replicas)
    return view


WORDS: dict[type[Step], str] = {
    Promote: "promote",
    Follow: "follow",
    Relink: "relink",
    ForgetSet: "forget",
    NamePrimary: "tell",
}


def summary(steps: Sequence[Step]) -> list[str]:
    """Return what is done with whom, one step after the other."""
    return [f"{WORDS[type(step)]} {getattr(step, 'member', '') or getattr(step, 'sentinel', '')}" for step in steps]


def three(names: str, flags: str = "master", knows: str = "") -> list[SentinelView]:
    """Return three Sentinels of one opinion."""
    return [sentinel(host, names, flags, knows) for host in ("r1", "r2", "r3")]


SILENT = SentinelView(host="r9", address="192.0.2.9", port=26379, error="gone", error_kind="timeout")
HEALTHY = [primary("r1", "r2", "r3"), replica("r2", "r1"), replica("r3", "r1")]
MOVED = [replica("r1", "r2"), primary("r2", "r1", "r3"), replica("r3", "r2")]
PARKED = [parked("r1"), parked("r2"), parked("r3")]


@dataclass
class Case:
    """A situation and what must come of it: the primary and the steps, or the words of the refusal."""

    name: str
    members: list[Observed]
    views: list[SentinelView] = field(default_factory=list)
    chosen: str = "r1"
    steps: str = ""
    refused: str = ""
    unsettled: bool = False
    patient: bool = False
    trust: str = ""
    seed: str = "r1"
    warns: str = ""


OLD: dict[str, Any] = {"replid": "OLD"}
TWO = [primary("r1", replid="A"), primary("r2", "r3", replid="B"), replica("r3", "r2", replid="B")]
LATE: dict[str, Any] = {"replid": "OLD", "offset": 90}
SUCCESSOR: dict[str, Any] = {"replication_id2": "OLD", "second_offset": 95}
CASES = [
    # what is right stays, whoever is primary
    Case("healthy", HEALTHY),
    Case("healthy, seed elsewhere", HEALTHY, seed="r3"),
    Case("healthy with Sentinels", HEALTHY, three("r1")),
    Case("after a failover", MOVED, three("r2"), chosen="r2"),
    Case("after a failover, without Sentinel", MOVED, chosen="r2"),
    Case("one member, empty primary", [primary("r1", keys=0)]),
    Case("one member with data", [primary("r1")]),
    Case("empty set with replicas", [primary("r1", "r2", keys=0), replica("r2", "r1", keys=0)]),
    Case("trust without a conflict does nothing", HEALTHY, trust="r2"),
    Case("link down but the right address", [HEALTHY[0], replica("r2", "r1", link="down")]),
    Case("right address, own history after a restart", [HEALTHY[0], replica("r2", "r1", "down", replid="Z")]),
    # the very first start
    Case("all parked", PARKED, steps="promote r1, follow r2, follow r3"),
    Case("all parked, other seed", PARKED, chosen="r2", seed="r2", steps="promote r2, follow r1, follow r3"),
    Case("all parked, Sentinels without an opinion", PARKED, [sentinel("r1"), sentinel("r2"), SILENT],
         steps="promote r1, follow r2, follow r3"),
    Case("all parked, the Sentinels remember r2", PARKED, three("r2", "s_down,o_down,master"), chosen="r2",
         steps="promote r2, follow r1, follow r3"),
    Case("first start was cut off after the promotion", [primary("r1", keys=0), parked("r2"), parked("r3")],
         steps="follow r2, follow r3"),
    Case("cut off, other seed now", [parked("r1"), primary("r2", keys=0), parked("r3")], chosen="r2",
         steps="follow r1, follow r3"),
    Case("fresh servers that never were parked", [primary("r1", keys=0), primary("r2", keys=0)], steps="follow r2"),
    Case("empty cycle", [replica("r1", "r2", keys=0), replica("r2", "r1", keys=0)], steps="promote r1"),
    Case("parked but one is silent", [parked("r1"), parked("r2"), gone("r3")], refused="whether r3 holds data"),
    Case("parked but one refuses the connection", [parked("r1"), gone("r2", "refused")],
         refused="whether r2 holds data"),
    Case("lone empty primary beside a silent member", [primary("r1", keys=0), gone("r2")],
         refused="whether r2 holds data"),
    # new and wandering members
    Case("new empty member", [*HEALTHY, parked("r4")], steps="follow r4"),
    Case("new empty member that never was parked", [*HEALTHY, primary("r4", keys=0, replid="N")], steps="follow r4"),
    Case("new member beside Sentinels", [*MOVED, parked("r4")], three("r2"), chosen="r2", steps="follow r4"),
    Case("chain", [primary("r1", "r2"), replica("r2", "r1"), replica("r3", "r2")], steps="follow r3"),
    Case("still follows the old primary, of the same history",
         [primary("r2", "r3", **SUCCESSOR), replica("r3", "r2"), replica("r4", "r1", link="down", **OLD)],
         chosen="r2", steps="follow r4"),
    Case("lost its history by an AOF restart, but the Sentinels know it",
         [gone("r1"), primary("r2"), replica("r3", "r1", link="down", replid="Z")], three("r2", knows="r1 r3"),
         chosen="r2", steps="follow r3", warns="r1"),
    Case("follows a stranger", [*HEALTHY, replica("r4", "r8", replid="X")], refused="r4 holds 3 keys"),
    Case("foreign data, waiting", [*HEALTHY, parked("r4", keys=7)], refused="r4 holds 7 keys"),
    Case("old primary is back, all it holds is known",
         [primary("r1", **LATE), primary("r2", "r3", **SUCCESSOR), replica("r3", "r2")],
         chosen="r2", steps="follow r1"),
    Case("old primary that is back and has taken more",
         [primary("r1", replid="OLD", offset=96), primary("r2", "r3", **SUCCESSOR), replica("r3", "r2")],
         refused="Two primaries: r1 and r2"),
    Case("a member is gone, the rest goes on", [*HEALTHY[:2], gone("r3"), parked("r4")], steps="follow r4",
         warns="r3"),
    # data, but no primary
    Case("cycle", [replica("r1", "r2"), replica("r2", "r1"), replica("r3", "r1")],
         refused="No member is a primary although r1, r2, r3 hold data"),
    Case("all follow something unknown", [replica("r1", "r8"), replica("r2", "r8")], refused="No member is a primary"),
    Case("primary silent, no Sentinel", [gone("r1"), replica("r2", "r1", "down")], refused="r1 cannot be observed"),
    Case("emptied primary, parked", [parked("r1"), replica("r2", "r1", link="down")],
         refused="No member is a primary although r2 holds data"),
    Case("emptied primary that started as primary", [primary("r1", keys=0, replid="N"), replica("r2", "r1", "down")],
         refused="No member is a primary although r2 holds data"),
    Case("emptied primary that the Sentinels still name",
         [primary("r1", keys=0, replid="N"), replica("r2", "r1", "down")], three("r1"), refused="r2 holds 3 keys"),
    Case("new empty member, primary gone", [gone("r1"), replica("r2", "r1", "down"), parked("r4")],
         refused="No member is a primary"),
    # two primaries
    Case("two with data", TWO, refused="Two primaries: r1 and r2"),
    Case("two with data, Sentinels name one", TWO, three("r2"), refused="name r2, but r1 is one too", unsettled=True),
    Case("three primaries", [primary("r1"), primary("r2", replid="B"), primary("r3", replid="C")],
         refused="Two primaries: r1 and r2 and r3"),
    # Sentinels
    Case("one Sentinel is stale", HEALTHY, [sentinel("r1", "r2"), *three("r1")[1:]]),
    Case("one Sentinel is silent", HEALTHY, [SILENT, *three("r1")[1:]]),
    Case("Sentinels split", HEALTHY, [sentinel("r1", "r1"), sentinel("r2", "r2")], refused="different primaries",
         unsettled=True),
    Case("Sentinels all on a replica", HEALTHY, three("r2"), refused="name r2, but its role is replica",
         unsettled=True),
    Case("Sentinels stuck on a replica", HEALTHY, three("r2", "s_down,o_down,master"),
         refused="name r2, but its role is replica", unsettled=True),
    Case("Sentinels name a stranger", HEALTHY, three("198.51.100.7"), refused="198.51.100.7:6379, which is no member"),
    Case("Sentinels name it by another address", HEALTHY,
         [sentinel(host, "10.0.0.1", run_id="run-r1") for host in ("r1", "r2", "r3")]),
    Case("failover in progress", MOVED, three("r1", "failover_in_progress,master,s_down"), refused="are moving it",
         unsettled=True, patient=True),
    Case("primary down, failover must be expected", [gone("r1"), *HEALTHY[1:]], three("r1", "master,o_down,s_down"),
         refused="are moving it", unsettled=True, patient=True),
    Case("primary down, not yet agreed", [gone("r1"), *HEALTHY[1:]], three("r1", "master,s_down"),
         refused="name r1, which cannot be observed", unsettled=True, patient=True),
    Case("FAILOVER command in progress", [replace(HEALTHY[0], failover_state="waiting-for-sync"), *HEALTHY[1:]],
         refused="in the middle of a failover", unsettled=True, patient=True),
    Case("renamed hosts, same addresses", [replace(one, host=f"db-{one.host}") for one in MOVED], three("r2"),
         chosen="db-r2"),
    # trust
    Case("trust one of two", TWO, chosen="r1", trust="r1", steps="follow r2, follow r3", warns="redis_trust says so"),
    Case("trust the other of two", TWO, chosen="r2", trust="r2", steps="follow r1", warns="redis_trust says so"),
    Case("trust in a cycle", [replica("r1", "r2"), replica("r2", "r1")], trust="r1",
         steps="promote r1", warns="redis_trust"),
    Case("trust against foreign data", [*HEALTHY, parked("r4", keys=7)], trust="r1", steps="follow r4", warns="r4"),
    Case("trust after an emptied primary", [parked("r1"), replica("r2", "r1", "down"), replica("r3", "r1", "down")],
         chosen="r2", trust="r2", steps="promote r2, follow r1, follow r3", warns="redis_trust"),
    Case("trust the true primary over stale Sentinels", HEALTHY, three("r2"), trust="r1", warns="redis_trust"),
    Case("trust an empty one", [parked("r1"), replica("r2", "r1", "down")], trust="r1", refused="holds no key"),
    Case("trust a silent one", [gone("r1"), replica("r2", "r1", "down")], trust="r1", refused="no member that can be"),
    Case("trust a stranger", TWO, trust="r7", refused="r7, named by redis_trust"),
    Case("trust during a failover", MOVED, three("r1", "failover_in_progress,master"), trust="r1",
         refused="are moving it", unsettled=True, patient=True),
    # what no plan heals
    Case("one server under two names", [HEALTHY[0], replace(HEALTHY[0], host="r7", address="192.0.2.7")],
         refused="r1 and r7 are one and the same server"),
    Case("a Sentinel in place of a server", [HEALTHY[0], replace(parked("r2"), mode="sentinel")],
         refused="runs in mode sentinel"),
    Case("still loading", [replace(HEALTHY[0], persistence={"loading": 1}), *HEALTHY[1:]], refused="still loading",
         unsettled=True, patient=True),
]  # fmt: skip


ASTRAY = [gone("r1"), replica("r2", "r8"), replica("r3", "r8")]


@pytest.mark.parametrize("views", [[], three("192.0.2.8"), [sentinel("r1"), sentinel("r2", "192.0.2.8"), SILENT]])
@pytest.mark.parametrize("trust", ["", "r2"])
def test_nobody_is_trusted_over_a_living_link(views: list[SentinelView], trust: str) -> None:
    """A wrong address of the primary: it lives where its replicas know it, and one of them must not replace it."""
    with pytest.raises(Refused) as caught:
        Planner(ASTRAY, views, Wish("main", "r1", trust)).plan()
    text = str(caught.value)
    assert "r2 and r3 have a living link to 192.0.2.8:6379, so a primary lives there" in text
    assert "r1 is declared at 192.0.2.1:6379 and does not answer there. Correct redis_address or the port of r1" in text
    assert "redis_trust" not in text


def test_one_that_is_dead_may_be_replaced() -> None:
    lost = [gone("r1"), replica("r2", "r8", link="down"), replica("r3", "r8", link="down")]
    assert Planner(lost, [], Wish("main", "r1", "r2")).plan().primary.name == "r2"


def test_a_primary_that_the_sentinels_know_by_another_address_is_declared() -> None:
    seen = [primary("r1"), replica("r2", "r8"), replica("r3", "r8")]
    views = [sentinel(host, "192.0.2.8", run_id="run-r1") for host in ("r1", "r2", "r3")]
    assert Planner(seen, views, Wish("main", "r1")).find_contradiction() == ""


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_plan(case: Case) -> None:
    """The plan is as expected; what is refused shows the table and the way on; the same input gives the same plan."""
    planner = Planner(case.members, case.views, Wish("main", case.seed, case.trust))
    if case.refused:
        with pytest.raises(Refused) as caught:
            planner.plan()
        text = str(caught.value)
        assert case.refused in text
        assert isinstance(caught.value, Unsettled) is case.unsettled
        assert getattr(caught.value, "patient", False) is case.patient
        for member in case.members:
            assert any(line.split()[:1] == [member.name] for line in text.splitlines()), text
        return
    plan = planner.plan()
    assert plan.primary.name == case.chosen
    assert ", ".join(summary(plan.steps)) == case.steps
    assert case.warns in " ".join(plan.warnings)
    assert bool(plan.warnings) is bool(case.warns)
    after = predict_members(case.members, plan)
    then = Planner(after, [], Wish("main", case.seed))
    assert list_pending(then, plan.primary) == [
        f"{one.name} has no link to {plan.primary.name}" for one in after if one.primary and one.primary.link != "up"
    ]


def test_password() -> None:
    """A wrong password comes before everything else and names the variable."""
    with pytest.raises(AuthFailed, match="r2 refuses the password of redis_password"):
        Planner([HEALTHY[0], gone("r2", "auth")], [], Wish("main")).plan()
    wrong = SentinelView(host="r3", error="no", error_kind="auth")
    with pytest.raises(AuthFailed, match="r3 refuses the password of redis_sentinel_password"):
        Planner(HEALTHY, [wrong], Wish("main")).plan()


@pytest.mark.parametrize(
    ("members", "steps"),
    [
        ([gone("r1", "refused"), gone("r2", "refused")], ["promote r1", "follow r2"]),
        ([*HEALTHY, gone("r4", "refused")], ["follow r4"]),
        ([*HEALTHY, gone("r4", "timeout")], []),
    ],
    ids=["fresh hosts", "fresh host beside a set", "silent host"],
)
def test_check_mode(members: list[Observed], steps: list[str]) -> None:
    """In check mode what does not run yet counts as started."""
    plan = Planner(assume_started(members), [], Wish("main", "r1")).plan()
    assert summary(plan.steps) == steps


def test_refusal_reads_well() -> None:
    """The whole message, as the user sees it."""
    with pytest.raises(Refused) as caught:
        Planner([*TWO, gone("r4")], [sentinel("r1", "r1"), SILENT, sentinel("r3")], Wish("main")).plan()
    assert str(caught.value) == (
        "Two primaries: the Sentinels name r1, but r2 is one too (data set main).\n"
        "  member  role     follows                 offset  keys  replication id\n"
        "  r1      primary  -                       100     3     A\n"
        "  r2      primary  -                       100     3     B\n"
        "  r3      replica  r2, link up             100     3     B\n"
        "  r4      ?        not observed (timeout)  ?       ?     ?\n"
        "  sentinel  says\n"
        "  r1        r1 (master)\n"
        "  r9        no answer (timeout)\n"
        "  r3        does not monitor main\n"
        "Nothing was changed. Look at the members, then set redis_trust to the one whose data is right (r1, r2, r3): "
        "it becomes the primary, and what the others hold beside it is overwritten."
    )


@pytest.mark.parametrize(
    ("views", "way"),
    [
        ([], "run quorum.redis.failover with redis_failover_dead_primary=true"),
        ([SILENT], "bring a majority of the Sentinels back"),
    ],
)
def test_a_primary_out_of_reach_is_not_talked_away(views: list[SentinelView], way: str) -> None:
    """It may live: nobody is told to trust another member in its place."""
    with pytest.raises(Refused) as found:
        Planner([gone("r1"), replica("r2", "r1"), parked("r3")], views, Wish("main")).plan()
    assert "r1 may live and only be out of reach: bring it back" in found.value.todo
    assert found.value.todo.endswith(f"If it is dead, {way}") and "redis_trust" not in found.value.todo
    with pytest.raises(Refused) as found:
        Planner([parked("r1"), replica("r2", "r1"), gone("r3")], views, Wish("main")).plan()
    assert "set redis_trust" in found.value.todo, "it follows one that answers"


def behind(member: Observed) -> Observed:
    """Return a member that follows by the plain port, while peers shall use the one for TLS."""
    assert member.primary is not None
    return replace(member, primary=replace(member.primary, port=PLAIN))


PLAIN = PORT - 1000
MOVED = [
    replace(one, other_port=PLAIN) for one in [primary("r1", "r2", "r3"), replica("r2", "r1"), replica("r3", "r1")]
]
PLAIN_VIEWS = [
    replace(view, masters={"main": replace(view.masters["main"], port=PLAIN, quorum=2)})
    for view in three("r1", knows="r2 r3")
]


def test_members_move_to_the_other_port_one_after_the_other_and_no_sentinel_leads_them_back() -> None:
    members = [MOVED[0], behind(MOVED[1]), behind(MOVED[2])]
    plan = Planner(members, PLAIN_VIEWS, Wish("main", "r1")).plan()
    assert summary(plan.steps) == [
        "forget r1", "forget r2", "forget r3", "tell r1", "tell r2", "tell r3", "follow r2", "follow r3",
    ]  # fmt: skip
    told = plan.steps[3]
    assert isinstance(told, NamePrimary)
    assert told.commands[0] == ["SENTINEL", "MONITOR", "main", MOVED[0].address, str(PORT), "2"]
    assert [step.linked for step in plan.steps[6:] if isinstance(step, Follow)] == [True, True]
    assert list_pending(Planner(members, [], Wish("main")), plan.primary)
    # Cut short: one Sentinel and one replica are done.
    plan = Planner([*members[:2], MOVED[2]], [sentinel("r1"), *PLAIN_VIEWS[1:]], Wish("main", "r1")).plan()
    assert [word.split()[0] for word in summary(plan.steps)] == ["forget", "forget", "tell", "tell", "follow"]
    # Redis 6.0 is told once it speaks TLS.
    plan = Planner(members, [replace(view, version="6.0.16") for view in PLAIN_VIEWS], Wish("main", "r1")).plan()
    assert [word.split()[0] for word in summary(plan.steps)] == ["forget"] * 3 + ["follow"] * 2
    # Done: Sentinels that know the new port, or do not know the set yet, stay as they are.
    for views in ([], three("r1", knows="r2 r3"), [sentinel(name) for name in ("r1", "r2", "r3")]):
        assert Planner(MOVED, views, Wish("main", "r1")).plan().steps == []


@pytest.mark.parametrize(
    ("login", "words"),
    [
        (("", ""), []),
        (("", "p w'\"\\"), ["auth-pass", "p w'\"\\"]),
        (("watcher", "s3cret"), ["auth-user", "watcher", "auth-pass", "s3cret"]),
    ],
    ids=["no password", "no user", "user"],
)
def test_a_sentinel_that_is_told_the_primary_gets_its_login_at_once(login: tuple[str, str], words: list[str]) -> None:
    """It would be refused after its restart, and see nobody. What it is told goes out in one packet."""
    wish = Wish("main", "r1", "", False, *login)
    (step, *_) = [one for one in Planner(MOVED, PLAIN_VIEWS, wish).plan().steps if isinstance(one, NamePrimary)]
    monitor, options = step.commands
    assert monitor[:3] == ["SENTINEL", "MONITOR", "main"]
    assert options == ["SENTINEL", "SET", "main", "down-after-milliseconds", str(NOT_YET), *words]
    assert step.secrets == [login[1]] * bool(login[1])
    assert not login[1] or login[1] not in step.text


def test_members_stay_at_their_port_while_a_sentinel_is_silent() -> None:
    members = [MOVED[0], behind(MOVED[1]), MOVED[2]]
    with pytest.raises(Refused, match="s9 cannot be told"):
        Planner(members, [*PLAIN_VIEWS, replace(SILENT, host="s9")], Wish("main", "r1")).plan()
    done = [*three("r1", knows="r2 r3"), replace(SILENT, host="s9")]
    assert Planner(MOVED, done, Wish("main", "r1")).plan().steps == []


@pytest.mark.parametrize(
    ("old", "new", "link", "refused"),
    [
        (("redis", "6.0.16"), ("redis", "7.0.15"), "down", True),
        (("redis", "6.0.16"), ("redis", "6.2.6"), "down", False),
        (("redis", "7.0.15"), ("redis", "6.0.16"), "down", False),
        (("valkey", "8.1.1"), ("redis", "8.0.2"), "down", True),
        (("valkey", "9.0.0"), ("redis", "7.4.0"), "down", True),
        (("valkey", "8.1.1"), ("redis", "7.2.0"), "down", False),
        (("redis", "8.0.2"), ("valkey", "9.0.0"), "down", True),
        # In the middle of an upgrade, until it has to synchronise again.
        (("redis", "6.0.16"), ("redis", "7.0.15"), "up", False),
    ],
)
def test_a_replica_that_cannot_load_what_it_is_sent(
    old: tuple[str, str], new: tuple[str, str], link: str, refused: bool
) -> None:
    """It would wait for a synchronisation that never ends well."""
    head = primary("r1", "r2", engine=new[0], version=new[1])
    tail = replica("r2", "r1", link, engine=old[0], version=old[1])
    planner = Planner([head, tail], [], Wish("main"))
    if not refused:
        assert planner.plan().primary is head
        return
    with pytest.raises(Refused, match=rf"r2 \(its version is {old[0]} {old[1]}\) cannot load .* r1, {new[0]} {new[1]}"):
        planner.plan()


@pytest.mark.parametrize(
    ("tail", "waits"),
    [
        (replica("r2", "r1", "down", engine="redis", version="7.0.15"), "r2 has no link to r1"),
        (parked("r2", engine="redis", version="7.0.15"), "r2 does not follow r1"),
    ],
)
def test_an_upgrade_may_reach_who_cannot_load_what_it_is_sent(tail: Observed, waits: str) -> None:
    """The refusal names the upgrade as the way out, so that must not be refused for the same reason."""
    head = primary("r1", "r2", engine="redis", version="8.0.2")
    with pytest.raises(Refused, match="cannot load the data"):
        Planner([head, tail], [], Wish("main")).plan()
    planner = Planner([head, tail], [], Wish("main", mixed=True))
    assert planner.plan().steps == [] and list_pending(planner, head) == [waits]


def test_a_member_without_room_for_a_synchronisation_is_told_so() -> None:
    """Its disk was full: the run waited redis_wait seconds and named the link alone."""
    full = replica("r2", "r1", link="down", persistence={"rdb_last_bgsave_status": "err"})
    members = [primary("r1", "r3"), full, replica("r3", "r1")]
    planner = Planner(members, [], Wish("main"))
    assert list_pending(planner, members[0]) == [
        "r2 has no link to r1, and could not write to its disk, which may be full or read-only"
    ]


def test_what_never_comes_in_sync_is_not_waited_for_as_long_as_what_does() -> None:
    err = {"aof_last_write_status": "err"}
    r1, r3 = primary("r1", "r2", "r3"), replica("r3", "r1")
    silent = Observed("r2", "192.0.2.2", PORT, error_kind="timeout", error="No answer")

    def stuck(tail: Observed, head: Observed = r1, *syncing: str) -> bool:
        return is_stuck(Planner([head, tail, r3], [], Wish("main")), head, set(syncing))

    assert stuck(replica("r2", "r1", link="down", persistence=err)) and stuck(silent) and stuck(replica("r2", "r1"))
    syncing = replica("r2", "r1", link="down", persistence=err)
    assert syncing.primary
    syncing.primary.sync_in_progress = True
    for hopeful in (replica("r2", "r1", link="down"), replica("r2", "r3"), syncing):
        assert not stuck(hopeful)
    full, dead = replica("r2", "r1", link="down", persistence=err), replace(silent, error_kind="refused")
    place = Downstream(full.address, full.port, "wait_bgsave", 0, 0)
    assert not stuck(full, replace(r1, replicas=[place])), "it waits for the primary to begin"
    assert stuck(full, replace(r1, replicas=[replace(place, state="online"), replace(place, port=1)]))
    assert not stuck(silent, r1, "r2"), "it drops its old data"
    assert stuck(silent, r1, "r3") and stuck(dead, r1, "r2")
    before, after = (Planner([r1, tail, r3], [], Wish("main")) for tail in (replica("r2", "r1"), silent))
    assert list_silenced(after, {"r1", "r2"}) == ["r2 does not answer any more"]
    assert list_silenced(after, {"r1", "r3"}) == list_silenced(before, {"r1", "r2"}) == []


def test_who_was_in_a_synchronisation_when_it_answered_last_is_remembered() -> None:
    r1, r3, silent = primary("r1", "r2", "r3"), replica("r3", "r1"), Observed("r2", error_kind="timeout")
    syncing = replica("r2", "r1", link="down")
    assert syncing.primary
    syncing.primary.sync_in_progress = True
    hosts: set[str] = set()
    for tail, expected in ((syncing, {"r2"}), (silent, {"r2"}), (silent, {"r2"}), (replica("r2", "r1"), set())):
        hosts = list_syncing(Planner([r1, tail, r3], [], Wish("main")), hosts)
        assert hosts == expected


def test_a_replica_that_is_listed_by_a_former_address_opens_its_link_again() -> None:
    """Only where the primary lists somebody unknown in its place, and its link is up."""

    def texts(*members: Observed) -> list[str]:
        return [step.text for step in Planner(members, [], Wish("main", "r1")).plan().steps]

    assert texts(primary("r1", "r2"), replica("r2", "r1")) == []
    (said,) = texts(primary("r1", "r9"), replica("r2", "r1"))
    assert said.startswith("r2 (192.0.2.2:6379): open the link to r1 again")
    assert texts(primary("r1", "r9"), replica("r2", "r1", link="down")) == []
    assert texts(primary("r1"), replica("r2", "r1")) == []
    assert texts(primary("r1", "r2", "r9"), replica("r2", "r1")) == []


KNOWING = three("r1", knows="r2 r3")
STRAY = replace(HEALTHY[0], replicas=[*HEALTHY[0].replicas, Downstream("192.0.2.77", PORT, "online", 100, 0)])


@pytest.mark.parametrize(
    ("members", "views", "left_alone"),
    [
        (HEALTHY, KNOWING, True),
        ([replica("r1", "r2"), primary("r2", "r1", "r3"), replica("r3", "r2")], three("r2", knows="r1 r3"), True),
        (HEALTHY, [], True),
        ([], [], False),
        ([*HEALTHY[:2], gone("r3")], KNOWING, False),
        (HEALTHY, [*KNOWING[:2], SILENT], False),
        (HEALTHY, [*KNOWING[:2], sentinel("r3")], False),
        (HEALTHY, three("r2", knows="r1 r3"), False),
        (PARKED, [], False),
        ([*HEALTHY[:2], replica("r3", "r2")], KNOWING, False),
        ([*HEALTHY[:2], replica("r3", "r1", link="down")], KNOWING, False),
        ([STRAY, *HEALTHY[1:]], KNOWING, False),
        ([*HEALTHY[:2], primary("r3")], KNOWING, False),
    ],
)
def test_a_set_is_left_alone_only_when_nothing_is_missing_nor_surplus(
    members: list[Observed], views: list[SentinelView], left_alone: bool
) -> None:
    assert is_converged(Planner(members, views, Wish("main", "r1"))) is left_alone
