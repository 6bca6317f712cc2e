# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What systems say of themselves in /etc/os-release, and what the platform table has for them."""

from __future__ import annotations

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._core.errors import QuorumError
from ansible_collections.quorum.redis.plugins.module_utils._model.platform import describe_platform, parse_os_release

DEBIAN = 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_ID="12"\nID=debian\n'
UBUNTU = "NAME='Ubuntu'\r\nID=ubuntu\r\nID_LIKE=debian\r\n"
ROCKY = 'NAME="Rocky Linux"\nID="rocky"\nID_LIKE="rhel centos fedora"\nPRETTY_NAME="Rocky Linux 9.4"\n'


def test_values_lose_their_quotes_and_nothing_else() -> None:
    found = parse_os_release(DEBIAN + 'EMPTY=\nHOME_URL="https://example.org/?a=b"\n# ID=none\n')
    assert found["PRETTY_NAME"] == "Debian GNU/Linux 12 (bookworm)"
    assert (found["ID"], found["EMPTY"], found["HOME_URL"]) == ("debian", "", "https://example.org/?a=b")


@pytest.mark.parametrize(("text", "family"), [(DEBIAN, "Debian"), (UBUNTU, "Debian"), (ROCKY, "RedHat")])
def test_a_relative_has_the_names_of_its_family(text: str, family: str) -> None:
    found = describe_platform(text, "valkey", from_source=False)
    assert found["family"] == family
    assert found["pinned"] == found["needed"] == found["packages"]
    assert len(found["services"]) == 2


def test_what_is_built_pins_no_package_and_needs_a_compiler() -> None:
    found = describe_platform(DEBIAN, "redis", from_source=True)
    assert found["pinned"] == []
    assert "gcc" in found["needed"]
    assert found["packages"] == ["redis-server", "redis-tools"]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('ID=alpine\nPRETTY_NAME="Alpine Linux v3.20"\n', "Alpine Linux v3.20"),
        ("ID=void\n", "void"),
        ("", "a system without a name"),
    ],
)
def test_others_are_refused_by_name(text: str, name: str) -> None:
    with pytest.raises(QuorumError, match=f"redis on {name} is not in the platform table"):
        describe_platform(text, "redis", from_source=False)
