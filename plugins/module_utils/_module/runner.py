# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The harness of every module: observe, plan, then check and diff or apply, observe again, exit."""

from __future__ import annotations

import copy
import json
from typing import Any, Callable, Dict, List, Optional

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from .._core.errors import MissingLibrary, QuorumError, Refused, Unsettled
from .._core.reconcile import Obs, Reconciler, Step
from .._model.conf_syntax import mask_texts
from .._redis.client import require_library


class MaskedModule(AnsibleModule):
    """Notes in the journal with which arguments it was called, secrets masked in entries of lists and dictionaries too.

    Ansible makes a text of these, in which quotes and backslashes are escaped, before it looks for the secrets.
    """

    def log(self, msg: Any, log_args: Any = None) -> None:
        """Write a line to the journal."""
        secrets = [str(secret) for secret in self.no_log_values]
        shown = {key: mask_texts(str(value), secrets) for key, value in (log_args or {}).items()}
        super().log(mask_texts(str(msg), secrets), shown or None)


def build_part(
    module: AnsibleModule,
    build: Callable[[AnsibleModule], Reconciler[Obs]],
    spec: Dict[str, Any],
    given: Dict[str, Any],
) -> Reconciler[Obs]:
    """Return what another module with these options would run, in this execution and with its secrets masked."""
    checked = ArgumentSpecValidator(spec).validate(given)
    module.no_log_values |= checked._no_log_values
    if checked.error_messages:
        raise QuorumError("; ".join(checked.error_messages))
    part = copy.copy(module)
    part.params, part.check_mode = checked.validated_parameters, False
    return build(part)


def is_converged(
    module: AnsibleModule,
    build: Callable[[AnsibleModule], Reconciler[Obs]],
    spec: Dict[str, Any],
    early: bool,
    options: str,
) -> bool:
    """Return whether another module with these options, as JSON, would find nothing to do, now and without waiting.

    Several executions of it are a list. Whatever fails here is left to that module, which says it; but with `early`
    what it refuses is refused now, before another one has changed anything.
    """
    given = json.loads(options)
    for each in given if isinstance(given, list) else [given]:
        try:
            require_library()
            subject = build_part(module, build, spec, {**each, "wait": 0})
            if not subject.is_converged(subject.observe()):
                return False
        except QuorumError as problem:
            if early and isinstance(problem, Refused) and not isinstance(problem, Unsettled):
                raise
            return False
    return True


def look_first(
    module: AnsibleModule, build: Callable[[AnsibleModule], Reconciler[Obs]], spec: Dict[str, Any], options: str
) -> Dict[str, Any]:
    """Return what another module that only looks returns with these options, as JSON; what it refuses ends this one."""
    subject = build_part(module, build, spec, json.loads(options))
    obs = subject.observe()
    answer = subject.result(obs, subject.plan(obs))
    for warning in subject.warnings:
        module.warn(warning)
    return answer


def run(module: AnsibleModule, build: Callable[[AnsibleModule], Reconciler[Obs]], needs_library: bool = True) -> None:
    """Run one module from its options to its exit; nobody else exits or fails."""
    done: List[Step] = []
    try:
        try:
            if needs_library:
                require_library()
        except MissingLibrary:
            if not module.check_mode:
                raise
            text = "the rest would be known after the run has installed redis-py"
            module.exit_json(changed=True, steps=[text], diff=[])
        subject = build(module)
        before = subject.observe()
        steps = subject.plan(before)
        after: Optional[Obs] = None
        if not module.check_mode:
            for step in steps:
                subject.apply(step)
                done.append(step)
            after = subject.settle(before, steps)
        answer = subject.result(before if after is None else after, steps)
        for warning in subject.warnings:
            module.warn(warning)
        diff = subject.diff(before, after, steps) if module._diff else []
    except QuorumError as problem:
        module.fail_json(msg=str(problem), changed=bool(done), steps=[step.text for step in done])
    else:
        module.exit_json(**{"changed": bool(steps), "steps": [step.text for step in steps], "diff": diff, **answer})
