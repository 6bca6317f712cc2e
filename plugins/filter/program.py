# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter program: the sources of what a host runs without Ansible."""

from __future__ import annotations

from typing import Any, Callable, Dict, List

from ..plugin_utils.program import follow_imports

DOCUMENTATION = r"""
name: program
short_description: Return the sources of a program that a host runs without Ansible
version_added: 0.1.0
author: quorum.redis contributors (@quorum)
description:
  - Follows the imports of one of the C(module_utils) of this collection, so that a timer or a service has the code of
    the modules, all of it that it needs and no more.
  - For the roles of this collection.
positional: _input, directory
options:
  _input:
    description: Where the program begins, as C(_cluster_backup/agent).
    type: str
    required: true
  directory:
    description: The package on the host.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Write the code of the backups
  quorum.redis.files:
    files: "{{ '_cluster_backup/agent' | quorum.redis.program('/usr/local/lib/quorum-redis/quorum_redis') }}"
"""

RETURN = r"""
_value:
  description: Entries for the option C(files) of M(quorum.redis.files).
  type: list
  elements: dict
"""


def program(entry: str, directory: str) -> List[Dict[str, Any]]:
    """Return the files."""
    return [{"path": f"{directory}/{name}.py", "content": text} for name, text in follow_imports(entry).items()]


class FilterModule:
    """The filters of this file."""

    def filters(self) -> Dict[str, Callable[..., Any]]:
        """Return them by name."""
        return {"program": program}
