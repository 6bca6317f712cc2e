# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible in a container, as in AWX: what a verb leaves on the controller must be on a volume, or it is refused."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from lab import ROOT, SETTINGS, SUDO, Lab

INVENTORY = """
redis:
  hosts: {h1: {ansible_host: 192.0.2.1}}
  vars:
    redis_password: server-Kw3xVf
    redis_tls_ca_file: /etc/ssl/redis/ca.crt
    redis_tls_cert_file: /etc/ssl/redis/host.crt
    redis_tls_key_file: /etc/ssl/redis/host.key
"""


def in_container(lab: Lab, work: Path, verb: str, *arguments: str) -> str:
    """Run a playbook of the collection in a container without network; return what it says."""
    (work / "hosts.yml").write_text(INVENTORY, encoding="utf-8")
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    # The Python of this run comes along, with its libraries where it is that of the system.
    shown = {str(ROOT), os.path.realpath(sys.prefix), sys.base_prefix, str(work)}
    command = ["podman", "run", "--rm", "--network=none", f"--ulimit=nofile={files}:{files}"]
    command += ["--ulimit=nproc=32768:32768", f"--volume={work}:/srv/kept"]
    command += [f"--volume={path}:{path}:ro" for path in sorted(shown)]
    command += [f"--env=ANSIBLE_COLLECTIONS_PATH={SETTINGS['ANSIBLE_COLLECTIONS_PATH']}", "--env=COLUMNS=1000"]
    image = lab.podman("inspect", "--format", "{{.ImageName}}", f"{lab.prefix}-trixie")
    command += [image, sys.executable, str(Path(sys.executable).with_name("ansible-playbook"))]
    command += ["--inventory", str(work / "hosts.yml"), f"quorum.redis.{verb}", *arguments]
    done = subprocess.run([*SUDO, *command], capture_output=True, text=True, timeout=120, check=False)
    assert "PLAY RECAP" in done.stdout, done.stdout + done.stderr
    return " ".join(done.stdout.split())


@pytest.mark.parametrize(
    ("verb", "variable"), [("certificates", "redis_tls_authority"), ("backup", "redis_backup_fetch")]
)
def test_what_goes_with_the_container_is_refused(lab: Lab, tmp_path: Path, verb: str, variable: str) -> None:
    said = in_container(lab, tmp_path, verb, "-e", f"{variable}=/srv/lost")
    assert f"{variable} /srv/lost is in the container in which Ansible runs" in said and "failed=1" in said, said


def test_what_is_on_a_volume_is_not(lab: Lab, tmp_path: Path) -> None:
    said = in_container(lab, tmp_path, "backup", "-e", "redis_backup_fetch=/srv/kept")
    assert "ok: [h1]" in said and "unreachable=1" in said and "is in the container" not in said, said
