# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds a port that a declared process needs, and is not ours: found, judged, and stopped when that is meant."""

from __future__ import annotations

import os
import re
import signal
import socket
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Mapping, Sequence

from .._core.errors import QuorumError, Refused
from .._redis.replies import engine_of, parse_info, parse_number
from .commands import run_command
from .listeners import Holder, Listener, find_holders, of_process, read_kernel_file, read_listeners
from .services import parse_blocks, show_units

OURS = "quorum.redis"  # the first line of our units says so
PACKAGED = re.compile(r"(redis|valkey)(-server|-sentinel)?\.service")
ENGINE = re.compile(r"redis|valkey|keydb|dragonfly", re.IGNORECASE)
UNTOUCHED = re.compile(r"address=(127\.0\.0\.1|::1|\[::1\]):\d+,slaves=0,sentinels=1$")  # as packages deliver it
STOP_LIMIT = 300.0
KEEPS = (
    "A running data set keeps its name and its port: declare it as it runs, or remove it first (docs/operations.md, "
    "Remove)"
)


@dataclass
class Unit:
    """What systemd says about one unit."""

    name: str
    pid: int = 0
    file: str = ""


@dataclass
class Foreign:
    """A process that is not ours, where one of ours shall be."""

    holder: Holder
    ports: list[int] = field(default_factory=list)  # those that are declared
    unit: str = ""  # that is stopped to stop it
    ours: bool = False  # a unit of this collection that is not declared for this port
    info: dict[str, str] = field(default_factory=dict)
    silence: str = ""  # why it told nothing

    @property
    def sentinel(self) -> bool:
        """Return whether it is a Sentinel."""
        return "sentinel_masters" in self.info

    @property
    def keys(self) -> int:
        """Return how many keys it holds."""
        rows = (value for key, value in self.info.items() if re.fullmatch(r"db\d+", key))
        return sum(parse_number(re.sub(r"keys=(\d+).*", r"\1", value)) for value in rows)

    @property
    def watched(self) -> list[str]:
        """Return what it watches, as a Sentinel says it."""
        return [value for key, value in sorted(self.info.items()) if re.fullmatch(r"master\d+", key)]

    @property
    def engine(self) -> bool:
        """Return whether it is a server or Sentinel of the family."""
        return bool(self.info) or bool(ENGINE.search(self.holder.program + self.unit))

    @property
    def stoppable(self) -> bool:
        """Return whether it can be stopped from here so that it stays stopped."""
        return self.engine and not self.holder.container and bool(self.unit or self.holder.pid)

    def is_idle(self, watchers: int = 0) -> bool:
        """Return whether nobody misses it: a package started it, it holds no key, nobody uses it."""
        if not PACKAGED.fullmatch(self.unit) or not self.info:
            return False
        if self.sentinel:
            return all(UNTOUCHED.search(master) for master in self.watched)
        alone = self.info.get("role") == "master" and not parse_number(self.info.get("connected_slaves"))
        users = (
            parse_number(self.info.get("connected_clients")) - 1 - 2 * watchers
        )  # this question, and two of each Sentinel
        return alone and not self.keys and self.info.get("loading") == "0" and users <= 0

    def describe_process(self) -> str:
        """Return what it is, in one clause."""
        ports = self.ports or self.holder.ports
        where = f"port{'s' * (len(ports) > 1)} {', '.join(map(str, ports))}"
        if not self.holder.pid:
            return f"{where} is held by a process that this host does not show"
        who = self.unit or self.holder.program or "a process"
        kind = "a container, " if self.holder.container else "" if self.unit else "no unit of its own, "
        if self.ours:
            kind = "a process of this collection that is not declared there, "
        engine = " ".join(engine_of(self.info)) + ", " if self.info else ""
        verb = "is held by" if self.ports else "belongs to"
        return f"{where} {verb} {who} ({kind}{engine}pid {self.holder.pid}): {self._holds()}"

    def _holds(self) -> str:
        if not self.info:
            return self.silence
        if self.sentinel:
            names = [master.partition(",")[0].replace("name=", "") for master in self.watched]
            return f"a Sentinel that watches {', '.join(names) or 'nothing'}"
        keys, replicas = self.keys, parse_number(self.info.get("connected_slaves"))
        role = f"primary with {replicas} replica{'s' * (replicas != 1)}"
        if self.info.get("role") == "slave":
            role = f"replica of {self.info.get('master_host')}:{self.info.get('master_port')}"
        data = f"{keys} key{'s' * (keys != 1)}" if self.info.get("loading") == "0" else "still loading its data"
        return f"{role}, {data}, {max(0, parse_number(self.info.get('connected_clients')) - 1)} other clients"

    def explain_remedy(self) -> str:
        """Return how to get out of its way."""
        if self.holder.container:
            return "stop that container where it is managed, or give the data set another port"
        if not self.stoppable:
            return "stop it, or give the data set another port"
        return f"`redis_replace_foreign` means it: {self.explain_rest()}"

    def explain_rest(self) -> str:
        """Return what is left of it when it gives way."""
        what = "a Sentinel's file" if self.sentinel else "its data"
        return f"it is stopped, and {what} stays in {self.holder.directory or 'its directory'}"


def choose_unused(servers: Sequence[Foreign]) -> list[Foreign]:
    """Return those that may go without being asked for: nobody misses them; pure."""
    watchers = sum(server.sentinel and server.is_idle() for server in servers)
    return [server for server in servers if server.is_idle(watchers)]


