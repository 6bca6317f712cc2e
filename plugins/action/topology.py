# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller side of quorum.redis.topology: reads the inventory, calls the pure model."""

from __future__ import annotations

import re
from pathlib import Path
from platform import node
from typing import Any

from ansible import context
from ansible.errors import AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.yaml import yaml_load
from ansible.plugins.action import ActionBase

from ..module_utils._model.cluster_verbs import judge_verb
from ..module_utils._model.inventory import Inventory, TopologyError
from ..module_utils._model.options import HARMLESS, VERBS, find_unknown, names_typed, read_options
from ..module_utils._model.topology import build_topology
from ..module_utils._model.verdicts import VERDICTS
from ..plugin_utils.addresses import Addresses
from ..plugin_utils.controller import why_lost
from ..plugin_utils.declared import OPEN
from ..plugin_utils.values import explain_value, see_endpoint

NOTHING = "Nothing was changed"
COLLECTION = Path(__file__).resolve().parents[2]
WANTED = (
    *OPEN,
    "redis_group",
    "redis_member_count",
    "redis_sentinel_count",
    "redis_auth",
    "redis_password",
    "redis_password_previous",
    "redis_acl_users",
    "redis_sentinel_password",
    "redis_sentinel_password_previous",
    "redis_sentinel_clients_passwords",
    "redis_endpoint_trusted",
)

# The directories of the controller in which a verb leaves files.
KEPT = {
    "backup": ("redis_backup_fetch",),
    "upgrade": ("redis_backup_fetch",),
    "certificates": ("redis_tls_authority", "redis_tls_authority_other"),
}


class ActionModule(ActionBase):
    """Never connects to a host: membership comes from the inventory, not from the batch or the limit."""

    _supports_check_mode = True
    _requires_connection = False
    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the model, or fail with one line for each mistake."""
        result = super().run(tmp, task_vars)
        _spec, arguments = self.validate_argument_spec(
            {
                "without": {"type": "list", "elements": "str", "default": []},
                "verb": {"type": "str", "choices": ["", *VERBS], "default": ""},
            }
        )
        task_vars, verb = task_vars or {}, arguments["verb"]
        self.unreadable: dict[str, str] = {}
        specs, shapes = _specs(verb)
        given = {name: self._value(name, task_vars) for name in specs}
        options, problems = read_options(specs, given)
        options.update({name: None for name in given if name in task_vars and _left_alone(name, given[name])})
        secrets = {name: self._value(name, task_vars) for name in shapes}
        known = {**secrets, **options}
        values = {name: known[name] if name in known else self._value(name, task_vars) for name in WANTED}
        known_hosts = Addresses(task_vars["hostvars"])
        inventory = Inventory(
            host=task_vars["inventory_hostname"],
            groups=task_vars["groups"],
            variables=values,
            address_of=known_hosts,
            zone_of=known_hosts.zone,
            endpoint_seen=lambda host: see_endpoint(task_vars["hostvars"], host),
            without=arguments["without"],
        )
        problems += _misshapen(shapes, secrets)
        problems += [*self.unreadable.values(), *_lost(verb, options)]
        problems += _in_parts(task_vars) if verb not in HARMLESS[1:] else []
        # Where it is a warning, one host says it for all.
        first = (task_vars.get("ansible_play_hosts_all") or [inventory.host])[0]
        strange = _strange(task_vars) if verb not in HARMLESS or inventory.host == first else []
        problems += strange if verb not in HARMLESS else []
        try:
            if problems:
                raise TopologyError("\n".join(problems))
            model = build_topology(inventory)
            timed = list(task_vars["groups"].get(str(task_vars.get("redis_backup_group") or ""), []))
            refused, left = judge_verb(verb, {**options, "redis_backup_timed": timed}, model)
            if refused:
                raise TopologyError("\n".join(refused))
            result.update(model, options=options, controller=node(), changed=False)
            idle = _idle_timers(task_vars) if verb in ("", "backup", "status") else []
            result["warnings"] = [*result["warnings"], *([*left, *idle] if inventory.host == first else [])]
        except TopologyError as error:
            text = str(error)
            # The endpoints come last: their members may have been changed by then.
            where = f" on {inventory.host}" if verb == "endpoint" else ""
            result.update(failed=True, msg=text if NOTHING in text else f"{text}\n{NOTHING}{where}.")
        if verb in HARMLESS:
            result["warnings"] = [*result.get("warnings", []), *strange]
        return result

    def _value(self, name: str, task_vars: dict[str, Any]) -> Any:
        try:
            return self._templar.template(task_vars[name]) if name in task_vars else None
        except AnsibleError as problem:
            self.unreadable[name] = explain_value(name, task_vars[name], problem)
            return None


def _specs(verb: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the options whose values are read here, the shared ones and those of the verb; then those with secrets."""
    specs: dict[str, Any] = {}
    for role in dict.fromkeys(["redis", "redis_server", "redis_backup", f"redis_{verb}"]):
        path = COLLECTION / "roles" / role / "meta" / "argument_specs.yml"
        if path.exists():
            specs.update(yaml_load(path.read_text(encoding="utf-8"))["argument_specs"]["main"]["options"])
    secret = {name: spec for name, spec in specs.items() if _may_hold_secrets(name, spec)}
    return {name: spec for name, spec in specs.items() if name not in secret}, secret


