#!/usr/bin/python
# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Look at a server, a Sentinel, or all of a host."""

from __future__ import annotations

DOCUMENTATION = r"""
module: instance_info
short_description: Look at a Redis or Valkey server, a Sentinel, or all of a host
version_added: 0.1.0
description:
  - Asks a server or Sentinel what it is and how it is, or all of a host in one execution.
    The answer has the same shape for every engine and version.
  - One that does not answer is a finding and no failure, unless O(required=true).
author:
  - quorum.redis contributors (@quorum)
extends_documentation_fragment:
  - quorum.redis.attributes.info
  - quorum.redis.connection
  - quorum.redis.connection.server
options:
  instances:
    description:
      - Several servers and Sentinels, each with what is its own of the other options, which are common to all. When it
        is given, RV(instances) is returned instead of the rest.
    type: list
    elements: dict
    suboptions:
      name: {description: Name in the result., type: str, required: true}
      kind: {description: As O(kind)., type: str, choices: [server, sentinel], default: server}
      port: {description: As O(port)., type: int, required: true}
      connection:
        description: As O(connection), which is that of entries without their own.
        type: dict
        suboptions:
          username: {description: As O(connection.username)., type: str}
          password: {description: As O(connection.password)., type: raw}
          fallback_password: {description: As O(connection.fallback_password)., type: raw}
          timeout: {description: As O(connection.timeout)., type: float, default: 2.0}
          tls: {description: As O(connection.tls)., type: bool, default: false}
          tls_ca_file: {description: As O(connection.tls_ca_file)., type: path}
          tls_cert_file: {description: As O(connection.tls_cert_file)., type: path}
          tls_key_file: {description: As O(connection.tls_key_file)., type: path}
      users_file: {description: As O(users_file)., type: path}
      journal: {description: As O(journal)., type: str}
      unit: {description: "Its unit, for RV(units).", type: str}
  kind:
    description:
      - Whether O(host) and O(port) are those of a server or of a Sentinel.
    type: str
    choices: [server, sentinel]
    default: server
  config:
    description:
      - Return the run-time configuration of a server as well. Passwords in it are masked.
    type: bool
    default: false
  users_file:
    description:
      - The file of a server's users, or the configuration of a Sentinel, that this collection has written, for
        RV(rotating). It is read on the host where the module runs.
    type: path
  facts_file:
    description:
      - The file of facts that the timer of this collection has written for Prometheus, for RV(facts). It is read on the
        host where the module runs.
    type: path
  refused_hours:
    description:
      - Return what users were refused in so many hours until now as well, as C(ACL LOG) tells. The ACL users of a
        server and the settings of a Sentinel are asked for then, too.
    type: int
    default: 0
  journal:
    description:
      - The unit in whose journal RV(promotions) of a server or RV(moves) of a Sentinel are looked for, for example
        C(redis-server@main.service). It is read on the host where the module runs.
    type: str
  timers:
    description:
      - Timers that are to run on this host, for RV(units).
    type: list
    elements: str
    default: []
  required:
    description:
      - Fail when it cannot be observed.
    type: bool
    default: false
seealso:
  - module: quorum.redis.replication
  - module: quorum.redis.sentinel
"""

EXAMPLES = r"""
- name: Look at the server of this host
  quorum.redis.instance_info:
    port: 6379
    connection: {password: "{{ redis_password }}"}
  register: found

- name: Show its role
  ansible.builtin.debug:
    msg: "{{ found.instance.role }} with {{ found.instance.key_count }} keys"

- name: Look at both of this host at once
  quorum.redis.instance_info:
    instances:
      - name: main
        port: 6379
        connection: {password: "{{ redis_password }}"}
      - name: sentinel
        kind: sentinel
        port: 26379
        connection: {password: "{{ redis_sentinel_password }}"}

- name: Look at a Sentinel
  quorum.redis.instance_info:
    kind: sentinel
    port: 26379
    connection: {password: "{{ redis_sentinel_password }}"}
"""

