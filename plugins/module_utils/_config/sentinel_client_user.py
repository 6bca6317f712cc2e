# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The user of a Sentinel as whom applications ask for the primary. It can ask and listen, and nothing else."""

from __future__ import annotations

from typing import Any, Callable, FrozenSet, Iterable, List, Mapping, Optional, Set, Tuple

from .._core.errors import CommandFailed, Refused
from .._core.reconcile import Step
from .._engine.config_check import installed_version
from .._model.acl_rules import parse_acl_list, setuser_command
from .._model.conf_syntax import parse_directives
from .._model.versions import Version, parse_version, running_version
from .._redis.client import Client
from .steps import ChangePassword

NAME = "client"
SINCE, SETINFO = (6, 2), (7, 2)
# What client libraries ask, and exporters of metrics. PUBLISH is not among it: with that one speaks to a Sentinel as
# another one.
COMMANDS = (
    *("ping", "info", "role", "subscribe", "psubscribe", "unsubscribe", "punsubscribe"),
    *("client|id", "client|getname", "client|setname"),
    *("sentinel|get-master-addr-by-name", "sentinel|master", "sentinel|masters"),
    *("sentinel|replicas", "sentinel|slaves", "sentinel|sentinels", "sentinel|ckquorum"),
)
Rights = Tuple[FrozenSet[str], FrozenSet[str]]


def client_rules(hashes: Iterable[str], version: Version) -> List[str]:
    """Return the rules of this user, to follow `reset`."""
    commands = [*COMMANDS, *(["client|setinfo"] if version >= SETINFO else [])]
    return ["on", *(f"#{item}" for item in hashes), "&*", "-@all", *(f"+{command}" for command in commands)]


def summed_rights(rules: Iterable[str], category: Callable[[str], Iterable[str]]) -> Rights:
    """Return rules so that what means the same is the same; Redis 7.0 sums commands up as categories."""
    plain: Set[str] = set()
    commands: Set[str] = set()
    for rule in rules:
        if rule[0] not in "+-":
            plain |= {rule} - {"sanitize-payload", "resetchannels"}
        elif rule == "-@all":
            commands.clear()
        else:
            named = set(category(rule[2:])) if rule[1] == "@" and rule != "+@all" else {rule[1:]}
            commands = commands | named if rule[0] == "+" else commands - named
    return frozenset(plain), frozenset(commands)


class Clients:
    """The user of one Sentinel: in its file, and in its process."""

    def __init__(self, params: Mapping[str, Any], label: str) -> None:
        """Take the options of the module config."""
        self.label, self.binary, self.path = label, str(params["binary"]), str(params["path"])
        self.hashes = sorted(set(params["clients"]))
        self.steps: List[Step] = []

    def look_once(self, client: Optional[Client], file: str) -> List[str]:
        """Return what the file says of the user, and find out what the process is to be told."""
        self.steps = []
        if not self.hashes and not any(
            line.key == "user" and line.args[:1] == (NAME,) for line in parse_directives(file)
        ):
            return []
        installed = parse_version(installed_version(self.binary))
        if self.hashes and installed < SINCE:
            raise Refused(
                f"{self.label}: a Sentinel of Redis {'.'.join(map(str, installed))} has no users",
                self.path,
                "Its file was not changed. Remove redis_sentinel_clients_passwords until the upgrade to 6.2 or later",
            )
        if client is not None:
            self._compare(client)
        return [" ".join([NAME, *client_rules(self.hashes, installed)])] if self.hashes else []

    def _compare(self, client: Client) -> None:
        try:
            now = parse_acl_list(client.call("ACL", "LIST")).get(NAME)
        except CommandFailed:
            return  # it still runs a version without users, and is restarted with a newer one
        text = f"{self.label}: "
        if not self.hashes:
            text += f"remove the user {NAME}, as whom applications ask for the primary"
            self.steps = [ChangePassword(text, ["ACL", "DELUSER", NAME])] if now is not None else []
            return
        info = dict(row.split(":", 1) for row in client.call("INFO", "server").splitlines() if ":" in row)
        wanted = client_rules(self.hashes, parse_version(running_version(info)))

        def category(name: str) -> Iterable[str]:
            return list(client.call("ACL", "CAT", name))

        if now is None or summed_rights(now, category) != summed_rights(wanted, category):
            text += f"{'let' if now is None else 'change how'} applications ask for the primary as the user {NAME}"
            self.steps = [ChangePassword(text, setuser_command(NAME, wanted))]
