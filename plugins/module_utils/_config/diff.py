# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Desired and running settings of one process: what differs, and what it takes to make them equal. Pure.

Both sides come from CONFIG GET of the same engine, so equal means equal and no value is normalised here.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import Any, Mapping

from .._model.conf_syntax import MASK, collect_values, is_secret, list_directives
from .._model.directives import OVERRIDDEN, REPLACED

# These belong to the process or the role, not to the configuration: compared when declared, or not at all.
PROCESS = {*OVERRIDDEN, "supervised", "pidfile", "set-proc-title", "proc-title-template"}
ROLE = {"replicaof", "slaveof"}
# Changing these at run time moves the ground under the connection that changes them.
FIXED = {"bind", "port", "tls-port", "dir", "replicaof", "slaveof"}
# Setting these to the value they have is not without effect, so they are not probed.
UNPROBED = re.compile(r"tls-|appendonly\Z|requirepass\Z|(master|primary)auth\Z|bind\Z|port\Z|dir\Z")
PASSWORDS = {"requirepass", "masterauth", "primaryauth"}
LINK = {"masteruser", "masterauth"}  # by their canonical names
LOGINS = {"requirepass", "masterauth", "masteruser", "user"}  # passwords, no reason for a restart
PREVIOUS = "the present one as redis_password_previous and quorum.redis.rotate"
PLACES = {"dir", "dbfilename", "appendfilename", "appenddirname"}
# What CONFIG GET does not show, read from the file that the process was started with.
UNSEEN = ("loadmodule", "rename-command")
MAXCLIENTS = 10000
SPARE_FILES = 32


@dataclass
class Live:
    """A running process."""

    version: str = ""
    config: dict[str, str] = field(default_factory=dict)
    info: dict[str, str] = field(default_factory=dict)
    started_with: dict[str, list[str]] = field(default_factory=dict)
    started_sha: str = ""
    open_files: int = 0
    account: tuple[int, int] | None = None  # user and group of a process of this host
    replaced: bool = False  # its program file is no longer the installed one
    fixed: dict[str, str] = field(default_factory=dict)  # key -> why it cannot be set at run time
    config_refused: str = ""  # why CONFIG does not answer
    refused_by: list[str] | None = None  # members that do not let the declared masteruser in; None: nobody was asked


@dataclass
class Change:
    """One setting that differs."""

    key: str
    old: str
    new: str
    secret: bool = False

    def __str__(self) -> str:
        """Show the change to people."""
        if self.secret:
            return f"{self.key} {MASK} -> {MASK} (changed)"
        return f"{self.key} {self.old or repr('')} -> {self.new or repr('')}"


