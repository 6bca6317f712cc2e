# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ACL users without a server: what rules mean, what a run does about them, and who logs in as whom."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._acl.plan import Plan, plan_changes, render_users, show_users
from ansible_collections.quorum.redis.plugins.module_utils._model.acl_applications import (
    PRESETS,
    literal_patterns,
    pattern_warning,
    preset_proof,
    preset_rules,
)
from ansible_collections.quorum.redis.plugins.module_utils._model.acl_presets import JOBS, job_rules, list_needs
from ansible_collections.quorum.redis.plugins.module_utils._model.acl_rules import (
    meaning_of,
    parse_acl_list,
    password_digest,
    rules_of_user,
    split_rules,
)
from ansible_collections.quorum.redis.plugins.module_utils._model.acl_users import acl_model, assign_logins
from ansible_collections.quorum.redis.plugins.module_utils._model.masking import hide_secrets
from ansible_collections.quorum.redis.plugins.module_utils._model.versions import parse_version
from ansible_collections.quorum.redis.plugins.module_utils._redis.client_list import dependents_in

OLD, NEW, VALKEY = (6, 0, 16), (7, 0, 15), (9, 1, 2)
HASH = "a" * 64
JOBS_OF_MODULES = ("operator", "replication", "sentinel")
OURS = [{"name": f"our-{job}", "job": job, "passwords": [f"{job}-1"]} for job in JOBS_OF_MODULES]


@pytest.mark.parametrize(
    ("user", "version", "expected"),
    [
        ({"passwords": ["x"], "commands": ["get"]}, OLD, f"on #{password_digest('x')} +get"),
        ({"passwords": ["x"], "commands": ["get"]}, NEW, f"on #{password_digest('x')} resetchannels +get"),
        (
            {"hashes": [HASH.upper()], "keys": ["a:*", "%R~b"]},
            OLD,
            f"on #{HASH} ~a:* %R~b +@all -@admin -@dangerous +info +role -script +script|exists +script|load"
            " +client|getname +client|id +client|setname",
        ),
        (
            {"nopass": True},
            NEW,
            "on nopass resetchannels +@all -@admin -@dangerous +info +role -script +script|exists +script|load"
            " -function +function|dump +function|list +function|stats",
        ),
        (
            {"nopass": True, "preset": "reader", "prefix": "shop:", "keys": ["more:*"], "commands": ["-scan"]},
            NEW,
            "on nopass resetchannels %R~shop:* +@read +@connection -@dangerous +info +role +select ~more:* -scan",
        ),
        ({"nopass": True, "channels": ["c", "&d"], "commands": []}, NEW, "on nopass resetchannels &c &d"),
        ({"enabled": False}, NEW, "off resetchannels"),
        (
            {"nopass": True, "commands": ["-get", "@read"], "selectors": ["~x +get", "(+set)"]},
            NEW,
            "on nopass resetchannels -get +@read (~x +get) (+set)",
        ),
        (
            {"nopass": True, "job": "backup"},
            OLD,
            "on nopass +ping +info +bgsave +lastsave +time +config|get +config|set +module|list",
        ),
    ],
)
def test_rules_of_a_user(user: dict[str, Any], version: tuple[int, ...], expected: str) -> None:
    assert " ".join(rules_of_user(user, version)) == expected


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_is_limited_to_its_prefix_on_every_version(preset: str) -> None:
    for version in (OLD, NEW, VALKEY):
        found = preset_rules(preset, "shop:", version)
        keys = [rule for rule in found if rule[0] in "~%"]
        assert keys == (["%R~shop:*"] if preset == "reader" and version >= NEW else ["~shop:*"])
        assert all(rule.startswith("&shop:") for rule in found if rule[0] == "&")
        assert not [rule for rule in found if rule in ("allkeys", "allchannels", "+script", "+function")]
        can, cannot = preset_proof(preset, "shop:", version)
        assert can and ["FLUSHALL"] in cannot and not [one for one in can if one in cannot]
    assert [rule for rule in preset_rules("celery", "", NEW) if rule[0] == "&"] == ["&*"]
    assert "&shop:/0.celery.pidbox" in preset_rules("celery", "shop:", NEW)
    assert not [rule for rule in preset_rules("celery", "shop:", OLD) if rule[0] == "&"]


