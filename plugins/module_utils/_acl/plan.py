# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ACL users, declared and present: their rules, what they mean, and what makes the present ones the declared. Pure."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Set, Tuple

from .._model.acl_applications import default_commands, preset_rules
from .._model.acl_presets import CHANNELS, Version, job_rules
from .._redis.client import MASK

Meaning = Tuple[Any, ...]
_SECRET = re.compile(r"(?:(?<=\s)|^)[#!][0-9a-f]{64}|(?:(?<=\s)|^)[<>]\S+")


def digest(password: str) -> str:
    """Return what the engine keeps of a password."""
    return hashlib.sha256(password.encode("utf-8", "surrogateescape")).hexdigest()


def words(text: str) -> List[str]:
    """Return the rules of a line; a selector is one rule."""
    found: List[str] = []
    for word in text.split():
        if found and found[-1].startswith("(") and not found[-1].endswith(")"):
            found[-1] += f" {word}"
        else:
            found.append(word)
    return found


def parse_list(rows: Iterable[str]) -> Dict[str, List[str]]:
    """Return name -> rules of ACL LIST, or of a file of users."""
    found: Dict[str, List[str]] = {}
    for row in rows:
        parts = row.split(None, 2)
        if len(parts) >= 2 and parts[0] == "user":
            found[parts[1]] = words(parts[2] if len(parts) > 2 else "")
    return found


def rules(user: Mapping[str, Any], version: Version) -> List[str]:
    """Return the rules of a declared user, to follow `reset`."""
    hashes = [digest(password) for password in user.get("passwords") or []] + list(user.get("hashes") or [])
    found = ["on" if user.get("enabled", True) else "off"]
    found += [f"#{item.lower()}" for item in dict.fromkeys(hashes)]
    found += ["nopass"] if user.get("nopass") else []
    found += ["resetchannels"] if version >= CHANNELS else []
    if user.get("job"):
        return found + job_rules(user["job"], version)
    # What is named beside a preset is added to it.
    found += preset_rules(user["preset"], user.get("prefix") or "", version) if user.get("preset") else []
    found += [key if key[:1] in "~%" else f"~{key}" for key in user.get("keys") or []]
    found += [channel if channel.startswith("&") else f"&{channel}" for channel in user.get("channels") or []]
    commands = user.get("commands")
    if commands is None and user.get("enabled", True) and not user.get("preset"):
        commands = default_commands(version)
    found += [rule if rule[:1] in "+-" else f"+{rule}" for rule in commands or []]
    return found + [text if text.startswith("(") else f"({text})" for text in user.get("selectors") or []]


def meaning(found: Sequence[str]) -> Meaning:
    """Return rules so that what means the same is the same; they must be in the spelling of one engine."""
    flags: Set[str] = set()
    sets: Dict[str, Set[str]] = {"#": set(), "~": set(), "&": set()}
    commands: List[str] = []
    selectors: List[Meaning] = []
    for rule in found:
        if rule.startswith("("):
            selectors.append(meaning(words(rule[1:-1])))
        elif rule[0] in "+-":
            commands.append(rule)
        elif rule[0] in "#~&%":
            sets["~" if rule[0] == "%" else rule[0]].add(rule)
        elif rule not in ("resetchannels", "sanitize-payload"):
            flags.add(rule)
    return (
        tuple(sorted(flags)),
        *(tuple(sorted(items)) for items in sets.values()),
        tuple(_ordered(commands)),
        tuple(sorted(selectors)),
    )


def _ordered(commands: Sequence[str]) -> List[str]:
    """Sort what may change places: neighbours with one sign, and rules about different commands."""
    left: List[str] = []
    for rule in commands:
        left = [] if rule == "-@all" else ["+@all"] if rule == "+@all" else [*left, rule]
    if not any(rule[1] == "@" for rule in left):
        return sorted(left, key=lambda rule: rule[1:].partition("|")[0])
    return [rule for _sign, run in groupby(left, key=lambda rule: rule[0]) for rule in sorted(run)]


