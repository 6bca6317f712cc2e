#!/usr/bin/python
# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: report
version_added: 0.1.0
short_description: Print the topology as it is and say whether it is as declared
author: quorum.redis contributors (@quorum)
description:
  - Reads what P(quorum.redis.instance_info#module) returned on every host of the play, compares it with the
    model of P(quorum.redis.topology#module), prints a page for people and returns the verdict.
  - Runs on the controller only and changes nothing on a host. The playbook C(quorum.redis.status) shows how it is
    used.
options:
  fail:
    description: Fail when something is not as declared, so that the exit code says so.
    type: bool
    default: true
  print:
    description: Print the page. Without it the page is only returned.
    type: bool
    default: true
  client:
    description: Print the code with which this client connects too, from C(docs/clients.md), without a password.
    type: str
    default: ""
    choices: ["", python, asyncio, celery, rq, django, flask, ioredis, node-redis, bullmq, connect-redis, java, go]
  html:
    description:
      - Write the page as one HTML file too, with a drawing, to this file on the controller. It has names, addresses
        and versions, no password and no name of a key. A new one has the mode 0644, an existing one keeps its mode.
      - The file is written in each run, with the time of the look. Changed means that it shows something else than
        before, apart from times and counters. In check mode it is not written.
    type: path
    default: ""
extends_documentation_fragment:
  - quorum.redis.attributes
notes:
  - Expects the registered variables C(redis_topology) and C(redis_status_seen).
"""

EXAMPLES = r"""
- name: Show the topology
  quorum.redis.report:
    fail: false
  run_once: true

- name: Show it, and write a file for a browser
  quorum.redis.report:
    html: ~/redis-status.html
  run_once: true
"""

RETURN = r"""
path:
  description: The file that was written, or would be.
  returned: with O(html)
  type: str
healthy:
  description: Whether everything is as declared.
  returned: always
  type: bool
problems:
  description: What is not, one sentence each, with what to do.
  returned: unless it fails and the page was printed
  type: list
  elements: str
lines:
  description: The printed page.
  returned: unless it fails and the page was printed
  type: list
  elements: str
ansible_stats:
  description: C(redis_status), for artifacts of AWX, as C(set_stats) gives them; C(docs/awx.md) has its keys.
  returned: always
  type: dict
"""
