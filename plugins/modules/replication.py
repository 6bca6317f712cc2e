#!/usr/bin/python
# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make servers one primary plus replicas."""

from __future__ import annotations

DOCUMENTATION = r"""
module: replication
short_description: Make servers one primary plus replicas
version_added: 0.1.0
description:
  - These members are one primary and its replicas. Who is primary is observed, never declared.
  - The primary is the member that the majority of the Sentinels names, confirmed by its own role; without Sentinels the
    single member with that role; and only for a set without any data O(seed).
  - Empty members are attached to the primary, and so are replicas of this data set that follow another address.
    A set that is right is left alone, whoever is primary.
  - Two primaries with data, data without a primary, a member with data of its own, Sentinels that disagree with each
    other or with the servers; in all these cases the module fails, changes nothing, and shows who says what.
    O(trust) is the way on.
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
      - All Sentinels that monitor or shall monitor the data set.
    type: list
    elements: dict
    default: []
    suboptions: *member
  seed:
    description:
      - Host of the member that an empty set begins with. The default is the first of O(members).
    type: str
  trust:
    description:
      - Host of the member to make the primary when the module would refuse to decide. What the others hold beside
        the data of this one is overwritten. Without a conflict it has no effect.
    type: str
  wait:
    description:
      - Seconds to wait for a failover to end, for a data set to be loaded, and for the replicas to be in sync.
    type: int
    default: 300
seealso:
  - module: quorum.redis.sentinel
  - module: quorum.redis.instance_info
"""

EXAMPLES = r"""
- name: Make three servers one replicated set
  quorum.redis.replication:
    name: main
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
"""

RETURN = r"""
steps:
  description: What was done, or would be done in check mode; a sentence each.
  returned: always
  type: list
  elements: str
  sample: ["r2 (192.0.2.2:6379): follow r1 (192.0.2.1:6379), now following nobody (waits)"]
primary:
  description: The primary, as host, address and port.
  returned: success
  type: dict
  sample: {host: r1, address: 192.0.2.1, port: 6379}
members:
  description: Every member as it is now, in the shape of RV(quorum.redis.instance_info#module:instance).
  returned: success
  type: list
  elements: dict
unreachable:
  description: Hosts of the members that could not be observed and were left out.
  returned: success
  type: list
  elements: str
silent_sentinels:
  description: Hosts of the Sentinels that could not be asked.
  returned: success
  type: list
  elements: str
"""

import time  # noqa: E402
from typing import Any, Dict, List, Optional  # noqa: E402

from ansible.module_utils.basic import AnsibleModule  # noqa: E402

from ansible_collections.quorum.redis.plugins.module_utils._client import connect  # noqa: E402
from ansible_collections.quorum.redis.plugins.module_utils._errors import CommandFailed, QuorumError  # noqa: E402
from ansible_collections.quorum.redis.plugins.module_utils._module import MEMBER_OPTIONS, Step, Subject, run  # noqa: E402
from ansible_collections.quorum.redis.plugins.module_utils._observe import (  # noqa: E402
    members,
    observe_all,
    observe_sentinels,
)
from ansible_collections.quorum.redis.plugins.module_utils._replication import (  # noqa: E402
    Plan,
    Planner,
    Unsettled,
    Wish,
    assume_started,
    overview,
    pending,
    predict,
)

SHORT = 30


class Replication(Subject[Planner]):
    """One data set."""

    def __init__(self, module: AnsibleModule) -> None:
        """Take the options."""
        super().__init__()
        self.params: Dict[str, Any] = module.params
        self.check_mode = module.check_mode
        given = self.params
        if not given["members"]:
            raise QuorumError("No members are named", f"data set {given['name']}", "Name at least one in members")
        self.wish = Wish(given["name"], given["seed"] or given["members"][0]["host"], given["trust"] or "")
        self.places = members(given["members"], given["username"], given["password"], given["timeout"])
        self.watchers = members(given["sentinels"], given["sentinel_username"], given["sentinel_password"],
                                given["timeout"])
        self.found: Optional[Plan] = None

    def look(self) -> Planner:
        """Look at everybody once."""
        seen = observe_all(self.places)
        views = observe_sentinels(self.watchers)
        return Planner(assume_started(seen) if self.check_mode else seen, views, self.wish)

    def observe(self) -> Planner:
        """Look until what passes by itself has passed, or the time is over."""
        start = time.monotonic()
        while True:
            planner = self.look()
            try:
                planner.plan()
            except Unsettled as problem:
                limit = self.params["wait"] if problem.patient else min(self.params["wait"], SHORT)
                if time.monotonic() - start < limit:
                    time.sleep(0.5)
                    continue
            except QuorumError:
                pass
            return planner

    def plan(self, obs: Planner) -> List[Step]:
        """Return the steps, or refuse."""
        self.found = obs.plan()
        self.warnings += self.found.warnings
        return self.found.steps

    def apply(self, step: Step) -> None:
        """Give one member its role, and let its file remember that."""
        assert self.found is not None
        target = ["NO", "ONE"] if step.data["action"] == "promote" else [
            self.found.primary.address, str(self.found.primary.port)]
        place = dict(self.places)[step.data["member"]]
        with connect(place) as client:
            client.call("REPLICAOF", *target)
            try:
                client.call("CONFIG", "REWRITE")
            except CommandFailed as problem:
                raise QuorumError(f"{step.data['member']} has its new role but cannot write it down: {problem.text}",
                                  str(place), "Make its configuration file writable, then run again") from None

    def settle(self, before: Planner, steps: List[Step]) -> Planner:
        """Wait until every replica that can be observed is in sync."""
        assert self.found is not None
        start, now = time.monotonic(), before if not steps else self.look()
        while pending(now, self.found.primary):
            if time.monotonic() - start > self.params["wait"]:
                raise QuorumError(f"Not in sync after {self.params['wait']} s: "
                                  f"{'; '.join(pending(now, self.found.primary))}", f"data set {self.wish.name}",
                                  "Read the log of these members (masterauth, network, disk), then run again")
            time.sleep(0.2)
            now = self.look()
        return now

    def result(self, obs: Planner, steps: List[Step]) -> Dict[str, Any]:
        """Return the set as it is."""
        assert self.found is not None
        chosen = self.found.primary
        return {"primary": {"host": chosen.host, "address": chosen.address, "port": chosen.port},
                "members": [member.to_dict() for member in obs.members],
                "unreachable": [member.name for member in obs.members if not member.reachable],
                "silent_sentinels": [view.name for view in obs.views if not view.reachable]}

    def diff(self, before: Planner, after: Optional[Planner], steps: List[Step]) -> List[Dict[str, str]]:
        """Return the roles before and after."""
        assert self.found is not None
        then = after.members if after else predict(before.members, self.found)
        return [{"before": overview(before.members), "after": overview(then)}] if steps else []


def main() -> None:
    """Run the module."""
    member: Dict[str, Any] = {"type": "list", "elements": "dict", "options": MEMBER_OPTIONS}
    spec = dict(
        name={"type": "str", "required": True}, members=dict(member, required=True),
        sentinels=dict(member, default=[]), seed={"type": "str"}, trust={"type": "str"},
        username={"type": "str"}, password={"type": "str", "no_log": True}, sentinel_username={"type": "str"},
        sentinel_password={"type": "str", "no_log": True}, wait={"type": "int", "default": 300},
        timeout={"type": "float", "default": 2.0},
    )
    run(AnsibleModule(argument_spec=spec, supports_check_mode=True), Replication)


if __name__ == "__main__":
    main()
