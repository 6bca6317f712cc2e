# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What applications may do: the presets, for each version of the engine, and the commands that prove them. Pure."""

from __future__ import annotations

from typing import Dict, List, Mapping, Sequence, Tuple

from .acl_presets import CHANNELS, SELECTORS
from .versions import Version

Commands = List[Sequence[str]]
# Scripts and functions belong to all users of a server: each may call them, nobody may take away those of others.
_SCRIPTS = ("-script", "+script|exists", "+script|load")
_FUNCTIONS = ("-function", "+function|dump", "+function|list", "+function|stats")
# Redis 6 has categories for CLIENT as a whole only, and takes it away with @dangerous.
_CLIENT = ("+client|getname", "+client|id", "+client|setname")
_FIND = ("-@dangerous", "+info", "+role", "+select")  # what clients that ask a Sentinel need
_ALL = ("+@all", "-@admin", "-@dangerous", "+info", "+role")
_SESSION = "get mget set setnx setex psetex del unlink exists expire pexpire persist ttl pttl touch type scan"
_RULES: Mapping[str, Sequence[str]] = {
    "application": _ALL,
    "cache": ("+@read", "+@write", "+@connection", "+@transaction", "+@scripting", *_FIND, "+time"),
    "session": ("+@connection", *_FIND, *(f"+{word}" for word in _SESSION.split())),
    "queue": _ALL,
    "celery": _ALL,
    "reader": ("+@read", "+@connection", *_FIND),
}
PRESETS = tuple(_RULES)

_PUBSUB = ("application", "queue", "celery")
_SCRIPTED = ("application", "cache", "queue", "celery")
_CLIENTS: Commands = [
    *(("PING",), ("ECHO", "x"), ("SELECT", "0"), ("INFO",), ("ROLE",), ("COMMAND",)),
    *(("CLIENT", "SETNAME", "x"), ("CLIENT", "ID"), ("CLIENT", "GETNAME")),
]
_WRITERS: Commands = [
    *(("SET", "K", "x"), ("INCR", "K"), ("HSET", "K", "f", "x"), ("SADD", "K", "x"), ("ZADD", "K", "1", "x")),
    *(("LPUSH", "K", "x"), ("BRPOP", "K", "1"), ("RPOPLPUSH", "K", "K"), ("XADD", "K", "*", "f", "x")),
    *(("DEL", "K"), ("EXPIRE", "K", "9"), ("MULTI",), ("EXEC",), ("WATCH", "K")),
    *(("EVAL", "return 1", "1", "K"), ("EVALSHA", "0" * 40, "1", "K"), ("SCRIPT", "LOAD", "return 1"), ("TIME",)),
]
_SESSIONS: Commands = [("SET", "K", "x"), ("SETEX", "K", "9", "x"), ("DEL", "K"), ("EXPIRE", "K", "9")]
_READS: Commands = [("GET", "K"), ("MGET", "K"), ("EXISTS", "K"), ("TTL", "K"), ("SCAN", "0")]
_NEVER: Commands = [
    *(("CONFIG", "GET", "dir"), ("CONFIG", "SET", "dir", "x"), ("ACL", "LIST"), ("FLUSHALL",), ("FLUSHDB",)),
    *(("KEYS", "*"), ("SHUTDOWN",), ("REPLICAOF", "NO", "ONE"), ("CLIENT", "LIST"), ("CLIENT", "KILL", "x:1")),
    *(("DEBUG", "SLEEP", "0"), ("MONITOR",), ("BGSAVE",), ("SCRIPT", "FLUSH"), ("SCRIPT", "KILL")),
]


def default_commands(version: Version) -> List[str]:
    """Return what a user may do of whom nothing else is said."""
    return [*_ALL, *_common("application", version)]


def _common(preset: str, version: Version) -> List[str]:
    """Return what is taken from and given to every user of an application that may do so much."""
    rules: List[str] = []
    if preset in _SCRIPTED:
        rules += [*_SCRIPTS, *(_FUNCTIONS if version >= SELECTORS else ())]
    return rules if version >= SELECTORS else [*rules, *_CLIENT]


def preset_rules(preset: str, prefix: str, version: Version) -> List[str]:
    """Return the rules of a preset for keys and channels that begin with the prefix."""
    keys = f"%R~{prefix}*" if preset == "reader" and version >= SELECTORS else f"~{prefix}*"
    channels = [f"&{name}" for name in preset_channels(preset, prefix)] if version >= CHANNELS else []
    return [keys, *channels, *_RULES[preset], *_common(preset, version)]


def preset_channels(preset: str, prefix: str) -> List[str]:
    """Return the channels of a preset. Engines compare what PSUBSCRIBE asks for with them letter by letter."""
    # A worker of Celery asks by PSUBSCRIBE for these names of database 0.
    worker = [f"{prefix}/0.{name}" for name in ("celery.pidbox", "celeryev/*", "celeryev/worker.*")]
    more = worker if preset == "celery" and prefix else []
    return [f"{prefix}*", *more] if preset in _PUBSUB else []


def literal_patterns(user: Mapping[str, object]) -> List[str]:
    """Return the channels of a user that are patterns, other than all channels, and were written by hand."""
    channels = user.get("channels")
    names = [str(name).lstrip("&") for name in channels] if isinstance(channels, list) else []
    return [name for name in names if name != "*" and any(sign in name for sign in "*?[")]


def pattern_warning(label: str, user: str, patterns: Sequence[str]) -> str:
    """Return a sentence about patterns of channels, which somebody takes for more than they are."""
    return (
        f"{label}: {', '.join(patterns)} in channels of the user {user}: it may SUBSCRIBE and PUBLISH to what matches, "
        "and PSUBSCRIBE to exactly these letters only. Add each pattern that its clients ask PSUBSCRIBE for"
    )


def preset_proof(preset: str, prefix: str, version: Version) -> Tuple[Commands, Commands]:
    """Return commands that a user with this preset must be able to run, and such that it must not."""
    key, channels = f"{prefix}x", version >= CHANNELS
    can, cannot = [*_CLIENTS, *_READS], list(_NEVER)
    can += {"session": _SESSIONS, "reader": []}.get(preset, _WRITERS)
    cannot += [("SADD", "K", "x")] if preset == "session" else []
    cannot += [("SET", "K", "x"), ("EVAL", "return 1", "1", "K")] if preset == "reader" else []
    if preset in _PUBSUB:
        can += [("PUBLISH", key, "x"), ("SUBSCRIBE", key)]
        can += [("PSUBSCRIBE", name) for name in preset_channels(preset, prefix)]
    else:
        cannot += [("PUBLISH", key, "x")]
    if preset in _SCRIPTED and version >= SELECTORS:
        can += [("FUNCTION", "LIST"), ("FCALL", "x", "1", "K")]
    if version >= SELECTORS:
        cannot += [("FUNCTION", "FLUSH"), ("FUNCTION", "DELETE", "x"), ("FUNCTION", "LOAD", "x")]
    if prefix:
        other = f"other-than-{prefix}"
        cannot += [("GET", other), *([("PUBLISH", other, "x")] if channels else [])]
    names: Dict[str, str] = {"K": key}
    return [[names.get(word, word) for word in words] for words in can], [
        [names.get(word, word) for word in words] for words in cannot
    ]
