#!/usr/bin/env python3
# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the generated files of examples/awx from its redis_awx.yml and hosts.yml; --check names what is out of date."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "collections"))

from ansible_collections.quorum.redis.plugins.lookup.awx_objects import read_specs, settings_of  # noqa: E402
from ansible_collections.quorum.redis.plugins.module_utils._model.awx_objects import (  # noqa: E402
    Deployment,
    awx_objects,
)
from ansible_collections.quorum.redis.plugins.module_utils._model.awx_survey import QUESTIONS  # noqa: E402

PLACE = ROOT / "examples" / "awx"
# The lists of infra.aap_configuration by ours. Its own collection for the organization is that of the gateway.
LISTS = {
    "credential_types": "controller_credential_types",
    "execution_environments": "controller_execution_environments",
    "projects": "controller_projects",
    "inventories": "controller_inventories",
    "inventory_sources": "controller_inventory_sources",
    "job_templates": "controller_templates",
    "workflows": "controller_workflows",
    "schedules": "controller_schedules",
    "roles": "controller_roles",
}
HEAD = """---
# Written by tools/awx_example.py from redis_awx.yml and hosts.yml: what quorum.redis.awx creates, as data for
# infra.aap_configuration.dispatch. Credentials are yours to add: controller_credentials.
"""


class Unsafe(str):
    """A text with braces that is for AWX, not for Ansible."""


class Dumper(yaml.SafeDumper):
    """Writes as the rest of the repository is written."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Indent lists in mappings."""
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        """Write everything where it belongs."""
        return True


Dumper.add_representer(Unsafe, lambda dumper, text: dumper.represent_scalar("!unsafe", str(text), style='"'))


def data() -> dict[str, Any]:
    """Return the variables of infra.aap_configuration."""
    specs = {name: spec for role in sorted(ROOT.glob("roles/*")) for name, spec in read_specs(role).items()}
    given = yaml.safe_load((PLACE / "redis_awx.yml").read_text(encoding="utf-8"))["redis_awx"]
    group = yaml.safe_load((PLACE / "hosts.yml").read_text(encoding="utf-8"))["redis"]
    sets = [one["name"] for one in group["vars"]["redis_instances"]]
    found = awx_objects(Deployment(settings_of(given, specs), specs, sets, sorted(group["hosts"])))
    for kind in found["credential_types"]:
        kind["injectors"] = {
            where: {name: Unsafe(text) for name, text in values.items()} for where, values in kind["injectors"].items()
        }
    return {"aap_organizations": [found["organization"]], **{LISTS[name]: found[name] for name in LISTS}}


def files() -> Iterator[tuple[Path, str]]:
    """Yield each file with its text."""
    yield PLACE / "controller.yml", HEAD + yaml.dump(data(), Dumper=Dumper, sort_keys=False, width=95)
    for verb in QUESTIONS:
        text = f"---\n- name: Run quorum.redis.{verb}\n  ansible.builtin.import_playbook: quorum.redis.{verb}\n"
        yield PLACE / "playbooks" / f"{verb}.yml", text


def main() -> int:
    """Write them, or compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say which are out of date")
    check = parser.parse_args().check
    old = [(path, text) for path, text in files() if not path.exists() or path.read_text(encoding="utf-8") != text]
    for path, text in old:
        if check:
            print(f"{path.relative_to(ROOT)} is out of date: run tools/awx_example.py")
        else:
            path.write_text(text, encoding="utf-8")
    return 1 if check and old else 0


if __name__ == "__main__":
    sys.exit(main())
