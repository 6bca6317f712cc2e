# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory plugin topology: the roles of the hosts as they are now."""

from __future__ import annotations

DOCUMENTATION = r"""
name: topology
short_description: Group hosts by the roles that their servers have now
version_added: 0.1.0
author: quorum.redis contributors (@quorum)
description:
  - Asks the running Sentinels, or the members of a set without Sentinel, who is primary and who is replica, and puts
    the hosts that other sources of the inventory have declared into groups by that. Nothing is changed on any server.
  - The groups are C(redis_SET_primary), C(redis_SET_replica), C(redis_SET_unknown), C(redis_SET_disputed) and
    C(redis_SET_sentinel) for each data set, where a character that may not be in the name of a group becomes C(_), and
    over all sets C(redis_primary), C(redis_replica), C(redis_unknown) and C(redis_disputed). Sets that would share
    their groups, such as C(a-b) and C(a_b), are refused.
  - Who is primary is judged as by M(quorum.redis.replication). Where the observers disagree, or the primary is being
    moved, there is no primary, and all members that answer are in C(redis_SET_disputed).
  - C(redis_SET_unknown) has the members that do not answer, that still load their data, or that do not follow the
    primary.
  - A host is found by its C(redis_address), else its C(ansible_host), else its name, as a source of the inventory
    gives them. Files in C(group_vars) and C(host_vars) are read later and do not count.
  - The variable C(redis_live) of a host holds what is known, by data set. In it are C(state), which is
    the group, C(role), which is what the server says itself, C(port), C(primary), C(follows), C(link), C(lag_bytes),
    C(lag_seconds), C(priority), C(engine), C(version), C(memory), C(error), C(disputed) and C(asked_at), and for a host
    with a Sentinel C(sentinel) with C(port), C(names), C(flags) and C(error). No secret is in it.
  - The groups are true when they are made, and a primary may move a second later. Do not give them to the playbooks of
    this collection, which ask themselves.
  - The name of the file must end in C(redis.yml) or C(redis.yaml).
extends_documentation_fragment:
  - quorum.redis.live
  - ansible.builtin.constructed
  - ansible.builtin.inventory_cache
options:
  plugin:
    description: The name of this plugin.
    type: str
    required: true
    choices: [quorum.redis.topology]
  name:
    description: Name of the data set whose O(members) are given.
    type: str
    default: main
  sets:
    description: The only data sets that are wanted. Without it all that the Sentinels monitor.
    type: list
    elements: str
    default: []
  unknown:
    description:
      - What becomes of a member that is no host of the inventory, V(add) it by its address, V(warn), or V(ignore) it.
    type: str
    choices: [add, warn, ignore]
    default: warn
  strict:
    description:
      - Fail where a data set has no primary that is beyond dispute, and where a password or a certificate is refused.
        Otherwise that is a warning. Also fail where a composed variable or group cannot be made.
"""

EXAMPLES = r"""
# live.redis.yml, given after the inventory that declares the hosts:
# ansible-inventory -i hosts.yml -i live.redis.yml --graph
plugin: quorum.redis.topology
sentinels: [192.0.2.11, 192.0.2.12, 192.0.2.13]
password: "{{ lookup('ansible.builtin.env', 'REDIS_PASSWORD') }}"
sentinel_username: client
sentinel_password: "{{ lookup('ansible.builtin.env', 'REDIS_SENTINEL_PASSWORD') }}"

# A set without Sentinel, over TLS. A group for each version.
---
plugin: quorum.redis.topology
name: cache
members: ["192.0.2.21:16379", "192.0.2.22:16379"]
tls: true
tls_ca_file: /etc/ssl/redis/ca.crt
strict: true
keyed_groups:
  - key: redis_live.cache.version
    prefix: redis_version
"""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from ansible.errors import AnsibleParserError
from ansible.inventory.helpers import get_group_vars
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable
from ansible.utils.unsafe_proxy import wrap_var

from ..module_utils._core.errors import QuorumError
from ..module_utils._inventory.observer import ask_sets, question_of
from ..module_utils._inventory.plan import (
    STATES,
    host_of,
    prefixes_of,
    problems_of,
    remarks_of,
    sentinel_vars,
    set_vars,
    shared_vars,
)
from ..module_utils._redis.observe import resolve_name

try:
    from ansible.template import trust_as_template
