# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that several modules take."""

from __future__ import annotations

from typing import Any, Dict

from .._model.rotation_marks import CLOSE, OPEN, PROVE

TLS_OPTIONS: Dict[str, Dict[str, Any]] = {
    "tls": {"type": "bool", "default": False},
    "tls_ca_file": {"type": "path"},
    "tls_cert_file": {"type": "path"},
    "tls_key_file": {"type": "path"},
}

_LOGIN: Dict[str, Dict[str, Any]] = {
    "username": {"type": "str"},
    "password": {"type": "raw", "no_log": True},
    "fallback_password": {"type": "raw", "no_log": True},
}
# How to get in, the same for all that are asked; where they listen is said beside it. A module that logs in to each
# data set as somebody else takes the password here, too: one that it does not know would be shown in its refusal.
CONNECTION_OPTIONS: Dict[str, Dict[str, Any]] = {
    "connection": {
        "type": "dict",
        "apply_defaults": True,
        "options": {**_LOGIN, "timeout": {"type": "float", "default": 2.0}, **TLS_OPTIONS},
    }
}
SERVER_OPTIONS: Dict[str, Dict[str, Any]] = {
    "host": {"type": "str", "default": "127.0.0.1"},
    "port": {"type": "int", "default": 6379},
    "socket": {"type": "path"},
    **CONNECTION_OPTIONS,
}
# With what to log in to the servers of each data set.
LOGINS: Dict[str, Any] = {
    "type": "list",
    "elements": "dict",
    "default": [],
    "options": {"name": {"type": "str", "required": True}, **_LOGIN},
}
MEMBER_OPTIONS: Dict[str, Dict[str, Any]] = {
    "host": {"type": "str", "required": True},
    "address": {"type": "str", "required": True},
    "port": {"type": "int", "required": True},
    "other_port": {"type": "int"},
}
_MEMBERS: Dict[str, Any] = {"type": "list", "elements": "dict", "options": MEMBER_OPTIONS}
SET_OPTIONS: Dict[str, Dict[str, Any]] = {
    "name": {"type": "str", "required": True},
    "members": {**_MEMBERS, "required": True},
    "sentinels": {**_MEMBERS, "default": []},
    "sentinel_username": {"type": "str"},
    "sentinel_password": {"type": "raw", "no_log": True},
    **CONNECTION_OPTIONS,
}
CLUSTER_OPTIONS: Dict[str, Dict[str, Any]] = {
    "name": {"type": "str", "required": True},
    "members": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {**{key: MEMBER_OPTIONS[key] for key in ("host", "address", "port")}, "zone": {"type": "str"}},
    },
    "replicas": {"type": "int", "default": 1},
    **CONNECTION_OPTIONS,
}
FILE_OPTIONS: Dict[str, Dict[str, Any]] = {
    "name": {"type": "str", "required": True},
    "path": {"type": "path", "required": True},
    "owner": {"type": "str", "default": "root"},
    "group": {"type": "str", "default": "redis"},
    "mode": {"type": "str", "default": "0640"},
    "user": {"type": "str", "default": "redis"},
    "binary": {"type": "path", "default": "/usr/bin/redis-server"},
}
FILES_OPTIONS: Dict[str, Dict[str, Any]] = {
    "files": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "path": {"type": "path", "required": True},
            "content": {"type": "str"},
            "link": {"type": "str"},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "mode": {"type": "str", "default": "0644"},
            "owner": {"type": "str", "default": "root"},
            "group": {"type": "str", "default": "root"},
            "secrets": {"type": "dict", "no_log": True},
        },
    }
}
HOST_OPTIONS: Dict[str, Dict[str, Any]] = {"name": {"type": "str", "default": "this host"}}

ROTATION_OPTIONS: Dict[str, Dict[str, Any]] = {
    "previous": {"type": "str", "choices": [OPEN, PROVE, CLOSE], "default": OPEN},
    "ignore_clients": {"type": "bool", "default": False},
}
