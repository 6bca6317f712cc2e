# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The notifier of this host: its program, settings and unit as declared, and listening; or a test of its sinks."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List

from .._core.errors import QuorumError, Refused
from .._core.polling import until_done
from .._core.reconcile import Module, Reconciler, Step
from .._host.commands import must_succeed, run_command
from .._host.file_steps import Pair, WriteFile, plan_files
from .._host.files import parse_files, read_path, survey_files
from .._host.sandbox import find_account
from .._host.start import State, failure_of, read_states
from .._model.file_changes import Wanted, list_differences, show_diff
from .._model.notification import write_deed
from .._redis.endpoint import Endpoint
from .._redis.plain import Plain
from .._redis.tls import tls_from_params
from .agent import SETTINGS, STATE
from .plan import check_answer, check_settings, deployment_of, describe_outcome, settings_text

UNIT, USER = "redis-notify.service", "redis-notify"
SYSUSERS = "/etc/sysusers.d/redis-notify.conf"
LIBRARY = "/usr/local/lib/redis-notify"
STATUS = STATE / "status.json"


@dataclass
class View:
    """What is on this host."""

    user: bool = False
    state: State = field(default_factory=lambda: State(active=False, enabled=False))
    pairs: List[Pair] = field(default_factory=list)  # files that differ
    left: List[str] = field(default_factory=list)  # ours that lie here
    status: Dict[str, Any] = field(default_factory=dict)  # what the notifier says of itself
    answers: Dict[str, Dict[str, Any]] = field(default_factory=dict)


@dataclass
class SendTest(Step):
    """Have the notifier tell every sink of a test."""


@dataclass
class CreateUser(Step):
    """Create the user of the notifier."""


@dataclass
class Remove(Step):
    """Take away what lies here of the notifier."""

    view: View


@dataclass
class Control(Step):
    """Start or restart the unit."""

    verb: str


@dataclass
class TellDeed(Step):
    """Let the notifier tell what a playbook does."""