@dataclass
class Plan:
    """What it takes."""

    live: list[Change] = field(default_factory=list)
    restart: list[dict[str, str]] = field(default_factory=list)
    dangerous: list[dict[str, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def canonical_name(key: str) -> str:
    """Return one name for all the names of a setting."""
    key = key.lower().replace("slave", "replica").replace("ziplist", "listpack")
    key = re.sub(r"^primary(?=auth|user)", "master", key)
    return {"lua-time-limit": "busy-reply-threshold"}.get(key, key)


def list_changes(
    parameters: Mapping[str, Any],
    desired: Mapping[str, str],
    live: Mapping[str, str],
    same_version: bool,
    hidden: set[str],
) -> list[Change]:
    """Return the settings that differ. A setting that nobody declares is compared with the engine's own default."""
    declared = collect_values(list_directives(parameters))
    names = {canonical_name(key): key for key in declared}
    wanted = {key: value for key, value in desired.items() if key not in PROCESS | ROLE}
    if declared.get("cluster-enabled", [""])[-1] == "yes":
        # A cluster has one database, and Redis says so from 8.0 on; the scratch process is no member of any.
        wanted.pop("databases", None)
    for key in set(OVERRIDDEN) | set(REPLACED) | PROCESS:
        if key in declared and key not in ROLE:
            wanted[key] = declared[key][-1]
    known = {canonical_name(key): key for key in live}
    changes: dict[str, Change] = {}
    for wish, new in wanted.items():
        # Another engine, before an upgrade, may know the setting by its other name only.
        name = canonical_name(wish)
        key = wish if wish in live else known.get(name, wish)
        if (not same_version and name not in names) or _equal(key, new, live.get(key, ""), declared, live):
            continue
        secret = is_secret(key) or key in hidden
        if name not in changes or key == names.get(name) or ("replica" in key and key not in names.values()):
            changes[name] = Change(key, live.get(key, ""), new, secret)
    return sorted(changes.values(), key=lambda change: change.key)


def _equal(key: str, new: str, old: str, declared: Mapping[str, list[str]], live: Mapping[str, str]) -> bool:
    if key not in live:
        return canonical_name(key) not in {canonical_name(name) for name in declared}
    if key == "maxclients" and new.isdigit() and old.isdigit():
        return int(new) <= int(old) <= max(int(new), _maxclients(declared))
    if key in REPLACED or key in PROCESS:
        return new.lower() == old.lower() or (key == "dir" and new.rstrip("/") == old.rstrip("/"))
    return new == old


def _maxclients(declared: Mapping[str, list[str]]) -> int:
    value = declared.get("maxclients", [""])[-1]
    return int(value) if value.isdigit() else MAXCLIENTS


def clients_warning(parameters: Mapping[str, Any], desired: Mapping[str, str]) -> str:
    """Return the sentence for a maxclients that this system cannot give, empty when it can."""
    declared = collect_values(list_directives(parameters))
    possible = desired.get("maxclients", "")
    if "maxclients" in declared and possible.isdigit() and int(possible) < _maxclients(declared):
        return (
            f"maxclients {_maxclients(declared)} is more than this system's limit of open files allows: "
            f"{possible} are in force"
        )
    return ""


def is_unprobed(change: Change) -> bool:
    """Return whether this one must be judged without asking the server."""
    return bool(UNPROBED.search(change.key))


def plan_changes(
    changes: list[Change], desired: Mapping[str, str], live: Live, parameters: Mapping[str, Any], version: str, sha: str
) -> Plan:
    """Sort the differences: at run time, with a restart, dangerous."""
    plan = Plan()
    secure = any(change.key == "tls-port" for change in changes)
    for change in changes:
        why = _why_restart(change, live)
        if secure and not why and change.key.startswith("tls-"):
            why = "comes and goes with the port for TLS"
        if change.key == "maxclients" and why and live.started_sha == sha:
            plan.warnings.append(f"maxclients stays at {change.old}, as at the last start: {why}")
        elif why:
            plan.restart.append({"key": change.key, "why": f"{why} ({change})"})
        else:
            plan.live.append(change)
        danger = _danger(change, changes, desired, live, bool(why))
        if danger:
            plan.dangerous.append({"key": change.key, "why": danger})
    plan.restart += restart_reasons(live, parameters, version, sha)
    return plan


def _why_restart(change: Change, live: Live) -> str:
    if change.key in live.fixed:
        return live.fixed[change.key]
    if change.key in FIXED:
        return "is never changed under a running process"
    if change.key not in live.config:
        return f"is unknown to the running version {live.version}"
    if change.key == "maxclients" and 0 < live.open_files < int(change.new) + SPARE_FILES:
        return f"the process may open only {live.open_files} files"
    return ""


def _danger(change: Change, changes: list[Change], desired: Mapping[str, str], live: Live, restart: bool) -> str:
    if canonical_name(change.key) in LINK and live.refused_by is not None:
        return f"not every member lets it in: {'; '.join(live.refused_by)}" if live.refused_by else ""
    if change.key in PASSWORDS:
        return "clients or replicas lose access when a password is simply replaced; rotate it instead, with " + PREVIOUS
    if change.key == "databases":
        used = [int(key[2:]) for key in live.info if re.match(r"db\d+\Z", key)]
        if used and max(used) >= int(change.new):
            return f"database {max(used)} holds data, a server with {change.new} databases does not start with it"
    if restart and change.key in PLACES and change.old:
        return "after a restart the server would look for its data elsewhere and come up empty; move the data first"
    memory = {"maxmemory", "maxmemory-policy"}
    first = next((other.key for other in changes if other.key in memory), "")
    if change.key == first:
        limit, policy = int(desired.get("maxmemory", "0")), desired.get("maxmemory-policy", "noeviction")
        used_bytes = int(live.info.get("used_memory", "0"))
        if 0 < limit < used_bytes:
            what = "refuse all writes" if policy == "noeviction" else f"evict data ({policy})"
            return f"{used_bytes} bytes are used, with maxmemory {limit} the server would {what}"
    return ""


def restart_reasons(live: Live, parameters: Mapping[str, Any], version: str, sha: str) -> list[dict[str, str]]:
    """Return reasons to restart that are not settings, and settings that a server does not tell."""
    reasons: list[dict[str, str]] = []
    if live.version and live.version != version:
        reasons.append({"key": "version", "why": f"{live.version} is running, {version} is installed"})
    elif live.replaced:
        reasons.append({"key": "version", "why": f"the program file was replaced by another build of {version}"})
    if live.config_refused and live.started_sha and live.started_sha != sha:
        reasons.append({"key": "*", "why": f"the file has changed since the start, and {live.config_refused}"})
    declared = collect_values(list_directives(parameters))
    for key in UNSEEN:
        if live.started_with and sorted(declared.get(key, [])) != sorted(live.started_with.get(key, [])):
            reasons.append({"key": key, "why": "differs from what the process was started with"})
    return reasons


def digest_of_file(text: str) -> str:
    """Return the digest of a file as the program before each start notes it: without what a process is told live."""
    rows = [row for row in text.splitlines() if row.split(" ")[0] not in LOGINS and not row.startswith("# default: ")]
    return hashlib.sha256("\n".join(rows).encode("utf-8", "surrogateescape")).hexdigest()


def show_values(changes: list[Change], new: bool) -> str:
    """Return one side of the diff of run-time values."""
    rows = []
    for change in changes:
        value = MASK + (" (new value)" if new else "") if change.secret else (change.new if new else change.old)
        rows.append(f"{change.key} {value or repr('')}\n")
    return "".join(rows)
