# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers and Sentinels as they were observed: the same shape for every engine and version."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Dict, List, Optional, Tuple

from .versions import major_minor

PARKED: Tuple[str, int] = ("127.0.0.1", 0)


@dataclass
class Upstream:
    """What a replica follows, and how that goes."""

    address: str
    port: int
    link: str
    sync_in_progress: bool
    last_io_seconds: int


@dataclass
class Downstream:
    """A replica as its primary sees it."""

    address: str
    port: int
    state: str
    offset: int
    lag: int


@dataclass
class Observed:
    """One server as it is, or why nothing is known about it."""

    host: str = ""
    address: str = ""
    port: int = 0
    other_port: int = 0  # of the same server: plain beside TLS, or TLS beside plain
    aliases: List[str] = field(default_factory=list)
    reachable: bool = False
    error: str = ""
    error_kind: str = ""
    engine: str = ""
    version: str = ""
    run_id: str = ""
    mode: str = ""
    role: str = ""
    replication_id: str = ""
    replication_id2: str = ""
    offset: int = 0
    second_offset: int = -1
    primary: Optional[Upstream] = None
    replicas: List[Downstream] = field(default_factory=list)
    priority: int = 100
    failover_state: str = ""
    key_count: int = 0
    databases: Dict[str, int] = field(default_factory=dict)
    persistence: Dict[str, Any] = field(default_factory=dict)
    memory: Dict[str, Any] = field(default_factory=dict)
    uptime: int = 0
    config: Dict[str, str] = field(default_factory=dict)
    refused: List[Dict[str, Any]] = field(default_factory=list)
    users: List[str] = field(default_factory=list)
    watchers: List[Dict[str, str]] = field(default_factory=list)  # Sentinels that listen there, by id and address

    @property
    def name(self) -> str:
        """Return what to call it in a sentence."""
        return self.host or f"{self.address}:{self.port}"

    @property
    def parked(self) -> bool:
        """Return whether it waits, read-only and without data of its own, to be told its role."""
        return self.primary is not None and (self.primary.address, self.primary.port) == PARKED

    @property
    def empty(self) -> bool:
        """Return whether it holds no key."""
        return self.key_count == 0

    @property
    def loading(self) -> bool:
        """Return whether it still reads its data set, so that its keys do not count yet."""
        return bool(self.persistence.get("loading"))

    def is_at(self, address: str, port: int) -> bool:
        """Return whether this server is known by that, by any of its names."""
        return port == self.port and address in {self.address, *self.aliases}

    def is_known_by(self, address: str, port: int) -> bool:
        """Return whether that is this server, by either of its ports."""
        return self.is_at(address, port) or self.is_behind(address, port)

    def is_behind(self, address: str, port: int) -> bool:
        """Return whether that is its other port, which its peers are not to use."""
        return bool(self.other_port) and port == self.other_port and address in {self.address, *self.aliases}

    def to_dict(self) -> Dict[str, Any]:
        """Return it as a module returns it."""
        return {**asdict(self), "parked": self.parked, "empty": self.empty}


# ms that a Sentinel waits for a primary that it was told and cannot reach yet, since it speaks to another kind of port.
NOT_YET = 3600000


@dataclass
class WatchedMaster:
    """One data set as one Sentinel sees it."""

    address: str
    port: int
    run_id: str = ""
    flags: List[str] = field(default_factory=list)
    quorum: int = 0
    down_after: int = 0
    failover_timeout: int = 0
    parallel_syncs: int = 0
    config_epoch: int = 0
    replicas: List[Dict[str, Any]] = field(default_factory=list)
    sentinels: List[Dict[str, Any]] = field(default_factory=list)
    ckquorum: str = ""

    @property
    def in_failover(self) -> bool:
        """Return whether a failover runs, or must be expected because the master counts as down."""
        return bool({"failover_in_progress", "o_down"} & set(self.flags))


@dataclass
class SentinelView:
    """One Sentinel as it is, or why nothing is known about it."""

    host: str = ""
    address: str = ""
    port: int = 0
    aliases: List[str] = field(default_factory=list)
    reachable: bool = False
    error: str = ""
    error_kind: str = ""
    engine: str = ""
    version: str = ""
    myid: str = ""
    tilt: bool = False
    masters: Dict[str, WatchedMaster] = field(default_factory=dict)
    refused: List[Dict[str, Any]] = field(default_factory=list)
    settings: Dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Return what to call it in a sentence."""
        return self.host or f"{self.address}:{self.port}"

    def to_dict(self) -> Dict[str, Any]:
        """Return it as a module returns it."""
        return asdict(self)


def is_newer(source: Observed, other: Observed) -> bool:
    """Return whether one must not feed replication to other: a newer version, or Valkey to Redis."""
    if source.engine != other.engine:
        return source.engine == "valkey"
    return major_minor(source.version) > major_minor(other.version)


def show_engine(member: Observed) -> str:
    """Return which engine in which version a member runs, for a sentence."""
    return f"{member.engine} {member.version}"
