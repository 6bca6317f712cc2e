# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables of one host: their files, the units that load them at boot, and what the kernel has."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

from .._core.errors import BadConfig, QuorumError, Refused
from .._core.reconcile import Module, Reconciler, Step
from .._model.file_changes import Seen, Wanted, list_differences, show_diff
from .._model.firewall import (
    count_connections,
    list_listening,
    mark_of,
    name_table,
    ports_of,
    read_networks,
    render_rules,
    shut_out,
)
from .commands import MISSING, must_succeed, run_command
from .file_steps import WriteFile, plan_files
from .files import read_path
from .services import show_units

FOLDER = Path("/etc/quorum-redis")
TCP = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
NOTHING = "Nothing was changed"


@dataclass
class FirewallTable:
    """What there is for one process, and what there shall be."""

    name: str
    ports: Sequence[int]
    seen: Seen
    want: Wanted
    unit: Dict[str, str]
    loaded: Optional[str]

    @property
    def service(self) -> str:
        """Return the unit that loads it."""
        return f"redis-firewall@{self.name}.service"


@dataclass
class ControlUnit(Step):
    """Have systemd do something with the unit of a wall; one that is running loads its file anew at once."""

    unit: str
    command: Sequence[str]


class Firewall(Reconciler[List[FirewallTable]]):
    """All tables of one call."""

    def __init__(self, module: Module) -> None:
        """Read the options, and refuse what could cut Ansible itself off."""
        super().__init__()
        self.module, self.params = module, module.params
        self.present = self.params["state"] == "present"
        try:
            self.allowed = read_networks([*self.params["peers"], *self.params["clients"]])
        except ValueError as culprit:
            raise BadConfig(f"{culprit} is no address and no network", todo=NOTHING) from None
        for process in self.params["processes"]:
            if self.present and self.params["ssh_port"] in process["ports"]:
                raise BadConfig(f"{process['name']} has the port of SSH, {self.params['ssh_port']}", todo=NOTHING)

    def observe(self) -> List[FirewallTable]:
        """Look at files, units and kernel; refuse rules that they do not take, or that shut somebody out."""
        walls = [self._look(process) for process in self.params["processes"]]
        changing = [wall for wall in walls if self.present and self._todo(wall)]
        for wall in changing:
            self._take(wall)
        if changing and not self.params["ignore_clients"]:
            self._refuse_lockout(walls)
        return walls

    def plan(self, obs: List[FirewallTable]) -> List[Step]:
        """One step for each thing that differs."""
        return [step for wall in obs for step in self._todo(wall)]

    def apply(self, step: Step) -> None:
        """Do it."""
        if isinstance(step, WriteFile):
            step.write_file(self.module)
        elif isinstance(step, ControlUnit):
            must_succeed(f"Cannot {step.text}", "systemctl", *step.command, step.unit)

    def settle(self, before: List[FirewallTable], steps: List[Step]) -> List[FirewallTable]:
        """See that the kernel has what was asked for."""
        walls = [self._look(process) for process in self.params["processes"]] if steps else before
        for wall in walls:
            left = self._todo(wall)
            if left:
                raise QuorumError(
                    f"{wall.service} did not do its work: still to {left[0].text}", todo="See its journal"
                )
        return walls

    def diff(
        self, before: List[FirewallTable], after: Optional[List[FirewallTable]], steps: List[Step]
    ) -> List[Dict[str, str]]:
        """Show the files, then what is done to units."""
        files = [show_diff(wall.seen, wall.want) for wall in before if list_differences(wall.seen, wall.want)]
        rest = [step for step in steps if not isinstance(step, WriteFile)]
        return files + super().diff(before, after, rest)

    def _look(self, process: Dict[str, Any]) -> FirewallTable:
        name = process["name"]
        path = str(FOLDER / f"{name}.nft")
        seen = read_path(path)
        # Who is to leave a port may be refused to, and is not left there without what shut strangers out.
        left = ports_of(seen.content.decode("utf-8", "replace")) & list_listening(read_tcp_tables()) - {
            self.params["ssh_port"]
        }
        ports = sorted({*process["ports"], *left})
        text = render_rules(name, ports, self.allowed) if self.present else ""
        want = Wanted(path, "file" if self.present else "absent", text.encode())
        table = show_units("ActiveState,UnitFileState", f"redis-firewall@{name}.service")
        unit = dict(row.split("=", 1) for row in table.splitlines() if "=" in row)
        code, listed = run_command("nft", "list", "table", "inet", name_table(name))
        return FirewallTable(name, ports, seen, want, unit, mark_of(listed) if code == 0 else None)

    def _todo(self, wall: FirewallTable) -> List[Step]:
        """Return a step for each thing that differs; pure."""
        steps = plan_files([(wall.seen, wall.want)])
        running, enabled = wall.unit.get("ActiveState") == "active", wall.unit.get("UnitFileState") == "enabled"
        if not self.present:
            stop = running or enabled
            last = ControlUnit(f"disable and stop {wall.service}", wall.service, ["disable", "--now"])
            return [last, *steps] if stop else steps
        if not enabled:
            steps.append(ControlUnit(f"enable {wall.service}", wall.service, ["enable"]))
        if not running or wall.loaded != mark_of(wall.want.content.decode()):
            steps.append(ControlUnit(f"load {wall.want.path}", wall.service, ["reload-or-restart"]))
        return steps

    def _take(self, wall: FirewallTable) -> None:
        code, output = run_command("nft", "--check", "--file", "-", given=wall.want.content)
        if code == MISSING and not self.module.check_mode:
            raise QuorumError("The program nft is missing", "", f"{NOTHING}. Install the package nftables")
        if code not in (0, MISSING):
            raise Refused(f"nft does not take the rules for {wall.name}: {output}", wall.want.path, NOTHING)

    def _refuse_lockout(self, walls: List[FirewallTable]) -> None:
        tables = read_tcp_tables()
        connections: List[str] = []
        for wall in walls:
            late = shut_out(count_connections(tables, wall.ports), self.allowed)
            connections += [f"{wall.name}: {count} from {address}" for address, count in late.items()]
        if connections:
            raise Refused(
                f"Open connections could not be opened again: {', '.join(connections)}",
                "",
                f"{NOTHING}. Add the addresses to redis_firewall_clients; a member with another address than it is "
                "declared with needs redis_address. To shut them out, -e redis_firewall_ignore_clients=true",
            )


def read_tcp_tables() -> List[str]:
    """Return what the kernel says of its TCP sockets."""
    return [path.read_text(encoding="ascii") for path in TCP if path.exists()]
