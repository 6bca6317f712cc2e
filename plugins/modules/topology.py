#!/usr/bin/python
# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: topology
version_added: 0.1.0
short_description: Work out the desired topology from the inventory
author: quorum.redis contributors (@quorum)
description:
  - Reads the groups and the C(redis_*) variables of the inventory and returns the model that the roles of
    this collection work with, which data sets there are, their members and addresses, and what each member's
    configuration must say.
  - Runs on the controller only. It never connects to a host and never says who is primary, because that is
    observed, see M(quorum.redis.replication).
  - Membership comes from the groups, so C(--limit) does not change the model.
  - Mistakes that span several variables are reported here, one sentence each, before anything is changed.
  - Variables are read as people type them in a survey or after C(-e), in any spelling of their type. An empty text is
    not given. The result has them in their types.
  - A variable whose name begins with C(redis_), that is none of this collection and was meant to be, is an error for
    verbs that change roles or data, and a warning for others. One of somebody else passes, unless it was typed for
    this run.
options:
  verb:
    description: The playbook whose variables are read too. Without it those that are shared.
    type: str
    choices: ["", backup, certificates, endpoint, failover, monitoring, notify, remove, restart, restore, retire,
      rotate, status, upgrade]
    default: ""
  without:
    description: Hosts that are being retired. The model is made as if they were not in the inventory.
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - quorum.redis.attributes
notes:
  - The variables are documented with the role P(quorum.redis.redis#role).
  - An address is C(redis_address), else C(ansible_host), else the inventory name, resolved on the controller.
"""

EXAMPLES = r"""
- name: Work out the topology
  quorum.redis.topology:
  register: redis_topology
"""

RETURN = r"""
deployment:
  description: Name of the group that the model was made from.
  returned: success
  type: str
  sample: redis
peers:
  description: All servers and Sentinels of the deployment, each as host, address and port.
  returned: success
  type: list
  elements: dict
address:
  description: The address of this host; empty where it has no server, Sentinel or endpoint of this deployment.
  returned: success
  type: str
  sample: 192.0.2.1
options:
  description: The shared variables and those of the verb, without secrets, in their types, with their defaults.
  returned: success
  type: dict
instances:
  description: One entry for each data set, defaults applied, without secrets.
  returned: success
  type: list
  elements: dict
  contains:
    name: {description: Name of the data set., type: str, returned: always}
    port: {description: TCP port of every member., type: int, returned: always}
    members: {description: "The members, each with RV(ignore:host), RV(ignore:address) and RV(ignore:port).",
      type: list, elements: dict, returned: always}
    seed: {description: Member that becomes primary when an empty set is bootstrapped., type: str, returned: always}
    sentinel: {description: Whether the Sentinels watch this data set., type: bool, returned: always}
    local: {description: Whether this host is a member., type: bool, returned: always}
    parameters: {description: The configuration of the member on this host., type: dict, returned: when local}
sentinel:
  description: The Sentinels of this deployment, and the static configuration of the one on this host.
  returned: success
  type: dict
endpoint:
  description: The hosts with endpoints, and whether this is one of them.
  returned: success
  type: dict
firewall:
  description:
    - The servers and the Sentinel of this host with their ports, and the addresses of all hosts of the deployment.
  returned: success
  type: dict
controller:
  description: Name of the machine, or container, on which Ansible runs, for messages about files there.
  returned: success
  type: str
  sample: deploy1
memory_needed:
  description: Memory in bytes that the members on this host may come to use, the reserve for a fork included.
  returned: success
  type: int
warnings:
  description: What is allowed but unwise, one sentence each.
  returned: success
  type: list
  elements: str
"""
