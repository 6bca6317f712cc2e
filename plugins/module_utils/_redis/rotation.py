# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""While a password takes the place of another: what is noted of it, who still needs the previous one, what to say."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence

from .._acl.plan import digest
from .._core.errors import QuorumError, Refused
from .client import Client, connect
from .observe import Place

OPEN, PROVE, CLOSE = "open", "prove", "close"
OPTIONS: Dict[str, Dict[str, Any]] = {
    "previous": {"type": "str", "choices": [OPEN, PROVE, CLOSE], "default": OPEN},
    "ignore_clients": {"type": "bool", "default": False},
}
_MARK = re.compile(r"^# (\S+): the new password opens beside the previous one since (\d+)$", re.MULTILINE)
_AGAIN = "The previous passwords go on to open. {todo}, then run quorum.redis.rotate again"


def mark(name: str, since: int) -> str:
    """Return the comment in a file of users or of a Sentinel: since when (seconds) a user has two passwords."""
    return f"# {name}: the new password opens beside the previous one since {since}\n"


def marks(text: str) -> Dict[str, int]:
    """Return user -> since when, of such comments."""
    return {name: int(since) for name, since in _MARK.findall(text)}


def rotating(path: Optional[str]) -> List[str]:
    """Return the users that have two passwords for a while, from the file that says so; none where there is no file."""
    try:
        return sorted(marks(Path(path).read_text(encoding="utf-8", errors="replace"))) if path else []
    except OSError:
        return []


def kept(user: Mapping[str, Any], held: Iterable[str]) -> List[str]:
    """Return the hashes of previous passwords that open now."""
    there = set(held)
    return [rule for rule in (f"#{digest(word)}" for word in user.get("passwords_previous") or []) if rule in there]


def lingering(rows: str, since: Mapping[str, float], now: float) -> List[str]:
    """Return the clients in CLIENT LIST that logged in as these users before there was a new password; pure.

    Replicas and Sentinels are no clients: what they log in with is asked of them.
    """
    found: Dict[str, int] = {}
    for row in rows.splitlines():
        told = dict(part.partition("=")[::2] for part in row.split(" "))
        user, name = told.get("user", ""), told.get("name", "")
        ours = {"M", "S"} & set(told.get("flags", "")) or re.fullmatch(r"sentinel-\w+-(cmd|pubsub)", name)
        if user in since and not ours and now - int(told.get("age") or 0) < since[user]:
            who = f"{user} from {told.get('addr', '').rpartition(':')[0]}" + (f" (named {name})" if name else "")
            found[who] = found.get(who, 0) + 1
    return [f"{who}, {count} connection{'s' if count > 1 else ''}" for who, count in sorted(found.items())]


def no_clients(client: Client, since: Mapping[str, float], label: str) -> None:
    """Refuse to go on while clients are there that know nothing but the previous password, as far as that is seen."""
    found = lingering(client.call("CLIENT", "LIST"), since, time.time()) if since else []
    if found:
        raise Refused(
            f"{label}: clients have logged in before there was a new password: {'; '.join(found)}",
            str(client.endpoint),
            _AGAIN.format(todo="Give them the new one and let them connect anew")
            + ". When they know both, say redis_rotate_ignore_clients=true",
        )


def linked(places: Sequence[Place], login: Mapping[str, str], label: str) -> None:
    """Refuse to go on while a member would log in to its primary with something else."""
    wanted = (login.get("username") or "", login.get("password") or "")
    said = []
    for host, place in places:
        try:
            with connect(place) as client:
                found = [client.call("CONFIG", "GET", key)[1] for key in ("masteruser", "masterauth")]
            if tuple(found) != wanted:
                said.append(f"{host}: its masteruser or masterauth is another one")
        except QuorumError as problem:
            said.append(f"{host}: {problem.what}")
    if said:
        todo = _AGAIN.format(todo="Bring those members up")
        raise Refused(f"{label}: not every member replicates with the new password: {'; '.join(said)}", "", todo)


def refused_since(client: Client, users: Iterable[str], seconds: float) -> List[str]:
    """Return who was refused as one of these users meanwhile, as far as ACL LOG tells."""
    names, found = set(users), set()
    try:
        rows = client.call("ACL", "LOG") if names else []
    except QuorumError:
        return []
    for row in rows:
        told = dict(zip(row[::2], row[1::2]))
        if told.get("reason") == "auth" and told.get("username") in names and float(told["age-seconds"]) < seconds:
            where = re.search(r" addr=(\S+):\d+ ", f" {told.get('client-info', '')} ")
            found.add(f"{told['username']} from {where.group(1) if where else '?'}")
    return sorted(found)


def unfinished(label: str, where: str, user: str, variable: str) -> Refused:
    """Return what to say of an inventory that knows nothing of the password that still opens."""
    return Refused(
        f"{label}: the user {user} has two passwords, because a rotation has not come to its end",
        where,
        f"Nothing was changed. Declare both, the previous one as {variable}, and run quorum.redis.rotate",
    )
