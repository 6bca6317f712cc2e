# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The status page and its verdict."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._model.client_page import FILES, client_code, files_of
from ansible_collections.quorum.redis.plugins.module_utils._model.observed import SentinelView
from ansible_collections.quorum.redis.plugins.module_utils._model.status_page import render_page
from ansible_collections.quorum.redis.plugins.module_utils._redis.replies import parse_acl_log
from observed_sets import (
    ADDRESS,
    HOSTS,
    gone,
    model,
    parked,
    primary,
    replica,
    sentinel,
    sentinels,
    servers,
    unwritten,
)

ROOT = Path(__file__).resolve().parents[5]


def told(seen: dict[str, Any]) -> str:
    _page, problems = render_page(model(), HEALTHY, sentinels(seen, seen, seen))
    return "\n".join(problems)


def test_who_is_gone_and_counts_is_a_problem_with_its_arithmetic() -> None:
    assert told(sentinel(others={4: "s_down,sentinel"})) == (
        "main: the Sentinels of r1, r2, r3 know 4 Sentinels of main, 3 of them alive; a failover takes quorum 2 and "
        "majority 3, so it survives the loss of 0 more; not declared: 10.0.0.4:26379, which is down. Run site.yml, "
        "after which they forget who is gone; declare or retire who lives."
    )
    assert "10.0.0.4:26379, which lives" in told(sentinel(others={4: "sentinel"}))
    assert "know 3 Sentinels of main, 1 of them alive" in told(sentinel(others={2: "s_down", 3: "s_down"}))
    assert told(sentinel(others={3: "s_down"})) == ""
    assert "a replica of main that is no member: 10.0.0.9:6379, which is down" in told(sentinel(replicas={9: "s_down"}))


def test_a_set_that_left_the_inventory_is_named_with_the_way_to_remove_it() -> None:
    view = sentinel()
    view["masters"]["old"] = view["masters"]["main"]
    said = told(view)
    assert said.startswith("old: the Sentinels of r1, r2, r3 watch it") and "redis_remove_set=old" in said


HEALTHY = servers(primary(), replica(90), replica())
AGREED = sentinels(sentinel(), sentinel(), sentinel())


def test_the_page_of_a_healthy_set() -> None:
    page, problems = render_page(model(), HEALTHY, AGREED)
    assert problems == []
    assert [line for line in page if line] == [
        "main: redis 7.0.15, port 6379",
        "=============================",
        "  member  role     state       behind    keys",
        "  r1      primary  2 replicas            7",
        "  r2      replica  in sync     10 bytes  7",
        "  r3      replica  in sync     0 bytes   7",
        "  sentinel  names as primary    state",
        "  r1        r1 (10.0.0.1:6379)  ok, knows 2 replicas",
        "  r2        r1 (10.0.0.1:6379)  ok, knows 2 replicas",
        "  r3        r1 (10.0.0.1:6379)  ok, knows 2 replicas",
        "  healthy: one primary, 2 replicas in sync, every Sentinel agrees",
        "  connect: REDIS_NAME=main REDIS_SENTINELS=10.0.0.1:26379,10.0.0.2:26379,10.0.0.3:26379",
    ]


def test_two_passwords_are_told_and_no_problem() -> None:
    seen = servers({**primary(), "rotating": ["shop", "default"]}, replica(), {**replica(), "rotating": ["default"]})
    page, problems = render_page(
        model(), seen, sentinels(sentinel(), {**sentinel(), "rotating": ["default"]}, sentinel())
    )
    assert problems == []
    assert [line for line in page if "passwords" in line] == [
        "  The Sentinels: two passwords open for default at r2; rotate.yml ends that",
        "  main: two passwords open for default, shop at r1, r3; rotate.yml ends that",
    ]


def test_users_that_somebody_has_typed_are_told_and_no_problem() -> None:
    """No other member knows them: the next failover shuts them out."""
    seen = servers({**primary(), "users": ["bob", "shop"]}, replica(), {**replica(), "users": ["shop"]})
    declared = model()
    page, problems = render_page(declared, seen, AGREED)
    assert problems == []
    assert [line.partition(". Declare")[0] for line in page if "ACL users" in line] == [
        "  main: not declared: the ACL users bob, shop of r1",
        "  main: not declared: the ACL users shop of r3",
    ]
    declared["instances"][0]["acl"] = {"names": ["shop"]}
    (told_of,) = [line for line in render_page(declared, seen, AGREED)[0] if "ACL users" in line]
    assert told_of.startswith("  main: not declared: the ACL users bob of r1.")


