#!/usr/bin/python
# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: endpoint
version_added: 0.1.0
short_description: Give clients that do not speak Sentinel a fixed address, with HAProxy on this host
author: quorum.redis contributors (@quorum)
description:
  - Installs HAProxy of the distribution, writes its configuration, and runs it in a unit of its own. Health checks
    alone decide who gets writes. While all members answer it is the only one that says it is the primary, else it must
    be the one that a majority of the Sentinels names. Otherwise connections are refused.
  - Before anything is changed every member and Sentinel is asked with the logins of the checks, and the installed
    HAProxy judges the file. Afterwards the module waits until writes reach the primary.
  - Where members speak TLS they are verified by the CA of this host; HAProxy does not compare names with addresses,
    this module does.
  - Without O(sets) everything of it is taken away again, HAProxy too when it had not been there before.
options:
  deployment:
    description: Name of the deployment. A host carries the endpoints of one.
    type: str
    required: true
  sets:
    description: The data sets with an endpoint.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the data set.
        type: str
        required: true
      members:
        description: Its members.
        type: list
        elements: dict
        required: true
        suboptions: &place
          host:
            description: Name of the host, for messages.
            type: str
            required: true
          address:
            description: Its address.
            type: str
            required: true
          port:
            description: The TCP port by which all know it.
            type: int
            required: true
          other_port:
            description: Its second TCP port, where it has one for TLS and one without.
            type: int
          connect:
            description: The TCP port to which HAProxy connects. O(sets[].members[].port) when absent.
            type: int
      sentinels:
        description: The Sentinels that watch it.
        type: list
        elements: dict
        default: []
        suboptions: *place
      port:
        description: TCP port for writes.
        type: int
        required: true
      read_port:
        description: TCP port for reads, which go to the replicas in sync, else to the primary.
        type: int
      address:
        description: Address to listen on.
        type: str
        default: 127.0.0.1
      tls:
        description: How clients connect. V(off), in plain. V(passthrough), with TLS that ends at the server.
          V(reencrypt), with TLS that ends here, under the certificate of this host.
        type: str
        choices: ["off", passthrough, reencrypt]
        default: "off"
      secure:
        description: Whether HAProxy reaches members and Sentinels over TLS.
        type: bool
        default: false
      tls_clients:
        description: Whether clients show a certificate, as those of the members do.
        type: str
        choices: ["no", optional, "yes"]
        default: "no"
      down_after:
        description: Milliseconds until a Sentinel sees a silent primary down. A check gives a silent member half of
          it, at most 3 seconds.
        type: int
        default: 5000
      username:
        description: User as whom the members are asked for C(ROLE) and C(INFO). The default user when empty.
        type: str
        default: ""
      password:
        description: Its password.
        type: str
        default: ""
      sentinel_username:
        description: User as whom the Sentinels are asked for the primary. The default user when empty.
        type: str
        default: ""
      sentinel_password:
        description: Its password.
        type: str
        default: ""
  check_port:
    description: TCP port on loopback where HAProxy asks itself for its own verdict.
    type: int
    default: 7378
  metrics_address:
    description: Address on which HAProxy tells Prometheus its metrics. Nowhere when empty.
    type: str
    default: ""
  metrics_port:
    description: TCP port for that.
    type: int
    default: 9123
  hosts:
    description: How many hosts check these servers. With more than ten each of them asks less often.
    type: int
    default: 1
  members_pending:
    description: Whether members and users are created by the same run, so that in check mode they may be missing.
    type: bool
    default: false
  own_address:
    description: The address of this host, which its certificate must have, where it has one.
    type: str
    default: ""
  tls_ca_file:
    description: CA certificates on this host, where a set has O(sets[].secure). HAProxy gets a copy.
    type: path
  tls_cert_file:
    description: Certificate of this host, with V(reencrypt), or where members ask clients for one.
    type: path
  tls_key_file:
    description: Key of that certificate.
    type: path
  wait:
    description: Seconds in which writes must reach the primary after a change.
    type: int
    default: 60
extends_documentation_fragment:
  - quorum.redis.attributes
  - quorum.redis.files
  - quorum.redis.files.host
"""

EXAMPLES = r"""
- name: Lead local clients to the primary of main
  quorum.redis.endpoint:
    deployment: redis
    sets:
      - name: main
        port: 7379
        members: "{{ redis_topology.instances[0].members }}"
        sentinels: "{{ redis_topology.sentinel.members }}"
        username: our-endpoint
        password: "{{ vault_endpoint }}"
        sentinel_username: client
        sentinel_password: "{{ vault_sentinel_client }}"
"""

RETURN = r"""
primaries:
  description: By name of the data set, the members that say they are the primary.
  returned: success
  type: dict
  sample: {"main": ["db1:6379"]}
writes:
  description: By name of the data set, the servers to which HAProxy leads writes; one when all is well.
  returned: success
  type: dict
  sample: {"main": ["10.0.0.1-6379"]}
reads:
  description: By name of the data set, the servers to which HAProxy leads reads, where there is a port for them.
  returned: success
  type: dict
  sample: {"main": ["10.0.0.2-6379", "10.0.0.3-6379"]}
steps:
  description: What was done, or would be in check mode, one sentence each.
  returned: always
  type: list
  elements: str
"""

from typing import Any

from ..module_utils._endpoint.reconciler import EndpointHost
from ..module_utils._module.options import FILES_OPTIONS, HOST_OPTIONS, TLS_OPTIONS
from ..module_utils._module.runner import MaskedModule, run

PLACES: dict[str, Any] = {
    "type": "list",
    "elements": "dict",
    "options": {
        "host": {"type": "str", "required": True},
        "address": {"type": "str", "required": True},
        "port": {"type": "int", "required": True},
        "other_port": {"type": "int"},
        "connect": {"type": "int"},
    },
}
SET: dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "members": {**PLACES, "required": True},
    "sentinels": {**PLACES, "default": []},
    "port": {"type": "int", "required": True},
    "read_port": {"type": "int"},
    "address": {"type": "str", "default": "127.0.0.1"},
    "tls": {"type": "str", "default": "off", "choices": ["off", "passthrough", "reencrypt"]},
    "secure": {"type": "bool", "default": False},
    "tls_clients": {"type": "str", "default": "no", "choices": ["no", "optional", "yes"]},
    "down_after": {"type": "int", "default": 5000},
    "username": {"type": "str", "default": ""},
    "password": {"type": "str", "default": "", "no_log": True},
    "sentinel_username": {"type": "str", "default": ""},
    "sentinel_password": {"type": "str", "default": "", "no_log": True},
}
OPTIONS: dict[str, Any] = {
    "deployment": {"type": "str", "required": True},
    "sets": {"type": "list", "elements": "dict", "default": [], "options": SET},
    "check_port": {"type": "int", "default": 7378},
    "metrics_address": {"type": "str", "default": ""},
    "metrics_port": {"type": "int", "default": 9123},
    "hosts": {"type": "int", "default": 1},
    "members_pending": {"type": "bool", "default": False},
    "own_address": {"type": "str", "default": ""},
    **{key: option for key, option in TLS_OPTIONS.items() if key != "tls"},
    "wait": {"type": "int", "default": 60},
    **FILES_OPTIONS,
    **HOST_OPTIONS,
}


def main() -> None:
    """Run the module."""
    run(MaskedModule(OPTIONS, supports_check_mode=True), EndpointHost, needs_library=False)


if __name__ == "__main__":
    main()
