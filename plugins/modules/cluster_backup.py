#!/usr/bin/python
# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Begin the backup of a whole cluster, and end it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_backup
short_description: Begin the backup of a whole cluster, and end it
version_added: 0.1.0
description:
  - A backup of a cluster is one of each shard. Executed once, this module chooses the replica in sync with the smallest
    lag of each shard, waits up to 60 seconds until each has what its primary had when it was looked at, and begins a
    save on all of them at the same moment. M(quorum.redis.backup) then takes and proves the file of each, on its host,
    with O(quorum.redis.backup#module:save).
  - Executed again with O(begun) and O(parts), on each host that has a part, it looks whether slots and primaries are
    where they were, and writes the manifest of the whole, C(NAME.json), with the slot map, beside the parts. A set of
    parts without it is no backup of the cluster.
  - It is refused while a slot is open, has two owners or no living one, and while a shard has nobody to be backed up.
  - There is no moment that all shards have in common. RV(begun.spread_ms) says within which time the saves began.
author:
  - quorum.redis contributors (@quorum)
extends_documentation_fragment:
  - quorum.redis.attributes
  - quorum.redis.connection.cluster
  - quorum.redis.connection
options:
  primary:
    description: Whether the primary of a shard may be backed up when none of its replicas is in sync.
    type: bool
    default: false
  hosts:
    description: The hosts that take part; members on others are not chosen. All when absent.
    type: list
    elements: str
  begun:
    description: What the first execution returned.
    type: dict
  parts:
    description: The manifests that M(quorum.redis.backup) returned for the shards.
    type: list
    elements: dict
    default: []
  directory:
    description: The manifest is O(directory)/O(name)/C(NAME.json).
    type: path
    default: /var/backups/redis
  user:
    description: The user of the service; as in M(quorum.redis.backup).
    type: str
    default: redis
  wait:
    description: Seconds to wait for saves and rewrites that run already.
    type: int
    default: 3600
seealso:
  - module: quorum.redis.backup
  - module: quorum.redis.cluster
"""

EXAMPLES = r"""
- name: Begin a save on a replica of each shard, all at once
  quorum.redis.cluster_backup:
    name: cart
    members: "{{ members_of_cart }}"
    connection: {password: "{{ redis_password }}"}
  run_once: true
  register: saved

- name: Take and prove what was saved on this host
  quorum.redis.backup:
    name: cart
    here: "{{ item.label }}"
    members:
      - {host: "{{ item.label }}", address: "{{ item.source.address }}", port: "{{ item.source.port }}"}
    save: "{{ item.save }}"
    connection: {password: "{{ redis_password }}"}
  loop: "{{ saved.begun.shards | selectattr('host', 'eq', inventory_hostname) }}"
  register: parts
"""

RETURN = r"""
begun:
  description: What was begun, for the second execution. Empty in check mode.
  returned: without O(begun)
  type: dict
  contains:
    name: {description: Name of the backup., type: str, returned: always, sample: 20261129T101112Z}
    began: {description: When it began., type: str, returned: always}
    spread_ms: {description: Milliseconds between the first and the last save., type: int, returned: always}
    map: {description: The slots of every primary by its identity., type: dict, returned: always}
    shards: {description: "For each shard its slots, its primary, what is backed up, and its save.", type: list,
      elements: dict, returned: always}
    nodes: {description: All members., type: list, elements: dict, returned: always}
progress:
  description: What was waited for.
  returned: without O(begun)
  type: list
  elements: str
manifest:
  description: The manifest of the whole backup.
  returned: with O(begun)
  type: dict
path:
  description: Where it is.
  returned: with O(begun)
  type: str
steps:
  description: What was done, or would be in check mode, one sentence each.
  returned: always
  type: list
  elements: str
ansible_stats:
  description: C(redis_backups), for artifacts of AWX, as C(set_stats) gives them; C(docs/awx.md) has its keys.
  returned: with O(begun)
  type: dict
"""

from typing import Any, Dict

from ..module_utils._cluster_backup.reconciler import ClusterBackup
from ..module_utils._module.options import CLUSTER_OPTIONS
from ..module_utils._module.runner import MaskedModule, run


def main() -> None:
    """Run the module."""
    spec: Dict[str, Any] = {
        **CLUSTER_OPTIONS,
        "primary": {"type": "bool", "default": False},
        "hosts": {"type": "list", "elements": "str"},
        "begun": {"type": "dict"},
        "parts": {"type": "list", "elements": "dict", "default": []},
        "directory": {"type": "path", "default": "/var/backups/redis"},
        "user": {"type": "str", "default": "redis"},
        "wait": {"type": "int", "default": 3600},
    }
    run(MaskedModule(argument_spec=spec, supports_check_mode=True), ClusterBackup)


if __name__ == "__main__":
    main()
