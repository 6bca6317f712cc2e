# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who holds a port and is not ours, on a made-up /proc; what may go, what is refused, and where a process listens."""

from __future__ import annotations

import re
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._core.errors import BadConfig, Refused
from ansible_collections.quorum.redis.plugins.module_utils._host import foreign, listeners
from ansible_collections.quorum.redis.plugins.module_utils._host.addresses import check_address, check_bind, is_covered
from ansible_collections.quorum.redis.plugins.module_utils._host.foreign import Foreign, judge_foreign, parse_units
from ansible_collections.quorum.redis.plugins.module_utils._host.listeners import (
    Holder,
    Listener,
    find_holders,
    find_own,
    read_listeners,
)

EVERY = "0.0.0.0"  # noqa: S104
TCP = """  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:18EB 00000000:0000 0A 00000000:00000000 00:00000000 00000000   101        0 11 1 0 100 0 0 10 0
   1: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 12 1 0 100 0 0 10 0
   2: 0100007F:18EB 0100007F:C350 01 00000000:00000000 00:00000000 00000000   101        0 13 1 0 100 0 0 10 0
"""
TCP6 = """  sl  local_address                         remote_address                        st tx_queue
   0: 00000000000000000000000001000000:18EB 00000000000000000000000000000000:0000 0A 0:0 00:0 0   101        0 21 1 0
   1: 0000000000000000FFFF00000100007F:6782 00000000000000000000000000000000:0000 0A 0:0 00:0 0   101        0 22 1 0
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two processes: one listens on 6379 twice, another on 26378."""
    (tmp_path / "proc/net").mkdir(parents=True)
    (tmp_path / "proc/net/tcp").write_text(TCP)
    (tmp_path / "proc/net/tcp6").write_text(TCP6)
    for pid, inodes, cgroup in ((7, (11, 21), "/system.slice/redis-server.service"), (8, (22,), "/user.slice/s")):
        place = tmp_path / "proc" / str(pid)
        (place / "fd").mkdir(parents=True)
        for inode in inodes:
            (place / "fd" / str(inode)).symlink_to(f"socket:[{inode}]")
        (place / "cwd").symlink_to("/var/lib/redis")
        (place / "comm").write_text("redis-server\n")
        (place / "cgroup").write_text(f"0::{cgroup}\n")
    return tmp_path


def test_the_tables_of_the_kernel() -> None:
    assert listeners.parse_listeners(TCP, "little") == [Listener("127.0.0.1", 6379, "11"), Listener(EVERY, 22, "12")]
    assert listeners.parse_listeners(TCP6, "little") == [
        Listener("::1", 6379, "21"),
        Listener("127.0.0.1", 26498, "22"),
    ]
    assert Listener("::", 1, "").reached_at == "::1"


def test_the_processes_behind_them(root: Path) -> None:
    found = find_holders(read_listeners([6379, 26498, 22], root), root=root)
    assert [(one.pid, one.unit, one.ports, one.directory) for one in found] == [
        (7, "redis-server.service", [6379], "/var/lib/redis"),
        (8, "", [26498], "/var/lib/redis"),
        (0, "", [22], ""),
    ]
    assert [one.pid for one in find_holders(read_listeners([6379], root), [8, 7], root)] == [7]
    assert listeners.of_process(8, root) == [Listener("127.0.0.1", 26498, "22")]
    assert listeners.of_process(0, root) == listeners.of_process(9, root) == []


@pytest.mark.parametrize(
    ("cgroup", "unit", "container"),
    [
        ("0::/system.slice/redis_6379.service", "redis_6379.service", False),
        (
            "0::/system.slice/system-redis\\x2dserver.slice/redis-server@main.service",
            "redis-server@main.service",
            False,
        ),
        ("12:memory:/x\n1:name=systemd:/system.slice/a.service", "a.service", False),
        ("1:name=systemd:/system.slice/a.service\n0::/", "a.service", False),
        ("0::/user.slice/user-0.slice/session-3.scope", "", False),
        ("0::/user.slice/user-1000.slice/user@1000.service/app.slice/redis.service", "", False),
        ("0::/system.slice/docker-4f00.scope", "", True),
        ("0::/machine.slice/libpod-4f00.scope/container", "", True),
        ("0::/docker/4f00", "", True),
        ("0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-4f.scope", "", True),
        ("", "", False),
    ],
)
def test_a_process_has_a_unit_or_a_container(cgroup: str, unit: str, container: bool) -> None:
    holder = Holder(7, "redis-server", "/", cgroup)
    assert (holder.unit, holder.container) == (unit, container)


