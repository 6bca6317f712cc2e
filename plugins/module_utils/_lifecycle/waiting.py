# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which members of a data set wait for a restart, and what the next one of a cluster waits for; pure."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Sequence

from .._model.cluster_nodes import parse_nodes


def members_to_restart(
    data_set: Mapping[str, Any], wanted: Mapping[str, Sequence[str]], everybody: bool = False
) -> List[Dict[str, Any]]:
    """Return the members of which a server is wanted on their host; where none is, `everybody` means all.

    Each gets the name of its `server`, and its `place` as clusters write it and as people do.
    """
    names = {server["port"]: server["name"] for server in data_set.get("servers", [])}
    members = [
        {
            **member,
            "server": names.get(member["port"], data_set["name"]),
            "place": f"{member['address']}:{member['port']}",
            "called": f"{member['host']}:{member['port']}",
        }
        for member in data_set["members"]
    ]
    waiting = [member for member in members if member["server"] in wanted.get(member["host"], [])]
    return waiting or (members if everybody else [])


def cluster_fault(answers: Mapping[str, Mapping[str, str]]) -> str:
    """Return why the next member of a cluster must not be restarted yet; `answers` of each, by its address:port.

    Nodes that are no members are not waited for.
    """
    for name, answer in answers.items():
        if not answer:
            return f"{name} does not answer"
        if answer["state"] != "ok":
            return f"{name} says that the state of the cluster is {answer['state']}"
        places = [f"{node.address}:{node.port}" for node in parse_nodes(answer["nodes"]) if node.has_failed]
        failed = [place for place in places if place in answers]
        if failed:
            return f"{name} says that {failed[0]} has failed"
    return ""
