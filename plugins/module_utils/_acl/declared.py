# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The users of one server as they are declared: their rules with the passwords that open now, and their file."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional

from .._core.errors import BadConfig
from .._host.files import parse_file, read_path
from .._model.acl_presets import CHANNELS
from .._model.acl_rules import password_digest, password_rules
from .._model.acl_rules import rules_of_user as rules_of
from .._model.conf_syntax import collect_values, parse_directives
from .._model.file_changes import Seen, Wanted
from .._model.rotation_marks import OPEN, format_mark, parse_marks, previous_hashes, refuse_unfinished_rotation
from .._model.versions import Version
from .plan import Plan, render_users

HEADER = (
    "# Written by the collection quorum.redis, which overwrites changes made here.\n"
    "# The users of the server, added to its configuration at each start.\n"
)


class Declared:
    """What the options of the module acl say of the users."""

    def __init__(self, params: Mapping[str, Any], label: str) -> None:
        """Take them apart."""
        self.params, self.label = params, label
        self.users = {user["name"]: user for user in params["users"] if user["state"] == "present"}
        self.absent = [user["name"] for user in params["users"] if user["state"] == "absent"]
        if "default" in self.absent:
            raise BadConfig(
                "the user default cannot be removed", label, "Nothing was changed. Declare it with enabled: false"
            )
        # Of the others nothing is declared where only a password is.
        only = [user["passwords_only"] for user in self.users.values()]
        self.purge = params["purge"] and not (only and all(only))

    def build_rules(self, version: Version, held: Mapping[str, List[str]]) -> Dict[str, List[str]]:
        """Return the rules of the declared users; previous passwords that open go on to do so until they are to go."""
        rules = {}
        for name, user in self.users.items():
            old = held.get(name, [])
            more = previous_hashes(user, old) if self.params["previous"] == OPEN else []
            if not user["passwords_only"]:
                rules[name] = [*rules_of(user, version), *more]
            elif "nopass" not in old:
                base = [rule for rule in old if rule[0] != "#"] or ["on", "~*", "+@all"]
                channels = any(rule[0] == "&" or rule == "resetchannels" for rule in base)
                base += ["&*"] if version >= CHANNELS and not channels else []
                rules[name] = [*base, *(f"#{password_digest(word)}" for word in user["passwords"]), *more]
        return rules

    def from_configuration(self) -> Dict[str, List[str]]:
        """Return the default user as the configuration beside the file of users has it, for a server that is down."""
        seen = read_path(str(Path(self.params["path"]).with_suffix(".conf")))
        words = collect_values(parse_directives(seen.content.decode("utf-8", "surrogateescape"))).get("requirepass", [])
        return {"default": [f"#{password_digest(word)}" for word in words[-1:]]}

    def refuse_unfinished(self, seen: Seen, present: Mapping[str, List[str]]) -> None:
        """Stop when a user has two passwords, and its previous one is not declared."""
        for name in parse_marks(seen.content.decode("utf-8", "replace")):
            declared = self.users.get(name, {}).get("passwords_previous") or name in self.absent
            if not declared and len(password_rules(present.get(name, []))) > 1:
                variable = "redis_password_previous" if name == "default" else "passwords_previous of the user"
                raise refuse_unfinished_rotation(self.label, self.params["path"], name, variable)

    def render_file(
        self,
        declared: Dict[str, List[str]],
        changes: Optional[Plan] = None,
        present: Optional[Dict[str, List[str]]] = None,
        older: bool = False,
        seen: Optional[Seen] = None,
    ) -> Wanted:
        """Return the file. Of whom nothing but the password is declared, it is there while there are two of them."""
        since = parse_marks(seen.content.decode("utf-8", "replace")) if seen else {}
        two = [name for name, rows in declared.items() if previous_hashes(self.users[name], rows)]
        rows = {name: row for name, row in declared.items() if name in two or not self.users[name]["passwords_only"]}
        if not rows and any(user["passwords_only"] for user in self.users.values()):
            return parse_file({"path": self.params["path"], "state": "absent"})
        head = HEADER + "".join(format_mark(name, since.get(name) or int(time.time())) for name in two)
        content = head + render_users(rows, present or {}, changes or Plan(), self.absent, older)
        file = {key: self.params[key] for key in ("path", "owner", "group", "mode")}
        return parse_file({**file, "content": content})
