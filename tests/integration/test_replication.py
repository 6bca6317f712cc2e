# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module replication against real servers."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from typing import Any, Dict, List

import pytest
from connection import fold_connection
from patience import LONG

from .conftest import PASSWORD, Lab, Server, wait_until

Options = Dict[str, Any]


def options(servers: List[Server], **more: Any) -> Options:
    """Return the options for these servers, named r1, r2, ..."""
    members = [
        {"host": f"r{count}", "address": server.address, "port": server.port} for count, server in enumerate(servers, 1)
    ]
    return {"name": "main", "members": members, "password": servers[0].password or None, "wait": 120, **more}


def roles(servers: List[Server]) -> List[Any]:
    """Return what each one follows; primary is the empty string."""
    return [server.follows()[1] for server in servers]


def keys(servers: List[Server]) -> List[List[str]]:
    """Return all keys of each one."""
    return [sorted(server.call("KEYS", "*")) for server in servers]


@pytest.fixture
def trio(lab: Lab) -> List[Server]:
    """Return three parked members."""
    return [lab.server(f"r{count}", parked=True, password=PASSWORD) for count in (1, 2, 3)]


@pytest.fixture
def replicated(lab: Lab, trio: List[Server]) -> List[Server]:
    """Return a set with r1 as primary and three keys."""
    assert not lab.run("replication", **options(trio)).failed
    trio[0].call("MSET", "a", "1", "b", "2", "c", "3")
    wait_until("three keys everywhere", lambda: all(len(found) == 3 for found in keys(trio)))
    return trio


def test_a_member_that_falls_silent_while_it_is_waited_for_is_told(lab: Lab, replicated: List[Server]) -> None:
    """One without a link at the first look, and without an answer later, was no reason for a word."""
    second = replicated[1]
    assert second.process
    pid = second.process.pid
    second.call("CONFIG", "SET", "masterauth", "wrong")
    second.call("CLIENT", "KILL", "TYPE", "master")
    wait_until("the link is down", lambda: second.info()["master_link_status"] == "down")
    second.call("CONFIG", "RESETSTAT")

    def freeze() -> None:
        """Let it hang at the second look of the module, or right after it."""
        asked = re.compile("cmdstat_config[^:]*:calls=([2-9]|[0-9]{2})")
        wait_until("it was looked at twice", lambda: asked.search(str(second.call("INFO", "commandstats"))))
        os.kill(pid, signal.SIGSTOP)

    watcher = threading.Thread(target=freeze)
    watcher.start()
    try:
        answer = lab.run("replication", **options(replicated, wait=12))
    finally:
        watcher.join()
        os.kill(pid, signal.SIGCONT)
    assert answer.failed, answer.text
    assert "After 12 s: r2 does not answer any more" in answer.msg


def test_bootstrap(lab: Lab, trio: List[Server]) -> None:
    """An empty set begins at the seed, the file remembers the roles, and a second run changes nothing."""
    predicted = lab.run("replication", check=True, **options(trio))
    assert predicted.changed and len(predicted["steps"]) == 3, predicted.text
    assert all(server.follows() == ("slave", "127.0.0.1:0") for server in trio), "check mode changed something"
    done = lab.run("replication", **options(trio))
    assert done.changed and done["steps"] == predicted["steps"], done.text
    assert done["waiting"] == predicted["waiting"] == []
    assert done["diff"] == predicted["diff"]
    first = f"127.0.0.1:{trio[0].port}"
    assert roles(trio) == ["", first, first]
    assert "replicaof" not in trio[0].config.read_text()
    assert f"replicaof 127.0.0.1 {trio[0].port}" in trio[1].config.read_text()
    assert done["primary"] == {"host": "r1", "address": "127.0.0.1", "port": trio[0].port}
    assert [member["role"] for member in done["members"]] == ["primary", "replica", "replica"]
    for check in (False, True):
        again = lab.run("replication", check=check, **options(trio))
        assert not again.changed and not again.failed and again["steps"] == [], again.text
    assert PASSWORD not in predicted.text + done.text


def test_seed(lab: Lab, trio: List[Server]) -> None:
    """The seed begins an empty set."""
    assert lab.run("replication", **options(trio, seed="r3"))["primary"]["host"] == "r3"


