# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The installed engine as judge of ACL users: how it spells their rules, and what they may do with them."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import Dict, Iterator, List, Mapping, Sequence

from .._core.errors import AuthFailed, BadConfig, CommandFailed, Refused
from .._model.acl_applications import preset_proof, preset_rules
from .._model.acl_presets import CHANNELS, SELECTORS, WHO, list_needs
from .._model.acl_rules import meaning_of, parse_acl_list, password_digest, setuser_command
from .._model.directives import known_to
from .._model.masking import hide_secrets
from .._model.versions import Version, parse_version
from .._redis.client import Client, connect
from .._redis.endpoint import Endpoint
from .config_check import find_credentials, installed_version, run_scratch

TRIAL = "quorum-trial"
BRACKETS = ("MULTI", "EXEC", "DISCARD")
_SAID = re.compile(r"modifier '(.*)': (.*)")


class Judge:
    """A scratch process of the installed engine."""

    def __init__(self, client: Client, place: str, program: str, version: str) -> None:
        """Take the connection of its owner."""
        self.client, self.place, self.program = client, place, f"{program} {version}"
        self.version: Version = parse_version(version)

    def spell_rules(self, users: Mapping[str, Sequence[str]], label: str) -> Dict[str, List[str]]:
        """Return the rules as the engine spells them; a rule that it refuses is named."""
        for name, rules in users.items():
            try:
                self.client.call(*setuser_command(name, rules))
            except CommandFailed as problem:
                refusal = _SAID.search(problem.text)
                what = (
                    f"refuses {hide_secrets(refusal.group(1))!r}: {refusal.group(2)}"
                    if refusal
                    else hide_secrets(problem.text)
                )
                raise BadConfig(
                    f"{label}: the user {name}: {self.program} {what}",
                    todo="Nothing was changed. Correct this rule in the ACL users of the data set",
                ) from None
        listed = parse_acl_list(self.client.call("ACL", "LIST"))
        return {name: listed[name] for name in users}

    def find_same(
        self, users: Mapping[str, Sequence[str]], present: Mapping[str, Sequence[str]], label: str
    ) -> List[str]:
        """Return the users whose present rules mean what is declared, whoever spelled them."""
        both = [name for name in users if name in present]
        declared = self.spell_rules({name: users[name] for name in both}, label)
        same = []
        for name in both:
            try:
                spelled = self.spell_rules({name: present[name]}, label)[name]
            except BadConfig:  # the running version knows a rule that this one does not
                continue
            if meaning_of(spelled) == meaning_of(declared[name]):
                same.append(name)
        return same

    def list_forbidden(self, name: str, rules: Sequence[str], commands: Sequence[Sequence[str]]) -> List[str]:
        """Return which of the commands these rules do not allow. None of them has an effect."""
        if self.version >= SELECTORS:
            self.client.call(*setuser_command(name, rules))
            answers = [(command, self.client.call("ACL", "DRYRUN", name, *command)) for command in commands]
            return [" ".join(command) for command, answer in answers if answer != "OK"]
        # Before DRYRUN: a command is refused when it is queued, and nothing that was queued is executed.
        open_rules = [rule for rule in rules if rule[0] != "#" and rule not in ("on", "off", "nopass")]
        self.client.call(*setuser_command(TRIAL, ["on", "nopass", *open_rules]))
        with Client(Endpoint(socket=self.place, username=TRIAL, password="x")) as trial:  # noqa: S106
            brackets = [command for command in commands if command[0] in BRACKETS]
            forbidden = [" ".join(command) for command in brackets if _refused(trial, command)]
            self.client.call("ACL", "SETUSER", TRIAL, "+multi", "+discard")
            trial.call("MULTI")
            queued = [command for command in commands if command[0] not in BRACKETS]
            forbidden += [" ".join(command) for command in queued if _refused(trial, command)]
            trial.call("DISCARD")
        self.client.call("ACL", "DELUSER", TRIAL)
        return forbidden

    def explain_unfit(self, duty: str, login: Mapping[str, str], users: Mapping[str, Sequence[str]]) -> str:
        """Return why a duty could not be done with these users, empty when it could."""
        name = login.get("username") or "default"
        rules = users.get(name)
        if rules is None:
            return ""  # it stays as it is
        if "on" not in rules:
            return f"{name}, as which {WHO[duty]} log in, would be switched off"
        if "nopass" not in rules and f"#{password_digest(login.get('password') or '')}" not in rules:
            return f"{name} would no longer accept the password with which {WHO[duty]} log in"
        lacks = self.list_forbidden(name, rules, list_needs(duty, self.version))
        return f"{name}, as which {WHO[duty]} log in, could no longer do {', '.join(lacks)}" if lacks else ""

    def prove_presets(self, users: Mapping[str, Mapping[str, str]], label: str) -> None:
        """Refuse a preset that is not with this engine what it says."""
        presets = {(user["preset"], user["prefix"] or ""): name for name, user in users.items() if user["preset"]}
        for (preset, prefix), name in presets.items():
            fault = self.preset_fault(preset, prefix)
            if fault:
                raise Refused(
                    f"{label}: the user {name}: with {self.program} the preset {preset} {fault}",
                    todo="Nothing was changed. Report this, and write keys, channels and commands meanwhile",
                )

    def preset_fault(self, preset: str, prefix: str) -> str:
        """Return in what a preset is not what it says with this engine, empty when it is."""
        closed = ["resetchannels"] if self.version >= CHANNELS else []
        rules = ["on", "nopass", *closed, *preset_rules(preset, prefix, self.version)]
        can, cannot = preset_proof(preset, prefix, self.version)
        lacks = self.list_forbidden(TRIAL, rules, can)
        held = self.list_forbidden(TRIAL, rules, cannot)
        more = [text for text in (" ".join(command) for command in cannot) if text not in held]
        faults = [f"cannot do {', '.join(lacks)}"] if lacks else []
        return " and ".join([*faults, *([f"can do {', '.join(more)}"] if more else [])])


def _refused(trial: Client, command: Sequence[str]) -> bool:
    try:
        trial.call(*command)
    except AuthFailed:
        return True
    except CommandFailed:
        pass
    return False


@contextmanager
def judge_rules(binary: str, parameters: Mapping[str, object], user: str, label: str) -> Iterator[Judge]:
    """Start the installed engine away from everything, and ask it."""
    version = installed_version(binary)
    known = known_to(parameters, version)
    with run_scratch(binary, known, False, user, "", label) as place, connect(find_credentials(place)) as client:
        yield Judge(client, place, binary.rpartition("/")[2], version)
