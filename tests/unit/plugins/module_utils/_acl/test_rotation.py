# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A password takes the place of another: who logs in with what, who is left behind, what the plan says."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._acl.plan import Change, plan_changes
from ansible_collections.quorum.redis.plugins.module_utils._config.diff import digest_of_file
from ansible_collections.quorum.redis.plugins.module_utils._model.acl_rules import password_digest
from ansible_collections.quorum.redis.plugins.module_utils._model.acl_users import assign_logins
from ansible_collections.quorum.redis.plugins.module_utils._model.conf_syntax import own_password
from ansible_collections.quorum.redis.plugins.module_utils._model.rotation_marks import (
    format_mark,
    parse_marks,
    previous_hashes,
)
from ansible_collections.quorum.redis.plugins.module_utils._redis.client_list import list_stale_logins
from ansible_collections.quorum.redis.plugins.module_utils._redis.endpoint import Endpoint

OLD, NEW = f"#{password_digest('old')}", f"#{password_digest('new')}"


def test_the_default_user_is_declared_while_its_password_changes() -> None:
    found = assign_logins([{"name": "main"}], None, "new", True, "old")["main"]
    assert found["rotating"] and found["login"]["password"] == ["new", "old"] == found["backup"]["password"]
    assert found["logins"]["replication"] == {"username": "", "password": "new"}
    assert found["secrets"] == {"requirepass": "new", "masterauth": "new"}
    (user,) = found["users"]
    assert user["passwords_only"] and (user["passwords"], user["passwords_previous"]) == (["new"], ["old"])
    still = assign_logins([{"name": "main"}], None, "new", True)["main"]
    assert still["users"] == [] and not still["rotating"] and still["login"]["password"] == "new"


@pytest.mark.parametrize(
    ("entry", "wanted"),
    [
        ({"password": "own"}, "own"),
        ({"password": "own", "password_previous": "before"}, ["own", "before"]),
        ({"password_previous": "before"}, ["new", "before"]),
        ({}, ["new", "old"]),
    ],
)
def test_a_data_set_has_its_own_previous_password(entry: dict[str, Any], wanted: Any) -> None:
    assert assign_logins([{"name": "main", **entry}], None, "new", True, "old")["main"]["login"]["password"] == wanted


def test_users_log_in_with_either_and_fall_back_to_the_default_one() -> None:
    users = [
        {"name": "op", "job": "operator", "passwords": ["new-op"], "passwords_previous": ["old-op"]},
        {"name": "saver", "job": "backup", "passwords": ["b2"], "passwords_previous": ["b1"]},
    ]
    found = assign_logins([{"name": "main"}], users, "new", True, "old")["main"]
    assert found["login"]["password"] == ["new-op", "old-op"]
    assert found["login"]["fallback_password"] == ["new", "old"]
    assert found["backup"] == {"username": "saver", "password": ["b2", "b1"]} and found["backup_password"] == "b2"
    assert [user["name"] for user in found["users"]] == ["op", "saver", "default"]
    ruled = assign_logins([{"name": "main"}], [*users, {"name": "default", "enabled": False}], "new", True, "old")[
        "main"
    ]
    assert [user["name"] for user in ruled["users"]] == ["op", "saver", "default"] and not ruled["rotating"]


def test_logins_are_tried_one_after_the_other() -> None:
    place: Endpoint | None = Endpoint(username="op", password=["a", "b"], fallback=["c", "d"])
    seen = []
    while place is not None:
        seen.append((place.username, place.password))
        assert "'a'" not in repr(place)
        place = place.fall_back()
    assert seen == [("op", "a"), ("op", "b"), (None, "c"), (None, "d")]
    assert Endpoint(password="a", fallback="a").fall_back() is None


def test_previous_passwords_stay_where_they_open_and_are_not_let_in_again() -> None:
    user = {"passwords_previous": ["old", "older"]}
    assert previous_hashes(user, [OLD, NEW]) == [OLD] and previous_hashes(user, [NEW]) == []
    text = format_mark("default", 17) + "user default on\n" + format_mark("shop", 18)
    assert parse_marks(text) == {"default": 17, "shop": 18}


def test_only_clients_that_logged_in_before_are_named() -> None:
    rows = [
        "id=1 addr=192.0.2.1:5 name=shop age=100 flags=N user=default",
        "id=2 addr=192.0.2.1:6 name=shop age=90 flags=N user=default",
        "id=3 addr=192.0.2.2:5 name= age=5 flags=N user=default",
        "id=4 addr=192.0.2.3:5 name= age=500 flags=S user=default",
        "id=5 addr=192.0.2.3:5 name=sentinel-53489c21-cmd age=500 flags=N user=default",
        "id=6 addr=192.0.2.4:5 name= age=500 flags=N user=another",
        "id=7 addr=[2001:db8::1]:5 name= age=11 flags=P user=default cmd=get",
        "id=8 addr=192.0.2.5:5 name= age=500 flags=N cmd=NULL user=default",
    ]
    assert list_stale_logins("\n".join(rows), {"default": 990}, 1000) == [
        "default from 192.0.2.1 (named shop), 2 connections",
        "default from [2001:db8::1], 1 connection",
    ]


def test_the_plan_says_whether_a_password_comes_or_goes() -> None:
    rights = ["on", "~*", "+@all"]
    found = plan_changes(
        {"default": [*rights, NEW, OLD]}, [], {"default": [*rights, OLD]}, [], {"default"}, False, False
    )
    assert found.later == [] and str(found.now[0]) == "let the user default in with one password more"
    less = Change("default", [*rights, NEW], [*rights, NEW, OLD])
    assert str(less) == "let the user default in with one password less"
    other = Change("default", [*rights, NEW], [*rights, OLD])
    assert "other passwords" in str(other)


def test_a_password_is_no_reason_for_a_restart() -> None:
    plain = "# told\nport 26379\nrequirepass {}\n"
    assert digest_of_file(plain.format("a")) == digest_of_file(plain.format("b") + "user default on #1 #2\n")
    assert digest_of_file(plain) != digest_of_file(plain.replace("26379", "26380"))


def test_what_a_sentinel_tells_the_others() -> None:
    assert own_password('sentinel myid 1\nsentinel sentinel-pass "a\\"b"\n') == 'a"b'
    assert own_password("sentinel myid 1\n") == ""
    # As 7.0 and 8.0 write it.
    for word in ('q"x', "it's", "two  words", "a\u2028b", '"'):
        assert own_password(f"sentinel myid 1\nsentinel sentinel-pass {word}\nport 1\n") == word
