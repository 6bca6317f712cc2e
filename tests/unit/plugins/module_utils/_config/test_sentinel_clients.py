# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the user of applications may do on a Sentinel, in the spelling of each engine."""

from __future__ import annotations

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._config.sentinel_client_user import (
    client_rules,
    summed_rights,
)

HASH = "0" * 64
# ACL LIST of a Sentinel that was told the rules, without the name.
REDIS_7_0 = (
    f"on sanitize-payload #{HASH} &* -@all +@pubsub +info +ping +sentinel|masters +sentinel|replicas "
    "+sentinel|sentinels +sentinel|ckquorum +sentinel|slaves +sentinel|master "
    "+sentinel|get-master-addr-by-name -publish +client|getname +client|setname +client|id +role"
)
REDIS_8_0 = (
    f"on sanitize-payload #{HASH} &* -@all +ping +info +role +subscribe +psubscribe +unsubscribe +punsubscribe "
    "+client|setname +client|getname +client|id +sentinel|get-master-addr-by-name +sentinel|master +sentinel|masters "
    "+sentinel|replicas +sentinel|slaves +sentinel|sentinels +sentinel|ckquorum +client|setinfo"
)


def category(name: str) -> list[str]:
    assert name == "pubsub"
    return ["publish", "subscribe", "psubscribe", "unsubscribe", "punsubscribe"]


@pytest.mark.parametrize(("version", "said"), [((7, 0, 15), REDIS_7_0), ((8, 0, 2), REDIS_8_0), ((8, 1, 1), REDIS_8_0)])
def test_what_the_engine_says_is_what_it_was_told(version: tuple[int, ...], said: str) -> None:
    wanted = summed_rights(client_rules([HASH], version), category)
    assert summed_rights(said.split(), category) == wanted
    for more in ("+publish", "+@all", "+sentinel", "-ping", "nopass", "off", f"#{'1' * 64}", "~*"):
        assert summed_rights([*said.split(), more], category) != wanted, more


def test_publish_and_what_changes_anything_is_not_among_the_rules() -> None:
    for version in ((6, 2), (7, 0), (7, 2), (9, 0)):
        found = client_rules([HASH], version)
        assert found.index("-@all") < min(number for number, rule in enumerate(found) if rule[0] == "+")
        assert not {"+publish", "+sentinel", "+client", "+acl", "+config", "+shutdown"} & set(found)
        assert not [rule for rule in found if rule.startswith("+@")]
