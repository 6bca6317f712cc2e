# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The status as an HTML file: its elements, for sets in every state, and names that would like to be markup."""

from __future__ import annotations

import html.parser
import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._model.markup import drop_moving, make_tag
from ansible_collections.quorum.redis.plugins.module_utils._model.observed import Observed, SentinelView
from ansible_collections.quorum.redis.plugins.module_utils._model.status_html import render_html
from ansible_collections.quorum.redis.plugins.module_utils._model.status_layout import short_names
from ansible_collections.quorum.redis.plugins.module_utils._model.status_page import refused_of, render_page
from ansible_collections.quorum.redis.plugins.module_utils._redis.replies import (
    apply_info,
    parse_master,
    parse_replicas,
    parse_sentinels,
)
from observed_sets import HOSTS, gone, model, parked, primary, replica, sentinel, sentinels, servers

Case = tuple[dict[str, Any], dict[str, Any], dict[str, Any]]
NOW = 1_700_000_000.0
AGREED = sentinels(sentinel(), sentinel(), sentinel())


def alone(seen: dict[str, Any]) -> dict[str, Any]:
    """Return a primary that nobody follows."""
    return {**seen, "replicas": []}


def followed(seen: dict[str, Any], *numbers: int) -> dict[str, Any]:
    """Return a primary that is followed by some only."""
    return {**seen, "replicas": [one for one in seen["replicas"] if int(one["address"][-1]) in numbers]}


def silent_third() -> Case:
    down = {3: "s_down,slave"}
    view = sentinel(replicas=down, others={3: "s_down,sentinel"})
    return model(), servers(primary(), replica(90), None), sentinels(view, view, None)


def two_primaries() -> Case:
    views = sentinels(sentinel(), sentinel("10.0.0.2"), sentinel(flags=("master", "s_down")))
    return model(), servers(followed(primary(), 3), alone(primary(40)), replica(90)), views


def single() -> Case:
    one = model(sentinel=False)
    one["instances"][0]["members"] = one["instances"][0]["members"][:1]
    return {**one, "sentinel": {"members": []}}, {"r1": {"main": alone(primary())}}, {}


def twelve() -> Case:
    hosts = [f"cache-{number}.eu.example.net" for number in range(1, 13)]
    members = [{"host": host, "address": f"10.0.1.{number}", "port": 6379} for number, host in enumerate(hosts, 1)]
    declared = {"name": "main", "members": members, "sentinel": True, "port": 6379}
    head = primary(2_000_000)
    told = {"port": 6379, "state": "online", "offset": 100, "lag": 1}
    head["replicas"] = [{**told, "address": one["address"]} for one in members[1:]]
    seen = {host: {"main": replica(500_000, of="10.0.1.1")} for host in hosts[1:]}
    watching = {"members": [{**one, "port": 26379} for one in members[:5]]}
    views = {host: sentinel("10.0.1.1") for host in hosts[:5]}
    return {"instances": [declared], "sentinel": watching}, {hosts[0]: {"main": head}, **seen}, views


CASES: dict[str, Case] = {
    "healthy": (model(), servers(primary(), replica(90), replica()), AGREED),
    "two primaries": two_primaries(),
    "a silent host": silent_third(),
    "no Sentinel": (model(sentinel=False), servers(primary(), replica(90), replica(link="down")), {}),
    "single": single(),
    "twelve": twelve(),
    "several sets": (model(names=("main", "other")), servers(primary(), replica(), gone()), AGREED),
}


def tree(case: Case, run: list[str] | None = None, now: float = NOW) -> ET.Element:
    """Return the page as XML reads it."""
    text = render_html(*case, run, now)
    assert text.startswith('<!DOCTYPE html>\n<html lang="en">')
    return ET.fromstring(text.partition("\n")[2])  # noqa: S314 - of our own making


def said(of: ET.Element) -> str:
    return "".join(of.itertext()).strip()


def table(page: ET.Element, caption: str) -> list[list[str]]:
    """Return the rows of the table with this caption."""
    (part,) = (one for one in page.iter("div") if one.get("class") == "part" and said(one[0]) == caption)
    return [[said(cell).replace("\u2013", "-") for cell in row] for row in part.iter("tr")]


