# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of a rolling upgrade, for playbooks."""

from __future__ import annotations

from typing import Any, Callable, Dict, Mapping

from ..module_utils._lifecycle.upgrade import Upgrade, Wish

DOCUMENTATION = r"""
name: upgrade
short_description: Plan a rolling upgrade
version_added: 0.1.0
author: quorum.redis contributors (@quorum)
description:
  - Works out whether a rolling upgrade can succeed, in which order the hosts go, and which primaries move before it.
  - While versions are mixed each primary is on the oldest one, because replication from a newer to an older version
    fails. So the hosts with primaries come last, and each primary is on the last member of its set.
  - For the playbook C(quorum.redis.upgrade), which collects what it needs.
positional: _input
options:
  _input:
    description: What M(quorum.redis.topology) returns.
    type: dict
    required: true
  seen:
    description:
      - By host C(target) (the version to come), C(installed) (whether it is), C(servers) (by name of the data set what
        M(quorum.redis.instance_info) returns), C(sentinel) (the same or nothing), C(disk_free) and C(memory_free).
    type: dict
    required: true
  sets:
    description: By name of the data set what M(quorum.redis.replication) returns in check mode.
    type: dict
    required: true
  engine:
    description: What shall run.
    type: str
    required: true
  without_backup:
    description: Whether the person who runs it does without the backup that comes first.
    type: bool
    default: false
  reserve:
    description: Memory that must be free for a fork, in percent of what is used.
    type: int
    default: 25
"""

EXAMPLES = r"""
- name: Show the plan
  ansible.builtin.debug:
    msg: "{{ redis_topology | quorum.redis.upgrade(seen=seen, sets=sets, engine='valkey') }}"
"""

RETURN = r"""
_value:
  description:
    - C(order) (hosts), C(moves) (C(set) and C(to)), C(problems), C(behind) (what does not run the target), C(backups)
      (names of the data sets to back up first) and C(lines) for people.
  type: dict
"""


def upgrade(
    topology: Mapping[str, Any],
    seen: Mapping[str, Any],
    sets: Mapping[str, Any],
    engine: str,
    without_backup: bool = False,
    reserve: int = 25,
) -> Dict[str, Any]:
    """Return the plan."""
    return Upgrade(topology, seen, sets, Wish(engine, without_backup, reserve)).plan()


class FilterModule:
    """The filters of this file."""

    def filters(self) -> Dict[str, Callable[..., Any]]:
        """Return them by name."""
        return {"upgrade": upgrade}
