# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Members with a living link to where no member is declared: a primary lives there, so none of them may be trusted."""

from __future__ import annotations

from typing import Collection, Dict, List, Sequence, Tuple

from .._model.observed import Observed


def find_undeclared(
    members: Sequence[Observed], called: Collection[Tuple[str, int]]
) -> Dict[Tuple[str, int], List[str]]:
    """Return who has a link that is up to a place that is no member's; `called`: more places that are known. Pure."""
    linked: Dict[Tuple[str, int], List[str]] = {}
    for member in members:
        if not member.reachable or member.primary is None or member.primary.link != "up":
            continue
        target = (member.primary.address, member.primary.port)
        if target not in called and not any(other.is_known_by(*target) for other in members):
            linked.setdefault(target, []).append(member.name)
    return linked


def find_contradiction(members: Sequence[Observed], called: Collection[Tuple[str, int]]) -> str:
    """Return which declaration contradicts which observation, and what to do; empty when none does. Pure."""
    linked = find_undeclared(members, called)
    if not linked:
        return ""
    (address, port), names = max(linked.items(), key=lambda item: len(item[1]))
    lost = [member for member in members if not member.reachable]
    sentences = [
        f"Nothing was changed. {' and '.join(names)} {'have' if len(names) > 1 else 'has'} a living link to "
        f"{address}:{port}, so a primary lives there, but no member is declared there"
    ]
    sentences += [
        f"{silent.name} is declared at {silent.address}:{silent.port} and does not answer there" for silent in lost
    ]
    todo = "Add it to the inventory"
    if lost:
        todo = f"Correct redis_address or the port of {' or '.join(silent.name for silent in lost)}"
    rest = "If it is none of this data set, end it first: then its replicas can be trusted"
    return f"{'; '.join(sentences)}. {todo}. {rest}"
