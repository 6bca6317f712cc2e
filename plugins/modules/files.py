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
options:
  files:
    description: What shall be there, or shall not.
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description: Absolute path.
        type: path
        required: true
      content:
        description: The whole text of a regular file.
        type: str
      link:
        description: Target of a symbolic link, for example V(/dev/null) for the mask of a unit.
        type: str
      state:
        description: V(absent) removes a file or link; the default is to have it.
        type: str
        choices: [present, absent]
        default: present
      mode:
        description: Octal mode of a regular file.
        type: str
        default: '0644'
      owner:
        description: Owner of a regular file.
        type: str
        default: root
      group:
        description: Group of a regular file.
        type: str
        default: root
      secrets:
        description:
          - Further keys of the JSON object in O(files[].content). Their values are in no output.
          - The values of all keys that end in C(password) or C(passwords) are shown as V(********) in the diff.
        type: dict
extends_documentation_fragment:
  - quorum.redis.attributes
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
steps:
  description: What was done, or would be in check mode, one sentence each.
  returned: always
  type: list
  elements: str
"""

from typing import Any, List, Tuple

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._core.errors import BadConfig
from ..module_utils._core.reconcile import Reconciler, Step
from ..module_utils._host.files import (
    Seen,
    Wanted,
    check,
    describe,
    diff,
    differences,
    look,
    put,
    wanted,
)
from ..module_utils._module.runner import MaskedModule, run

Pairs = List[Tuple[Seen, Wanted]]

OPTIONS: dict[str, Any] = {
    "files": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "path": {"type": "path", "required": True},
            "content": {"type": "str"},
            "link": {"type": "str"},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "mode": {"type": "str", "default": "0644"},
            "owner": {"type": "str", "default": "root"},
            "group": {"type": "str", "default": "root"},
            "secrets": {"type": "dict", "no_log": True},
        },
    },
}


class Files(Reconciler[Pairs]):
    """All the files of one call."""

    def __init__(self, module: AnsibleModule) -> None:
        """Read the options."""
        super().__init__()
        self.module = module
        self.wanted = [wanted(option) for option in module.params["files"]]
        paths = [want.path for want in self.wanted]
        twice = sorted({path for path in paths if paths.count(path) > 1})
        if twice:
            raise BadConfig(f"{', '.join(twice)} is given more than once", todo="Nothing was changed")

    def observe(self) -> Pairs:
        """Look at every path, and refuse now what cannot be done."""
        pairs = [(look(want.path), want) for want in self.wanted]
        for seen, want in pairs:
            check(seen, want, sure=not self.module.check_mode)
        return pairs

    def plan(self, obs: Pairs) -> list[Step]:
        """One step for each path that differs."""
        return [Step(describe(*pair), {"pair": pair}) for pair in obs if differences(*pair)]

    def apply(self, step: Step) -> None:
        """Write one file."""
        seen, want = step.data["pair"]
        put(seen, want, lambda path: self.module.set_default_selinux_context(path, False))

    def settle(self, before: Pairs, steps: list[Step]) -> Pairs:
        """A written file is as it was written."""
        return before

    def result(self, obs: Pairs, steps: list[Step]) -> dict[str, Any]:
        """Name the paths."""
        return {"paths": [step.data["pair"][1].path for step in steps]}

    def diff(self, before: Pairs, after: Pairs | None, steps: list[Step]) -> list[dict[str, str]]:
        """One diff for each path."""
        return [diff(*step.data["pair"]) for step in steps]


def main() -> None:
    """Run the module."""
    run(MaskedModule(OPTIONS, supports_check_mode=True), Files, needs_library=False)


if __name__ == "__main__":
    main()
