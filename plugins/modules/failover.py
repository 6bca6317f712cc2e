#!/usr/bin/python
# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Move the primary of a data set to another member without losing a write."""

from __future__ import annotations

DOCUMENTATION = r"""
module: failover
short_description: Move the primary without losing a write
version_added: 0.1.0
description:
  - Another member becomes the primary of the data set, with or without Sentinels, and no acknowledged write is lost.
  - Writes stop on the old primary, for a moment and with an end of its own; the new one is seen to have them all; the
    old one becomes read-only; then the new one is promoted, by the Sentinels where there are some.
  - Before it begins, it looks whether the move can succeed. If the member is not in sync, if the Sentinels do not
    agree, have no quorum, or move something already, it fails, changes nothing, and shows who says what.
  - When a step fails, it takes everything back. The old primary goes on, and the message names the step. When the
    module itself is killed, a process that it left on the host does the same; when the host dies too, the next run.
  - A plain C(SENTINEL FAILOVER) loses what the old primary acknowledges in the 10 seconds after it.
  - Without O(to) and O(avoid) each run moves the primary. With them a set that is as asked for is left alone.
  - It speaks to all members from one place, so one execution for each data set is enough (C(run_once)).
author:
  - quorum.redis contributors (@quorum)
extends_documentation_fragment:
  - quorum.redis.attributes
  - quorum.redis.connection.members
  - quorum.redis.connection
options:
  to:
    description:
      - Host of the member that shall be the primary. The default is the best one, which has the lowest
        C(replica-priority), and among equals the least lag.
    type: str
  avoid:
    description:
      - Hosts that shall not be the primary. When the primary is none of them, nothing is to be done.
    type: list
    elements: str
    default: []
  zones:
    description:
      - Failure domain of each host. A member in another one than the old primary's is preferred.
    type: dict
    default: {}
  max_lag:
    description:
      - Bytes that the new primary may be behind before it begins.
    type: int
    default: 10485760
  limit:
    description:
      - Milliseconds for which writes are stopped at most, if the move goes no further. It is never more than half of
        Sentinel's C(down-after-milliseconds).
    type: int
    default: 3000
  method:
    description:
      - V(pause) stops the writes with C(CLIENT PAUSE), which ends by itself. It needs Redis 6.2 or Valkey.
      - V(fence) stops them with C(min-replicas-to-write), for Redis 6.0.
      - V(coordinated) is C(SENTINEL FAILOVER ... COORDINATED) of Valkey 9.
      - V(auto) takes the best one that servers and Sentinels know.
    type: str
    choices: [auto, pause, fence, coordinated]
    default: auto
  mixed:
    description:
      - Allow a new primary with a newer version than other members have. For the last step of a rolling upgrade only,
        because a full sync from a newer version to an older one fails.
    type: bool
    default: false
  dead_primary:
    description:
      - The primary is dead for good and there is no Sentinel. Promotes the replica with the highest offset, or O(to).
        What only the dead primary knew is lost. Should it come back, it finds another primary and follows it.
    type: bool
    default: false
  wait:
    description:
      - Seconds to wait for the Sentinels and the replicas after the switch.
      - Before it, the module waits as long for a Sentinel to leave TILT mode.
    type: int
    default: 60
seealso:
  - module: quorum.redis.replication
  - module: quorum.redis.instance_info
"""

EXAMPLES = r"""
- name: Move the primary to r2
  quorum.redis.failover:
    name: main
    to: r2
    members:
      - {host: r1, address: 192.0.2.1, port: 6379}
      - {host: r2, address: 192.0.2.2, port: 6379}
      - {host: r3, address: 192.0.2.3, port: 6379}
    sentinels:
      - {host: r1, address: 192.0.2.1, port: 26379}
      - {host: r2, address: 192.0.2.2, port: 26379}
      - {host: r3, address: 192.0.2.3, port: 26379}
    connection: {password: "{{ redis_password }}"}
    sentinel_password: "{{ redis_sentinel_password }}"
  run_once: true

- name: Make sure that the host to be restarted is not the primary
  quorum.redis.failover:
    name: main
    avoid: ["{{ inventory_hostname }}"]
    members: "{{ members }}"
    connection: {password: "{{ redis_password }}"}
"""

RETURN = r"""
steps:
  description: What was done, or would be done in check mode; a sentence each.
  returned: always
  type: list
  elements: str
  sample: ["r1 (192.0.2.1:6379): pause writes, for at most 2500 ms, until r2 has them all"]
primary:
  description: The primary now, as host, address and port; in check mode the one that it would be.
  returned: success
  type: dict
  sample: {host: r2, address: 192.0.2.2, port: 6379}
old_primary:
  description: The primary before.
  returned: success
  type: dict
  sample: {host: r1, address: 192.0.2.1, port: 6379}
method:
  description: How it was moved; empty when there was nothing to move.
  returned: success
  type: str
  sample: pause
gap_ms:
  description: Milliseconds from the end of the writes on the old primary to the new one accepting writes.
  returned: when the primary was moved as planned
  type: int
  sample: 420
named_ms:
  description: Milliseconds from the end of the writes on the old primary to every Sentinel naming the new one.
  returned: when the primary was moved as planned
  type: int
  sample: 510
offsets:
  description: Replication offsets at the switch; that of the new primary is never below that of the fence.
  returned: when the primary was moved
  type: dict
  sample: {fence: 120834, old: 120834, target: 120834}
timings:
  description: How long each step took, as step and ms.
  returned: when the primary was moved
  type: list
  elements: dict
ansible_stats:
  description: C(redis_moved), for artifacts of AWX, as C(set_stats) gives them; C(docs/awx.md) has its keys.
  returned: when the primary was moved, or nothing was to be moved
  type: dict
"""

from typing import Any, Dict

from ..module_utils._failover.reconciler import Failover
from ..module_utils._module.options import SET_OPTIONS
from ..module_utils._module.runner import MaskedModule, run


def main() -> None:
    """Run the module."""
    spec: Dict[str, Any] = {
        **SET_OPTIONS,
        "to": {"type": "str"},
        "avoid": {"type": "list", "elements": "str", "default": []},
        "zones": {"type": "dict", "default": {}},
        "max_lag": {"type": "int", "default": 10485760},
        "limit": {"type": "int", "default": 3000},
        "method": {"type": "str", "default": "auto", "choices": ["auto", "pause", "fence", "coordinated"]},
        "mixed": {"type": "bool", "default": False},
        "dead_primary": {"type": "bool", "default": False},
        "wait": {"type": "int", "default": 60},
    }
    module = MaskedModule(argument_spec=spec, supports_check_mode=True)
    run(module, Failover)


if __name__ == "__main__":
    main()
