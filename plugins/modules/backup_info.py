#!/usr/bin/python
# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""List the backups of a cluster that a host has."""

from __future__ import annotations

DOCUMENTATION = r"""
module: backup_info
short_description: List the backups of a cluster that a host has
version_added: 0.1.0
description:
  - Reads the manifests in a directory of backups. Those of whole clusters are written by
    M(quorum.redis.cluster_backup); parts are what the timers of hosts have made, each with what it belongs to.
  - What cannot be read is left out. Whether parts of several hosts are a whole backup says the filter
    P(quorum.redis.whole_backup#filter).
author:
  - quorum.redis contributors (@quorum)
extends_documentation_fragment:
  - quorum.redis.attributes
options:
  path:
    description: The directory of the backups of a cluster. One that is not there has none.
    type: path
    required: true
  host:
    description: What to call the host in the result.
    type: str
    required: true
seealso:
  - module: quorum.redis.cluster_backup
  - module: quorum.redis.cluster_restore
"""

EXAMPLES = r"""
- name: List the backups of a cluster
  quorum.redis.backup_info:
    path: /var/backups/redis/cart
    host: "{{ inventory_hostname }}"
"""

RETURN = r"""
host:
  description: The host, as named in O(host).
  returned: success
  type: str
wholes:
  description: The manifests of whole clusters.
  returned: success
  type: list
  elements: dict
parts:
  description: The manifests of the parts that timers have made.
  returned: success
  type: list
  elements: dict
"""

from dataclasses import asdict
from pathlib import Path
from typing import Any, Dict, List

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._backup.manifest import list_backups, read_manifest, read_wholes
from ..module_utils._core.errors import QuorumError
from ..module_utils._core.reconcile import Reconciler, Step
from ..module_utils._module.runner import MaskedModule, run


class Look(Reconciler[Dict[str, Any]]):
    """One directory, only looked at."""

    def __init__(self, module: AnsibleModule) -> None:
        """Take the options."""
        super().__init__()
        self.params: Dict[str, Any] = module.params

    def observe(self) -> Dict[str, Any]:
        """Read the manifests."""
        path = str(self.params["path"])
        parts = []
        for name in list_backups(path):
            try:
                manifest = read_manifest(str(Path(path) / name))
            except QuorumError:
                continue
            if manifest.part:
                parts.append(asdict(manifest))
        return {"host": self.params["host"], "wholes": read_wholes(path), "parts": parts}

    def plan(self, obs: Dict[str, Any]) -> List[Step]:
        """Plan nothing."""
        return []

    def result(self, obs: Dict[str, Any], steps: List[Step]) -> Dict[str, Any]:
        """Return them."""
        return obs


def main() -> None:
    """Run the module."""
    spec: Dict[str, Any] = {"path": {"type": "path", "required": True}, "host": {"type": "str", "required": True}}
    run(MaskedModule(argument_spec=spec, supports_check_mode=True), Look, needs_library=False)


if __name__ == "__main__":
    main()
