# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is connected to a server: as which user, and how they log in anew as another; who waits, and is cut off."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Sequence, Set

from .._core.errors import CommandFailed, QuorumError, Refused
from .client import Client

SECONDS = 30.0
LATELY = 10  # seconds
EVERYBODY = ("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
_SENTINEL = re.compile(r"sentinel-([0-9a-f]{8})-(?:cmd|pubsub)")


@dataclass
class Dependent:
    """A connection of a replica or a Sentinel."""

    number: str
    duty: str
    user: str
    who: str


def parse_client_list(text: str) -> List[Dict[str, str]]:
    """Return CLIENT LIST, a dict for each connection."""
    return [dict(word.partition("=")[::2] for word in row.split(" ")) for row in text.splitlines()]


def sentinel_of(row: Mapping[str, str]) -> str:
    """Return which Sentinel a connection belongs to, by the name that it gives itself; empty for anybody else."""
    match = _SENTINEL.fullmatch(row.get("name", ""))
    return match.group(1) if match else ""


def living_sentinels(text: str) -> Set[str]:
    """Return the Sentinels that have sent a command lately, as each does every second, by CLIENT LIST; pure."""
    rows = [row for row in parse_client_list(text) if row.get("name", "").endswith("-cmd")]
    return {sentinel_of(row) for row in rows if int(row.get("idle", LATELY)) < LATELY} - {""}


def dependents_in(text: str) -> List[Dependent]:
    """Return the replicas and Sentinels in CLIENT LIST; pure."""
    dependents = []
    for row in parse_client_list(text):
        user = row.get("user", "")
        if "S" in row.get("flags", ""):
            dependents.append(Dependent(row["id"], "replication", user, row.get("addr", "").rpartition(":")[0]))
        elif sentinel_of(row):
            dependents.append(Dependent(row["id"], "sentinel", user, sentinel_of(row)))
    return dependents


def list_kills(text: str, *commands: str) -> List[Sequence[str]]:
    """Return the commands that cut off who waits in one of these, such as BLPOP or XREAD, or without any in some; pure.

    `text` is CLIENT LIST.
    """
    blocked = [row for row in parse_client_list(text) if set(row.get("flags", "")) & set("bSM") == {"b"}]
    return [("CLIENT", "KILL", "ID", row["id"]) for row in blocked if not commands or row.get("cmd") in commands]


def follow_server(client: Client, *target: Any) -> None:
    """Let a server follow another one, and drop its clients in the same moment, as Sentinel does.

    REPLICAOF would answer those that wait with the error UNBLOCKED, which libraries do not try again.
    """
    client.run_transaction([EVERYBODY, ("REPLICAOF", *target)])


def read_dependents(client: Client) -> List[Dependent]:
    """Return the replicas and Sentinels that are connected."""
    return dependents_in(client.call("CLIENT", "LIST"))


def needed_users(client: Client) -> Set[str]:
    """Return the users that somebody may depend on now: the default one, mine, and those of replicas and Sentinels."""
    needed = {"default", str(client.call("ACL", "WHOAMI"))}
    needed |= {dependent.user for dependent in read_dependents(client)}
    return needed | {name for name in client.read_pairs("CONFIG", "GET", "masteruser").values() if name}


def reconnect_clients(
    client: Client,
    old: Set[str],
    logins: Mapping[str, Mapping[str, str]],
    sentinels: int,
    wait: float,
    label: str,
) -> None:
    """Cut the connections of those who are in as an old user, and wait until all are back as who they shall be."""
    new = {duty: login.get("username") or "default" for duty, login in logins.items()}
    before = read_dependents(client)
    replicas = sum(dependent.duty == "replication" for dependent in before)
    stale = [dependent for dependent in before if dependent.user in old and dependent.user != new.get(dependent.duty)]
    for dependent in stale:
        try:
            client.call("CLIENT", "KILL", "ID", dependent.number)
        except CommandFailed:
            continue  # it has gone by itself
    deadline = time.monotonic() + min(wait, SECONDS)
    while True:
        now = read_dependents(client)
        missing = _missing(now, old, new, replicas, sentinels if "sentinel" in new else 0)
        if not missing:
            return
        if time.monotonic() > deadline:
            raise Refused(
                f"{label}: {missing}",
                str(client.endpoint),
                f"So {', '.join(sorted(old))} keeps its rights. Look at the log of those, then run site.yml again",
            )
        time.sleep(0.1)


def _missing(now: List[Dependent], old: Set[str], new: Mapping[str, str], replicas: int, sentinels: int) -> str:
    stale = sorted(
        {
            f"{dependent.duty} of {dependent.who} as {dependent.user}"
            for dependent in now
            if dependent.user in old and dependent.user != new.get(dependent.duty)
        }
    )
    if stale:
        return f"still logged in: {', '.join(stale)}"
    here = sum(dependent.duty == "replication" for dependent in now)
    if here < replicas:
        return f"only {here} of {replicas} replicas have come back as {new.get('replication')}"
    watching = len(
        {dependent.who for dependent in now if dependent.duty == "sentinel" and dependent.user == new.get("sentinel")}
    )
    if watching < sentinels:
        return f"only {watching} of {sentinels} Sentinels are logged in as {new.get('sentinel')}"
    return ""


def undo_changes(client: Client, commands: List[List[str]]) -> None:
    """Take changes back, as far as the server lets us."""
    for command in reversed(commands):
        try:
            client.call(*command)
        except QuorumError:
            continue


def list_stale_logins(rows: str, since: Mapping[str, float], now: float) -> List[str]:
    """Return the clients in CLIENT LIST that logged in as these users before there was a new password; pure.

    Replicas and Sentinels are no clients: what they log in with is asked of them. A connection without any command
    has logged in as nobody, though it is called the default user.
    """
    counts: Dict[str, int] = {}
    for row in parse_client_list(rows):
        user, name = row.get("user", ""), row.get("name", "")
        ours = {"M", "S"} & set(row.get("flags", "")) or sentinel_of(row)
        if row.get("cmd") != "NULL" and user in since and not ours and now - int(row.get("age") or 0) < since[user]:
            who = f"{user} from {row.get('addr', '').rpartition(':')[0]}" + (f" (named {name})" if name else "")
            counts[who] = counts.get(who, 0) + 1
    return [f"{who}, {count} connection{'s' if count > 1 else ''}" for who, count in sorted(counts.items())]