def drawn(page: ET.Element) -> list[tuple[str, ...]]:
    """Return what the drawing shows, group by group: its class, then its words."""
    (svg,) = page.iter("svg")
    return [(str(group.get("class")), *map(said, group.iter("text"))) for group in svg.iter("g")]


def test_the_drawing_of_a_healthy_set() -> None:
    assert drawn(tree(CASES["healthy"])) == [
        ("watch",),
        ("watch",),
        ("watch",),
        ("arrow up", "10 bytes behind", "heard 0 s ago"),
        ("arrow up", "0 bytes behind", "heard 0 s ago"),
        ("primary", "r1", "PRIMARY, 2 replicas", "10.0.0.1:6379"),
        ("replica", "r2", "replica, in sync", "10.0.0.2:6379"),
        ("replica", "r3", "replica, in sync", "10.0.0.3:6379"),
        ("sentinel", "r1", "names r1"),
        ("sentinel", "r2", "names r1"),
        ("sentinel", "r3", "names r1"),
    ]


def test_what_hosts_have_written_down_is_shown() -> None:
    declared, seen, views = CASES["healthy"]
    day = 86400.0
    facts = {
        "r1": {"facts": NOW - 50, "certificate_not_after": NOW + 90 * day, "certificate_served_not_after": NOW + day},
        "r2": {"facts": NOW - 20, "backup_last_success": NOW - 3600, "backup_last_proof": NOW - day},
        "r3": {},
    }
    told = {host: {"main": {**one["main"], "facts": facts[host]}} for host, one in seen.items()}
    page = tree((declared, told, views))
    assert table(page, "Backups") == [
        ["member", "made", "proven", "copied away", "restore drill"],
        ["r2", "2023-11-14 21:13", "2023-11-13 22:13", "-", "-"],
    ]
    assert table(page, "Certificates")[1:] == [["r1", "2024-02-12 22:13", "2023-11-15 22:13"]]
    notes = [said(part) for part in page.iter("p") if part.get("class") == "note"]
    assert notes[0] == "Written down at 2023-11-14 22:12:30 UTC or later."
    without = tree(CASES["healthy"])
    assert not [part for part in without.iter("h3") if said(part) in ("Backups", "Certificates")]


@pytest.mark.parametrize(("reads", "more"), [(None, ""), (7380, ", reads at port 7380")])
def test_declared_endpoints_are_named(reads: int | None, more: str) -> None:
    declared, seen, views = CASES["single"]
    one = {**declared["instances"][0], "endpoint": {"port": 7379, "read_port": reads, "address": "127.0.0.1"}}
    told = {**declared, "instances": [one], "endpoint": {"hosts": ["app1", "app2"]}}
    notes = [said(part) for part in tree((told, seen, views)).iter("p") if part.get("class") == "note"]
    assert notes[0] == f"Endpoints are declared on app1, app2: writes at port 7379{more}"


def test_the_page_of_a_healthy_set() -> None:
    case = CASES["healthy"]
    seen = {
        **case[1]["r1"]["main"],
        "uptime": 3600,
        "memory": {"used_memory": 12_300_000, "maxmemory": 10**9},
        "persistence": {"aof_enabled": 1},
    }
    page = tree((case[0], {**case[1], "r1": {"main": seen}}, case[2]))
    body = page[1]
    assert [(one.tag, one.get("class")) for one in body] == [("header", None), ("section", None), ("p", "note")]
    assert said(body[0][0]) == "redis: no problem"
    assert said(body[0][1]) == "As seen at 2023-11-14 22:13:20 UTC. Nothing here updates itself."
    assert [(one.tag, one.get("class")) for one in body[1]] == [
        ("h2", None),
        ("p", "verdict good"),
        ("div", "wide"),
        ("div", "part"),
        ("div", "part"),
        ("div", "part"),
        ("h3", None),
        ("pre", None),
    ]
    assert said(body[1][1]) == "\u2714 Healthy, one primary, 2 replicas in sync, every Sentinel agrees"
    assert table(page, "Members")[1:3] == [
        [
            "r1",
            "10.0.0.1:6379",
            "primary",
            "2 replicas",
            "-",
            "7",
            "12.3 MB of 1.0 GB",
            "7.0.15",
            "2023-11-14 21:13",
            "100",
            "AOF on",
        ],
        ["r2", "10.0.0.2:6379", "replica", "in sync", "10 bytes", "7", "-", "7.0.15", "-", "100", "-"],
    ]
    assert table(page, "Sentinels")[1] == ["r1", "r1 (10.0.0.1:6379)", "ok, knows 2 replicas"]
    assert table(page, "Who sees whom") == [
        ["who looks", "r1", "r2", "r3", "Sentinel r1", "Sentinel r2", "Sentinel r3"],
        ["this run", "ok", "ok", "ok", "ok", "ok", "ok"],
        ["r1", "self", "ok", "ok", "-", "-", "-"],
        ["r2", "ok", "self", "-", "-", "-", "-"],
        ["r3", "ok", "-", "self", "-", "-", "-"],
        ["Sentinel r1", "primary", "ok", "ok", "self", "ok", "ok"],
        ["Sentinel r2", "primary", "ok", "ok", "-", "self", "ok"],
        ["Sentinel r3", "primary", "ok", "ok", "-", "ok", "self"],
    ]


