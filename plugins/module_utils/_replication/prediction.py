# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What check mode takes for granted: members that would be started, and roles as they would be; pure."""

from __future__ import annotations

from dataclasses import replace
from typing import List, Sequence

from .._model.observed import PARKED, Observed, Upstream
from .plan import Plan
from .steps import Follow, MemberStep, Promote


def assume_started(members: Sequence[Observed]) -> List[Observed]:
    """Return the members as check mode sees them: what is not running yet would be started, empty and waiting."""
    waiting = Upstream(PARKED[0], PARKED[1], "down", False, -1)
    return [
        replace(member, reachable=True, mode="standalone", role="replica", primary=waiting)
        if member.error_kind == "refused"
        else member
        for member in members
    ]


def predict_members(members: Sequence[Observed], plan: Plan) -> List[Observed]:
    """Return the members as they are after the steps."""
    target = Upstream(plan.primary.address, plan.primary.port, "up", False, 0)
    kinds = {step.member: type(step) for step in plan.steps if isinstance(step, MemberStep)}
    after = []
    for member in members:
        kind = kinds.get(member.name)
        if kind is Promote:
            member = replace(member, role="primary", primary=None)
        elif kind is Follow:
            member = replace(member, role="replica", primary=target)
        after.append(member)
    return after
