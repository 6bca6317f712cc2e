# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every module does: observe, plan, then apply step after step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Generic, List, Optional, Protocol, TypeVar

Obs = TypeVar("Obs")


class Module(Protocol):
    """What a reconciler may ask of the Ansible module that it serves; it ends by an exception, never by itself."""

    params: Dict[str, Any]
    check_mode: bool

    def set_default_selinux_context(self, path: str, changed: bool) -> bool:
        """Give a new file the SELinux context of its place."""


@dataclass
class Step:
    """One thing to do, a sentence for the reader; the class of a step says what is done, its fields what that takes."""

    text: str


class Reconciler(Generic[Obs]):
    """What a module is about; each module fills in these methods."""

    def __init__(self) -> None:
        """Start without warnings; whatever is put there reaches the user."""
        self.warnings: List[str] = []

    def observe(self) -> Obs:
        """Return how things are."""
        raise NotImplementedError

    def plan(self, obs: Obs) -> List[Step]:
        """Return what is to be done; pure."""
        raise NotImplementedError

    def apply(self, step: Step) -> None:
        """Do one step."""
        raise NotImplementedError

    def settle(self, before: Obs, steps: List[Step]) -> Obs:
        """Return how things are after the steps, once they have had their effect."""
        return self.observe() if steps else before

    def is_converged(self, obs: Obs) -> bool:
        """Return whether a run could leave it alone: nothing to do, to wait for or to warn of."""
        return not self.plan(obs) and not self.warnings

    def result(self, obs: Obs, steps: List[Step]) -> Dict[str, Any]:
        """Return what the module returns beside changed, steps and diff."""
        return {}

    def diff(self, before: Obs, after: Optional[Obs], steps: List[Step]) -> List[Dict[str, str]]:
        """Return the diff; after is None in check mode."""
        return [{"before": "", "after": "".join(step.text + "\n" for step in steps)}] if steps else []
