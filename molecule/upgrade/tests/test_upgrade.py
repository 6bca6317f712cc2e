# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A set gets a newer engine from the packages of the next Debian, and keeps every write."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import pytest
from deployment import DataSet, given
from deployment.sharded import ShardedSet
from lab import Lab

PASSWORD, SENTINEL_PASSWORD = "upgrade-Ta4vR8", "upgrade-Nm6cX3"


@dataclass
class Path:
    """From where to where a set goes."""

    hosts: list[str]
    watched: bool
    old: str
    new: str
    suite: str


PATHS = {
    "debian_12": Path(["u1", "u2", "u3"], True, "7.0", "8.0", "trixie"),
    "debian_11": Path(["o1", "o2"], False, "6.0", "7.0", "bookworm"),
}


@pytest.mark.parametrize("deployment", PATHS)
def test_set_is_upgraded_without_losing_a_write(lab: Lab, deployment: str) -> None:
    """Each member runs the new version in the end, and neither a second run nor site.yml changes anything."""
    path = PATHS[deployment]
    sentinels = path.hosts if path.watched else []
    data_set = DataSet(lab, path.hosts, PASSWORD, sentinels, SENTINEL_PASSWORD)
    source = f"deb http://deb.debian.org/debian {path.suite} main"
    with ThreadPoolExecutor() as pool:
        add = f"echo '{source}' >/etc/apt/sources.list.d/next.list && apt-get -qq update"
        list(pool.map(lambda host: lab.sh(host, add, 120), path.hosts))
    assert versions(data_set) == {path.old}

    def run(playbook: str, **variables: Any) -> Any:
        only = given(redis_hosts=deployment, redis_version=path.new, **variables)
        return lab.run_playbook(playbook, *only).expect(changed=None if variables else 0)

    what = f"upgrade.yml, Redis {path.old} to {path.new}"
    cart = ShardedSet(lab, path.hosts, [7000, 7001], PASSWORD) if path.watched else None
    sharded = cart.written(f"{what}, a cluster") if cart else nullcontext()
    with data_set.watched() as roles, data_set.waited(), data_set.written(what=what), sharded:
        run("upgrade", redis_upgrade_without_backup=True)
    roles.expect_one_primary(planned=True)
    roles.expect_one_down()
    assert versions(data_set) == {path.new}
    if cart:
        infos = [cart.ask(place, "INFO", "server") for place in cart.places]
        assert all(f"redis_version:{path.new}." in info for info in infos)
        assert len({primary.split(":")[0] for primary in cart.settled()}) == 3  # one on each host
    run("upgrade")
    run("site")


def versions(data_set: DataSet) -> set[str]:
    """Return the minor versions of all servers and Sentinels."""
    servers = [data_set.info(host)["redis_version"] for host in data_set.hosts]
    said = [data_set.ask_sentinel(host, "INFO", "server") for host in data_set.sentinels]
    sentinels = [line.split(":")[1] for text in said for line in text.splitlines() if line.startswith("redis_version:")]
    assert len(sentinels) == len(data_set.sentinels)
    return {version.rpartition(".")[0] for version in servers + sentinels}
