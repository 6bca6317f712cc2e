# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is not as declared, one sentence each: the judgement that every view of the status shares. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Collection, List, Mapping, Sequence

from .typed_by_hand import list_altered_sentinels, list_disabled_units, list_foreign_watchers, note_users

State = Mapping[str, Any]
NOTHING: Mapping[str, Any] = {"reachable": False, "error": "its host does not answer Ansible"}
OUTSIDE: Mapping[str, Any] = {"reachable": False, "outside": True, "error": "outside this run"}
DISK = {
    "rdb_last_bgsave_status": "its last snapshot could not be written",
    "aof_last_write_status": "its AOF could not be written",
    "aof_last_bgrewrite_status": "its last rewrite of the AOF failed",
}
DOWN = {"s_down", "o_down", "disconnected"}


class Problem(str):
    """A sentence for people, with a word for programs: it stays the same where the sentence does not."""

    code: str

    def __new__(cls, code: str, text: str) -> Problem:
        """Return the sentence with its word."""
        problem = super().__new__(cls, text)
        problem.code = code
        return problem


@dataclass
class SetStatus:
    """One data set: what is declared, what each member and each Sentinel is and says, and what is wrong."""

    declared: Mapping[str, Any]
    seen: Mapping[str, State]
    watching: Mapping[str, State]
    problems: List[Problem]
    notes: List[str] = field(default_factory=list)


def judge_sets(
    model: Mapping[str, Any],
    servers: Mapping[str, Mapping[str, State]],
    sentinels: Mapping[str, State],
    run: Collection[str] | None = None,
) -> tuple[list[SetStatus], list[Problem]]:
    """Return the sets with their problems, and the problems that belong to none of them.

    servers: by host, then by data set, the observed instance. sentinels: by host. A host that is missing
    there could not be reached, or was not asked: `run` has the hosts that were.
    """

    def missing(host: str) -> State:
        return NOTHING if run is None or host in run else OUTSIDE

    statuses: list[SetStatus] = []
    members = model["sentinel"]["members"]
    for declared in model["instances"]:
        name = declared["name"]
        seen = {m["host"]: servers.get(m["host"], {}).get(name, missing(m["host"])) for m in declared["members"]}
        problems, watching = _judge(declared, seen), {}
        if declared["sentinel"]:
            watching = {m["host"]: sentinels.get(m["host"], missing(m["host"])) for m in members}
            problems += _judge_sentinels(declared, seen, watching)
            problems += _judge_memories(declared, watching, members)
        own = members if declared["sentinel"] else []
        problems += [Problem("foreign_watcher", text) for text in list_foreign_watchers(name, seen, watching, own)]
        notes = note_users(name, declared.get("acl") or {}, seen)
        statuses.append(SetStatus(declared, seen, watching, problems, notes))
    left = _undeclared([declared_set["name"] for declared_set in model["instances"]], sentinels)
    left += [Problem("sentinel_settings", text) for text in list_altered_sentinels(members, sentinels)]
    return statuses, [*left, *(Problem("unit_disabled", text) for text in list_disabled_units(servers, sentinels))]


def primaries_of(seen: Mapping[str, State]) -> list[str]:
    """Return the hosts of the members that say that they are primary."""
    return [host for host, state in seen.items() if state["reachable"] and state["role"] == "primary"]


def known_primaries(model: Mapping[str, Any], servers: Mapping[str, Mapping[str, State]]) -> dict[str, str]:
    """Return by data set the host that is primary; empty where none says so, or several do."""
    by_set = {}
    for declared in model["instances"]:
        name = declared["name"]
        hosts = [member["host"] for member in declared["members"] if name in servers.get(member["host"], {})]
        primaries = primaries_of({host: servers[host][name] for host in hosts})
        by_set[name] = primaries[0] if len(primaries) == 1 else ""
    return by_set


def explain_silence(error: str, kind: Any) -> str:
    """Return why somebody tells nothing, and what to do where the reason itself does not say it."""
    todo = "" if kind in ("auth", "loading", "library") else " Look at the host; site.yml starts what is stopped."
    return f"{error.rstrip('.')}.{todo}"


def _judge(declared: Mapping[str, Any], seen: Mapping[str, State]) -> list[Problem]:
    name, primaries = declared["name"], primaries_of(seen)
    problems = [
        Problem(
            "member_unreachable",
            f"{name} at {host}: {explain_silence(state['error'], state.get('error_kind'))}",
        )
        for host, state in seen.items()
        if not state["reachable"] and not state.get("outside")
    ]
    problems += [
        Problem(
            "disk_unwritten",
            f"{name} at {host}: {what}. The disk may be full or read-only; journalctl -u redis-server@{name} says why.",
        )
        for host, state in seen.items()
        if state["reachable"]
        for key, what in DISK.items()
        if state["persistence"].get(key, "ok") != "ok"
    ]
    outside = [host for host, state in seen.items() if state.get("outside")]
    followed = _followed(declared, seen)
    if not primaries and len(followed) == 1 and followed[0] in outside:
        primaries = followed  # all that were asked follow one that was not
    elif not primaries and len(outside) == len(seen):
        return problems
    if len(primaries) != 1:
        who = f"{' and '.join(primaries)} are" if primaries else "no member is"
        code = "several_primaries" if primaries else "no_primary"
        problems.append(
            Problem(code, f"{name}: {who} primary, one member is right. site.yml shows who says what."),
        )
        return problems
    addresses = {(m["address"], m["port"]): m["host"] for m in declared["members"]}
    problems += [
        Problem(
            "undeclared_replica",
            f"{name}: {replica['address']}:{replica['port']} is a replica of it, and no member by the inventory. "
            "Declare it or retire it.",
        )
        for replica in seen[primaries[0]].get("replicas", [])
        if (replica["address"], replica["port"]) not in addresses
    ]
    for host, state in seen.items():
        if not state["reachable"] or state["role"] == "primary":
            continue
        target = (state["primary"]["address"], state["primary"]["port"])
        if addresses.get(target) != primaries[0]:
            text = f"{name} at {host}: follows {target[0]}:{target[1]}, not {primaries[0]}. Run site.yml."
            problems.append(Problem("replica_follows_other", text))
        elif state["primary"]["link"] != "up":
            text = f"{name} at {host}: its link to the primary is down. See journalctl -u redis-server@{name}."
            problems.append(Problem("replica_link_down", text))
    return problems


