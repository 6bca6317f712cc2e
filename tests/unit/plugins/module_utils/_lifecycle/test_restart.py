# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A restart: who is left alone, and the states on the way back."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._lifecycle.restart import (
    View,
    explain_no_restart,
    progress_share,
    sentinel_state,
    server_state,
)

REPLICA = {
    "run_id": "new",
    "loading": "0",
    "role": "slave",
    "master_host": "10.0.0.1",
    "master_port": "6379",
    "master_link_status": "up",
    "master_sync_in_progress": "0",
    "slave_repl_offset": "100",
}


@pytest.mark.parametrize(
    ("info", "save", "members", "why"),
    [
        ({"role": "slave"}, "", 3, ""),
        ({}, "", 3, ""),
        ({"role": "master", "connected_slaves": "2"}, "900 1", 0, "it is the primary of 2 replicas"),
        ({"role": "master", "connected_slaves": "0"}, "900 1", 2, "it is the primary of 1 replica"),
        ({"role": "master", "connected_slaves": "1", "redis_mode": "cluster"}, "", 6, "it is the primary of its shard"),
        ({"role": "slave", "redis_mode": "cluster"}, "", 6, ""),
        ({"role": "master", "connected_slaves": "0", "db0": "keys=1", "aof_enabled": "0"}, "900 1", 1, ""),
        ({"role": "master", "connected_slaves": "0", "db0": "keys=1", "aof_enabled": "1"}, "", 1, ""),
        ({"role": "master", "connected_slaves": "0", "aof_enabled": "0"}, "", 1, ""),
        (
            {"role": "master", "connected_slaves": "0", "db0": "keys=1", "aof_enabled": "0"},
            "",
            1,
            "would lose all of it",
        ),
    ],
)
def test_who_is_left_alone(info: dict[str, str], save: str, members: int, why: str) -> None:
    found = explain_no_restart(View(info, save=save), members)
    assert why in found if why else not found


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, "in sync"),
        ({"run_id": "old"}, "restarting"),
        ({"loading": "1"}, "loading"),
        ({"master_sync_in_progress": "1", "master_link_status": "down"}, "full synchronisation with 10.0.0.1:6379"),
        ({"master_link_status": "down"}, "link to 10.0.0.1:6379 down"),
        ({"slave_repl_offset": "99"}, "behind 10.0.0.1:6379"),
        ({"role": "master"}, "in sync"),
        ({"master_link_status": "down", "master_host": "127.0.0.1", "master_port": "0"}, "in sync"),
    ],
)
def test_states_of_a_server(change: dict[str, Any], expected: str) -> None:
    assert server_state({**REPLICA, **change}, View({"run_id": "old"}), 100) == expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({}, ""),
        ({"loading": "1", "loading_loaded_bytes": "1048576", "loading_total_bytes": "4194304"}, "25 %, 1.0 of 4.0 MiB"),
        ({"loading": "1", "loading_loaded_bytes": "1048576", "loading_total_bytes": "0"}, "1.0 MiB so far"),
        (
            {"master_sync_in_progress": "1", "master_sync_read_bytes": "524288", "master_sync_total_bytes": "1048576"},
            "50 %, 0.5 of 1.0 MiB",
        ),
        (
            {"master_sync_in_progress": "1", "master_sync_read_bytes": "524288", "master_sync_total_bytes": "-1"},
            "0.5 MiB so far",
        ),
        ({"master_sync_in_progress": "1", "master_sync_left_bytes": "-1"}, ""),
    ],
)
def test_share_of_a_load_or_a_synchronisation(said: dict[str, str], expected: str) -> None:
    assert progress_share({**REPLICA, **said}) == expected


@pytest.mark.parametrize(
    ("run_id", "watched", "expected"),
    [
        ("old", {"a": True, "b": False}, "restarting"),
        ("new", {"a": True}, "does not watch b yet"),
        ("new", {"a": False, "b": False}, "no quorum for a yet"),
        ("new", {"a": True, "b": False}, "in sync"),
    ],
)
def test_states_of_a_sentinel(run_id: str, watched: dict[str, bool], expected: str) -> None:
    was = View({"run_id": "old"}, {"a": True, "b": False})
    assert sentinel_state(View({"run_id": run_id}, watched), was) == expected
