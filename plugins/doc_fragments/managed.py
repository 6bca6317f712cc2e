# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of the modules that keep a file of one process; the spec is FILE_OPTIONS in _module/options.py."""

from __future__ import annotations


class ModuleDocFragment:
    """The file, and the program that proves what shall be in it."""

    DOCUMENTATION = r"""
options:
  name:
    description: Name of the instance, for messages.
    type: str
    required: true
  owner:
    description: Owner of the file.
    type: str
    default: root
  group:
    description: Group of the file.
    type: str
    default: redis
  mode:
    description: Octal mode of the file.
    type: str
    default: '0640'
  user:
    description: Account whose rights the scratch process has, when it exists and the module runs as root.
    type: str
    default: redis
  binary:
    description: The installed program.
    type: path
    default: /usr/bin/redis-server
"""
