# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first look at a host judges by what the tasks that it saves would be told, word for word."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from ansible_collections.quorum.redis.plugins.module_utils._model.acl_users import assign_logins
from ansible_collections.quorum.redis.plugins.module_utils._model.processes import server_acls

ROLES = Path(__file__).resolve().parents[3] / "roles"
# What only says how something is done, where something is to do.
HOW = {"previous", "ignore_clients", "allow_dangerous", "wait", "final"}


def read(path: str) -> Any:
    """Return a file of a role."""
    return yaml.safe_load((ROLES / path).read_text(encoding="utf-8"))


def told(path: str, module: str) -> dict[str, str]:
    """Return what the task of a file tells its module."""
    (task,) = read(path)
    options: dict[str, str] = task[f"quorum.redis.{module}"]
    return {name: value for name, value in options.items() if name not in HOW}


def test_config_is_judged_by_what_its_task_is_told() -> None:
    task, ahead = told("redis/tasks/processes.yml", "config"), read("redis/vars/main.yml")["__redis_config_ahead"]
    # The other hosts' CAs are what this look finds out; they matter where one takes another's place.
    assert task.pop("trust") == "{{ __redis_trust }}"
    assert task.pop("processes") == "{{ __redis_processes }}"
    assert ahead.pop("processes") == "{{ __redis_sentinel_processes + __redis_server_processes }}"
    assert ahead.pop("allow_dangerous") is True  # the task judges that, once the ACL users are there
    assert ahead == task


def test_who_is_there_is_asked_as_the_task_of_other_verbs_asks() -> None:
    ahead = read("redis/vars/main.yml")["__redis_membership_ahead"]
    assert ahead == told("redis/tasks/membership.yml", "membership")


def test_a_sentinel_is_judged_by_what_its_task_is_told() -> None:
    task = told("redis_sentinel/tasks/join.yml", "sentinel")
    assert read("redis_sentinel/vars/main.yml")["__redis_sentinel_ahead"] == task


def test_users_are_judged_by_what_their_task_is_told() -> None:
    task, shared = told("redis_server/tasks/acl.yml", "acl"), read("redis_server/vars/main.yml")
    server = {"name": "main", "port": 6379, "parameters": {}, "members": [], "sentinel": True, "acl": {"managed": True}}
    topology = {"servers": [server], "sentinel": {"members": []}, "options": {"redis_acl_purge": False}}
    (own,) = server_acls(topology, assign_logins([{"name": "main"}], [], "word", True), "a")
    each = {name: f"{{{{ __redis_server_acl.{name} }}}}" for name in own}
    assert {**shared["__redis_server_acl_shared"], **each, "name": "{{ item }}"} == task