def _misshapen(specs: dict[str, Any], values: dict[str, Any]) -> list[str]:
    """Return what Ansible's own validation says of them, down to the keys of their entries."""
    options, problems = read_options(specs, values)
    lists = [name for name, spec in specs.items() if spec.get("type") == "list" and spec.get("elements") == "str"]
    # A comma may be part of a password, or of an argument.
    problems += [f"{name} is a text; give a list." for name in lists if isinstance(values[name], str) and values[name]]
    given = {name: value for name, value in options.items() if value is not None}
    faults = ArgumentSpecValidator(specs).validate(given).error_messages
    faults = [f"there is no key {text}" if ". Supported parameters include" in text else text for text in faults]
    return [*problems, *(f"{text.rstrip('.')}." for text in faults)]


def _left_alone(name: str, value: Any) -> bool:
    """Return whether somebody wants a setting of the kernel left as it is; null has no default there."""
    return value is None and name.startswith("redis_kernel_")


def _may_hold_secrets(name: str, spec: dict[str, Any]) -> bool:
    """Return whether the value stays out of the result, which is printed with -v."""
    nested = spec.get("elements") == "dict" or "options" in spec
    return nested or any(word in name for word in ("password", "_url", "_rsync", "_command"))


def _lost(verb: str, options: dict[str, Any]) -> list[str]:
    """Return why what this verb leaves on the controller would not be found again."""
    sentences = [why_lost(name, str(options.get(name) or "")) for name in KEPT.get(verb, ())]
    return [sentence for sentence in sentences if sentence]


def _idle_timers(task_vars: dict[str, Any]) -> list[str]:
    """Return a warning about hosts that shall carry the timer of the backups and have no data set of any deployment."""
    groups, hostvars, timers = (
        task_vars["groups"],
        task_vars["hostvars"],
        str(task_vars.get("redis_backup_group") or ""),
    )
    own = {host: str(hostvars[host].get("redis_group") or "redis") for host in groups.get(timers, [])}
    idle = [host for host, group in own.items() if host not in groups.get(group, [])]
    if not idle:
        return []
    return [
        f"{', '.join(sorted(idle))}: in the group {timers} and a member of no data set, so nothing is backed up there. "
        "The timer runs on members; take out who is none"
    ]


def _in_parts(task_vars: dict[str, Any]) -> list[str]:
    """Return why a play with `serial` cannot go on: members wait for others, which would come in a later batch."""
    later = set(task_vars.get("ansible_play_hosts") or []) - set(task_vars.get("ansible_play_batch") or [])
    if not later:
        return []
    return [
        "This play takes its hosts in parts (serial); the roles of quorum.redis run on all hosts of a deployment "
        "together. Remove serial: what needs a restart is restarted one after the other anyway."
    ]


def _strange(task_vars: dict[str, Any]) -> list[str]:
    """Return what is to be said of variables that are none of ours."""
    texts = [path.read_text(encoding="utf-8") for path in COLLECTION.glob("roles/*/meta/argument_specs.yml")]
    known = {name for text in texts for name in re.findall(r"^      (redis_\w+):$", text, re.MULTILINE)}
    known |= set(VERDICTS)  # AWX gives what one job told to the next one of a workflow
    unknown = {name for name in task_vars if name.startswith("redis_")} - known
    if unknown:  # what an earlier play has registered is ours too
        files = [path for folder in ("roles/*/tasks", "playbooks") for path in COLLECTION.glob(f"{folder}/*.yml")]
        unknown -= set(re.findall(r"\b(redis_\w+)", "".join(path.read_text(encoding="utf-8") for path in files)))
    return find_unknown(unknown, known, names_typed(context.CLIARGS.get("extra_vars") or []))