def test_a_sentinel_of_somebody_else_is_named() -> None:
    """Under the name of the set ours know it and count it; under another one nobody did, and it moves the primary."""
    views = [{**sentinel(), "myid": f"{number}" * 40} for number in (1, 2, 3)]
    known = [{"id": f"{number}" * 8, "address": f"10.0.0.{number}"} for number in (1, 2, 3)]
    other = {"id": "abcdef01", "address": "10.0.0.3"}
    seen = servers({**primary(), "watchers": known}, {**replica(), "watchers": [*known, other]}, replica())
    _page, problems = render_page(model(), seen, sentinels(*views))
    assert [text.partition(", under")[0] for text in problems] == [
        "main: a Sentinel that is not declared watches r2 from 10.0.0.3 (its myid begins with abcdef01)"
    ]
    # One of ours that did not answer may be who listens there.
    assert not [text for text in render_page(model(), seen, sentinels(*views[:2], None))[1] if "its myid" in text]
    alone = model(sentinel=False)
    assert len([text for text in render_page(alone, seen, {})[1] if "its myid" in text]) == 4


def test_units_that_do_not_come_back_are_named_once() -> None:
    units = [{"unit": "redis-backup.timer", "state": "disabled"}]
    seen = servers({**primary(), "units": units}, replica(), replica())
    _page, problems = render_page(model(), seen, sentinels({**sentinel(), "units": units}, sentinel(), sentinel()))
    assert problems == ["redis-backup.timer at r1 is disabled. Run site.yml, which enables and starts it."]
    masked = servers(
        {**primary(), "units": [{"unit": "redis-server@main.service", "state": "masked"}]}, replica(), replica()
    )
    (problem,) = [text for text in render_page(model(), masked, AGREED)[1] if "masked" in text]
    assert "systemctl unmask it" in problem


def test_a_sentinel_that_was_told_another_address_by_hand() -> None:
    own = {"announce-ip": "10.0.0.2", "announce-port": "26379", "resolve-hostnames": "no", "announce-hostnames": "no"}
    seen = sentinels(
        {**sentinel(), "settings": {**own, "announce-ip": "10.0.0.1", "resolve-hostnames": "yes"}},
        {**sentinel(), "settings": {**own, "announce-port": "1"}},
        {**sentinel(), "settings": {}},
    )
    _page, problems = render_page(model(), HEALTHY, seen)
    assert [text.partition(". ")[0] for text in problems if text.startswith("Sentinel at")] == [
        "Sentinel at r1: resolve-hostnames is yes and declared is no",
        "Sentinel at r2: announce-port is 1 and declared is 26379",
    ]


def test_the_page_of_a_set_without_sentinel() -> None:
    page, problems = render_page(model(sentinel=False), HEALTHY, {})
    assert problems == []
    assert "  healthy: one primary, 2 replicas in sync" in page
    assert not [line for line in page if "entinel" in line]


def test_whoever_is_primary_is_right() -> None:
    seen = servers(replica(of="10.0.0.2"), primary(), replica(of="10.0.0.2"))
    assert render_page(model(), seen, sentinels(*[sentinel("10.0.0.2")] * 3))[1] == []


@pytest.mark.parametrize(
    ("seen", "problem"),
    [
        ((primary(), replica(), gone()), "main at r3: 10.0.0.3:6379 refuses connections. Look at the host;"),
        pytest.param(
            (primary(), replica(), {**gone("The server refuses access: WRONGPASS. Correct it."), "error_kind": "auth"}),
            "main at r3: The server refuses access: WRONGPASS. Correct it.",
            id="password",
        ),
        ((primary(), replica(), None), "main at r3: its host does not answer Ansible. Look at the host;"),
        ((primary(), primary(), replica()), "main: r1 and r2 are primary, one member is right."),
        ((replica(), replica(), replica()), "main: no member is primary, one member is right."),
        ((parked(), parked(), parked()), "main: no member is primary, one member is right."),
        ((primary(), parked(), replica()), "main at r2: follows 127.0.0.1:0, not r1. Run site.yml."),
        ((primary(), replica(), replica(of="10.0.0.2")), "main at r3: follows 10.0.0.2:6379, not r1. Run site.yml."),
        ((primary(), replica(), replica(of="10.9.9.9")), "main at r3: follows 10.9.9.9:6379, not r1. Run site.yml."),
        ((primary(), replica(), replica(port=1)), "main at r3: follows 10.0.0.1:1, not r1. Run site.yml."),
        (
            (primary(), replica(), replica(link="down")),
            "main at r3: its link to the primary is down. See journalctl -u redis-server@main.",
        ),
        (
            (primary(), replica(), unwritten("rdb_last_bgsave_status")),
            "main at r3: its last snapshot could not be written. The disk may be full or read-only;",
        ),
        (
            (primary(), replica(), unwritten("aof_last_write_status")),
            "main at r3: its AOF could not be written. The disk may be full or read-only;",
        ),
        (
            (primary(), replica(), unwritten("aof_last_bgrewrite_status")),
            "main at r3: its last rewrite of the AOF failed. The disk may be full or read-only;",
        ),
    ],
)
def test_problems_of_members(seen: tuple[dict[str, Any] | None, ...], problem: str) -> None:
    page, problems = render_page(model(sentinel=False), servers(*seen), {})
    assert len(problems) == 1
    assert problems[0].startswith(problem)
    assert ("Look at the host" in problem) == ("Look at the host" in problems[0]), "it runs, and says what is wrong"
    assert f"  PROBLEM  {problems[0]}" in page
    assert not [line for line in page if "healthy" in line]


