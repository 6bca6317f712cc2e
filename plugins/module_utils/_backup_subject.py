# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module backup is about: the members, the chosen one, and its backup."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.quorum.redis.plugins.module_utils import _manifest
from ansible_collections.quorum.redis.plugins.module_utils._backup import Job, drill, fresh, make, mend
from ansible_collections.quorum.redis.plugins.module_utils._carrier import choose
from ansible_collections.quorum.redis.plugins.module_utils._errors import QuorumError, Refused
from ansible_collections.quorum.redis.plugins.module_utils._manifest import Damaged, Manifest
from ansible_collections.quorum.redis.plugins.module_utils._module import MEMBER_OPTIONS, Step, Subject
from ansible_collections.quorum.redis.plugins.module_utils._observe import members, observe_all
from ansible_collections.quorum.redis.plugins.module_utils._reply import Observed
from ansible_collections.quorum.redis.plugins.module_utils._tls import TLS_OPTIONS, of

OPTIONS: dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "here": {"type": "str", "required": True},
    "members": {"type": "list", "elements": "dict", "required": True, "options": MEMBER_OPTIONS},
    "member": {"type": "str"},
    "primary": {"type": "bool", "default": False},
    "directory": {"type": "path", "default": "/var/backups/redis"},
    "compression": {"type": "str", "choices": ["none", "gzip", "zstd"], "default": "none"},
    "load": {"type": "bool", "default": True},
    "aof": {"type": "bool", "default": False},
    "fresh": {"type": "int", "default": 0},
    "drill": {"type": "bool", "default": False},
    "binary": {"type": "path"},
    "unit": {"type": "str", "default": ""},
    "user": {"type": "str", "default": "redis"},
    "username": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "timeout": {"type": "float", "default": 2.0},
    **TLS_OPTIONS,
    "wait": {"type": "int", "default": 3600},
}


class Backup(Subject["list[Observed]"]):
    """One data set, seen from one of its members."""

    def __init__(self, module: AnsibleModule) -> None:
        """Read the options."""
        super().__init__()
        self.params = params = module.params
        login = (params["username"], params["password"])
        self.places = members(params["members"], *login, params["timeout"], tls=of(params))
        mine = dict(self.places).get(params["here"])
        if mine is None:
            raise Refused(f"{params['here']} is no member", f"data set {params['name']}", "Correct `here`")
        given = ("directory", "user", "unit", "compression", "load", "aof", "wait")
        self.job = Job(params["name"], params["here"], mine, **{key: params[key] for key in given})
        self.job.binary = params["binary"] or ""
        self.start = time.monotonic()
        self.progress: list[str] = []
        self.found: Manifest | None = None
        self.record: dict[str, Any] = {}
        self.chosen, self.why = params["here"], "the backups of this host"

    def observe(self) -> list[Observed]:
        """Look at all members."""
        return observe_all(self.places)

    def plan(self, obs: list[Observed]) -> list[Step]:
        """Choose; act when this is the member."""
        place = self.job.place
        if self.params["drill"]:
            names = _manifest.names(str(place))
            if not names:
                raise QuorumError(f"{self.job.data_set} has no backup on this host", str(place), "Make one first")
            return [Step(f"restore {place / names[-1]} into a throw-away server and compare", {"name": names[-1]})]
        found, self.why = choose(self.job.data_set, obs, self.params["member"] or "", self.params["primary"])
        self.chosen = found.host
        if found.host != self.params["here"]:
            return []
        if self.params["fresh"]:
            name = fresh(self.job, self.params["fresh"], found.engine, found.version)
            if name:
                self.found = _manifest.read(str(place / name))
                return []
        return [Step(f"back up {self.job.data_set} on {found.host} ({self.why}) to {place}")]

    def apply(self, step: Step) -> None:
        """Do it."""
        if "name" in step.data:
            self.record = drill(self.job, step.data["name"], self._tell)
            self.found = _manifest.read(str(self.job.place / step.data["name"]))
            if self.record["result"] != _manifest.PASSED:
                raise Damaged(
                    f"The drill did not pass: {self.record['result']}",
                    str(self.job.place / step.data["name"]),
                    "Use another backup, and make a new one",
                )
            return
        self.warnings += filter(None, [mend(self.job)])
        self.found = make(self.job, self._tell)
        proven = self.found.verified
        if self.params["load"] and proven.load != _manifest.PASSED:
            self.warnings.append(f"{self.found.name} was not loaded to prove it: {proven.load}")

    def settle(self, before: list[Observed], steps: list[Step]) -> list[Observed]:
        """Keep what was seen: a backup changes no member."""
        return before

    def _tell(self, what: str) -> None:
        self.progress.append(f"{time.monotonic() - self.start:.1f} s {what}")

    def result(self, obs: list[Observed], steps: list[Step]) -> dict[str, Any]:
        """Return the backup and how it came to be."""
        return {
            "member": self.chosen,
            "why": self.why,
            "directory": str(self.job.place / self.found.name) if self.found else "",
            "fresh": self.found is not None and not steps,
            "progress": self.progress,
            **({"manifest": asdict(self.found)} if self.found else {}),
            **({"drill": self.record} if self.record else {}),
        }
