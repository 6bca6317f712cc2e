# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host that died and was taken out of the inventory counts no longer, and is named when it comes back."""

from __future__ import annotations

from deployment import until
from deployment.partial import Among, Of
from lab import Lab


def test_the_dead_one_is_forgotten_and_a_failover_goes_on(lab: Lab, among: Among, of: Of) -> None:
    left = among("q1", "q2", "q3")
    main, rest = of(*lab.hosts), of("q1", "q2", "q3")
    if main.settled() == "q4":
        main.fail_over()
    primary = main.settled()
    lab.kill("q4")
    until(lab, "the Sentinels have seen it", lambda: "s_down" in _flags(rest, lab.host_ip("q4")))

    shown = left.run_playbook("status")
    said = " ".join(shown.stdout.split())
    assert not shown.ok
    words = ("know 4 Sentinels of main, 3 of them alive", "majority 3", lab.host_ip("q4"))
    assert all(word in said for word in words), shown.stdout

    left.run_playbook("site", "--check", "--diff").expect()
    assert any(said.others == 3 for said in rest.sentinel_views().values()), "check mode has changed something"
    left.run_playbook("site").expect()
    assert rest.settled() == primary
    left.run_playbook("site").expect(changed=0)
    left.run_playbook("status").expect(changed=0)

    lab.kill(primary)
    others = [host for host in rest.hosts if host != primary]
    until(lab, "another one is primary", lambda: len(of(*others).primaries()) == 1, 40)
    lab.start(primary)
    rest.settled()


def test_who_comes_back_undeclared_is_named_and_declared_again(lab: Lab, among: Among, of: Of) -> None:
    lab.start("q4")
    main = of(*lab.hosts)
    until(lab, "it is back", lambda: not main.problems(), 60)
    run = among("q1", "q2", "q3").run_playbook("site")
    assert not run.ok and run.changed == 0
    assert f"the member {lab.host_ip('q4')}:6379" in " ".join(run.stdout.split())
    lab.run_playbook("site").expect()
    main.settled()
    lab.run_playbook("site").expect(changed=0)


def _flags(main, address: str) -> str:  # type: ignore[no-untyped-def]
    found = main.ask_sentinel("q1", "SENTINEL", "SENTINELS", "main")
    told = [dict(zip(one[::2], one[1::2], strict=True)) for one in found]
    return next(one["flags"] for one in told if one["ip"] == address)
