#!/usr/bin/python
# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: files
version_added: 0.1.0
short_description: Write all small files of a host at once
author: quorum.redis contributors (@quorum)
description:
  - Writes unit files, programs, masks and the like, all in one module execution.
  - Everything is checked before the first file is written. Each file is replaced at once or not at all.
  - Missing parent directories are made with mode V(0755).
  - In check mode an owner or group that does not exist yet is taken as one that the run would make.
extends_documentation_fragment:
  - quorum.redis.attributes
  - quorum.redis.files
"""

EXAMPLES = r"""
- name: Write the units and mask the package's own
  quorum.redis.files:
    files:
      - path: /etc/systemd/system/redis-server@.service
        content: "{{ lookup('ansible.builtin.template', 'redis-server@.service.j2') }}"
      - path: /etc/systemd/system/redis-server.service
        link: /dev/null
  register: written
"""

RETURN = r"""
paths:
  description: The paths that were changed, or would be in check mode.
  returned: success
  type: list
  elements: str
  sample: [/etc/systemd/system/redis-server.service]
places:
  description:
    - The places of these in O(files), from 0. Ansible masks every value of C(secrets) in what a module returns, so that
      a user with the name C(exporter) made another path of each that has this word in it.
  returned: success
  type: list
  elements: int
  sample: [0]
steps:
  description: What was done, or would be in check mode, one sentence each.
  returned: always
  type: list
  elements: str
"""

from typing import Any, List

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._core.reconcile import Reconciler, Step
from ..module_utils._host.file_steps import Pair, WriteFile, plan_files
from ..module_utils._host.files import parse_files, survey_files
from ..module_utils._model.file_changes import show_diff
from ..module_utils._module.options import FILES_OPTIONS
from ..module_utils._module.runner import MaskedModule, run

Pairs = List[Pair]


class Files(Reconciler[Pairs]):
    """All the files of one call."""

    def __init__(self, module: AnsibleModule) -> None:
        """Read the options."""
        super().__init__()
        self.module = module
        self.wanted = parse_files(module.params["files"])

    def observe(self) -> Pairs:
        """Look at every path, and refuse now what cannot be done."""
        return survey_files(self.wanted, sure=not self.module.check_mode)

    def plan(self, obs: Pairs) -> list[Step]:
        """One step for each path that differs."""
        return plan_files(obs)

    def apply(self, step: Step) -> None:
        """Write one file."""
        if isinstance(step, WriteFile):
            step.write_file(self.module)

    def settle(self, before: Pairs, steps: list[Step]) -> Pairs:
        """A written file is as it was written."""
        return before

    def result(self, obs: Pairs, steps: list[Step]) -> dict[str, Any]:
        """Name the paths, and their places: in a path Ansible masks what is a secret too, as a user of that name."""
        paths = [step.want.path for step in steps if isinstance(step, WriteFile)]
        return {"paths": paths, "places": [at for at, want in enumerate(self.wanted) if want.path in paths]}

    def diff(self, before: Pairs, after: Pairs | None, steps: list[Step]) -> list[dict[str, str]]:
        """One diff for each path."""
        return [show_diff(step.seen, step.want) for step in steps if isinstance(step, WriteFile)]


def main() -> None:
    """Run the module."""
    run(MaskedModule(FILES_OPTIONS, supports_check_mode=True), Files, needs_library=False)


if __name__ == "__main__":
    main()