@pytest.mark.parametrize(
    ("seen", "problem"),
    [
        (None, "Sentinel at r3: its host does not answer Ansible. Look at the host;"),
        (gone("10.0.0.3:26379 refuses connections"), "Sentinel at r3: 10.0.0.3:26379 refuses connections. Look at"),
        (SentinelView(reachable=True).to_dict(), "Sentinel at r3: does not watch main. Run site.yml."),
        (sentinel("10.0.0.2"), "Sentinel at r3: names 10.0.0.2 as the primary of main, not r1. Run site.yml."),
        (
            sentinel(flags=("master", "s_down")),
            "Sentinel at r3: sees the primary of main as master, s_down. Wait for it, or look at that host.",
        ),
    ],
)
def test_problems_of_sentinels(seen: dict[str, Any] | None, problem: str) -> None:
    page, problems = render_page(model(), HEALTHY, sentinels(sentinel(), sentinel(), seen))
    assert len(problems) == 1
    assert problems[0].startswith(problem)
    assert f"  PROBLEM  {problems[0]}" in page


@pytest.mark.parametrize(
    ("seen", "state"),
    [
        (parked(), "parked: new, follows nobody yet"),
        (replica(link="down", syncing=True), "full synchronisation running"),
        (replica(link="down"), "no link to 10.0.0.1:6379"),
        (replica(), "in sync"),
    ],
)
def test_states(seen: dict[str, Any], state: str) -> None:
    page, _problems = render_page(model(sentinel=False), servers(primary(), replica(), seen), {})
    assert state in next(line for line in page if line.startswith("  r3"))


def test_two_primaries_show_no_lag_because_it_means_nothing() -> None:
    page, _problems = render_page(model(sentinel=False), servers(primary(), primary(), replica()), {})
    assert "bytes" not in next(line for line in page if line.startswith("  r3"))


def test_several_sets_are_judged_one_by_one() -> None:
    seen = {
        host: {"main": one, "cache": two}
        for host, one, two in (
            ("r1", primary(), replica(of="10.0.0.2", port=6380)),
            ("r2", replica(), primary(port=6380)),
            ("r3", replica(), gone()),
        )
    }
    page, problems = render_page(model(sentinel=False, names=("main", "cache")), seen, {})
    assert len(problems) == 1
    assert problems[0].startswith("cache at r3")
    assert "  healthy: one primary, 2 replicas in sync" in page
    assert "cache: redis 7.0.15, port 6380" in page


def refused(user: str, kind: str, what: str, times: int, age: int) -> dict[str, Any]:
    return {"user": user, "kind": kind, "object": what, "times": times, "age": age}


def test_what_was_refused_is_told_and_is_no_problem() -> None:
    """The same at two members is one line, the latest first, and control characters are not printed."""
    servers = {
        "r1": {"main": {**primary(), "refused": [refused("shop", "key", "other\x1b[2J", 2, 3600)]}},
        "r2": {"main": {**replica(), "refused": [refused("shop", "command", "keys", 3, 600)]}},
        "r3": {"main": {**replica(), "refused": [refused("shop", "command", "keys", 4, 90)]}},
    }
    page, problems = render_page(model(sentinel=False), servers, {})
    assert problems == []
    at = next(number for number, line in enumerate(page) if "refused in the last 24 hours" in line)
    assert page[at + 1].split() == ["shop", "command", "'keys'", "7", "1", "min", "ago", "r2,", "r3"]
    assert "'other\\x1b[2J'" in page[at + 2] and "60 min ago" in page[at + 2]


