# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the endpoints of this host have followed a primary that moved. Nothing is changed, nobody else is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

from .._core.polling import until_done
from .._core.reconcile import Module, Reconciler, Step
from .._model.endpoint_verdict import LOOK, judge_following
from .._model.haproxy import FOLDER, STATISTICS
from .service import ask_haproxy


class FollowingEndpoints(Reconciler[Optional[str]]):
    """The endpoints of this host, looked at until they lead where they should."""

    def __init__(self, module: Module) -> None:
        """Read the options."""
        super().__init__()
        self.given = module.params

    def observe(self) -> Optional[str]:
        """Return what HAProxy says of itself once it leads to the primaries; say who does not in time."""

        def look() -> Optional[str]:
            return ask_haproxy(STATISTICS, "show stat") if Path(FOLDER).exists() else None

        return until_done(look, lambda table: self._judge(table)[1], look(), self.given["wait"], "", LOOK)

    def _judge(self, table: Optional[str]) -> Tuple[List[str], List[str]]:
        return judge_following(self.given["name"], self.given["sets"], self.given["primaries"], table)

    def plan(self, obs: Optional[str]) -> List[Step]:
        """Nothing is done here."""
        return []

    def result(self, obs: Optional[str], steps: List[Step]) -> Dict[str, Any]:
        """Say where they lead."""
        return {"lines": self._judge(obs)[0]}
