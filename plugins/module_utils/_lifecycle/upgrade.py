# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a rolling upgrade can succeed, in which order the hosts go, and which primaries move before it; pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Sequence, Tuple

from .._model.versions import FOREIGN, data_format, fits_version, major_minor, upstream_version
from .waiting import members_to_restart

MEBIBYTE = 1 << 20
ABSENT = "{} takes no part in this run, but belongs to the deployment; run without --limit."


def refuse_versions(engine: str, version: str, target_engine: str, target: str) -> str:
    """Return why data cannot go from one version to another, empty when it can."""
    path = f"{engine} {version} to {target_engine} {target}"
    old, new = data_format(engine, version), data_format(target_engine, target)
    if engine == "redis" and target_engine == "valkey" and old >= FOREIGN:
        return (
            f"{path}: Redis writes RDB version {old} since 7.4, which no Valkey reads, neither as a file nor by "
            "replication. Build a new set, and copy the keys with a tool that speaks the protocol"
        )
    if engine == "valkey" and target_engine == "redis":
        return f"{path}: the way back from Valkey is to restore what was saved before, with what was written since lost"
    if new < old:
        return f"{path}: it reads RDB version {new} at most, and the data is in version {old}"
    if engine == target_engine and major_minor(target) < major_minor(version):
        return f"{path}: replication from the newer to the older version, which a downgrade needs, is not reliable"
    return ""


@dataclass
class Wish:
    """What is asked for, and what the person who asks has decided."""

    engine: str
    without_backup: bool = False
    reserve: int = 25


