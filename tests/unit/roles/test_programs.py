# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What roles install on hosts to be run there without Ansible."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("role", ["backup", "monitoring"])
def test_a_role_installs_all_that_its_program_imports(role: str) -> None:
    """Every util that the program imports is in the list of the role, and no other."""
    text = (ROOT / "roles" / f"redis_{role}" / "vars" / "main.yml").read_text(encoding="utf-8")
    listed = set(re.findall(r"'([\w/]+)'", text.split(f"__redis_{role}_utils:")[1].split("}}")[0].split("|")[0]))
    code = (
        f"import sys; from ansible_collections.quorum.redis.plugins.module_utils._{role} import agent; "
        "print(' '.join(sys.modules))"
    )
    environment = {"PYTHONPATH": str(ROOT / "collections")}
    command = [sys.executable, "-c", code]
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.split()
    utils = [name.partition(".module_utils.")[2] for name in said]
    assert {name.replace(".", "/") for name in utils if "." in name} == listed
    assert [name for name in said if name == "ansible" or name.startswith("ansible.")] == []