class NotifyHost(Reconciler[View]):
    """The notifier of this host; without settings, its removal."""

    def __init__(self, module: Module) -> None:
        """Read the options."""
        super().__init__()
        self.module, self.given = module, module.params
        self.host: str = self.given["name"]
        self.wanted = bool(self.given["settings"]) and bool(self.given["address"])
        self.text = settings_text(self.given) if self.wanted else ""
        self.files = parse_files(self.given["files"])
        content = self.text.encode("utf-8", "surrogateescape")
        own = Wanted(str(SETTINGS), content=content, mode=0o640, group=USER, secrets="json")
        # The user comes before what is his.
        self.declared = [*self.files[:1], own, *self.files[1:]]
        self.answers: Dict[str, Dict[str, Any]] = {}
        self.begin = time.time()

    def observe(self) -> View:
        """Look, and refuse what cannot be done before anything is changed."""
        view = View(find_account(USER) is not None, read_states([UNIT])[UNIT], status=_told(STATUS))
        present = deployment_of(read_path(str(SETTINGS)).content.decode("utf-8", "replace"))
        if self.given["tell"]:
            # Nobody waits for an answer: a playbook goes on without the notifier, and one of somebody else is none.
            return view if present == self.given["deployment"] else View()
        if self.given["test"]:
            return self._testable(view, present)
        paths = [str(SETTINGS.parent), str(STATE), LIBRARY, *(want.path for want in self.files)]
        view.left = [path for path in paths if os.path.lexists(path)]
        if not self.wanted:
            return view if present in ("", self.given["deployment"]) else View()
        check_settings(self.given, present)
        self._ask()
        pairs = survey_files(self.declared, sure=False)
        view.pairs = [pair for pair in pairs if list_differences(*pair)]
        return view

    def _testable(self, view: View, present: str) -> View:
        if not (self.wanted and present == self.given["deployment"] and view.state.active):
            raise Refused(
                f"No notifier of {self.given['deployment']} runs on {self.host}",
                "",
                "Nothing was sent. Set redis_notify and run quorum.redis.notify",
            )
        if view.status.get("digest") != self._digest():
            self.warnings.append("redis_notify has changed since; what is tested is what quorum.redis.notify deployed")
        return view

    def _ask(self) -> None:
        """Log in to the Sentinel as the notifier will."""
        given = self.given
        login = {"username": given["username"] or None, "password": given["passwords"]}
        try:
            with Plain(Endpoint(given["address"], given["port"], tls=tls_from_params(given), **login)) as line:
                line.call("SENTINEL", "MASTERS")
        except QuorumError as problem:
            self.warnings.append(check_answer(self.host, problem))

    def plan(self, obs: View) -> List[Step]:
        """Return what is missing, in the order in which it is needed."""
        if self.given["tell"]:
            if obs.state.active:
                return [TellDeed(f"tell of the {self.given['tell']['kind']} that has {self.given['tell']['state']}")]
            self.warnings.append(f"no notifier runs on {self.host}: nobody is told what this run does")
            return []
        if self.given["test"]:
            return [SendTest("send a test notification to every sink")]
        if not self.wanted:
            here = obs.left or obs.user or obs.state.active or obs.state.enabled
            return [Remove("remove the notifier", obs)] if here else []
        steps = plan_files(obs.pairs)
        if not obs.user and not any(want.path == SYSUSERS for _seen, want in obs.pairs):
            steps.insert(0, CreateUser(f"create the user {USER}"))
        verb = self._verb(obs)
        return [*steps, Control(f"{verb} {UNIT}", verb)] if verb else steps

    def _digest(self) -> str:
        return hashlib.sha256(self.text.encode("utf-8", "surrogateescape")).hexdigest()

    def _verb(self, obs: View) -> str:
        if not (obs.state.active and obs.state.enabled):
            return "start"
        return "restart" if obs.pairs or obs.status.get("digest") != self._digest() else ""

    def apply(self, step: Step) -> None:
        """Do one step."""
        if isinstance(step, SendTest):
            self._test()
        elif isinstance(step, TellDeed):
            deed = self.given["tell"]
            name = write_deed(deed["kind"], deed["state"], deed["set"], deed["who"], uuid.uuid4().hex[:8])
            (STATE / "inbox" / f"{name}.deed").touch()
        elif isinstance(step, Remove):
            self._remove(step.view)
        elif isinstance(step, CreateUser):
            self._create()
        elif isinstance(step, Control):
            self._control(step.verb)
        elif isinstance(step, WriteFile):
            step.write_file(self.module)
            if step.want.path == SYSUSERS:
                self._create()

    def _create(self) -> None:
        must_succeed(f"The user {USER} cannot be created", "systemd-sysusers", SYSUSERS)

    def _control(self, verb: str) -> None:
        run_command("systemctl", "daemon-reload")
        run_command("systemctl", "enable", UNIT)
        code, output = run_command("systemctl", "restart", UNIT)
        if code:
            raise failure_of(UNIT, verb, output, self.begin)

    def _remove(self, obs: View) -> None:
        run_command("systemctl", "disable", "--now", UNIT)
        for path in map(Path, obs.left):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif os.path.lexists(path):  # else it went with its directory
                path.unlink()
        run_command("systemctl", "daemon-reload")
        if obs.user:
            must_succeed(f"The user {USER} cannot be removed", "userdel", USER)

    def _test(self) -> None:
        """Ask the notifier, which sends from within its sandbox, and wait for what became of it."""
        name = uuid.uuid4().hex
        request, answer = (STATE / "inbox" / f"{name}.{end}" for end in ("test", "answer"))
        request.touch()
        over = time.monotonic() + self.given["wait"]
        while not answer.exists():
            if time.monotonic() > over:
                request.unlink() if request.exists() else None
                raise QuorumError(
                    f"The notifier on {self.host} has not said within {self.given['wait']} s who was told",
                    "",
                    f"`journalctl -u {UNIT}` shows what it does",
                )
            time.sleep(0.2)
        self.answers = _told(answer)
        answer.unlink()
        if not self.answers or not all(outcome["taken"] for outcome in self.answers.values()):
            raise QuorumError(f"From {self.host} not every sink was told. {'; '.join(describe_outcome(self.answers))}")

    def settle(self, before: View, steps: List[Step]) -> View:
        """Wait until the notifier runs with these settings and listens."""
        if not (steps and self.wanted) or self.given["test"] or self.given["tell"]:
            return before

        def look() -> View:
            before.status = _told(STATUS)
            return before

        hint = f"`journalctl -u {UNIT}` says what it waits for"
        return until_done(look, self._missing, look(), self.given["wait"], self.host, hint)

    def _missing(self, seen: View) -> List[str]:
        if seen.status.get("digest") != self._digest():
            return ["the notifier does not run with the new settings yet"]
        if not seen.status["problem"] or self.warnings:  # of a Sentinel that is down there is one already
            return []
        return [f"it does not hear its Sentinel: {seen.status['problem']}"]

    def result(self, obs: View, steps: List[Step]) -> Dict[str, Any]:
        """Say whether it listens, and what became of a test."""
        if self.wanted and not steps and obs.status.get("problem"):
            self.warnings.append(f"the notifier on {self.host} does not hear its Sentinel: {obs.status['problem']}")
        return {"told": describe_outcome(self.answers)}

    def diff(self, before: View, after: View | None, steps: List[Step]) -> List[Dict[str, str]]:
        """Return the files, without what is secret in them."""
        return [show_diff(*pair) for pair in before.pairs]


def _told(path: Path) -> Dict[str, Any]:
    """Return what the notifier has written; its user may not lead root elsewhere by a link."""
    try:
        content = json.loads(read_path(str(path)).content)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}