@dataclass
class Change:
    """One user: new rules (None: the user goes), and what was there (None: nothing)."""

    name: str
    new: Optional[List[str]]
    old: Optional[List[str]]

    @property
    def commands(self) -> List[List[str]]:
        """Return what makes it so."""
        return [["ACL", "DELUSER", self.name]] if self.new is None else [setuser(self.name, self.new)]

    @property
    def back(self) -> List[str]:
        """Return what takes it back."""
        return ["ACL", "DELUSER", self.name] if self.old is None else setuser(self.name, self.old)

    def __str__(self) -> str:
        """Show the change to people, without a secret."""
        if self.new is None:
            return f"remove the user {self.name}"
        if self.old is None:
            return f"create the user {self.name}: {shown(self.new)}"
        more, less = secrets(self.new) - secrets(self.old), secrets(self.old) - secrets(self.new)
        if bool(more) != bool(less) and set(self.new) - more == set(self.old) - less:
            return f"let the user {self.name} in with {_some(more or less)} {'more' if more else 'less'}"
        return f"change the user {self.name}: {shown(self.old)} -> {shown(self.new)}" + (
            " (other passwords)" if secrets(self.old) != secrets(self.new) else ""
        )


@dataclass
class Plan:
    """What to do now, and whom to change when replicas, Sentinels and modules no longer depend on the old rights."""

    now: List[Change] = field(default_factory=list)
    later: List[str] = field(default_factory=list)
    undeclared: List[str] = field(default_factory=list)


def setuser(name: str, new: Sequence[str]) -> List[str]:
    """Return the command that gives a user exactly these rules."""
    return ["ACL", "SETUSER", name, "reset", *new]


def secrets(found: Iterable[str]) -> Set[str]:
    """Return the hashes among the rules."""
    return {rule for rule in found if rule[0] == "#"}


def _some(found: Set[str]) -> str:
    return "one password" if len(found) == 1 else f"{len(found)} passwords"


def shown(found: Iterable[str]) -> str:
    """Return rules for people."""
    return hide(" ".join(found))


def hide(text: str) -> str:
    """Return the text without passwords and their hashes."""
    return _SECRET.sub("#" + MASK, text)


def plan(
    declared: Mapping[str, List[str]],
    absent: Iterable[str],
    present: Mapping[str, List[str]],
    same: Iterable[str],
    needed: Set[str],
    final: bool,
    purge: bool,
    predicted: bool = False,
) -> Plan:
    """Compare. `same`: the declared users that mean what is present. `needed`: users that somebody may depend on now.

    Those keep what they have until `final`; a new password is accepted beside the old one, so that all can move on.
    `predicted`: what comes before `final` has not really happened, and is not to be told twice.
    """
    found = Plan(undeclared=sorted(set(present) - set(declared) - set(absent) - {"default"}))
    gone = sorted(set(absent) & set(present)) + (found.undeclared if purge else [])
    equal = set(same)
    for name, new in declared.items():
        old = present.get(name)
        if name in equal and old is not None:
            continue
        if old is not None and name in needed and not final:
            more = sorted(secrets(new) - secrets(old))
            if more and "nopass" not in old:
                found.now.append(Change(name, [*old, *more], old))
            if set(new) != {*old, *more}:
                found.later.append(name)
        elif not predicted or not final or name in needed:
            found.now.append(Change(name, new, old))
    for name in gone:
        if name in needed and not final:
            found.later.append(name)
        elif not predicted or not final or name in needed:
            found.now.append(Change(name, None, present[name]))
    return found


def text(
    declared: Mapping[str, List[str]],
    present: Mapping[str, List[str]],
    changes: Plan,
    absent: Iterable[str],
    older: bool,
) -> str:
    """Return the file: what is declared, but of users whose change comes later what they have meanwhile."""
    meanwhile = {change.name: change.new for change in changes.now}
    rows = {**declared}
    for name in changes.later:
        kept = meanwhile.get(name) or present[name]
        # A version without rights on channels lets everybody use all of them.
        rows[name] = [*kept, "&*"] if older else list(kept)
    for name in absent:
        if name not in changes.later:
            rows.pop(name, None)
    return "".join(f"user {name} {' '.join(found)}\n" for name, found in rows.items())


def table(changes: Sequence[Change], new: bool) -> str:
    """Return one side of the diff of users in the running server."""
    rows = []
    for change in changes:
        side = change.new if new else change.old
        if side is not None:
            other = new and change.old is not None and secrets(side) != secrets(change.old)
            rows.append(f"user {change.name} {shown(side)}{' (other passwords)' if other else ''}\n")
    return "".join(rows)
