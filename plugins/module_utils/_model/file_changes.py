# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What lies at a path, what shall lie there, and the difference as people may read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence

from .masking import hide_secrets, json_sides


@dataclass
class Seen:
    """What lies at a path now; kind is absent, file, link, directory or other."""

    kind: str = "absent"
    content: bytes = b""
    link: str = ""
    mode: int = 0
    owner: str = ""
    group: str = ""


@dataclass
class Wanted:
    """What shall lie at a path; kind is absent, file or link. `secrets` names what its content holds."""

    path: str
    kind: str = "file"
    content: bytes = b""
    link: str = ""
    mode: int = 0o644
    owner: str = "root"
    group: str = "root"
    secrets: str = ""  # json: in values of keys such as password; rules: in ACL rules


def list_differences(seen: Seen, want: Wanted) -> list[str]:
    """Return the aspects that differ, none when all is well; pure."""
    if want.kind != seen.kind:
        return [want.kind]
    if want.kind == "link":
        return ["link"] if seen.link != want.link else []
    pairs = (
        ("content", seen.content, want.content),
        ("mode", seen.mode, want.mode),
        ("owner", seen.owner, want.owner),
        ("group", seen.group, want.group),
    )
    return [name for name, left, right in pairs if left != right and want.kind == "file"]


def describe_change(seen: Seen, want: Wanted) -> str:
    """Return the change as a sentence; pure."""
    if want.kind == "absent":
        return f"remove {want.path}"
    if want.kind == "link":
        return f"make {want.path} a link to {want.link}"
    aspects = list_differences(seen, want)
    if seen.kind == "file" and "content" not in aspects:
        return f"give {want.path} {want.owner}:{want.group} {want.mode:04o}"
    return f"{'change' if seen.kind == 'file' else 'create'} {want.path}"


def show_diff(seen: Seen, want: Wanted) -> dict[str, str]:
    """Return before and after as text, without secrets; pure."""
    sides = []
    both: tuple[Seen | Wanted, Seen | Wanted] = (seen, want)
    for item, text in zip(both, _texts(seen, want)):
        if item.kind == "link":
            sides.append(f"link to {item.link}\n")
        elif item.kind == "file":
            head = f"# {item.owner}:{item.group} {item.mode:04o}\n"
            aspects = set(list_differences(seen, want)) & {"mode", "owner", "group"}
            sides.append((head if aspects and seen.kind == "file" else "") + text)
        else:
            sides.append("")
    return {"before_header": want.path, "after_header": want.path, "before": sides[0], "after": sides[1]}


def _texts(seen: Seen, want: Wanted) -> Sequence[str]:
    """Return what people may read of both contents."""
    old, new = (item.content.decode("utf-8", "replace") for item in (seen, want))
    if want.secrets == "json":
        return json_sides(old, new)
    return (hide_secrets(old), hide_secrets(new)) if want.secrets == "rules" else (old, new)