def test_what_sentinels_refused_is_told_too() -> None:
    """Applications ask them as a user of their own."""
    seen = servers(primary(), replica(), replica())
    views = sentinels(*[sentinel()] * 3)
    views["r2"] = {**views["r2"], "refused": [refused("client", "command", "sentinel|set", 2, 61)]}
    page, problems = render_page(model(), seen, views)
    assert problems == []
    at = next(number for number, line in enumerate(page) if "refused in the last 24 hours" in line)
    assert page[at + 1].split()[:4] == ["client", "command", "'sentinel|set'", "2"]
    assert page[at + 1].endswith("Sentinel of r2")


def test_the_page_says_how_to_connect() -> None:
    servers = {"r1": {"main": primary()}, **{host: {"main": replica()} for host in HOSTS[1:]}}
    page, _problems = render_page(model(), servers, {})
    places = ",".join(f"{ADDRESS[host]}:26379" for host in HOSTS)
    assert page[-2] == f"  connect: REDIS_NAME=main REDIS_SENTINELS={places}"
    secure = {**model(), "tls": {"on": True, "ca": "/etc/ca.crt"}}
    page, _problems = render_page(secure, servers, {})
    assert page[-2].endswith(" REDIS_CA=/etc/ca.crt")
    assert not [line for line in render_page(model(sentinel=False), servers, {})[0] if "connect:" in line]


@pytest.mark.parametrize("client", FILES)
def test_the_code_of_a_client_is_that_of_the_page(client: str) -> None:
    page = (ROOT / "docs" / "clients.md").read_text()
    code = client_code(page, client, model())
    assert code[:2] == ["# data set main", "export REDIS_NAME=main"] and "10.0.0.3:26379" in code[2]
    assert all(f"{'#' if name.endswith('py') else '//'} {name}" in code for name in FILES[client])
    assert set(files_of(page)) - {name for names in FILES.values() for name in names} == {"redis_tls.py"}


def test_the_code_names_an_empty_setting(tmp_path: Path) -> None:
    for name, text in files_of((ROOT / "docs" / "clients.md").read_text(encoding="utf-8")).items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    own = {"REDIS_NAME": "main", "REDIS_PASSWORD": "x", "REDIS_SENTINEL_PASSWORD": "x", "REDIS_SENTINELS": ""}
    run = [sys.executable, "redis_set.py"]
    done = subprocess.run(run, cwd=tmp_path, env={**os.environ, **own}, capture_output=True, text=True, check=False)
    assert "RuntimeError: REDIS_SENTINELS is empty" in done.stderr


def test_the_code_says_which_set_its_values_are_of() -> None:
    two = model(names=("main", "other"))
    two["instances"][1]["sentinel"] = False
    code = client_code((ROOT / "docs" / "clients.md").read_text(encoding="utf-8"), "python", two)
    assert [line.partition(":")[0] for line in code if line.startswith("# data set")] == [
        "# data set main",
        "# data set other",
    ]
    assert len([line for line in code if line.startswith("export REDIS_NAME")]) == 1


def test_a_log_of_acl_is_read() -> None:
    def row(reason: str, age: str) -> list[Any]:
        told = {"count": 3, "reason": reason, "context": "toplevel", "object": "keys", "username": "shop"}
        return [part for pair in {**told, "age-seconds": age, "client-info": "id=1"}.items() for part in pair]

    rows = [row("command", "12.5"), row("auth", "1"), row("key", "9999")]
    assert parse_acl_log(rows, 3600) == [refused("shop", "command", "keys", 3, 12)]


def test_who_was_not_asked_is_outside_this_run() -> None:
    """With --limit: neither a problem nor well."""
    page, problems = render_page(model(), servers(primary(), None, None), sentinels(sentinel(), None, None), ["r1"])
    shown = "\n".join(page)
    assert shown.count("outside this run") == 4 and "does not answer" not in shown
    assert problems == [] and "healthy: as far as this run goes: r1" in shown


def test_a_replica_alone_may_follow_a_primary_that_was_not_asked() -> None:
    page, problems = render_page(
        model(), servers(None, replica(), replica()), sentinels(None, sentinel(), sentinel()), ["r2", "r3"]
    )
    assert problems == [] and "  healthy: as far as this run goes: r2, r3" in page
    split = servers(None, replica(of="10.0.0.3"), replica())
    assert render_page(model(), split, sentinels(None, sentinel(), sentinel()), ["r2", "r3"])[1] != []
    assert render_page(model(), servers(None, None, None), {}, ["other"])[1] == []


def test_a_member_that_was_asked_and_is_silent_stays_a_problem() -> None:
    assert render_page(model(), servers(primary(), None, None), AGREED, HOSTS)[1] != []
