# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""redis.conf text: a dictionary becomes lines, lines become words, secrets become stars.

The quoting rules are those of the engine's own reader (sdssplitargs): words are divided by blanks; double
quotes take the escapes backslash-n, -r, -t, -b, -a, -xHH; single quotes take only an escaped single quote.
"""

from __future__ import annotations

import json
import re
from typing import Any, Iterable, Mapping, NamedTuple, Sequence

from .._core.errors import BadConfig

MASK = "********"

# A string for one of these is a list of words, as it stands in redis.conf; for any other key it is one word.
WORDS = {
    "bind",
    "client-output-buffer-limit",
    "latency-tracking-info-percentiles",
    "loadmodule",
    "oom-score-adj-values",
    "rename-command",
    "replicaof",
    "save",
    "sentinel",
    "shutdown-on-sigint",
    "shutdown-on-sigterm",
    "slaveof",
    "user",
}

# Never shown. A directive whose words begin with one of these has the rest of its words masked.
SECRETS = (
    "requirepass",
    "masterauth",
    "primaryauth",
    "tls-key-file-pass",
    "tls-client-key-file-pass",
    "user",
    "sentinel auth-pass",
    "sentinel sentinel-pass",
)

_KEY = re.compile(r"[A-Za-z][\w.-]*(?: [\w.-]+)*\Z")
_PLAIN = re.compile(r"[^\s\"'\\\x00-\x1f\x7f]+\Z")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "a": "\a"}
_UNESCAPES = {"\\": "\\\\", '"': '\\"', **{real: "\\" + letter for letter, real in _ESCAPES.items()}}


class Line(NamedTuple):
    """One directive: `save 900 1` is Line("save", ("900", "1"))."""

    key: str
    args: Sequence[str]

    @property
    def text(self) -> str:
        """Return the line as it is written."""
        return " ".join([self.key, *(quote_word(word) for word in self.args)])


def quote_word(word: str) -> str:
    """Write one word so that the engine reads exactly this."""
    if _PLAIN.match(word):
        return word
    escaped = (
        _UNESCAPES.get(char) or (f"\\x{ord(char):02x}" if ord(char) < 32 or ord(char) == 127 else char) for char in word
    )
    return '"' + "".join(escaped) + '"'


def split_words(text: str) -> list[str]:
    """Return the words of a line as the engine reads them."""
    words: list[str] = []
    at, end = 0, len(text)
    while True:
        while at < end and text[at].isspace():
            at += 1
        if at == end:
            return words
        word = ""
        mark = ""
        while at < end and (mark or not text[at].isspace()):
            char = text[at]
            if not mark and char in "\"'":
                mark = char
            elif mark and char == mark:
                if at + 1 < end and not text[at + 1].isspace():
                    raise BadConfig("a closing quote must be followed by a blank", repr(text))
                mark = ""
            elif mark == '"' and re.match(r"\\x[0-9A-Fa-f]{2}", text[at : at + 4]):
                word += chr(int(text[at + 2 : at + 4], 16))
                at += 3
            elif (mark == '"' and char == "\\" and at + 1 < end) or (mark == "'" and text[at : at + 2] == "\\'"):
                at += 1
                word += _ESCAPES.get(text[at], text[at]) if mark == '"' else text[at]
            else:
                word += char
            at += 1
        if mark:
            raise BadConfig("a quote is not closed", repr(text))
        words.append(word)


def list_directives(parameters: Mapping[str, Any]) -> list[Line]:
    """Return directives in the order of the dictionary. A list repeats its key, null leaves it out."""
    directives: list[Line] = []
    for key, value in parameters.items():
        if not _KEY.match(key):
            raise BadConfig(f"{key!r} is not a configuration key")
        for item in value if isinstance(value, (list, tuple)) else [value]:
            if item is not None:
                directives.append(Line(key, _args(key, item)))
    return directives


def _args(key: str, value: Any) -> list[str]:
    if isinstance(value, bool):
        return ["yes" if value else "no"]
    if isinstance(value, (int, float)):
        return [str(value)]
    if not isinstance(value, str):
        raise BadConfig(f"the value of {key} is a {type(value).__name__}, not a string, number, boolean or list")
    return (split_words(value) or [""]) if key.split()[0].lower() in WORDS else [value]


def render_file(parameters: Mapping[str, Any], header: str) -> str:
    """Return the text of a configuration file."""
    head = [f"# {line}" for line in header.splitlines()]
    return "\n".join([*head, *(line.text for line in list_directives(parameters)), ""])


def split_rows(text: str) -> list[str]:
    """Return the lines as the engine divides them: Python knows more ends of lines, which a password may hold."""
    return text[:-1].split("\n") if text.endswith("\n") else text.split("\n") if text else []


def parse_directives(text: str) -> list[Line]:
    """Return the directives of a text; keys in lower case, a line that the engine could not read as one word."""
    directives: list[Line] = []
    for raw in split_rows(text):
        if raw.strip() and not raw.lstrip().startswith("#"):
            try:
                key, *args = split_words(raw)
            except BadConfig:
                key, *args = raw.split(None, 1)
            directives.append(Line(key.lower(), tuple(args)))
    return directives


def unquote_word(text: str) -> str:
    """Return a word that a Sentinel wrote: older ones write credentials without the quotes that they would need."""
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        try:
            words = split_words(text)
        except BadConfig:  # the quotes are part of it
            return text
        return words[0] if len(words) == 1 else text
    return text


def collect_values(directives: Iterable[Line]) -> dict[str, list[str]]:
    """Return key (lower case) -> the values of its lines, their words with one blank between them."""
    values: dict[str, list[str]] = {}
    for line in directives:
        values.setdefault(line.key.lower(), []).append(" ".join(line.args))
    return values


def is_secret(key: str, args: Sequence[str] = ()) -> bool:
    """Return whether the words after this key must be hidden."""
    words = " ".join([key, *args]).lower().split()
    return any(words[: len(secret)] == secret for secret in (entry.split() for entry in SECRETS))


def mask_text(text: str, hidden: set[str], changed: Mapping[str, str]) -> str:
    """Return the text for a diff: stars for the words of secret and `hidden` keys, with `changed[key]` behind."""
    shown: list[str] = []
    for raw in split_rows(text):
        mark = raw[: len(raw) - len(raw.lstrip("# "))]  # a directive that somebody has switched off is as secret
        for line in parse_directives(raw[len(mark) :]):
            if line.key in hidden or is_secret(line.key, line.args):
                raw = f"{mark}{line.key} {MASK}{changed.get(line.key, '')}"
        shown.append(raw)
    return "\n".join([*shown, ""]) if shown else ""


def own_password(text: str) -> str:
    """Return with what a Sentinel logs in to the others, from its own file; empty when it is not told."""
    rows = [row.split(None, 2) for row in split_rows(text)]
    rows = [words for words in rows if [word.lower() for word in words[:2]] == ["sentinel", "sentinel-pass"]]
    return unquote_word(rows[-1][2]) if rows and len(rows[-1]) > 2 else ""


def parse_state_file(text: str | None) -> dict[str, Any]:
    """Return digest and directives of the file that the process was started with."""
    if not text:
        return {"started_sha": "", "started_with": {}}
    first = re.match(r"# quorum\.redis: assembled from sha256:([0-9a-f]{64})\n", text)
    return {"started_sha": first.group(1) if first else "", "started_with": collect_values(parse_directives(text))}


def mask_texts(text: str, secrets: Iterable[str]) -> str:
    """Return a sentence of somebody else, a server or a library, without these secrets however it has quoted them."""
    spellings = {spelling for secret in secrets if secret for spelling in _spellings(secret)}
    for spelling in sorted(spellings, key=len, reverse=True):
        text = text.replace(spelling, MASK)
    return text


def _spellings(secret: str) -> list[str]:
    """Return a word as it is, in one line, as redis.conf, the engine, Python and JSON write it; without the quotes."""
    octets = secret.encode("utf-8", "surrogateescape").decode("latin-1")
    as_engine = "".join(_UNESCAPES.get(c) or (c if 31 < ord(c) < 127 else f"\\x{ord(c):02x}") for c in octets)
    as_json = [json.dumps(secret, ensure_ascii=ascii_only)[1:-1] for ascii_only in (True, False)]
    in_a_line = re.sub(r"[\r\n]", " ", secret)
    return [secret, in_a_line, quote_word(secret).strip('"'), as_engine, repr(secret)[1:-1], *as_json]
