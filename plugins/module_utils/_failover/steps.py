# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of a move of the primary, a sentence each; pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import List

from .._core.reconcile import Step
from .._model.observed import Observed
from .._model.tables import place
from .._replication.interrupted import FENCE, MARK, PRIORITY, setting


@dataclass
class Plan:
    """Who hands over to whom, and how; without a method nobody has to move."""

    old: Observed
    target: Observed = field(default_factory=Observed)
    method: str = ""
    pause: int = 0
    raised: List[Observed] = field(default_factory=list)
    others: List[Observed] = field(default_factory=list)
    warnings: List[str] = field(default_factory=list)
    steps: List[Step] = field(default_factory=list)


def afterwards(plan: Plan, sentinels: bool) -> List[Step]:
    """Return the steps after the switch."""
    target, steps = plan.target, []
    names = [place(one) for one in [plan.old, *plan.others] if one.reachable]
    if names:
        steps.append(Step(f"{', '.join(names)}: follow {place(target)}", {"do": "follow"}))
    whom = "every Sentinel names it, " if sentinels else ""
    steps.append(
        Step(f"{place(target)}: wait until {whom}all follow it, and have the roles written down", {"do": "finish"})
    )
    for one in plan.raised:
        steps.append(
            Step(
                f"{place(one)}: set replica-priority back to {setting(one, PRIORITY) % MARK}",
                {"do": "lower", "member": one.name},
            )
        )
    return steps


def describe(plan: Plan, name: str, sentinels: bool) -> List[Step]:
    """Return the steps of a planned move."""
    old, target, steps = place(plan.old), place(plan.target), []
    for one in plan.raised:
        was = setting(one, PRIORITY) % MARK
        steps.append(
            Step(
                f"{place(one)}: raise replica-priority from {was} to {was + MARK} until the move is over, so "
                f"that the Sentinels pick {plan.target.name}",
                {"do": "raise", "member": one.name},
            )
        )
    if sentinels:
        steps.append(Step(f"Sentinels: wait until all of them would pick {plan.target.name}", {"do": "await"}))
    if plan.method == "coordinated":
        steps.append(Step(f"Sentinels: move {name} to {target} (SENTINEL FAILOVER COORDINATED)", {"do": "coordinate"}))
        return steps + afterwards(plan, sentinels)
    how = {
        "pause": f"pause writes, for at most {plan.pause} ms,",
        "fence": f"refuse writes by {FENCE}, for at most {plan.pause} ms,",
    }[plan.method]
    steps.append(Step(f"{old}: {how} until {plan.target.name} has them all", {"do": "fence"}))
    steps.append(Step(f"{old}: stop being the primary", {"do": "park"}))
    if sentinels:
        steps.append(Step(f"Sentinels: make {target} the primary of {name} (SENTINEL FAILOVER)", {"do": "elect"}))
    else:
        steps.append(Step(f"{target}: become the primary", {"do": "promote"}))
    return steps + afterwards(plan, sentinels)
