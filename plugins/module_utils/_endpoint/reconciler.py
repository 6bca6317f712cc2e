# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The endpoints of this host: HAProxy installed, its file and unit as declared, and writes led to the primary."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Mapping, Optional

from .._core.errors import AuthFailed, CommandFailed, QuorumError
from .._core.polling import until_done
from .._core.reconcile import Module, Reconciler, Step
from .._host.commands import must_succeed
from .._host.file_steps import Pair, WriteFile, plan_files
from .._host.files import parse_files, read_path, survey_files, write_path
from .._host.listeners import Listener, find_holders, read_listeners
from .._host.packages import installed_versions
from .._host.process import main_pid
from .._host.sandbox import find_account
from .._host.start import State, read_states
from .._model import haproxy, haproxy_output
from .._model.file_changes import Wanted, list_differences, show_diff
from .._redis.endpoint import Endpoint
from .._redis.plain import Plain
from .._redis.tls import Tls
from . import service, tls
from .preflight import Asked, check_answers, check_deployment, check_ports

CONFIG = f"{haproxy.FOLDER}/haproxy.cfg"
MARK = f"{haproxy.FOLDER}/installed"  # that HAProxy is here for the endpoints alone
MASK = "/etc/systemd/system/haproxy.service"
PEM = (haproxy.CA, haproxy.OWN)
USER = "redis-endpoint"
SYSUSERS = "/etc/sysusers.d/redis-endpoint.conf"


@dataclass
class View:
    """What is on this host."""

    package: bool = False
    user: bool = False
    state: State = field(default_factory=lambda: State(active=False, enabled=False))
    digest: str = ""  # of the configuration that HAProxy runs with
    pairs: list[Pair] = field(default_factory=list)  # files that differ
    left: list[str] = field(default_factory=list)  # ours that lie here
    brought: bool = False
    primaries: dict[str, list[str]] = field(default_factory=dict)
    writes: dict[str, list[str]] = field(default_factory=dict)


@dataclass
class Install(Step):
    """Install HAProxy."""


@dataclass
class Remove(Step):
    """Take away what lies here of the endpoints."""

    view: View


@dataclass
class Control(Step):
    """Start, restart or reload the unit."""

    verb: str