def test_fresh_hosts_in_check_mode(lab: Lab, trio: List[Server]) -> None:
    """Members that do not run yet are predicted to be started."""
    given = options(trio)
    for server in trio:
        server.stop()
    predicted = lab.run("replication", check=True, **given)
    assert predicted.changed and len(predicted["steps"]) == 3, predicted.text
    refused = lab.run("replication", **given)
    assert refused.failed and "whether r1, r2, r3 hold data is unknown" in refused.msg, refused.text


def test_other_primary_is_left_alone(lab: Lab, replicated: List[Server]) -> None:
    """Whoever is primary stays it."""
    one, two, three = replicated
    two.call("REPLICAOF", "NO", "ONE")
    for server in (one, three):
        server.call("REPLICAOF", "127.0.0.1", str(two.port))
    wait_until("links up", lambda: one.info()["master_link_status"] == "up" == three.info()["master_link_status"])
    again = lab.run("replication", **options(replicated))
    assert not again.changed and again["primary"]["host"] == "r2", again.text


@pytest.mark.parametrize(("what", "wrong"), [("ip", "192.0.2.7"), ("port", "7")])
def test_corrected_address_is_announced(lab: Lab, replicated: List[Server], what: str, wrong: str) -> None:
    """A primary lists a replica by what that told at the handshake; after a correction the link is opened again."""
    primary, moved = replicated[0], replicated[1]
    right = {"ip": "127.0.0.1", "port": str(moved.port)}[what]

    def listed() -> List[str]:
        info = primary.info()
        return sorted(",".join(info[f"slave{number}"].split(",")[:2]) for number in range(2))

    well = listed()
    moved.call("CONFIG", "SET", f"replica-announce-{what}", wrong)
    moved.call("CLIENT", "KILL", "TYPE", "master")
    wait_until("it is listed by another address", lambda: f"{what}={wrong}" in str(listed()) and len(listed()) == 2)
    moved.call("CONFIG", "SET", f"replica-announce-{what}", right)
    before = moved.info()["run_id"]
    predicted = lab.run("replication", check=True, **options(replicated))
    done = lab.run("replication", **options(replicated))
    assert done["steps"] == predicted["steps"] and "r2" in done["steps"][0] and len(done["steps"]) == 1, done.text
    assert "open the link to r1 again" in done["steps"][0] and "no member by the inventory" not in done.text
    assert listed() == well and moved.info()["run_id"] == before
    assert not lab.run("replication", **options(replicated)).changed


def test_new_member(lab: Lab, replicated: List[Server]) -> None:
    """A new empty member is attached and gets the data; the others keep their process and role."""
    before = [server.info()["run_id"] for server in replicated]
    new = lab.server("r4", parked=True, password=PASSWORD)
    done = lab.run("replication", **options([*replicated, new]))
    assert len(done["steps"]) == 1 and "r4" in done["steps"][0], done.text
    assert keys([new]) == [["a", "b", "c"]]
    assert before == [server.info()["run_id"] for server in replicated]


def test_chain(lab: Lab, replicated: List[Server]) -> None:
    """A replica of a replica is attached to the primary."""
    one, two, three = replicated
    three.call("REPLICAOF", "127.0.0.1", str(two.port))
    wait_until("link up", lambda: three.info()["master_link_status"] == "up")
    done = lab.run("replication", **options(replicated))
    assert len(done["steps"]) == 1 and three.follows()[1] == f"127.0.0.1:{one.port}", done.text


def refused(lab: Lab, servers: List[Server], *words: str, **more: Any) -> str:
    """Run the module, which must refuse with these words and change nothing; return the message."""
    before, data = roles(servers), keys(servers)
    for check in (True, False):
        answer = lab.run("replication", check=check, **options(servers, wait=1, **more))
        assert answer.failed and not answer.changed, answer.text
        for word in (*words, "redis_trust", "Nothing was changed"):
            assert word in answer.msg, answer.msg
    assert (roles(servers), keys(servers)) == (before, data)
    return answer.msg


