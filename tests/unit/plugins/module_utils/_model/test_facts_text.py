# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host has written for Prometheus is what is read of it again."""

from __future__ import annotations

from ansible_collections.quorum.redis.plugins.module_utils._model.facts import Observations, Process, collect_facts
from ansible_collections.quorum.redis.plugins.module_utils._model.facts_text import (
    facts_of_set,
    list_moments,
    read_moments,
)

TOLD = {"deployment": "redis", "me": "a", "sets": [], "declared": [], "sentinels": []}
ODD = 'b"\\ {set="x"} 1'  # a name that would like to be something else


def written() -> str:
    server = Process({"set": "main", "addr": "a:6379"}, False, 300.0, {"app": 200.0})
    sentinel = Process({"addr": "a:26379"}, True, 100.0)
    backups = {"main": {"success": 1.0, "proof": 2.0, "copy": 3.0, "drill": 4.0}, ODD: {"success": 5.0}}
    return collect_facts(TOLD, Observations({}, {}, [server, sentinel], backups, 400.0), 1000.0)


def test_moments_are_read_by_set() -> None:
    found = read_moments(written())
    assert facts_of_set(found, "main") == {
        "facts": 1000.0,
        "certificate_not_after": 400.0,
        "certificate_served_not_after": 300.0,
        "backup_last_success": 1.0,
        "backup_last_proof": 2.0,
        "backup_last_copy": 3.0,
        "backup_last_drill": 4.0,
    }
    assert facts_of_set(found, "other") == {"facts": 1000.0, "certificate_not_after": 400.0}


def test_nothing_is_made_of_nothing() -> None:
    assert read_moments("") == {} and facts_of_set({}, "main") == {}
    assert read_moments("quorum_redis_facts_timestamp_seconds nonsense\n# HELP x\n") == {}


def test_hosts_that_know_nothing_of_it_are_left_out() -> None:
    assert list_moments({"a": {"x": 1.0}, "b": {"z": 2.0}}, ("x", "y")) == [("a", [1.0, None])]


def test_of_several_members_on_a_host_the_earliest_moment_counts() -> None:
    """The certificate that ends first is the one that somebody has to look after."""
    nodes = [
        Process({"set": "cart", "addr": f"a:{port}"}, False, until) for port, until in ((1, 9.0), (2, 5.0), (3, 7.0))
    ]
    text = collect_facts(TOLD, Observations({}, {}, nodes), 1000.0)
    assert facts_of_set(read_moments(text), "cart")["certificate_served_not_after"] == 5.0
