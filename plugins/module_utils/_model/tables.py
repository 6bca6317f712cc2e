# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who says what, as text: tables for refusals and differences; pure."""

from __future__ import annotations

from typing import Sequence

from .observed import Observed, SentinelView


def count_of(number: int, what: str) -> str:
    """Return a number and what it counts."""
    plural = f"{what[:-1]}ies" if what.endswith("y") and what[-2:-1] not in "aeiou" else f"{what}s"
    return f"{number} {what if number == 1 else plural}"


def show_place(member: Observed) -> str:
    """Return host and address of a member for a sentence."""
    where = f"{member.address}:{member.port}"
    return f"{member.host} ({where})" if member.host and member.host != where else where


def align_rows(rows: Sequence[Sequence[str]]) -> str:
    """Return rows of cells as a text table; the first row is the title."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
    return "\n".join("  " + line for line in lines)


def show_followed(member: Observed, members: Sequence[Observed]) -> str:
    """Return what a member follows, by the name of the declared member where it is one."""
    if member.primary is None:
        return "-"
    if member.parked:
        return "nobody (waits)"
    address, port = member.primary.address, member.primary.port
    names = [other.name for other in members if other.is_at(address, port)]
    return f"{names[0] if names else f'{address}:{port}'}, link {member.primary.link}"


def show_evidence(members: Sequence[Observed], views: Sequence[SentinelView], name: str) -> str:
    """Return who says what, as a table."""
    rows = [["member", "role", "follows", "offset", "keys", "replication id"]]
    for member in members:
        if member.reachable:
            rows.append(
                [
                    member.name,
                    member.role or member.mode,
                    show_followed(member, members),
                    str(member.offset),
                    str(member.key_count),
                    member.replication_id[:12],
                ]
            )
        else:
            rows.append([member.name, "?", f"not observed ({member.error_kind})", "?", "?", "?"])
    if not views:
        return align_rows(rows)
    says = [["sentinel", "says"]]
    for view in views:
        watched = view.masters.get(name)
        text = f"no answer ({view.error_kind})" if not view.reachable else f"does not monitor {name}"
        if watched:
            names = [other.name for other in members if other.is_at(watched.address, watched.port)]
            text = f"{names[0] if names else f'{watched.address}:{watched.port}'} ({','.join(watched.flags)})"
        says.append([view.name, text])
    return align_rows(rows) + "\n" + align_rows(says)


def show_roles(members: Sequence[Observed]) -> str:
    """Return roles as text for a diff; nothing in it changes by itself."""
    lines = []
    for member in members:
        follows = show_followed(member, members).partition(", link")[0]
        role = "primary" if member.role == "primary" else f"replica of {follows}"
        lines.append(f"{member.name}: {role if member.reachable else 'not observed'}")
    return "\n".join(lines) + "\n"
