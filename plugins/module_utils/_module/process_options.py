# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of modules that the module host takes too: it looks for all of them in one execution."""

from __future__ import annotations

from typing import Any, Dict

from .._model.acl_applications import PRESETS
from .._model.acl_presets import JOBS, NEEDS
from .options import (
    CONNECTION_OPTIONS,
    FILE_OPTIONS,
    LOGINS,
    MEMBER_OPTIONS,
    ROTATION_OPTIONS,
    SERVER_OPTIONS,
)

PROCESS_OPTIONS: Dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "path": {"type": "path", "required": True},
    "kind": {"type": "str", "choices": ["server", "sentinel"], "default": "server"},
    "parameters": {"type": "dict", "default": {}},
    "secrets": {"type": "dict", "default": {}, "no_log": True},
    "rotating": {"type": "bool", "default": False},
    "clients": {"type": "list", "elements": "str", "default": [], "no_log": True},
    "state_file": {"type": "path"},
    "unit": {"type": "str"},
    "port": SERVER_OPTIONS["port"],
    "connection": {**CONNECTION_OPTIONS["connection"], "apply_defaults": False},
    "guard": {
        "type": "dict",
        "options": {
            "address": {"type": "str", "required": True},
            "other_port": {"type": "int"},
            "members": {"type": "list", "elements": "dict", "required": True, "options": MEMBER_OPTIONS},
            "sentinels": {"type": "list", "elements": "dict", "required": True, "options": MEMBER_OPTIONS},
            "policy": {"type": "str", "required": True},
            "wait": {"type": "int", "required": True},
            "username": {"type": "str"},
            "acl": {"type": "bool", "default": True},
            "users_absent": {"type": "list", "elements": "str", "default": []},
            "cluster": {"type": "bool", "default": False},
        },
    },
    "guard_secrets": {"type": "dict", "default": {}, "no_log": True},
}

CONFIG_OPTIONS: Dict[str, Any] = {
    **FILE_OPTIONS,
    **PROCESS_OPTIONS,
    **SERVER_OPTIONS,
    "name": {"type": "str"},
    "path": {"type": "path"},
    "processes": {"type": "list", "elements": "dict", "options": PROCESS_OPTIONS},
    "trust": {"type": "dict", "default": {}},
    "peers": {"type": "list", "elements": "dict", "default": [], "options": MEMBER_OPTIONS},
    "absent": {"type": "list", "elements": "str", "default": []},
    **ROTATION_OPTIONS,
    "allow_dangerous": {"type": "bool", "default": False},
    "wait": {"type": "int", "default": 600},
}
_MEMBERS: Dict[str, Any] = {"type": "list", "elements": "dict", "default": [], "options": MEMBER_OPTIONS}
_MASTER: Dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "members": _MEMBERS,
    "quorum": {"type": "int", "default": 2},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "down_after": {"type": "int"},
    "failover_timeout": {"type": "int"},
    "parallel_syncs": {"type": "int"},
    "username": {"type": "str"},
    "password": {"type": "str", "no_log": True},
}
SENTINEL_OPTIONS: Dict[str, Any] = {
    **SERVER_OPTIONS,
    "port": {"type": "int", "default": 26379},
    "state_file": {"type": "path"},
    "forget": {"type": "bool", "default": False},
    "leaving": {"type": "list", "elements": "str", "default": []},
    "masters": {"type": "list", "elements": "dict", "required": True, "options": _MASTER},
    "passwords": {"type": "dict", "default": {}, "no_log": True},
    "users": {"type": "dict", "default": {}},
    "logins": LOGINS,
    "sentinels": _MEMBERS,
    "sentinel_username": {"type": "str"},
    "sentinel_password": {"type": "raw", "no_log": True},
    "wait": {"type": "int", "default": 60},
}
_USER_LOGIN: Dict[str, Any] = {
    "type": "dict",
    "options": {"username": {"type": "str"}, "password": {"type": "str", "no_log": True}},
}
_TEXT: Dict[str, Any] = {"type": "list", "elements": "str", "default": []}
_USER: Dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "enabled": {"type": "bool", "default": True},
    "job": {"type": "str", "choices": list(JOBS)},
    "cluster": {"type": "bool", "default": False},
    "preset": {"type": "str", "choices": list(PRESETS)},
    "prefix": {"type": "str"},
    "passwords": {**_TEXT, "no_log": True},
    "passwords_previous": {**_TEXT, "no_log": True},
    "passwords_only": {"type": "bool", "default": False, "no_log": False},
    "hashes": {**_TEXT, "no_log": True},
    "nopass": {"type": "bool", "default": False, "no_log": False},
    "keys": {**_TEXT, "no_log": False},
    "channels": _TEXT,
    "commands": {"type": "list", "elements": "str"},
    "selectors": _TEXT,
}
ACL_OPTIONS: Dict[str, Any] = {
    **SERVER_OPTIONS,
    **FILE_OPTIONS,
    "parameters": {"type": "dict", "default": {}},
    "users": {"type": "list", "elements": "dict", "required": True, "options": _USER},
    "purge": {"type": "bool", "default": False},
    "logins": {"type": "dict", "default": {}, "options": dict.fromkeys(NEEDS, _USER_LOGIN)},
    "members": {"type": "list", "elements": "dict", "default": [], "options": MEMBER_OPTIONS},
    "sentinels": {"type": "int", "default": 0},
    "final": {"type": "bool", "default": False},
    "wait": {"type": "int", "default": 60},
    **ROTATION_OPTIONS,
}
_DECLARED_SET: Dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "members": {"type": "list", "elements": "dict", "required": True, "options": MEMBER_OPTIONS},
    "sentinel": {"type": "bool", "default": True},
}
_LEAVING: Dict[str, Any] = {
    **{key: {"type": "str", "required": True} for key in ("host", "address")},
    **{key: {"type": "int"} for key in ("port", "other_port")},
}
MEMBERSHIP_OPTIONS: Dict[str, Any] = {
    "sets": {"type": "list", "elements": "dict", "required": True, "options": _DECLARED_SET},
    "logins": LOGINS,
    "sentinels": _MEMBERS,
    "sentinel_password": {"type": "raw", "no_log": True},
    "leaving": {"type": "list", "elements": "dict", "default": [], "options": _LEAVING},
    "unfit": {"type": "list", "elements": "str", "default": []},
    "stoppable": {"type": "list", "elements": "str"},
    **CONNECTION_OPTIONS,
}
