#!/usr/bin/python
# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Refuse an inventory that leaves out members or Sentinels that live."""

from __future__ import annotations

DOCUMENTATION = r"""
module: membership
short_description: Refuse an inventory that leaves out members or Sentinels that live
version_added: 0.1.0
description:
  - Compares who is declared with who is there. It asks all declared servers and Sentinels once, from one host.
  - A server or Sentinel that they know, that lives and that is not declared fails the task. A run with such an
    inventory would count fewer members and Sentinels than there are, so that too few of them could act alone.
  - With O(stoppable) it proves that the data sets go on working without these hosts.
  - It changes nothing and needs no redis-py, so it can be the first task of a run.
author:
  - quorum.redis contributors (@quorum)
extends_documentation_fragment:
  - quorum.redis.attributes.info
options:
  sets:
    description:
      - The data sets.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the data set.
        type: str
        required: true
      members:
        description: All declared servers of the data set.
        type: list
        elements: dict
        required: true
        suboptions: &member
          host:
            description: Name for messages and results.
            type: str
            required: true
          address:
            description: Address under which all hosts reach it.
            type: str
            required: true
          port:
            description: Its TCP port.
            type: int
            required: true
          other_port:
            description: Its port for TLS beside the plain one, or the other way round.
            type: int
      sentinel:
        description: Whether the Sentinels watch this data set.
        type: bool
        default: true
  logins:
    description:
      - With what to log in to the servers of a data set.
    type: list
    elements: dict
    default: []
    suboptions:
      name: {description: Name of the data set., type: str, required: true}
      username: {description: ACL user; empty for the default user., type: str}
      password: {description: "Its password, or a list.", type: raw}
      fallback_password: {description: "Passwords of the default user, where that user is not known yet.", type: raw}
  sentinels:
    description:
      - All declared Sentinels.
    type: list
    elements: dict
    default: []
    suboptions: *member
  sentinel_password:
    description:
      - Password of the Sentinels, or a list.
    type: raw
  leaving:
    description:
      - Hosts that are being retired. What lives there does not stop the run.
    type: list
    elements: dict
    default: []
    suboptions:
      host: {description: Name of the host., type: str, required: true}
      address: {description: Its address., type: str, required: true}
      port: {description: Not used here., type: int}
      other_port: {description: Not used here., type: int}
  unfit:
    description:
      - What keeps hosts from being deployed, a sentence for each. Any fails the task, before the others are deployed
        without them.
    type: list
    elements: str
    default: []
  stoppable:
    description:
      - Those of O(leaving) whose processes can be stopped. When it is given, what is left without O(leaving) must have
        one primary, replicas in sync, enough of them for C(min-replicas-to-write), and Sentinels that answer.
    type: list
    elements: str
  connection:
    description:
      - How to get in, the same for all that the module asks, beside O(logins) and O(sentinel_password).
    type: dict
    suboptions:
      username: {description: Not used here., type: str}
      password: {description: Not used here., type: raw}
      fallback_password: {description: Not used here., type: raw}
      timeout:
        description: Seconds to wait for a connection and for each reply. There are no retries.
        type: float
        default: 2.0
      tls:
        description: Connect with TLS. The certificate of the other side is always verified.
        type: bool
        default: false
      tls_ca_file: {description: Certificates of the CAs that may have issued it., type: path}
      tls_cert_file: {description: Certificate to show where one is asked for., type: path}
      tls_key_file: {description: Its key., type: path}
seealso:
  - module: quorum.redis.replication
  - module: quorum.redis.sentinel
"""

EXAMPLES = r"""
- name: Refuse an inventory that leaves somebody out
  quorum.redis.membership:
    sets:
      - name: main
        members:
          - {host: r1, address: 192.0.2.1, port: 6379}
          - {host: r2, address: 192.0.2.2, port: 6379}
    logins:
      - {name: main, password: "{{ redis_password }}"}
    sentinels:
      - {host: r1, address: 192.0.2.1, port: 26379}
    sentinel_password: "{{ redis_sentinel_password }}"
  run_once: true
"""

RETURN = r"""
primaries:
  description: By name of the data set, the hosts whose server says that it is primary.
  returned: success
  type: dict
  sample: {main: [r1]}
converged:
  description: Names of the data sets that M(quorum.redis.replication) would leave as they are now, without waiting.
  returned: success
  type: list
  elements: str
"""

from ..module_utils._membership.reconciler import Declared
from ..module_utils._module.process_options import MEMBERSHIP_OPTIONS
from ..module_utils._module.runner import MaskedModule, run


def main() -> None:
    """Run the module."""
    run(MaskedModule(argument_spec=MEMBERSHIP_OPTIONS, supports_check_mode=True), Declared, needs_library=False)


if __name__ == "__main__":
    main()
