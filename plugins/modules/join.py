#!/usr/bin/python
# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: join
version_added: 0.1.0
short_description: Make servers a replicated set or a cluster
author: quorum.redis contributors (@quorum)
description:
  - Calls M(quorum.redis.replication) or, with O(replicas), M(quorum.redis.cluster), and returns what that returns.
  - For the roles of this collection, in which data sets of both kinds are joined by one task.
options:
  replicas:
    description: Replicas for each primary of a cluster. Without it the members are one replicated set.
    type: int
  name:
    description: Name of the data set.
    type: str
    required: true
  members:
    description: Its members, as the called module takes them.
    type: list
    elements: dict
    required: true
  seed:
    description: As in M(quorum.redis.replication); without meaning for a cluster.
    type: str
  sentinels:
    description: As in M(quorum.redis.replication); without meaning for a cluster.
    type: list
    elements: dict
    default: []
  sentinel_username:
    description: As in M(quorum.redis.replication); without meaning for a cluster.
    type: str
  sentinel_password:
    description: As in M(quorum.redis.replication); without meaning for a cluster.
    type: raw
  trust:
    description: As in M(quorum.redis.replication); without meaning for a cluster.
    type: str
  mixed:
    description: As in M(quorum.redis.replication); without meaning for a cluster.
    type: bool
    default: false
  auth_user:
    description: As in M(quorum.redis.replication); without meaning for a cluster.
    type: str
  auth_pass:
    description: As in M(quorum.redis.replication); without meaning for a cluster.
    type: str
  repair:
    description: As in M(quorum.redis.cluster); without meaning for a replicated set.
    type: bool
    default: false
  forget:
    description: As in M(quorum.redis.cluster); without meaning for a replicated set.
    type: list
    elements: str
    default: []
  wait:
    description: Seconds to wait, as in the called module.
    type: int
    default: 300
extends_documentation_fragment:
  - quorum.redis.attributes
  - quorum.redis.connection
"""

EXAMPLES = r"""
- name: Make six servers a cluster
  quorum.redis.join:
    name: cart
    members: "{{ members_of_cart }}"
    replicas: 1
    connection: {password: "{{ redis_password }}"}
  run_once: true
"""

RETURN = r"""
steps:
  description: What was done, or would be done in check mode; a sentence each.
  returned: always
  type: list
  elements: str
"""
