#!/usr/bin/python
# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: restart
version_added: 0.1.0
short_description: Restart one server or Sentinel and wait until it is in sync again
author: quorum.redis contributors (@quorum)
description:
  - Restarts one unit, then waits until the process has loaded its data, its link to the primary is up, and it has
    everything that the primary had when the restart began.
  - Never restarts a primary that has replicas, nor one whose data would not survive; RV(skipped_primary) says so.
  - A member of a cluster is awaited until all O(members) answer, none says that another one has failed, and the state
    of the cluster is ok for each of them.
  - A Sentinel is awaited until it watches what it watched before and sees the quorum that it saw before.
options:
  kind:
    description: What the unit runs.
    type: str
    choices: [server, sentinel]
    default: server
  unit:
    description: The systemd unit.
    type: str
    required: true
  name:
    description: Name of the instance, for messages.
    type: str
    required: true
  members:
    description: The members of the data set. A primary of more than one member is never restarted.
    type: list
    elements: dict
    default: []
    suboptions:
      host:
        description: Name in the inventory.
        type: str
        required: true
      address:
        description: Address that the other members reach it by.
        type: str
        required: true
      port:
        description: TCP port.
        type: int
        required: true
      other_port:
        description: Not used here.
        type: int
  wait:
    description: Seconds that the whole may take.
    type: int
    default: 600
  patience:
    description:
      - Seconds after which the module comes back although the process is not in sync, with RV(resume).
      - The action plugin of this module sets it, to show on the controller how far a long synchronisation is.
    type: int
  resume:
    description: What an earlier call has returned as RV(resume). Nothing is restarted; the wait goes on.
    type: dict
  command:
    description: The command that restarts the unit; the name of the unit is put behind it.
    type: list
    elements: str
    default: [systemctl, restart]
extends_documentation_fragment:
  - quorum.redis.attributes
  - quorum.redis.connection
  - quorum.redis.connection.server
"""

EXAMPLES = r"""
- name: Restart the replica on this host
  quorum.redis.restart:
    unit: redis-server@main.service
    name: main
    connection: {password: "{{ redis_password }}"}
"""

RETURN = r"""
skipped_primary:
  description: Whether it was left alone because it is a primary that must be moved first.
  returned: success
  type: bool
why:
  description: Why it was left alone, empty otherwise.
  returned: success
  type: str
seconds:
  description: How long it took until all was well again.
  returned: success
  type: float
progress:
  description: The states that it went through, with the seconds since the restart.
  returned: success
  type: list
  elements: str
  sample: [0.0 s restarting, 0.2 s loading, 1.3 s link to 192.0.2.1:6379 down, 2.4 s in sync]
resume:
  description: What a further call needs to go on waiting.
  returned: when O(patience) ended before the process was in sync
  type: dict
share:
  description: How much of the load or of the full synchronisation is done, where the server knows it.
  returned: when O(patience) ended before the process was in sync
  type: str
  sample: 43 %, 1228.5 of 2841.0 MiB
steps:
  description: What was done, or would be in check mode, one sentence each.
  returned: always
  type: list
  elements: str
ansible_stats:
  description: C(redis_restarted), for artifacts of AWX, as C(set_stats) gives them; C(docs/awx.md) has its keys.
  returned: when it was restarted
  type: dict
"""

from typing import Any

from ..module_utils._lifecycle.restart import Restart
from ..module_utils._module.options import MEMBER_OPTIONS, SERVER_OPTIONS
from ..module_utils._module.runner import MaskedModule, run

OPTIONS: dict[str, Any] = {
    **SERVER_OPTIONS,
    "kind": {"type": "str", "choices": ["server", "sentinel"], "default": "server"},
    "unit": {"type": "str", "required": True},
    "name": {"type": "str", "required": True},
    "members": {"type": "list", "elements": "dict", "default": [], "options": MEMBER_OPTIONS},
    "wait": {"type": "int", "default": 600},
    "patience": {"type": "int"},
    "resume": {"type": "dict"},
    "command": {"type": "list", "elements": "str", "default": ["systemctl", "restart"]},
}


def main() -> None:
    """Run the module."""
    run(MaskedModule(OPTIONS, supports_check_mode=True), Restart)


if __name__ == "__main__":
    main()
