# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration of one instance, file and process together: the subject of the module config."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from .._core.errors import BadConfig, QuorumError, Refused
from .._core.reconcile import Module, Reconciler, Step
from .._engine.config_cache import examine_once
from .._engine.config_check import Sample, installed_version
from .._host.certificates import (
    STALE,
    check_bus,
    check_declared,
    check_tls_steps,
    check_trust,
    format_authorities,
    is_renewed,
    one_step,
    parse_authorities,
)
from .._host.file_steps import WriteFile, plan_files
from .._host.files import Draft, check_path, parse_file, read_path, write_path
from .._host.process import connect_unit
from .._model.conf_syntax import render_file
from .._model.directives import known_to
from .._model.file_changes import Seen, list_differences, show_diff
from .._model.rotation_marks import PROVE
from .._redis.client import Client
from .._redis.endpoint import endpoint_from_params
from .._redis.observe import list_refusals, read_members, replace_login
from .by_hand import correct_sentinel, warn_users
from .diff import (
    LINK,
    Change,
    Live,
    Plan,
    canonical_name,
    clients_warning,
    digest_of_file,
    list_changes,
    plan_changes,
    restart_reasons,
)
from .pending import note_pending
from .runtime import is_started, probe_changes, read_process, set_all, switch_aof_on, undo_changes, wait_loaded
from .sentinel_password import Changeover, refuse_two_passwords
from .start_guard_files import guard_files
from .state_directory import foreign_owner, give_back
from .steps import (
    ChangePassword,
    GiveBack,
    SetLive,
    TellSentinel,
    View,
    WriteManaged,
    file_steps,
    process_steps,
    show_changes,
    switches_aof_on,
)

HEADER = (
    "Written by the collection quorum.redis, which overwrites changes made here.\n"
    "The process reads a copy of it, assembled at each start."
)
PATIENCE = 10.0  # seconds for each reply of the process of this host
TODO = {
    "server": "Nothing was changed. Correct `config:` of this instance",
    "sentinel": "Nothing was changed. Correct `redis_sentinel_config`",
}