def _judge_sentinels(
    declared: Mapping[str, Any],
    seen: Mapping[str, State],
    watching: Mapping[str, State],
) -> list[Problem]:
    name = declared["name"]
    primaries = primaries_of(seen) or [host for host in _followed(declared, seen) if seen[host].get("outside")]
    right = {m["address"] for m in declared["members"] if m["host"] in primaries}
    problems = []
    for host, view in watching.items():
        where = f"Sentinel at {host}"
        if view.get("outside"):
            continue
        if not view["reachable"]:
            text = f"{where}: {explain_silence(view['error'], view.get('error_kind'))}"
            problems.append(Problem("sentinel_unreachable", text))
        elif name not in view["masters"]:
            problems.append(Problem("sentinel_unaware", f"{where}: does not watch {name}. Run site.yml."))
        elif len(right) == 1 and view["masters"][name]["address"] not in right:
            other = view["masters"][name]["address"]
            text = f"{where}: names {other} as the primary of {name}, not {primaries[0]}. Run site.yml."
            problems.append(Problem("sentinel_names_other", text))
        elif view["masters"][name]["flags"] != ["master"]:
            flags = ", ".join(view["masters"][name]["flags"])
            text = f"{where}: sees the primary of {name} as {flags}. Wait for it, or look at that host."
            problems.append(Problem("sentinel_flags", text))
    return problems


def _judge_memories(
    declared: Mapping[str, Any], watching: Mapping[str, State], sentinels: Sequence[Mapping[str, Any]]
) -> list[Problem]:
    """Return what Sentinels know beside what is declared: the dead ones among them count for the majority."""
    name = declared["name"]
    ours = {view["myid"] for view in watching.values() if view["reachable"] and view["myid"]}
    by_text: dict[tuple[str, str], list[str]] = {}
    for host, view in watching.items():
        master = view["masters"].get(name) if view["reachable"] else None
        if master is None:
            continue
        strangers = [
            listed for listed in master["sentinels"] if listed["myid"] not in ours and not is_among(listed, sentinels)
        ]
        alive = 1 + sum(1 for listed in master["sentinels"] if not DOWN & set(listed["flags"]))
        known = 1 + len(master["sentinels"])
        needed = max(master["quorum"], known // 2 + 1)
        if strangers or alive < needed:
            who = "".join(f"; not declared: {_stranger(listed)}" for listed in strangers)
            text = (
                f"{known} Sentinels of {name}, {alive} of them alive; a failover takes quorum {master['quorum']} and "
                f"majority {known // 2 + 1}, so it survives the loss of {max(0, alive - needed)} more{who}"
            )
            by_text.setdefault(("sentinel_majority", text), []).append(host)
        for listed in master["replicas"]:
            if not is_among(listed, declared["members"]):
                text = f"a replica of {name} that is no member: {_stranger(listed)}"
                by_text.setdefault(("sentinel_knows_stranger", text), []).append(host)
    return [
        Problem(
            code,
            f"{name}: the Sentinels of {', '.join(hosts)} know {text}. Run site.yml, after which they forget who is "
            "gone; declare or retire who lives.",
        )
        for (code, text), hosts in by_text.items()
    ]


def is_among(wanted: Mapping[str, Any], places: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether this address and port are those of one of these places, by either of its ports."""
    ports = [(place["address"], place.get(key)) for place in places for key in ("port", "other_port")]
    return (wanted["address"], wanted["port"]) in ports


def _stranger(stranger: Mapping[str, Any]) -> str:
    return f"{stranger['address']}:{stranger['port']}, which {'is down' if DOWN & set(stranger['flags']) else 'lives'}"


def _undeclared(names: Sequence[str], sentinels: Mapping[str, State]) -> list[Problem]:
    """Return the data sets that left the inventory and are still watched."""
    watchers: dict[str, list[str]] = {}
    for host, view in sentinels.items():
        for name in sorted(set(view["masters"]) - set(names)) if view["reachable"] else []:
            watchers.setdefault(name, []).append(host)
    return [
        Problem(
            "undeclared_set",
            f"{name}: the Sentinels of {', '.join(hosts)} watch it, and it is no data set of this inventory. Declare "
            f"it, or remove it with quorum.redis.remove -e redis_remove_set={name}.",
        )
        for name, hosts in watchers.items()
    ]


def _followed(declared: Mapping[str, Any], seen: Mapping[str, State]) -> list[str]:
    """Return the members that replicas follow."""
    hosts = {(m["address"], m["port"]): m["host"] for m in declared["members"]}
    replicas = [state["primary"] for state in seen.values() if state["reachable"] and state["role"] != "primary"]
    targets = [hosts.get((target["address"], target["port"]), "") for target in replicas]
    return list(dict.fromkeys(filter(None, targets)))
