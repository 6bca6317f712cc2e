#!/usr/bin/python
# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: notify
version_added: 0.1.0
short_description: Tell people when a primary moves, from the host of a Sentinel
author: quorum.redis contributors (@quorum)
description:
  - Runs the notifier of this host in a unit and as a user of its own. It listens to the Sentinel of the host and tells
    Alertmanager, a webhook, a mail server and a command of moves, of failovers that did not happen, and of a Sentinel
    in tilt. Each event is on disk until it was taken.
  - Before anything is changed the Sentinel is asked with the login of the notifier. Afterwards the module waits until
    the notifier listens.
  - Without O(settings) everything of it is taken away again.
options:
  deployment:
    description: Name of the deployment. A host carries the notifier of one.
    type: str
    required: true
  rank:
    description: The place of this host among those that have a Sentinel, from 0. Each has another one.
    type: int
    default: 0
  address:
    description: Address of the Sentinel of this host. Without it everything is taken away.
    type: str
  port:
    description: Its TCP port.
    type: int
    default: 26379
  auth:
    description: Whether the Sentinel asks for passwords.
    type: bool
    default: true
  username:
    description: User of the Sentinel that may ask for the primary and listen. The default user when empty.
    type: str
    default: ""
  passwords:
    description: Its passwords. The others are tried where the first one is not known.
    type: list
    elements: str
    default: []
  tls:
    description: Whether the Sentinel speaks TLS.
    type: bool
    default: false
  tls_ca_file:
    description: CA by which its certificate is verified. The user of the notifier reads it.
    type: path
  tls_cert_file:
    description: Certificate to show, where the Sentinel asks for one. The unit copies it for the notifier.
    type: path
  tls_key_file:
    description: Key of that certificate. The unit copies it for the notifier.
    type: path
  settings:
    description: Who is told. The journal always is.
    type: dict
    suboptions:
      alertmanager:
        description: Alertmanager, version 2 of its API.
        type: dict
        suboptions:
          urls:
            description: All of a cluster, as C(http://HOST:9093).
            type: list
            elements: str
          username:
            description: User, where it asks for one.
            type: str
          password:
            description: Its password.
            type: str
          ca_file:
            description: CA for C(https). That of the system when absent.
            type: path
          labels:
            description: Labels that each alert has beside those of the event.
            type: dict
            default: {}
          hold:
            description: Seconds after which an alert ends by itself.
            type: int
            default: 3600
      webhook:
        description: A URL that takes each event as JSON.
        type: dict
        suboptions:
          url:
            description: Where to send it; may hold a token.
            type: str
            required: true
          headers:
            description: Headers to send, C(Authorization) for example.
            type: dict
            default: {}
          ca_file:
            description: CA for C(https). That of the system when absent.
            type: path
      mail:
        description: A mail server.
        type: dict
        suboptions:
          host:
            description: Its name or address.
            type: str
            default: 127.0.0.1
          port:
            description: Its TCP port.
            type: int
            default: 25
          tls:
            description: Whether it speaks TLS, from the start or after C(STARTTLS).
            type: str
            choices: ["off", starttls, "on"]
            default: "off"
          ca_file:
            description: CA for TLS. That of the system when absent.
            type: path
          username:
            description: User, where it asks for one.
            type: str
          password:
            description: Its password.
            type: str
          sender:
            description: Address from which mails come.
            type: str
            required: true
          to:
            description: Who gets them.
            type: list
            elements: str
            required: true
      command:
        description: Program and arguments. It reads the event as JSON from its standard input and has 10 seconds.
        type: list
        elements: str
        default: []
      standby:
        description: >-
          Seconds after which another host tells a webhook, a mail server or a command, should the one whose Sentinel
          led not have been able to.
        type: int
        default: 60
      keep:
        description: Seconds after which an event that could not be told is given up.
        type: int
        default: 86400
  test:
    description: Send a test notification to every sink instead, and fail unless all have taken it.
    type: bool
    default: false
  tell:
    description: Let the notifier tell of something that a playbook does instead. Without a notifier that is a warning.
    type: dict
    suboptions:
      kind:
        description: What it does.
        type: str
        choices: [restore, rotation]
        required: true
      state:
        description: Whether it has begun, ended or failed.
        type: str
        choices: [begun, ended, failed]
        required: true
      set:
        description: Name of the data set, where it is about one.
        type: str
        default: ""
      who:
        description: Who runs it.
        type: str
        required: true
  wait:
    description: Seconds in which the notifier must listen, or have told of a test.
    type: int
    default: 60
extends_documentation_fragment:
  - quorum.redis.attributes
  - quorum.redis.files
  - quorum.redis.files.host
"""

EXAMPLES = r"""
- name: Tell Alertmanager when the primary moves
  quorum.redis.notify:
    deployment: redis
    name: "{{ inventory_hostname }}"
    address: 10.0.0.1
    username: client
    passwords: ["{{ vault_sentinel_clients }}"]
    settings:
      alertmanager: {urls: ["http://10.0.0.9:9093"]}
    files: "{{ program_and_unit }}"
"""

RETURN = r"""
told:
  description: What became of a test notification, a line for each sink.
  returned: success
  type: list
  elements: str
  sample: ["webhook: arrived at chat.example.org:443"]
steps:
  description: What was done, or would be in check mode, one sentence each.
  returned: always
  type: list
  elements: str
"""

from typing import Any

from ..module_utils._module.options import FILES_OPTIONS, HOST_OPTIONS, TLS_OPTIONS
from ..module_utils._module.runner import MaskedModule, run
from ..module_utils._notify.reconciler import NotifyHost

SECRET: dict[str, Any] = {"type": "str", "no_log": True}
LOGIN: dict[str, Any] = {"username": {"type": "str"}, "password": SECRET, "ca_file": {"type": "path"}}
ALERTMANAGER: dict[str, Any] = {
    "urls": {"type": "list", "elements": "str"},
    "labels": {"type": "dict", "default": {}},
    "hold": {"type": "int", "default": 3600},
    **LOGIN,
}
WEBHOOK: dict[str, Any] = {
    "url": {**SECRET, "required": True},
    "headers": {"type": "dict", "default": {}, "no_log": True},
    "ca_file": {"type": "path"},
}
MAIL: dict[str, Any] = {
    "host": {"type": "str", "default": "127.0.0.1"},
    "port": {"type": "int", "default": 25},
    "tls": {"type": "str", "choices": ["off", "starttls", "on"], "default": "off"},
    "sender": {"type": "str", "required": True},
    "to": {"type": "list", "elements": "str", "required": True},
    **LOGIN,
}
SETTINGS: dict[str, Any] = {
    "alertmanager": {"type": "dict", "options": ALERTMANAGER},
    "webhook": {"type": "dict", "options": WEBHOOK},
    "mail": {"type": "dict", "options": MAIL},
    "command": {"type": "list", "elements": "str", "default": []},
    "standby": {"type": "int", "default": 60},
    "keep": {"type": "int", "default": 86400},
}
TELL: dict[str, Any] = {
    "kind": {"type": "str", "choices": ["restore", "rotation"], "required": True},
    "state": {"type": "str", "choices": ["begun", "ended", "failed"], "required": True},
    "set": {"type": "str", "default": ""},
    "who": {"type": "str", "required": True},
}
OPTIONS: dict[str, Any] = {
    "deployment": {"type": "str", "required": True},
    "rank": {"type": "int", "default": 0},
    "address": {"type": "str"},
    "port": {"type": "int", "default": 26379},
    "auth": {"type": "bool", "default": True},
    "username": {"type": "str", "default": ""},
    "passwords": {"type": "list", "elements": "str", "default": [], "no_log": True},
    "settings": {"type": "dict", "options": SETTINGS},
    "test": {"type": "bool", "default": False},
    "tell": {"type": "dict", "options": TELL},
    "wait": {"type": "int", "default": 60},
    **TLS_OPTIONS,
    **FILES_OPTIONS,
    **HOST_OPTIONS,
}


def main() -> None:
    """Run the module."""
    run(MaskedModule(OPTIONS, supports_check_mode=True), NotifyHost, needs_library=False)


if __name__ == "__main__":
    main()
