# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hands compiled templates to the next process: each is compiled anew for each task and host, a quarter of a run."""

from __future__ import annotations

import hashlib
import marshal
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import CodeType
from typing import Any

import jinja2
from ansible.plugins.callback import CallbackBase
from ansible.release import __version__

DOCUMENTATION = """
name: compiled_templates
type: aggregate
short_description: Keep compiled templates from one run to the next
"""
LAB = Path(__file__).resolve().parents[3] / ".lab"
DIGEST = LAB / "collections" / "digest"  # of the collection that tools/install_collection has installed
# What decides beside the source how it is read: the fields of jinja2.lexer.get_lexer, and whether \\ is doubled.
READ_BY = (
    "block_start_string",
    "block_end_string",
    "variable_start_string",
    "variable_end_string",
    "comment_start_string",
    "comment_end_string",
    "line_statement_prefix",
    "line_comment_prefix",
    "trim_blocks",
    "lstrip_blocks",
    "newline_sequence",
    "keep_trailing_newline",
    "optimized",
)


def _backslashes() -> bool:
    from ansible._internal._templating._jinja_bits import _TemplateCompileContext  # not in 2.18

    context = _TemplateCompileContext.current(optional=True)
    return bool(context and context.escape_backslashes)


def keep(compiler: Callable[..., Any], place: Path) -> Callable[..., Any]:
    """Return jinja2's compiler with a store; what is compiled does not depend on variables, nor on the process."""

    def compile_once(self: jinja2.Environment, source: Any, *args: Any, **options: Any) -> Any:
        if args or options or self.optimized:  # a file of its own, or constants that filters have made already
            return compiler(self, source, *args, **options)
        how = [type(self).__name__, sorted(self.extensions), *(getattr(self, name) for name in READ_BY)]
        text = repr((type(source).__name__, str(source), _backslashes(), how))
        path = place / hashlib.sha256(text.encode()).hexdigest()
        try:
            return marshal.loads(path.read_bytes())  # noqa: S302 (written below)
        except FileNotFoundError:
            code: CodeType = compiler(self, source)
        part = path.with_name(f"{path.name}.{os.getpid()}.part")
        with suppress(OSError):  # the next one tries again
            part.write_bytes(marshal.dumps(code))
            part.replace(path)
        return code

    return compile_once


class CallbackModule(CallbackBase):
    """It is loaded before the first process is forked, and so is in all of them; ansible-core 2.18 goes without."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "compiled_templates"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        """Put the store in front of the compiler."""
        super().__init__()
        if DIGEST.exists() and tuple(map(int, __version__.split(".")[:2])) >= (2, 19):
            place = LAB / "built" / f"{__version__}-{jinja2.__version__}-{DIGEST.read_text()[:16]}-templates"
            place.mkdir(parents=True, exist_ok=True)
            jinja2.Environment.compile = keep(jinja2.Environment.compile, place)  # type: ignore[method-assign]
