#!/usr/bin/python
# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Move the primary of a data set to another member without losing a write."""

from __future__ import annotations

DOCUMENTATION = r"""
module: failover
short_description: Move the primary without losing a write
version_added: 0.1.0
description:
  - Another member becomes the primary of the data set, with or without Sentinels, and no acknowledged write is lost.
  - Writes stop on the old primary, for a moment and with an end of its own; the new one is seen to have them all; the
    old one becomes read-only; then the new one is promoted, by the Sentinels where there are some.
  - Before it begins, it looks whether the move can succeed. If the member is not in sync, if the Sentinels do not
    agree, have no quorum, or move something already, it fails, changes nothing, and shows who says what.
  - When a step fails, it takes everything back. The old primary goes on, and the message names the step. When the
    module itself is killed, a process that it left on the host does the same; when the host dies too, the next run.
  - A plain C(SENTINEL FAILOVER) loses what the old primary acknowledges in the 10 seconds after it.
  - Without O(to) and O(avoid) each run moves the primary. With them a set that is as asked for is left alone.
  - It speaks to all members from one place, so one execution for each data set is enough (C(run_once)).
author:
  - quorum.redis contributors (@quorum)
extends_documentation_fragment:
  - quorum.redis.attributes
  - quorum.redis.connection.members
options:
  name:
    description:
      - Name of the data set, which is also the name that Sentinels monitor it by.
    type: str
    required: true
  members:
    description:
      - All servers of the data set.
    type: list
    elements: dict
    required: true
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
  sentinels:
    description:
      - All Sentinels that monitor the data set. Without any, the module promotes by itself.
    type: list
    elements: dict
    default: []
    suboptions: *member
  to:
    description:
      - Host of the member that shall be the primary. The default is the best one, which has the lowest
        C(replica-priority), and among equals the least lag.
    type: str
  avoid:
    description:
      - Hosts that shall not be the primary. When the primary is none of them, nothing is to be done.
    type: list
    elements: str
    default: []
  zones:
    description:
      - Failure domain of each host. A member in another one than the old primary's is preferred.
    type: dict
    default: {}
  max_lag:
    description:
      - Bytes that the new primary may be behind before it begins.
    type: int
    default: 10485760
  limit:
    description:
      - Milliseconds for which writes are stopped at most, if the move goes no further. It is never more than half of
        Sentinel's C(down-after-milliseconds).
    type: int
    default: 3000
  method:
    description:
      - V(pause) stops the writes with C(CLIENT PAUSE), which ends by itself. It needs Redis 6.2 or Valkey.
      - V(fence) stops them with C(min-replicas-to-write), for Redis 6.0.
      - V(coordinated) is C(SENTINEL FAILOVER ... COORDINATED) of Valkey 9.
      - V(auto) takes the best one that servers and Sentinels know.
    type: str
    choices: [auto, pause, fence, coordinated]
    default: auto
  mixed:
    description:
      - Allow a new primary with a newer version than other members have. For the last step of a rolling upgrade only,
        because a full sync from a newer version to an older one fails.
    type: bool
    default: false
  dead_primary:
    description:
      - The primary is dead for good and there is no Sentinel. Promotes the replica with the highest offset, or O(to).
        What only the dead primary knew is lost. Should it come back, it finds another primary and follows it.
    type: bool
    default: false
  wait:
    description:
      - Seconds to wait for the Sentinels and the replicas after the switch.
    type: int
    default: 60
seealso:
  - module: quorum.redis.replication
  - module: quorum.redis.instance_info
"""

EXAMPLES = r"""
- name: Move the primary to r2
  quorum.redis.failover:
    name: main
    to: r2
    members:
      - {host: r1, address: 192.0.2.1, port: 6379}
      - {host: r2, address: 192.0.2.2, port: 6379}
      - {host: r3, address: 192.0.2.3, port: 6379}
    sentinels:
      - {host: r1, address: 192.0.2.1, port: 26379}
      - {host: r2, address: 192.0.2.2, port: 26379}
      - {host: r3, address: 192.0.2.3, port: 26379}
    password: "{{ redis_password }}"
    sentinel_password: "{{ redis_sentinel_password }}"
  run_once: true

- name: Make sure that the host to be restarted is not the primary
  quorum.redis.failover:
    name: main
    avoid: ["{{ inventory_hostname }}"]
    members: "{{ members }}"
    password: "{{ redis_password }}"
"""

RETURN = r"""
steps:
  description: What was done, or would be done in check mode; a sentence each.
  returned: always
  type: list
  elements: str
  sample: ["r1 (192.0.2.1:6379): pause writes, for at most 2500 ms, until r2 has them all"]
primary:
  description: The primary now, as host, address and port; in check mode the one that it would be.
  returned: success
  type: dict
  sample: {host: r2, address: 192.0.2.2, port: 6379}
old_primary:
  description: The primary before.
  returned: success
  type: dict
  sample: {host: r1, address: 192.0.2.1, port: 6379}
method:
  description: How it was moved; empty when there was nothing to move.
  returned: success
  type: str
  sample: pause
gap_ms:
  description: Milliseconds from the end of the writes on the old primary to the new one accepting writes.
  returned: when the primary was moved as planned
  type: int
  sample: 420
named_ms:
  description: Milliseconds from the end of the writes on the old primary to every Sentinel naming the new one.
  returned: when the primary was moved as planned
  type: int
  sample: 510
offsets:
  description: Replication offsets at the switch; that of the new primary is never below that of the fence.
  returned: when the primary was moved
  type: dict
  sample: {fence: 120834, old: 120834, target: 120834}
timings:
  description: How long each step took, as step and ms.
  returned: when the primary was moved
  type: list
  elements: dict
"""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Dict, List, Optional, Tuple

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.quorum.redis.plugins.module_utils._client import connect
from ansible_collections.quorum.redis.plugins.module_utils._errors import Refused
from ansible_collections.quorum.redis.plugins.module_utils._evidence import overview
from ansible_collections.quorum.redis.plugins.module_utils._failover import Move, Preflight
from ansible_collections.quorum.redis.plugins.module_utils._failover_base import busy
from ansible_collections.quorum.redis.plugins.module_utils._failover_run import Mover
from ansible_collections.quorum.redis.plugins.module_utils._failover_steps import Plan
from ansible_collections.quorum.redis.plugins.module_utils._leftovers import leftovers, repair
from ansible_collections.quorum.redis.plugins.module_utils._module import MEMBER_OPTIONS, Step, Subject, run
from ansible_collections.quorum.redis.plugins.module_utils._observe import (
    members,
    observe,
    observe_sentinels,
)
from ansible_collections.quorum.redis.plugins.module_utils._reply import Observed