def test_two_primaries_are_drawn_as_two_and_who_names_the_other_one_strays() -> None:
    page = tree(CASES["two primaries"])
    assert drawn(page) == [
        ("watch",),
        ("watch stray",),
        ("watch",),
        ("arrow up", "10 bytes behind", "heard 0 s ago"),
        ("primary wrong", "r1", "PRIMARY 1 OF 2, 1 replica", "10.0.0.1:6379"),
        ("primary wrong", "r2", "PRIMARY 2 OF 2, 0 replicas", "10.0.0.2:6379"),
        ("replica", "r3", "replica, in sync", "10.0.0.3:6379"),
        ("sentinel", "r1", "names r1"),
        ("stranger", "r2", "names r2"),
        ("sentinel", "r3", "names r1, s_down"),
    ]
    assert table(page, "Who sees whom")[7] == ["Sentinel r3", "DOWN", "ok", "ok", "-", "ok", "self"]


def test_a_silent_host_stands_where_its_primary_sees_it() -> None:
    page = tree(CASES["a silent host"])
    shown = drawn(page)
    assert ("silent", "r3", "DOES NOT ANSWER", "10.0.0.3:6379") in shown
    assert ("arrow reported", "primary sees it", "heard 0 s ago") in shown
    assert shown[-1] == ("silent", "r3", "DOES NOT ANSWER")
    rows = {row[0]: row[1:] for row in table(page, "Who sees whom")}
    assert rows["this run"] == ["ok", "ok", "DOWN", "ok", "ok", "DOWN"]
    assert rows["r3"] == ["?", "?", "self", "-", "-", "-"]
    assert rows["Sentinel r1"] == ["primary", "ok", "DOWN", "self", "ok", "DOWN"]
    assert rows["Sentinel r3"] == ["?", "?", "?", "?", "?", "self"]
    assert table(page, "Members")[3][:4] == ["r3", "10.0.0.3:6379", "?", "its host does not answer Ansible"]


def test_a_set_without_sentinel_has_members_only() -> None:
    page = tree(CASES["no Sentinel"])
    assert drawn(page) == [
        ("arrow up", "10 bytes behind", "heard 0 s ago"),
        ("arrow down", "NO LINK"),
        ("primary", "r1", "PRIMARY, 2 replicas", "10.0.0.1:6379"),
        ("replica", "r2", "replica, in sync", "10.0.0.2:6379"),
        ("replica", "r3", "replica, no link", "10.0.0.3:6379"),
    ]
    assert table(page, "Who sees whom")[4] == ["r3", "DOWN", "-", "self"]
    assert "entinel" not in said(page[1][1])


def test_a_single_server_is_one_box() -> None:
    page = tree(CASES["single"])
    assert drawn(page) == [("primary", "r1", "PRIMARY, 0 replicas", "10.0.0.1:6379")]
    assert "0 replicas in sync" in said(page[1][1][1])


def boxes(page: ET.Element) -> list[tuple[float, float, float, float]]:
    found = [box for box in page.iter("rect") if box.get("class") == "box"]
    return [tuple(float(str(box.get(key))) for key in ("x", "y", "width", "height")) for box in found]  # type: ignore[misc]


