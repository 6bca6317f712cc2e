#!/usr/bin/python
# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""See how much room a host has."""

from __future__ import annotations

DOCUMENTATION = r"""
module: room
short_description: See how much room a host has
version_added: 0.1.0
description:
  - Returns what is free on the file system of a path, and in the memory of the host where it runs.
  - With O(needed) it fails when that is not free, so that a copy does not fill a disk.
author:
  - quorum.redis contributors (@quorum)
extends_documentation_fragment:
  - quorum.redis.attributes
options:
  path:
    description:
      - A file or directory. Of one that is not there yet, the nearest directory above counts.
    type: path
    required: true
  host:
    description:
      - What to call the host in the result and in an error.
    type: str
    required: true
  needed:
    description:
      - Bytes that must be free there, with 16 MiB more that are left.
    type: int
    default: 0
seealso:
  - module: quorum.redis.restore
"""

EXAMPLES = r"""
- name: See that a backup of a gibibyte fits
  quorum.redis.room:
    path: /var/lib/redis/main
    host: "{{ inventory_hostname }}"
    needed: 1073741824
"""

RETURN = r"""
room:
  description: What is free, in bytes.
  returned: success
  type: dict
  contains:
    host:
      description: The host, as named in O(host).
      returned: always
      type: str
    disk_free:
      description: Free on the file system of O(path).
      returned: always
      type: int
    memory_free:
      description: Memory that could be had without swapping.
      returned: always
      type: int
    memory_total:
      description: Memory of the host.
      returned: always
      type: int
"""

from dataclasses import asdict
from typing import Any, Dict, List

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._core.errors import Refused
from ..module_utils._core.reconcile import Reconciler, Step
from ..module_utils._host.capacity import measure_capacity
from ..module_utils._model.capacity import SPARE, Capacity, missing_capacity
from ..module_utils._module.runner import MaskedModule, run


class Look(Reconciler[Capacity]):
    """One host, only looked at."""

    def __init__(self, module: AnsibleModule) -> None:
        """Take the options."""
        super().__init__()
        self.params: Dict[str, Any] = module.params

    def observe(self) -> Capacity:
        """Look at it."""
        return measure_capacity(self.params["host"], self.params["path"])

    def plan(self, obs: Capacity) -> List[Step]:
        """Plan nothing; refuse where it is too tight."""
        needed = self.params["needed"]
        wrong = missing_capacity(obs, needed + SPARE if needed else 0, 0, "")
        if wrong:
            raise Refused(wrong[0], self.params["path"], "Nothing was copied. Free space there")
        return []

    def result(self, obs: Capacity, steps: List[Step]) -> Dict[str, Any]:
        """Return what is free."""
        return {"room": asdict(obs)}


def main() -> None:
    """Run the module."""
    spec: Dict[str, Any] = {
        "path": {"type": "path", "required": True},
        "host": {"type": "str", "required": True},
        "needed": {"type": "int", "default": 0},
    }
    run(MaskedModule(argument_spec=spec, supports_check_mode=True), Look, needs_library=False)


if __name__ == "__main__":
    main()