def test_two_primaries(lab: Lab, replicated: List[Server]) -> None:
    """Two primaries with data: refused with a table; trust decides, and only then data is overwritten."""
    one, two, three = replicated
    two.call("REPLICAOF", "NO", "ONE")
    one.call("SET", "only1", "x")
    two.call("SET", "only2", "x")
    wait_until("r3 has it", lambda: "only1" in keys([three])[0])
    message = refused(lab, replicated, "Two primaries: r1 and r2", "replication id")
    assert any(line.split()[:2] == ["r2", "primary"] for line in message.splitlines()), message
    done = lab.run("replication", **options(replicated, trust="r2"))
    assert done["primary"]["host"] == "r2" and len(done["steps"]) == 2, done.text
    assert roles(replicated) == [f"127.0.0.1:{two.port}", "", f"127.0.0.1:{two.port}"]
    assert keys(replicated) == [["a", "b", "c", "only2"]] * 3
    assert not lab.run("replication", **options(replicated, trust="r2")).changed
    assert not lab.run("replication", **options(replicated, trust="r1")).changed, (
        "trust without a conflict does nothing"
    )


def test_cycle(lab: Lab, replicated: List[Server]) -> None:
    """Nobody is primary although there is data: refused; trust breaks the cycle."""
    one, two, _three = replicated
    one.call("REPLICAOF", "127.0.0.1", str(two.port))
    refused(lab, replicated, "No member is a primary although r1, r2, r3 hold data")
    done = lab.run("replication", **options(replicated, trust="r1"))
    assert not done.failed and done["primary"]["host"] == "r1", done.text
    assert keys(replicated) == [["a", "b", "c"]] * 3


def test_foreign_data(lab: Lab, replicated: List[Server]) -> None:
    """A member with data of its own is not overwritten."""
    new = lab.server("r4", password=PASSWORD)
    new.call("SET", "foreign", "x")
    refused(lab, [*replicated, new], "r1 and r4")


def test_emptied_primary(lab: Lab, replicated: List[Server]) -> None:
    """A primary that comes back without data, parked by the guard, wipes nobody; trust names one that has the data."""
    one = replicated[0]
    one.stop()
    one.config.write_text(one.config.read_text() + "replicaof 127.0.0.1 0\n")
    one.start()
    refused(lab, replicated, "No member is a primary although r2, r3 hold data")
    empty = lab.run("replication", **options(replicated, trust="r1", wait=1))
    assert empty.failed and "holds no key" in empty.msg, empty.text
    done = lab.run("replication", **options(replicated, trust="r2"))
    assert not done.failed and keys(replicated) == [["a", "b", "c"]] * 3, done.text


def test_primary_out_of_reach(lab: Lab, replicated: List[Server]) -> None:
    """A primary that does not answer, without Sentinels: refused, with the way that also looks whether it is dead."""
    replicated[0].stop()
    answer = lab.run("replication", **options(replicated, wait=1))
    assert answer.failed and not answer.changed, answer.text
    assert "r1 cannot be observed" in answer.msg and "redis_failover_dead_primary=true" in answer.msg
    assert "Nothing was changed" in answer.msg and "redis_trust" not in answer.msg
    assert roles(replicated[1:]) == [f"127.0.0.1:{replicated[0].port}"] * 2


def test_move_that_was_cut_short(lab: Lab, replicated: List[Server]) -> None:
    """The former primary of a move that nobody finished goes on as primary: it has all that the others have."""
    replicated[0].call("REPLICAOF", "127.0.0.1", "0")
    planned = lab.run("replication", check=True, **options(replicated, wait=2))
    assert planned.changed and "become the primary again" in planned["steps"][0], planned.text
    assert replicated[0].follows() == ("slave", "127.0.0.1:0"), "check mode changed something"
    done = lab.run("replication", **options(replicated))
    assert done.changed and done["primary"]["host"] == "r1", done.text
    assert [len(found) for found in keys(replicated)] == [3, 3, 3]
    assert not lab.run("replication", **options(replicated)).changed


