# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""redis.conf text: what is written is what the engine's reader reads; secrets become stars."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._core.errors import BadConfig
from ansible_collections.quorum.redis.plugins.module_utils._model.conf_syntax import (
    collect_values,
    list_directives,
    mask_text,
    parse_directives,
    quote_word,
    render_file,
    split_words,
)


@pytest.mark.parametrize(
    ("word", "written"),
    [
        ("plain", "plain"),
        ("", '""'),
        ("two words", '"two words"'),
        ('a "quote"', '"a \\"quote\\""'),
        ("it's", '"it\'s"'),
        ("back\\slash", '"back\\\\slash"'),
        ("Ümläut", "Ümläut"),
        ("line\nbreak", '"line\\nbreak"'),
        ("bell\a\x01", '"bell\\a\\x01"'),
        ("#comment", "#comment"),
    ],
)
def test_a_word_is_quoted_so_that_the_engine_reads_it(word: str, written: str) -> None:
    assert quote_word(word) == written
    assert split_words(written) == [word]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("  save   900 1 ", ["save", "900", "1"]),
        ("a 'single \\' quoted' b", ["a", "single ' quoted", "b"]),
        ('"\\x41\\n" ""', ["A\n", ""]),
        ("back\\slash stays", ["back\\slash", "stays"]),
        ('in"side quotes"', ["inside quotes"]),
    ],
)
def test_words_are_read_as_the_engine_reads_them(text: str, words: list[str]) -> None:
    assert split_words(text) == words


@pytest.mark.parametrize("text", ['"open', "'open", '"closed"and more'])
def test_broken_quotes_are_an_error(text: str) -> None:
    with pytest.raises(BadConfig):
        split_words(text)


@pytest.mark.parametrize(
    ("parameters", "written"),
    [
        ({"maxmemory": "1gb"}, "maxmemory 1gb"),
        ({"port": 6379}, "port 6379"),
        ({"appendonly": True, "lazyfree-lazy-eviction": False}, "appendonly yes\nlazyfree-lazy-eviction no"),
        ({"save": ["900 1", "300 10"]}, "save 900 1\nsave 300 10"),
        ({"save": ""}, 'save ""'),
        ({"save": []}, ""),
        ({"requirepass": "two words"}, 'requirepass "two words"'),
        ({"requirepass": ""}, 'requirepass ""'),
        ({"loadmodule": '/m.so "one word" two'}, 'loadmodule /m.so "one word" two'),
        (
            {"sentinel": ["resolve-hostnames yes"], "sentinel announce-ip": "h1"},
            "sentinel resolve-hostnames yes\nsentinel announce-ip h1",
        ),
        ({"maxmemory": None, "hz": 10}, "hz 10"),
        ({"tls-protocols": "TLSv1.2 TLSv1.3"}, 'tls-protocols "TLSv1.2 TLSv1.3"'),
    ],
)
def test_parameters_become_lines(parameters: dict[str, Any], written: str) -> None:
    assert render_file(parameters, "") == written + "\n" if written else render_file(parameters, "") == ""


@pytest.mark.parametrize("parameters", [{"a\nb": 1}, {"": 1}, {"# x": 1}, {"hz": {"a": 1}}])
def test_what_is_no_parameter_is_an_error(parameters: dict[str, Any]) -> None:
    with pytest.raises(BadConfig):
        list_directives(parameters)


def test_text_is_read_back() -> None:
    parameters = {"Save": ["900 1", "300 10"], "requirepass": 'a "b" \\ ü'}
    assert collect_values(parse_directives(render_file(parameters, "head"))) == {
        "save": ["900 1", "300 10"],
        "requirepass": ['a "b" \\ ü'],
    }


def test_secrets_are_stars_in_any_form() -> None:
    text = (
        '# head\nrequirepass "s3cret word"\nMASTERAUTH s3cret\nuser joe on >s3cret ~*\nport 1\nlogfile s3cret\n'
        'sentinel auth-pass main s3cret\nsentinel announce-ip h1\nrequirepass "s3cret open\n'
        'requirepass "a\u2028s3cret"\nsentinel sentinel-pass q"s3cret\n'
    )
    shown = mask_text(text, {"logfile"}, {"masterauth": " (new value)"})
    assert "s3cret" not in shown
    assert "masterauth ******** (new value)\n" in shown
    assert "port 1\n" in shown
    assert "sentinel announce-ip h1\n" in shown
