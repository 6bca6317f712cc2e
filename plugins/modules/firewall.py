#!/usr/bin/python
# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: firewall
version_added: 0.1.0
short_description: Say who may connect to the servers and the Sentinel of a host
author: quorum.redis contributors (@quorum)
description:
  - Keeps an nftables table for each server and Sentinel, named C(quorum-redis-NAME), and a unit that loads it at boot,
    C(redis-firewall@NAME.service). Other tables are not touched.
  - A table refuses new connections to its own ports from everybody but O(peers), O(clients) and the host itself, with
    a TCP reset. What is connected stays connected, and nothing else is looked at, so that a mistake here cuts off
    neither SSH nor anybody who is at work.
  - Refused, with nothing changed, are rules that the installed C(nft) or the kernel does not take, and rules that keep
    somebody out who is connected now.
options:
  processes:
    description: The servers and the Sentinel of this host.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the data set or of the Sentinel.
        type: str
        required: true
      ports:
        description: The TCP ports that it listens on.
        type: list
        elements: int
        required: true
  peers:
    description: Addresses of all hosts that have a member or a Sentinel.
    type: list
    elements: str
    default: []
  clients:
    description: Addresses and networks of everybody else who may connect.
    type: list
    elements: str
    default: []
  state:
    description: V(absent) takes the tables, their files and units away, and all may connect.
    type: str
    choices: [present, absent]
    default: present
  ignore_clients:
    description: Go on although somebody who is connected now could not connect again.
    type: bool
    default: false
  ssh_port:
    description: TCP port by which Ansible reaches the host; none of the ports may be this one.
    type: int
    default: 22
extends_documentation_fragment:
  - quorum.redis.attributes
"""

EXAMPLES = r"""
- name: Let the members and the network of the applications in, and nobody else
  quorum.redis.firewall:
    processes:
      - name: main
        ports: [6379]
      - name: sentinel
        ports: [26379]
    peers: [192.0.2.11, 192.0.2.12, 192.0.2.13]
    clients: [198.51.100.0/24]
"""

RETURN = r"""
steps:
  description: What was done, or would be in check mode, one sentence each.
  returned: always
  type: list
  elements: str
"""

from typing import Any, Dict

from ..module_utils._host.nftables import Firewall
from ..module_utils._module.runner import MaskedModule, run

OPTIONS: Dict[str, Any] = {
    "processes": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "name": {"type": "str", "required": True},
            "ports": {"type": "list", "elements": "int", "required": True},
        },
    },
    "peers": {"type": "list", "elements": "str", "default": []},
    "clients": {"type": "list", "elements": "str", "default": []},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "ignore_clients": {"type": "bool", "default": False},
    "ssh_port": {"type": "int", "default": 22},
}


def main() -> None:
    """Run the module."""
    run(MaskedModule(OPTIONS, supports_check_mode=True), Firewall, needs_library=False)


if __name__ == "__main__":
    main()
