# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster on the status page: its shards as rows, and every kind of problem."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._model.cluster_status import ClusterStatus, judge_clusters
from ansible_collections.quorum.redis.plugins.module_utils._model.markup import drop_moving
from ansible_collections.quorum.redis.plugins.module_utils._model.observed import Observed, Upstream
from ansible_collections.quorum.redis.plugins.module_utils._model.status_html import render_html
from ansible_collections.quorum.redis.plugins.module_utils._model.status_page import render_page
from ansible_collections.quorum.redis.plugins.module_utils._model.status_shards import draw_shards

HOSTS = ("a", "b", "c")
PLACES: list[dict[str, Any]] = [
    {"host": host, "address": f"192.0.2.{number}", "port": port, "zone": host}
    for port in (7000, 7001)
    for number, host in enumerate(HOSTS, 1)
]
CART = {
    "name": "cart",
    "replicas": 1,
    "members": PLACES,
    "places": PLACES,
    "servers": [{"name": "cart-7000", "port": 7000}, {"name": "cart-7001", "port": 7001}],
}
MODEL = {"instances": [], "clusters": [CART], "sentinel": {"members": []}, "endpoint": {"local": False}}
# The primaries are on 7000, each replica on the next host.
SLOTS = ("0-5460", "5461-10922", "10923-16383")


def ident(host: str, port: int) -> str:
    return f"{host}{port}".encode().hex().ljust(40, "0")


def line(place: dict[str, Any], seen_by: dict[str, Any], **more: str) -> str:
    """Return one line of CLUSTER NODES."""
    number = HOSTS.index(place["host"])
    primary = place["port"] == 7000
    flags = ("myself," if place is seen_by else "") + more.get("flags", "master" if primary else "slave")
    follows = "-" if primary else ident(HOSTS[number - 1], 7000)
    slots = more.get("slots", SLOTS[number]) if primary else ""
    where = f"{place['address']}:{place['port']}@{place['port'] + 10000}"
    return f"{ident(place['host'], place['port'])} {where} {flags} {follows} 0 0 {number + 1} connected {slots}"


def server(place: dict[str, Any], **more: Any) -> dict[str, Any]:
    found = Observed(reachable=True, engine="redis", version="7.0.15", role="primary", key_count=10, offset=100)
    if place["port"] == 7001:
        primary = PLACES[HOSTS.index(place["host"]) - 1]
        found.role, found.offset = "replica", 90
        found.primary = Upstream(primary["address"], 7000, more.pop("link", "up"), False, 0)
    nodes = more.pop("nodes", "\n".join(line(other, place) for other in PLACES))
    cluster = {"state": more.pop("state", "ok"), "nodes": nodes, "jobs": more.pop("jobs", [])}
    return {**found.to_dict(), "cluster": cluster, **more}


def judged(run: list[str] | None = None, **changes: Any) -> ClusterStatus:
    """Return the verdict; `changes` by host and port, as a7000, replace a server, None takes it away."""
    servers: dict[str, dict[str, Any]] = {}
    for place in PLACES:
        key = f"{place['host']}{place['port']}"
        one = server(place, **changes[key]) if changes.get(key) else server(place)
        if changes.get(key, one) is not None and (run is None or place["host"] in run):
            servers.setdefault(place["host"], {})[f"cart-{place['port']}"] = one
    (found,) = judge_clusters(MODEL, servers, run)
    return found


def test_a_healthy_cluster_has_a_row_for_each_shard() -> None:
    found = judged()
    assert found.problems == []
    assert found.title == "cart: redis 7.0.15, cluster, ports 7000, 7001"
    assert found.list_rows()[0] == ["a:7000", "b:7001 (in sync, 10 bytes behind)", "0-5460", "5461", "10", "a, b"]
    assert [shard["slot_count"] for shard in found.shards] == [5461, 5462, 5461]


def test_the_page_and_the_file_show_it() -> None:
    servers = {
        host: {f"cart-{place['port']}": server(place) for place in PLACES if place["host"] == host} for host in HOSTS
    }
    page, problems = render_page(MODEL, servers, {})
    assert problems == [] and "  healthy: 3 shards, 1 replica each in sync, every member agrees" in page
    assert any("b:7001 (in sync, 10 bytes behind)" in row for row in page)
    drawn = render_html(MODEL, servers, {}, None, 0.0)
    assert "cart: redis 7.0.15, cluster" in drawn and "10923-16383" in drawn
    told = {"user": "shop", "kind": "command", "object": "keys", "times": 2, "age": 130}
    for host in ("a", "b"):
        servers[host]["cart-7000"]["refused"] = [told]
    page, problems = render_page(MODEL, servers, {})
    (row,) = [line for line in page if "shop" in line]
    assert not problems and row.split() == ["shop", "command", "'keys'", "4", "2", "min", "ago", "a:7000,", "b:7000"]
    assert "command keys" in render_html(MODEL, servers, {}, None, 0.0)
    servers["b"]["cart-7001"]["rotating"] = ["default"]
    page, problems = render_page(MODEL, servers, {})
    assert not problems and "  cart: two passwords open for default at b:7001; rotate.yml ends that" in page
    del servers["a"]["cart-7000"]
    page, problems = render_page(MODEL, servers, {})
    assert any("cart at a:7000" in problem for problem in problems)
    assert all(f"  PROBLEM  {problem}" in page for problem in problems)


