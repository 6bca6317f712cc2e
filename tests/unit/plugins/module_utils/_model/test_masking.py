# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No text that people see holds a password, however it is spelled there: every renderer, with hostile passwords."""

from __future__ import annotations

import json
import random
import re
from base64 import b64encode
from collections.abc import Iterator

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._acl.plan import Change
from ansible_collections.quorum.redis.plugins.module_utils._config.start_guard_files import guard_files
from ansible_collections.quorum.redis.plugins.module_utils._core.errors import BadConfig
from ansible_collections.quorum.redis.plugins.module_utils._engine.config_check import translate_refusal
from ansible_collections.quorum.redis.plugins.module_utils._host.files import parse_file
from ansible_collections.quorum.redis.plugins.module_utils._model.acl_rules import password_digest, show_rules
from ansible_collections.quorum.redis.plugins.module_utils._model.conf_syntax import (
    MASK,
    mask_text,
    mask_texts,
    quote_word,
    render_file,
)
from ansible_collections.quorum.redis.plugins.module_utils._model.file_changes import Seen, Wanted, show_diff
from ansible_collections.quorum.redis.plugins.module_utils._model.masking import (
    UNREADABLE,
    json_sides,
)

CORE = "Kq7x"  # in every password: letters that any spelling but base64 leaves as they are
ODD = "\"'\\ #$`{}%,:;!<>@&*?|~\t\n\r\u2028\u00e9\u20ac\U0001f511"
HOSTILE = [
    'Sent pw "y" Kq7x #1',
    "back\\Kq7x\\slash",
    "d\u00e9Kq7x\u20ac",
    "'Kq7x'",
    "Kq7x",
    ">Kq7x",
    "a\nKq7x",
    '"Kq7x',
]
GUARD = {"acl": True, "members": [], "sentinels": [], "users_absent": []}


def passwords() -> Iterator[str]:
    """Yield passwords that somebody has thought of, and others."""
    yield from HOSTILE
    dice = random.Random(7)
    for _number in range(60):
        yield "".join(dice.choices(ODD, k=4)) + CORE + "".join(dice.choices(ODD, k=4))


PASSWORDS = list(passwords())


def spellings(password: str) -> Iterator[str]:
    """Yield a password as servers and libraries write it."""
    yield from (password, quote_word(password), repr(password), password.replace("\n", " ").replace("\r", " "))
    yield json.dumps(password.encode().decode("latin-1")).replace("\\u00", "\\x")
    for ascii_only in (True, False):
        yield json.dumps(password, ensure_ascii=ascii_only)


def test_no_renderer_shows_a_password() -> None:
    """The diffs of all files that hold one, before and after, also where only one of them is the present one."""
    for password in PASSWORDS:
        other = 'other "Kq7x"'
        texts: list[str] = []
        for old, new in ((other, password), (password, other), (password, password)):
            files = [_guard(one) for one in (old, new)]
            texts += show_diff(Seen("file", files[0].content), files[1]).values()
            timers = [_timer(one) for one in (old, new)]
            texts += show_diff(Seen("file", timers[0].content), timers[1]).values()
            confs = [
                render_file({"requirepass": one, "masterauth": one, "sentinel sentinel-pass": quote_word(one)}, "")
                for one in (old, new)
            ]
            texts += [mask_text(conf, set(), {"requirepass": " (new value)"}) for conf in confs]
            texts.append(mask_text(confs[0].replace("requirepass", "# requirepass"), set(), {}))
        assert CORE not in "".join(texts)
        assert b64encode(password.encode()).decode() not in "".join(texts)
        assert MASK in "".join(texts)


def test_a_damaged_file_of_before_is_not_shown() -> None:
    for password in PASSWORDS:
        damaged = _guard(password).content[:-3]
        found = show_diff(Seen("file", damaged), _guard(password))
        assert found["before"].endswith(UNREADABLE) and CORE not in found["after"]


def test_no_complaint_of_an_engine_shows_a_password() -> None:
    for password in PASSWORDS:
        shown_in_line = re.sub("[\r\n]", "", password)
        for line in (
            f"requirepass {quote_word(password)}",
            f"user u on {quote_word('>' + password)}",
            f'masterauth "{shown_in_line}',
        ):
            said = f"*** FATAL CONFIG FILE ERROR ***\nReading the file, at line 2\n>>> '{line}'\nwrong number"
            assert CORE not in str(translate_refusal(said, "redis 7", "/etc/redis/main.conf", "main", ""))


def test_no_answer_of_a_server_shows_a_password() -> None:
    for password in PASSWORDS:
        for spelled in spellings(password):
            said = mask_texts(f"ERR unknown command, with args beginning with: {spelled}", [password])
            assert CORE not in said, spelled


def test_users_are_shown_without_passwords_and_hashes() -> None:
    for password in PASSWORDS:
        change = Change("app", ["on", f"#{password_digest(password)}", "~*"], ["on", f"#{password_digest('x')}"])
        assert password_digest(password) not in str(change) + show_rules(change.new or [])
        was = Seen("file", f"user app on #{password_digest(password)} ~*\n".encode())
        gone = parse_file({"path": "/etc/redis/main.acl", "state": "absent", "holds": "rules"})
        assert password_digest(password) not in str(show_diff(was, gone))


def test_a_change_of_a_password_is_seen_and_other_values_stay() -> None:
    old = {
        "port": 1,
        "password": "a",
        "sentinel_password": "same",
        "passwords": {"main": ["x", "y"]},
        "empty_password": "",
    }
    before, after = json_sides(json.dumps(old), json.dumps({**old, "password": "b", "port": 2}))
    assert json.loads(before) == {
        "port": 1,
        "password": MASK,
        "sentinel_password": MASK,
        "passwords": {"main": [MASK, MASK]},
        "empty_password": "",
    }
    assert json.loads(after) == {**json.loads(before), "port": 2, "password": f"{MASK} (new value)"}
    assert json_sides("", after)[0] == ""


def test_secrets_are_merged_into_json_only() -> None:
    entry = {"path": "/f", "content": '{"b": 1}', "secrets": {"passwords": {"main": "s"}}}
    assert json.loads(parse_file(entry).content) == {"b": 1, "passwords": {"main": "s"}}
    for content in ("no json", "[]"):
        with pytest.raises(BadConfig, match="JSON object"):
            parse_file({**entry, "content": content})


def _guard(password: str) -> Wanted:
    files = dict.fromkeys(("tls_ca_file", "tls_cert_file", "tls_key_file"))
    told = {"name": "main", "port": 6379, "guard": GUARD, "connection": {"tls": False, **files}}
    told["guard_secrets"] = {"password": password, "sentinel_password": password}
    return guard_files(told, {"path": "/etc/redis/main.conf"})[-1]


def _timer(password: str) -> Wanted:
    content = json.dumps({"me": "h1", "sets": [{"name": "main"}]})
    return parse_file(
        {"path": "/etc/quorum-redis/backup.json", "content": content, "secrets": {"passwords": {"main": password}}}
    )