SHORT = 30


class Failover(Subject[Preflight]):
    """One data set."""

    def __init__(self, module: AnsibleModule) -> None:
        """Take the options."""
        super().__init__()
        given: Dict[str, Any] = module.params
        self.wait: int = given["wait"]
        asked = ("name", "avoid", "zones", "max_lag", "limit", "method", "mixed", "dead_primary")
        self.move = Move(to=given["to"] or "", **{key: given[key] for key in asked})
        self.places = members(given["members"], given["username"], given["password"], given["timeout"])
        self.watchers = members(
            given["sentinels"], given["sentinel_username"], given["sentinel_password"], given["timeout"]
        )
        self.found: Optional[Plan] = None
        self.mover: Optional[Mover] = None

    def observe(self) -> Preflight:
        """Look at everybody."""
        with ThreadPoolExecutor(max_workers=16) as pool:
            seen = list(pool.map(lambda place: observe(place[1], place[0], config=True), self.places))
        return Preflight(seen, observe_sentinels(self.watchers), self.move)

    def plan(self, obs: Preflight) -> List[Step]:
        """Return the steps, or refuse."""
        busy([place for place, one in zip(self.places, obs.members) if one.reachable], self.move.name)
        repairs = leftovers(obs.members, obs.views, self.move.name)
        if any(step.data["repair"] != "set" for step in repairs):
            return [*repairs, Step(f"data set {self.move.name}: look again, then move as asked for", {"do": "later"})]
        return repairs + self.decide(obs)

    def decide(self, obs: Preflight) -> List[Step]:
        """Return the steps of the move, and get ready for them."""
        self.found = obs.unplanned() if self.move.dead_primary else obs.plan()
        self.warnings += self.found.warnings
        awake = [place for place, view in zip(self.watchers, obs.views) if view.reachable]
        if self.found.method:
            self.mover = Mover(self.found, self.move.name, self.places, awake, self.wait)
        return self.found.steps

    def apply(self, step: Step) -> None:
        """Do one step: of a repair, of the move, or the move after a repair."""
        if "repair" in step.data:
            with connect(dict(self.places)[step.data["member"]]) as client:
                repair(client, step)
        elif step.data["do"] == "later":
            for each in self._again():
                self.apply(each)
        elif self.mover is not None and self.found is not None:
            self.mover.do(step, step is self.found.steps[-1])

    def _again(self) -> List[Step]:
        """Return the steps of the move once what was repaired has come to rest."""
        over = time.monotonic() + min(self.wait, SHORT)
        while True:
            try:
                return self.decide(self.observe())
            except Refused:
                if time.monotonic() > over:
                    raise
            time.sleep(0.5)

    def result(self, obs: Preflight, steps: List[Step]) -> Dict[str, Any]:
        """Return who was and is the primary, and how the move went."""
        if self.found is None:
            return {}
        now = self.found.target if self.found.method else self.found.old
        answer: Dict[str, Any] = {
            "primary": _named(now),
            "old_primary": _named(self.found.old),
            "method": self.found.method,
        }
        if self.mover and self.mover.timings:
            self.warnings += self.mover.warnings
            answer.update(timings=self.mover.timings, offsets=self.mover.offsets, **self.mover.gaps())
        return answer

    def diff(self, before: Preflight, after: Optional[Preflight], steps: List[Step]) -> List[Dict[str, str]]:
        """Return the roles before and after."""
        then = overview(after.members) if after else "".join(step.text + "\n" for step in steps)
        return [{"before": overview(before.members), "after": then}] if steps else []


def _named(one: Observed) -> Dict[str, Any]:
    return {"host": one.host, "address": one.address, "port": one.port}


def main() -> None:
    """Run the module."""
    member: Dict[str, Any] = {"type": "list", "elements": "dict", "options": MEMBER_OPTIONS}
    texts: Tuple[str, ...] = ("to", "username", "sentinel_username")
    spec: Dict[str, Any] = {key: {"type": "str"} for key in texts}
    spec.update(
        name={"type": "str", "required": True},
        members={**member, "required": True},
        sentinels={**member, "default": []},
        avoid={"type": "list", "elements": "str", "default": []},
        zones={"type": "dict", "default": {}},
        max_lag={"type": "int", "default": 10485760},
        limit={"type": "int", "default": 3000},
        method={"type": "str", "default": "auto", "choices": ["auto", "pause", "fence", "coordinated"]},
        mixed={"type": "bool", "default": False},
        dead_primary={"type": "bool", "default": False},
        password={"type": "str", "no_log": True},
        sentinel_password={"type": "str", "no_log": True},
        wait={"type": "int", "default": 60},
        timeout={"type": "float", "default": 2.0},
    )
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    run(module, Failover)


if __name__ == "__main__":
    main()
