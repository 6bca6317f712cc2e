#!/usr/bin/python
# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: config
version_added: 0.1.0
short_description: Keep the configuration of servers and Sentinels, in their files and at run time
author: quorum.redis contributors (@quorum)
description:
  - Owns the managed configuration file of one process and its values at run time, so that both hold exactly
    what is declared. A setting that is no longer declared goes back to the engine's own default, and a value
    that was set by hand is put right.
  - The installed program itself reads the new configuration first, in a scratch process without port, data and
    privileges. A mistake is reported in the engine's own words, with nothing changed. What the scratch process
    makes of the configuration is what the running one is compared with, so equal means equal in any spelling.
  - Differences that can be set at run time are set, all or none. Those that need a restart are returned and
    never cause one. Dangerous ones are refused.
  - The AOF is switched on in the running server first, and the file says so when all data is in it.
  - What the installed program has accepted is noted beside the file, readable by root only, and not asked again until
    the configuration, the program, its libraries or a file that is named there has changed.
  - With O(processes) one execution keeps all processes of a host; what one of them refuses changes none.
options:
  name:
    description: Name of the instance, for messages. It or O(processes) is required.
    type: str
    required: false
  processes:
    description:
      - Several processes, each with options as beside this one, which are not given then. All other options are for
        all of them.
    type: list
    elements: dict
    suboptions:
      name: {description: Name of the instance., type: str, required: true}
      path: {description: The managed file., type: path, required: true}
      kind:
        description: As O(kind).
        type: str
        choices: [server, sentinel]
        default: server
      parameters: {description: As O(parameters)., type: dict, default: {}}
      secrets: {description: As O(secrets)., type: dict, default: {}}
      rotating: {description: As O(rotating)., type: bool, default: false}
      clients: {description: As O(clients)., type: list, elements: str, default: []}
      state_file: {description: As O(state_file)., type: path}
      unit: {description: As O(unit)., type: str}
      port: {description: As O(port)., type: int, default: 6379}
      connection:
        description: As O(connection), which is that of processes without their own.
        type: dict
        suboptions:
          username: {description: As O(connection.username)., type: str}
          password: {description: As O(connection.password)., type: raw}
          fallback_password: {description: As O(connection.fallback_password)., type: raw}
          timeout: {description: As O(connection.timeout)., type: float, default: 2.0}
          tls: {description: As O(connection.tls)., type: bool, default: false}
          tls_ca_file: {description: As O(connection.tls_ca_file)., type: path}
          tls_cert_file: {description: As O(connection.tls_cert_file)., type: path}
          tls_key_file: {description: As O(connection.tls_key_file)., type: path}
      guard_secrets: {description: As O(guard_secrets)., type: dict, default: {}}
      guard:
        description: As O(guard).
        type: dict
        suboptions: &guard
          address: {description: Address of this member., type: str, required: true}
          other_port: {description: Its port for others than its peers., type: int}
          members:
            description: The other members of the data set.
            type: list
            elements: dict
            required: true
            suboptions: &member
              host: {description: Name in the inventory., type: str, required: true}
              address: {description: IP address., type: str, required: true}
              port: {description: TCP port., type: int, required: true}
              other_port: {description: Its port for others than its peers., type: int}
          sentinels:
            description: The Sentinels that watch it.
            type: list
            elements: dict
            required: true
            suboptions: *member
          policy: {description: What to do without an answer from them., type: str, required: true}
          wait: {description: Seconds to ask for., type: int, required: true}
          username:
            description: ACL user of the start guard on the other members. Without it the default user.
            type: str
          acl:
            description: Whether the server has declared users in a file C(.acl) beside O(path), else it is removed.
            type: bool
            default: true
          users_absent:
            description: ACL users that are not to be there after a start, although the server wrote them down before.
            type: list
            elements: str
            default: []
          cluster:
            description: Whether the server is a member of a cluster, whose C(nodes.conf) says in which role it starts.
            type: bool
            default: false
  kind:
    description: What reads the file. A Sentinel has no settings that this module could change at run time.
    type: str
    choices: [server, sentinel]
    default: server
  path:
    description: The managed file, for example V(/etc/redis/main.conf). Required with O(name).
    type: path
  parameters:
    description:
      - The configuration as in C(redis.conf). A list repeats its key, true and false become V(yes) and V(no),
        and a null leaves its key out. Values are quoted as the engine wants it.
      - With C(masteruser), even an empty one, C(masteruser) and C(masterauth) are changed when every member of
        O(guard) lets them in, and refused as dangerous when not.
    type: dict
    default: {}
  secrets:
    description:
      - More of the same, never shown. A difference is shown as such. One with null is neither written nor compared.
        Only passwords belong here - each text in them is masked wherever it is part of what the module returns.
    type: dict
    default: {}
  clients:
    description:
      - SHA-256 hashes of the passwords of the user V(client) of a Sentinel, as whom applications ask for the primary.
        It is made, changed and removed in the file and in the running Sentinel, from 6.2 on.
    type: list
    elements: str
    default: []
  rotating:
    description:
      - Whether the password of the default user takes the place of another. C(requirepass) is then only written, and
        the module M(quorum.redis.acl) tells the server. C(masterauth) is changed when every member lets it in.
      - A Sentinel is let in with both, O(connection.password) being a list of them, from 6.2 on and without a restart.
    type: bool
    default: false
  previous:
    description:
      - What happens to the previous password of a Sentinel. V(prove) changes nothing and fails when somebody needs it,
        V(close) takes it away.
    type: str
    choices: [open, prove, close]
    default: open
  ignore_clients:
    description: Do not look for clients that logged in to the Sentinel before there was a new password.
    type: bool
    default: false
  state_file:
    description: The file that the process was started with, for what a running process does not tell.
    type: path
  unit:
    description: The systemd unit of the process, for RV(started).
    type: str
  guard:
    description: What the start guard of a server must know. Written last, as JSON beside O(path), with the same
      owner, group and mode. Left out, there is no such file.
    type: dict
    suboptions: *guard
  guard_secrets:
    description: More of O(guard), never shown.
    type: dict
    default: {}
  trust:
    description:
      - By host, what tells its CA file from that of another, from M(quorum.redis.host). A difference is refused.
    type: dict
    default: {}
  peers:
    description: Servers and Sentinels whose present certificates a changed CA file must still prove.
    type: list
    elements: dict
    default: []
    suboptions: *member
  absent:
    description: Hosts that this run is without. What members and Sentinels can only do together is refused then.
    type: list
    elements: str
    default: []
  allow_dangerous:
    description: Do what would lose data or access otherwise refused.
    type: bool
    default: false
  wait:
    description: Seconds that loading and the first rewrite of the AOF may take.
    type: int
    default: 600