@dataclass
class Upgrade:
    """One deployment: the topology, what each host says, what the data sets are like."""

    topology: Mapping[str, Any]
    seen: Mapping[str, Mapping[str, Any]]
    sets: Mapping[str, Mapping[str, Any]]
    wish: Wish
    problems: List[str] = field(default_factory=list)

    @property
    def clusters(self) -> Sequence[Mapping[str, Any]]:
        """Return the clusters; each of their shards is a data set of its own, whose primary may be anywhere."""
        clusters: Sequence[Mapping[str, Any]] = self.topology.get("clusters", [])
        return clusters

    def find_server(self, name: str, host: str) -> Mapping[str, Any]:
        """Return one member of a data set as it is."""
        server: Mapping[str, Any] = self.seen.get(host, {}).get("servers", {}).get(name, {})
        return server

    def find_target(self, host: str) -> str:
        """Return the version that a host shall have; its package sources decide on the last numbers."""
        return upstream_version(self.seen[host]["target"])

    def is_right(self, host: str, process: Mapping[str, Any]) -> bool:
        """Return whether one process runs the target."""
        running = process.get("engine", ""), process.get("version", "")
        return bool(process.get("reachable")) and fits_version(*running, self.wish.engine, self.find_target(host))

    def list_hosts(self) -> List[str]:
        """Return all hosts of the deployment, those with data first."""
        sets = [*self.topology["instances"], *self.clusters]
        members = [member["host"] for each in sets for member in each["members"]]
        return list(dict.fromkeys([*members, *(member["host"] for member in self.topology["sentinel"]["members"])]))

    def list_behind(self) -> List[str]:
        """Return a sentence for each process that does not answer with the target."""
        behind = []
        for host in self.list_hosts():
            mine = self.seen.get(host)
            if mine is None:
                behind.append(ABSENT.format(host))
                continue
            parts = dict(mine["servers"])
            if mine["sentinel"]:
                parts["its Sentinel"] = mine["sentinel"]
            for what, process in parts.items():
                state = f"runs {process['engine']} {process['version']}" if process["reachable"] else "does not answer"
                if not self.is_right(host, process):
                    behind.append(f"{host}: {what} {state}, wanted is {self.wish.engine} {self.find_target(host)}.")
        return behind

    def is_done(self, host: str) -> bool:
        """Return whether nothing of a host is left to do."""
        mine = self.seen[host]
        parts = [*mine["servers"].values(), *([mine["sentinel"]] if mine["sentinel"] else [])]
        return bool(mine["installed"]) and all(self.is_right(host, process) for process in parts)

    def list_heads(self, host: str) -> List[str]:
        """Return the data sets whose primary is here and still runs the old version."""
        return [
            name
            for name, where in self.list_leading()
            if where == host and not self.is_right(host, self.find_server(name, where))
        ]

    def list_leading(self) -> List[Tuple[str, str]]:
        """Return the name and the host of each primary, those of all shards too."""
        leading = [(each["name"], self.sets[each["name"]]["primary"]["host"]) for each in self.topology["instances"]]
        for each in self.clusters:
            places = [
                f"{shard['primary']['address']}:{shard['primary']['port']}"
                for shard in self.sets[each["name"]]["shards"]
            ]
            members = members_to_restart(each, {}, everybody=True)
            leading += [(member["server"], member["host"]) for member in members if member["place"] in places]
        return leading

    def order_hosts(self) -> List[str]:
        """Return the hosts that have something left to do; those with most primaries come last."""
        return sorted(
            (host for host in self.list_hosts() if not self.is_done(host)), key=lambda host: len(self.list_heads(host))
        )

    def list_moves(self, order: Sequence[str]) -> List[Dict[str, Any]]:
        """Return the primaries that must move first: each must be where its set is upgraded last."""
        moves = []
        for each in self.topology["instances"]:
            name, members = each["name"], [member["host"] for member in each["members"]]
            old = [host for host in order if host in members and not self.is_right(host, self.find_server(name, host))]
            head = self.sets[name]["primary"]["host"]
            if head in old and head != old[-1]:
                moves.append({"set": each, "to": old[-1]})
        return moves

    def list_backups(self) -> List[str]:
        """Return the data sets to back up first: those whose primary still writes the old format."""
        names = self._names(self.topology["instances"])
        old = [
            name
            for name, host in self.list_leading()
            if name in names and not self.is_right(host, self.find_server(name, host))
        ]
        return [] if self.wish.without_backup else old

    def check_all(self) -> None:
        """Collect what speaks against it."""
        for host in self.list_hosts():
            if host not in self.seen:
                self.problems.append(ABSENT.format(host))
        for each in self.topology["instances"]:
            self._check_set(each)
        for each in self.clusters:
            self._check_cluster(each)
        for host in self.seen:
            self._check_room(host)
            watching = self.seen[host]["sentinel"]
            if watching and not watching["reachable"]:
                self.problems.append(f"The Sentinel of {host} does not answer: {watching['error']}")

    def _check_set(self, each: Mapping[str, Any]) -> None:
        name, state = each["name"], self.sets.get(each["name"], {})
        self._check_servers(each)
        head = state.get("primary", {}).get("host", "")
        if head in self.seen and not self.is_right(head, self.find_server(name, head)):
            for text in state.get("waiting", []):
                self.problems.append(f"The data set {name} is not in sync: {text}.")

    def _check_servers(self, each: Mapping[str, Any]) -> None:
        for member in members_to_restart(each, {}, everybody=True):
            name, host = member["server"], member["host"]
            server = self.find_server(name, host)
            if host in self.seen and not server.get("reachable"):
                self.problems.append(f"{name} on {host} does not answer: {server.get('error', '')}")
            elif host in self.seen and not self.is_right(host, server):
                reason = refuse_versions(server["engine"], server["version"], self.wish.engine, self.find_target(host))
                if reason:
                    self.problems.append(f"{name} on {host} cannot go from {reason}.")
        for step in self.sets.get(each["name"], {}).get("steps", []):
            self.problems.append(f"The data set {each['name']} is not as declared, run site.yml first: {step}.")

    def _check_cluster(self, each: Mapping[str, Any]) -> None:
        name = each["name"]
        self._check_servers(each)
        for shard in self.sets.get(name, {}).get("shards", []):
            if not shard["replicas"]:
                self.problems.append(
                    f"The shard of {shard['primary']['host']} in {name} has no replica to take it over."
                )
        if not self.wish.without_backup:
            self.problems.append(
                f"{name} is a cluster, of which upgrade makes no backup by itself. Run quorum.redis.backup, then say "
                "redis_upgrade_without_backup=true."
            )

    def _check_room(self, host: str) -> None:
        mine = self.seen[host]
        used = sum(int(server.get("memory", {}).get("used_memory", 0)) for server in mine["servers"].values())
        for what, free, needed, why in (
            ("disk", mine["disk_free"], 2 * used, "one more snapshot of all its data, and as much again to be safe"),
            ("memory", mine["memory_free"], used * self.wish.reserve // 100, "the copies that a fork causes"),
        ):
            if free < needed:
                self.problems.append(
                    f"{host} has {free // MEBIBYTE} MiB of {what} free and needs {needed // MEBIBYTE}: {why}."
                )

    def plan(self) -> Dict[str, Any]:
        """Return order, moves and problems."""
        if not self.list_behind() and all(self.is_done(host) for host in self.list_hosts()):
            nothing: Dict[str, Any] = {"order": [], "moves": [], "problems": [], "behind": [], "backups": []}
            return {**nothing, "lines": ["Everything runs it already."]}
        self.check_all()
        known = all(name in self.sets for name in self._names([*self.topology["instances"], *self.clusters]))
        order = self.order_hosts() if known and all(host in self.seen for host in self.list_hosts()) else []
        moves = self.list_moves(order) if known else []
        backups = self.list_backups() if order and known else []
        lines = [f"a backup of {', '.join(backups)}: later it is the only way back"] if backups else []
        lines += [f"{name}: the primaries of each host give their shards away" for name in self._names(self.clusters)]
        lines += [f"{each['set']['name']}: the primary moves to {each['to']} first" for each in moves]
        lines.append(f"then one host after the other: {', '.join(order)}")
        plan = {
            "order": order,
            "moves": moves,
            "problems": self.problems,
            "behind": self.list_behind(),
            "backups": backups,
        }
        return {**plan, "lines": lines}

    def _names(self, sets: Sequence[Mapping[str, Any]]) -> List[str]:
        return [each["name"] for each in sets]