@pytest.mark.parametrize("name", CASES)
def test_boxes_do_not_overlap_and_are_inside(name: str) -> None:
    for svg in tree(CASES[name]).iter("svg"):
        width, height = map(float, str(svg.get("viewBox")).split()[2:])
        placed = boxes(svg)
        for number, (x, y, wide, high) in enumerate(placed):
            assert x >= 0 and y >= 0 and x + wide <= width and y + high <= height
            for left, top, broad, tall in placed[number + 1 :]:
                assert x + wide <= left or left + broad <= x or y + high <= top or top + tall <= y


def test_twelve_members_have_short_names_in_the_drawing_and_whole_ones_in_the_table() -> None:
    page = tree(CASES["twelve"])
    shown = drawn(page)
    assert [words[1] for words in shown if words[0] in ("primary", "replica")] == [f"cache-{n}" for n in range(1, 13)]
    assert ("arrow up", "1.5 MB behind", "heard 1 s ago") in shown
    assert table(page, "Members")[12][0] == "cache-12.eu.example.net"
    assert len(table(page, "Who sees whom")[0]) == 18
    (cross,) = (one for one in page.iter("table") if str(one.get("class")).startswith("cross"))
    assert cross.get("class") == "cross many"


def test_short_names_are_taken_only_where_they_differ() -> None:
    assert short_names(["a.x", "b.x"]) == {"a.x": "a", "b.x": "b"}
    for hosts in (["a.x", "a.y"], ["10.0.0.1", "11.0.0.1"]):
        assert short_names(hosts) == {host: host for host in hosts}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("run", [None, ["r1", "r2"]])
def test_the_verdict_is_that_of_the_text_page(name: str, run: list[str] | None) -> None:
    lines, problems = render_page(*CASES[name], run)
    page = tree(CASES[name], run)
    assert [said(item) for one in page.iter("ul") if one.get("class") == "problems" for item in one] == problems
    healthy = [line.partition("healthy: ")[2] for line in lines if line.startswith("  healthy: ")]
    verdicts = [said(one) for one in page.iter("p") if str(one.get("class")).startswith("verdict")]
    assert [one.partition("Healthy, ")[2] for one in verdicts if "Healthy, " in one] == healthy
    assert len(verdicts) == len(CASES[name][0]["instances"])


def test_a_chain_a_stranger_and_who_waits() -> None:
    seen = servers({**primary(), "replicas": [*followed(primary(), 2)["replicas"]]}, replica(), parked())
    seen["r1"]["main"]["replicas"].append(
        {"address": "10.0.0.9", "port": 6379, "state": "online", "offset": 5, "lag": 2}
    )
    chained = servers(primary(), replica(), replica(of="10.0.0.2"))
    stray = sentinels(sentinel(), sentinel("10.0.0.9"), sentinel())
    shown = drawn(tree((model(), seen, stray)))
    assert ("waiting", "r3", "new, follows nobody yet", "10.0.0.3:6379") in shown
    assert ("stranger", "10.0.0.9:6379", "no member", "10.0.0.9:6379") in shown
    assert ("arrow reported", "primary sees it", "heard 2 s ago") in shown
    assert shown[1] == ("watch stray",) and ("stranger", "r2", "names 10.0.0.9:6379") in shown
    columns = sorted({x for x, _y, _width, _height in boxes(tree((model(sentinel=False), chained, {})))})
    assert len(columns) == 3


def test_members_that_follow_one_another_are_drawn_too() -> None:
    seen = servers(replica(of="10.0.0.2"), replica(of="10.0.0.1"), replica(of="10.0.0.3"))
    shown = drawn(tree((model(sentinel=False), seen, {})))
    assert sorted(words[1] for words in shown if words[0] == "replica") == list(HOSTS)


def test_who_was_not_asked_is_no_silent_one() -> None:
    page = tree((model(sentinel=False), servers(None, replica(), replica()), {}), ["r2", "r3"])
    assert ("outside", "r1", "not asked in this run", "10.0.0.1:6379") in drawn(page)
    assert table(page, "Who sees whom")[1] == ["this run", "not asked", "ok", "ok"]
    assert said(page[1][1][1]) == "\u25d0 Healthy, as far as this run goes: r2, r3"


