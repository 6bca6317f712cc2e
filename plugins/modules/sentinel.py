#!/usr/bin/python
# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make one Sentinel monitor what is declared."""

from __future__ import annotations

DOCUMENTATION = r"""
module: sentinel
short_description: Make one Sentinel monitor what is declared
version_added: 0.1.0
description:
  - Brings one running Sentinel by difference, with C(SENTINEL MONITOR), C(SENTINEL SET) and C(SENTINEL REMOVE), to the
    declared data sets and parameters. Identity, epochs, known replicas and known Sentinels are kept.
    C(SENTINEL RESET) is never used.
  - The address to monitor is that of the primary as observed. A Sentinel that names an address which is not the primary,
    while the members show one primary and no failover is running, is given the right address.
  - Data sets, replicas and Sentinels that it knows beside the declared ones are reported in RV(unexpected) and left alone.
author:
  - quorum.redis contributors (@quorum)
extends_documentation_fragment:
  - quorum.redis.attributes
  - quorum.redis.connection
options:
  port:
    description:
      - TCP port of this Sentinel.
    type: int
    default: 26379
  masters:
    description:
      - The data sets.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the data set.
        type: str
        required: true
      state:
        description: Whether this Sentinel shall monitor it.
        type: str
        choices: [present, absent]
        default: present
      members:
        description: All servers of the data set. Needed for O(masters[].state=present).
        type: list
        elements: dict
        default: []
        suboptions: &member
          host:
            description: Name for messages and results.
            type: str
            required: true
          address:
            description: Address under which all hosts reach it.
            type: str
            required: true
          port:
            description: Its TCP port.
            type: int
            required: true
      quorum:
        description: How many Sentinels must see the primary as down.
        type: int
        default: 2
      down_after:
        description: Milliseconds without an answer after which it counts as down. Without a value it is left as it is.
        type: int
      failover_timeout:
        description: Milliseconds that the steps of a failover may take. Without a value it is left as it is.
        type: int
      parallel_syncs:
        description: How many replicas are moved to a new primary at once. Without a value it is left as it is.
        type: int
      username:
        description: ACL user of the Sentinel on the servers.
        type: str
      password:
        description: Password of the servers.
        type: str
  passwords:
    description:
      - Passwords of the servers by name of the data set, for those without O(masters[].password).
    type: dict
    default: {}
  sentinels:
    description:
      - All declared Sentinels, this one included. They are asked who is primary.
    type: list
    elements: dict
    default: []
    suboptions: *member
  sentinel_username:
    description:
      - ACL user on the Sentinels in O(sentinels). The default is O(username).
    type: str
  sentinel_password:
    description:
      - Password of the Sentinels in O(sentinels). The default is O(password).
    type: str
  state_file:
    description:
      - File that this Sentinel writes its state to. A Sentinel does not tell its credentials for the servers, so they are
        compared with this file. Without it they are set only where monitoring begins.
    type: path
  wait:
    description:
      - Seconds to wait for a failover to end, and for this Sentinel to see the replicas and the other Sentinels.
    type: int
    default: 60
seealso:
  - module: quorum.redis.replication
  - module: quorum.redis.instance_info
"""

EXAMPLES = r"""
- name: Let the Sentinel of this host monitor the data set main
  quorum.redis.sentinel:
    password: "{{ redis_sentinel_password }}"
    state_file: /var/lib/redis/sentinel/redis.conf
    sentinels:
      - {host: r1, address: 192.0.2.1, port: 26379}
      - {host: r2, address: 192.0.2.2, port: 26379}
      - {host: r3, address: 192.0.2.3, port: 26379}
    masters:
      - name: main
        quorum: 2
        down_after: 5000
        password: "{{ redis_password }}"
        members:
          - {host: r1, address: 192.0.2.1, port: 6379}
          - {host: r2, address: 192.0.2.2, port: 6379}
          - {host: r3, address: 192.0.2.3, port: 6379}

- name: Let it no longer monitor the data set old
  quorum.redis.sentinel:
    password: "{{ redis_sentinel_password }}"
    masters:
      - name: old
        state: absent
"""

