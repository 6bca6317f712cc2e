# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lookup awx_objects: what AWX needs to run the verbs of this collection."""

from __future__ import annotations

DOCUMENTATION = r"""
name: awx_objects
short_description: Return the objects that AWX needs to run the playbooks of this collection
version_added: 0.1.0
author: quorum.redis contributors (@quorum)
description:
  - Makes of the variable C(redis_awx) the project, inventory, execution environment, credential type, job templates
    with their surveys, workflows, schedules and permissions, each with the arguments of its module in the collection
    C(awx.awx). The role P(quorum.redis.redis_awx#role) creates them.
  - Surveys come from the argument specs of the roles. Data sets and hosts to choose from are those of the inventory of
    this run; without a group of members they are typed.
  - No server is asked, and no password is read or returned.
options:
  _terms:
    description: The value of C(redis_awx), one dictionary.
    required: true
  group:
    description: Group of the members, C(redis_group) of their deployment.
    type: str
    default: redis
  module:
    description: Fail when this module is not installed where Ansible runs.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Show the surveys
  ansible.builtin.debug:
    msg: "{{ lookup('quorum.redis.awx_objects', redis_awx).job_templates | map(attribute='survey_spec', default='') }}"
"""

RETURN = r"""
_list:
  description: One dictionary.
  type: list
  elements: dict
  contains:
    organization:
      description: The organization.
      type: dict
    job_templates:
      description:
        - The job templates. C(credential_types), C(execution_environments), C(projects), C(inventories),
          C(inventory_sources), C(workflows), C(schedules) and C(roles) are lists like it.
      type: list
      elements: dict
"""

from pathlib import Path
from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.yaml import yaml_load
from ansible.plugins.loader import module_loader
from ansible.plugins.lookup import LookupBase

from ..module_utils._model.awx_objects import Deployment, awx_objects

ROLES = Path(__file__).resolve().parents[2] / "roles"


class LookupModule(LookupBase):
    """Reads the argument specs and the inventory, calls the pure model."""

    def run(self, terms: list[Any], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[Any]:
        """Return all objects for each variable."""
        self.set_options(var_options=variables, direct=kwargs)
        known, module = variables or {}, self.get_option("module")
        if module and not module_loader.find_plugin_with_context(module).resolved:
            collection = ".".join(module.split(".")[:2])
            raise AnsibleLookupError(
                f"The collection {collection} is not installed where Ansible runs, and no part of quorum.redis: "
                f"ansible-galaxy collection install {collection}. Nothing was changed."
            )
        specs = {name: spec for role in ROLES.glob("*") for name, spec in read_specs(role).items()}
        group = (known.get("groups") or {}).get(self.get_option("group")) or []
        sets = sets_of(known["hostvars"][group[0]], specs) if group else []
        return [awx_objects(Deployment(settings_of(term, specs), specs, sets, sorted(group))) for term in terms]


def read_specs(role: Path) -> dict[str, Any]:
    """Return the options of a role by name."""
    text = (role / "meta" / "argument_specs.yml").read_text(encoding="utf-8")
    options: dict[str, Any] = yaml_load(text)["argument_specs"]["main"]["options"]
    return options


def settings_of(given: Any, specs: dict[str, Any]) -> dict[str, Any]:
    """Return the variable with its defaults."""
    checked = ArgumentSpecValidator({"redis_awx": specs["redis_awx"]}).validate({"redis_awx": given})
    if checked.error_messages:
        raise AnsibleLookupError(f"{'; '.join(checked.error_messages)}. Nothing was changed.")
    settings: dict[str, Any] = checked.validated_parameters["redis_awx"]
    return settings


def sets_of(member: Any, specs: dict[str, Any]) -> list[str]:
    """Return the names of the data sets that the inventory declares."""
    declared = member.get("redis_instances") or specs["redis_instances"]["default"]
    return [str(data_set["name"]) for data_set in declared]
