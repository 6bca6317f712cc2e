#!/usr/bin/python
# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make one Sentinel monitor what is declared."""

from __future__ import annotations

DOCUMENTATION = r"""
module: sentinel
short_description: Make one Sentinel monitor what is declared
version_added: 0.1.0
description:
  - Brings one running Sentinel by difference, with C(SENTINEL MONITOR), C(SENTINEL SET) and C(SENTINEL REMOVE), to the
    declared data sets and parameters. Identity, epochs, known replicas and known Sentinels are kept.
    C(SENTINEL RESET) is used with O(forget) only.
  - The address to monitor is that of the primary as observed. A Sentinel that names an address which is not the
    primary, while the members show one primary and no failover is running, is given the right address.
  - Data sets, replicas and Sentinels that it knows beside the declared ones are left alone and reported in
    RV(unexpected).
author:
  - quorum.redis contributors (@quorum)
extends_documentation_fragment:
  - quorum.redis.attributes
  - quorum.redis.connection
  - quorum.redis.connection.server
options:
  port:
    description:
      - TCP port of this Sentinel.
    type: int
    default: 26379
  masters:
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
      state:
        description: Whether this Sentinel shall monitor it.
        type: str
        choices: [present, absent]
        default: present
      members:
        description: All servers of the data set. Needed for O(masters[].state=present).
        type: list
        elements: dict
        default: []
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
            description: Not used here.
            type: int
      quorum:
        description: How many Sentinels must see the primary as down.
        type: int
        default: 2
      down_after:
        description: Milliseconds without an answer after which it counts as down. Without a value it is left as it is.
        type: int
      failover_timeout:
        description: Milliseconds that the steps of a failover may take. Without a value it is left as it is.
        type: int
      parallel_syncs:
        description: How many replicas are moved to a new primary at once. Without a value it is left as it is.
        type: int
      username:
        description: ACL user of the Sentinel on the servers.
        type: str
      password:
        description: Password of the servers.
        type: str
  passwords:
    description:
      - Passwords of the servers by name of the data set, for those without O(masters[].password).
    type: dict
    default: {}
  users:
    description:
      - ACL users of the Sentinel on the servers by name of the data set, for those without O(masters[].username).
      - A user is told to the Sentinel when every member that answers lets it in.
    type: dict
    default: {}
  logins:
    description:
      - With what this module itself looks at the servers of a data set. As the Sentinel when absent.
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
      - All declared Sentinels, this one included. They are asked who is primary.
    type: list
    elements: dict
    default: []
    suboptions: *member
  sentinel_username:
    description:
      - ACL user on the Sentinels in O(sentinels). The default is O(connection.username).
    type: str
  sentinel_password:
    description:
      - Password of the Sentinels in O(sentinels). The default is O(connection.password).
      - With a list, the first one takes the place of the others. This Sentinel logs in to its peers with it as soon as
        all that answer let it in.
    type: raw
  state_file:
    description:
      - File that this Sentinel writes its state to. A Sentinel does not tell its credentials for the servers, so they
        are compared with this file. Without it they are set only where monitoring begins.
    type: path
  forget:
    description:
      - Let all of O(sentinels), one after the other, forget replicas and Sentinels that are dead and not declared.
        A dead Sentinel counts for ever for the majority that a failover needs, and whoever listens later at the address
        of a dead replica would be overwritten.
      - Each one is reset with C(SENTINEL RESET) only while every member and every Sentinel is there, and the next one
        when it knows all of them again and has a quorum. For one host of a run.
    type: bool
    default: false
  leaving:
    description:
      - Addresses of hosts that have just been retired. With O(forget) they are forgotten at once.
    type: list
    elements: str
    default: []
  wait:
    description:
      - Seconds to wait for a failover to end, and for this Sentinel to see the replicas and the other Sentinels.
    type: int
    default: 60
seealso:
  - module: quorum.redis.replication
  - module: quorum.redis.instance_info
"""

EXAMPLES = r"""
- name: Let the Sentinel of this host monitor the data set main
  quorum.redis.sentinel:
    connection: {password: "{{ redis_sentinel_password }}"}
    state_file: /var/lib/redis/sentinel/redis.conf
    sentinels:
      - {host: r1, address: 192.0.2.1, port: 26379}
      - {host: r2, address: 192.0.2.2, port: 26379}
      - {host: r3, address: 192.0.2.3, port: 26379}
    masters:
      - name: main
        quorum: 2
        down_after: 5000
        password: "{{ redis_password }}"
        members:
          - {host: r1, address: 192.0.2.1, port: 6379}
          - {host: r2, address: 192.0.2.2, port: 6379}
          - {host: r3, address: 192.0.2.3, port: 6379}

- name: Let it no longer monitor the data set old
  quorum.redis.sentinel:
    connection: {password: "{{ redis_sentinel_password }}"}
    masters:
      - name: old
        state: absent
"""

RETURN = r"""
steps:
  description: What was done, or would be done in check mode; a sentence each.
  returned: always
  type: list
  elements: str
  sample: ["main: set down-after-milliseconds 30000 -> 5000"]
sentinel:
  description: This Sentinel as it is now, in the shape of RV(quorum.redis.instance_info#module:sentinel).
  returned: success
  type: dict
unexpected:
  description: What it knows beside what is declared. Nothing of that was changed.
  returned: success
  type: list
  elements: str
  sample: ["main: replica 192.0.2.9:6379 is no member"]
"""

from ..module_utils._module.process_options import SENTINEL_OPTIONS
from ..module_utils._module.runner import MaskedModule, run
from ..module_utils._sentinel.reconciler import Sentinel


def main() -> None:
    """Run the module."""
    run(MaskedModule(argument_spec=SENTINEL_OPTIONS, supports_check_mode=True), Sentinel)


if __name__ == "__main__":
    main()
