# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What our own users may do: the least that works, for each version of the engine. Pure."""

from __future__ import annotations

from typing import Dict, List, Sequence, Tuple

from .versions import Version

CHANNELS: Version = (6, 2)  # the first version with rights on channels
SELECTORS: Version = (7, 0)
HELLO = "__sentinel__:hello"

# Commands for each job. The start guard logs in as the replication user and asks for INFO.
JOBS: Dict[str, Sequence[str]] = {
    "replication": ("psync", "replconf", "ping", "info"),
    "sentinel": (
        *("ping", "info", "multi", "exec", "slaveof", "config|rewrite"),
        *("client|setname", "client|kill", "script|kill", "publish", "subscribe"),
    ),
    "operator": (
        *("ping", "info", "role", "dbsize", "config", "client", "acl", "replicaof", "multi", "exec", "discard"),
        *("wait", "bgsave", "bgrewriteaof", "lastsave", "time", "module|list"),
    ),
    "monitoring": (
        *("ping", "info", "role", "dbsize", "lastsave", "slowlog|get", "slowlog|len", "latency|latest"),
        *("memory|stats", "client|list", "client|setname"),
    ),
    "endpoint": ("role", "info"),
    "backup": ("ping", "info", "bgsave", "lastsave", "time", "config|get", "config|set", "module|list"),
}
# What came later: a job, the first version, commands.
LATER: Sequence[Tuple[str, Version, Sequence[str]]] = (
    ("operator", (6, 2), ("failover",)),
    ("monitoring", (7, 0), ("latency|histogram",)),
    ("sentinel", (9,), ("failover", "client|pause", "client|unpause")),  # SENTINEL FAILOVER ... COORDINATED of Valkey
)
# What a job takes beside that in a cluster. Its start guard asks the others for their view; who moves slots moves keys.
IN_CLUSTER = {
    "replication": ("cluster|nodes",),
    "operator": ("cluster", "migrate", "select", "restore-asking", "asking", "dump", "memory|usage", "lolwut"),
    "monitoring": ("cluster|info", "cluster|nodes"),
    "backup": ("cluster|info", "cluster|nodes", "lolwut"),  # the timers of its hosts know of each other by LOLWUT
}
ASKER = ("cluster|getslotmigrations",)  # of Valkey 9; Redis has one right to see jobs, to begin and to cancel them
# Valkey moves slots by itself as the replication user, with whose rights the target writes what comes.
WRITER: Version = (9,)
OF_WRITER = ("cluster|syncslots", "select", "@write", "pfcount")  # which keeps what it has counted, and is sent on
NOT_OF_WRITER = ("-flushall", "-flushdb", "-migrate")  # which no job sends
LIBRARIES = ("function|list", "function|load")  # they have to be where the keys are
# What each of those that must never be locked out does: tried with the new rights before the old ones go.
NEEDS: Dict[str, Sequence[Sequence[str]]] = {
    "replication": (("PING",), ("PSYNC", "?", "-1"), ("REPLCONF", "ACK", "0"), ("INFO",)),
    "sentinel": (
        *(("PING",), ("INFO",), ("MULTI",), ("EXEC",), ("SLAVEOF", "NO", "ONE"), ("CONFIG", "REWRITE")),
        *(("CLIENT", "SETNAME", "x"), ("CLIENT", "KILL", "TYPE", "normal"), ("SCRIPT", "KILL")),
        *(("PUBLISH", HELLO, "x"), ("SUBSCRIBE", HELLO)),
    ),
    "operator": (
        *(("PING",), ("INFO",), ("ROLE",), ("DBSIZE",), ("MULTI",), ("EXEC",), ("DISCARD",)),
        *(("CONFIG", "GET", "dir"), ("CONFIG", "SET", "maxmemory", "0"), ("CONFIG", "REWRITE")),
        *(("REPLICAOF", "NO", "ONE"), ("CLIENT", "LIST"), ("CLIENT", "SETNAME", "x"), ("CLIENT", "ID")),
        *(("CLIENT", "KILL", "TYPE", "normal"), ("CLIENT", "PAUSE", "0"), ("CLIENT", "UNPAUSE")),
        *(("ACL", "LIST"), ("ACL", "SETUSER", "x"), ("ACL", "DELUSER", "x")),
    ),
}
WHO = {"replication": "the replicas", "sentinel": "the Sentinels", "operator": "the modules of quorum.redis"}


def job_rules(job: str, version: Version, cluster: bool = False) -> List[str]:
    """Return the rules of a job."""
    commands = [*JOBS[job], *(IN_CLUSTER.get(job, ()) if cluster else ())]
    writes = cluster and job == "replication" and version >= WRITER
    moves = cluster and job == "operator"
    commands += LIBRARIES if moves and version >= (7,) else OF_WRITER if writes else []
    commands += ASKER if cluster and job == "backup" and version >= WRITER else ()
    for which, since, more in LATER:
        if which == job and version >= since:
            commands += more
    channels = [f"&{HELLO}"] if job == "sentinel" and version >= CHANNELS else []
    rules = [*(["~*"] if moves or writes else []), *channels, *(f"+{command}" for command in commands)]
    return [*rules, *(NOT_OF_WRITER if writes else ())]


def list_needs(duty: str, version: Version) -> List[Sequence[str]]:
    """Return what a duty does with this version."""
    needs = [need for need in NEEDS[duty] if need[1:] != ("UNPAUSE",) or version >= (6, 2)]
    return [*needs, ("FAILOVER", "ABORT")] if duty == "operator" and version >= (6, 2) else needs
