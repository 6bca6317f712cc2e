# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the notifier is told, what is refused before anything is changed, and that no diff shows a secret."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._core.errors import AuthFailed, Refused, Unreachable
from ansible_collections.quorum.redis.plugins.module_utils._model.masking import json_sides
from ansible_collections.quorum.redis.plugins.module_utils._notify.plan import (
    check_answer,
    check_settings,
    deployment_of,
    describe_outcome,
    problems_of,
    settings_text,
)
from ansible_collections.quorum.redis.plugins.module_utils._notify.sinks import make_sinks

SECRETS = ("own-of-clients", "t0ken", "own-of-header", "own-of-mail", "own-of-alerts")
SETTINGS: dict[str, Any] = {
    "alertmanager": {"urls": ["https://a:9093"], "username": "u", "password": SECRETS[4], "hold": 60, "labels": {}},
    "webhook": {"url": f"https://chat/{SECRETS[1]}", "headers": {"X": SECRETS[2]}, "ca_file": None},
    "mail": {"host": "m", "port": 25, "tls": "on", "password": SECRETS[3], "sender": "a@x", "to": ["b@x"]},
    "command": ["/bin/true"],
    "standby": 60,
    "keep": 86400,
}
GIVEN: dict[str, Any] = {
    "deployment": "redis",
    "name": "h1",
    "rank": 1,
    "address": "10.0.0.1",
    "port": 26379,
    "auth": True,
    "username": "client",
    "passwords": [SECRETS[0]],
    "tls": False,
    "tls_ca_file": None,
    "tls_cert_file": None,
    "tls_key_file": None,
    "settings": SETTINGS,
}


def test_no_diff_shows_a_secret_and_the_program_gets_them() -> None:
    text = settings_text(GIVEN)
    assert all(secret in text for secret in SECRETS)
    shown = "".join(json_sides("", text)) + "".join(json_sides(text, text.replace("own-of", "new-of")))
    assert not [secret for secret in (*SECRETS, "new-of") if secret in shown]
    assert "https://a:9093" in shown
    told = json.loads(text)
    found = make_sinks(told["sinks"], told["passwords"])
    assert list(found) == ["alertmanager-1", "webhook", "mail", "command"]
    assert found["webhook"].settings["url"] == SETTINGS["webhook"]["url"]
    assert (
        found["alertmanager-1"].settings["password"] == SECRETS[4] and found["mail"].settings["password"] == SECRETS[3]
    )
    assert deployment_of(text) == "redis" and deployment_of("{}") == deployment_of("") == ""


def test_the_key_of_the_host_is_read_as_a_copy() -> None:
    tls = {"tls": True, "tls_ca_file": "/ca", "tls_cert_file": "/cert", "tls_key_file": "/key"}
    found = json.loads(settings_text({**GIVEN, **tls}))["sentinel"]
    assert (found["tls_cert_file"], found["tls_key_file"]) == ("/run/redis-notify/cert", "/run/redis-notify/key")
    assert "tls_key_file" not in json.loads(settings_text(GIVEN))["sentinel"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"alertmanager": {"urls": []}}, "has no urls"),
        ({"alertmanager": {"urls": ["10.0.0.9:9093"]}}, "urls 1 is no URL"),
        ({"webhook": {"url": "ftp://x/t0ken"}}, "webhook: url is no URL"),
        ({"webhook": {"url": "http://u:t0ken@x/"}}, "has a user in it"),
        ({"webhook": {"url": "http://x/t0ken a"}}, "has a blank"),
        ({"webhook": {"url": "http://x:99999/t0ken"}}, "webhook: url is no URL"),
        ({"mail": {"to": []}}, "has nobody in `to`"),
        ({"mail": {"to": ["a"], "tls": "off", "password": "t0ken"}}, "in clear"),
        ({"command": ["notify"]}, "'notify' is no path"),
    ],
)
def test_what_could_tell_nobody_is_refused(change: dict[str, Any], said: str) -> None:
    (problem,) = problems_of({**SETTINGS, **change})
    assert said in problem and "t0ken" not in problem
    with pytest.raises(Refused, match="Nothing was changed"):
        check_settings({**GIVEN, "settings": {**SETTINGS, **change}}, "")


def test_what_is_right_is_not_refused() -> None:
    assert problems_of(SETTINGS) == [] and problems_of({"keep": 60}) == []
    check_settings(GIVEN, "redis")
    check_settings({**GIVEN, "auth": False, "passwords": []}, "")


@pytest.mark.parametrize(
    ("given", "present", "said"),
    [
        (GIVEN, "other", "carries the notifier of the deployment other"),
        ({**GIVEN, "passwords": [""]}, "", "Set redis_sentinel_clients_passwords"),
    ],
)
def test_what_the_host_does_not_allow_is_refused(given: dict[str, Any], present: str, said: str) -> None:
    with pytest.raises(Refused) as raised:
        check_settings(given, present)
    assert said in str(raised.value) and "Nothing was changed" in str(raised.value)


def test_a_sentinel_that_is_silent_is_a_warning_and_one_that_refuses_is_not() -> None:
    assert "does not answer" in check_answer("h1", Unreachable("gone"))
    with pytest.raises(Refused, match=r"Run quorum\.redis\.site first"):
        check_answer("h1", AuthFailed("WRONGPASS"))


def test_a_test_says_what_arrived_where() -> None:
    answers = {"mail": {"taken": True, "where": "m:25"}, "webhook": {"taken": False, "where": "x:80 answers HTTP 500"}}
    assert describe_outcome(answers) == ["mail: arrived at m:25", "webhook: NOT told, x:80 answers HTTP 500"]
