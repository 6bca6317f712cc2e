# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The screen of the person who runs the play, from an action plugin."""

from __future__ import annotations

from ansible.utils.display import Display


def show(text: str) -> None:
    """Print it, as it is, in the process that owns the screen.

    Action plugins run in a worker. ansible-runner, which AWX and execution environments use, wraps Display.display in
    every process, and its wrapper writes to the standard output of the worker, for which Ansible warns. So the text
    goes where Display.display would send it.
    """
    screen = Display()
    queue = getattr(screen, "_final_q", None)
    if queue is None:
        screen.display(text)
    else:
        queue.send_display("display", text)
