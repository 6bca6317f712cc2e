#!/usr/bin/python
# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: start
version_added: 0.1.0
short_description: Start units of servers and Sentinels, and say why one does not start
author: quorum.redis contributors (@quorum)
description:
  - Starts each unit, and enables it for the next boot.
  - Where one does not start, the module fails with what the engine or the start guard says in its journal, and, for a
    known cause, with what to do.
options:
  units:
    description: The units, for example V(redis-server@main.service).
    type: list
    elements: str
    required: true
extends_documentation_fragment:
  - quorum.redis.attributes
"""

EXAMPLES = r"""
- name: Start the server of a data set
  quorum.redis.start:
    units: [redis-server@main.service]
"""

RETURN = r"""
steps:
  description: What was done, or would be in check mode, one sentence each.
  returned: always
  type: list
  elements: str
"""

from dataclasses import dataclass
from typing import Dict

from ..module_utils._core.reconcile import Module, Reconciler, Step
from ..module_utils._host.start import State, read_states, start_unit
from ..module_utils._module.runner import MaskedModule, run

View = Dict[str, State]


@dataclass
class StartUnit(Step):
    """Start and enable a unit."""

    unit: str


class Start(Reconciler[View]):
    """Some units of this host."""

    def __init__(self, module: Module) -> None:
        """Read the option."""
        super().__init__()
        self.units: list[str] = module.params["units"]

    def observe(self) -> View:
        """Look at all of them at once."""
        return read_states(self.units)

    def plan(self, obs: View) -> list[Step]:
        """One step for each unit that does not run, or would not after a boot."""
        return [
            StartUnit(f"{'enable' if state.active else 'start'} {unit}", unit)
            for unit, state in obs.items()
            if not (state.active and state.enabled)
        ]

    def apply(self, step: Step) -> None:
        """Start one."""
        if isinstance(step, StartUnit):
            start_unit(step.unit)

    def settle(self, before: View, steps: list[Step]) -> View:
        """A start that has not failed has succeeded."""
        return before


def main() -> None:
    """Run the module."""
    options = {"units": {"type": "list", "elements": "str", "required": True}}
    run(MaskedModule(options, supports_check_mode=True), Start, needs_library=False)


if __name__ == "__main__":
    main()