def test_a_pattern_that_was_written_by_hand_is_told() -> None:
    assert literal_patterns({"channels": ["&shop:*", "*", "shop:news"]}) == ["shop:*"]
    assert literal_patterns({"preset": "celery", "prefix": "shop:"}) == []
    assert "PSUBSCRIBE" in pattern_warning("redis main", "shop", ["shop:*"])


def test_a_job_has_what_its_version_knows() -> None:
    assert "&__sentinel__:hello" not in job_rules("sentinel", OLD) and "&__sentinel__:hello" in job_rules(
        "sentinel", NEW
    )
    assert "+failover" not in job_rules("operator", OLD) and "+failover" in job_rules("operator", NEW)
    assert "+failover" not in job_rules("sentinel", NEW) and "+failover" in job_rules("sentinel", VALKEY)
    assert ("FAILOVER", "ABORT") in list_needs("operator", NEW) and ("FAILOVER", "ABORT") not in list_needs(
        "operator", OLD
    )
    assert parse_version("7.0.15") == NEW
    assert "+function|load" in job_rules("operator", NEW, cluster=True)
    assert not [rule for rule in job_rules("operator", OLD, cluster=True) if "function" in rule]
    assert "~*" not in job_rules("replication", VALKEY) + job_rules("replication", NEW, cluster=True)
    asking = [job for job in JOBS if "+lolwut" in job_rules(job, OLD, cluster=True)]
    assert asking == ["operator", "backup"], "the timers of a cluster"
    moving = job_rules("replication", VALKEY, cluster=True)
    assert moving[0] == "~*" and moving.index("+@write") < moving.index("-flushall")
    asks = "+cluster|getslotmigrations"
    assert asks in job_rules("backup", VALKEY, cluster=True) and asks not in job_rules("backup", VALKEY)
    assert "+pfcount" in moving  # no part of @write, and sent to the target of a job
    assert [job for job in JOBS if "~*" in job_rules(job, NEW, cluster=True)] == ["operator"], "it moves slots"
    assert not [job for job in JOBS if any(rule in ("+@all", "~*", "&*") for rule in job_rules(job, VALKEY))]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("on ~a ~b -@all +get +set", "on ~b ~a -@all +set +get", True),
        ("on -@all +@read +@write +ping", "on -@all +ping +@write +@read", True),
        ("on -@all -get +set", "on -@all +set -get", True),
        ("on +@all -@dangerous +keys", "on +@all +keys -@dangerous", False),
        ("on sanitize-payload #x &* +@all", "on resetchannels #x &* +@all", True),
        ("on #x #y", "on #y #x", True),
        ("on #x", "on #y", False),
        ("on", "off", False),
        ("on +get (~b +set +get) (~a +get)", "on +get (~a +get) (~b +get +set)", True),
        ("on +get (~b +set)", "on +get (~b +get)", False),
        ("on %R~a +get", "on ~a +get", False),
        ("on +set +@all", "on +@all", True),
    ],
)
def test_meaning(one: str, other: str, same: bool) -> None:
    assert (meaning_of(split_rules(one)) == meaning_of(split_rules(other))) is same


def test_lists_are_read() -> None:
    rows = ["# header", "user default off", f"user a on #{HASH} ~* (~b +get) +@all", "user b"]
    assert parse_acl_list(rows) == {"default": ["off"], "a": ["on", f"#{HASH}", "~*", "(~b +get)", "+@all"], "b": []}


DECLARED = {"default": ["off"], "app": ["on", "#1", "+get"]}
PRESENT = {"default": ["on", "#0", "+@all"], "guest": ["on"]}


def did(found: Plan) -> list[str]:
    return [str(change) for change in found.now]


