# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of a move of the primary, a sentence each; pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, List, Sequence

from .._core.reconcile import Step
from .._model.observed import Observed, SentinelView
from .._model.tables import show_place
from .._replication.interrupted import FENCE, MARK, PRIORITY, read_setting


@dataclass
class RaisePriority(Step):
    """Keep Sentinels from picking a member."""

    member: str


@dataclass
class AwaitChoice(Step):
    """Wait until every Sentinel would pick the target."""


@dataclass
class StopWrites(Step):
    """Stop the writes until the target has them all."""


@dataclass
class Park(Step):
    """Make the old primary read-only, following nobody."""


@dataclass
class Elect(Step):
    """Let Sentinel promote the target."""


@dataclass
class Coordinate(Step):
    """Let a Sentinel of Valkey 9 do it all."""


@dataclass
class Promote(Step):
    """Promote the target where there is no Sentinel."""


@dataclass
class ReplaceDead(Step):
    """Promote the target in place of a dead primary."""


@dataclass
class Follow(Step):
    """Have the others follow the target."""


@dataclass
class Finish(Step):
    """Wait for everybody, and have the roles written down."""


@dataclass
class LowerPriority(Step):
    """Give a member its own priority again."""

    member: str


@dataclass
class MoveLater(Step):
    """Look again after a repair, then move as asked for."""


@dataclass
class Move:
    """What is asked for."""

    name: str
    to: str = ""
    avoid: Sequence[str] = ()
    zones: Dict[str, str] = field(default_factory=dict)
    max_lag: int = 10485760
    limit: int = 3000
    method: str = "auto"
    mixed: bool = False
    dead_primary: bool = False
    sentinels: int = 0


@dataclass
class Plan:
    """Who hands over to whom, and how; without a method nobody has to move."""

    old: Observed
    target: Observed = field(default_factory=Observed)
    method: str = ""
    pause: int = 0
    raised: List[Observed] = field(default_factory=list)
    others: List[Observed] = field(default_factory=list)
    full: List[Observed] = field(default_factory=list)  # of them; without room on its disk none gets in sync
    warnings: List[str] = field(default_factory=list)
    steps: List[Step] = field(default_factory=list)


def list_rivals(views: Sequence[SentinelView], name: str, members: Sequence[Observed], mine: int) -> List[str]:
    """Return the replicas that are no members and that a Sentinel may pick as well as one with this priority."""
    known = {member.run_id for member in members if member.run_id}  # one of them may be listed by a former port, too
    rivals = [
        f"{item['address']}:{item['port']}"
        for view in views
        for item in view.masters[name].replicas
        if not any(member.is_known_by(item["address"], item["port"]) for member in members)
        and item["run_id"] not in known
        and not {"s_down", "o_down", "disconnected"} & set(item["flags"])
        and 0 < item.get("priority", 100) <= mine
    ]
    return sorted(set(rivals))


def list_afterwards(plan: Plan, sentinels: bool) -> List[Step]:
    """Return the steps after the switch."""
    target = plan.target
    steps: List[Step] = []
    names = [show_place(member) for member in [plan.old, *plan.others] if member.reachable]
    if names:
        steps.append(Follow(f"{', '.join(names)}: follow {show_place(target)}"))
    whom = "every Sentinel names it, " if sentinels else ""
    steps.append(Finish(f"{show_place(target)}: wait until {whom}all follow it, and have the roles written down"))
    for member in plan.raised:
        was = read_setting(member, PRIORITY) % MARK
        steps.append(LowerPriority(f"{show_place(member)}: set replica-priority back to {was}", member.name))
    return steps


def list_steps(plan: Plan, name: str, sentinels: bool) -> List[Step]:
    """Return the steps of a planned move."""
    old, target = show_place(plan.old), show_place(plan.target)
    steps: List[Step] = []
    for member in plan.raised:
        was = read_setting(member, PRIORITY) % MARK
        steps.append(
            RaisePriority(
                f"{show_place(member)}: raise replica-priority from {was} to {was + MARK} until the move is over, so "
                f"that the Sentinels pick {plan.target.name}",
                member.name,
            )
        )
    if sentinels:
        steps.append(AwaitChoice(f"Sentinels: wait until all of them would pick {plan.target.name}"))
    if plan.method == "coordinated":
        steps.append(Coordinate(f"Sentinels: move {name} to {target} (SENTINEL FAILOVER COORDINATED)"))
        return steps + list_afterwards(plan, sentinels)
    how = {
        "pause": f"pause writes, for at most {plan.pause} ms,",
        "fence": f"refuse writes by {FENCE}, for at most {plan.pause} ms,",
    }[plan.method]
    steps.append(StopWrites(f"{old}: {how} until {plan.target.name} has them all"))
    steps.append(Park(f"{old}: stop being the primary"))
    if sentinels:
        steps.append(Elect(f"Sentinels: make {target} the primary of {name} (SENTINEL FAILOVER)"))
    else:
        steps.append(Promote(f"{target}: become the primary"))
    return steps + list_afterwards(plan, sentinels)
