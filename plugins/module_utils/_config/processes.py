# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All processes of a host in one execution of the module config: what one of them refuses changes none."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any, List

from .._core.errors import Unsettled
from .._core.reconcile import Module, Reconciler, Step
from .._engine.config_cache import recall_sample
from .pending import is_pending
from .reconciler import Instance
from .runtime import is_started
from .steps import View


@dataclass
class PartStep(Step):
    """A step of one of the processes."""

    part: Instance
    step: Step


class Processes(Reconciler[List[View]]):
    """The servers and the Sentinel of a host."""

    def __init__(self, module: Module) -> None:
        """Make one reconciler of each."""
        super().__init__()
        self.parts: list[Instance] = []
        for given in module.params["processes"]:
            part = copy.copy(module)
            part.params = {**module.params, **given, "connection": given["connection"] or module.params["connection"]}
            self.parts.append(Instance(part))
            self.parts[-1].warnings = self.warnings

    def observe(self) -> list[View]:
        """Look at all of them."""
        return [part.observe() for part in self.parts]

    def plan(self, obs: list[View]) -> list[Step]:
        """Return the steps of all of them."""
        return [PartStep(step.text, part, step) for part, view in zip(self.parts, obs) for step in part.plan(view)]

    def apply(self, step: Step) -> None:
        """Do one step of one of them."""
        if isinstance(step, PartStep):
            step.part.apply(step.step)

    def settle(self, before: list[View], steps: list[Step]) -> list[View]:
        """Look again at those that were changed."""
        return [part.settle(view, _own(part, steps)) for part, view in zip(self.parts, before)]

    def result(self, obs: list[View], steps: list[Step]) -> dict[str, Any]:
        """Return the result of each."""
        results = [
            {"name": part.params["name"], "kind": part.params["kind"], **part.result(view, _own(part, steps))}
            for part, view in zip(self.parts, obs)
        ]
        return {"processes": results, "to_restart": [result["name"] for result in results if result["restart_needed"]]}

    def diff(self, before: list[View], after: list[View] | None, steps: list[Step]) -> list[dict[str, str]]:
        """Return the differences of each that has some."""
        differences: list[dict[str, str]] = []
        for number, part in enumerate(self.parts):
            if own := _own(part, steps):
                differences += part.diff(before[number], after[number] if after else None, own)
        return differences


class KnownProcesses(Processes):
    """The same as far as the installed program has been asked before: to ask it again would cost more than it saves."""

    def observe(self) -> list[View]:
        """Look at those whose file the installed program knows; they may refuse what the run would come to later."""
        for part in self.parts:
            part.sample = recall_sample(*part.program, part.wanted.path, part.secrets)
        known = [part for part in self.parts if part.sample is not None]
        views = [part.observe() for part in known]
        if known != self.parts:
            raise Unsettled("the installed program has not accepted all of this before")
        return views

    def is_converged(self, obs: list[View]) -> bool:
        """Return whether all are as declared, and no restart and no end of a password is awaited."""
        return super().is_converged(obs) and all(
            view.live is not None
            and not (part.rotating or view.plan.restart or view.plan.warnings or is_pending(part.wanted.path))
            and is_started(part.params["unit"] or "")
            for part, view in zip(self.parts, obs)
        )


def _own(part: Instance, steps: list[Step]) -> list[Step]:
    return [step.step for step in steps if isinstance(step, PartStep) and step.part is part]
