# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold, 6: a mistake stops the run with a clear sentence, and the set goes on as it was."""

from __future__ import annotations

import pytest
from deployment import DataSet, given
from lab import Lab

FILES = "sha256sum /etc/redis/main.conf /var/lib/redis/main/redis.conf /etc/redis/main.json"
FILL = "dd if=/dev/zero of=/etc/redis/ballast bs=1k 2>/dev/null; df --output=avail /etc/redis | tail -1"
SMALL_DISK = "cp -a /etc/redis /root/kept; mount -t tmpfs -o size=200k,mode=0755 tmpfs /etc/redis"
LARGE_DISK = "rm -r /root/kept; cp -a /etc/redis /root/kept; umount /etc/redis"
COPY_BACK = "cp -a /root/kept/. /etc/redis"


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("maxmemroy", "100mb", "Unknown directive"),
        ("maxmemory-policy", "sometimes", "argument(s) must be one of"),
    ],
)
def test_mistake_is_told_in_the_words_of_the_engine(lab: Lab, main: DataSet, key: str, value: str, words: str) -> None:
    processes, files = main.run_ids(), {host: lab.sh(host, FILES) for host in main.hosts}
    with main.written():
        run = lab.run_playbook("site", *given(redis_instances=[{"name": "main", "config": {key: value}}]))
        assert not run.ok
    said = " ".join(run.stdout.split())
    assert all(part in said for part in (key, words, "/etc/redis/main.conf")), run.stdout
    assert "Traceback" not in said
    assert run.changed == 0
    assert {host: lab.sh(host, FILES) for host in main.hosts} == files
    assert main.run_ids() == processes
    lab.run_playbook("site").expect(changed=0)


def test_disk_full_at_the_write_of_the_configuration(lab: Lab, main: DataSet) -> None:
    primary, processes = main.settled(), main.run_ids()
    host = next(host for host in main.hosts if host != primary)
    change = given(redis_instances=[{"name": "main", "config": {"maxmemory": "100mb"}}])
    lab.sh(host, f"{SMALL_DISK} && {COPY_BACK}")
    assert lab.sh(host, FILL) == "0"
    before = lab.sh(host, FILES)
    with main.written():
        run = lab.run_playbook("site", *change)
        assert run.recap[host].failed == 1
        assert "No space left on device" in run.stdout and "Traceback" not in run.stdout
        assert lab.sh(host, FILES) == before
        assert main.setting(host, "maxmemory") == "0"
        lab.sh(host, "rm /etc/redis/ballast")
        lab.run_playbook("site", *change).expect()
        assert main.settings("maxmemory") == {str(100 << 20)}
        lab.sh(host, f"{LARGE_DISK} && {COPY_BACK}")
        lab.run_playbook("site").expect()
    assert main.settings("maxmemory") == {"0"}
    assert main.run_ids() == processes
    lab.run_playbook("site").expect(changed=0)