RETURN = r"""
steps:
  description: What was done, or would be done in check mode; a sentence each.
  returned: always
  type: list
  elements: str
  sample: ["main: set down-after-milliseconds 30000 -> 5000"]
sentinel:
  description: This Sentinel as it is now, in the shape of RV(quorum.redis.instance_info#module:sentinel).
  returned: success
  type: dict
unexpected:
  description: What it knows beside what is declared. Nothing of that was changed.
  returned: success
  type: list
  elements: str
  sample: ["main: replica 192.0.2.9:6379 is no member"]
"""

import socket
import time
from dataclasses import replace
from typing import Any, Dict, List, Optional, Tuple

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.quorum.redis.plugins.module_utils._client import connect
from ansible_collections.quorum.redis.plugins.module_utils._errors import (
    AuthFailed,
    CommandFailed,
    QuorumError,
)
from ansible_collections.quorum.redis.plugins.module_utils._module import (
    CONNECTION_OPTIONS,
    MEMBER_OPTIONS,
    Step,
    Subject,
    endpoint,
    run,
)
from ansible_collections.quorum.redis.plugins.module_utils._observe import (
    members,
    observe_all,
    observe_sentinel,
    observe_sentinels,
)
from ansible_collections.quorum.redis.plugins.module_utils._replication import (
    Planner,
    Unsettled,
    Wish,
    assume_started,
)
from ansible_collections.quorum.redis.plugins.module_utils._reply import Observed, SentinelView
from ansible_collections.quorum.redis.plugins.module_utils._sentinel import (
    Watch,
    check_identity,
    find_primary,
    parse_state,
    plan_absent,
    plan_watch,
    unexpected,
    waits,
)

SHORT = 10


class Seen:
    """This Sentinel, its peers, and the members of every data set."""

    def __init__(self, view: SentinelView, views: List[SentinelView], planners: Dict[str, Planner]) -> None:
        """Keep what was observed."""
        self.view, self.views, self.planners = view, views, planners


