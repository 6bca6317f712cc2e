#!/usr/bin/python
# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: platform
version_added: 0.1.0
short_description: Say what a host calls the packages and services of an engine
author: quorum.redis contributors (@quorum)
description:
  - Reads C(/etc/os-release) of the host, without Python there, and looks the system up in the platform table of the
    collection. It changes nothing, and fails for a system that is not in the table.
options:
  engine:
    description: The engine that shall run there.
    type: str
    choices: [redis, valkey]
    required: true
  from_source:
    description: Whether the engine is built from source, so that packages of the engine are not installed.
    type: bool
    default: false
  source_is_known:
    description: Whether version, address and checksum of the source are given. Without them a build is refused.
    type: bool
    default: true
extends_documentation_fragment:
  - quorum.redis.attributes.info
"""

EXAMPLES = r"""
- name: Look the distribution up
  quorum.redis.platform:
    engine: valkey
  register: redis_platform
"""

RETURN = r"""
family:
  description: The family of the distribution.
  returned: success
  type: str
  sample: Debian
packages:
  description: The packages of the engine.
  returned: success
  type: list
  elements: str
  sample: [redis-server, redis-tools]
pinned:
  description: Those of them whose version the collection decides; none when the engine is built from source.
  returned: success
  type: list
  elements: str
needed:
  description: What must be installed for the engine, or to build it.
  returned: success
  type: list
  elements: str
services:
  description: The services that these packages bring, of the server and of the Sentinel.
  returned: success
  type: list
  elements: str
  sample: [redis-server.service, redis-sentinel.service]
"""
