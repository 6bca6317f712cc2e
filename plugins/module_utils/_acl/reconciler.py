# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ACL users of one server, file and process together: the subject of the module acl."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

from .._core.errors import (
    BadConfig,
    CommandFailed,
    QuorumError,
    Refused,
)
from .._core.reconcile import Module, Reconciler, Step
from .._engine.acl_check import Judge, judge_rules
from .._host.file_steps import WriteFile, plan_files
from .._host.files import check_path, read_path
from .._model.acl_applications import literal_patterns, pattern_warning
from .._model.acl_presets import CHANNELS
from .._model.acl_rules import parse_acl_list, password_rules
from .._model.file_changes import Seen, Wanted, list_differences
from .._model.masking import hide_secrets
from .._model.rotation_marks import CLOSE, OPEN, PROVE, parse_marks
from .._model.versions import parse_version, running_version
from .._redis.client import Client
from .._redis.client_list import needed_users, reconnect_clients, undo_changes
from .._redis.endpoint import endpoint_from_params
from .._redis.locate import connect_running
from .._redis.observe import Place, list_refusals, read_members, replace_login
from .._redis.replies import parse_info
from .._redis.rotation import check_links, no_clients, refused_since
from .declared import Declared
from .plan import Change, Plan, plan_changes, show_users
from .steps import ChangeUser, RenewLogins

NEWEST = "99.0"  # for a host without an engine, in check mode


@dataclass
class View:
    """The file and the users as they are, and what it takes."""

    seen: Seen
    want: Wanted
    running: bool = False
    plan: Plan = field(default_factory=Plan)


