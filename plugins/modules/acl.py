#!/usr/bin/python
# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: acl
version_added: 0.1.0
short_description: Keep the ACL users of one server, in its file and at run time
author: quorum.redis contributors (@quorum)
description:
  - Makes the declared users of one server exactly what is declared, in the running server without a restart, and in a
    file that is added to the server's configuration at each start. The file has hashes instead of passwords.
  - The installed program itself reads the rules first, in a scratch process. A rule that it refuses is reported with
    its user, and nothing is changed. Users are compared by what their rules mean, in the spelling of that program.
  - Before anything is changed, the program tries whether the users with which replicas, Sentinels and these modules
    log in (O(logins)) could still do their work. When not, the change is refused.
  - A user that somebody may depend on now keeps its rights until a second execution with O(final), which proves that
    every member lets everybody in with O(logins), and lets replicas and Sentinels log in anew, before it takes them.
  - Users that are not declared are reported, and removed only with O(purge).
options:
  path:
    description: The file, for example V(/etc/redis/main.acl).
    type: path
    required: true
  parameters:
    description: Configuration of the server, without secrets; modules that it loads bring commands of their own.
    type: dict
    default: {}
  users:
    description: The users.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Its name. V(default) is the user without a name.
        type: str
        required: true
      state:
        description: Whether the user is there.
        type: str
        choices: [present, absent]
        default: present
      enabled:
        description: Whether it can log in.
        type: bool
        default: true
      job:
        description:
          - Rights for a job that the collection knows, the least that work with this version of the engine. Instead of
            O(users[].keys), O(users[].channels), O(users[].commands) and O(users[].selectors).
        type: str
        choices: [replication, sentinel, operator, monitoring, backup, endpoint]
      cluster:
        description: Whether the job is done in a cluster, which takes more rights.
        type: bool
        default: false
      preset:
        description:
          - Rights for a kind of application on keys and channels that begin with O(users[].prefix), kept true for this
            version of the engine. Before a change the installed engine proves them, with C(ACL DRYRUN) where it has it.
          - V(application) is for every client, V(cache) for caches and locks, V(session) for sessions in strings,
            V(queue) for queues as RQ, huey, BullMQ and dramatiq, V(celery) for Celery, V(reader) reads only.
          - What O(users[].keys), O(users[].channels), O(users[].commands) and O(users[].selectors) name is added.
        type: str
        choices: [application, cache, session, queue, celery, reader]
      prefix:
        description: With what keys and channels of O(users[].preset) begin, literally. Empty for all of them.
        type: str
      passwords:
        description: Passwords; each of them opens.
        type: list
        elements: str
        default: []
      passwords_previous:
        description: Those of them that open go on to do so, until O(previous=close).
        type: list
        elements: str
        default: []
      passwords_only:
        description:
          - Whether nothing but the passwords is declared, its rights being left alone. Such a user is in the file only
            while it has two passwords; of the default user C(requirepass) tells the rest.
        type: bool
        default: false
      hashes:
        description: SHA-256 hashes of more passwords, 64 hexadecimal digits each.
        type: list
        elements: str
        default: []
      nopass:
        description: Whether any password opens.
        type: bool
        default: false
      keys:
        description: Patterns of keys, as V(app:*) or, from 7.0, V(%R~app:*). None when absent.
        type: list
        elements: str
        default: []
      channels:
        description: Patterns of channels, from 6.2. None when absent. Redis 6.0 lets everybody use all of them.
        type: list
        elements: str
        default: []
      commands:
        description:
          - Rules for commands and categories in their order, as V(+@read), V(-keys) or V(get).
          - When absent, and without O(users[].preset), V(+@all -@admin -@dangerous +info +role -script +script|exists
            +script|load), and from 7.0 of V(function) what calls and lists them only.
        type: list
        elements: str
      selectors:
        description: More rules, each with keys and commands of its own, from 7.0; as V(~log:* +@read).
        type: list
        elements: str
        default: []
  purge:
    description: Remove users that are not declared. The default user stays.
    type: bool
    default: false
  logins:
    description:
      - With what they log in who must not be locked out. Those that are not named are not looked at.
    type: dict
    default: {}
    suboptions:
      operator:
        description: These modules.
        type: dict
        suboptions: &login
          username: {description: ACL user; empty for the default user., type: str}
          password: {description: Its password., type: str}
      replication:
        description: The replicas.
        type: dict
        suboptions: *login
      sentinel:
        description: The Sentinels.
        type: dict
        suboptions: *login
  members:
    description: The other members of the data set.
    type: list
    elements: dict
    default: []
    suboptions:
      host: {description: Name in the inventory., type: str, required: true}
      address: {description: IP address., type: str, required: true}
      port: {description: TCP port., type: int, required: true}
      other_port: {description: Not used here., type: int}
  sentinels:
    description: How many Sentinels must be logged in as their user before another one loses its rights.
    type: int
    default: 0
  final:
    description: Change the users that O(ignore:pending) names too.
    type: bool
    default: false
  previous:
    description:
      - What happens to previous passwords. V(prove) changes nothing, and fails when somebody needs them.
      - V(close) proves it too and takes them away. All members must let everybody in as O(logins) say, replicate with
        that, and no client may be connected that logged in before there was a new password.
    type: str
    choices: [open, prove, close]
    default: open
  ignore_clients:
    description: Do not look for such clients.
    type: bool
    default: false
  wait:
    description: Seconds that replicas and Sentinels may take to log in anew.
    type: int
    default: 60
extends_documentation_fragment:
  - quorum.redis.attributes
  - quorum.redis.connection
  - quorum.redis.connection.server
  - quorum.redis.managed
seealso:
  - module: quorum.redis.config
"""

EXAMPLES = r"""
- name: Let the application and the operator in
  quorum.redis.acl:
    name: main
    path: /etc/redis/main.acl
    connection: {username: operator, password: "{{ operator_password }}", fallback_password: "{{ redis_password }}"}
    users:
      - name: operator
        job: operator
        passwords: ["{{ operator_password }}"]
      - name: app
        passwords: ["{{ app_password }}"]
        keys: ["app:*"]
        commands: ["+@read", "+@write"]
    logins:
      operator: {username: operator, password: "{{ operator_password }}"}
      replication: {username: "", password: "{{ redis_password }}"}
"""

RETURN = r"""
users:
  description: Users that were changed, or would be in check mode.
  returned: success
  type: list
  elements: str
pending:
  description: Users that somebody may still depend on, whose change O(final) makes.
  returned: success
  type: list
  elements: str
undeclared:
  description: Users that are not declared.
  returned: success
  type: list
  elements: str
running:
  description: Whether the server was running.
  returned: success
  type: bool
steps:
  description: What was done, or would be in check mode, one sentence each.
  returned: always
  type: list
  elements: str
"""

from pathlib import Path

from ..module_utils._acl.reconciler import Acl
from ..module_utils._module.process_options import ACL_OPTIONS
from ..module_utils._module.runner import MaskedModule, run


def main() -> None:
    """Run the module."""
    module = MaskedModule(argument_spec=ACL_OPTIONS, supports_check_mode=True)
    run(module, Acl, needs_library=Path(module.params["binary"]).exists())


if __name__ == "__main__":
    main()
