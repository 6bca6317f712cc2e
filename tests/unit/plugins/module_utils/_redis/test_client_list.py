# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What CLIENT LIST says about connections."""

from __future__ import annotations

from ansible_collections.quorum.redis.plugins.module_utils._redis.client_list import (
    list_kills,
    living_sentinels,
    parse_client_list,
)

LISTED = """\
id=3 addr=192.0.2.1:5 name=a=b flags=N cmd=get
id=4 addr=192.0.2.1:6 name= flags=b cmd=blpop
id=5 addr=192.0.2.1:7 name= flags=Pb cmd=xread
id=6 addr=192.0.2.2:8 name= flags=S cmd=replconf
id=7 addr=192.0.2.3:6379 name= flags=Mb cmd=blpop
"""


def test_rows_are_read() -> None:
    assert parse_client_list(LISTED)[0] == {"id": "3", "addr": "192.0.2.1:5", "name": "a=b", "flags": "N", "cmd": "get"}


def test_who_waits_is_cut_off_but_no_link_of_replication() -> None:
    assert list_kills(LISTED) == [("CLIENT", "KILL", "ID", "4"), ("CLIENT", "KILL", "ID", "5")]
    assert list_kills(LISTED, "xread") == [("CLIENT", "KILL", "ID", "5")]


def test_a_sentinel_whose_host_is_gone_is_connected_and_lives_no_more() -> None:
    rows = [
        "id=1 addr=192.0.2.1:5 name=sentinel-0000000a-cmd idle=0 flags=N cmd=ping",
        "id=2 addr=192.0.2.1:6 name=sentinel-0000000a-pubsub idle=1 flags=P cmd=subscribe",
        "id=3 addr=192.0.2.2:5 name=sentinel-0000000b-cmd idle=42 flags=N cmd=ping",
        "id=4 addr=192.0.2.2:6 name=sentinel-0000000b-pubsub idle=1 flags=P cmd=subscribe",
        "id=5 addr=192.0.2.3:6 name=my-cmd idle=0 flags=N cmd=get",
    ]
    assert living_sentinels("\n".join(rows)) == {"0000000a"}