RECORDED = sorted((Path(__file__).parents[1] / "_redis" / "fixtures").glob("*.json"))


def test_every_engine_is_recorded() -> None:
    assert len(RECORDED) >= 5


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_what_each_engine_said_is_drawn(path: Path) -> None:
    """A primary, its replica and a parked server on three ports of one machine, and a Sentinel, as recorded."""
    replies = json.loads(path.read_text())
    ports = [replies["ports"][role] for role in ("primary", "replica", "parked")]
    members = [{"host": host, "address": "127.0.0.1", "port": port} for host, port in zip(HOSTS, ports, strict=True)]
    infos = [apply_info(Observed(), replies[f"info_{role}"]) for role in ("primary", "replica", "parked")]
    name, master = parse_master(replies["masters"][0])
    master.replicas, master.sentinels = parse_replicas(replies["replicas"]), parse_sentinels(replies["sentinels"])
    watching = [{"host": "r1", "address": "127.0.0.1", "port": 1}]
    watching.append({"host": "r2", "address": "127.0.0.1", "port": replies["ports"]["other"]})
    view = SentinelView(reachable=True, masters={name: master}).to_dict()
    declared = {"name": name, "members": members, "sentinel": True, "port": ports[0]}
    seen = {host: {name: info.to_dict()} for host, info in zip(HOSTS, infos, strict=True)}
    page = tree(({"instances": [declared], "sentinel": {"members": watching}}, seen, {"r1": view}))
    shown = drawn(page)
    arrows = [words for words in shown if words[0].startswith("arrow")]
    assert [(words[0], words[1].split()[-1], words[2].split()[0]) for words in arrows] == [
        ("arrow up", "behind", "heard")
    ]
    assert [words[:3] for words in shown if words[0] in ("primary", "replica", "waiting", "sentinel", "silent")] == [
        ("primary", "r1", "PRIMARY, 1 replica"),
        ("replica", "r2", "replica, in sync"),
        ("waiting", "r3", "new, follows nobody yet"),
        ("sentinel", "r1", "names r1"),
        ("silent", "r2", "DOES NOT ANSWER"),
    ]
    assert table(page, "Who sees whom")[2:6] == [
        ["r1", "self", "ok", "-", "-", "-"],
        ["r2", "ok", "self", "-", "-", "-"],
        ["r3", "-", "-", "self", "-", "-"],
        ["Sentinel r1", "primary", "ok", "-", "self", "ok"],
    ]
    version = path.stem.partition("-")[2]
    assert [row[7] for row in table(page, "Members")[1:]] == [version] * 3
    assert "B" in table(page, "Members")[1][6] and table(page, "Members")[1][8].startswith("20")


# --- what may not be in it ---

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</style><script>x</script>",
    "a\x00b\x1b[2J\u202eevil\ud800",
    "&lt;b&gt;",
)
TAGS = (
    "a b body div g h1 h2 h3 head header html li line meta p path polygon pre rect section span style svg table tbody"
)
TAGS += " td text th thead title tr tspan ul"


class Reader(html.parser.HTMLParser):
    """What a browser takes for elements and attributes."""

    found: list[tuple[str, dict[str, str | None]]]

    def reset(self) -> None:
        super().reset()
        self.found = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