RETURN = r"""
units:
  description:
    - The units and timers that do not start at the next boot, and timers that do not run, each as unit and state.
  returned: with O(instances)
  type: list
  elements: dict
instances:
  description: What is returned of each entry of O(instances), in their order, with its C(name).
  returned: with O(instances)
  type: list
  elements: dict
facts:
  description:
    - When backups were made and proven, and when certificates end, by name of the data set, as O(facts_file) says. What
      is of the host itself is under an empty name.
  returned: success
  type: dict
  sample: {"main": {"backup_last_success": 1764000000.0}}
rotating:
  description: Users for whom two passwords open, because a rotation has not come to its end, as O(users_file) says.
  returned: success
  type: list
  elements: str
  sample: [default]
promotions:
  description:
    - When a server became primary, the latest five times that the journal of O(journal) still has, as seconds since
      1970, and why as far as it says so. The first deployment, an election in a cluster and a takeover count too.
  returned: success
  type: list
  elements: dict
  sample: [{"at": 1764000000.25, "why": "asked for by a Sentinel"}]
moves:
  description:
    - The latest five moves of which a Sentinel tells in the journal of O(journal), with the set, the addresses of both
      primaries, and why, where this Sentinel knows it.
  returned: success
  type: list
  elements: dict
  sample:
    - at: 1764000000.5
      set: main
      from: 192.0.2.1:6379
      to: 192.0.2.2:6379
      why: the previous one was down
cluster:
  description: What a member of a cluster sees. Empty for others.
  returned: when O(kind=server)
  type: dict
  contains:
    state: {description: "C(ok), or C(fail) where it serves no keys.", type: str, returned: in a cluster}
    nodes: {description: What C(CLUSTER NODES) says., type: str, returned: in a cluster}
    jobs:
      description: Slots that its engine moves by itself at this moment, and between which identities.
      returned: in a cluster
      type: list
      elements: dict
instance:
  description:
    - The server as it is.
    - RV(instance.error) and RV(instance.error_kind) say why when RV(instance.reachable) is false.
  returned: when O(kind=server)
  type: dict
  contains:
    reachable:
      description: Whether it answered.
      returned: always
      type: bool
      sample: true
    error:
      description: Why it did not answer.
      returned: always
      type: str
      sample: ""
    error_kind:
      description: The same in one word; refused, timeout, dns, tls, auth, loading, library or other.
      returned: always
      type: str
    engine:
      description: Either redis or valkey.
      returned: always
      type: str
      sample: valkey
    version:
      description: Version of the running program.
      returned: always
      type: str
      sample: 8.1.1
    run_id:
      description: Identity of the running process.
      returned: always
      type: str
    role:
      description: Either primary or replica.
      returned: always
      type: str
      sample: replica
    replication_id:
      description: Identity of the history of its data.
      returned: always
      type: str
    offset:
      description: How far in that history it is.
      returned: always
      type: int
    primary:
      description: What a replica follows, as address, port, link, sync_in_progress and last_io_seconds.
      returned: always
      type: dict
    replicas:
      description: The replicas of a primary, each as address, port, state, offset and lag.
      returned: always
      type: list
      elements: dict
    parked:
      description: Whether it waits to be told its role.
      returned: always
      type: bool
    key_count:
      description: Number of keys in all databases.
      returned: always
      type: int
      sample: 3
    databases:
      description: Number of keys by database.
      returned: always
      type: dict
    persistence:
      description: State of RDB and AOF.
      returned: always
      type: dict
    memory:
      description: Memory used and allowed.
      returned: always
      type: dict
    config:
      description: The run-time configuration.
      returned: always
      type: dict
    refused:
      description:
        - What users were refused, each as user, kind (command, key or channel), object, times, and age of the last time
          in seconds. Refused logins are not among them.
      returned: always
      type: list
      elements: dict
    watchers:
      description:
        - The Sentinels that listen there, as id (the beginning of their myid) and address. With O(refused_hours).
      returned: always
      type: list
      elements: dict
    users:
      description: The ACL users beside the default one. With O(refused_hours), and as far as the user may know it.
      returned: always
      type: list
      elements: str
sentinel:
  description: The Sentinel as it is, with what it monitors.
  returned: when O(kind=sentinel)
  type: dict
  contains:
    reachable:
      description: Whether it answered.
      returned: always
      type: bool
      sample: true
    refused:
      description: What users were refused, as those of a server.
      returned: always
      type: list
      elements: dict
    settings:
      description: What it tells the others of itself, and how it reads names, from 6.2 on. With O(refused_hours).
      returned: always
      type: dict
    myid:
      description: Its identity among the Sentinels. Redis 6.0 does not tell.
      returned: always
      type: str
    tilt:
      description: Whether it holds still because its clock or its host stalled.
      returned: always
      type: bool
    masters:
      description: What it monitors, by name of the data set.
      returned: always
      type: dict
"""

from pathlib import Path
from typing import Any, Dict, List, Optional, Union

from ..module_utils._core.errors import QuorumError
from ..module_utils._core.reconcile import Module, Reconciler, Step
from ..module_utils._host.promotions import read_promotions, read_switches
from ..module_utils._host.services import list_disabled
from ..module_utils._model.facts_text import read_moments
from ..module_utils._model.observed import Observed, SentinelView
from ..module_utils._module.options import SERVER_OPTIONS
from ..module_utils._module.runner import MaskedModule, run
from ..module_utils._redis.endpoint import endpoint_from_params
from ..module_utils._redis.observe import observe_nodes, observe_sentinel, observe_server
from ..module_utils._redis.rotation import list_rotating
from ..module_utils._redis.slot_jobs import observe_running

