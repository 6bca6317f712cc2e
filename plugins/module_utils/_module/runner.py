# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The harness of every module: observe, plan, then check and diff or apply, observe again, exit."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Generic, List, Optional, TypeVar

from ansible.module_utils.basic import AnsibleModule

from .._core.errors import MissingLibrary, QuorumError
from .._redis.client import Endpoint, require
from .._redis.tls import TLS_OPTIONS, of

Obs = TypeVar("Obs")

CONNECTION_OPTIONS: Dict[str, Dict[str, Any]] = {
    "host": {"type": "str", "default": "127.0.0.1"},
    "port": {"type": "int", "default": 6379},
    "socket": {"type": "path"},
    "username": {"type": "str"},
    "password": {"type": "raw", "no_log": True},
    "fallback_password": {"type": "raw", "no_log": True},
    "timeout": {"type": "float", "default": 2.0},
    **TLS_OPTIONS,
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
    **{key: CONNECTION_OPTIONS[key] for key in ("username", "password", "fallback_password", "timeout")},
    **TLS_OPTIONS,
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


@dataclass
class Step:
    """One thing to do: a sentence for the reader, and what apply needs."""

    text: str
    data: Dict[str, Any] = field(default_factory=dict)


class Subject(Generic[Obs]):
    """What a module is about; each module fills in these methods."""

    def __init__(self) -> None:
        """Start without warnings; whatever is put there reaches the user."""
        self.warnings: List[str] = []

    def observe(self) -> Obs:
        """Return how things are."""
        raise NotImplementedError

    def plan(self, obs: Obs) -> List[Step]:
        """Return what is to be done; pure."""
        raise NotImplementedError

    def apply(self, step: Step) -> None:
        """Do one step."""
        raise NotImplementedError

    def settle(self, before: Obs, steps: List[Step]) -> Obs:
        """Return how things are after the steps, once they have had their effect."""
        return self.observe() if steps else before

    def result(self, obs: Obs, steps: List[Step]) -> Dict[str, Any]:
        """Return what the module returns beside changed, steps and diff."""
        return {}

    def diff(self, before: Obs, after: Optional[Obs], steps: List[Step]) -> List[Dict[str, str]]:
        """Return the diff; after is None in check mode."""
        return [{"before": "", "after": "".join(step.text + "\n" for step in steps)}] if steps else []


def endpoint(params: Dict[str, Any]) -> Endpoint:
    """Return the endpoint that the connection options name."""
    given = {key: params[key] for key in ("port", "username", "password", "socket", "timeout")}
    return Endpoint(params["host"], fallback=params["fallback_password"], tls=of(params), **given)


def run(module: AnsibleModule, build: Callable[[AnsibleModule], Subject[Obs]], needs_library: bool = True) -> None:
    """Run one module from its options to its exit; nobody else exits or fails."""
    done: List[Step] = []
    try:
        try:
            if needs_library:
                require()
        except MissingLibrary:
            if not module.check_mode:
                raise
            text = "the rest would be known after the run has installed redis-py"
            module.exit_json(changed=True, steps=[text], diff=[])
        subject = build(module)
        before = subject.observe()
        steps = subject.plan(before)
        after: Optional[Obs] = None
        if not module.check_mode:
            for step in steps:
                subject.apply(step)
                done.append(step)
            after = subject.settle(before, steps)
        answer = subject.result(before if after is None else after, steps)
        for warning in subject.warnings:
            module.warn(warning)
        diff = subject.diff(before, after, steps) if module._diff else []
    except QuorumError as problem:
        module.fail_json(msg=str(problem), changed=bool(done), steps=[step.text for step in done])
    else:
        module.exit_json(**{"changed": bool(steps), "steps": [step.text for step in steps], "diff": diff, **answer})