@pytest.mark.parametrize(("count", "left"), [(10, []), (13, ["3 of older date, in ACL LOG"])])
def test_refusals_that_are_not_shown_are_counted(count: int, left: list[str]) -> None:
    refused = [{"user": "app", "kind": "key", "object": f"k{age}", "times": 1, "age": 60 * age} for age in range(count)]
    rows = refused_of({"r1": {"refused": refused}}, lambda what: str(what["object"]))
    assert [row[1] for row in rows] == [f"k{age}" for age in range(10)] + left


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_is_no_markup(name: str) -> None:
    declared, seen, views = model(), servers(primary(), replica(), gone(name)), sentinels(sentinel(), sentinel(), None)
    set_of = declared["instances"][0]
    set_of["name"] = name
    for members in (set_of["members"], declared["sentinel"]["members"]):
        for member in members:
            member["host"] = member["host"] + name
    state = {**seen["r1"]["main"], "engine": name, "version": name, "rotating": [name]}
    state["refused"] = [{"user": name, "kind": "command", "object": name, "times": 1, "age": 1}]
    hosts = {f"{host}{name}": {name: one["main"]} for host, one in {**seen, "r1": {"main": state}}.items()}
    views = {f"{host}{name}": {**one, "masters": {name: one["masters"]["main"]}} for host, one in views.items()}
    text = render_html({**declared, "deployment": name}, hosts, views, None, NOW)
    text.encode("utf-8")
    reader = Reader()
    reader.feed(text)
    page = ET.fromstring(text.partition("\n")[2])  # noqa: S314 - of our own making
    assert [tag for tag, _ in reader.found] == [one.tag.lower() for one in page.iter()]
    assert {tag for tag, _ in reader.found} <= set(TAGS.split())
    for _tag, attributes in reader.found:
        assert not [key for key in attributes if key.startswith("on") or key in ("src", "xlink:href")]
        assert str(attributes.get("href", "#")).startswith("#")
    shown = "".join(page.itertext())
    assert "\x1b" not in shown and "\u202e" not in shown
    if name.isprintable() and "\ud800" not in name:
        assert name in shown


def test_a_page_needs_nothing_from_elsewhere() -> None:
    text = render_html(*CASES["twelve"], None, NOW)
    assert "http:" not in text and "https:" not in text and "url(" not in text and "@import" not in text
    assert "default-src 'none'" in text


def test_thirty_sets_are_small_and_have_an_index() -> None:
    names = tuple(f"set{number}" for number in range(30))
    seen = {host: dict.fromkeys(names, one["main"]) for host, one in CASES["healthy"][1].items()}
    view = sentinel()
    view["masters"] = dict.fromkeys(names, view["masters"]["main"])
    text = render_html(model(names=names), seen, dict.fromkeys(HOSTS, view), None, NOW)
    assert len(text) < 300_000
    page = ET.fromstring(text.partition("\n")[2])  # noqa: S314 - of our own making
    assert [one.get("href") for one in page.iter("a")] == [f"#{one.get('id')}" for one in page.iter("section")]


def test_no_secret_and_no_name_of_a_key_is_in_it() -> None:
    declared, seen, views = model(), servers(primary(), replica(), replica()), AGREED
    declared["instances"][0].update(acl={"users": ["hunter2"]}, parameters={"requirepass": "hunter2"})
    log = {"user": "shop", "times": 2, "age": 60}
    seen["r1"]["main"]["refused"] = [{**log, "kind": "key", "object": "session:hunter2"}]
    seen["r2"]["main"]["refused"] = [{**log, "kind": "command", "object": "flushall"}]
    seen["r3"]["main"]["config"] = {"masterauth": "hunter2"}
    page = tree((declared, seen, views))
    rows = table(page, "Refused, and no problem of the servers")[1:]
    assert rows == [["shop", "key", "2", "1 min ago", "r1"], ["shop", "command flushall", "2", "1 min ago", "r2"]]
    assert "hunter2" not in ET.tostring(page, encoding="unicode")


# --- what is a change ---


def test_times_and_counters_are_no_change_and_a_role_is_one() -> None:
    later = servers(primary(5000, keys=9), replica(4000), replica(4100))
    for one in later.values():
        one["main"].update(uptime=99, memory={"used_memory": 5, "maxmemory": 0})
    known = servers(primary(), replica(90), replica())
    for one in known.values():
        one["main"].update(uptime=33, memory={"used_memory": 4, "maxmemory": 0})
    before = drop_moving(render_html(model(), known, AGREED, None, NOW))
    assert before == drop_moving(render_html(model(), later, AGREED, None, NOW + 60))
    later["r3"]["main"]["primary"]["link"] = "down"
    assert before != drop_moving(render_html(model(), later, AGREED, None, NOW))


def test_what_cannot_be_shown_is_replaced() -> None:
    assert make_tag("p", "a\x07b").text == "a\ufffdb"


def test_a_sentinel_that_does_not_watch_has_no_line() -> None:
    views = sentinels(sentinel(), sentinel(), SentinelView(reachable=True).to_dict())
    page = tree((model(), CASES["healthy"][1], views))
    assert drawn(page)[-1] == ("silent", "r3", "does not watch it")
    assert sum(1 for one in page.iter("line")) == 2