def test_unreachable_member(lab: Lab, replicated: List[Server]) -> None:
    """One that is down is left out with a warning; the rest goes on."""
    new = lab.server("r4", parked=True, password=PASSWORD)
    given = options([*replicated, new])
    replicated[2].stop()
    done = lab.run("replication", **given)
    assert done["silent_members"] == ["r3"] and len(done["steps"]) == 1 and done["warnings"], done.text
    assert keys([new]) == [["a", "b", "c"]]


def test_wrong_password(lab: Lab, replicated: List[Server]) -> None:
    """A wrong password fails at once, names variable and member, and shows no password."""
    answer = lab.run("replication", **options(replicated, password="wrong-one"))
    assert answer.failed and "redis_password" in answer.msg and "r1" in answer.msg, answer.text
    assert "wrong-one" not in answer.msg and PASSWORD not in answer.text


def test_out_of_sync(lab: Lab, trio: List[Server]) -> None:
    """A replica that cannot log in is named after the time to wait."""
    assert not lab.run("replication", **options(trio)).failed
    trio[2].call("CONFIG", "SET", "masterauth", "wrong")
    trio[0].call("CLIENT", "KILL", "TYPE", "replica")
    wait_until("link down", lambda: trio[2].info()["master_link_status"] == "down")
    answer = lab.run("replication", **options(trio, wait=1))
    assert answer.failed and "r3 has no link to r1" in answer.msg, answer.text
    looked = lab.run("replication", check=True, **options(trio))
    assert not looked.changed and looked["waiting"] == ["r3 has no link to r1"], looked.text


def test_info(lab: Lab, replicated: List[Server]) -> None:
    """One server, as it is; one that is not there; and the configuration without its passwords."""
    one, two, _three = replicated
    seen = lab.run("instance_info", config=True, **one.endpoint())
    found = seen["instance"]
    assert (found["role"], found["key_count"], len(found["replicas"]), found["parked"]) == ("primary", 3, 2, False)
    assert found["engine"] == lab.engine.name.split("-")[0] and found["config"]["requirepass"] == "********"
    assert not seen.changed and PASSWORD not in seen.text
    assert lab.run("instance_info", **two.endpoint())["instance"]["primary"]["port"] == one.port
    one.stop()
    gone = lab.run("instance_info", **one.endpoint())
    assert not gone.failed and gone["instance"]["error_kind"] == "refused", gone.text
    assert lab.run("instance_info", required=True, **one.endpoint()).failed


def test_what_does_not_answer(lab: Lab, trio: list[Server]) -> None:
    """Silence, an unknown name and a wrong password are told apart, at once; a Unix socket works as well."""
    given = trio[0].endpoint()
    assert trio[0].process is not None
    trio[0].process.send_signal(signal.SIGSTOP)
    silent = lab.run("instance_info", **{**given, "timeout": 0.3})["instance"]
    trio[0].process.send_signal(signal.SIGCONT)
    assert (silent["reachable"], silent["error_kind"]) == (False, "timeout"), silent["error"]
    unknown = lab.run("instance_info", **{**given, "host": "no-such-host.invalid"})["instance"]
    assert unknown["error_kind"] == "dns", unknown["error"]
    for password in ("wrong-one", None):
        refusal = lab.run("instance_info", **{**given, "password": password})["instance"]
        assert refusal["error_kind"] == "auth", refusal["error"]
    local = lab.server("local", "unixsocket s")
    found = lab.run("instance_info", socket=str(local.directory / "s"))["instance"]
    assert found["run_id"] == local.info()["run_id"]


def test_through_ansible(lab: Lab, trio: list[Server]) -> None:
    """The same through ansible itself, packed and sent as to any host."""
    args = json.dumps(fold_connection(options(trio)))
    command = [sys.executable, "-m", "ansible.cli.adhoc", "localhost", "-m", "quorum.redis.replication", "-a", args]
    env = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(lab.collections), "ANSIBLE_HOME": str(lab.root / "home"),
           "ANSIBLE_NOCOLOR": "1", "ANSIBLE_PYTHON_INTERPRETER": sys.executable}  # fmt: skip
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=LONG, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "r1" in done.stdout
    assert trio[1].follows() == ("slave", f"127.0.0.1:{trio[0].port}")
    assert PASSWORD not in done.stdout + done.stderr
