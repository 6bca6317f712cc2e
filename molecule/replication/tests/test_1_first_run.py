# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold, 1: check mode on fresh hosts predicts, the first run deploys, the second has nothing to do."""

from __future__ import annotations

from deployment import DataSet
from lab import Lab

NEW = (
    "find /etc /opt /root /usr /var/lib -newer /run/before -not -type d -not -path '*/__pycache__/*' "
    "-not -path '/var/lib/apt/*' -not -path '/var/lib/systemd/*'"
)


def test_check_mode_on_fresh_hosts_predicts_and_changes_nothing(lab: Lab, main: DataSet) -> None:
    """One of them is like the image of a cloud: no package lists yet."""
    lab.sh("p2", "rm /var/lib/apt/lists/*_Packages*")
    for host in main.hosts:
        lab.sh(host, "touch /run/before")
    run = lab.run_playbook("site", "--check", "--diff").expect()
    # The host with its units, the packages, the configuration, the start.
    assert all(run.recap[host].changed >= 4 for host in main.hosts)
    units = "/etc/systemd/system/redis-server@.service", "/usr/local/lib/quorum-redis/assemble"
    assert "The package lists of p2 are empty." in " ".join(run.stdout.split())
    for predicted in (*units, "/etc/redis/main.json", "redis-server", "start redis-server@main.service"):
        assert predicted in run.stdout
    for host in main.hosts:
        assert lab.sh(host, NEW) == ""
        assert lab.run(host, "id redis || dpkg --status redis-server").returncode != 0


def test_first_run_deploys(lab: Lab, main: DataSet) -> None:
    lab.run_playbook("site").expect()
    assert main.settled() == "p1"
    main.fill(1000)
    main.holds(1000)


def test_second_run_changes_nothing(lab: Lab, main: DataSet) -> None:
    processes = main.run_ids()
    lab.run_playbook("site").expect(changed=0)
    lab.run_playbook("site", "--check", "--diff").expect(changed=0)
    assert main.run_ids() == processes