def judge_foreign(servers: Sequence[Foreign], host: str, replace: bool) -> list[Foreign]:
    """Return those that are stopped, or refuse; pure."""
    going = choose_unused(servers)
    stay = [server for server in servers if server not in going and not (replace and server.stoppable)]
    if stay:
        ways = list(dict.fromkeys(server.explain_remedy() for server in stay))
        keep, lack = "", "ours"
        if all(server.ours for server in stay):
            lack, keep = "declared", f"{KEEPS}. Or: "
        elif any(server.stoppable for server in stay):
            keep = "Bring its data in first (docs/operations.md, A server that is there already), or take "
            keep += f"{host} out of the inventory. Or: "
        raise Refused(
            f"Something that is not {lack} is on {host}: {'; '.join(server.describe_process() for server in stay)}",
            "",
            f"Nothing was changed on any host. {keep}{'; '.join(ways)}"
            + (f". On the command line: -e redis_replace_foreign={host}" if keep else ""),
        )
    return list(servers)


def parse_units(table: str) -> list[Unit]:
    """Return the units that `systemctl show` has told; pure."""
    return [
        Unit(block["Id"], parse_number(block.get("MainPID")), block.get("FragmentPath", ""))
        for block in parse_blocks(table)
    ]


def find_foreign(declared: Mapping[str, Sequence[int]], replaced: Sequence[str], table: str) -> list[Foreign]:
    """Return what is on the declared ports and is not the unit that is declared, and what the packages' units run."""
    known = parse_units(table)
    ours = {unit.name: unit for unit in known if unit.file and _is_ours(unit)}
    wanted = {port: unit for unit, ports in declared.items() for port in ports}
    sockets = read_listeners(wanted)
    for unit in known:
        if unit.name in replaced and unit.pid:
            sockets += [listener for listener in of_process(unit.pid) if listener not in sockets]
    servers = []
    for holder in find_holders(sockets, [unit.pid for unit in known]):
        ports = [port for port in holder.ports if port in wanted]
        mine = holder.unit in ours and holder.pid == ours[holder.unit].pid
        if mine and all(wanted[port] == holder.unit for port in ports):
            continue
        if not holder.pid and any(ours[name].pid for name in {wanted[port] for port in ports} & set(ours)):
            continue  # where root may not look at the sockets of others, and a unit of ours runs
        servers.append(_asked(Foreign(holder, ports, _unit(holder, known), mine)))
    return servers


def _is_ours(unit: Unit) -> bool:
    """Return whether its file is of this collection; that of a unit that somebody has masked says nothing."""
    file = Path(unit.file)
    if os.path.realpath(unit.file) == os.devnull:
        file = file.with_name(re.sub("@.*[.]", "@.", unit.name))
    return OURS in read_kernel_file(file)


def _unit(holder: Holder, known: Sequence[Unit]) -> str:
    """Return the unit that is this process, not one that has only started it, as cron or a login does."""
    name = holder.unit
    if not name or PACKAGED.fullmatch(name) or any((unit.name, unit.pid) == (name, holder.pid) for unit in known):
        return name
    table = show_units("Id,MainPID,FragmentPath", name)
    main = any(unit.pid == holder.pid for unit in parse_units(table))
    return name if main or ENGINE.search(name) else ""


def _asked(server: Foreign) -> Foreign:
    """Ask it what it is, without a password: ours is not for strangers."""
    for listener in server.holder.listeners:
        kind, text = ask_port(listener, "INFO")
        if kind == "$" and ("redis_version" in text or "server_name" in text):
            server.info, server.silence = parse_info(text), ""
            return server
        denied = text.startswith(("NOAUTH", "NOPERM", "DENIED"))
        server.silence = (
            "it asks for a password, so what it holds is not known" if denied else "it does not answer INFO"
        )
    return server


def ask_port(listener: Listener, command: str, seconds: float = 2.0) -> tuple[str, str]:
    """Send one command; return the kind of the reply and its text, both empty when there is none."""
    try:
        with socket.create_connection((listener.reached_at, listener.port), timeout=seconds) as plain:
            plain.sendall(command.encode() + b"\r\n")
            stream = plain.makefile("rb")
            line = stream.readline(1000).decode("utf-8", "replace").rstrip("\r\n")
            if line.startswith("$") and line[1:].isdecimal():
                return "$", stream.read(min(int(line[1:]), 1 << 20)).decode("utf-8", "replace")
            return line[:1], line[1:]
    except OSError:
        return "", ""


def stop_server(server: Foreign) -> None:
    """Stop it so that it stays stopped; what it holds is on its disk before that."""
    where = f"pid {server.holder.pid}"
    if server.info and not server.sentinel and server.keys:
        kind, text = ask_port(server.holder.listeners[0], "SAVE", STOP_LIMIT)
        if kind != "+":
            raise QuorumError(
                f"{server.describe_process()}; it cannot save them: {text or 'no answer'}",
                where,
                "It was not stopped. Let it save its data, or stop it yourself",
            )
    if server.unit:
        run_command("systemctl", "stop", server.unit)
        run_command("systemctl", "disable", server.unit)
    else:
        os.kill(server.holder.pid, signal.SIGTERM)
    end = time.monotonic() + STOP_LIMIT
    while of_process(server.holder.pid):
        if time.monotonic() > end:
            raise QuorumError(
                f"{server.describe_process()}; it does not stop", where, "Stop it yourself, then run again"
            )
        time.sleep(0.1)
