# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold, 5: what can be changed live is changed live; what cannot restarts replicas one at a time."""

from __future__ import annotations

from deployment import DataSet, given
from lab import Lab


def config(**settings: object) -> tuple[str, str]:
    return given(redis_instances=[{"name": "main", "config": settings}])


def test_live_setting_survives_a_restart_and_goes_back(lab: Lab, main: DataSet) -> None:
    main.fill(1000)
    processes = main.run_ids()
    with main.written():
        lab.run_playbook("site", *config(maxmemory="100mb")).expect(changed=3)
        assert main.settings("maxmemory") == {str(100 << 20)}
        assert main.run_ids() == processes
        replica = next(host for host in main.hosts if host != main.settled())
        lab.sh(replica, "systemctl restart redis-server@main")
        main.settled()
        assert main.run_ids()[replica] != processes[replica]
        assert main.settings("maxmemory") == {str(100 << 20)}
        processes = main.run_ids()
        lab.run_playbook("site").expect(changed=3)
        assert main.settings("maxmemory") == {"0"}
    assert main.run_ids() == processes


def test_what_would_refuse_all_writes_is_refused_until_it_is_said_to_be_meant(lab: Lab, main: DataSet) -> None:
    processes, wish = main.run_ids(), config(maxmemory="100kb")
    for _each in range(2):
        refused = lab.run_playbook("site", *wish)
        assert not refused.ok and refused.changed == 0, refused.stdout
        assert "would refuse all writes" in " ".join(refused.stdout.split()), refused.stdout
    meant = given(redis_allow_dangerous=True)
    lab.run_playbook("site", *wish, *meant).expect(changed=3)
    assert main.settings("maxmemory") == {str(100 << 10)}
    lab.run_playbook("site").expect(changed=3)
    assert main.settings("maxmemory") == {"0"} and main.run_ids() == processes


def test_value_set_by_hand_is_put_right(lab: Lab, main: DataSet) -> None:
    main.ask("p2", "CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    run = lab.run_playbook("site").expect(changed=1)
    assert run.recap["p2"].changed == 1
    assert main.settings("maxmemory-policy") == {"noeviction"}


def test_immutable_setting_restarts_replicas_one_at_a_time(lab: Lab, main: DataSet) -> None:
    """The primary is named, because it is to be left alone here."""
    primary, processes = main.settled(), main.run_ids()
    with main.written(), main.watched() as roles:
        run = lab.run_playbook("site", *config(databases=20), *given(redis_move_primary=False)).expect()
        after = main.run_ids()
        assert {main.setting(host, "databases") for host in main.hosts if host != primary} == {"20"}
        back = lab.run_playbook("site").expect()
    roles.expect_one_primary()
    roles.expect_one_down()
    assert [host for host in main.hosts if after[host] == processes[host]] == [primary]
    assert f"{primary} needs a restart" in run.stdout or "main needs a restart and was left alone" in run.stdout
    assert "needs a restart" not in back.stdout
    assert main.settings("databases") == {"16"}
    assert main.settled() == primary and main.run_ids()[primary] == processes[primary]
