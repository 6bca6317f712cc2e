# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter access: who logs in to a data set as whom."""

from __future__ import annotations

from typing import Any, Callable, Dict, Mapping, Optional, Sequence

from ..module_utils._model.acl_users import assign_logins as pure
from ..module_utils._model.options import convert_value

DOCUMENTATION = r"""
name: access
short_description: Say who logs in to a data set as whom
version_added: 0.1.0
author: quorum.redis contributors (@quorum)
description:
  - Works out which ACL users a data set has, and with which user and password the modules, the replicas and the
    Sentinels log in. Where no user has the job, that is the default user with its password.
positional: _input
options:
  _input:
    description: The data sets, as in C(redis_instances).
    type: list
    elements: dict
    required: true
  users:
    description: Users of the data sets that declare none of their own.
    type: list
    elements: dict
  password:
    description: Password of the default user.
    type: str
    default: ""
  previous:
    description: Password of the default user whose place O(password) takes.
    type: str
    default: ""
  auth:
    description: Whether passwords are used at all.
    type: bool
    default: true
  transport:
    description: What the option C(connection) of the modules says beside user and password, as C(tls).
    type: dict
"""

EXAMPLES = r"""
- name: Ask a server as the operator
  quorum.redis.instance_info:
    connection: "{{ (redis_instances | quorum.redis.access(redis_acl_users, redis_password)).main.connection }}"
"""

RETURN = r"""
_value:
  description:
    - By name of the data set C(users); C(login), with what the modules log in, and C(connection), their option of that
      name with it; C(logins), the same by C(operator), C(replication) and C(sentinel); C(backup), with what backups are
      made, and C(backup_connection), the option with it; C(rotating), whether the password of the
      default user takes the place of another; and C(secrets), the directives of the server that hold passwords.
      A password in C(login) and C(backup) is a list while it takes the place of another, and C(backup_password)
      is the new one alone. C(monitoring) is with what metrics are asked, empty where no user has that
      job and a password.
  type: dict
"""


def access(
    instances: Sequence[Mapping[str, Any]],
    users: Optional[Sequence[Mapping[str, Any]]] = None,
    password: str = "",
    auth: bool = True,
    previous: str = "",
    transport: Optional[Mapping[str, Any]] = None,
) -> Dict[str, Any]:
    """Return who logs in as whom."""
    return pure(_entries(instances), _entries(users), password, auth, previous, transport)


def _entries(given: Any) -> Sequence[Mapping[str, Any]]:
    """Return what may have come as JSON, as the topology has read it."""
    entries: Sequence[Mapping[str, Any]] = convert_value(given, "list", "dict") or []
    return entries


class FilterModule:
    """The filters of this file."""

    def filters(self) -> Dict[str, Callable[..., Any]]:
        """Return them by name."""
        return {"access": access}