def test_the_file_shows_what_its_hosts_have_written_down_and_whose_passwords_are_two() -> None:
    """Each host once, though two members are there; one that does not answer takes nothing from the other one."""
    servers = {
        host: {f"cart-{place['port']}": server(place) for place in PLACES if place["host"] == host} for host in HOSTS
    }
    for known in servers["a"].values():
        known["facts"] = {"facts": 100.0, "certificate_not_after": 86400.0, "certificate_served_not_after": 43200.0}
    servers["b"]["cart-7000"]["facts"] = {"facts": 160.0, "backup_last_success": 40.0}
    servers["b"]["cart-7001"].update(Observed(error="does not answer").to_dict(), rotating=["default"])
    page = ET.fromstring(render_html(MODEL, servers, {}, None, 200.0).partition("\n")[2])  # noqa: S314 - our own
    tables = {
        "".join(part[0].itertext()): [["".join(cell.itertext()) for cell in row] for row in part.iter("tr")][1:]
        for part in page.iter("div")
        if part.get("class") == "part"
    }
    assert tables["Certificates"] == [["a", "1970-01-02 00:00", "1970-01-01 12:00"]]
    assert tables["Backups"] == [["b", "1970-01-01 00:00", "\u2013", "\u2013", "\u2013"]]
    notes = ["".join(part.itertext()).strip() for part in page.iter("p") if part.get("class") == "note"]
    assert notes[:2] == [
        "Written down at 1970-01-01 00:01:40 UTC or later.",
        "cart: two passwords open for default at b:7001; rotate.yml ends that",
    ]


def test_the_file_has_an_index_of_sets_and_clusters() -> None:
    servers = {
        host: {f"cart-{place['port']}": server(place) for place in PLACES if place["host"] == host} for host in HOSTS
    }
    page = ET.fromstring(render_html(MODEL, servers, {}, None, 0.0).partition("\n")[2])  # noqa: S314 - our own
    assert not list(page.iter("a"))  # of one thing there is none
    both = {**MODEL, "clusters": [CART, {**CART, "name": "other"}]}
    page = ET.fromstring(render_html(both, servers, {}, None, 0.0).partition("\n")[2])  # noqa: S314 - our own
    links = {str(one.get("href")): "".join(one.itertext()) for one in page.iter("a")}
    healthy = "healthy, 3 shards, 1 replica each in sync, every member agrees"
    assert links == {"#cluster-1": f"\u2714 cart: {healthy}", "#cluster-2": f"\u2714 other: {healthy}"}
    assert {f"#{one.get('id')}" for one in page.iter("section")} == set(links)


def picture(found: ClusterStatus) -> list[tuple[str, ...]]:
    """Return what the drawing shows, group by group: its class, then its words, those in titles too."""
    (svg,) = [draw_shards(found)]
    return [
        (str(group.get("class")), *("".join(one.itertext()) for one in group if one.tag == "text"))
        for group in svg.iter("g")
    ]


def test_shards_are_drawn_as_columns_under_a_bar_of_slots() -> None:
    found = judged()
    assert picture(found)[:4] == [
        ("bar", "1", "2", "3"),
        ("primary", "a:7000", "PRIMARY, 10 keys", "192.0.2.1:7000"),
        ("arrow up",),
        ("replica", "b:7001", "replica, 10 bytes behind", "192.0.2.2:7001"),
    ]
    (svg,) = [draw_shards(found)]
    places = [float(one.get("x", "0")) for one in svg.iter("rect") if one.get("class") in ("odd", "even")]
    assert places == sorted(places) and len(places) == 3
    said = str(svg.get("aria-label"))
    assert said.startswith("Shards of cart. shard 1: a:7000, b:7001; shard 2: ")


def test_what_is_wrong_is_drawn() -> None:
    """A member that does not answer, its slots that nobody owns, a replica without a link, one outside of the run."""
    silent = picture(judged(a7000=None, c7001={"link": "down"}))
    assert ("bar", "!", "1", "2") in silent
    assert ("silent", "a:7000", "DOES NOT ANSWER", "192.0.2.1:7000") in silent
    assert ("silent", "c:7001", "replica, NO LINK", "192.0.2.3:7001") in silent and ("arrow down",) in silent
    limited = picture(judged(run=["a", "b"]))
    assert ("bar", "1", "2") in limited
    assert ("waiting", "b:7001", "replica without its primary", "192.0.2.2:7001") in silent
    assert ("outside", "c:7000", "outside this run", "192.0.2.3:7000") in limited


