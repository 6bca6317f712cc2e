# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold, 2: who is primary is Sentinel's decision, and a run leaves it alone."""

from __future__ import annotations

from deployment import DataSet
from lab import Lab


def test_run_after_a_failover_changes_nothing(lab: Lab, main: DataSet) -> None:
    main.fill(1000)
    first = main.settled()
    chosen = main.fail_over()
    assert chosen != first
    processes, said = main.run_ids(), main.sentinel_views()
    assert {one.config_epoch for one in said.values()} != {0}

    lab.run_playbook("site", "--check").expect(changed=0)
    shown = lab.run_playbook("site").expect(changed=0).stdout
    assert "Check the host" in shown and "Configure the servers" not in shown and "Monitor the" not in shown

    assert main.settled() == chosen
    assert main.run_ids() == processes
    assert main.sentinel_views() == said
    main.holds(1000)


def test_a_sentinel_that_was_told_otherwise_is_told_again(lab: Lab, main: DataSet) -> None:
    main.ask_sentinel("r2", "SENTINEL", "SET", main.name, "quorum", "3")
    run = lab.run_playbook("site").expect(changed=1)
    assert run.recap["r2"].changed == 1
    assert {one.quorum for one in main.sentinel_views().values()} == {2}
