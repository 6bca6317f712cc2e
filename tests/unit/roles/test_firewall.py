# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tasks of the firewall, on several hosts, with a module in place of the real one that only says what it does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.quorum.redis.plugins.module_utils._model.options import read_options

ROLE = Path(__file__).resolve().parents[3] / "roles" / "redis"
TASKS = ROLE / "tasks" / "firewall.yml"
SPECS = yaml.safe_load((ROLE / "meta" / "argument_specs.yml").read_text())["argument_specs"]["main"]["options"]
MODULE = """#!/usr/bin/python
from pathlib import Path
from ansible.module_utils.basic import AnsibleModule
words = ("processes", "peers", "clients")
options = {**{word: {"type": "list", "elements": "raw", "default": []} for word in words}, "state": {}, "ssh_port": {}}
module = AnsibleModule({**options, "ignore_clients": {}}, supports_check_mode=True)
name, folder = module.params["processes"][0]["name"], Path(FOLDER)
if name == "refused":
    module.fail_json(msg="somebody is connected")
steps = [] if name == "right" else ["load it"]
if steps and not module.check_mode:
    (folder / name).touch()
module.exit_json(changed=bool(steps), steps=steps)
"""


def play(folder: Path, hosts: str, **given: Any) -> str:
    """Run the tasks on these hosts; what one of them has to do is its name."""
    plugins = folder / "ansible_collections" / "quorum" / "redis" / "plugins" / "modules"
    plugins.mkdir(parents=True)
    (plugins / "firewall.py").write_text(MODULE.replace("FOLDER", repr(str(folder))))
    options, _problems = read_options(SPECS, {"redis_firewall": True, **given})
    model = {"firewall": {"processes": [{"name": "{{ inventory_hostname }}"}], "peers": []}, "options": options}
    told = {
        "redis_topology": model,
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
    }
    (folder / "play.json").write_text(
        json.dumps([{"hosts": "all", "gather_facts": False, "vars": told, "tasks": [{"import_tasks": str(TASKS)}]}])
    )
    done = subprocess.run(
        [str(Path(sys.executable).with_name("ansible-playbook")), "-i", hosts, str(folder / "play.json")],
        env=os.environ | {"ANSIBLE_COLLECTIONS_PATH": str(folder), "ANSIBLE_NOCOLOR": "1", "ANSIBLE_HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


@pytest.mark.parametrize(("hosts", "done"), [("other,refused,", []), ("right,other,", ["other"])])
def test_what_one_host_refuses_is_set_on_none(tmp_path: Path, hosts: str, done: list[str]) -> None:
    """A client of the primary would be kept out of the replicas, and so of the set after the next failover."""
    said = play(tmp_path, hosts)
    assert ("somebody is connected" in said) is not bool(done), said
    assert sorted(path.name for path in tmp_path.iterdir() if path.name in hosts.split(",")) == done, said
    assert f"changed={len(done)}" in said


def test_an_empty_variable_means_nobody_else(tmp_path: Path) -> None:
    assert "failed=0" in play(tmp_path, "other,", redis_firewall_clients=None)
