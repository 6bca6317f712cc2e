# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold, 4 and 9: a host is added without touching the others, and no run tells a secret."""

from __future__ import annotations

import shlex
from pathlib import Path

from deployment import DataSet, paths_with
from lab import Lab

LOOK = "for i in $(seq 6000); do cat /proc/[0-9]*/cmdline | tr '\\0' ' '; sleep 0.1; test -e /run/over && break; done"


def secrets(main: DataSet) -> list[str]:
    return [main.password, main.sentinel_password]


def test_fourth_host_joins_and_no_secret_is_told(lab: Lab, main: DataSet, tmp_path: Path) -> None:
    (tmp_path / "fourth.yml").write_text("redis: {hosts: {r4: null}}", encoding="utf-8")
    grown = ("--inventory", str(tmp_path / "fourth.yml"))
    main.fill(1000)
    primary, processes = main.settled(), main.run_ids()
    everybody = DataSet(lab, [*main.hosts, "r4"], *main_access(main))
    with main.written(everybody):
        lab.sh("r4", f"rm -f /run/over; nohup sh -c {shlex.quote(LOOK)} > /run/seen 2>&1 < /dev/null &")
        alone = lab.run_playbook("site", *grown, "--limit", "r4", "-vvv", "--diff").expect()
        assert everybody.settled() == primary
        assert main.run_ids() == processes
        all_of_them = lab.run_playbook("site", *grown, "-vvv", "--diff").expect()
        lab.sh("r4", "touch /run/over")
    everybody.holds(1000)
    assert {**main.run_ids()} == processes
    assert set(alone.recap) == {"r4"}
    assert all_of_them.recap["r4"].changed == 0, "alone it was given another model"
    assert all(all_of_them.recap[host].changed == 1 for host in main.hosts), "the others only learn of a new peer"
    lab.run_playbook("site", *grown).expect(changed=0)

    for run in (alone, all_of_them):
        assert [secret for secret in secrets(main) if secret in run.stdout] == []
    seen = lab.sh("r4", "cat /run/seen")
    assert "redis-server" in seen
    assert [secret for secret in secrets(main) if secret in seen] == []


def main_access(main: DataSet) -> tuple[str, list[str], str]:
    return main.password, main.sentinels, main.sentinel_password


def test_no_process_shows_a_secret(lab: Lab, main: DataSet) -> None:
    for host in main.hosts:
        shown = lab.sh(host, "cat /proc/[0-9]*/cmdline | tr '\\0' ' '; ps axeww")
        assert "redis-server" in shown
        assert [secret for secret in secrets(main) if secret in shown] == []


def test_no_journal_holds_a_secret(lab: Lab, main: DataSet) -> None:
    for host in main.hosts:
        told = lab.sh(host, "journalctl --no-pager --output=json")
        assert "start as" in told
        assert [secret for secret in secrets(main) if secret in told] == []


def test_no_file_for_others_holds_a_secret(lab: Lab, main: DataSet) -> None:
    for host in [*main.hosts, "r4"]:
        assert "/etc/redis/main.conf" in paths_with(lab, host, secrets(main), user="root")
        assert paths_with(lab, host, secrets(main), user="nobody") == []
