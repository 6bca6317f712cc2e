# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which directories of a controller in a container outlive the run."""

from __future__ import annotations

import pytest
from ansible_collections.quorum.redis.plugins.plugin_utils.controller import is_thrown_away, on_container, why_lost

MOUNTS = """\
600 500 0:60 / / rw,relatime - overlay overlay rw,lowerdir=/x,upperdir=/y,workdir=/z
601 600 0:61 / /dev/shm rw,nosuid - tmpfs shm rw
602 600 254:1 /srv/vault /vault rw,relatime - ext4 /dev/sda1 rw
603 600 0:70 / /with\\040blank rw,relatime shared:5 - nfs4 server:/x rw
604 600 254:1 /var/lib/kubelet/x /runner rw,relatime - ext4 /dev/sda1 rw
"""
JOB = {"AWX_PRIVATE_DATA_DIR": "/runner"}


@pytest.mark.parametrize(
    ("path", "environ", "expected"),
    [
        ("/backups", {}, True),
        ("/dev/shm/x", {}, True),  # noqa: S108
        ("/vault", {}, False),
        ("/vault/deep/er", JOB, False),
        ("/vault/../backups", {}, True),
        ("/vaults", {}, True),
        ("/with blank/x", {}, False),
        ("/runner/project/backups", {}, False),
        ("/runner/project/backups", JOB, True),
    ],
)
def test_what_lies_on_no_volume_goes_with_the_container(path: str, environ: dict[str, str], expected: bool) -> None:
    assert on_container(path, MOUNTS, environ) is expected


def test_an_ordinary_machine_throws_nothing_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setattr("ansible_collections.quorum.redis.plugins.plugin_utils.controller.MARKS", ())
    assert not is_thrown_away("/tmp/x")  # noqa: S108


def test_why_files_are_not_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "ansible_collections.quorum.redis.plugins.plugin_utils.controller.is_thrown_away", lambda _: False
    )
    assert why_lost("redis_backup_fetch", "") == why_lost("redis_backup_fetch", "/srv/vault") == ""
    assert "redis_backup_fetch vault is no absolute path" in why_lost("redis_backup_fetch", "vault")
    monkeypatch.setattr("ansible_collections.quorum.redis.plugins.plugin_utils.controller.is_thrown_away", bool)
    assert "is in the container in which Ansible runs" in why_lost("redis_backup_fetch", "/srv/vault")
