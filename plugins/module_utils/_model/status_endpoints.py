# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom the endpoints lead to, compared with who is primary. Pure."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Sequence

from .endpoint_verdict import LOOK, list_hosts, say_state
from .status_verdict import Problem, SetStatus, primaries_of

ENDPOINTS_HEAD = ("endpoint", "writes to", "reads from", "state")


def judge_endpoints(sets: Sequence[SetStatus], fronts: Mapping[str, Mapping[str, Any]]) -> Dict[str, List[List[str]]]:
    """Return a row of each endpoint by data set, and add to the problems of the set what is wrong with it.

    fronts: by host, what the module endpoint returned; hosts that were not asked are missing.
    """
    rows: Dict[str, List[List[str]]] = {}
    for status in sets:
        name, primaries = status.declared["name"], primaries_of(status.seen)
        for host, answer in fronts.items() if status.declared.get("endpoint") else ():
            if "writes" not in answer:
                why = str(answer.get("msg") or "it does not answer").splitlines()[0].rstrip(".")
                rows.setdefault(name, []).append([host, "?", "?", why])
                status.problems.append(
                    Problem("endpoint_unknown", f"{name}: the endpoint on {host} is not known: {why}.")
                )
                continue
            writes, reads = (
                list_hosts(status.declared["members"], answer.get(way, {}).get(name, [])) for way in ("writes", "reads")
            )
            state = say_state(writes, primaries)
            rows.setdefault(name, []).append([host, ", ".join(writes) or "nobody", ", ".join(reads) or "-", state])
            # Where nobody is primary, or two are, refusing is right.
            if len(primaries) == 1 and writes != primaries:
                text = f"{name}: the endpoint on {host} {state}. {LOOK}"
                status.problems.append(Problem("endpoint_elsewhere", text))
    return rows


def declared_endpoint(declared: Mapping[str, Any], model: Mapping[str, Any]) -> List[str]:
    """Return where the endpoints of a set are, as declared."""
    endpoint = declared.get("endpoint")
    if not endpoint:
        return []
    hosts = ", ".join(model["endpoint"]["hosts"]) or "no host"
    reads = f", reads at port {endpoint['read_port']}" if endpoint["read_port"] else ""
    return [f"Endpoints are declared on {hosts}: writes at port {endpoint['port']}{reads}"]
