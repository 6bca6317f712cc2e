# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether an endpoint leads to the primary, in the words that every verb uses for it. Pure."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from .haproxy import server_name
from .haproxy_output import leads_to

LOOK = "`journalctl -u redis-endpoint` on it says what its checks see."


def list_hosts(members: Sequence[Mapping[str, Any]], servers: Sequence[str]) -> List[str]:
    """Return the members that HAProxy calls by their address; by either port, while TLS is introduced."""
    known = {}
    for member in members:
        for port in (member["port"], member.get("other_port") or member["port"]):
            known[server_name({**member, "port": port})] = str(member["host"])
    return [known.get(server, server) for server in servers]


def say_state(writes: Sequence[str], primaries: Sequence[str]) -> str:
    """Return where an endpoint leads writes, and whether that is right."""
    if writes and writes == primaries:
        return "leads to the primary"
    whom = f"leads writes to {' and '.join(writes)}" if writes else "refuses writes"
    return f"{whom}, and {primaries[0]} is primary" if len(primaries) == 1 else f"{whom}, and nobody knows the primary"


def judge_following(
    host: str, sets: Sequence[Mapping[str, Any]], primaries: Mapping[str, str], table: Optional[str]
) -> Tuple[List[str], List[str]]:
    """Return a line for each set to whose primary the endpoint of a host leads writes, and one for each other set.

    `primaries` by name of the set: the host of the primary, or nothing where any one server will do. `table` is what
    HAProxy tells as `show stat`; None where no endpoint was ever deployed.
    """
    members: Dict[str, Sequence[Mapping[str, Any]]] = {data_set["name"]: data_set["members"] for data_set in sets}
    well, wrong = [], []
    for name, primary in primaries.items():
        if table is None or (table and f"\n{name}_primary," not in table):
            well.append(f"{name}: there is no endpoint on {host} yet")
            continue
        writes = list_hosts(members[name], leads_to(table, name))
        if len(writes) == 1 and primary in ("", writes[0]):
            well.append(f"{name}: the endpoint on {host} leads writes to {writes[0]}")
        else:
            wrong.append(f"{name}: the endpoint on {host} {say_state(writes, [primary] if primary else [])}")
    return well, wrong
