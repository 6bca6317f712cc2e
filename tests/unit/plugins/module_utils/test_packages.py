# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which packages are missing and which cannot be had, on this very Debian."""

from __future__ import annotations

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._core.errors import BadConfig
from ansible_collections.quorum.redis.plugins.module_utils._host.packages import (
    check_candidates,
    installed,
    missing,
    without_candidate,
)

POLICY = """redis-server:
  Installed: (none)
  Candidate: 5:7.0.15-1~deb12u5
  Version table:
valkey-server:
  Installed: (none)
  Candidate: (none)
  Version table:
"""


@pytest.mark.parametrize(
    ("said", "names", "expected"),
    [
        (POLICY, ["redis-server"], []),
        (POLICY, ["redis-server", "valkey-server"], ["valkey-server"]),
        (POLICY, ["never-heard-of"], ["never-heard-of"]),
        ("", ["redis-server"], ["redis-server"]),
        (None, ["redis"], []),
    ],
)
def test_candidates_from_the_policy(said: str | None, names: list[str], expected: list[str]) -> None:
    assert without_candidate(said, names) == expected


def test_an_installed_package_is_not_missing_and_another_version_of_it_is() -> None:
    wanted = ["dpkg", "no-such-package", "dpkg=0.0.1"]
    found = installed(wanted)
    assert list(found or {}) == ["dpkg"]
    assert missing(wanted, found) == ["no-such-package", "dpkg=0.0.1"]
    assert missing(wanted, None) == wanted


def test_a_package_that_no_source_has_is_refused_with_what_to_do() -> None:
    with pytest.raises(BadConfig, match=r"no-such-package.*Nothing was changed"):
        check_candidates(["dpkg", "no-such-package"], update=False)