class EndpointHost(Reconciler[View]):
    """The endpoints of this host; without sets, their removal."""

    def __init__(self, module: Module) -> None:
        """Read the options."""
        super().__init__()
        self.module, given = module, module.params
        self.sets: list[dict[str, Any]] = given["sets"]
        self.metrics = (given["metrics_address"], given["metrics_port"])
        arguments = (given["deployment"], self.sets, given["check_port"], given["hosts"])
        self.tls = tls.read_files(self.sets, given)
        self.warnings += self.tls.warnings
        version = service.find_version() if self.sets else (0, 0)
        self.text = haproxy.render_configuration(
            *arguments, metrics=self.metrics, files=self.tls.digest, version=version
        )
        self.files = parse_files(given["files"])
        content = {**self.tls.content, CONFIG: self.text.encode("utf-8", "surrogateescape")}
        # The configuration after what it names, and before what it names no more.
        self.own = [Wanted(path, content=raw, mode=0o640, group=USER) for path, raw in content.items()]
        self.own += [Wanted(path, kind="absent") for path in PEM if path not in content]
        self.pending = given["members_pending"] and module.check_mode
        self.begin = time.time()

    def observe(self) -> View:
        """Look, ask everybody, and refuse what cannot be done before anything is changed."""
        view = View(bool(installed_versions([service.PACKAGE])) or Path(service.PROGRAM).exists())
        view.user = find_account(USER) is not None
        view.state = read_states([service.UNIT])[service.UNIT]
        view.brought = Path(MARK).exists()
        paths = [CONFIG, MARK, *PEM, *(want.path for want in self.files), *([MASK] if view.brought else [])]
        view.left = [path for path in paths if os.path.lexists(path)]
        present = read_path(CONFIG)
        held_by = haproxy_output.deployment_of(present.content.decode("utf-8", "replace"))
        if not self.sets:
            # Without endpoints of its own a deployment leaves those of another alone.
            mine = held_by in ("", self.module.params["deployment"])
            return view if mine else View()
        check_deployment(self.module.params["name"], held_by, self.module.params["deployment"])
        check_ports(self.module.params["name"], self._held())
        asked = [_ask(data_set, self.tls.reach_members(data_set)) for data_set in self.sets]
        self.warnings += check_answers(self.module.params["name"], asked, self.pending)
        names = [word for word in (self.module.params["own_address"], self.module.params["name"]) if word]
        for data_set in self.sets:
            self.warnings += tls.warn_of_names(data_set, self.tls.tls, names) if self.tls.tls else []
        view.primaries = {answer.name: answer.primaries for answer in asked}
        if view.package:
            service.judge_configuration(self.text, self.tls.content)
        pairs = survey_files([*self.files, *self.own], sure=False)
        view.pairs = [pair for pair in pairs if list_differences(*pair)]
        view.digest = haproxy_output.digest_of(service.ask_haproxy(haproxy.STATISTICS, "show info"))
        view.writes = self._writes()
        return view

    def plan(self, obs: View) -> list[Step]:
        """Return what is missing, in the order in which it is needed."""
        if not self.sets:
            here = obs.left or obs.user or obs.state.active or obs.state.enabled
            return [Remove("remove the endpoints", obs)] if here else []
        steps: list[Step] = []
        if not obs.package:
            steps.append(Install("install haproxy, whose own unit does not start"))
        steps += plan_files(obs.pairs)
        verb = self._verb(obs)
        if verb:
            steps.append(Control(f"{verb} {service.UNIT}", verb))
        return steps

    def _verb(self, obs: View) -> str:
        if not (obs.state.active and obs.state.enabled):
            return "start"
        changed = {want.path for _seen, want in obs.pairs}
        if changed - {CONFIG, *PEM}:
            return "restart"
        return "reload" if changed or obs.digest != haproxy_output.digest_of(self.text) else ""

    def apply(self, step: Step) -> None:
        """Do one step."""
        if isinstance(step, Install):
            self._install()
        elif isinstance(step, Remove):
            self._remove(step.view)
        elif isinstance(step, Control):
            service.control_unit(step.verb, self.begin)
        elif isinstance(step, WriteFile):
            if step.want.path == CONFIG:
                service.judge_configuration(self.text, self.tls.content)
            step.write_file(self.module)
            if step.want.path == SYSUSERS:
                must_succeed(f"The user {USER} cannot be created", "systemd-sysusers", step.want.path)

    def _install(self) -> None:
        """Install HAProxy without the service that its package would start."""
        for want in (
            Wanted(MARK, content=b"haproxy was installed for the endpoints of quorum.redis.\n"),
            Wanted(MASK, kind="link", link="/dev/null"),
        ):
            write_path(read_path(want.path), want, lambda _path: None)
        service.install_haproxy()

    def _remove(self, obs: View) -> None:
        service.remove_haproxy(
            obs.left, str(Path(CONFIG).parent), USER if obs.user else "", obs.brought and obs.package
        )

    def settle(self, before: View, steps: list[Step]) -> View:
        """Wait until HAProxy runs with this file and leads the writes of each set to one primary."""
        if not (steps and self.sets):
            return before

        def look() -> View:
            before.digest = haproxy_output.digest_of(service.ask_haproxy(haproxy.STATISTICS, "show info"))
            before.writes = self._writes()
            return before

        until_done(
            look,
            self._missing,
            look(),
            self.module.params["wait"],
            self.module.params["name"],
            f"`journalctl -u {service.UNIT}` says what its checks see. Writes are refused until then, not lost",
        )
        return before

    def _missing(self, seen: View) -> list[str]:
        """Return the sets with a primary to which the endpoint does not lead yet."""
        if seen.digest != haproxy_output.digest_of(self.text):
            return ["HAProxy does not run with the new configuration yet"]
        missing = []
        for data_set in self.sets:
            name = data_set["name"]
            if seen.primaries[name] and len(seen.writes.get(name, [])) != 1:
                missing.append(f"the endpoint of {name} leads to {', '.join(seen.writes.get(name, [])) or 'nobody'}")
            elif seen.primaries[name] and not _leads(data_set, self.tls.reach_endpoint(data_set)):
                missing.append(f"port {data_set['port']} does not lead to the primary of {name}")
        return missing

    def _writes(self) -> dict[str, list[str]]:
        table = service.ask_haproxy(haproxy.STATISTICS, "show stat")
        return {data_set["name"]: haproxy_output.leads_to(table, data_set["name"]) for data_set in self.sets}

    def _held(self) -> dict[int, str]:
        """Return the declared ports that somebody else holds, with the unit or program."""
        wanted = [*haproxy.list_ports(self.sets), self.module.params["check_port"]]
        wanted += [self.metrics[1]] if self.metrics[0] else []
        holders = find_holders(read_listeners(wanted), first=[main_pid(service.UNIT)])
        return {
            port: holder.unit or holder.program
            for holder in holders
            for port in holder.ports
            if holder.unit != service.UNIT
        }

    def result(self, obs: View, steps: list[Step]) -> dict[str, Any]:
        """Say whom the members call primary, and where the endpoints lead."""
        if not (self.sets or steps):
            self.warnings.append(
                f"No data set has an endpoint in the variables of {self.module.params['name']}; redis_instances must "
                "be visible there too"
            )
        if obs.digest and not steps:
            self.warnings += self._missing(obs)
        table = service.ask_haproxy(haproxy.STATISTICS, "show stat")
        reads = {
            data_set["name"]: haproxy_output.leads_to(table, data_set["name"], "insync")
            or obs.writes.get(data_set["name"], [])
            for data_set in self.sets
            if data_set["read_port"]
        }
        return {"primaries": obs.primaries, "writes": obs.writes, "reads": reads}

    def diff(self, before: View, after: View | None, steps: list[Step]) -> list[dict[str, str]]:
        """Return the files, without what is sent to log in."""
        diffs = [show_diff(*pair) for pair in before.pairs if pair[1].path not in PEM]
        for shown in diffs:
            shown.update({side: haproxy_output.without_secrets(shown[side]) for side in ("before", "after")})
        return diffs


