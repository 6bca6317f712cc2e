# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""While a password takes the place of another: what is noted of it, who still needs the previous one, what to say."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Iterable, List, Mapping, Optional, Sequence

from .._core.errors import QuorumError, Refused
from .._model.rotation_marks import GO_ON, parse_marks
from .client import Client, connect
from .client_list import list_stale_logins
from .observe import Place


def list_rotating(path: Optional[str]) -> List[str]:
    """Return the users that have two passwords for a while, from the file that says so; none where there is no file."""
    try:
        return sorted(parse_marks(Path(path).read_text(encoding="utf-8", errors="replace"))) if path else []
    except OSError:
        return []


def no_clients(client: Client, since: Mapping[str, float], label: str) -> None:
    """Refuse to go on while clients are there that know nothing but the previous password, as far as that is seen."""
    stale = list_stale_logins(client.call("CLIENT", "LIST"), since, time.time()) if since else []
    if stale:
        raise Refused(
            f"{label}: clients have logged in before there was a new password: {'; '.join(stale)}",
            str(client.endpoint),
            GO_ON.format(todo="Give them the new one and let them connect anew")
            + ". When they know both, say redis_rotate_ignore_clients=true",
        )


def check_links(places: Sequence[Place], login: Mapping[str, str], label: str) -> None:
    """Refuse to go on while a member would log in to its primary with something else."""
    wanted = (login.get("username") or "", login.get("password") or "")
    problems = []
    for host, place in places:
        try:
            with connect(place) as client:
                present = [client.call("CONFIG", "GET", key)[1] for key in ("masteruser", "masterauth")]
            if tuple(present) != wanted:
                problems.append(f"{host}: its masteruser or masterauth is another one")
        except QuorumError as problem:
            problems.append(f"{host}: {problem.what}")
    if problems:
        todo = GO_ON.format(todo="Bring those members up")
        raise Refused(f"{label}: not every member replicates with the new password: {'; '.join(problems)}", "", todo)


def refused_since(client: Client, users: Iterable[str], seconds: float) -> List[str]:
    """Return who was refused as one of these users meanwhile, as far as ACL LOG tells."""
    names, refused = set(users), set()
    try:
        rows = client.call("ACL", "LOG") if names else []
    except QuorumError:
        return []
    for row in rows:
        fields = dict(zip(row[::2], row[1::2]))
        if (
            fields.get("reason") == "auth"
            and fields.get("username") in names
            and float(fields["age-seconds"]) < seconds
        ):
            where = re.search(r" addr=(\S+):\d+ ", f" {fields.get('client-info', '')} ")
            refused.add(f"{fields['username']} from {where.group(1) if where else '?'}")
    return sorted(refused)