def server(unit: str = "redis-server.service", **more: Any) -> Foreign:
    """Return the untouched server of a package, with some things otherwise."""
    info = {
        "redis_version": "8.0.2",
        "role": "master",
        "loading": "0",
        "connected_clients": "1",
        "connected_slaves": "0",
    }
    holder = Holder(7, "redis-server", "/var/lib/redis", f"0::/system.slice/{unit}")
    return Foreign(holder, [6379], unit, info={**info, **more})


def sentinel(**masters: str) -> Foreign:
    """Return the Sentinel of a package."""
    return Foreign(
        Holder(8, "redis-sentinel"), [26379], "redis-sentinel.service", info={"sentinel_masters": "1", **masters}
    )


DEFAULT = {"master0": "name=mymaster,status=ok,address=127.0.0.1:6379,slaves=0,sentinels=1"}
ELSE = {"master0": "name=mymaster,status=ok,address=192.0.2.1:6379,slaves=2,sentinels=3"}


def test_what_nobody_misses_may_go() -> None:
    assert judge_foreign([server()], "db1", replace=False)
    assert judge_foreign([sentinel(**DEFAULT), server(connected_clients="3")], "db1", replace=False)
    for unit in ("redis.service", "valkey.service", "valkey-server.service"):
        assert judge_foreign([server(unit)], "db1", replace=False)
    assert judge_foreign([], "db1", replace=False) == []


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (server(db0="keys=1,expires=0,avg_ttl=0"), r"primary with 0 replicas, 1 key, .*stays in /var/lib/redis"),
        (server(db3="keys=2,expires=0", connected_slaves="2"), "primary with 2 replicas, 2 keys"),
        (server(connected_clients="3"), "0 keys, 2 other clients"),
        (server(loading="1"), "still loading its data"),
        (server(role="slave", master_host="192.0.2.1", master_port="6379"), r"replica of 192\.0\.2\.1:6379, 0 keys"),
        (server("redis_6379.service"), r"held by redis_6379\.service"),
        (Foreign(Holder(7, "redis-server"), [6379], info=server().info), "no unit of its own"),
        (
            Foreign(Holder(7), [6379], "redis-server.service", silence="it asks for a password"),
            "it asks for a password",
        ),
        (sentinel(**ELSE), "a Sentinel that watches mymaster"),
        (Foreign(Holder(7, cgroup="0::/docker/4f"), [6379], info=server().info), "stop that container"),
        (
            Foreign(Holder(7, "nginx"), [6379], "nginx.service", silence="no INFO"),
            "Nothing was changed on any host. stop it",
        ),
        (Foreign(Holder(), [6379]), "does not show"),
        (Foreign(Holder(7, "redis-server"), [6379], "redis-server@old.service", ours=True), "is not declared there"),
    ],
)
def test_the_others_stop_the_run(found: Foreign, words: str) -> None:
    with pytest.raises(Refused, match=r"Something that is not (ours|declared) is on db1: port") as problem:
        judge_foreign([server(), found], "db1", replace=False)
    assert re.search(words, str(problem.value)), str(problem.value)
    assert "Nothing was changed on any host" in str(problem.value)
    assert ("redis_replace_foreign=db1" in str(problem.value)) == found.stoppable


def test_a_set_with_another_name_or_port_is_said_to_be_one_of_ours() -> None:
    """It holds the data of a renamed set: whoever follows the advice for strangers stops it."""
    renamed = Foreign(Holder(7, "redis-server"), [6379], "redis-server@old.service", ours=True)
    with pytest.raises(Refused, match="Something that is not declared is on db1: port 6379") as problem:
        judge_foreign([renamed], "db1", replace=False)
    assert "A running data set keeps its name and its port: declare it as it runs" in str(problem.value)
    assert "Bring its data in" not in str(problem.value)


def test_who_means_it_replaces_servers_only() -> None:
    full = server(db0="keys=1,expires=0")
    assert judge_foreign([full], "db1", replace=True) == [full]
    with pytest.raises(Refused, match="container"):
        judge_foreign([full, Foreign(Holder(7, cgroup="0::/docker/4f"), [6379])], "db1", replace=True)


def test_what_systemd_says() -> None:
    found = parse_units("Id=a.service\nMainPID=7\nFragmentPath=/etc/a\n\nId=b.service\nMainPID=0\n")
    assert [(one.name, one.pid, one.file) for one in found] == [("a.service", 7, "/etc/a"), ("b.service", 0, "")]


