# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people see instead of a secret. Values are replaced by their key before text is made of them."""

from __future__ import annotations

import json
import re
from typing import Any, Dict, Mapping, Sequence, Tuple

from .conf_syntax import MASK

NEW_VALUE = " (new value)"
UNREADABLE = "(holds passwords, and cannot be read: not shown)\n"
# Keys of our JSON files whose values are passwords, however deep they are; an exporter wants them by address.
_SECRET_KEY = re.compile(r"passwords?\Z|\Arediss?://")
_SECRET = re.compile(r"(?:(?<=\s)|^)[#!][0-9a-f]{64}|(?:(?<=\s)|^)[<>]\S+")


def hide_secrets(text: str) -> str:
    """Return the text without passwords and their hashes."""
    return _SECRET.sub("#" + MASK, text)


def json_sides(before: str, after: str) -> Tuple[str, str]:
    """Return two states of a JSON file for a diff; a password that changes is marked, and shown in neither."""
    old, new = _read(before), _read(after)
    return _shown(before, old, old), _shown(after, new, old)


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _shown(text: str, data: Any, old: Any) -> str:
    if not isinstance(data, (dict, list)):
        return UNREADABLE if text else ""
    return json.dumps(_masked(data, old, False), indent=4, ensure_ascii=False) + "\n"


def _masked(data: Any, old: Any, secret: bool) -> Any:
    """Return the data without values of secret keys; what is empty is none."""
    if isinstance(data, Mapping):
        before: Mapping[str, Any] = old if isinstance(old, Mapping) else {}
        pairs: Dict[str, Any] = {}
        for key, value in data.items():
            pairs[key] = _masked(value, before.get(key), secret or bool(_SECRET_KEY.search(key)))
        return pairs
    if isinstance(data, list):
        items: Sequence[Any] = old if isinstance(old, list) else []
        return [_masked(item, items[at] if at < len(items) else None, secret) for at, item in enumerate(data)]
    if not secret or data in ("", None):
        return data
    return MASK + (NEW_VALUE if old not in (data, None) else "")
