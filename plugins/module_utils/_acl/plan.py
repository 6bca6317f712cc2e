# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ACL users, declared and present: their rules, what they mean, and what makes the present ones the declared. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Iterable, List, Mapping, Optional, Sequence, Set

from .._model.acl_rules import password_rules, setuser_command, show_rules


@dataclass
class Change:
    """One user: new rules (None: the user goes), and what was there (None: nothing)."""

    name: str
    new: Optional[List[str]]
    old: Optional[List[str]]

    @property
    def commands(self) -> List[List[str]]:
        """Return what makes it so."""
        return [["ACL", "DELUSER", self.name]] if self.new is None else [setuser_command(self.name, self.new)]

    @property
    def back(self) -> List[str]:
        """Return what takes it back."""
        return ["ACL", "DELUSER", self.name] if self.old is None else setuser_command(self.name, self.old)

    def __str__(self) -> str:
        """Show the change to people, without a secret."""
        if self.new is None:
            return f"remove the user {self.name}"
        if self.old is None:
            return f"create the user {self.name}: {show_rules(self.new)}"
        more, less = (
            password_rules(self.new) - password_rules(self.old),
            password_rules(self.old) - password_rules(self.new),
        )
        if bool(more) != bool(less) and set(self.new) - more == set(self.old) - less:
            return f"let the user {self.name} in with {_some(more or less)} {'more' if more else 'less'}"
        return f"change the user {self.name}: {show_rules(self.old)} -> {show_rules(self.new)}" + (
            " (other passwords)" if password_rules(self.old) != password_rules(self.new) else ""
        )


@dataclass
class Plan:
    """What to do now, and whom to change when replicas, Sentinels and modules no longer depend on the old rights."""

    now: List[Change] = field(default_factory=list)
    later: List[str] = field(default_factory=list)
    undeclared: List[str] = field(default_factory=list)


def _some(passwords: Set[str]) -> str:
    return "one password" if len(passwords) == 1 else f"{len(passwords)} passwords"


def plan_changes(
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
    plan = Plan(undeclared=sorted(set(present) - set(declared) - set(absent) - {"default"}))
    gone = sorted(set(absent) & set(present)) + (plan.undeclared if purge else [])
    equal = set(same)
    for name, new in declared.items():
        old = present.get(name)
        if name in equal and old is not None:
            continue
        if old is not None and name in needed and not final:
            more = sorted(password_rules(new) - password_rules(old))
            if more and "nopass" not in old:
                plan.now.append(Change(name, [*old, *more], old))
            if set(new) != {*old, *more}:
                plan.later.append(name)
        elif not predicted or not final or name in needed:
            plan.now.append(Change(name, new, old))
    for name in gone:
        if name in needed and not final:
            plan.later.append(name)
        elif not predicted or not final or name in needed:
            plan.now.append(Change(name, None, present[name]))
    return plan


def render_users(
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
    return "".join(f"user {name} {' '.join(rules)}\n" for name, rules in rows.items())


def show_users(changes: Sequence[Change], new: bool) -> str:
    """Return one side of the diff of users in the running server."""
    rows = []
    for change in changes:
        side = change.new if new else change.old
        if side is not None:
            other = new and change.old is not None and password_rules(side) != password_rules(change.old)
            rows.append(f"user {change.name} {show_rules(side)}{' (other passwords)' if other else ''}\n")
    return "".join(rows)