def test_our_own_is_found_by_unit_process_and_file(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unit = tmp_path / "redis-server@.service"
    unit.write_text("# Managed by Ansible (quorum.redis).\n")
    monkeypatch.setattr(foreign, "read_listeners", lambda ports: read_listeners(ports, root))
    monkeypatch.setattr(foreign, "find_holders", lambda found, first: find_holders(found, first, root))
    monkeypatch.setattr(foreign, "ask_port", lambda *_args: ("-", "NOAUTH"))
    (root / "proc/7/cgroup").write_text("0::/system.slice/redis-server@main.service\n")
    said = f"Id=redis-server@main.service\nMainPID=7\nFragmentPath={unit}\n"
    declared = {"redis-server@main.service": [6379]}
    assert foreign.find_foreign(declared, [], said) == []
    for other in (said.replace("=7", "=9"), said.replace(str(unit), "/usr/lib/systemd/system/x")):
        assert [one.ports for one in foreign.find_foreign(declared, [], other)] == [[6379]]
    moved = foreign.find_foreign({"redis-server@new.service": [6379]}, [], said)
    assert [(one.ours, one.unit) for one in moved] == [(True, "redis-server@main.service")]
    masked = tmp_path / "redis-server@main.service"
    masked.symlink_to("/dev/null")
    assert foreign.find_foreign(declared, [], said.replace(str(unit), str(masked))) == [], "it runs on, and stays ours"
    unit.write_text("# of somebody else\n")
    assert [one.ports for one in foreign.find_foreign(declared, [], said.replace(str(unit), str(masked)))] == [[6379]]


HERE = ("192.0.2.1", "198.51.100.1", "127.0.0.1", "::1", "2001:db8::1")


@pytest.mark.parametrize(
    ("bind", "address", "words"),
    [
        ([], "192.0.2.1", ""),
        (["192.0.2.1", "127.0.0.1"], "192.0.2.1", ""),
        (["*", "-::*"], "192.0.2.1", ""),
        ([EVERY], "192.0.2.1", ""),
        (["192.0.2.1", "-192.0.2.200"], "192.0.2.1", ""),
        (["localhost"], "192.0.2.1", ""),  # a name: the engine knows what it is
        (["127.0.0.1"], "127.0.0.1", ""),
        (["198.51.100.1"], "203.0.113.9", ""),  # another machine translates the address
        (["127.0.0.1"], "192.0.2.1", "without 192.0.2.1"),
        (["127.0.0.1"], "203.0.113.9", "without 203.0.113.9"),
        (["198.51.100.1"], "192.0.2.1", "without 192.0.2.1"),
        (["::"], "192.0.2.1", "without 192.0.2.1"),
        (["*"], "2001:db8::1", "without 2001:db8::1"),
        (["192.0.2.1", "192.0.2.11"], "192.0.2.1", "names 192.0.2.11, which is no address of this host"),
    ],
)
def test_the_address_of_a_host_is_among_those_it_listens_on(bind: list[str], address: str, words: str) -> None:
    expected = pytest.raises(BadConfig, match=re.escape(words)) if words else nullcontext()
    with expected:
        check_bind(bind, address, HERE.__contains__)


def test_spellings_of_an_address() -> None:
    assert is_covered(["2001:DB8:0::1"], "2001:db8::1")
    assert not is_covered(["127.0.0.1"], "127.0.0.2")


@pytest.mark.parametrize(
    ("address", "runs", "answers", "here", "words"),
    [
        ("192.0.2.1", True, False, False, ""),
        pytest.param("203.0.113.9", True, True, True, "", id="translated"),
        pytest.param("203.0.113.9", False, False, False, "", id="fresh"),
        ("203.0.113.9", True, False, False, "and nothing answers there, while redis-server@main.service runs"),
        pytest.param("203.0.113.9", True, True, False, "what answers there is another machine's", id="exchanged"),
        pytest.param("203.0.113.9", False, True, False, "not redis-server@main.service of this host", id="fresh-wrong"),
        pytest.param("203.0.113.9", False, True, True, "", id="translated, to a server that gives way"),
    ],
)
def test_an_address_that_does_not_lead_here(address: str, runs: bool, answers: bool, here: bool, words: str) -> None:
    listens = {"redis-server@main.service": [6379]}
    expected = pytest.raises(BadConfig, match=re.escape(words)) if words else nullcontext()
    with expected:
        ends = lambda *_place: answers, lambda *_place: here
        check_address(address, listens, listens if runs else {}, HERE.__contains__, *ends)


@pytest.mark.parametrize(
    ("there", "found"),
    [("0100007F:C350", True), ("0900007F:C350", True), ("0700007F:1F90", True), ("0900007F:1F90", False)],
    ids=["plain", "port-kept", "translated", "a-peer"],
)
def test_the_own_connection_among_those_of_peers(there: str, found: bool) -> None:
    peer = ("0100007F:18EB", "0900007F:0FA0")
    assert bool(find_own({peer}, {peer, ("0100007F:18EB", there)}, 50000)) == found