class Instance(Reconciler[View]):
    """One server or Sentinel."""

    def __init__(self, module: Module) -> None:
        """Render the new file."""
        super().__init__()
        self.module = module
        self.params = module.params
        self.sentinel, self.rotating = self.params["kind"] == "sentinel", self.params["rotating"]
        self.label = f"{'sentinel' if self.sentinel else 'redis'} {self.params['name']}"
        self.secrets = self.params["secrets"] or {}
        self.home = Path(self.params["state_file"]).parent if self.params["state_file"] else None
        given = self.params["parameters"] or {}
        if Path(self.params["binary"]).exists():
            given = known_to(given, installed_version(self.params["binary"]))
        self.parameters = {**given, **self.secrets}
        self.program = self.params["binary"], self.parameters, self.sentinel, self.params["user"]
        self.changeover = Changeover(self.params, self.label, module.check_mode) if self.sentinel else None
        self.text = render_file(self.parameters, HEADER + format_authorities(self.parameters))
        file = {key: self.params[key] for key in ("path", "owner", "group", "mode")}
        self.wanted = parse_file({**file, "content": self.text})
        self.guard = guard_files(self.params, file) if self.params["guard"] is not None else []
        self.sample: Sample | None = None
        self.client: Client | None = None
        self.draft: Draft | None = None
        self.first: Plan | None = None
        self.done: list[Change] = []

    def observe(self) -> View:
        """Look at the file, let the installed program judge the new one, and compare the running process."""
        view = View(read_path(self.wanted.path), guard=[(read_path(want.path), want) for want in self.guard])
        for seen, want in [(view.seen, self.wanted), *view.guard]:
            check_path(seen, want, sure=not self.module.check_mode)
        if not Path(self.params["binary"]).exists():
            if not self.module.check_mode:
                raise BadConfig(f"{self.label}: {self.params['binary']} is not installed", todo="Nothing was changed")
            return view
        soon = check_declared(self.parameters, self.params["host"], self.label)
        before, now = parse_authorities(view.seen.content.decode("utf-8", "replace")), parse_authorities(self.text)
        check_trust(self.label, self.parameters, before, now, self.params)
        self.sample = self.sample or self._judge()
        state = self._state()
        if self.client is None:
            variable = "redis_sentinel_password" if self.sentinel else "redis_password"
            # No network is in between: what is silent here for a moment is a busy machine.
            place = endpoint_from_params(self.params)
            place = replace(place, timeout=max(PATIENCE, place.timeout))
            self.client = connect_unit(place, state, variable, self.params["unit"] or "")
        if self.changeover is not None:
            file = view.seen.content.decode("utf-8", "surrogateescape")
            more = self.changeover.look_once(self.client, file, state or "")
            self.text = render_file(
                {**self.parameters, **more}, HEADER + format_authorities(self.parameters) + self.changeover.head
            )
            self.wanted = replace(self.wanted, content=self.text.encode("utf-8", "surrogateescape"))
        elif self.client is not None and not self.params["rotating"]:
            for seen, want in view.guard:
                refuse_two_passwords(seen.content if want.kind == "absent" else b"", self.client, self.label, want.path)
        if self.client is not None:
            view.live = read_process(self.client, state, self.params["binary"], self.sentinel)
            view.owner = foreign_owner(self.home, view.live.account)
            view.ran = {key: values[-1] for key, values in view.live.started_with.items()}
            view.ran.update(view.live.config)
            view.plan = self._compare(view.live, self.sample, self.client)
            view.renewed = is_renewed(self.parameters, view.live.config, self.params)
            view.plan.restart += [STALE] if view.renewed and self.sentinel else []
            view.renewed |= bool(now) and before not in ("", now)
        view.plan.warnings += soon
        self.first = self.first or view.plan
        return view

    def _judge(self) -> Sample:
        """Let the installed program judge the new file, unless it has accepted all of this before."""
        hints = self.wanted.path, self.label, TODO[self.params["kind"]]
        return examine_once(*self.program, *hints, self.secrets, write=not self.module.check_mode)

    def _state(self) -> str | None:
        """Return the file that the process was started with."""
        seen = read_path(self.params["state_file"]) if self.params["state_file"] else Seen()
        return seen.content.decode("utf-8", "surrogateescape") if seen.kind == "file" else None

    def _compare(self, live: Live, sample: Sample, client: Client) -> Plan:
        digest = digest_of_file(self.text)
        if self.sentinel:
            live.config_refused, live.started_with = "a Sentinel reads its file only at a start", {}
        if not live.config:
            return Plan(restart=restart_reasons(live, self.parameters, sample.version, digest))
        hidden = {key.lower() for key in self.secrets}
        same = live.version == sample.version
        changes = [
            change
            for change in list_changes(self.parameters, sample.config, live.config, same, hidden)
            if self.secrets.get(change.key, "") is not None and not (self.rotating and change.key == "requirepass")
        ]
        if ("masteruser" in self.parameters or self.rotating) and any(
            canonical_name(change.key) in LINK for change in changes
        ):
            live.refused_by = self._refusals()
        probe_changes(client, changes, live)
        plan = plan_changes(changes, sample.config, live, self.parameters, sample.version, digest)
        warning = clients_warning(self.parameters, sample.config)
        plan.warnings += [warning] if warning else []
        plan.warnings += warn_users(client, self.params["guard"])
        return plan

    def _refusals(self) -> list[str]:
        """Return the members that do not let the declared masteruser in; in check mode it may not be there yet."""
        guard = self.params["guard"]
        places = read_members(guard["members"] if guard else [], replace_login(self.params["connection"]))
        own = (self.label, endpoint_from_params(self.params))
        user, password = self.parameters.get("masteruser"), self.secrets.get("masterauth")
        return [] if self.module.check_mode else list_refusals([own, *places], user, password)

    def plan(self, obs: View) -> list[Step]:
        """At run time first, the AOF second, the files last: they never say what is not true yet."""
        place = self.client.endpoint if self.client is not None else endpoint_from_params(self.params)
        if obs.live is not None and obs.ran:
            one_step(self.label, self.wanted.path, obs.ran, self.parameters)
            check_bus(self.label, self.wanted.path, obs.ran, self.parameters)
            check_tls_steps(self.label, self.wanted.path, obs.ran, self.parameters, self.params["absent"])
        if (port := place.port) != self.params["port"] and self.guard:
            raise Refused(
                f"{self.label}: runs on port {port} and is declared on {self.params['port']}. A running data set keeps "
                "its port: its members and Sentinels know each other by it",
                self.wanted.path,
                f"Nothing was changed. Set port back to {port}, or declare a new set on the new port",
            )
        if obs.plan.dangerous and not self.params["allow_dangerous"]:
            reasons = "; ".join(f"{item['key']}: {item['why']}" for item in obs.plan.dangerous)
            raise Refused(
                f"{self.label}: {reasons}",
                self.wanted.path,
                "Nothing was changed. If you mean it, run once with redis_allow_dangerous=true",
            )
        steps: list[Step] = self.changeover.list_steps() if self.changeover is not None else []
        if self.params["previous"] == PROVE:
            return []
        # Where the file says something else too, a restart tells it.
        rewritten = {"content", "file"} & set(list_differences(obs.seen, self.wanted))
        if self.sentinel and self.client is not None and not rewritten:
            steps += correct_sentinel(self.client, self.parameters, self.label)
        certificate = "" if self.sentinel else str(self.parameters.get("tls-cert-file") or "")
        steps += process_steps(obs, self.label, self.home, certificate)
        return [*steps, *file_steps(obs, self.wanted), *plan_files(obs.guard)]

    def apply(self, step: Step) -> None:
        """Do one step; when it fails, the steps before it are taken back."""
        if isinstance(step, (ChangePassword, TellSentinel)):
            if self.client is not None:
                self.client.call(*step.command)
        elif isinstance(step, WriteFile):
            step.write_file(self.module)
        elif isinstance(step, GiveBack):
            give_back(step.home, step.account)
        elif isinstance(step, (SetLive, WriteManaged)):
            self._change(step)

    def _change(self, step: SetLive | WriteManaged) -> None:
        view = step.view
        try:
            if self.draft is None and {"content", "file"} & set(list_differences(view.seen, self.wanted)):
                self.draft = Draft(self.wanted)  # before anything else: a full disk shows itself here
            if self.client is not None and view.live is not None and isinstance(step, SetLive):
                wait_loaded(self.client, self.params["wait"], self.label)
                self._set(self.client, step.changes, view.live.version)
            elif self.draft is not None:
                self.draft.take_place()
                self._relabel(self.wanted.path)
            else:
                write_path(view.seen, self.wanted, self._relabel)
        except QuorumError:
            if self.draft is not None:
                self.draft.discard_draft()
            if self.client is not None:
                undo_changes(self.client, self.done)
            raise

    def _set(self, client: Client, changes: list[Change], version: str) -> None:
        if switches_aof_on(changes[0]):
            switch_aof_on(client, self.params["wait"], self.label)
        else:
            set_all(client, changes, version, self.label)
        self.done += changes

    def _relabel(self, path: str) -> None:
        self.module.set_default_selinux_context(path, False)

    def settle(self, before: View, steps: list[Step]) -> View:
        """Look again, and say what did not come out as it was set."""
        after = self.observe() if steps else before
        left: list[Change] = after.plan.live if steps else []
        self.warnings += [f"{self.label}: {change} was set, but does not hold" for change in left]
        return after

    def result(self, obs: View, steps: list[Step]) -> dict[str, Any]:
        """Return what a role needs to go on."""
        first = self.first or Plan()
        if obs.live is not None and not self.module.check_mode:
            keys = [item["key"] for item in obs.plan.restart]
            note_pending(self.wanted.path, obs.live.info.get("run_id", ""), keys)
        self.warnings += [f"{self.label}: {warning}" for warning in obs.plan.warnings]
        return {
            "live": [change.key for change in first.live],
            "restart": obs.plan.restart,
            "restart_needed": bool(obs.plan.restart),
            "dangerous": first.dangerous,
            "running": obs.live is not None,
            "started": obs.live is not None and is_started(self.params["unit"] or ""),
        }

    def diff(self, before: View, after: View | None, steps: list[Step]) -> list[dict[str, str]]:
        """Return the file and the values at run time, secrets masked."""
        files = [show_diff(step.seen, step.want) for step in steps if isinstance(step, WriteFile)]
        if len(files) == len(steps):
            return files
        return files + show_changes(before, self.wanted, self.text, self.label, self.secrets)