class Sentinel(Subject[Seen]):
    """One Sentinel."""

    def __init__(self, module: AnsibleModule) -> None:
        """Take the options."""
        super().__init__()
        given: Dict[str, Any] = module.params
        self.params, self.check_mode, self.place = given, module.check_mode, endpoint(module.params)
        self.peers = members(
            given["sentinels"],
            given["sentinel_username"] or given["username"],
            given["sentinel_password"] or given["password"],
            given["timeout"],
        )
        self.absent = [item["name"] for item in given["masters"] if item["state"] == "absent"]
        self.wanted = [item for item in given["masters"] if item["state"] == "present"]
        for item in self.wanted:
            item["password"] = item["password"] or given["passwords"].get(item["name"])
        for item in self.wanted:
            if not item["members"]:
                raise QuorumError("No members are named", f"data set {item['name']}", "Name its servers in members")
        keys = ("name", "quorum", "down_after", "failover_timeout", "parallel_syncs", "username", "password")
        self.watches = [Watch(**{key: item[key] for key in keys}) for item in self.wanted]
        self.primaries: Dict[str, Observed] = {}

    def look(self) -> Seen:
        """Look at everybody once."""
        view, views = observe_sentinel(self.place), observe_sentinels(self.peers)
        if not view.reachable and view.error_kind == "refused" and self.check_mode:
            view = replace(view, reachable=True, error="", error_kind="")
        if view.error_kind == "auth":
            raise AuthFailed(
                "This Sentinel refuses the password of redis_sentinel_password",
                str(self.place),
                "Correct redis_sentinel_password; nothing was changed",
            )
        if not view.reachable:
            raise QuorumError(view.error)
        view.host = view.host or next((other.host for other in views if view.myid and other.myid == view.myid), "")
        planners = {}
        for item in self.wanted:
            places = members(item["members"], item["username"], item["password"], self.params["timeout"])
            seen = observe_all(places)
            seen = assume_started(seen) if self.check_mode else seen
            wish = Wish(item["name"], item["members"][0]["host"])
            planners[item["name"]] = Planner(seen, views or [view], wish)
        return Seen(view, views, planners)

    def observe(self) -> Seen:
        """Look until no failover is running any more, or the time is over."""
        start = time.monotonic()
        while True:
            seen = self.look()
            check_identity(seen.views)
            try:
                self.primaries = {name: find_primary(planner) for name, planner in seen.planners.items()}
                return seen
            except Unsettled as problem:
                limit = self.params["wait"] if problem.patient else min(self.params["wait"], SHORT)
                if time.monotonic() - start > limit:
                    raise
                time.sleep(0.5)

    def stored(self) -> Optional[Dict[Tuple[str, str], str]]:
        """Return the credentials in the state file; None when no file is named."""
        if not self.params["state_file"]:
            return None
        try:
            with open(self.params["state_file"], encoding="utf-8", errors="surrogateescape") as state:
                return parse_state(state.read())
        except FileNotFoundError:
            return {}
        except OSError as problem:
            raise QuorumError(
                f"The state file cannot be read: {problem.strerror}", self.params["state_file"], "Run with become"
            ) from None

    def plan(self, obs: Seen) -> List[Step]:
        """Return the steps."""
        stored = self.stored()
        steps = [step for name in self.absent for step in plan_absent(obs.view, name)]
        for watch in self.watches:
            steps += plan_watch(obs.view, watch, obs.planners[watch.name], self.primaries[watch.name], stored)
        return steps

    def apply(self, step: Step) -> None:
        """Send one command; a Sentinel that takes no host names is given the address behind the name."""
        command: List[str] = step.data["command"]
        with connect(self.place) as client:
            client.secrets += step.data.get("secrets", [])
            try:
                client.call(*command)
            except CommandFailed as problem:
                if command[1] != "MONITOR" or "Invalid IP address" not in problem.text:
                    raise
                client.call(*command[:3], socket.gethostbyname(command[3]), *command[4:])

    def _waits(self, seen: Seen) -> List[str]:
        return [
            text
            for watch in self.watches
            for text in waits(
                seen.view,
                watch,
                seen.planners[watch.name],
                next(
                    member
                    for member in seen.planners[watch.name].members
                    if member.name == self.primaries[watch.name].name
                ),
            )
        ]

    def settle(self, before: Seen, steps: List[Step]) -> Seen:
        """Wait until this Sentinel sees what it monitors."""
        start, now = time.monotonic(), self.look() if steps else before
        while self._waits(now):
            if time.monotonic() - start > self.params["wait"]:
                raise QuorumError(
                    f"After {self.params['wait']} s: {'; '.join(self._waits(now))}",
                    f"Sentinel {self.place}",
                    "Read its log (password, network), then run again",
                )
            time.sleep(0.2)
            now = self.look()
        return now

    def result(self, obs: Seen, steps: List[Step]) -> Dict[str, Any]:
        """Return this Sentinel and what it should not know."""
        names = [item["name"] for item in self.params["masters"]]
        extra = unexpected(obs.view, names, obs.planners, obs.views or [obs.view]) if not self.check_mode else []
        return {"sentinel": obs.view.to_dict(), "unexpected": extra}


def main() -> None:
    """Run the module."""
    member: Dict[str, Any] = {"type": "list", "elements": "dict", "default": [], "options": MEMBER_OPTIONS}
    master = dict(
        name={"type": "str", "required": True},
        members=member,
        quorum={"type": "int", "default": 2},
        state={"type": "str", "choices": ["present", "absent"], "default": "present"},
        down_after={"type": "int"},
        failover_timeout={"type": "int"},
        parallel_syncs={"type": "int"},
        username={"type": "str"},
        password={"type": "str", "no_log": True},
    )
    spec = dict(
        CONNECTION_OPTIONS,
        port={"type": "int", "default": 26379},
        state_file={"type": "path"},
        masters={"type": "list", "elements": "dict", "required": True, "options": master},
        passwords={"type": "dict", "default": {}, "no_log": True},
        sentinels=member,
        sentinel_username={"type": "str"},
        sentinel_password={"type": "str", "no_log": True},
        wait={"type": "int", "default": 60},
    )
    run(AnsibleModule(argument_spec=spec, supports_check_mode=True), Sentinel)


if __name__ == "__main__":
    main()