PROMOTIONS = 5
Seen = Union[Observed, SentinelView]
INSTANCE_OPTIONS: Dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "kind": {"type": "str", "choices": ["server", "sentinel"], "default": "server"},
    "connection": {**SERVER_OPTIONS["connection"], "apply_defaults": False},
    "port": {"type": "int", "required": True},
    "users_file": {"type": "path"},
    "journal": {"type": "str"},
    "unit": {"type": "str"},
}


class Instance:
    """One server or Sentinel, only looked at."""

    def __init__(self, given: Dict[str, Any]) -> None:
        """Take the options."""
        self.given, self.is_sentinel, self.endpoint = given, given["kind"] == "sentinel", endpoint_from_params(given)
        self.unread = ""  # why it does not tell which slots its engine moves

    def observe_state(self) -> Seen:
        """Look at it."""
        if self.is_sentinel:
            seen: Seen = observe_sentinel(self.endpoint, refused_hours=self.given["refused_hours"])
        else:
            seen = observe_server(self.endpoint, config=self.given["config"], refused_hours=self.given["refused_hours"])
        if self.given["required"] and not seen.reachable:
            raise QuorumError(seen.error)
        return seen

    def describe_state(self, seen: Seen) -> Dict[str, Any]:
        """Return what was seen, and what files and the journal of this host say of it."""
        return {
            "sentinel" if self.is_sentinel else "instance": seen.to_dict(),
            "rotating": list_rotating(self.given["users_file"]),
            "cluster": self._ask_others(seen),
            **self._read_journal(),
        }

    def _ask_others(self, seen: Seen) -> Dict[str, Any]:
        """Return what a member of a cluster says of the others, and of slots that its engine moves."""
        if not isinstance(seen, Observed) or seen.mode != "cluster":
            return {}
        jobs, self.unread = observe_running(self.endpoint, seen)
        return {**observe_nodes(self.endpoint), "jobs": jobs}

    def _read_journal(self) -> Dict[str, Any]:
        """Return what the journal says of moves."""
        unit = self.given["journal"]
        return {
            "promotions": read_promotions(unit, PROMOTIONS) if unit and not self.is_sentinel else [],
            "moves": read_switches(unit, PROMOTIONS) if unit and self.is_sentinel else [],
        }


class InstanceInfo(Reconciler[List[Seen]]):
    """All of them, only looked at."""

    def __init__(self, module: Module) -> None:
        """Take the options."""
        super().__init__()
        given = module.params
        self.several, self.facts_file, self.timers = given["instances"], given["facts_file"], given["timers"]
        own = [{"connection": None}] if self.several is None else self.several
        shared = given["connection"]
        self.looked_at = [Instance({**given, **each, "connection": each["connection"] or shared}) for each in own]

    def observe(self) -> List[Seen]:
        """Look at them."""
        return [instance.observe_state() for instance in self.looked_at]

    def plan(self, obs: List[Seen]) -> List[Step]:
        """Plan nothing."""
        return []

    def result(self, obs: List[Seen], steps: List[Step]) -> Dict[str, Any]:
        """Return what was seen."""
        facts = read_moments(_text(self.facts_file))
        states = [{**instance.describe_state(seen), "facts": facts} for instance, seen in zip(self.looked_at, obs)]
        self.warnings += [
            f"Slots that the engine of {instance.endpoint} moves are not seen: {instance.unread}"
            for instance in self.looked_at
            if instance.unread
        ]
        if self.several is None:
            return states[0]
        units = [own["unit"] for own in self.several if own["unit"]] + self.timers
        instances = [{"name": own["name"], **each} for own, each in zip(self.several, states)]
        return {"instances": instances, "units": list_disabled(units)}


def _text(path: Optional[str]) -> str:
    """Return what a file holds, nothing where there is none."""
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace") if path else ""
    except OSError:
        return ""


def main() -> None:
    """Run the module."""
    spec: Dict[str, Any] = {
        **SERVER_OPTIONS,
        "instances": {"type": "list", "elements": "dict", "options": INSTANCE_OPTIONS},
        "kind": INSTANCE_OPTIONS["kind"],
        "config": {"type": "bool", "default": False},
        "users_file": {"type": "path"},
        "facts_file": {"type": "path"},
        "refused_hours": {"type": "int", "default": 0},
        "journal": {"type": "str"},
        "required": {"type": "bool", "default": False},
        "timers": {"type": "list", "elements": "str", "default": []},
    }
    run(MaskedModule(argument_spec=spec, supports_check_mode=True), InstanceInfo, needs_library=False)


if __name__ == "__main__":
    main()
