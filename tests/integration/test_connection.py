# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The option `connection` in tasks that fail: whatever Ansible prints of them, no secret in it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from patience import LONG

from .conftest import PASSWORD, Lab, engines, free_port

NEW, FALLBACK, VAULTED = "new-Kq7x", 'fall"back-Kq7x', "sentinel-Kq7x"
SECRETS = {"password": [NEW, PASSWORD], "fallback_password": [FALLBACK], "sentinel_password": VAULTED}
PLAY = """\
- hosts: localhost
  gather_facts: false
  vars:
    access: {main: {connection: {password: "{{ password }}", fallback_password: "{{ fallback_password }}", timeout: 5}}}
  tasks:
    - name: Ask one that answers and one that does not
      quorum.redis.instance_info:
        port: "{{ item }}"
        required: true
        connection: "{{ access['main'].connection }}"
      loop: "{{ ports }}"
      ignore_errors: true
    - name: Misspell a part of it
      quorum.redis.instance_info:
        connection: "{{ access['main'].connection | combine({'tmeout': 1}) }}"
      ignore_errors: true
    - name: Ask for a whole set
      quorum.redis.failover:
        name: main
        members: [{host: r1, address: 127.0.0.1, port: "{{ ports[1] }}"}]
        sentinels: [{host: r1, address: 127.0.0.1, port: "{{ ports[1] }}"}]
        connection: "{{ access['main'].connection }}"
        sentinel_password: "{{ sentinel_password }}"
        wait: 0
      ignore_errors: true
"""


@pytest.mark.parametrize("engine", engines()[:1], ids=lambda engine: engine.name, indirect=True)
def test_no_secret_of_a_connection_is_shown(lab: Lab, tmp_path: Path) -> None:
    server = lab.server("r1", password=PASSWORD)
    (tmp_path / "play.yml").write_text(PLAY, encoding="utf-8")
    given = {**SECRETS, "ports": [server.port, free_port()], "ansible_python_interpreter": sys.executable}
    (tmp_path / "secrets.json").write_text(json.dumps(given), encoding="utf-8")
    said = subprocess.run(
        [
            *(str(Path(sys.executable).with_name("ansible-playbook")), "-vvv", "--diff", "-i", "localhost,"),
            *("-c", "local", "-e", f"@{tmp_path / 'secrets.json'}", str(tmp_path / "play.yml")),
        ],
        env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(lab.collections), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=LONG,
    )
    text = said.stdout + said.stderr
    assert said.returncode == 0, text
    assert "role: primary" in text, "the second of two passwords is the one that this server knows"
    assert "connection was refused" in text
    assert re.search(r"connection\.tmeout\. Supported parameters include: [^.]*fallback_password", text)
    assert re.search(r"ok=3 .*ignored=3", text)
    shown = text.replace("fallback_password", "")
    assert [word for word in (NEW, PASSWORD, "back-Kq7x", VAULTED) if word in shown] == []
