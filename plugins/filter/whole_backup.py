# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find the backup of a cluster that is whole."""

from __future__ import annotations

from typing import Any, Callable, Dict, Mapping, Sequence

from ..module_utils._model.cluster_parts import choose_whole

DOCUMENTATION = r"""
name: whole_backup
short_description: Find the backup of a cluster that is whole
version_added: 0.1.0
author: quorum.redis contributors (@quorum)
description:
  - Joins the parts that the timers of hosts have made at one moment. They are a whole backup when all have seen the
    same owners of slots before and after, and have all slots between them.
  - For the role P(quorum.redis.redis_restore#role).
positional: _input
options:
  _input:
    description: What M(quorum.redis.backup_info) returns on each host.
    type: list
    elements: dict
    required: true
  wanted:
    description: The name of a backup, as V(20261129T101112Z); V(latest) is the newest that is whole.
    type: str
    default: latest
"""

EXAMPLES = r"""
- name: Show the newest backup
  ansible.builtin.debug:
    msg: "{{ (listed.results | quorum.redis.whole_backup).manifest.name }}"
"""

RETURN = r"""
_value:
  description:
    - C(manifest), C(problems) (why there is none), and C(notes) (which newer ones are not whole, and what they lack).
  type: dict
"""


def whole_backup(seen: Sequence[Mapping[str, Any]], wanted: str = "latest") -> Dict[str, Any]:
    """Return the backup."""
    return choose_whole(seen, wanted)


class FilterModule:
    """The filters of this file."""

    def filters(self) -> Dict[str, Callable[..., Any]]:
        """Return them by name."""
        return {"whole_backup": whole_backup}
