#!/usr/bin/python
# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: backup
version_added: 0.1.0
short_description: Back up one data set, and prove the backup
author: quorum.redis contributors (@quorum)
description:
  - Looks at all members and chooses the replica in sync with the smallest lag. Where the module runs on that member, it
    waits up to 60 seconds until it has what its primary had when it was looked at, saves a snapshot with
    C(BGSAVE), begun after the module started, copies it, lets the engine's checker read it, loads it into a throw-away
    server and compares the number of keys. On any other member it only names the chosen one.
  - The result is a directory with C(dump.rdb), C(manifest.json), and the configuration without its secrets. It is
    written under a temporary name and renamed when all is well; when anything is not, nothing is left of it.
  - A save that was running already and a rewrite of the AOF are waited for. A save that fails is told in the words of
    the engine.
options:
  name:
    description: The data set.
    type: str
    required: true
  here:
    description: The member that this module runs on, by its name in O(members).
    type: str
    required: true
  members:
    description: All members.
    type: list
    elements: dict
    required: true
    suboptions:
      host:
        description: Name of the member.
        type: str
        required: true
      address:
        description: Its address.
        type: str
        required: true
      port:
        description: Its port.
        type: int
        required: true
      other_port:
        description: Not used here.
        type: int
  member:
    description: The member to back up, instead of the one that would be chosen. It may be the primary.
    type: str
  primary:
    description: Whether the primary of several members may be chosen when no replica is in sync.
    type: bool
    default: false
  directory:
    description: The backup is O(directory)/O(name)/C(TIME-MEMBER).
    type: path
    default: /var/backups/redis
  compression:
    description: How the snapshot is compressed. V(zstd) needs the program of that name.
    type: str
    choices: [none, gzip, zstd]
    default: none
  load:
    description: Whether to load the snapshot into a throw-away server. It takes as much memory again for that time.
    type: bool
    default: true
  aof:
    description: Whether to copy the directory of the append only file too. It must be on; Redis 7 or Valkey.
    type: bool
    default: false
  fresh:
    description: Seconds; a good backup of this member and version that is not older is as good as a new one.
    type: int
    default: 0
  drill:
    description: >-
      Make no backup, but restore the newest one into a throw-away server, compare, and write the result into its
      manifest. A drill that fails fails the module.
    type: bool
    default: false
  trial_host:
    description:
      - Who loads the backup instead of the member. When it is made, its manifest says that this is left to that host.
      - With O(drill=true) the module runs on that host, on a copy of the backup; it changes nothing else and does not
        fail when the drill does, but returns RV(drill) for O(record).
    type: str
  record:
    description: What another host has found, to be written into the manifest of O(backup); nothing else is done then.
    type: dict
  backup:
    description: Name of the backup that O(record) is about, or O(drill) instead of the newest one.
    type: str
  save:
    description:
      - A shard of a cluster, O(here). The save was begun by M(quorum.redis.cluster_backup) already, with those of the
        other shards, and is what that module returned for this shard.
      - Its end is awaited, and the file must be that of this save.
    type: dict
    suboptions:
      name:
        description: The name of the backup of the cluster; with the member behind it it is that of this one.
        type: str
        required: true
      began:
        description: When it was begun, by the clock of the server.
        type: int
        required: true
      until:
        description: The last second, by the same clock, that its file can bear.
        type: int
        default: 0
      owed:
        description: Whether C(stop-writes-on-bgsave-error) was switched off for it.
        type: bool
        default: false
      info:
        description: What the server said of itself at that moment.
        type: dict
        required: true
  binary:
    description: The server program that checks and loads the snapshot. That of the running server when absent.
    type: path
  unit:
    description: The unit of the server, whose journal has the reason when a save fails.
    type: str
    default: ''
  user:
    description: >-
      The user of the service, whose rights the throw-away server has. Backups belong to the user C(redis-backup), or to
      root and the group of the service on a host that has no such user.
    type: str
    default: redis
  wait:
    description: Seconds that the save, and each proof, may take.
    type: int
    default: 3600
seealso:
  - module: quorum.redis.cluster_backup
  - module: quorum.redis.instance_info
extends_documentation_fragment:
  - quorum.redis.attributes
  - quorum.redis.connection
"""

EXAMPLES = r"""
- name: Back up the data set main on the member that this host is
  quorum.redis.backup:
    name: main
    here: "{{ inventory_hostname }}"
    member: "{{ inventory_hostname }}"
    members: "{{ redis_topology.instances[0].members }}"
    connection: {password: "{{ redis_password }}"}
    compression: zstd
"""

RETURN = r"""
member:
  description: The member that was chosen.
  returned: success
  type: str
why:
  description: Why this one.
  returned: success
  type: str
directory:
  description: The backup; empty when another member was chosen, and in check mode.
  returned: success
  type: str
  sample: /var/backups/redis/main/20261122T010203Z-db2
manifest:
  description: What C(manifest.json) says.
  returned: when there is a backup
  type: dict
fresh:
  description: Whether a backup that was there already was found fresh enough.
  returned: success
  type: bool
drill:
  description: How the drill went.
  returned: when O(drill=true) or O(record) is given, and it was done
  type: dict
progress:
  description: What was waited for and done, with the seconds since the begin.
  returned: success
  type: list
  elements: str
steps:
  description: What was done, or would be in check mode, one sentence each.
  returned: always
  type: list
  elements: str
ansible_stats:
  description: C(redis_backups), for artifacts of AWX, as C(set_stats) gives them; C(docs/awx.md) has its keys.
  returned: when there is a backup
  type: dict
"""

from typing import Any

from ..module_utils._backup.reconciler import Backup
from ..module_utils._module.options import CONNECTION_OPTIONS, MEMBER_OPTIONS
from ..module_utils._module.runner import MaskedModule, run

OPTIONS: dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "here": {"type": "str", "required": True},
    "members": {"type": "list", "elements": "dict", "required": True, "options": MEMBER_OPTIONS},
    "member": {"type": "str"},
    "primary": {"type": "bool", "default": False},
    "directory": {"type": "path", "default": "/var/backups/redis"},
    "compression": {"type": "str", "choices": ["none", "gzip", "zstd"], "default": "none"},
    "load": {"type": "bool", "default": True},
    "aof": {"type": "bool", "default": False},
    "fresh": {"type": "int", "default": 0},
    "drill": {"type": "bool", "default": False},
    "trial_host": {"type": "str"},
    "backup": {"type": "str"},
    "record": {"type": "dict"},
    "save": {
        "type": "dict",
        "options": {
            "name": {"type": "str", "required": True},
            "began": {"type": "int", "required": True},
            "until": {"type": "int", "default": 0},
            "owed": {"type": "bool", "default": False},
            "info": {"type": "dict", "required": True},
        },
    },
    "binary": {"type": "path"},
    "unit": {"type": "str", "default": ""},
    "user": {"type": "str", "default": "redis"},
    **CONNECTION_OPTIONS,
    "wait": {"type": "int", "default": 3600},
}


def main() -> None:
    """Run the module."""
    run(MaskedModule(OPTIONS, supports_check_mode=True, required_by={"record": ("backup",)}), Backup)


if __name__ == "__main__":
    main()