extends_documentation_fragment:
  - quorum.redis.attributes
  - quorum.redis.connection
  - quorum.redis.connection.server
  - quorum.redis.managed
"""

EXAMPLES = r"""
- name: Configure the instance main
  quorum.redis.config:
    name: main
    path: /etc/redis/main.conf
    state_file: /var/lib/redis/main/redis.conf
    parameters:
      port: 6379
      dir: /var/lib/redis/main
      maxmemory: 1gb
      save: ["900 1", "300 10"]
    secrets:
      requirepass: "{{ redis_password }}"
    connection: {password: "{{ redis_password }}"}

- name: Configure a server and the Sentinel of this host
  quorum.redis.config:
    processes:
      - name: main
        path: /etc/redis/main.conf
        parameters: {dir: /var/lib/redis/main}
      - name: sentinel
        kind: sentinel
        path: /etc/redis/sentinel.conf
        port: 26379
        parameters: {dir: /var/lib/redis/sentinel}
"""

RETURN = r"""
processes:
  description: The other values for each of O(processes), with its C(name) and C(kind).
  returned: with O(processes), in place of the other values
  type: list
  elements: dict
to_restart:
  description: The names of those of O(processes) with RV(restart_needed).
  returned: with O(processes)
  type: list
  elements: str
live:
  description: Settings that were set at run time, or would be in check mode.
  returned: success
  type: list
  elements: str
  sample: [maxmemory]
restart:
  description: What needs a restart.
  returned: success
  type: list
  elements: dict
  contains:
    key: {description: "The setting, or V(version), or V(*) for the file as a whole.", type: str, returned: always}
    why: {description: The reason., type: str, returned: always}
restart_needed:
  description: Whether RV(restart) has entries.
  returned: success
  type: bool
dangerous:
  description: Dangerous differences, all of them allowed by O(allow_dangerous).
  returned: success
  type: list
  elements: dict
running:
  description: Whether the process was running.
  returned: success
  type: bool
started:
  description: Whether it was running as the O(unit), which is also enabled, so that no service needs to be started.
  returned: success
  type: bool
steps:
  description: What was done, or would be in check mode, one sentence each.
  returned: always
  type: list
  elements: str
"""

from pathlib import Path
from typing import Any

from ..module_utils._config.processes import Processes
from ..module_utils._config.reconciler import Instance
from ..module_utils._module.process_options import CONFIG_OPTIONS
from ..module_utils._module.runner import MaskedModule, run


def main() -> None:
    """Run the module."""
    module = MaskedModule(
        CONFIG_OPTIONS,
        supports_check_mode=True,
        required_together=[("name", "path")],
        required_one_of=[("name", "processes")],
        mutually_exclusive=[("name", "processes")],
    )
    # On a host without the engine nothing runs that could be asked; check mode predicts the files all the same.
    build: Any = Instance if module.params["processes"] is None else Processes
    run(module, build, needs_library=Path(module.params["binary"]).exists())


if __name__ == "__main__":
    main()
