# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One host before anything is installed: what is in the way, its addresses, its kernel."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Sequence

from .._core.reconcile import Module, Reconciler, Step
from .._model.file_changes import list_differences, show_diff
from .._redis.tls import Tls
from . import foreign
from .addresses import check_address, check_bind
from .capacity import disk_free, memory_free
from .certificates import check_certificate, digest_of_file
from .file_steps import WriteFile, plan_files
from .files import parse_files, survey_files
from .kernel import Setting, View, check_memory, observe_kernel, put_setting
from .listeners import is_answering, is_local, leads_here
from .packages import Pin, are_lists_empty, check_candidates, installed_versions, missing_packages
from .services import (
    changed_units,
    check_version,
    other_programs,
    running_programs,
    undeclared_servers,
    unit_table,
)


@dataclass
class StopForeign(Step):
    """Stop a server of somebody else that gives way."""

    server: foreign.Foreign


@dataclass
class PutSetting(Step):
    """Write a value of the kernel."""

    setting: Setting


class Host(Reconciler[View]):
    """The kernel of this host."""

    def __init__(
        self,
        module: Module,
        later: Sequence[str],
        find_converged: Callable[[], list[str]],
        compare_members: Callable[[], dict[str, Any]],
    ) -> None:
        """Read the options.

        `find_converged` tells which of the later modules would find nothing to do; `compare_members` refuses an
        inventory that leaves out who lives.
        """
        super().__init__()
        self.module, self.later, given = module, later, module.params
        self.find_converged, self.compare_members = find_converged, compare_members
        self.units = unit_table(given["packaged"]) if given["program"] or given["listens"] else ""
        self.membership: dict[str, Any] = {}
        self.foreign: list[foreign.Foreign] = []
        self.programs: dict[str, str] = {}
        self.files = parse_files(given["files"])
        self.update, self.no_lists = not module.check_mode, False
        module.check_mode = module.check_mode or not given["apply"]

    def observe(self) -> View:
        """Look, and refuse at once what holds a port, what the memory cannot hold, certificates that will not do."""
        given = self.module.params
        self.membership = self.compare_members()
        servers = foreign.find_foreign(given["listens"], given["packaged"], self.units) if given["listens"] else []
        self.foreign = foreign.judge_foreign(servers, given["name"], given["replace_foreign"])
        running = {unit.name for unit in foreign.parse_units(self.units) if unit.pid}
        check_address(given["address"] or "", given["listens"], running, is_local, is_answering, leads_here)
        check_bind(given["bind"], given["address"] or "", is_local)
        if given["certificate"]:
            check_certificate(
                Tls(given["authorities"], given["certificate"], given["key"]), given["address"] or "", "TLS"
            )
        view = observe_kernel(self.module.params)
        pairs = survey_files(self.files, sure=not self.module.check_mode)
        view.declared = [pair for pair in pairs if list_differences(*pair)]
        check_memory(view, self.module.params["memory_needed"])
        self._check_engine(view)
        return view

    def _check_engine(self, view: View) -> None:
        """Compare what is installed and what runs with what is declared; only an upgrade may change its version."""
        given = self.module.params
        pin = Pin(given["engine"], given["pinned"], given["version"])
        installed = installed_versions(given["packages"])
        kept = installed is None or pin.is_kept(installed)
        self.no_lists = not self.update and not given["upgrade"] and are_lists_empty()
        if (
            pin.version
            and pin.packages
            and installed is not None
            and (given["upgrade"] or not kept)
            and not self.no_lists
        ):
            pin.find_candidate(given["name"], self.update)
        view.pin = pin.newest
        view.packages_missing = missing_packages(given["packages"], installed, pin, given["upgrade"])
        self.no_lists = self.no_lists and bool(view.packages_missing)
        if not self.no_lists:
            check_candidates(view.packages_missing, update=self.update)
        self.programs = running_programs(self.units) if given["program"] else {}
        if given["engine"] and not given["upgrade"]:
            check_version(self.programs, given["program"] or "", kept, given["name"], f"{pin.engine} {pin.version}")

    def plan(self, obs: View) -> list[Step]:
        """One step for each process that goes, each file, and each value that differs and can be set."""
        steps = plan_files(obs.declared)
        steps += [
            StopForeign(f"stop {server.unit or 'it'}: {server.describe_process()}", server) for server in self.foreign
        ]
        steps += plan_files(obs.files)
        for setting in obs.settings:
            if setting.differs and setting.writable:
                text = f"set {setting.name} from {setting.now or 'nothing'} to {setting.wanted}"
                steps.append(PutSetting(text, setting))
        return steps

    def apply(self, step: Step) -> None:
        """Stop a process, write a file or a value."""
        if isinstance(step, StopForeign):
            foreign.stop_server(step.server)
        elif isinstance(step, WriteFile):
            step.write_file(self.module)
        elif isinstance(step, PutSetting):
            put_setting(step.setting)

    def settle(self, before: View, steps: list[Step]) -> View:
        """Return what was seen: a written value is as it was written."""
        return before

    def result(self, obs: View, steps: list[Step]) -> dict[str, Any]:
        """Name what this host does not let us set."""
        given, programs = self.module.params, self.programs
        program = given["program"] or ""
        fixed = [item for item in obs.settings if item.differs and not item.writable]
        self.warnings += [
            f"{item.name} is {item.now or 'unknown'} and cannot be set to {item.wanted} here" for item in fixed
        ]
        if given["apply"]:
            gone = [step.server for step in steps if isinstance(step, StopForeign)]
            self.warnings += [f"{server.describe_process()}. It gives way: {server.explain_rest()}" for server in gone]
        if self.no_lists:
            self.warnings.append(
                f"The package lists of {given['name']} are empty. A run renews them first; whether its "
                f"sources have {', '.join(obs.packages_missing)} is not known in check mode"
            )
        if given["units"] is not None:
            self.warnings += undeclared_servers(programs, given["units"]) + changed_units(self.units)
        settled = [] if steps or obs.packages_missing else self.find_converged()
        return {
            "foreign": [server.describe_process() for server in self.foreign],
            "unsettable": [item.name for item in fixed],
            "memory": obs.memory,
            "memory_free": memory_free(),
            "disk_free": disk_free(given["data"]),
            "authorities_sha256": digest_of_file(given["authorities"] or ""),
            "firewalls": sorted(path.stem for path in Path("/etc/quorum-redis").glob("*.nft")),
            "running": programs,
            "program_exists": bool(program) and Path(program).exists(),
            "other_program": other_programs(programs, program),
            "pin": obs.pin,
            "packages_missing": obs.packages_missing,
            "lists_empty": self.no_lists,
            "membership": self.membership,
            "converged": settled,
            "unsettled": [name for name in self.later if name not in settled],
        }

    def diff(self, before: View, after: View | None, steps: list[Step]) -> list[dict[str, str]]:
        """Return the files, then the values."""
        diffs = [show_diff(seen, want) for seen, want in before.declared + before.files]
        items = [step.setting for step in steps if isinstance(step, PutSetting)]
        if items:
            diffs.append(
                {
                    "before_header": "kernel",
                    "after_header": "kernel",
                    "before": "".join(f"{item.name} {item.now}\n" for item in items),
                    "after": "".join(f"{item.name} {item.wanted}\n" for item in items),
                }
            )
        return diffs
