# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold, 3: a server that listens where nobody looks is refused before, and found and mended when it is so."""

from __future__ import annotations

from pathlib import Path

import yaml
from estate import DataSet, given, until
from lab import Lab

SENTINEL = "sed -i 's/^bind .*/bind 127.0.0.1/' /etc/redis/sentinel.conf && systemctl restart redis-sentinel@sentinel"
SECOND = "127.0.0.2"
FILES = "cat /etc/redis/* /etc/systemd/system/redis* | sha256sum"


def elsewhere(tmp_path: Path, **addresses: str) -> tuple[str, str]:
    """Return the arguments that give hosts another redis_address."""
    path = tmp_path / "addresses.yml"
    path.write_text(yaml.safe_dump({"all": {"hosts": {host: {"redis_address": ip} for host, ip in addresses.items()}}}))
    return "--inventory", str(path)


def test_a_wrong_bind_is_refused(lab: Lab) -> None:
    before = [lab.sh(host, FILES) for host in lab.hosts]
    absent = " ".join(lab.run_playbook("site", *given(redis_bind=["10.99.99.99"])).stdout.split())
    assert "redis_bind names 10.99.99.99, which is no address of this host" in absent
    other = " ".join(lab.run_playbook("site", "--limit", "x3", *given(redis_bind=[SECOND])).stdout.split())
    assert f"redis_bind is {SECOND}, without {lab.host_ip('x3')}, by which modules" in other
    assert [lab.sh(host, FILES) for host in lab.hosts] == before


def test_a_wrong_address_of_the_living_primary(lab: Lab, main: DataSet, tmp_path: Path) -> None:
    before, old = [lab.sh(host, FILES) for host in lab.hosts], main.settled()
    nowhere = lab.host_ip(old).rpartition(".")[0] + ".250"
    wrong = elsewhere(tmp_path, **{old: nowhere})
    run = lab.run_playbook("site", *wrong)
    said = " ".join(run.stdout.split())
    assert run.rc != 0 and f"redis_address is {nowhere}, which is no address of this host" in said, run.stdout
    assert [lab.sh(host, FILES) for host in lab.hosts] == before
    others = ",".join(host for host in main.hosts if host != old)
    run = lab.run_playbook("site", *wrong, "--limit", others, *given(redis_wait=5))
    said = " ".join(run.stdout.split())
    assert run.rc != 0 and f"living link to {lab.host_ip(old)}:6379, so a primary lives there" in said, run.stdout
    assert f"{old} is declared at {nowhere}:6379 and does not answer there" in said
    assert "set redis_trust" not in said
    lab.run_playbook("site").expect()
    assert main.settled() == old


def test_a_server_and_a_sentinel_on_loopback_only_are_mended(lab: Lab, main: DataSet) -> None:
    old = main.settled()
    host = next(one for one in main.hosts if one != old)
    client = f"REDISCLI_AUTH={main.password} redis-cli"
    lab.sh(host, f"{client} CONFIG SET bind 127.0.0.1 && {SENTINEL}")
    lab.wait_until(
        "nobody reaches it", lambda: lab.sh(host, "ss -Hltn 'sport = 6379' | grep -c '0.0.0.0:6379' || true") == "0", 10
    )
    until(lab, "its Sentinel listens", lambda: "127.0.0.1" in lab.sh(host, "ss -Hltn 'sport = 26379'"), 10)
    lab.run_playbook("site", "--check").expect()
    lab.run_playbook("site").expect()
    assert main.settled() == old
    lab.run_playbook("site").expect(changed=0)
