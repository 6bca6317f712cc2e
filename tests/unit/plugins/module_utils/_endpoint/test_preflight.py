# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stops the endpoints of a host before anything is changed, and what is a warning."""

from __future__ import annotations

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._core.errors import Refused
from ansible_collections.quorum.redis.plugins.module_utils._endpoint.preflight import (
    Asked,
    check_answers,
    check_deployment,
    check_ports,
)

ROLES = {"db1:6379": "master", "db2:6379": "slave"}


def test_a_sound_set_has_no_warning() -> None:
    one = Asked("main", ROLES)
    assert one.primaries == ["db1:6379"] and check_answers("app1", [one]) == []
    check_deployment("app1", "", "redis")
    check_deployment("app1", "redis", "redis")
    check_ports("app1", {})


def test_who_is_silent_now_is_a_warning() -> None:
    one = Asked("main", {"db2:6379": "slave"}, silent={"db1:6379": "The connection failed"})
    assert check_answers("app1", [one]) == [
        "no member of main says that it is the primary: its endpoint leads to nobody now",
        "db1:6379 of main does not answer app1: The connection failed",
    ]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (
            Asked("main", ROLES, denied={"db3:6379": "WRONGPASS"}),
            "db3:6379 of main does not let the endpoint on app1 in: WRONGPASS. Nothing was changed. Run quorum.redis",
        ),
        (
            Asked("main", silent={"db1:6379": "The connection failed"}),
            "app1 reaches no member of main: db1:6379: The connection failed. Nothing was changed.",
        ),
    ],
)
def test_what_would_not_work_is_refused(asked: Asked, said: str) -> None:
    with pytest.raises(Refused) as error:
        check_answers("app1", [asked])
    assert str(error.value).startswith(said)
    assert check_answers("app1", [asked], pending=True) == [], "site predicts members that it would create"


def test_ports_and_files_of_others_are_left_to_them() -> None:
    with pytest.raises(
        Refused, match=r"On app1 somebody else listens on 7379 \(nginx.service\), 7380 \(another process"
    ):
        check_ports("app1", {7380: "", 7379: "nginx.service"})
    with pytest.raises(
        Refused, match="app1 carries the endpoints of the deployment cards, and a host carries those of one"
    ):
        check_deployment("app1", "cards", "redis")
