# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables as surveys and `-e` give them: each spelling of a value is that value, and no sense is a sentence."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._model.options import (
    convert_value,
    find_unknown,
    names_typed,
    read_options,
)

SPECS: dict[str, dict[str, Any]] = {
    "redis_a_bool": {"type": "bool", "default": True},
    "redis_a_number": {"type": "int", "default": 5},
    "redis_a_list": {"type": "list", "elements": "str", "default": []},
    "redis_a_dict": {"type": "dict"},
    "redis_a_word": {"type": "str", "choices": ["none", "gzip"], "default": "none"},
}


@pytest.mark.parametrize(
    ("kind", "given", "expected"),
    [
        *(("bool", word, True) for word in (True, "true", "True", "yes", "1", 1, " on ", "Y")),
        *(("bool", word, False) for word in (False, "false", "no", "0", 0, "off")),
        *((kind, empty, None) for kind in ("bool", "int", "list", "dict", "str") for empty in (None, "", "  ", "\n")),
        ("int", "24", 24),
        ("int", " 7 ", 7),
        ("int", 3, 3),
        ("float", "1.5", 1.5),
        ("str", 20261122, "20261122"),
        ("str", "db2", "db2"),
        ("list", ["a", "b"], ["a", "b"]),
        ("list", "main", ["main"]),
        ("list", "main, other,", ["main", "other"]),
        ("list", "main\nother\n", ["main", "other"]),
        ("list", '["main", "other"]', ["main", "other"]),
        ("list", [], []),
        ("list", 7, ["7"]),
        ("dict", {"a": 1}, {"a": 1}),
        ("dict", '{"db1": "east"}', {"db1": "east"}),
    ],
)
def test_every_spelling_is_the_value(kind: str, given: Any, expected: Any) -> None:
    assert convert_value(given, kind) == expected


def test_a_list_of_dictionaries_may_be_json() -> None:
    assert (
        convert_value('[{"name": "main"}]', "list", "dict")
        == [{"name": "main"}]
        == convert_value('{"name": "main"}', "list", "dict")
    )


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"redis_a_bool": "perhaps"}, "redis_a_bool is 'perhaps'; give true or false."),
        ({"redis_a_bool": ["x"]}, "redis_a_bool is a list; give true or false."),
        ({"redis_a_number": "many"}, "redis_a_number is 'many'; give a number."),
        ({"redis_a_number": True}, "redis_a_number is True; give a number."),
        (
            {"redis_a_list": "[main"},
            "redis_a_list is no JSON that can be read; give values with commas between them, or a list as JSON.",
        ),
        (
            {"redis_a_dict": "db1: east"},
            'redis_a_dict is no JSON that can be read; give a dictionary, or one as JSON such as {"key": "value"}.',
        ),
        (
            {"redis_a_dict": ["x"]},
            'redis_a_dict is a list; give a dictionary, or one as JSON such as {"key": "value"}.',
        ),
        ({"redis_a_word": "xz"}, "redis_a_word is 'xz'; use one of none, gzip."),
        ({"redis_a_word": {}}, "redis_a_word is a dictionary; give one text."),
    ],
)
def test_what_has_no_sense_is_a_sentence(given: dict[str, Any], sentence: str) -> None:
    assert read_options(SPECS, given)[1] == [sentence]


@pytest.mark.parametrize("given", [{}, dict.fromkeys(SPECS), dict.fromkeys(SPECS, "")])
def test_what_is_not_given_has_its_default(given: dict[str, Any]) -> None:
    assert read_options(SPECS, given) == (
        {"redis_a_bool": True, "redis_a_number": 5, "redis_a_list": [], "redis_a_dict": None, "redis_a_word": "none"},
        [],
    )


@pytest.mark.parametrize(("given", "expected"), [(False, "off"), (True, "yes"), ("dual", "dual")])
def test_a_word_that_yaml_reads_as_a_truth(given: Any, expected: str) -> None:
    assert read_options({"redis_tls": {"type": "str", "choices": ["off", "dual", "yes"]}}, {"redis_tls": given}) == (
        {"redis_tls": expected},
        [],
    )


def test_an_empty_text_may_be_a_choice() -> None:
    spec = {"type": "str", "choices": ["never", "madvise", ""], "default": "madvise"}
    given = {"": "", None: "madvise", "never": "never"}
    assert {value: read_options({"redis_a": spec}, {"redis_a": value})[0]["redis_a"] for value in given} == given


def test_unknown_variables() -> None:
    """Those of somebody else pass, unless they were typed for this run."""
    known = ["redis_failover_to", "redis_failover_dead_primary", "redis_password", "redis_hosts"]
    inventory = ["redis_failover_too", "redis_exporter_port", "redis_pasword", "redis_hosts", "my_redis_hosts"]
    said = find_unknown(inventory, known, [])
    assert [sentence.split()[0] for sentence in said] == ["redis_failover_too", "redis_pasword"]
    assert said[0] == (
        "redis_failover_too is no variable of this collection and has no effect; is redis_failover_to meant?"
    )
    assert find_unknown(["redis_to"], known, ["redis_to"])[0].startswith("redis_to is no variable")
    assert find_unknown(["redis_zzz"], known, ["redis_zzz"]) == [
        "redis_zzz is no variable of this collection and has no effect."
    ]
    assert find_unknown(known, known, known) == []


def test_what_was_typed() -> None:
    texts = ["redis_a=1 redis_b='x y'", '{"redis_c": "redis_d", "redis_e": 1}', "@redis_f.yml", "other=redis_g"]
    assert names_typed(texts) == ["redis_a", "redis_b", "redis_c", "redis_e"]