def _ask(data_set: dict[str, Any], secure: Optional[Tls]) -> Asked:
    """Ask all members and Sentinels of a set, as the checks of HAProxy will."""
    asked = Asked(data_set["name"])
    sentinel = {"username": data_set["sentinel_username"], "password": data_set["sentinel_password"]}
    question = ("SENTINEL", "GET-MASTER-ADDR-BY-NAME", data_set["name"])
    every = [(member, data_set, ("ROLE",)) for member in data_set["members"]]
    for member, login, command in [*every, *((member, sentinel, question) for member in data_set["sentinels"])]:
        place = f"{member['host']}:{member['port']}"
        try:
            reply = _call(login, member["address"], member["connect"] or member["port"], secure, *command)
        except (AuthFailed, CommandFailed) as problem:
            asked.denied[place] = str(problem)
        except QuorumError as problem:
            asked.silent[place] = str(problem)
        else:
            asked.roles.update({place: str(reply[0])} if login is data_set else {})
    return asked


def _leads(data_set: dict[str, Any], secure: Optional[Tls]) -> bool:
    """Return whether who answers on the port for writes says that it is the primary."""
    try:
        return str(_call(data_set, data_set["address"], data_set["port"], secure, "ROLE")[0]) == "master"
    except QuorumError:
        return False


def _call(login: Mapping[str, Any], address: str, port: int, secure: Optional[Tls], *command: str) -> Any:
    here = Listener(address, port, "").reached_at
    client = Plain(Endpoint(here, port, login["username"] or None, login["password"] or None, tls=secure))
    try:
        return client.call(*command)
    finally:
        client.close()
