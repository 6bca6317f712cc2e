# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the controller's side of the topology makes of variables before the model is asked."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.quorum.redis.plugins.action import topology

ROOT = Path(__file__).resolve().parents[3]
# What a role reads of these it reads from the first task's result, where they have their types.
TYPED = re.compile(r"(?<![\w.'])redis_(engine|version|install_method|kernel_\w+)\b(?!')")


@pytest.mark.parametrize(
    ("name", "value", "alone"),
    [
        ("redis_kernel_somaxconn", None, True),
        ("redis_kernel_somaxconn", "", False),
        ("redis_kernel_somaxconn", "1024", False),
        ("redis_engine", None, False),
    ],
)
def test_null_leaves_the_kernel_alone(name: str, value: Any, alone: bool) -> None:
    assert topology._left_alone(name, value) is alone


@pytest.mark.parametrize("value", [None, "", [], ["a,b", "c"]])
def test_a_list_with_secrets_is_a_list(value: Any) -> None:
    specs = {"redis_sentinel_clients_passwords": {"type": "list", "elements": "str"}}
    assert topology._misshapen(specs, {"redis_sentinel_clients_passwords": value}) == []


def test_a_text_is_no_list_of_secrets() -> None:
    """A comma may be part of a password; letter by letter they would be passwords of one letter."""
    specs = {"redis_sentinel_clients_passwords": {"type": "list", "elements": "str"}}
    said = topology._misshapen(specs, {"redis_sentinel_clients_passwords": "a,b"})
    assert said == ["redis_sentinel_clients_passwords is a text; give a list."]


@pytest.mark.parametrize("verb", ["backup", "upgrade", "certificates"])
def test_what_a_verb_leaves_on_the_controller_is_found_again(verb: str) -> None:
    options = {"redis_backup_fetch": "vault", "redis_tls_authority": "vault", "redis_tls_authority_other": ""}
    (said,) = topology._lost(verb, options)
    assert "vault is no absolute path" in said
    assert topology._lost("site", options) == []


@pytest.mark.parametrize(
    ("carriers", "said"),
    [([], ""), (["r1", "s1"], ""), (["r1", "w1"], "w1"), (["app", "s1", "w1"], "app, w1"), (["s2"], "s2")],
)
def test_a_carrier_of_the_timer_without_data_is_named(carriers: list[str], said: str) -> None:
    """`s1` is of another deployment, `w1` has a Sentinel only."""
    groups = {"redis": ["r1"], "shop": ["s1"], "redis_sentinel": ["r1", "w1"], "redis_backup": carriers}
    shop = {"redis_group": "shop"}
    hostvars: dict[str, Any] = {"r1": {}, "w1": {}, "app": {}, "s1": shop, "s2": shop}
    found = topology._idle_timers({"groups": groups, "hostvars": hostvars, "redis_backup_group": "redis_backup"})
    assert [one.partition(":")[0] for one in found] == ([said] if said else [])


def read_raw(text: str) -> list[str]:
    """Return the uses of such a variable in expressions, without comments and messages."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    code = " ".join(re.findall(r"\{\{.*?\}\}|\{%.*?%\}", "\n".join(lines), re.DOTALL))
    return [found.group(0) for found in TYPED.finditer(re.sub(r"'[^']*'", "''", code))]


def test_roles_read_what_was_typed_from_the_first_task() -> None:
    files = [path for kind in ("tasks", "vars", "templates") for path in ROOT.glob(f"roles/*/{kind}/*")]
    raw = {str(path.relative_to(ROOT)): read_raw(path.read_text(encoding="utf-8")) for path in files if path.is_file()}
    assert {name: found for name, found in raw.items() if found} == {}
    assert read_raw("a: {{ redis_engine ~ x.redis_version }} # {{ redis_kernel_somaxconn }}") == [
        "redis_engine",
        "redis_kernel_somaxconn",
    ]