def test_who_is_needed_keeps_its_rights_until_the_end() -> None:
    first = plan_changes(DECLARED, [], PRESENT, [], {"default"}, final=False, purge=False)
    assert [change.name for change in first.now] == ["app"] and first.later == ["default"]
    assert first.undeclared == ["guest"]
    assert render_users(DECLARED, PRESENT, first, [], older=False) == "user default on #0 +@all\nuser app on #1 +get\n"
    assert (
        render_users(DECLARED, PRESENT, first, [], older=True) == "user default on #0 +@all &*\nuser app on #1 +get\n"
    )
    now = {**PRESENT, "app": DECLARED["app"]}
    last = plan_changes(DECLARED, [], now, ["app"], {"default"}, final=True, purge=False)
    assert [change.name for change in last.now] == ["default"] and last.later == []
    assert render_users(DECLARED, now, last, [], older=False) == "user default off\nuser app on #1 +get\n"
    assert plan_changes(DECLARED, [], {**now, "default": ["off"]}, ["app", "default"], set(), False, False).now == []
    # In check mode the first part has not happened, and is not told twice.
    told = plan_changes(DECLARED, [], PRESENT, [], {"default"}, final=True, purge=False, predicted=True)
    assert [change.name for change in told.now] == ["default"]


def test_a_new_password_of_who_is_needed_opens_beside_the_old_one() -> None:
    found = plan_changes(
        {"r": ["on", "#2", "+get"]}, [], {"r": ["on", "#1", "+get"]}, [], {"r"}, final=False, purge=False
    )
    assert [change.new for change in found.now] == [["on", "#1", "+get", "#2"]] and found.later == ["r"]


@pytest.mark.parametrize(
    ("needed", "final", "gone"), [(set(), False, True), ({"a"}, False, False), ({"a"}, True, True)]
)
def test_absent_users_go_when_nobody_needs_them(needed: set[str], final: bool, gone: bool) -> None:
    found = plan_changes({}, ["a"], {"a": ["on"]}, [], needed, final, purge=False)
    assert did(found) == (["remove the user a"] if gone else []) and found.later == ([] if gone else ["a"])
    assert render_users({}, {"a": ["on"]}, found, ["a"], older=False) == ("" if gone else "user a on\n")


def test_purge_spares_the_default_user() -> None:
    found = plan_changes({}, [], PRESENT, [], set(), final=False, purge=True)
    assert did(found) == ["remove the user guest"]
    assert found.now[0].commands == [["ACL", "DELUSER", "guest"]] and found.now[0].back == [
        "ACL",
        "SETUSER",
        "guest",
        "reset",
        "on",
    ]


def test_no_hash_and_no_password_is_shown() -> None:
    changes = plan_changes({"a": ["on", f"#{HASH}"]}, [], {"a": ["on", "#" + "b" * 64]}, [], set(), False, False).now
    for said in (str(changes[0]), show_users(changes, False), show_users(changes, True)):
        assert HASH not in said and "b" * 64 not in said
    assert "other passwords" in str(changes[0]) and "other passwords" in show_users(changes, True)
    assert hide_secrets(f"user a on #{HASH} >open +get") == "user a on #******** #******** +get"


def test_dependents_are_found_in_a_list_of_clients() -> None:
    rows = (
        "id=3 addr=10.0.0.2:4711 fd=8 name= flags=S db=0 user=default\n"
        "id=4 addr=10.0.0.3:4712 fd=9 name=sentinel-1a2b3c4d-cmd flags=N db=0 user=our-sentinel\n"
        "id=5 addr=10.0.0.3:4713 fd=9 name=app flags=N db=0 user=default\n"
        "id=6 addr=10.0.0.3:4714 fd=9 name=sentinel-app-cache-cmd flags=N db=0 user=default\n"
    )
    found = [(one.number, one.duty, one.user, one.who) for one in dependents_in(rows)]
    assert found == [("3", "replication", "default", "10.0.0.2"), ("4", "sentinel", "our-sentinel", "1a2b3c4d")]


def said(users: list[dict[str, Any]], auth: bool = True) -> list[str]:
    problems: list[str] = []
    acl_model("main", users, auth, problems)
    return problems