except ImportError:  # ansible-core 2.18, where all is a template that is not marked

    def trust_as_template(value: str) -> str:
        """Return the text as it is."""
        return value


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):
    """Reads options, asks, and says the answer in the words of an inventory."""

    NAME = "quorum.redis.topology"

    def verify_file(self, path: str) -> bool:
        """Take files that are named for it."""
        return super().verify_file(path) and path.endswith(("redis.yml", "redis.yaml"))

    def parse(self, inventory: Any, loader: Any, path: str, cache: bool = True) -> None:
        """Add groups and variables to the hosts."""
        super().parse(inventory, loader, path, cache)
        self.given = self._read_config_data(path)
        self.load_cache_plugin()
        try:
            sets = self._sets(path, cache)
            prefixes = prefixes_of([live["name"] for live in sets])
        except QuorumError as problem:
            raise AnsibleParserError(f"{path}: {problem}") from problem
        grave = [text for live in sets for text in problems_of(live)]
        if grave and self.get_option("strict"):
            raise AnsibleParserError(f"{path}: " + "\n".join(grave))
        for text in [*grave, *(text for live in sets for text in remarks_of(live))]:
            self.display.warning(f"{path}: {text}", formatted="\n" in text)  # a table keeps its lines
        self._fill(path, sets, prefixes)

    def _option(self, name: str) -> Any:
        """Return an option; what stands in the file may be a template, what comes from elsewhere is what it is."""
        value = self.get_option(name)
        return self.templar.template(value) if name in self.given else value

    def _sets(self, path: str, cache: bool) -> list[dict[str, Any]]:
        question = question_of(self._option)
        shown = repr((question.sentinels, question.members, question.name, question.sets, question.server))
        key = f"{self.get_cache_key(path)}_{hashlib.sha256(shown.encode()).hexdigest()[:12]}"
        keep = self.get_option("cache")
        if keep and cache:
            with suppress(KeyError):
                cached: list[dict[str, Any]] = json.loads(self._cache[key])
                return cached
        sets = ask_sets(question)
        # What must be looked at again is asked again.
        if keep and not any(problems_of(live) for live in sets):
            self._cache[key] = json.dumps(sets)
        return sets

    def _fill(self, path: str, sets: list[dict[str, Any]], prefixes: dict[str, str]) -> None:
        live_vars: dict[str, dict[str, Any]] = {}
        known = self._addresses([place for live in sets for place in [*live["members"], *live["sentinels"]]])
        for state in STATES:
            self.inventory.add_group(f"redis_{state}")
        for live in sets:
            prefix = prefixes[live["name"]]
            for state in (*STATES, "sentinel"):
                self.inventory.add_group(f"{prefix}_{state}")
            for place in live["members"]:
                host = self._host(path, place, live, known)
                if host:
                    self.inventory.add_host(host, group=f"{prefix}_{place['state']}")
                    self.inventory.add_host(host, group=f"redis_{place['state']}")
                    live_vars.setdefault(host, {})[live["name"]] = set_vars(live, place)
            for place in live["sentinels"]:
                host = self._host(path, place, live, known)
                if host:
                    self.inventory.add_host(host, group=f"{prefix}_sentinel")
                    mine = live_vars.setdefault(host, {}).setdefault(live["name"], shared_vars(live))
                    mine["sentinel"] = sentinel_vars(place)
        for host, live_sets in live_vars.items():
            self._compose_host(host, live_sets)

    def _host(self, path: str, place: dict[str, Any], live: dict[str, Any], known: dict[str, list[str]]) -> str:
        """Return the host that has this address, empty where it has none and none is wanted."""
        try:
            return host_of(place, known)
        except ValueError as problem:
            if self.get_option("unknown") == "add" and place["address"] not in known:
                self.inventory.add_host(place["address"])
                self.inventory.set_variable(place["address"], "ansible_host", _literal(place["address"]))
                known[place["address"]] = [place["address"]]
                return str(place["address"])
            if self.get_option("unknown") != "ignore":
                self.display.warning(f"{path}: {live['name']}: {problem}. It is in no group.")
            return ""

    def _addresses(self, places: list[dict[str, Any]]) -> dict[str, list[str]]:
        """Return the hosts by address and name; names are resolved where addresses alone do not find all."""
        given: dict[str, str] = {}
        for host in self.inventory.hosts.values():
            variables = {**get_group_vars(host.get_groups()), **host.get_vars()}
            given[host.name] = str(variables.get("redis_address") or variables.get("ansible_host") or host.name)
        hosts: dict[str, list[str]] = {}
        for name, address in given.items():
            for key in dict.fromkeys((address, name)):
                hosts.setdefault(key, []).append(name)
        if any(not {place["address"], *place["aliases"]} & set(hosts) for place in places):
            with ThreadPoolExecutor(max_workers=16) as pool:
                for name, addresses in zip(given, pool.map(resolve_name, given.values())):
                    for address in addresses:
                        hosts.setdefault(address, []).append(name)
        return {key: list(dict.fromkeys(names)) for key, names in hosts.items()}

    def _compose_host(self, host: str, live_sets: dict[str, Any]) -> None:
        strict = self.get_option("strict")
        self.inventory.set_variable(host, "redis_live", _literal(live_sets))
        variables = self.inventory.get_host(host).get_vars()
        self._set_composite_vars(self.get_option("compose"), variables, host, strict=strict)
        self._add_host_to_composed_groups(self.get_option("groups"), variables, host, strict=strict)
        self._add_host_to_keyed_groups(self.get_option("keyed_groups"), variables, host, strict=strict)


def _literal(value: Any) -> Any:
    """Return what came over the network so that nothing in it can be a template.

    What cannot be one anyway stays plain: else ansible-inventory would print it as a dictionary, with which AWX cannot
    do anything.
    """
    if isinstance(value, dict):
        return {key: _literal(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_literal(element) for element in value]
    if not isinstance(value, str):
        return value
    return wrap_var(value) if "{" in value else trust_as_template(value)
