# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An inventory with a part of the hosts, as a slice of a job or an edit gone wrong has it, changes nothing anywhere."""

from __future__ import annotations

import pytest
from deployment import given
from deployment.partial import Among, Of
from lab import Lab

FILES = "find /etc/redis /etc/systemd /etc/sysctl.d /usr/local/lib/quorum-redis -type f | sort | xargs sha256sum"


@pytest.mark.parametrize(
    ("part", "mode"), [(["q1"], ["--check"]), (["q1"], []), (["q2", "q3", "q4"], [])], ids=["check", "one", "three"]
)
def test_part_of_the_hosts_is_refused(lab: Lab, among: Among, of: Of, part: list[str], mode: list[str]) -> None:
    main = of(*lab.hosts)
    primary, processes = main.settled(), main.run_ids()
    files = {host: lab.sh(host, FILES) for host in lab.hosts}
    run = among(*part).run_playbook("site", *mode, "--diff")
    said = " ".join(run.stdout.split())
    assert not run.ok and run.changed == 0, run.stdout
    for host in set(lab.hosts) - set(part):
        assert f"the member {lab.host_ip(host)}:6379" in said, run.stdout
        assert f"the Sentinel {lab.host_ip(host)}:26379" in said, run.stdout
    assert "Nothing was changed" in said and "redis_retire_hosts" in said
    assert {host: lab.sh(host, FILES) for host in lab.hosts} == files
    assert (main.settled(), main.run_ids()) == (primary, processes)
    assert {said.quorum for said in main.sentinel_views().values()} == {3}


@pytest.mark.parametrize("name", ["redis_member_count", "redis_sentinel_count"])
def test_declared_number_is_held_against_the_inventory(lab: Lab, among: Among, name: str) -> None:
    lab.run_playbook("site", "--check", *given(**{name: 4})).expect(changed=0)
    run = among("q1", "q2").run_playbook("site", *given(**{name: 4}))
    assert not run.ok and run.changed == 0
    assert f"{name} is 4" in " ".join(run.stdout.split())


@pytest.mark.parametrize("verb", ["failover", "restart", "rotate", "upgrade"])
def test_no_verb_takes_a_part_for_the_whole(lab: Lab, among: Among, of: Of, verb: str) -> None:
    main = of(*lab.hosts)
    primary, processes = main.settled(), main.run_ids()
    run = among("q1", "q2").run_playbook(verb)
    assert not run.ok and run.changed == 0, run.stdout
    assert f"beside them there live the member {lab.host_ip('q3')}:6379" in " ".join(run.stdout.split()), run.stdout
    assert (main.settled(), main.run_ids()) == (primary, processes)