def test_the_last_moves_of_a_cluster_are_on_its_page() -> None:
    servers = {
        host: {f"cart-{place['port']}": server(place) for place in PLACES if place["host"] == host} for host in HOSTS
    }
    servers["b"]["cart-7001"]["promotions"] = [{"at": at, "why": "elected by the cluster"} for at in (86400.0, 3.0)]
    servers["c"]["cart-7000"]["promotions"] = [{"at": 172800.5, "why": "asked for"}]
    page = render_html(MODEL, servers, {}, None, 0.0)
    rows = page.partition("Last moves")[2]
    assert rows.index("1970-01-03 00:00:00 UTC") < rows.index("1970-01-02 00:00:00 UTC") < rows.index("1970-01-01")
    assert "Last moves" not in render_html(MODEL, {}, {}, None, 0.0)
    servers["b"]["cart-7001"]["offset"] = 40
    servers["a"]["cart-7000"]["key_count"] = 99
    assert drop_moving(render_html(MODEL, servers, {}, None, 60.0)) == drop_moving(page)


@pytest.mark.parametrize(
    ("changes", "code", "said"),
    [
        ({"a7000": None}, "member_unreachable", "cart at a:7000: its host does not answer Ansible"),
        ({"a7000": {"state": "fail"}}, "cluster_state", "a:7000 says that the state of the cluster is fail"),
        ({"b7001": {"link": "down"}}, "replica_link_down", "b:7001 has no link to its primary a:7000"),
        ({"c7000": {"persistence": {"aof_last_write_status": "err"}}}, "disk_unwritten", "its AOF could not be"),
    ],
)
def test_what_is_wrong_with_one_member(changes: dict[str, Any], code: str, said: str) -> None:
    found = judged(**changes)
    assert any(problem.code == code and said in problem for problem in found.problems)


def told(place: dict[str, Any], **of: dict[str, str]) -> dict[str, Any]:
    """Return what a member says, with changed lines for some."""
    rows = [line(other, place, **of.get(f"{other['host']}{other['port']}", {})) for other in PLACES]
    return {"nodes": "\n".join(rows)}


def test_slots_that_are_open_contested_and_without_owner() -> None:
    moving = judged(a7000=told(PLACES[0], a7000={"slots": f"0-5460 [7->-{ident('b', 7000)}]"}))
    assert [problem.code for problem in moving.problems] == ["slots_open"]
    assert "slot 7 of a:7000 is migrating to b:7000" in moving.problems[0]
    job = {"name": "x", "source": ident("a", 7000), "target": ident("b", 7000), "slots": "0-9", "state": "replicating"}
    moving = judged(a7000={**told(PLACES[0]), "jobs": [{**job, "message": ""}]})
    assert [problem.code for problem in moving.problems] == ["slots_open"]
    assert "slots 0-9 of a:7000 are on their way to b:7000" in moving.problems[0]
    twice = judged(a7000=told(PLACES[0], a7000={"slots": "0-5461"}))
    assert "slots_contested" in {problem.code for problem in twice.problems}
    lacking = judged(a7000=told(PLACES[0], a7000={"slots": "0-5459"}))
    assert {"slots_unowned", "views_differ"} <= {problem.code for problem in lacking.problems}


def test_a_node_that_nobody_declared() -> None:
    stranger = f"{'f' * 40} 192.0.2.9:7000@17000 slave {ident('a', 7000)} 0 0 9 connected"
    found = judged(a7000={"nodes": told(PLACES[0])["nodes"] + "\n" + stranger})
    assert [problem.code for problem in found.problems] == ["undeclared_node"] and "192.0.2.9:7000" in found.problems[0]


def test_a_shard_in_one_zone_is_a_violation() -> None:
    places = [{**place, "zone": "x" if place["host"] in "ab" else "y"} for place in PLACES]
    servers = {
        host: {f"cart-{place['port']}": server(place) for place in PLACES if place["host"] == host} for host in HOSTS
    }
    model = {**MODEL, "clusters": [{**CART, "places": places}]}
    (found,) = judge_clusters(model, servers)
    said = [problem for problem in found.problems if problem.code == "placement"]
    assert any("b:7001 follows a:7000, and both are in zone x" in problem for problem in said)


def test_a_limited_run_judges_what_it_has_seen() -> None:
    found = judged(run=["a"])
    assert found.problems == [] and not found.asked and found.health == "as far as this run goes"
    assert judged(run=[]).problems == []