class Acl(Reconciler[View]):
    """One server."""

    def __init__(self, module: Module) -> None:
        """Take the options."""
        super().__init__()
        self.module, self.params = module, module.params
        self.label = f"redis {self.params['name']}"
        self.wish = Declared(self.params, self.label)
        self.users, self.absent = self.wish.users, self.wish.absent
        self.logins: Dict[str, Dict[str, str]] = {
            duty: login for duty, login in (self.params["logins"] or {}).items() if login
        }
        self.places = read_members(self.params["members"], replace_login(self.params["connection"]))
        self.client: Optional[Client] = None
        self.done: List[List[str]] = []
        self.first: Optional[Plan] = None
        self.closed: Dict[str, float] = {}
        self.patterns: Dict[str, List[str]] = {}

    def observe(self) -> View:
        """Look at file and server, and let the installed engine compare."""
        version, present = NEWEST, {}
        seen = read_path(self.params["path"])
        if not Path(self.params["binary"]).exists():
            if not self.module.check_mode:
                raise BadConfig(f"{self.label}: {self.params['binary']} is not installed", todo="Nothing was changed")
            return View(
                seen, self.wish.render_file(self.wish.build_rules(parse_version(version), {"default": ["nopass"]}))
            )
        if self.client is None:
            self.client = connect_running(
                endpoint_from_params(self.params), None, "redis_password or the password of the operator's user"
            )
        with judge_rules(self.params["binary"], self.params["parameters"], self.params["user"], self.label) as engine:
            there = parse_acl_list(seen.content.decode("utf-8", "replace").splitlines())
            if self.client is not None:
                version = running_version(parse_info(self.client.call("INFO")))
                present = parse_acl_list(self.client.call("ACL", "LIST"))
                self.wish.refuse_unfinished(seen, present)
            held = present or {**self.wish.from_configuration(), **there}
            declared = self.wish.build_rules(engine.version, held)
            engine.spell_rules(declared, self.label)
            live, plan, older = declared, Plan(), False
            if self.client is not None:
                older = parse_version(version) < CHANNELS <= engine.version
                if parse_version(version) != engine.version:
                    live = self.wish.build_rules(parse_version(version), held)
                same = engine.find_same(live, present, self.label)
                held_by = needed_users(self.client) if self._differ(same, present, live) else set()
                predicted, purge = self.module.check_mode, self.wish.purge
                final = self.params["final"] or self.params["previous"] != OPEN
                plan = plan_changes(live, self.absent, present, same, held_by, final, purge, predicted)
            want = self.wish.render_file(declared, plan, present, older, seen)
            rendered = parse_acl_list(want.content.decode("utf-8", "surrogateescape").splitlines())
            if (
                want.kind == "file"
                and want.content != seen.content
                and set(there) == set(engine.find_same(rendered, there, self.label)) == set(rendered)
            ):
                want.content = seen.content  # in other words, but it means the same
            check_path(seen, want, sure=not self.module.check_mode)
            view = View(seen, want, self.client is not None, plan)
            if plan.now or plan.later or list_differences(seen, want):
                self._refuse_unfit_users(engine, declared)
        self.first = self.first or plan
        return view

    def _differ(self, same: List[str], present: Dict[str, Any], live: Dict[str, Any]) -> bool:
        return len(same) < len(live) or any(name in present for name in self.absent) or self.wish.purge

    def _refuse_unfit_users(self, engine: Judge, declared: Dict[str, List[str]]) -> None:
        """Refuse what would lock out those who keep the data set running, and presets that do not fit this engine."""
        for name, user in self.users.items():
            literal = [("PSUBSCRIBE", text) for text in literal_patterns(user) if engine.version >= CHANNELS]
            if literal and not engine.list_forbidden(name, declared[name], literal):
                self.patterns[name] = [text for _command, text in literal]
        engine.prove_presets(self.users, self.label)
        for duty, login in self.logins.items():
            name = login.get("username") or "default"
            why = f"{name} would be removed" if name in self.absent else engine.explain_unfit(duty, login, declared)
            if why:
                raise Refused(
                    f"{self.label}: {why}",
                    str(endpoint_from_params(self.params)),
                    "Nothing was changed. Correct this user, or give the job to another one",
                )

    def plan(self, obs: View) -> List[Step]:
        """See that nobody depends on what goes, change the users, and write the file last."""
        steps: List[Step] = []
        going = [
            change.name
            for change in obs.plan.now
            if password_rules(change.old or []) - password_rules(change.new or [])
        ]
        if self.params["previous"] != OPEN and going and self.client is not None and not self.module.check_mode:
            self._ready(self.client, obs, going)
        if self.params["previous"] == PROVE:
            return []
        if (self.params["final"] or self.params["previous"] == CLOSE) and obs.plan.now:
            names = sorted(change.name for change in obs.plan.now)
            text = f"{self.label}: see that nobody depends on {', '.join(names)} as it is"
            steps.append(RenewLogins(text, names))
        now = obs.plan.now
        steps += [ChangeUser(f"{self.label}: {change}", change, last=change is now[-1]) for change in now]
        return steps + plan_files([(obs.seen, obs.want)])

    def _ready(self, client: Client, obs: View, going: List[str]) -> None:
        """Refuse to take previous passwords away that somebody still needs."""
        given = self.params
        everybody = [
            (given["name"], endpoint_from_params(given)),
            *read_members(given["members"], given["connection"]),
        ]
        self._let_in(client, everybody, going)
        check_links(everybody, self.logins.get("replication", {}), self.label)
        if not given["ignore_clients"]:
            noted = parse_marks(obs.seen.content.decode("utf-8", "replace"))
            no_clients(client, {name: noted[name] for name in going if name in noted}, self.label)

    def apply(self, step: Step) -> None:
        """Do one step; when it fails, the changes before it are taken back."""
        try:
            if isinstance(step, WriteFile):
                step.write_file(self.module)
            elif self.client is not None and isinstance(step, RenewLogins):
                self._renew_logins(self.client, step.names)
            elif self.client is not None and isinstance(step, ChangeUser):
                self._change(self.client, step.change)
                if step.last:
                    self._prove_and_save(self.client)
        except QuorumError:
            if self.client is not None:
                undo_changes(self.client, self.done)
            raise

    def _renew_logins(self, client: Client, names: List[str]) -> None:
        """Prove that every member lets everybody in as who they shall be, then let them log in anew."""
        self._let_in(client, [(self.params["name"], endpoint_from_params(self.params)), *self.places], names)
        reconnect_clients(client, set(names), self.logins, self.params["sentinels"], self.params["wait"], self.label)

    def _let_in(self, client: Client, everybody: Sequence[Place], names: List[str]) -> None:
        for login in self.logins.values():
            refusals = list_refusals(everybody, login.get("username"), login.get("password"))
            if refusals:
                raise Refused(
                    f"{self.label}: {login.get('username') or 'default'} is not let in by every member: "
                    + "; ".join(refusals),
                    str(client.endpoint),
                    f"So {', '.join(names)} keeps its rights for now. Bring those members up, then run this again",
                )

    def _commands(self, client: Client, change: Change) -> List[List[str]]:
        """Return what makes a change. `requirepass` is told its value by the command that leaves no other password."""
        user = self.users.get(change.name, {})
        word = user["passwords"][0] if user.get("passwords_only") and self.params["previous"] == CLOSE else None
        if word is None or client.call("CONFIG", "GET", "requirepass")[1] == word:
            return change.commands
        return [["CONFIG", "SET", "requirepass", word]]

    def _change(self, client: Client, change: Change) -> None:
        self.done.append(change.back)
        client.secrets += [word for user in self.users.values() for word in user["passwords"]]
        try:
            for command in self._commands(client, change):
                client.call(*command)
            if self.params["previous"] == CLOSE:
                self.closed.setdefault(change.name, time.monotonic())
        except CommandFailed as problem:
            raise BadConfig(
                f"{self.label}: the running server refuses a rule of the user {change.name}: "
                f"{hide_secrets(problem.text)}",
                problem.where,
                "The users of this server are as they were. Correct this rule",
            ) from None

    def _prove_and_save(self, client: Client) -> None:
        """Prove the new rights from outside, and let the server's own file record its users."""
        own = (self.params["name"], endpoint_from_params(self.params))
        if self.params["final"]:
            for login in self.logins.values():
                refusals = list_refusals([own], login.get("username"), login.get("password"))
                if refusals:
                    raise Refused(f"{self.label}: {refusals[0]}", "", "The users are as they were")
        self.done.insert(0, ["CONFIG", "REWRITE"])  # the last to be taken back
        try:
            client.call("CONFIG", "REWRITE")
        except CommandFailed as problem:
            self.warnings.append(f"{self.label}: the server cannot write its own file: {problem.text}")

    def is_converged(self, obs: View) -> bool:
        """Return whether users and file are as declared, and nobody else is there."""
        return obs.running and not (obs.plan.later or obs.plan.undeclared) and super().is_converged(obs)

    def result(self, obs: View, steps: List[Step]) -> Dict[str, Any]:
        """Return what a role needs to go on."""
        first = self.first or Plan()
        if obs.plan.undeclared:
            names = ", ".join(obs.plan.undeclared)
            self.warnings.append(
                f"{self.label}: not declared and left alone: {names}. redis_acl_purge removes such users"
            )
        shown = {change.name for change in first.now if change.new is not None}
        self.warnings += [
            pattern_warning(self.label, name, self.patterns[name]) for name in self.patterns if name in shown
        ]
        if self.client is not None and self.closed:
            seconds = time.monotonic() - min(self.closed.values())
            late = refused_since(self.client, self.closed, seconds)
            text = "have tried a password since the previous ones are gone, and were refused"
            self.warnings += [f"{self.label}: {', '.join(late)} {text}"] if late else []
        return {
            "users": [change.name for change in first.now],
            "pending": obs.plan.later,
            "undeclared": first.undeclared,
            "running": obs.running,
        }

    def diff(self, before: View, after: Optional[View], steps: List[Step]) -> List[Dict[str, str]]:
        """Return the users before and after, without passwords and their hashes."""
        diffs: List[Dict[str, str]] = []
        if self.params["previous"] == PROVE:
            return diffs
        if before.plan.now:
            title = f"{self.label}: users of the running server"
            sides = [show_users(before.plan.now, new) for new in (False, True)]
            diffs.append({"before_header": title, "after_header": title, "before": sides[0], "after": sides[1]})
        if list_differences(before.seen, before.want):
            sides = [hide_secrets(side.content.decode("utf-8", "replace")) for side in (before.seen, before.want)]
            path = before.want.path
            diffs.append({"before_header": path, "after_header": path, "before": sides[0], "after": sides[1]})
        return diffs
