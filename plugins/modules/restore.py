#!/usr/bin/python
# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Put the data of a backup in place of the data of a data set."""

from __future__ import annotations

DOCUMENTATION = r"""
module: restore
short_description: Put a backup in place of the data of a data set
version_added: 0.1.0
description:
  - The data of the set, on all its members, becomes that of a backup. What was there before is kept as a backup.
  - It runs on the host of the primary. The backup is loaded there into a server of its own, and counted, while the set
    goes on with reads and writes. Only when it is proven do the writes stop and the primary takes it, as a replica
    takes the data of its primary. The other members keep what was there before until the primary is done.
  - The AOF stays on; it is rewritten before the primary accepts writes.
  - Sentinels are told to wait longer meanwhile, so that they do not fail over, and have their own
    C(down-after-milliseconds) back afterwards in every case.
  - Everything is verified before anything is changed, which is the check sums, the version of the RDB against the
    engine of every member, the room on disk and in memory, and the set itself.
  - When a step fails, the set goes on with the data of before, or, where all of the backup has arrived, with that.
    When the module itself is killed, a process that it left on the host does the same. When the host dies too, the
    next run does it first.
author:
  - quorum.redis contributors (@quorum)
extends_documentation_fragment:
  - quorum.redis.attributes
  - quorum.redis.connection.members
  - quorum.redis.connection
options:
  backup:
    description:
      - Directory of the backup, with its C(manifest.json), on the host where the module runs. Required unless O(end).
    type: path
  end:
    description:
      - Only end a restore that was cut short, forward where all of its data has arrived, else back. It must run on the
        host where that restore ran. Nothing is done where none was cut short.
    type: bool
    default: false
  here:
    description:
      - Host, as named in O(members), where the module runs. It must be that of the primary.
    type: str
    required: true
  keep:
    description:
      - Directory of backups, such as V(/var/backups/redis). What the set holds now becomes a backup there. Without it,
        it is lost.
    type: path
  data:
    description:
      - Data directory of the server; V(/var/lib/redis/NAME) when left out. The backup is unpacked there for a while.
    type: path
  binary:
    description:
      - Program of the engine.
    type: path
    default: /usr/bin/redis-server
  user:
    description:
      - Account that the servers run as.
    type: str
    default: redis
  rooms:
    description:
      - What room each other member has, as M(quorum.redis.room) returns it where its data is. A member without is
        warned of.
    type: list
    elements: dict
    default: []
    suboptions:
      host:
        description: Name of the member.
        type: str
        required: true
      disk_free:
        description: Bytes that are free where its data is.
        type: int
        required: true
      memory_free:
        description: Bytes of memory that are available.
        type: int
        required: true
      memory_total:
        description: Bytes of memory of its host.
        type: int
        required: true
  memory_reserve:
    description:
      - Percent of the memory of each host that must stay free while the backup is loaded.
    type: int
    default: 5
  wait:
    description:
      - Seconds that loading, the transfer to the primary, and the synchronisation of the replicas may take each.
    type: int
    default: 3600
seealso:
  - module: quorum.redis.failover
  - module: quorum.redis.replication
"""

EXAMPLES = r"""
- name: Put a backup in place of the data of main
  quorum.redis.restore:
    name: main
    backup: /var/backups/redis/main/20261122T101112Z-r2
    here: r1
    keep: /var/backups/redis
    members:
      - {host: r1, address: 192.0.2.1, port: 6379}
      - {host: r2, address: 192.0.2.2, port: 6379}
    sentinels:
      - {host: r1, address: 192.0.2.1, port: 26379}
      - {host: r2, address: 192.0.2.2, port: 26379}
      - {host: r3, address: 192.0.2.3, port: 26379}
    connection: {password: "{{ redis_password }}"}
    sentinel_password: "{{ redis_sentinel_password }}"
"""

RETURN = r"""
steps:
  description: What was done, or would be done in check mode; a sentence each.
  returned: always
  type: list
  elements: str
ended:
  description: How a restore that was cut short has ended; empty when there was none, and in check mode.
  returned: when O(end=true)
  type: str
backup:
  description: Name of the backup.
  returned: success
  type: str
  sample: 20261122T101112Z-r2
backup_databases:
  description: What is in the backup, keys and expiring keys of each database.
  returned: when O(end=false)
  type: dict
  sample: {"0": {"key_count": 1200, "expires": 3}}
before:
  description: Keys of each database of the primary before.
  returned: when the set was looked at before it was restored
  type: dict
  sample: {"0": 7}
present:
  description: Keys of each database of each member now.
  returned: when O(end=false)
  type: dict
  sample: {r1: {"0": 1200}, r2: {"0": 1200}}
numbers:
  description: In words, what each member holds now, and what it will hold, or does when it was restored.
  returned: when O(end=false)
  type: dict
  sample: {now: {r1: 7 keys, r2: 7 keys}, then: "1200 keys"}
primary:
  description: Host of the primary.
  returned: when the set was looked at before it was restored
  type: str
  sample: r1
kept:
  description: Directory of the backup of what was there before; empty when nothing was there or nothing was kept.
  returned: success
  type: str
  sample: /var/backups/redis/main/20261122T120000Z-r1
gap_ms:
  description: Milliseconds for which writes were not possible.
  returned: when it was restored
  type: int
  sample: 840
timings:
  description: How long each step took, as step and ms.
  returned: when it was restored
  type: list
  elements: dict
ansible_stats:
  description: C(redis_restored), for artifacts of AWX, as C(set_stats) gives them; C(docs/awx.md) has its keys.
  returned: when it was restored or ended
  type: dict
"""

from typing import Any, Dict

from ..module_utils._module.options import SET_OPTIONS
from ..module_utils._module.runner import MaskedModule, run
from ..module_utils._restore.finish import End
from ..module_utils._restore.reconciler import Restore

ROOM: Dict[str, Any] = {
    "host": {"type": "str", "required": True},
    **{key: {"type": "int", "required": True} for key in ("disk_free", "memory_free", "memory_total")},
}


def main() -> None:
    """Run the module."""
    spec: Dict[str, Any] = {
        **SET_OPTIONS,
        "backup": {"type": "path"},
        "end": {"type": "bool", "default": False},
        "here": {"type": "str", "required": True},
        "keep": {"type": "path"},
        "data": {"type": "path"},
        "binary": {"type": "path", "default": "/usr/bin/redis-server"},
        "user": {"type": "str", "default": "redis"},
        "rooms": {"type": "list", "elements": "dict", "default": [], "options": ROOM},
        "memory_reserve": {"type": "int", "default": 5},
        "wait": {"type": "int", "default": 3600},
    }
    module = MaskedModule(argument_spec=spec, supports_check_mode=True, required_if=[("end", False, ["backup"])])
    if module.params["end"]:
        run(module, End)
    else:
        run(module, Restore)


if __name__ == "__main__":
    main()