@pytest.mark.parametrize(
    ("user", "words_"),
    [
        ({"name": "a b", "nopass": True}, "blanks"),
        ({"name": "a"}, "needs passwords or hashes"),
        ({"name": "a", "passwords": [""]}, "empty password"),
        ({"name": "a", "hashes": ["abc"]}, "no SHA-256"),
        ({"name": "a", "job": "operator", "hashes": [HASH]}, "one of its `passwords`"),
        ({"name": "a", "job": "sentinel", "passwords": ["x"], "enabled": False}, "must be enabled"),
        ({"name": "a", "job": "backup", "passwords": ["x"], "keys": ["*"]}, "remove keys"),
        ({"name": "default", "job": "operator", "passwords": ["x"]}, "cannot have a job"),
        ({"name": "default", "state": "absent"}, "enabled: false"),
        ({"name": "a", "nopass": True, "commands": ["+get >x"]}, "not one rule"),
        ({"name": "a", "nopass": True, "commands": ["~*"]}, "lists of their own"),
        ({"name": "a", "nopass": True, "keys": [">x"]}, "not one rule"),
        ({"name": "a", "nopass": True, "preset": "cache"}, "no prefix"),
        ({"name": "a", "nopass": True, "preset": "cache", "prefix": "a:*"}, "literally"),
        ({"name": "a", "nopass": True, "prefix": "a:"}, "no preset"),
        ({"name": "a", "nopass": True, "preset": "cache", "job": "backup"}, "keep one"),
    ],
)
def test_what_contradicts_itself_is_said(user: dict[str, Any], words_: str) -> None:
    assert any(words_ in problem for problem in said([user])), said([user])


def test_users_contradict_each_other_or_the_deployment() -> None:
    assert said(OURS) == []
    assert "twice" in said([OURS[0], OURS[0]])[0]
    assert "two users have the job operator" in said([OURS[0], {**OURS[0], "name": "b"}])[0]
    assert "redis_auth" in said(OURS, auth=False)[0]
    assert acl_model("main", OURS, True, []) == {
        "declared": True,
        "managed": True,
        "default": False,
        "absent": [],
        "names": [f"our-{job}" for job in ("operator", "replication", "sentinel")],
        **{job: f"our-{job}" for job in JOBS_OF_MODULES},
    }
    gone = {"name": "gone", "state": "absent"}
    assert acl_model("main", [*OURS, gone], True, [])["absent"] == ["gone"]


def test_without_users_everybody_has_the_one_password() -> None:
    found = assign_logins([{"name": "main"}, {"name": "own", "password": "p2"}], [], "p1", True)
    assert found["main"]["login"] == {"name": "main", "username": "", "password": "p1", "fallback_password": ""}
    assert found["main"]["connection"] == {"username": "", "password": "p1", "fallback_password": ""}
    assert found["own"]["secrets"] == {"requirepass": "p2", "masterauth": "p2"}
    assert assign_logins([{"name": "main"}], [], "", False)["main"]["secrets"] == {}


def test_with_users_each_duty_has_its_own_login() -> None:
    off = {"name": "default", "enabled": False}
    found = assign_logins([{"name": "main"}, {"name": "plain", "acl_users": []}], [*OURS, off], "p1", True)
    main = found["main"]
    assert main["login"] == {
        "name": "main",
        "username": "our-operator",
        "password": "operator-1",
        "fallback_password": "p1",
    }
    assert main["logins"]["sentinel"] == {"username": "our-sentinel", "password": "sentinel-1"}
    assert main["secrets"] == {"requirepass": None, "masterauth": "replication-1"}
    assert main["masteruser"] == {"masteruser": "our-replication"} and found["plain"]["masteruser"] == {}
    assert main["backup"] == main["logins"]["operator"]
    backup = {"name": "b", "job": "backup", "passwords": ["b-1"]}
    assert assign_logins([{"name": "main"}], [*OURS, backup], "p1", True)["main"]["backup"] == {
        "username": "b",
        "password": "b-1",
    }
    assert found["plain"]["secrets"] == {"requirepass": "p1", "masterauth": "p1"}


def test_the_default_user_does_what_nobody_else_does() -> None:
    found = assign_logins([{"name": "main"}], [{"name": "default", "passwords": ["new"]}], "old", True)["main"]
    assert found["login"] == {"name": "main", "username": "", "password": "new", "fallback_password": "old"}
    assert found["secrets"] == {"requirepass": None, "masterauth": "new"}
    assert found["masteruser"] == {"masteruser": ""}
