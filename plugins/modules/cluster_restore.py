#!/usr/bin/python
# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Put a backup in place of the data of one server of a cluster."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_restore
short_description: Put a backup in place of the data of one server of a cluster
version_added: 0.1.0
description:
  - Works on the files of one server, which must be stopped for C(placed) and C(undone). Who stops and starts whom, and
    which part of a backup belongs to which server, is the business of the role
    P(quorum.redis.redis_restore#role).
  - C(nodes.conf), with the identity of the server and its slots, is never touched.
author:
  - quorum.redis contributors (@quorum)
extends_documentation_fragment:
  - quorum.redis.attributes
options:
  name:
    description: Name of the server, as in its unit C(redis-server@NAME).
    type: str
    required: true
  backup:
    description: Directory of the backup of one shard, on this host. Without it the server gets no data.
    type: path
  state:
    description:
      - C(staged) looks at the check sums of the backup and lays it, unpacked, beside the data; in check mode the engine
        loads it into a server of its own, its keys are counted, and nothing stays.
      - C(placed) puts the data aside and the backup in its place, as C(dump.rdb) or as the base of the append only
        file, as the configuration of the server wants it.
      - C(settled) removes what was put aside.
      - C(undone) brings back what was put aside, in whatever state a run was cut short.
    type: str
    choices: [staged, placed, settled, undone]
    required: true
  here:
    description: Name of this host in messages.
    type: str
    default: this host
  data:
    description: Data directory; C(/var/lib/redis/NAME) when absent.
    type: path
  config:
    description: Configuration of the server; C(/etc/redis/NAME.conf) when absent.
    type: path
  binary:
    description: The installed engine.
    type: path
    default: /usr/bin/redis-server
  user:
    description: The user of the service.
    type: str
    default: redis
  memory_reserve:
    description: Percent of the memory that stay free while the backup is loaded.
    type: int
    default: 5
  wait:
    description: Seconds that loading may take.
    type: int
    default: 3600
seealso:
  - module: quorum.redis.cluster_backup
  - module: quorum.redis.restore
"""

EXAMPLES = r"""
- name: Prove a backup
  quorum.redis.cluster_restore:
    name: cart-7000
    backup: /var/backups/redis/cart/20261129T101112Z-c4-7000
    state: staged
  check_mode: true
"""

RETURN = r"""
begun:
  description: Whether data was put aside and neither removed nor brought back yet.
  returned: success
  type: bool
backup:
  description: Name of the backup.
  returned: success
  type: str
  sample: 20261129T101112Z-c4-7000
key_count:
  description: How many keys are in it.
  returned: success
  type: int
expires:
  description: How many of these expire.
  returned: success
  type: int
steps:
  description: What was done, or would be in check mode, one sentence each.
  returned: always
  type: list
  elements: str
"""

from typing import Any, Dict

from ..module_utils._module.runner import MaskedModule, run
from ..module_utils._restore.shard import Shard


def main() -> None:
    """Run the module."""
    spec: Dict[str, Any] = {
        "name": {"type": "str", "required": True},
        "backup": {"type": "path"},
        "state": {"type": "str", "required": True, "choices": ["staged", "placed", "settled", "undone"]},
        "here": {"type": "str", "default": "this host"},
        "data": {"type": "path"},
        "config": {"type": "path"},
        "binary": {"type": "path", "default": "/usr/bin/redis-server"},
        "user": {"type": "str", "default": "redis"},
        "memory_reserve": {"type": "int", "default": 5},
        "wait": {"type": "int", "default": 3600},
    }
    run(MaskedModule(argument_spec=spec, supports_check_mode=True), Shard)


if __name__ == "__main__":
    main()
