# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables as people type them, in a survey, after `-e` or in an inventory, read as their argument specs say."""

from __future__ import annotations

import difflib
import json
import re
from typing import Any, Callable, Dict, Iterable, List, Mapping, Sequence, Tuple

Spec = Mapping[str, Any]
WORDS = {
    **dict.fromkeys(("true", "yes", "on", "1", "y", "t"), True),
    **dict.fromkeys(("false", "no", "off", "0", "n", "f"), False),
}
# How a variable must begin that is meant for one of these, for a hint in a run of another verb.
VERBS = (
    *("backup", "certificates", "endpoint", "failover", "monitoring", "notify", "rebalance", "remove", "repair"),
    *("restart", "restore", "retire", "rotate", "status", "upgrade"),
)
# Verbs that leave roles and data of the servers as they are; there, and in `site`, a misspelt variable is a warning.
HARMLESS = ("", "certificates", "monitoring", "notify", "status")
DICT = 'give a dictionary, or one as JSON such as {"key": "value"}'


def read_options(specs: Mapping[str, Spec], values: Mapping[str, Any]) -> Tuple[Dict[str, Any], List[str]]:
    """Return the variables in their types, the default of what is not given, and a sentence for each without sense."""
    options: Dict[str, Any] = {}
    problems: List[str] = []
    for name, spec in specs.items():
        choices = spec.get("choices")
        try:
            value = convert_value(
                _unquoted(values.get(name), choices or []), spec.get("type", "str"), spec.get("elements", "str")
            )
        except ValueError as problem:
            problems.append(f"{name} {problem}.")
            continue
        if value is None:  # an empty text may be one of the choices
            value = "" if "" in (choices or []) and values.get(name) == "" else spec.get("default")
        if choices and value is not None and value not in choices:
            shown = ", ".join(str(choice) for choice in choices if choice != "")
            problems.append(f"{name} is {value!r}; use one of {shown}.")
        options[name] = value
    return options, problems


def _unquoted(value: Any, choices: Sequence[Any]) -> Any:
    """Return the word for which YAML reads a truth where it has no quotes: off is no text there."""
    words = {True: ("yes", "on", "true"), False: ("no", "off", "false")}
    meant = [word for word in words[value] if word in choices] if isinstance(value, bool) else []
    return meant[0] if meant else value


def convert_value(value: Any, kind: str, elements: str = "str") -> Any:
    """Return one value in its type; None when it is not given. ValueError: a sentence without its subject."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    return _READERS.get(kind, _raw)(value, elements)


def _raw(value: Any, _elements: str) -> Any:
    return value


def _text(value: Any, _elements: str) -> str:
    if isinstance(value, (Mapping, list, tuple)):
        raise ValueError(f"is {_named(value)}; give one text")
    return str(value)


def _truth(value: Any, _elements: str) -> bool:
    word = WORDS.get(str(value).strip().lower())
    if word is None:
        raise ValueError(f"is {_shown(value)}; give true or false")
    return word


def _number(read: Callable[[str], Any]) -> Callable[[Any, str], Any]:
    def reader(value: Any, _elements: str) -> Any:
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            raise ValueError(f"is {_shown(value)}; give a number")
        try:
            return read(str(value).strip())
        except ValueError:
            raise ValueError(f"is {_shown(value)}; give a number") from None

    return reader


def _list(value: Any, elements: str) -> List[Any]:
    items: Sequence[Any]
    if isinstance(value, str):
        text = value.strip()
        if text[0] in "[{":
            read = _json(text, "give values with commas between them, or a list as JSON")
            items = read if isinstance(read, list) else [read]
        else:
            items = [item.strip() for item in re.split(r"[,\n]", text)]
    else:
        items = value if isinstance(value, (list, tuple)) else [value]
    if elements == "dict" and not all(isinstance(item, Mapping) for item in items):
        raise ValueError("has an entry that is no dictionary; give a list of dictionaries, or that as JSON")
    return [read for read in (convert_value(item, elements) for item in items) if read is not None]


def _dict(value: Any, _elements: str) -> Dict[str, Any]:
    read = _json(value.strip(), DICT) if isinstance(value, str) else value
    if not isinstance(read, Mapping):
        raise ValueError(f"is {_named(read)}; {DICT}")
    return {key: read[key] for key in read}


def _json(text: str, todo: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise ValueError(f"is no JSON that can be read; {todo}") from None


def _named(value: Any) -> str:
    kinds = (("a list", (list, tuple)), ("a dictionary", Mapping), ("a text", str))
    return next((name for name, kind in kinds if isinstance(value, kind)), f"a {type(value).__name__}")


def _shown(value: Any) -> str:
    return repr(value) if isinstance(value, (str, int, float)) else _named(value)


_READERS: Dict[str, Callable[[Any, str], Any]] = {
    "bool": _truth,
    "dict": _dict,
    "float": _number(float),
    "int": _number(int),
    "list": _list,
    "path": _text,
    "str": _text,
}


def find_unknown(names: Iterable[str], known: Iterable[str], typed_now: Iterable[str]) -> List[str]:
    """Return a sentence for each variable that is none of ours and was meant to be: it would be ignored in silence.

    `typed_now` are those that somebody has typed for this run. One of the inventory may be of somebody else.
    """
    ours, now = sorted(known), set(typed_now)
    unknown = []
    for name in sorted({name for name in names if name.startswith("redis_")} - set(ours)):
        near = difflib.get_close_matches(name, ours, n=1, cutoff=0.75)
        alike = bool(difflib.get_close_matches(name, ours, n=1, cutoff=0.9))
        if alike or name in now or name.startswith(tuple(f"redis_{verb}_" for verb in VERBS)):
            hint = f"; is {near[0]} meant?" if near else "."
            unknown.append(f"{name} is no variable of this collection and has no effect{hint}")
    return unknown


def names_typed(texts: Iterable[str]) -> List[str]:
    """Return the variables that `-e` was given in these texts, `name=value` or JSON, not in files."""
    given = [text for text in texts if not text.startswith("@")]
    return [name for text in given for name in re.findall(r"\b(redis_\w+)['\"]?\s*[=:]", text)]
