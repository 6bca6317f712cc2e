# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of modules that put one host right; the specs are FILES_OPTIONS and HOST_OPTIONS in _module/options.py."""

from __future__ import annotations


class ModuleDocFragment:
    """The files."""

    DOCUMENTATION = r"""
options:
  files:
    description: Small files that shall be there, or shall not.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: Absolute path.
        type: path
        required: true
      content:
        description: The whole text of a regular file.
        type: str
      link:
        description: Target of a symbolic link, for example V(/dev/null) for the mask of a unit.
        type: str
      state:
        description: V(absent) removes a file or link; the default is to have it.
        type: str
        choices: [present, absent]
        default: present
      mode:
        description: Octal mode of a regular file.
        type: str
        default: '0644'
      owner:
        description: Owner of a regular file.
        type: str
        default: root
      group:
        description: Group of a regular file.
        type: str
        default: root
      secrets:
        description:
          - Further keys of the JSON object in O(files[].content). Their values are in no output.
          - The values of all keys that end in C(password) or C(passwords), or begin as C(redis://), are shown as
            V(********) in the diff.
        type: dict
"""

    HOST = r"""
options:
  name:
    description: The name of this host in the inventory, for messages.
    type: str
    default: this host
"""
