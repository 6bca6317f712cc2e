# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The password of a Sentinel while it takes the place of another: beside it first, then alone. No restart.

A Sentinel has no CONFIG, but from 6.2 it has ACL: its default user takes both. With what it logs in to the others is
`SENTINEL CONFIG SET sentinel-pass`, which it writes into its own file; the module sentinel sets that.
"""

from __future__ import annotations

import time
from typing import Any, Dict, List, Mapping, Optional, Set

from .._core.errors import CommandFailed, Refused
from .._core.reconcile import Step
from .._model.acl_rules import parse_acl_list, password_digest, password_rules
from .._model.conf_syntax import own_password, parse_directives
from .._model.rotation_marks import OPEN, PROVE, format_mark, parse_marks, refuse_unfinished_rotation
from .._redis.client import Client
from .._redis.endpoint import passwords_of
from .._redis.rotation import no_clients
from .sentinel_client_user import Clients
from .steps import ChangePassword

NAME = "default"


def accepted_hashes(client: Client) -> Optional[Set[str]]:
    """Return the hashes of what opens the default user; None where there is no ACL, as in a Sentinel before 6.2."""
    try:
        return password_rules(parse_acl_list(client.call("ACL", "LIST")).get(NAME, []))
    except CommandFailed:
        return None


def refuse_two_passwords(file: bytes, client: Client, label: str, path: str) -> None:
    """Refuse to let a file of users go that says that the default user has two passwords, while it has."""
    if NAME in parse_marks(file.decode("utf-8", "replace")) and len(accepted_hashes(client) or ()) > 1:
        raise refuse_unfinished_rotation(label, path, NAME, "redis_password_previous")


class Changeover:
    """What one Sentinel, its file and its process, takes."""

    def __init__(self, params: Mapping[str, Any], label: str, predicted: bool) -> None:
        """Take the options of the module config. `predicted`: in check mode nothing has been opened before."""
        self.label, self.params, self.predicted = label, params, predicted
        self.new = str((params["secrets"] or {}).get("requirepass") or "")
        self.previous = passwords_of(params["connection"]["password"])[1:] if params["rotating"] else []
        self.step: List[str] = []
        self.text = self.head = ""
        self.clients = Clients(params, label)

    def look_once(self, client: Optional[Client], file: str, state: str) -> Dict[str, List[str]]:
        """Return what the file says of users beside `requirepass`, and find out what the process is to be told."""
        users = [*self._look(client, file, state).values(), *self.clients.look_once(client, file)]
        return {"user": users} if users else {}

    def _look(self, client: Optional[Client], file: str, state: str) -> Dict[str, str]:
        self.step, self.head = [], ""
        new, old = f"#{password_digest(self.new)}", {f"#{password_digest(word)}" for word in self.previous}
        accepted = (
            accepted_hashes(client) if client is not None and (self.previous or NAME in parse_marks(file)) else None
        )
        if not self.previous:
            if accepted and len(accepted) > 1:
                raise refuse_unfinished_rotation(
                    self.label, self.params["path"], NAME, "redis_sentinel_password_previous"
                )
            return {}
        if client is not None and accepted is None:
            if client.endpoint.password == self.new:
                return {}
            raise Refused(
                f"{self.label}: a Sentinel of Redis 6.0 knows one password only, so it cannot be changed while it runs",
                str(client.endpoint),
                "Nothing was changed. Keep redis_sentinel_password until the upgrade to 6.2 or later",
            )
        if accepted is None:
            written = [line.args[-1] for line in parse_directives(file) if line.key == "requirepass" and line.args]
            both = {rule for rule in old if rule in file or rule in [f"#{password_digest(word)}" for word in written]}
        elif self.params["previous"] == OPEN:
            both = old & accepted
            self._tell([new] if new not in accepted else [], "let the new password in beside the previous one")
        else:
            both = set()
            self._close(client, state, bool(accepted - {new}), parse_marks(file).get(NAME))
        if not both:
            return {}
        self.head = "\n" + format_mark(NAME, parse_marks(file).get(NAME) or int(time.time())).strip("# \n")
        return {"user": " ".join([NAME, "on", new, *sorted(both), "~*", "&*", "+@all"])}

    def _tell(self, rules: List[str], text: str) -> None:
        self.text = f"{self.label}: {text}"
        self.step = ["ACL", "SETUSER", NAME, *rules] if rules else []

    def _close(self, client: Optional[Client], state: str, more: bool, since: Optional[int]) -> None:
        if not more or client is None:
            return
        if own_password(state) != self.new and state and not self.predicted:
            raise Refused(
                f"{self.label}: it does not log in to the other Sentinels with the new password yet",
                str(client.endpoint),
                "The previous password goes on to open. Run quorum.redis.rotate for all hosts",
            )
        if since is not None and not self.params["ignore_clients"] and not self.predicted:
            no_clients(client, {NAME: since}, self.label)
        if self.params["previous"] != PROVE:
            self._tell(["resetpass", f"#{password_digest(self.new)}"], "let nothing in but the new password")

    def list_steps(self) -> List[Step]:
        """Return what the process is told."""
        own: List[Step] = [ChangePassword(self.text, self.step)] if self.step else []
        return own + self.clients.steps
