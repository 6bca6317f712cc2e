# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who listens on this host, and where: from what the kernel tells, nothing is asked over the network."""

from __future__ import annotations

import os
import re
import socket
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Iterable, Sequence

LISTEN, ESTABLISHED = "0A", "01"
CONTAINER = re.compile(r"(docker|libpod|crio|cri-containerd|nerdctl|lxc|kubepods|machine-)[-./]?", re.IGNORECASE)
PROXIES = ("docker-proxy", "conmon", "rootlessport", "slirp4netns", "pasta")


@dataclass(frozen=True)
class Listener:
    """One socket that takes connections; the inode tells whose it is."""

    address: str
    port: int
    inode: str

    @property
    def reached_at(self) -> str:
        """Return an address at which this host reaches it."""
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.address, self.address)  # noqa: S104


@dataclass
class Holder:
    """A process with the sockets that it listens on; pid 0 where the kernel does not tell whose they are."""

    pid: int = 0
    program: str = ""  # as the process calls itself; its file is redis-check-rdb on Debian
    directory: str = ""
    cgroup: str = ""
    listeners: list[Listener] = field(default_factory=list)

    @property
    def unit(self) -> str:
        """Return the unit of the system in which it runs, empty where there is none."""
        return unit_of(self.cgroup)

    @property
    def container(self) -> bool:
        """Return whether it is a container's, or stands before one."""
        return self.program in PROXIES or bool(CONTAINER.match(scope_of(self.cgroup)))

    @property
    def ports(self) -> list[int]:
        """Return its ports."""
        return sorted({listener.port for listener in self.listeners})


def parse_listeners(text: str, byteorder: str = sys.byteorder) -> list[Listener]:
    """Return the listeners of one table of the kernel, /proc/net/tcp or tcp6; pure."""
    listeners = []
    for words in map(str.split, text.splitlines()[1:]):
        if len(words) > 9 and words[3] == LISTEN:
            raw, _colon, port = words[1].partition(":")
            listeners.append(Listener(_address(raw, byteorder), int(port, 16), words[9]))
    return listeners


def _address(raw: str, byteorder: str) -> str:
    """Return the address behind words of 32 bits, each in the order of the processor."""
    packed = b"".join(int(raw[at : at + 8], 16).to_bytes(4, byteorder) for at in range(0, len(raw), 8))  # type: ignore[arg-type]
    address = socket.inet_ntop(socket.AF_INET if len(packed) == 4 else socket.AF_INET6, packed)
    return address[7:] if address.startswith("::ffff:") else address


def scope_of(cgroup: str) -> str:
    """Return the last service, scope or container of a process's control groups; pure."""
    rows = [row.split(":", 2) for row in cgroup.splitlines() if row.count(":") >= 2]
    paths = [path for _number, kind, path in rows if kind in ("", "name=systemd")] or [row[2] for row in rows]
    words = [word for word in max(paths, key=len, default="").split("/") if word]  # one of two may be empty
    marked = [word for word in words if word.endswith((".service", ".scope")) or CONTAINER.match(word)]
    return marked[-1] if marked else ""


def unit_of(cgroup: str) -> str:
    """Return the unit of the system; what belongs to a login or a user's own systemd has none. Pure."""
    scope = scope_of(cgroup)
    return scope if scope.endswith(".service") and "user.slice" not in cgroup else ""


def read_listeners(ports: Iterable[int] | None = None, root: Path = Path("/")) -> list[Listener]:
    """Return the listeners of this host, of these ports only where some are named."""
    wanted = None if ports is None else set(ports)
    listeners = [
        listener for name in ("tcp", "tcp6") for listener in parse_listeners(read_kernel_file(root / "proc/net" / name))
    ]
    return [listener for listener in listeners if wanted is None or listener.port in wanted]


def find_holders(listeners: Sequence[Listener], first: Iterable[int] = (), root: Path = Path("/")) -> list[Holder]:
    """Return the processes behind the listeners; `first`: whose they are in all likelihood, which saves the search."""
    left = {listener.inode: listener for listener in listeners}
    holders: list[Holder] = []
    proc = root / "proc"
    likely = [str(pid) for pid in first if pid]
    for pid in [*likely, *(name for name in _processes(proc) if name not in likely)]:
        if not left:
            break
        mine = [left.pop(inode) for inode in sockets_of(proc / pid) if inode in left]
        if mine:
            place = proc / pid
            holders.append(
                Holder(
                    int(pid),
                    read_kernel_file(place / "comm").strip(),
                    _link(place / "cwd"),
                    read_kernel_file(place / "cgroup"),
                    mine,
                )
            )
    return holders + [Holder(listeners=[listener]) for listener in left.values()]


def of_process(pid: int, root: Path = Path("/")) -> list[Listener]:
    """Return where one process listens."""
    mine = set(sockets_of(root / "proc" / str(pid))) if pid > 0 else set()
    return [listener for listener in read_listeners(root=root) if listener.inode in mine] if mine else []


def sockets_of(process: Path) -> list[str]:
    """Return the inodes of a process's sockets; none where it is gone or may not be looked at."""
    try:
        links = [_link(file) for file in (process / "fd").iterdir()]
    except OSError:
        return []
    return [link[8:-1] for link in links if link.startswith("socket:[")]


def is_local(address: str) -> bool:
    """Return whether this host has, or may use, the address: the kernel is asked."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True


def is_answering(address: str, port: int, seconds: float = 2.0) -> bool:
    """Return whether something takes connections there."""
    try:
        socket.create_connection((address, port), timeout=seconds).close()
    except OSError:
        return False
    return True


def leads_here(address: str, port: int, ports: Iterable[int], seconds: float = 1.0) -> bool:
    """Return whether a connection to this place ends at one of these ports of this host, translated or not."""
    wanted = set(ports)
    for _try in range(3):  # another client may connect in the same moment, but hardly three times
        before = _connections(wanted)
        try:
            with socket.create_connection((address, port), timeout=seconds) as probe:
                end = time.monotonic() + seconds
                while not find_own(before, _connections(wanted), probe.getsockname()[1]):
                    if time.monotonic() > end:
                        return False
                    time.sleep(0.01)
        except OSError:
            return False
    return True


def find_own(before: set[tuple[str, str]], now: set[tuple[str, str]], port: int) -> set[tuple[str, str]]:
    """Return the connections that may be the new one from this port: not those of peers, who have others; pure."""
    peers = {there.rpartition(":")[0] for _here, there in before}
    new = {connection: connection[1].rpartition(":") for connection in now - before}
    return {
        connection for connection, (host, _colon, theirs) in new.items() if int(theirs, 16) == port or host not in peers
    }


def _connections(ports: set[int], root: Path = Path("/")) -> set[tuple[str, str]]:
    """Return both ends of what is connected to these ports of this host, as the kernel writes them."""
    rows = [
        row.split()[1:4] for name in ("tcp", "tcp6") for row in read_kernel_file(root / "proc/net" / name).splitlines()
    ]
    return {
        (here, there)
        for here, there, state in rows
        if state == ESTABLISHED and int(here.rpartition(":")[2], 16) in ports
    }


def read_kernel_file(path: Path) -> str:
    """Return the text of a file of the kernel, empty when it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _processes(proc: Path) -> list[str]:
    try:
        return sorted((name for name in os.listdir(proc) if name.isdecimal()), key=int)  # noqa: PTH208
    except OSError:
        return []


def _link(path: Path) -> str:
    try:
        target = os.readlink(path)
    except OSError:
        return ""
    return target[: -len(" (deleted)")] if target.endswith(" (deleted)") else target
