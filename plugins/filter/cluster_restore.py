# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plan the restore of a cluster."""

from __future__ import annotations

from typing import Any, Callable, Dict, Mapping, Optional, Sequence

from ..module_utils._model.cluster_restore import assign_parts

DOCUMENTATION = r"""
name: cluster_restore
short_description: Plan the restore of a cluster
version_added: 0.1.0
author: quorum.redis contributors (@quorum)
description:
  - Decides which primary gets which part of a backup. The slots decide, and they must be the same.
  - For the role P(quorum.redis.redis_restore#role).
positional: _input
options:
  _input:
    description: The manifest of the whole backup.
    type: dict
    required: true
  shards:
    description: What M(quorum.redis.cluster) returns as RV(quorum.redis.cluster#module:shards).
    type: list
    elements: dict
    required: true
  cluster:
    description: The cluster as M(quorum.redis.topology) returns it.
    type: dict
    required: true
  holder:
    description: The host that has all parts; empty where each is with the host that has made it.
    type: str
    default: ""
  expires:
    description: By name of a part how many of its keys expire, and may have gone meanwhile.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Show the plan
  ansible.builtin.debug:
    msg: "{{ (manifest | quorum.redis.cluster_restore(looked.shards, redis_topology.clusters[0])).lines }}"
"""

RETURN = r"""
_value:
  description:
    - C(parts) (who gets which backup from where), C(others) (the other servers), C(problems), C(lines) for people, and
      C(wrong), where primaries do not hold yet what they are given.
  type: dict
"""


def cluster_restore(
    manifest: Mapping[str, Any],
    shards: Sequence[Mapping[str, Any]],
    cluster: Mapping[str, Any],
    holder: str = "",
    expires: Optional[Mapping[str, int]] = None,
) -> Dict[str, Any]:
    """Return the plan."""
    return assign_parts(manifest, shards, cluster, holder, expires or {})


class FilterModule:
    """The filters of this file."""

    def filters(self) -> Dict[str, Callable[..., Any]]:
        """Return them by name."""
        return {"cluster_restore": cluster_restore}
