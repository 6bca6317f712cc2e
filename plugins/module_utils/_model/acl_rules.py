# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of ACL users: how they are written, what they mean, and which of them are secret."""

from __future__ import annotations

import hashlib
from itertools import groupby
from typing import Any, Dict, Iterable, List, Mapping, Sequence, Set, Tuple

from .acl_applications import default_commands, preset_rules
from .acl_presets import CHANNELS, job_rules
from .masking import hide_secrets
from .versions import Version

Meaning = Tuple[Any, ...]


def password_digest(password: str) -> str:
    """Return what the engine keeps of a password."""
    return hashlib.sha256(password.encode("utf-8", "surrogateescape")).hexdigest()


def split_rules(text: str) -> List[str]:
    """Return the rules of a line; a selector is one rule."""
    rules: List[str] = []
    for word in text.split():
        if rules and rules[-1].startswith("(") and not rules[-1].endswith(")"):
            rules[-1] += f" {word}"
        else:
            rules.append(word)
    return rules


def parse_acl_list(rows: Iterable[str]) -> Dict[str, List[str]]:
    """Return name -> rules of ACL LIST, or of a file of users."""
    users: Dict[str, List[str]] = {}
    for row in rows:
        parts = row.split(None, 2)
        if len(parts) >= 2 and parts[0] == "user":
            users[parts[1]] = split_rules(parts[2] if len(parts) > 2 else "")
    return users


def rules_of_user(user: Mapping[str, Any], version: Version) -> List[str]:
    """Return the rules of a declared user, to follow `reset`."""
    hashes = [password_digest(password) for password in user.get("passwords") or []] + list(user.get("hashes") or [])
    rules = ["on" if user.get("enabled", True) else "off"]
    rules += [f"#{item.lower()}" for item in dict.fromkeys(hashes)]
    rules += ["nopass"] if user.get("nopass") else []
    rules += ["resetchannels"] if version >= CHANNELS else []
    if user.get("job"):
        return rules + job_rules(user["job"], version, bool(user.get("cluster")))
    # What is named beside a preset is added to it.
    rules += preset_rules(user["preset"], user.get("prefix") or "", version) if user.get("preset") else []
    rules += [key if key[:1] in "~%" else f"~{key}" for key in user.get("keys") or []]
    rules += [channel if channel.startswith("&") else f"&{channel}" for channel in user.get("channels") or []]
    commands = user.get("commands")
    if commands is None and user.get("enabled", True) and not user.get("preset"):
        commands = default_commands(version)
    rules += [rule if rule[:1] in "+-" else f"+{rule}" for rule in commands or []]
    return rules + [text if text.startswith("(") else f"({text})" for text in user.get("selectors") or []]


def meaning_of(rules: Sequence[str]) -> Meaning:
    """Return rules so that what means the same is the same; they must be in the spelling of one engine."""
    flags: Set[str] = set()
    sets: Dict[str, Set[str]] = {"#": set(), "~": set(), "&": set()}
    commands: List[str] = []
    selectors: List[Meaning] = []
    for rule in rules:
        if rule.startswith("("):
            selectors.append(meaning_of(split_rules(rule[1:-1])))
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


def setuser_command(name: str, new: Sequence[str]) -> List[str]:
    """Return the command that gives a user exactly these rules."""
    return ["ACL", "SETUSER", name, "reset", *new]


def password_rules(rules: Iterable[str]) -> Set[str]:
    """Return the hashes among the rules."""
    return {rule for rule in rules if rule[0] == "#"}


def show_rules(rules: Iterable[str]) -> str:
    """Return rules for people."""
    return hide_secrets(" ".join(rules))
