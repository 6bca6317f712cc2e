# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wraps Display.display as ansible-runner does: marks around each text, written to the output of the process."""

from __future__ import annotations

import functools
import sys
from typing import Any, Callable

from ansible.plugins.callback import CallbackBase
from ansible.utils.display import Display

DOCUMENTATION = """
name: wrapped
type: aggregate
short_description: Write marks around each text that is displayed
"""


def marked(display: Callable[..., Any]) -> Callable[..., Any]:
    """Write a mark before each text."""

    @functools.wraps(display)
    def wrapper(*arguments: Any, **options: Any) -> Any:
        sys.stdout.write("begin of text\n")
        return display(*arguments, **options)

    return wrapper


Display.display = marked(Display.display)


class CallbackModule(CallbackBase):
    """Does nothing else."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "wrapped"
    CALLBACK_NEEDS_ENABLED = True
